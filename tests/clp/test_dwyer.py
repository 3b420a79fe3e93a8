"""Customers lost for good.

Oracles: the course's subscribers by hand; present values as geometric series; retention counted
by hand in a small history and known by construction in a simulated one; scipy for Wilson.
"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.clp.dwyer import dwyer_retention, retained_shares, retention_rates
from crmlib.clp.history import ProfitHistory
from crmlib.clp.shares import cells_together, mean_interval, means_by_cell, wilson_interval
from crmlib.errors import InputError


def history_of(bought, profit=10.0, period="month"):
    """Profit history of customers given as rows of purchases per period since the first."""
    purchases = np.concatenate([np.asarray(row) for row in bought])
    life = [len(row) for row in bought]
    table = pd.DataFrame(
        {
            "customer_id": np.repeat([f"C{number:05d}" for number in range(len(life))], life),
            "t": np.concatenate([np.arange(1, n + 1) for n in life]),
            "profit": purchases * profit,
            "revenue": purchases * 2 * profit,
            "purchases": purchases,
        }
    )
    empty = pd.DataFrame(columns=["period", "purchases", "revenue", "customers"])
    day = dt.date(2024, 1, 1)
    return ProfitHistory(table, period, day, day, empty)


def test_the_subscribers_of_the_course():
    result = dwyer_retention(1_000, (0.7, 0.8), 50, (30, 20, 20), 0.1, years=4)
    assert result.table["customers"].tolist() == pytest.approx([1000, 700, 560, 448])
    assert result.table["profit"].tolist() == pytest.approx([20_000, 21_000, 16_800, 13_440])
    value = 20_000 / 1.1 + 21_000 / 1.21 + 16_800 / 1.331 + 13_440 / 1.4641
    assert result.value == pytest.approx(value)
    assert result.value_per_customer == pytest.approx(value / 1_000)
    assert result.table["cumulative"].iloc[-1] == pytest.approx(value)


def test_a_constant_retention_is_a_geometric_series():
    # sum of (r / (1 + d))^k = 1 / (1 - r / (1 + d)) after many years.
    result = dwyer_retention(1, 0.8, 5, 3, 0.25, years=300, when="start")
    assert result.value == pytest.approx(2 / (1 - 0.8 / 1.25))
    end = dwyer_retention(1, 0.8, 5, 3, 0.25, years=300)
    assert end.value * 1.25 == pytest.approx(result.value)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"retention": 70}, r"Did you mean 0\.7"),
        ({"retention": (0.7, np.nan)}, "retention: give one number"),
        ({"rate": 12.0}, r"Did you mean 0\.12"),
        ({"start": 0}, "number of customers in the first year"),
        ({"years": 0}, "at least one year"),
        ({"retention": (0.7, 0.8, 0.9, 0.9)}, "4 numbers for 3 steps from year to year"),
        ({"cost": [1, 2, 3, 4, 5]}, "5 numbers for 4 years"),
        ({"when": "middle"}, 'when="middle"'),
    ],
)
def test_what_cannot_be_meant_is_refused(changed, words):
    given = {"start": 1_000, "retention": 0.7, "revenue": 50, "cost": 30, "rate": 0.1, "years": 4}
    with pytest.raises(InputError, match=words):
        dwyer_retention(**given | changed)


def test_retention_counted_by_hand():
    # With left_after 2: 40 customers quiet since their first purchase, 40 that came back in
    # period 3, 20 quiet only in the last period, of which nothing is known after period 3.
    rows = [[1, 0, 0, 0, 0]] * 40 + [[1, 0, 1, 0, 0]] * 40 + [[1, 1, 1, 1, 0]] * 20
    rates = retention_rates(history_of(rows), left_after=2)
    table = rates.table
    assert table["customers"].tolist() == [100, 60, 60]
    assert table["lost"].tolist() == [40, 0, 40]
    assert table["retention"].tolist() == pytest.approx([0.6, 1, 1 / 3])
    assert table["survival"].tolist() == pytest.approx([1, 0.6, 0.6])
    assert table["profit"].tolist() == pytest.approx([10, 10 * 20 / 60, 10])
    expected = stats.binomtest(60, 100).proportion_ci(method="wilson")
    assert table[["low", "high"]].iloc[0].tolist() == pytest.approx([expected.low, expected.high])
    # Greenwood with one step is the binomial variance, so survival has the interval of retention.
    assert table["survival_low"].iloc[1] == pytest.approx(expected.low)
    assert rates.constant[["customer_periods", "lost"]].iloc[0].tolist() == [220, 80]
    assert "80 of 100 customers" in rates.note
    assert not table["pooled"].any()


def test_silence_tells_who_is_still_there():
    rows = [[1, 0, 0, 0, 0]] * 40 + [[1, 0, 1, 0, 0]] * 40 + [[1, 1, 1, 1, 0]] * 20
    quiet = retention_rates(history_of(rows), left_after=2).quiet
    # Steps known: t = 1, 2, 3. Bought once: quiet 0, 100 in t = 1; quiet 1, 80 in t = 2. More:
    # quiet 0, 20 in t = 2 and 60 in t = 3; nobody quiet for longer, so the share before holds.
    assert quiet["bought_once"].tolist() == [True, True, False, False]
    assert quiet["quiet"].tolist() == [0, 1, 0, 1]
    assert quiet["silences"].tolist() == [100, 80, 80, 0]
    shares = [60 / 100, 40 / 80, (20 + 20) / 80]
    assert quiet["still_there"].tolist()[:3] == pytest.approx(shares)
    assert (quiet["low"] < quiet["still_there"])[:3].all()


def test_who_bought_once_is_told_from_who_came_back_before():
    """Of 60 that bought once nobody returned; 40 others buy every second period."""
    rows = [[1] + [0] * 9] * 60 + [[1, 0] * 5] * 40
    rates = retention_rates(history_of(rows), left_after=3)
    shares = retained_shares(rates, np.array([2, 8]), np.array([1, 1]), 1)[:, 0]
    # 40 of 100 returned from the first silence; of the later ones all that could be watched did.
    assert shares.tolist() == pytest.approx([0.4, 1.0])


def test_thin_periods_of_tenure_are_counted_together():
    rows = [[1, 0, 0]] * 70 + [[1, 1, 1, 1, 0, 0]] * 20 + [[1, 1, 1, 1, 1, 1]] * 15
    rates = retention_rates(history_of(rows), left_after=2).table
    # t = 2, 3, 4: 35 customers each; a short history of 3 periods shows t = 1 alone.
    assert rates["customers"].tolist() == [105, 35, 35, 35]
    rates = retention_rates(history_of(rows[:-10]), left_after=2).table
    assert rates["customers"].tolist() == [95, 25, 25, 25]
    assert rates["pooled"].tolist() == [False, True, True, True]
    assert rates["retention"].tolist() == pytest.approx([25 / 95] + [55 / 75] * 3)
    # 75 steps of 25 customers, each with at most one loss: no more information than in 75.
    low, high = wilson_interval(55 / 75, 75, 0.95)
    assert rates[["low", "high"]].iloc[3].tolist() == pytest.approx([float(low), float(high)])


def simulated(customers, retention, buying, periods, random):
    """Customers that leave after a period with probability 1 - retention, else buy or not."""
    length = np.minimum(random.geometric(1 - retention, customers), periods)
    bought = random.random((customers, periods)) < buying
    bought[:, 0] = True
    return (bought & (np.arange(periods) < length[:, None])).astype(int)


def test_a_known_retention_is_found_and_late_silence_is_not_taken_for_loss():
    # Buying surely in every period as a customer, retention 0.9 at every tenure. 60 histories:
    # each nominal 95 % interval holds the truth in 95 %, binomial standard error 2.8 points.
    held = []
    for seed in range(60):
        bought = simulated(600, 0.9, 1.0, 16, np.random.default_rng(seed))
        rates = retention_rates(history_of(bought), left_after=3)
        assert len(rates.table) == 13
        row, whole = rates.table.iloc[9], rates.constant.iloc[0]
        held.append(
            (
                row["low"] <= 0.9 <= row["high"],
                row["survival_low"] <= 0.9**9 <= row["survival_high"],
                whole["low"] <= 0.9 <= whole["high"],
            )
        )
    assert (np.mean(held, axis=0) > 0.87).all()


def test_the_future_of_a_group_is_foreseen():
    # Forecast made from the first 24 periods, held against the next 6, for customers that skip
    # two purchases of five: the share expected to be customers, in the group and its parts.
    random = np.random.default_rng(6)
    bought = simulated(6_000, 0.93, 0.6, 60, random)
    seen = [row[: 24 - age] for row, age in zip(bought, np.arange(6_000) % 12, strict=True)]
    rates = retention_rates(history_of(seen), left_after=6)
    life = np.array([len(row) for row in seen])
    last = np.array([np.flatnonzero(row).max() + 1 for row in seen])
    expected = retained_shares(rates, life, life - last, 6)
    final = np.array([np.flatnonzero(row).max() + 1 for row in bought])
    actual = final[:, None] >= life[:, None] + np.arange(1, 7)
    assert expected.sum(axis=0) == pytest.approx(actual.sum(axis=0), rel=0.06)
    active = life - last == 0
    assert expected[active].sum() == pytest.approx(actual[active].sum(), rel=0.06)
    assert (expected[life - last >= 6] == 0).all()


def test_profit_after_the_last_purchase_of_the_lost_is_told():
    history = history_of([[1, 0, 0, 0]] * 30)
    history.table.loc[history.table["t"] == 3, "profit"] = -2.5
    assert "-75.00 of profit" in retention_rates(history, left_after=3).note


def test_histories_too_short_are_refused():
    with pytest.raises(InputError, match="observed for longer than 6 months"):
        retention_rates(history_of([[1, 1, 0]] * 5))
    with pytest.raises(InputError, match="left_after=0"):
        retention_rates(history_of([[1, 1, 0]] * 5), left_after=0)
    with pytest.raises(InputError, match=r"confidence=95"):
        retention_rates(history_of([[1, 1, 0]] * 5), left_after=1, confidence=95)


def test_one_customer_and_nobody_lost():
    rates = retention_rates(history_of([[1, 1, 1, 1]]), left_after=2)
    assert rates.table["retention"].tolist() == [1, 1]
    assert rates.constant["low"].item() == pytest.approx(wilson_interval(1.0, 1, 0.95)[0])
    assert np.isnan(rates.constant["profit_low"].item())


def test_wilson_agrees_with_scipy():
    for hits, n in ((0, 9), (3, 17), (250, 250), (1, 2)):
        expected = stats.binomtest(hits, n).proportion_ci(0.9, method="wilson")
        assert [float(x) for x in wilson_interval(hits / n, n, 0.9)] == pytest.approx(
            [expected.low, expected.high], abs=1e-12
        )
    assert np.isnan(wilson_interval(0.0, 0, 0.9)[0])


def test_the_variance_of_a_mean_counts_customers_not_rows():
    # Every value five times over: the mean of as many customers, not five times as sure.
    values = np.random.default_rng(2).normal(3, 2, 40)
    cell = np.zeros(200, dtype=np.int64)
    n, m, mean, variance = means_by_cell(cell, np.repeat(np.arange(40), 5), np.repeat(values, 5), 1)
    assert (n.item(), m.item()) == (200, 40)
    low, high = mean_interval(mean, variance, m, 0.95)
    expected = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert [low.item(), high.item()] == pytest.approx(list(expected))


def test_cells_are_joined_only_where_few():
    assert cells_together(np.array([90, 50, 30])).tolist() == [0, 1, 2]
    assert cells_together(np.array([90, 50, 29, 20])).tolist() == [0, 1, 2, 2]
    assert cells_together(np.array([90, 50, 5, 4])).tolist() == [0, 1, 1, 1]
    assert cells_together(np.array([9, 5])).tolist() == [0, 0]
