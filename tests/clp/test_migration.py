"""Customers that skip periods and return.

Oracles: Pfeifer and Carraway's example as recomputed in the reference values, sums of the series,
simulated chains, every set of recencies that could be contacted, and counts by hand.
"""

import itertools
import json

import numpy as np
import pytest
from scipy import stats

from crmlib.clp.migration import (
    buying_probabilities,
    dwyer_migration,
    recency_probabilities,
)
from crmlib.errors import InputError
from tests.clp.test_dwyer import history_of

EXAMPLE = {"probabilities": [0.3, 0.2, 0.15, 0.05], "contribution": 40.0, "contact_cost": 4.0}


def test_the_published_example(shared):
    reference = json.loads((shared / "reference" / "clp.json").read_text())["migration_markov"]
    discounted = dwyer_migration(**EXAMPLE, rate=0.2, horizon=5)
    assert discounted.table["value_for_ever"].tolist() == pytest.approx(
        reference["discount_0.2_values"], abs=0.005
    )
    plain = dwyer_migration(**EXAMPLE, rate=0.0, horizon=5)
    assert plain.value[0] == pytest.approx(reference["no_discount_value_after_purchase"], abs=0.006)


@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_the_value_for_ever_is_the_sum_of_the_series(rate):
    result = dwyer_migration(**EXAMPLE, rate=rate, horizon=400)
    P, R = result.transition.to_numpy(), result.reward
    series = sum(np.linalg.matrix_power(P, t) @ R / (1 + rate) ** t for t in range(200))
    assert result.value == pytest.approx(series)
    assert result.table["value_over_horizon"].tolist() == pytest.approx(list(series[:-1]))
    assert result.table["to_come"].iloc[0] == pytest.approx(series[0] - 40)
    assert P.sum(axis=1) == pytest.approx(1)


def test_the_value_agrees_with_simulated_customers():
    random = np.random.default_rng(3)
    p, state, value = np.append(EXAMPLE["probabilities"], 0.0), np.zeros(200_000, int), 0.0
    reward = np.array([36.0, -4, -4, -4, 0])
    for t in range(60):
        value += reward[state] / 1.2**t
        buys = random.random(len(state)) < p[state]
        state = np.where(buys, 0, np.minimum(state + 1, 4))
    expected = dwyer_migration(**EXAMPLE, rate=0.2, horizon=60).table["value_over_horizon"].iloc[0]
    error = np.std(value) / np.sqrt(len(value))
    assert np.mean(value) == pytest.approx(expected, abs=4 * error)


def test_the_cohort_by_hand():
    # Of 1,000 buyers 300 buy in period 1. In 2: 0.3 * 300 + 0.2 * 700 = 230. In 3:
    # 0.3 * 230 + 0.2 * 210 + 0.15 * 560 = 195.
    result = dwyer_migration(**EXAMPLE, rate=0.1, horizon=4, start=[1_000])
    cohort = result.cohort
    assert cohort["buyers"].iloc[:4].tolist() == pytest.approx([1000, 300, 230, 195])
    # Who never came back in four periods is dropped: 1,000 * 0.7 * 0.8 * 0.85 * 0.95.
    assert cohort["dropped"].iloc[4] == pytest.approx(452.2)
    assert cohort["contacted"].iloc[:4].tolist() == [1000] * 4
    assert cohort["cumulative"].iloc[-1] == pytest.approx(
        1_000 * result.table["value_over_horizon"].iloc[0]
    )
    mixed = dwyer_migration(**EXAMPLE, rate=0.1, horizon=4, start=[2, 0, 3])
    assert mixed.cohort["cumulative"].iloc[-1] == pytest.approx(
        2 * mixed.table["value_over_horizon"].iloc[0]
        + 3 * mixed.table["value_over_horizon"].iloc[2]
    )


def value_when_contacting(p, contacted, contribution, cost, rate):
    """To come for each recency when those of a row are contacted: the series, summed."""
    to_come = np.zeros((len(contacted), len(p) + 1))
    for _ in range(160):
        bought = contribution + to_come[:, :1]
        now = -cost + (p * bought + (1 - p) * to_come[:, 1:]) / (1 + rate)
        to_come[:, :-1] = np.where(contacted, now, 0.0)
    return to_come[:, :-1]


def test_the_cut_off_is_the_best_of_all_ways_to_contact():
    random = np.random.default_rng(4)
    ways = np.array(list(itertools.product([False, True], repeat=5)))
    up_to = np.arange(5) < np.arange(6)[:, None]
    cut_offs = set()
    for _ in range(25):
        p = random.uniform(0, 0.5, 5)
        if random.random() < 0.7:
            p = -np.sort(-p)
        cost = random.uniform(0, 12)
        result = dwyer_migration(p, 40, cost, 0.15, horizon=3)
        # One way to contact is the best for every recency at once.
        best = value_when_contacting(p, ways, 40, cost, 0.15).max(axis=0)
        assert result.table["best_to_come"].tolist() == pytest.approx(list(best), abs=1e-6)
        new = value_when_contacting(p, up_to, 40, cost, 0.15)[:, 0]
        assert new[result.cut_off] == pytest.approx(new.max(), abs=1e-6)
        cut_offs.add(result.cut_off)
    assert len(cut_offs) > 2


