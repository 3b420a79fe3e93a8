"""Tiers and the IDIC steps.

Oracles: cases worked by hand, scipy's Wilson interval, counts made here with pandas.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlib.errors import InputError
from crmlib.segmentation.tiers import below_zero_check, fewest_that_make, idic, tiers

COLUMNS = {"current": "profit", "potential": "clp"}
NAMES = ["most valuable", "most growable", "migrators", "others", "below zero"]


@pytest.fixture
def seven():
    return pd.DataFrame(
        {
            "customer_id": list("ABCDEFG"),
            "profit": [90.0, 20.0, 10.0, 5.0, 5.0, -4.0, -3.0],
            "clp": [80.0, 45.0, 15.0, 4.0, 5.0, -6.0, 2.0],
            "low": [60.0, 30.0, 9.0, -2.0, 1.0, -9.0, -1.0],
            "high": [99.0, 60.0, 21.0, 10.0, 9.0, 1.0, 5.0],
        }
    )


def test_seven_customers_by_hand(seven):
    found = tiers(seven, **COLUMNS, low="low", high="high")
    # Half of 151 to come is A's alone; of the increases, 25 + 5 + 0 + 5, half is B's alone.
    tier = found.customers.set_index("customer_id")["tier"]
    assert tier.to_dict() == {
        "A": "most valuable",
        "B": "most growable",
        "C": "others",
        "D": "migrators",
        "E": "others",
        "F": "below zero",
        "G": "migrators",
    }
    table = found.tiers.set_index("tier")
    assert table.index.tolist() == NAMES
    assert table["customers"].tolist() == [1, 1, 2, 2, 1]
    assert table["current"].tolist() == [90, 20, 2, 15, -4]
    assert table["growth"].tolist() == [-10, 25, 4, 5, -2]
    assert len(found.rule) == 5


def test_without_intervals_nobody_is_a_migrator(seven):
    found = tiers(seven, **COLUMNS)
    assert "migrators" not in set(found.customers["tier"])
    assert "no intervals" in found.rule[3]


def test_the_fewest_customers_that_make_a_share():
    value = np.array([4.0, 1.0, 4.0, -3.0, 1.0])
    ids = np.array(list("BCADE"))
    assert fewest_that_make(value, ids, 0.4).tolist() == [False, False, True, False, False]
    assert fewest_that_make(value, ids, 0.8).tolist() == [True, False, True, False, False]
    assert fewest_that_make(value, ids, 0.81).tolist() == [True, True, True, False, False]
    assert not fewest_that_make(np.array([0.0, -1.0]), np.array(["A", "B"]), 0.5).any()


@pytest.mark.parametrize("value", [-5.0, 0.0, 5.0])
@pytest.mark.parametrize("n", [1, 40])
def test_customers_who_are_all_equal(value, n):
    table = pd.DataFrame({"customer_id": range(n), "profit": value, "clp": value})
    found = tiers(table, **COLUMNS)
    assert found.tiers["customers"].sum() == n
    counts = found.tiers.set_index("tier")["customers"]
    assert counts["below zero"] == (n if value < 0 else 0)
    assert counts["most valuable"] == ((n + 1) // 2 if value > 0 else 0)


def test_faults_are_told(seven):
    with pytest.raises(InputError, match=r"most_share=1\.5"):
        tiers(seven, **COLUMNS, most_share=1.5)
    with pytest.raises(InputError, match="have a row already"):
        tiers(pd.concat([seven, seven]), **COLUMNS)
    with pytest.raises(InputError, match='no column "gain"'):
        tiers(seven, current="gain", potential="clp")


def test_how_many_below_zero_came_to_pay():
    past = pd.DataFrame(
        {
            "then": [-1.0, -2.0, -3.0, -4.0, 5.0, -6.0],
            "said": [-1.0, -1.0, -1.0, -1.0, -1.0, 2.0],
            "came": [4.0, -2.0, 0.0, 1.0, 9.0, 9.0],
            "young": [True, True, False, False, False, False],
        }
    )
    columns = {"current": "then", "potential": "said", "came": "came"}
    row = below_zero_check(past, **columns).iloc[0]
    assert (row["customers"], row["paid"], row["came"], row["potential"]) == (4, 2, 3, -4)
    ends = stats.binomtest(2, 4).proportion_ci(method="wilson")
    assert (row["low_share"], row["high_share"]) == pytest.approx(tuple(ends))
    apart = below_zero_check(past, **columns, by="young")
    assert apart["young"].tolist() == [False, True]
    assert apart["customers"].tolist() == [2, 2]
    assert apart["paid"].tolist() == [1, 1]
    nobody = below_zero_check(past.iloc[4:], **columns).iloc[0]
    assert nobody["customers"] == 0
    assert np.isnan(nobody["paid_share"])


def test_the_four_steps_are_counted_from_the_tables(seven):
    found = tiers(seven, **COLUMNS, low="low", high="high")
    people = pd.DataFrame(
        {"customer_id": list("ABCX"), "name": ["a", None, "c", "x"], "region": "North"}
    )
    activities = pd.DataFrame(
        {"customer_id": list("AAADDG"), "activity": ["call"] * 4 + ["visit"] * 2}
    )
    complaints = pd.DataFrame({"customer_id": ["C", "X"]})
    bought = pd.DataFrame(
        {
            "customer_id": list("AAAEC"),
            "amount": [10.0, 5.0, -4.0, 2.0, 6.0],
            "product_line": ["paper", "toner", "paper", "toner", None],
        }
    )
    steps = idic(
        found, people=people, activities=activities, complaints=complaints, transactions=bought
    )
    known = steps.identify.set_index("attribute")["customers"]
    assert known.to_dict() == {"customer_id": 7, "name": 2, "region": 3}
    served = steps.interact.set_index("tier")
    assert served.loc["most valuable", ["call", "visit", "complaints"]].tolist() == [3, 0, 0]
    assert served.loc["migrators", ["call", "visit"]].tolist() == [0.5, 1.0]
    assert served.loc["others", "complaints"] == 0.5
    lines = steps.customise.set_index("tier")
    assert lines.loc["most valuable", ["lines", "first_line", "second_line"]].tolist() == [
        2,
        "paper",
        "toner",
    ]
    assert lines.loc["most valuable", "first_share"] == pytest.approx(10 / 15)
    assert lines.loc["others", "first_line"] == "toner"
    assert np.isnan(lines.loc["below zero", "lines"])
    assert steps.missing == []


def test_steps_without_tables_say_what_is_missing(seven):
    steps = idic(tiers(seven, **COLUMNS), transactions=pd.DataFrame({"customer_id": ["A"]}))
    assert len(steps.missing) == 3
    assert steps.identify["attribute"].tolist() == ["customer_id"]
    assert list(steps.interact.columns) == ["tier", "customers"]
    assert steps.customise["lines"].isna().all()
    with pytest.raises(InputError, match="no column activity"):
        idic(tiers(seven, **COLUMNS), activities=pd.DataFrame({"customer_id": ["A"]}))
