"""Methods compared on the same customers.

Oracles: root mean squares by hand, and how often the truth is told in simulated comparisons.
"""

import numpy as np
import pandas as pd
import pytest

from crmlib.clp.comparison import choose_method, compare_methods


def forecasts(errors, cuts=("first",)):
    """Forecasts that miss by so much: a row a customer in each column of errors."""
    rows = []
    for cut in cuts:
        for method, missed in errors.items():
            ids = [f"c{i:03}" for i in range(len(missed))]
            rows.append(
                pd.DataFrame(
                    {"method": method, "cut": cut, "customer_id": ids, "forecast": missed}
                ).assign(actual=0.0)
            )
    return pd.concat(rows, ignore_index=True)


def test_errors_and_differences_by_hand():
    table = compare_methods(forecasts({"b": [3.0, 4.0], "a": [1.0, 1.0]}), 0.95, seed=1)
    assert list(table["method"]) == ["a", "b"]
    assert table["rmse"].tolist() == pytest.approx([1.0, np.sqrt(12.5)])
    assert table["difference"].tolist() == pytest.approx([0.0, np.sqrt(12.5) - 1])
    assert table["probability_best"].tolist() == [1.0, 0.0]
    # Of two customers a sample of one draws the first or the second: 3 - 1 and 4 - 1.
    assert table[["low", "high"]].iloc[1].tolist() == pytest.approx([2.0, 3.0])


def test_repeating_every_customer_at_more_origins_makes_nothing_surer():
    random = np.random.default_rng(1)
    errors = {"a": random.normal(0, 1.0, 80), "b": random.normal(0, 1.2, 80)}
    once = compare_methods(forecasts(errors), 0.95, seed=1)
    thrice = compare_methods(forecasts(errors, cuts=("x", "y", "z")), 0.95, seed=1)
    pd.testing.assert_frame_equal(once, thrice)


def test_methods_that_are_alike_are_seldom_told_apart():
    """Four methods equally good: one or more distinguishable in at most about 5 % of bases."""
    random = np.random.default_rng(2)
    told = 0
    for seed in range(40):
        common = random.normal(0, 1, 150)
        errors = {name: common + random.normal(0, 0.5, 150) for name in "abcd"}
        told += compare_methods(forecasts(errors), 0.95, seed=seed)["distinguishable"].any()
    # The best is chosen after the fact, so the level is not exact: 8 of 40 would be 20 %.
    assert told < 8


def test_a_method_clearly_worse_is_told_apart():
    random = np.random.default_rng(3)
    errors = {"good": random.normal(0, 1, 400), "bad": random.normal(0, 1.5, 400)}
    table = compare_methods(forecasts(errors), 0.95, seed=1).set_index("method")
    assert table.loc["bad", "distinguishable"]
    assert table.loc["bad", "low"] > 0
    assert not table.loc["good", "distinguishable"]


def comparison(rows):
    columns = ["method", "rmse", "probability_best", "distinguishable"]
    return pd.DataFrame(rows, columns=columns)


def totals(**errors):
    return pd.DataFrame(
        {"method": list(errors), "absolute_total_error_percent": list(errors.values())}
    )


def test_of_those_that_may_be_best_the_nearest_total_is_chosen():
    table = comparison([("a", 1.0, 0.6, False), ("b", 1.1, 0.4, False), ("c", 2.0, 0.0, True)])
    best, reason = choose_method(table, totals(a=9.0, b=4.0, c=1.0), ("c",))
    assert best == "b"
    assert '"a" has the smallest error per customer, also in 60%' in reason
    assert '"b" may be as good' in reason
    assert "4% off" in reason
    assert "All simple rules are worse by more than chance in the customers." in reason


def test_one_that_is_hardly_ever_the_best_is_not_chosen_for_its_total():
    table = comparison([("a", 1.0, 0.99, False), ("b", 1.1, 0.01, False)])
    best, reason = choose_method(table, totals(a=9.0, b=4.0), ("b",))
    assert best == "a"
    assert 'better than the simple rule "b" may be chance' in reason


def test_all_simple_rules_that_may_be_as_good_are_told_not_only_the_one_with_the_least_error():
    table = comparison([("a", 1.0, 0.9, False), ("x", 1.1, 0.0, True), ("y", 1.2, 0.1, False)])
    _, reason = choose_method(table, totals(a=4.0, x=9.0, y=9.0), ("x", "y"))
    assert 'better than the simple rule "y" may be chance' in reason


def test_what_is_said_of_all_methods_is_not_said_again_of_simple_rules():
    table = comparison([("a", 1.0, 1.0, False), ("x", 2.0, 0.0, True)])
    _, reason = choose_method(table, totals(a=4.0, x=9.0), ("x",))
    assert reason.endswith("every other method is worse by more than chance in the customers.")


def test_a_simple_rule_that_is_best_is_said_to_be():
    table = comparison([("a", 1.0, 0.9, False), ("b", 1.1, 0.1, True)])
    best, reason = choose_method(table, totals(a=9.0, b=4.0), ("a",))
    assert best == "a"
    assert 'No model does better than the simple rule "a"' in reason
    assert "every other method is worse by more than chance in the customers" in reason


def test_without_a_total_the_smallest_error_is_chosen():
    table = comparison([("a", 1.0, 0.5, False), ("b", 1.0, 0.5, False)])
    assert choose_method(table, totals(a=np.nan, b=np.nan), ())[0] == "a"


def test_one_customer_gives_no_certainty():
    table = compare_methods(forecasts({"a": [1.0], "b": [2.0]}), 0.95, seed=1)
    assert table["probability_best"].isna().all()
    best, reason = choose_method(table, totals(a=9.0, b=4.0), ())
    assert best == "a"
    assert "with one customer nobody can say" in reason
