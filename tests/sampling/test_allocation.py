"""Allocation.

Oracles: every integer allocation of small cases, four exact Neyman allocations, PracTools'
allocations in fractions (values carried here from the reference file), and identities.
"""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.errors import InputError
from crmlib.sampling import allocation
from crmlib.sampling.allocation import allocate, stratified_variance

# PracTools' example; strAlloc was run on it
NH = [215, 65, 252, 50, 149, 144]
SH = [26787207, 10645109, 6909676, 11085034, 9817762, 44553355]
CH = [1400, 200, 300, 600, 450, 1000]


def strata(population, sd=None, cost=None, **columns):
    table = pd.DataFrame(
        {"stratum": [f"S{h}" for h in range(len(population))], "population": population}
    )
    given = {"sd": sd, "cost": cost} | columns
    return table.assign(**{name: values for name, values in given.items() if values is not None})


HOSPITALS = strata(NH, SH, CH)


def sizes(*arguments, **options):
    return allocate(*arguments, **options).table["n"].tolist()


def every_allocation(lower, upper):
    """All integer allocations within the bounds, one a row."""
    ranges = [range(low, high + 1) for low, high in zip(lower, upper, strict=True)]
    return np.array(list(itertools.product(*ranges)))


def aims(table, method, power):
    """The a of the sum of a^2 / n that each method minimises, from the definition."""
    N, S = table["population"].to_numpy(), table["sd"].to_numpy()
    C, mean = table["cost"].to_numpy(), table["mean"].to_numpy()
    return {
        "proportional": N,
        "equal": np.ones(len(N)),
        "neyman": N * S,
        "cost": N * S / np.sqrt(C),
        "power": (N * mean) ** power * S / mean,
    }[method]


@st.composite
def small_cases(draw, most_strata=4):
    """Small strata with bounds that can be kept."""
    count = draw(st.integers(1, most_strata))

    def column(element):
        return draw(st.lists(element, min_size=count, max_size=count))

    table = strata(
        column(st.integers(1, 12)),
        column(st.sampled_from([0.0, 0.1, 1.0, 1.5, 2.0, 7.0])),
        column(st.sampled_from([1.0, 2.5, 3.0, 7.0, 10.0, 11.3])),
        mean=column(st.sampled_from([0.5, 1.0, 3.0])),
    )
    N = table["population"].to_numpy()
    minimum = np.array([draw(st.integers(1, most)) for most in N])
    maximum = np.array([draw(st.integers(a, b)) for a, b in zip(minimum, N, strict=True)])
    return table, minimum, maximum, draw(st.floats(0, 1))


METHODS = ["proportional", "equal", "neyman", "cost", "power"]


@settings(max_examples=60, deadline=None)
@given(case=small_cases(), data=st.data())
def test_no_other_allocation_of_n_is_better(case, data):
    table, minimum, maximum, exponent = case
    table["sd"] += table["sd"].eq(0).all()
    low, high = int(minimum.sum()), int(maximum.sum())
    units = data.draw(st.integers(max(low, 1), high))
    every = every_allocation(minimum, maximum)
    every = every[every.sum(1) == units]
    named = table["stratum"].tolist()
    for method in METHODS:
        result = allocate(
            table,
            units,
            method,
            minimum=dict(zip(named, minimum.tolist(), strict=True)),
            maximum=pd.Series(maximum, index=named),
            power=exponent,
        )
        n = result.table["n"].to_numpy()
        assert n.sum() == result.n == units
        assert (n >= minimum).all()
        assert (n <= maximum).all()
        a = aims(table, method, exponent)
        least = (a**2 / every).sum(1).min()
        assert (a**2 / n).sum() == pytest.approx(least, rel=1e-12)
        assert result.gap == 0


