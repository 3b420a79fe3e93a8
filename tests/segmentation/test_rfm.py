"""RFM values and scores, against R's rfm, SQL's NTILE and tables small enough to see through."""

import json

import duckdb
import numpy as np
import pandas as pd
import pytest

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.customer_totals import customer_totals
from crmlib.segmentation.rfm import (
    cut_point_scores,
    cut_points,
    rfm,
    rfm_of_totals,
    rfm_scores,
    rule_differences,
    split_by_customer,
)

PURCHASES = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "c", "c", "c"],
        "date": pd.to_datetime(
            ["2024-01-01", "2024-02-02", "2024-02-01", "2024-01-05", "2024-01-05", "2024-03-01"]
        ),
        "amount": [5.0, 6.0, -3.0, 10.10, 0.20, -1.0],
        "order_id": ["1", "2", "3", "4", "4", "5"],
    }
)


def alike(n: int, **other: float) -> pd.DataFrame:
    """Customers who are all alike."""
    values = {"recency": 10.0, "frequency": 2, "monetary": 50.0} | other
    return pd.DataFrame({"customer_id": [f"c{i:03}" for i in range(n)], **values})


@pytest.fixture(scope="module")
def orders(shared):
    return tables.read(
        shared / "data" / "rfm_orders.csv",
        kind="transactions",
        columns={"date": "order_date", "amount": "revenue"},
    )


@pytest.fixture(scope="module")
def published(shared):
    text = (shared / "reference" / "segmentation.json").read_text(encoding="utf-8")
    return json.loads(text)["rfm"]


def test_values_and_cut_points_are_those_of_r(orders, published):
    values = rfm(orders, "2006-12-31")
    assert len(values) == published["customers"]
    assert values["frequency"].sum() == published["orders"]
    assert values["monetary"].sum() == published["revenue"]
    thresholds = rfm_scores(values).thresholds
    for measure, borders in published["cut_points"].items():
        np.testing.assert_allclose(thresholds[measure], borders, rtol=1e-12)


def test_scores_are_those_of_r(orders, published):
    scores = rfm_scores(rfm(orders, "2006-12-31")).table
    # R's table is by customer as well.
    assert scores["rfm_score"].head(10).tolist() == published["first_ten_scores"]
    counts = scores["frequency_score"].value_counts().sort_index()
    assert counts.tolist() == published["frequency_score_counts_cut_point"]


def test_scores_by_rank_are_of_one_size_and_change_the_published_number(orders, published):
    values = rfm(orders, "2006-12-31")
    by_rank = rfm_scores(values, rule="rank").table
    counts = by_rank["frequency_score"].value_counts().sort_index()
    assert counts.tolist() == published["frequency_score_counts_rank"]
    found = rule_differences(values)
    differ = found.summary.set_index("score")["differ"]
    assert differ["frequency"] == published["customers_whose_frequency_score_differs_between_rules"]
    changed = (
        found.customers["frequency_score_cut_point"] != found.customers["frequency_score_rank"]
    )
    assert changed.sum() == differ["frequency"]
    named = found.customers["segment_cut_point"] != found.customers["segment_rank"]
    assert named.sum() == differ["segment"] > 0


def test_ranks_are_those_of_ntile_with_ties_by_customer():
    random = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "customer_id": [f"c{i:03}" for i in random.permutation(83)],
            "recency": random.integers(0, 9, 83).astype(float),
            "frequency": random.integers(1, 4, 83),
            "monetary": random.integers(1, 9, 83) / 4,
        }
    )
    query = """
        SELECT customer_id,
            ntile(5) OVER (ORDER BY recency DESC, customer_id) AS recency_score,
            ntile(5) OVER (ORDER BY frequency, customer_id) AS frequency_score,
            ntile(5) OVER (ORDER BY monetary, customer_id) AS monetary_score
        FROM given ORDER BY customer_id
    """
    with duckdb.connect() as connection:
        connection.register("given", table.astype({"customer_id": object}))
        wanted = connection.execute(query).df()
    ours = rfm_scores(table, rule="rank").table
    for name in ("recency_score", "frequency_score", "monetary_score"):
        assert ours[name].tolist() == wanted[name].tolist()


def test_fixed_thresholds_score_as_the_cut_points_they_come_from(orders):
    values = rfm(orders, "2006-12-31")
    by_cut = rfm_scores(values)
    again = rfm_scores(values, rule="fixed", thresholds=by_cut.thresholds)
    pd.testing.assert_frame_equal(again.table, by_cut.table)


def test_a_value_at_a_border_lies_beyond_it():
    assert cut_point_scores(np.array([1.0, 2.0, 2.5, 3.0]), np.array([2.0, 3.0])).tolist() == [
        1,
        2,
        2,
        3,
    ]
    given = {"recency": [10], "frequency": [2], "monetary": [50]}
    scores = rfm_scores(alike(1), rule="fixed", bins=2, thresholds=given).table.iloc[0]
    assert scores[["recency_score", "frequency_score", "monetary_score"]].tolist() == [1, 2, 2]
    assert "segment" not in scores


def test_cut_points_are_quantiles_plus_one_as_worked_by_hand():
    # Type 7 of 0, 10, 20: position 2 k / 4 between the values.
    assert cut_points(np.array([20.0, 0.0, 10.0]), 4).tolist() == [6.0, 11.0, 16.0]


def test_values_of_each_customer_in_cents_and_days():
    table = rfm(PURCHASES, "2024-03-01", order="order_id").set_index("customer_id")
    assert table["recency"].tolist()[::2] == [28.0, 56.0]
    assert table["frequency"].tolist() == [2, 0, 1]
    assert table["monetary"].tolist() == [11.0, -3.0, 9.3]
    assert rfm(PURCHASES, "2024-03-01")["frequency"].tolist() == [2, 0, 2]


