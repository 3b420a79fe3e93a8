"""What the value report takes in and hands out. Oracles: small tables worked by hand."""

import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.segmentation import value_inputs
from crmlib.segmentation.deciles import deciles
from crmlib.segmentation.tiers import tiers
from crmlib.segmentation.value_check import class_outlook
from crmlib.segmentation.value_matrix import value_matrix


@pytest.fixture
def worth():
    return pd.DataFrame(
        {
            "customer_id": ["A", "B", "C"],
            "orders": [2.0, 0.0, 1.0],
            "revenue": [100.0, 0.0, 50.0],
            "profit": [30.0, -5.0, 0.0],
            "young": [False, True, False],
        }
    )


def test_the_interval_of_the_method_comes_before_that_from_errors():
    made = pd.DataFrame({"customer_id": ["A", "B", "C"], "profit": [1.0, 2.0, 3.0]})
    made = made.assign(low=[0.0, np.nan, np.nan], high=[2.0, np.nan, np.nan])
    made = made.assign(low_from_errors=[-9.0, 1.0, np.nan], high_from_errors=[9.0, 4.0, np.nan])
    found = value_inputs.with_best_interval(made)
    assert found["potential"].tolist() == [1, 2, 3]
    assert found["low"].iloc[:2].tolist() == [0, 1]
    assert found["high"].iloc[:2].tolist() == [2, 4]
    assert found["low"].isna().iloc[2]
    plain = value_inputs.with_best_interval(made[["customer_id", "profit", "low", "high"]])
    assert plain["low"].isna().sum() == 2


def test_forecasts_of_a_table_are_joined_or_refused(worth):
    given = pd.DataFrame({"customer_id": ["C", "B", "A", "X"], "profit": [3.0, 2.0, 1.0, 9.0]})
    found = value_inputs.join_clp(worth, given)
    assert found["potential"].tolist() == [1, 2, 3]
    assert found["low"].isna().all()
    with pytest.raises(InputError, match=r"no row for 1 of 3 customers of the purchases: B"):
        value_inputs.join_clp(worth, given.drop(index=1))
    with pytest.raises(InputError, match="several rows of 1 customer: C"):
        value_inputs.join_clp(worth, pd.concat([given, given.iloc[:1]]))
    with pytest.raises(InputError, match=r"above high for 1 of 4 customers: A\. Correct"):
        value_inputs.join_clp(worth, given.assign(low=[1.0, 1, 3, 1], high=2.0))
    with pytest.raises(InputError, match='no column "profit"'):
        value_inputs.join_clp(worth, given.drop(columns="profit"))
    with pytest.raises(InputError, match='no column "customer_id"'):
        value_inputs.join_clp(worth, given.drop(columns="customer_id"))


def test_advice_on_a_table_beside_the_purchases_can_be_followed(tmp_path):
    source = tmp_path / "clp.csv"
    source.write_text("customer_id,value\nA,1\n")
    with pytest.raises(InputError, match="missing columns: profit") as refused:
        value_inputs.read_beside(str(source), "forecasts")
    assert "columns={" not in str(refused.value)
    assert "Rename yours in that file" in str(refused.value)
    source.write_text("customer_id,profit\nA,1\nA,2\nB,3\n")
    with pytest.raises(InputError, match="delete the rows that repeat it") as refused:
        value_inputs.read_beside(str(source), "forecasts")
    assert "faulty_rows" not in str(refused.value)
    with pytest.raises(InputError, match='faulty_rows="set aside"'):
        value_inputs.read_beside(str(source), "forecasts", faulty_rows="stop")
    kept = value_inputs.read_beside(str(source), "forecasts", faulty_rows="set aside")
    aside = value_inputs.set_aside_beside([kept])
    assert aside[["table", "row"]].to_numpy().tolist() == [["forecasts", 3]]
    assert value_inputs.set_aside_beside([]).empty


def test_notes_do_not_deny_the_intervals_that_were_filled_in():
    made = pd.DataFrame({"low": [0.0, np.nan, np.nan], "high": [2.0, np.nan, np.nan]})
    notes = ["The others go on. They have no interval."]
    assert value_inputs.potential_notes(notes, made) == notes
    made["low_from_errors"] = [-9.0, 1.0, np.nan]
    found = value_inputs.potential_notes(notes, made)
    assert not any("have no interval" in note for note in found)
    assert found[-1].startswith("1 of 3 customers to whom the method gives no interval")
    made["low_from_errors"] = np.nan
    assert value_inputs.potential_notes(notes, made) == notes


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((np.inf, None, 0.5, 3, 0.95), "line=inf"),
        ((None, np.nan, 0.5, 3, 0.95), "potential_line=nan"),
        ((None, None, 50, 3, 0.95), r"Did you mean 0\.5"),
        ((None, None, 0.5, 0, 0.95), "origins=0"),
        ((None, None, 0.5, 3, 95), r"Did you mean 0\.95"),
    ],
)
def test_parameters_that_make_no_sense(given, words):
    with pytest.raises(InputError, match=words):
        value_inputs.check_parameters(*given)


def test_limits_and_periods():
    value_inputs.check_limits(10, 20, 0.1, 0.2)
    value_inputs.check_periods(12, 36, "month")
    for limits in ((0, 20, 0.1, 0.2), (20, 20, 0.1, 0.2), (1, 2, 0.3, 0.2), (1, 2, 10, 30)):
        with pytest.raises(InputError):
            value_inputs.check_limits(*limits)
    for periods in (0, 37):
        with pytest.raises(InputError, match="36 months"):
            value_inputs.check_periods(periods, 36, "month")
    assert value_inputs.time_words(1, "week") == ("the last week", "the next week")
    assert value_inputs.whole_months(2, "quarter") == 6
    assert value_inputs.whole_months(52, "week") is None


def test_the_customer_list_has_one_row_a_customer_and_no_names(worth):
    worth = worth.assign(name="Secret", potential=[20.0, -1.0, 3.0], low=np.nan, high=np.nan)
    columns = {"current": "profit", "potential": "potential"}
    matrix, found = value_matrix(worth, **columns), tiers(worth, **columns)
    ranked = deciles(worth.iloc[:2], by="profit")
    each = value_inputs.customer_list(matrix, found, ranked, None, worth)
    assert each["customer_id"].tolist() == ["A", "B", "C"]
    assert "Secret" not in each.to_csv()
    assert each["decile"].isna().tolist() == [False, False, True]
    assert each["certain"].tolist() == ["not known"] * 3
    assert each["newcomer"].tolist() == ["no", "yes", "no"]
    assert value_inputs.same_class(matrix, matrix) == 1
    assert "not known" in value_inputs.range_caption(class_outlook(matrix))


def test_all_purchases_together(worth):
    row = value_inputs.all_together(worth).iloc[0]
    assert (row["customers"], row["margin"]) == (2, 0.2)
    nothing = value_inputs.all_together(worth.assign(orders=0.0)).iloc[0]
    assert np.isnan(nothing["margin"])