@settings(max_examples=150, deadline=None)
@given(case=small_cases(), share=st.floats(0, 1))
def test_no_other_allocation_within_the_budget_is_better(case, share):
    table, minimum, maximum, _ = case
    table["sd"] += table["sd"].eq(0).all()
    cost = table["cost"].to_numpy()
    budget = cost @ minimum + share * (cost @ (maximum - minimum))
    named = table["stratum"].tolist()
    result = allocate(
        table,
        method="cost",
        budget=budget,
        minimum=pd.Series(minimum, index=named),
        maximum=pd.Series(maximum, index=named),
    )
    n = result.table["n"].to_numpy()
    assert result.cost == pytest.approx(cost @ n)
    assert result.cost <= budget * (1 + 1e-9)
    assert (n >= minimum).all()
    assert (n <= maximum).all()
    every = every_allocation(minimum, maximum)
    every = every[every @ cost <= budget * (1 + 1e-12)]
    N, S = (table[name].to_numpy(dtype=float) for name in ("population", "sd"))
    least = min(stratified_variance(N, S, other) for other in every)
    assert result.variance <= least * (1 + 1e-9) + 1e-15
    assert result.gap == 0
    assert n[S == 0].tolist() == minimum[S == 0].tolist()  # no money where nothing is gained


@pytest.mark.parametrize("case", range(4))
def test_exact_neyman_allocations_of_the_reference(shared, case):
    # by exhaustive greedy marginal gain
    reference = json.loads((shared / "reference" / "sampling.json").read_text())
    wanted = reference["allocation_exact"][case]
    table = strata(wanted["N"], wanted["S"])
    found = sizes(table, wanted["n"], "neyman", minimum=wanted["min"])
    assert found == wanted["exact_neyman"]


def test_variance_agrees_with_practools():
    # strAlloc for n = 100: allocation in fractions and the standard error it gives
    fractions = [34.6416828348, 4.16194710978, 10.4734873315]
    fractions += [3.33380444542, 8.79897037999, 38.5901078984]
    variance = stratified_variance(*(np.array(v, dtype=float) for v in (NH, SH, fractions)))
    assert math.sqrt(variance) == pytest.approx(1727172.85683, rel=1e-9)
    whole = allocate(HOSPITALS, 100, "neyman")
    assert 1727172.85683 < whole.standard_error < 1727172.85683 * 1.001
    assert abs(whole.table["n"] - fractions).max() < 1
    assert whole.standard_error == pytest.approx(math.sqrt(whole.variance))


@pytest.mark.parametrize(
    ("budget", "least"), [(100_000, 1636052.83078), (341_603.787090, 583209.05)]
)
def test_a_budget_buys_nearly_what_practools_buys_with_fractions_of_units(budget, least):
    # strAlloc with ch and a budget, and with ch and a coefficient of variation of 0.05
    found = allocate(HOSPITALS, method="cost", budget=budget)
    assert found.cost <= budget
    assert least < found.standard_error < least * 1.001
    assert found.gap == 0


def test_proportional_and_cost_shares_agree_with_practools():
    # strAlloc: proportional for n = 100; with costs 118.874 units in all
    proportional = [24.5714285714, 7.42857142857, 28.8, 5.71428571429, 17.0285714286]
    proportional += [16.4571428571]
    assert abs(np.array(sizes(HOSPITALS, 100, "proportional")) - proportional).max() < 1
    cost = [30.6054034137, 9.72847358639, 19.9891270992, 4.49912066759, 13.7116192127]
    cost += [40.3403013276]
    assert abs(np.array(sizes(HOSPITALS, 119, "cost")) - cost).max() < 1


def test_a_large_allocation_is_as_good_as_its_conditions_say():
    # At the optimum no exchange of one unit between two strata lowers the sum.
    random = np.random.default_rng(1)
    N = random.integers(2, 100_000, 300)
    table = strata(N, random.lognormal(0, 1, 300))
    n = np.array(sizes(table, 500_000, "neyman"))
    a2 = (N * table["sd"].to_numpy()) ** 2
    next_gain = np.where(n < N, a2 / (n * (n + 1.0)), 0)
    last_gain = np.where(n > np.minimum(N, 2), a2 / (n * np.maximum(n - 1.0, 1)), np.inf)
    assert n.sum() == 500_000
    assert next_gain.max() <= last_gain.min() * (1 + 1e-12)