def test_totals_that_are_there_already_give_the_same_values():
    totals = customer_totals(PURCHASES, as_of="2024-03-01", order="order_id")
    pd.testing.assert_frame_equal(
        rfm_of_totals(totals), rfm(PURCHASES, "2024-03-01", order="order_id")
    )


def test_a_customer_with_returns_only_is_told_and_moves_no_cut_point():
    values = rfm(PURCHASES, "2024-03-01")
    with_returns, without = rfm_scores(values), rfm_scores(values[values["frequency"] > 0])
    assert with_returns.without_purchase["customer_id"].tolist() == ["b"]
    assert with_returns.notes[0].startswith("1 customer has no purchase with an amount")
    pd.testing.assert_frame_equal(with_returns.table, without.table)
    pd.testing.assert_frame_equal(with_returns.thresholds, without.thresholds)


def test_a_row_without_an_order_is_an_order_of_its_own():
    rows = PURCHASES.assign(order_id=None)
    pd.testing.assert_frame_equal(
        rfm(rows, "2024-03-01", order="order_id"), rfm(rows, "2024-03-01")
    )


def test_the_day_to_look_back_from_is_needed():
    with pytest.raises(InputError, match="as_of=None is not a day"):
        rfm(PURCHASES, None)


def test_categories_are_customers_in_their_own_order():
    ids = pd.Categorical(["c", "b", "a"], categories=["c", "b", "a"])
    found = rfm_scores(alike(3).assign(customer_id=ids), rule="rank")
    assert found.table["customer_id"].tolist() == ["a", "b", "c"]


def test_the_order_of_the_rows_does_not_matter():
    table = alike(40, monetary=np.arange(40.0) // 3)
    mixed = table.sample(frac=1, random_state=1)
    for rule in ("cut_point", "rank"):
        pd.testing.assert_frame_equal(rfm_scores(mixed, rule).table, rfm_scores(table, rule).table)


def test_customers_who_are_all_alike_get_one_score_by_cut_points_and_are_split_by_rank():
    by_cut = rfm_scores(alike(10))
    assert by_cut.table["rfm_score"].tolist() == [511] * 10
    assert sum("tells no customers apart" in note for note in by_cut.notes) == 3
    by_rank = rfm_scores(alike(10), rule="rank")
    assert by_rank.table["frequency_score"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert "10 customers with a value that falls on a border" in by_rank.notes[1]


def test_one_customer_is_scored_and_told_to_be_alone_in_its_score():
    scores = rfm_scores(alike(1))
    assert scores.table["rfm_score"].tolist() == [511]
    by_rank = rfm_scores(alike(1), rule="rank")
    assert by_rank.table["rfm_score"].tolist() == [111]
    assert by_rank.notes == [
        "1 customer cannot be cut into 5 groups: by rank nobody gets more than 1, and 1 is the "
        "best score here."
    ]
    assert len(scores.notes) == 3


def test_scores_nobody_has_are_told():
    # Quantiles of type 7 are 1, 1, 1.4 and 3.4.
    table = alike(30, frequency=np.repeat([1, 1, 1, 2, 9], 6))
    scores = rfm_scores(table)
    assert set(scores.table["frequency_score"]) == {1, 3, 5}
    assert "Frequency: nobody has the score 2 or 4." in scores.notes


def test_negative_money_is_scored_lowest():
    table = alike(5, monetary=[-100.0, 0.0, 100.0, 200.0, 300.0])
    assert rfm_scores(table).table["monetary_score"].tolist() == [1, 2, 3, 4, 5]


def test_ties_across_a_border_are_counted():
    assert split_by_customer(np.array([1.0, 1.0, 2.0, 2.0, 2.0]), np.array([1, 1, 1, 2, 2])) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rule": "quintile"}, 'rule="quintile" is not one of the three'),
        ({"bins": 1}, "whole number from 2 to 9"),
        ({"bins": 2.5}, "whole number from 2 to 9"),
        ({"rule": "fixed"}, "give both or neither"),
        ({"thresholds": {}}, "give both or neither"),
        ({"rule": "fixed", "thresholds": {"recency": [1, 2, 3, 4]}}, 'none of "frequency"'),
        (
            {"rule": "fixed", "bins": 3, "thresholds": {"recency": [5, 1]}},
            '"recency" must be 2 numbers, none below the one before it, for 3 bins',
        ),
        ({"rule": "fixed", "thresholds": {"recency": "soon"}}, '"recency" must be 4 numbers'),
    ],
)
def test_choices_that_are_none_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        rfm_scores(alike(10), **options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frequency": 0}, "No customer has a purchase"),
        ({"recency": np.nan}, '"recency" has no finite number in rows 0, 1'),
        ({"monetary": "much"}, 'Column "monetary" must hold revenue'),
        ({"customer_id": "c1"}, "Customer c1 is in the table more than once"),
        ({"customer_id": None}, '"customer_id" is empty in rows 0, 1'),
        ({"customer_id": [1, "a", 2]}, '"customer_id" mixes numbers and text'),
    ],
)
def test_values_that_cannot_be_scored_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        rfm_scores(alike(3).assign(**change))


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match='no column "monetary"'):
        rfm_scores(alike(3).drop(columns="monetary"))
    with pytest.raises(InputError, match="no column amount"):
        rfm(PURCHASES.drop(columns="amount"), "2024-03-01")