def test_contacts_that_cost_nothing_always_pay_and_dear_ones_never():
    assert dwyer_migration([0.3, 0.1], 40, 0, 0.1, horizon=2).cut_off == 2
    dear = dwyer_migration([0.3, 0.1], 40, 1_000, 0.1, horizon=2)
    assert dear.cut_off == 0
    assert dear.table["best_to_come"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"probabilities": [0.3, 20]}, r"recency 2=20 means 2000%. Did you mean 0\.2"),
        ({"probabilities": []}, "give one for each recency"),
        ({"rate": 20.0}, r"Did you mean 0\.2"),
        ({"probabilities": [1.0, 0.2], "rate": 0.0}, "worth without end"),
        ({"contact_cost": -1.0}, "0 or more"),
        ({"contribution": np.nan}, "as money"),
        ({"horizon": 0}, "at least one period"),
        ({"start": [1, 1, 1, 1, 1]}, "at most 4 recencies"),
        ({"start": [0]}, "not all 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed, words):
    with pytest.raises(InputError, match=words):
        dwyer_migration(**{**EXAMPLE, "rate": 0.2, "horizon": 4, **changed})


def test_probabilities_counted_by_hand():
    rows = [[1, 1, 0, 1, 0]] * 40 + [[1, 0, 0, 0, 0]] * 20
    result = recency_probabilities(history_of(rows))
    table = result.table
    # Recency 1: the 40 in t = 1, 2, 4, the 20 in t = 1. Recency 2: 40 in t = 3, 20 in t = 2.
    # Recency 3 and 4: the 20 alone, too few apart, enough together.
    assert table["recency"].tolist() == [1, 2, 3]
    assert table["observations"].tolist() == [140, 60, 40]
    assert table["bought"].tolist() == [40, 40, 0]
    assert table["probability"].tolist() == pytest.approx([40 / 140, 40 / 60, 0])
    assert table["or_longer"].tolist() == [False, False, True]
    # Once a customer in recency 2: the plain interval of 40 of 60.
    expected = stats.binomtest(40, 60).proportion_ci(method="wilson")
    assert table["low"].iloc[1] == pytest.approx(expected.low)
    assert result.recency.iloc[[0, -1]].tolist() == [2, 5]
    assert result.profit["profit"].tolist() == pytest.approx([10, 0])
    assert result.profit["observations"].tolist() == [140, 160]


def test_known_probabilities_are_found():
    # 200 simulated bases of 150 customers over 15 periods: the interval of recency 2 holds the
    # truth in 95 %; binomial standard error 1.5 points.
    random, truth, held = np.random.default_rng(8), np.array([0.5, 0.3, 0.1]), []
    for _ in range(200):
        bought, recency = [np.ones(150, dtype=int)], np.zeros(150, dtype=int)
        for _ in range(14):
            buys = random.random(150) < truth[recency]
            bought.append(buys.astype(int))
            recency = np.where(buys, 0, np.minimum(recency + 1, 2))
        row = recency_probabilities(history_of(np.array(bought).T)).table.iloc[1]
        held.append(row["low"] <= truth[1] <= row["high"])
    assert 0.90 <= np.mean(held) <= 0.99


def test_customers_that_differ_widen_the_interval():
    # Half buy always, half in one period of two at random: n is customers, not periods.
    random = np.random.default_rng(9)
    rows = [[1] * 12] * 50 + [[1, *(random.random(11) < 0.5).astype(int)] for _ in range(50)]
    row = recency_probabilities(history_of(rows)).table.iloc[0]
    plain = stats.binomtest(int(row["bought"]), int(row["observations"])).proportion_ci(
        method="wilson"
    )
    assert row["high"] - row["low"] > 1.5 * (plain.high - plain.low)


def test_probabilities_further_ahead_are_those_of_a_simulated_chain():
    random, p = np.random.default_rng(10), np.array([0.4, 0.2, 0.05])
    ahead = buying_probabilities(p, 5)
    for start in range(3):
        recency, shares = np.full(200_000, start), []
        for _ in range(5):
            buys = random.random(len(recency)) < p[recency]
            shares.append(buys.mean())
            recency = np.where(buys, 0, np.minimum(recency + 1, 2))
        assert ahead[start] == pytest.approx(shares, abs=0.005)


def test_a_history_of_one_period_is_refused():
    with pytest.raises(InputError, match="no month after that of the first purchase"):
        recency_probabilities(history_of([[1]] * 5))