@pytest.mark.parametrize("limit", ["MOST_SWAPS", "MOST_STATES"])
def test_what_a_budget_too_intricate_to_search_may_miss_is_bounded(monkeypatch, limit):
    # The search cut short, against the same cases searched to the end.
    random = np.random.default_rng(2)
    not_proved = 0
    for _ in range(60):
        count = random.integers(2, 12)
        table = strata(
            random.integers(2, 5000, count),
            random.lognormal(0, 1, count),
            random.uniform(1, 20, count).round(1),
        )
        budget = 20 * count * random.uniform(2, 40)
        exact = allocate(table, method="cost", budget=budget)
        if exact.gap:
            continue
        with monkeypatch.context() as patched:
            patched.setattr(allocation, limit, 2)
            cut = allocate(table, method="cost", budget=budget)
        assert cut.variance - cut.gap <= exact.variance * (1 + 1e-12)
        assert exact.variance <= cut.variance * (1 + 1e-12)
        assert cut.cost <= budget
        assert cut.gap < 0.1 * cut.variance
        not_proved += cut.gap > 0
    assert not_proved > 20


def test_power_allocation_lies_between_its_ends():
    # power 1 is Neyman's, power 0 goes by the coefficients of variation (Bankier 1988)
    table = strata([5000, 500, 50], [2.0, 3.0, 4.0], mean=[7.0, 6.0, 8.0])
    assert sizes(table, 60, "power", power=1) == sizes(table, 60, "neyman")
    even = strata([5000, 500, 50], [7.0, 6.0, 8.0], mean=[7.0, 6.0, 8.0])
    assert sizes(even, 60, "power", power=0) == [20, 20, 20]
    # square roots of 5000 : 500 : 50 with equal means and sd: 70.6, 22.3, 7.1 of 100
    assert sizes(strata([5000, 500, 50], [1.0] * 3), 100, "power") == [71, 22, 7]


def test_result_table_and_bounds():
    table = strata([900, 80, 3, 400], [1.0, 5.0, 2.0, 0.0])
    found = allocate(table, 60, "neyman", maximum={"S0": 30})
    rows = found.table.set_index("stratum")
    assert rows["n"].to_dict() == {"S0": 30, "S1": 26, "S2": 2, "S3": 2}
    assert rows["bound"].tolist() == ["maximum", "", "minimum", "minimum"]
    assert rows["weight"].to_numpy() == pytest.approx([30, 80 / 26, 1.5, 200])
    assert rows["sampling_fraction"].to_numpy() == pytest.approx(1 / rows["weight"].to_numpy())
    assert (rows["weight"] * rows["n"]).sum() == table["population"].sum()
    assert math.isnan(found.cost)
    # a minimum for all means no more than a stratum has
    all_of_it = allocate(table, 100, "equal", minimum=25)
    assert all_of_it.table["n"].tolist() == [33, 32, 3, 32]
    assert all_of_it.table["bound"].iloc[2] == "everybody"


def test_ties_go_to_the_larger_stratum():
    assert sizes(strata([50, 90, 70]), 10, "equal") == [3, 4, 3]
    assert sizes(strata([50, 90, 70]), 11, "equal") == [3, 4, 4]


def test_the_price_of_a_bound_is_the_variance_it_costs():
    table = strata([20_000, 3_000, 500, 60], [2.0] * 4)
    found = allocate(table, 400, "neyman", minimum=50)
    price = found.price.set_index("stratum")
    assert price.index.tolist() == ["S1", "S2", "S3", "all strata"]
    for stratum in ("S1", "S2", "S3"):
        others = {name: 50 for name in table["stratum"] if name != stratum}
        without = allocate(table, 400, "neyman", minimum=others | {stratum: 1})
        assert price.loc[stratum, "variance_without"] == pytest.approx(without.variance)
        assert price.loc[stratum, "price"] == pytest.approx(found.variance / without.variance - 1)
        n = without.table.set_index("stratum").loc[stratum, "n"]
        assert price.loc[stratum, "n_without"] == n
    free = allocate(table, 400, "neyman", minimum=1)
    assert price.loc["all strata", "price"] == pytest.approx(found.variance / free.variance - 1)
    assert free.price.empty


def test_a_maximum_has_its_price_too():
    table = strata([1000, 1000], [1.0, 3.0], [2.0, 5.0])
    found = allocate(table, method="cost", budget=500, maximum={"S1": 40})
    row = found.price.iloc[0]
    free = allocate(table, method="cost", budget=500)
    assert (row["stratum"], row["bound"], row["value"], row["n"]) == ("S1", "maximum", 40, 40)
    assert row["n_without"] == free.table["n"].iloc[1]
    assert row["price"] == pytest.approx(found.variance / free.variance - 1)


