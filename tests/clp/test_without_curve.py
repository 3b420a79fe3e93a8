"""Customers without a life-cycle curve.

Oracles: simulated customers that grow, or keep their level; ratios and their bootstrap from sums
made here; and the same base without its later days.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.base import customer_base
from crmlib.clp.without_curve import (
    FEWEST,
    GROWING,
    Growth,
    growth_seen,
    own_average_with_growth,
    without_curve_notes,
)

LAST = 24


def growing(growth, months=LAST, won=40, seed=0):
    """Customers won in every month, that bring ``size (1 + growth (age - 1))`` but for noise."""
    random = np.random.default_rng(seed)
    rows = []
    for first in range(months):
        size = random.gamma(4.0, 25.0, won)
        for month in range(first, months):
            expected = size * (1 + growth * (month - first))
            bought = expected * random.gamma(4.0, 0.25, won)
            names = [f"C{first:02}-{i:03}" for i in range(won)]
            rows.append(pd.DataFrame({"customer_id": names, "month": month, "amount": bought}))
    table = pd.concat(rows, ignore_index=True)
    return table.assign(
        date=(pd.Period("2022-01") + table["month"]).map(lambda p: p.start_time),
        amount=table["amount"].round(2) + 0.01,
    )


def base_until(rows, months):
    known = rows[rows["month"] < months]
    end = (pd.Period("2022-01") + months - 1).end_time.date().isoformat()
    return customer_base(known, margin_rate=1.0, observed_until=end)


def young_sums(rows, known, ahead):
    """Averages held of customers won in the last seven months, and what they went on to bring."""
    first = rows.groupby("customer_id")["month"].transform("min")
    young = rows[first.between(known - 7, known - 1)]
    before, after = (
        young[part].groupby("customer_id")["amount"].sum()
        for part in (
            young["month"] < known,
            young["month"].between(known, known + ahead - 1),
        )
    )
    age = known - young.groupby("customer_id")["month"].min()
    return (ahead * before / age).to_numpy(), after.to_numpy()


@pytest.mark.parametrize("growth", [0.0, 0.3])
def test_the_ratio_is_that_of_young_customers_at_an_earlier_day(growth):
    rows = growing(growth)
    seen = growth_seen(base_until(rows, LAST), 6)
    held, came = young_sums(rows, LAST - 6, 6)
    assert (seen.customers, seen.periods) == (7 * 40, 6)
    assert seen.ratio == pytest.approx(came.sum() / held.sum())
    assert (seen.ratio > 1.8) == (growth > 0)
    random = np.random.default_rng(1)
    drawn = random.integers(0, len(held), (2000, len(held)))
    ratios = came[drawn].sum(axis=1) / held[drawn].sum(axis=1)
    assert seen.error == pytest.approx(ratios.std(), rel=0.1)


@pytest.mark.parametrize("growth", [0.0, 0.3])
def test_the_forecast_is_what_comes_and_its_intervals_hold(growth):
    """Nominal 90 %; an own average alone is right only without growth."""
    inside, misses = [], []
    for seed in range(4):
        rows = growing(growth, seed=seed)
        base = base_until(rows, LAST - 6)
        seen = growth_seen(base, 6)
        table = own_average_with_growth(base, seen, np.ones(6), 0.9).set_axis(base.customers)
        held, actual = young_sums(rows, LAST - 6, 6)
        first = rows.groupby("customer_id")["month"].min()
        names = first.index[first.between(LAST - 13, LAST - 7)]
        young = table.loc[names]
        assert young["held"].to_numpy() == pytest.approx(held)
        error = np.hypot(seen.error * held.sum(), np.sqrt((young["error"] ** 2).sum()))
        misses.append((young["profit"].sum() - actual.sum()) / error)
        if growth:
            assert held.sum() < 0.6 * actual.sum()
        inside.append((young["low"] <= actual) & (actual <= young["high"]))
    assert pd.concat(inside).mean() == pytest.approx(0.9, abs=0.05)
    assert np.abs(misses).max() < 3.5  # in standard errors


def test_nothing_after_the_last_day_is_used():
    rows = growing(0.3)
    base = base_until(rows, LAST)
    earlier = base.until(base.day_after(-6) - pd.Timedelta(days=1))
    assert growth_seen(earlier, 6) == growth_seen(base_until(rows, LAST - 6), 6)
    assert growth_seen(earlier, 6) != growth_seen(base, 6)


def test_the_earlier_day_leaves_half_of_the_history():
    base = base_until(growing(0.3, months=13), 13)
    seen = growth_seen(base, 24)
    assert seen.periods == 6
    told = without_curve_notes(base, 5, seen, 24)[0]
    assert "Seen over 6 months, it is held for 24." in told
    assert f"{seen.ratio:.2f} times" in told
    assert growth_seen(base_until(growing(0.3, months=1), 1), 3) is None


def test_with_too_few_such_customers_there_is_no_interval():
    base = base_until(growing(0.3, won=2), LAST)  # 2 in each of the last seven months
    assert FEWEST > 14
    assert growth_seen(base, 6) is None
    table = own_average_with_growth(base, None, np.array([0.9, 0.8]), 0.95)
    mean = base.history.table.groupby("customer_id")["profit"].mean()
    assert table["profit"].to_numpy() == pytest.approx(mean.to_numpy() * 1.7)
    assert table[["low", "high", "error"]].isna().all(axis=None)
    assert set(table["basis"]) == {"own average"}
    assert "no interval" in without_curve_notes(base, 14, None, 6)[0]


def test_losses_do_not_grow():
    rows = pd.DataFrame(
        {
            "customer_id": ["loss", "loss", "gain", "gone"],
            "date": pd.to_datetime(["2024-05-01", "2024-06-01", "2024-06-02", "2024-01-01"]),
            "amount": [10.0, 10.0, 50.0, 50.0],
            "cost": [20.0, 20.0, 20.0, 20.0],
        }
    )
    base = customer_base(rows, cost="cost", observed_until="2024-06-30")
    seen = Growth(ratio=2.0, error=0.1, spread=3.0, customers=21, periods=2)
    table = own_average_with_growth(base, seen, np.ones(2), 0.95).set_axis(base.customers)
    assert table["profit"].to_dict() == {"gain": 120.0, "gone": 0.0, "loss": -20.0}
    assert table["basis"].to_dict() == {
        "gain": GROWING,
        "gone": "not active lately",
        "loss": "own average",
    }
    # t of 20 degrees of freedom times the root of 9 * 60 + (0.1 * 60)^2
    assert table.loc["gain", "high"] == pytest.approx(120 + 2.085963 * np.sqrt(576), rel=1e-6)
    assert table.loc[["gone", "loss"], "low"].isna().all()