def test_without_standard_deviations_there_is_no_variance_and_no_price():
    found = allocate(strata([50, 500]), 20, minimum=8)
    assert found.table.columns.tolist()[:3] == ["stratum", "population", "n"]
    assert math.isnan(found.variance)
    assert found.price.empty


def test_the_table_given_is_not_changed_and_its_order_does_not_matter():
    before = HOSPITALS.copy(deep=True)
    one = allocate(HOSPITALS, 100, "neyman", minimum=5).table
    pd.testing.assert_frame_equal(HOSPITALS, before)
    other = allocate(HOSPITALS.iloc[::-1], 100, "neyman", minimum=5).table
    pd.testing.assert_frame_equal(one, other.iloc[::-1].reset_index(drop=True))


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"n": 876}, "n=876 is more than the population of 875"),
        ({}, {"n": 11}, "smallest possible n is 12"),
        ({}, {"n": 61, "maximum": 10}, "largest possible n is 60"),
        ({}, {"n": 0}, "n=0"),
        ({}, {"n": 10.5}, "n=10.5: write a whole number"),
        ({}, {"n": math.nan}, "n=nan is not a number"),
        ({}, {}, "Give n, or"),
        ({}, {"n": 50, "budget": 100}, "not both"),
        ({}, {"budget": 5000}, 'A budget needs method="cost"'),
        ({}, {"budget": 5000, "method": "cost"}, "smallest possible budget is 7,900.00"),
        ({}, {"budget": math.nan, "method": "cost"}, "budget=nan"),
        ({}, {"n": 50, "minimum": 0}, "minimum=0: .*1 or more"),
        ({}, {"n": 50, "minimum": {"S9": 2}}, "minimum names S9, not among"),
        ({}, {"n": 50, "minimum": {"S3": 51}}, "minimum of S3: 51 is more than its population"),
        ({}, {"n": 50, "minimum": 5, "maximum": {"S2": 4}}, "above the maximum in S2"),
        ({}, {"n": 50, "maximum": "many"}, "maximum='many'"),
        ({}, {"n": 50, "method": "optimal"}, 'method="optimal": write one of proportional'),
        ({}, {"n": 50, "method": "power", "power": 2}, "power=2"),
        ({"population": [215, 65, 0, 50, 149, 144]}, {"n": 50}, "S2 have no units"),
        ({"population": [215, 65, 2.5, 50, 149, 144]}, {"n": 50}, "S2 are not whole"),
        ({"population": [215, 65, -4, 50, 149, 144]}, {"n": 50}, "S2 have no units"),
        ({"population": [215, math.nan, 4, 50, 149, 144]}, {"n": 50}, "S1 are missing"),
        ({"population": ["a", "b", "c", "d", "e", "f"]}, {"n": 50}, "population .*not numeric"),
        ({"sd": [1, 2, 3, -1, 2, -1]}, {"n": 50}, "S3, S5 are below 0"),
        ({"sd": [1, math.inf, 3, 1, 2, 1]}, {"n": 50}, "S1 are missing or infinite"),
        ({"sd": [0] * 6}, {"n": 50, "method": "neyman"}, "Every sd is 0"),
        ({"cost": [1, 0, 1, 1, 1, 1]}, {"n": 50, "method": "cost"}, "S1 are not above 0"),
        ({"mean": [1, 0, 1, 1, 1, 1]}, {"n": 50, "method": "power"}, "S1 are 0"),
        ({"stratum": ["a", "b", "a", "c", "d", "e"]}, {"n": 50}, "more than one row for a:"),
        ({"stratum": ["a", "b", None, "c", "d", "e"]}, {"n": 50}, "1 rows .* no stratum"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(change, options, words):
    with pytest.raises(InputError, match=words):
        allocate(HOSPITALS.assign(**change), **options)


def test_missing_columns_and_empty_tables_are_refused():
    with pytest.raises(InputError, match="no column sd"):
        allocate(strata([5, 9]), 6, "neyman")
    with pytest.raises(InputError, match="no column cost"):
        allocate(strata([5, 9], [1, 2]), 6, "cost")
    with pytest.raises(InputError, match="is empty"):
        allocate(HOSPITALS.iloc[:0], 6)
