"""Sums by several dimensions, against pandas and DuckDB's own cube."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.segmentation.cube import ALL, NOT_GIVEN, cube, drill_down, roll_up

SALES = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "c", "c", "a"],
        "date": pd.to_datetime(
            ["2024-01-01", "2024-01-01", "2024-02-01", "2024-03-31", "2024-04-01", "2024-12-31"]
        ),
        "amount": [10.0, 5.0, 20.0, 1.0, -1.0, 7.5],
        "cost": [6.0, 6.0, 10.0, 1.0, 0.0, 2.5],
        "order_id": ["1", "1", "2", "3", "4", "5"],
        "product_line": ["toner", "paper", "toner", None, "paper", "toner"],
        "discount": [0.0, 0.05, 0.0, 0.05, 0.0, 0.0],
    }
)
PEOPLE = pd.DataFrame({"customer_id": ["a", "b"], "region": ["North", "South"]})
MEASURES = ("revenue", "profit", "orders", "customers")


@pytest.fixture(scope="module")
def made():
    return cube(
        SALES,
        ["region", "product_line"],
        MEASURES,
        time="quarter",
        customers=PEOPLE,
        cost="cost",
        order="order_id",
    )


def test_every_combination_is_that_of_duckdbs_cube(made):
    inner = """
        SELECT *, year(date) || '-Q' || quarter(date) AS quarter,
            coalesce(region, '(not given)') AS place,
            coalesce(product_line, '(not given)') AS line
        FROM sales LEFT JOIN people USING (customer_id)
    """
    query = f"""
        SELECT 3 - grouping(quarter) - grouping(place) - grouping(line) AS level,
            coalesce(quarter, '(all)') AS quarter, coalesce(place, '(all)') AS region,
            coalesce(line, '(all)') AS product_line,
            sum(amount) AS revenue, sum(amount - cost) AS profit,
            count(DISTINCT order_id) FILTER (amount > 0) AS orders,
            count(DISTINCT customer_id) FILTER (amount > 0) AS customers
        FROM ({inner}) GROUP BY CUBE (quarter, place, line)
    """
    with duckdb.connect() as connection:
        for name, frame in (("sales", SALES), ("people", PEOPLE)):
            connection.register(
                name, frame.astype(dict.fromkeys(frame.select_dtypes("str"), object))
            )
        wanted = connection.execute(query).df()
    by = ["level", "quarter", "region", "product_line"]
    ours = made.table
    pd.testing.assert_frame_equal(
        ours.sort_values(by, ignore_index=True),
        wanted.sort_values(by, ignore_index=True),
        check_dtype=False,
    )
    assert len(ours) == len(wanted) > 30


def test_subtotals_are_counted_anew_and_not_added_up(made):
    by_line = roll_up(made, ["product_line"]).set_index("product_line")
    assert by_line["orders"].to_dict() == {NOT_GIVEN: 1, "paper": 1, "toner": 3}
    assert roll_up(made)["orders"].tolist() == [4]
    assert roll_up(made)["customers"].tolist() == [3]


def test_drilling_down_shows_what_a_number_is_made_of(made):
    found = drill_down(made, {"region": "North"}, "product_line")
    assert found["product_line"].tolist() == ["paper", "toner"]
    assert found["revenue"].tolist() == [5.0, 17.5]
    assert found["revenue_share"].tolist() == pytest.approx([5 / 22.5, 17.5 / 22.5])
    again = drill_down(made, {"region": "North", "product_line": "toner"}, "quarter")
    assert again["quarter"].tolist() == ["2024-Q1", "2024-Q4"]
    assert again["revenue"].tolist() == [10.0, 7.5]
    top = drill_down(made, {}, "region")
    assert top["revenue"].sum() == roll_up(made)["revenue"].item() == 42.5


@pytest.mark.parametrize(
    ("time", "names"),
    [
        ("month", ["2024-01", "2024-02", "2024-03", "2024-04", "2024-12"]),
        ("quarter", ["2024-Q1", "2024-Q2", "2024-Q4"]),
        ("year", ["2024"]),
    ],
)
def test_time_is_cut_into_calendar_periods(time, names):
    table = roll_up(cube(SALES, time=time), [time])
    assert table[time].tolist() == names
    assert table["revenue"].sum() == 42.5


def test_periods_that_are_not_whole_are_told(made):
    assert made.notes == [f'Sales without a value of region, product_line are at "{NOT_GIVEN}".']
    notes = cube(SALES, time="month", since="2024-01-02", as_of="2024-12-30").notes
    assert notes == [
        "The first month counts from 2024-01-02 only.",
        "The last month counts up to 2024-12-30 only.",
    ]


def test_numbers_and_margins_serve_as_well():
    found = cube(SALES, ["discount"], ["profit"], margin_rate=0.5)
    assert roll_up(found, ["discount"]).to_numpy().tolist() == [["0.0", 18.25], ["0.05", 3.0]]
    coded = cube(SALES.assign(shop=[1, 1, 2, 2, 2, None]), ["shop"])
    assert roll_up(coded, ["shop"])["shop"].tolist() == [NOT_GIVEN, "1", "2"]


def test_the_transactions_own_column_goes_before_that_of_the_customers():
    found = cube(SALES.assign(region="sold here"), ["region"], customers=PEOPLE)
    assert roll_up(found, ["region"])["region"].tolist() == ["sold here"]


def test_text_that_says_not_given_and_what_is_not_given_are_one_group():
    rows = SALES.assign(product_line=["toner", None, NOT_GIVEN, "toner", "toner", "toner"])
    people = PEOPLE.assign(region=["North", None])  # and c is not among them
    found = cube(rows, ["product_line", "region"], customers=people).table
    assert not found.duplicated(["product_line", "region"]).any()
    lines = roll_up(cube(rows, ["product_line"]), ["product_line"])
    assert lines.set_index("product_line")["revenue"].to_dict() == {NOT_GIVEN: 25.0, "toner": 17.5}


def test_a_row_without_an_order_is_an_order_of_its_own():
    rows = SALES.assign(order_id=["1", "1", None, None, "4", "5"])
    found = cube(rows, ["product_line"], ["orders"], order="order_id").table
    assert found["orders"].iloc[0] == 4


def test_one_customer_makes_a_cube():
    found = cube(SALES.iloc[:1], ["product_line"])
    assert found.table[["level", "product_line", "revenue"]].to_numpy().tolist() == [
        [0, ALL, 10.0],
        [1, "toner", 10.0],
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dimensions": "region"}, "Give dimensions and measures as lists"),
        ({"dimensions": []}, "one to 5 dimensions"),
        ({"dimensions": ["region", "region"]}, "given twice"),
        ({"dimensions": ["revenue"]}, 'may not be called "revenue"'),
        ({"dimensions": ["area"], "customers": PEOPLE}, "Neither .* have a column area"),
        ({"dimensions": ["region"]}, "Give customers, the table with customer_id"),
        ({"measures": ["turnover"]}, "not turnover"),
        ({"measures": ["profit"]}, "Give either cost"),
        ({"measures": []}, "one or more"),
        ({"time": "week"}, 'time="week" is not one of month, quarter, year'),
        ({"since": "soon"}, "since='soon' is not a day"),
        ({"as_of": 20241231}, "as_of=20241231 is not a day"),
        ({"since": "2025-01-01"}, "no purchase from 2025-01-01 to 2024-12-31"),
        (
            {"dimensions": ["region"], "customers": pd.concat([PEOPLE, PEOPLE])},
            "Customer a is among the customers more than once",
        ),
        (
            {"dimensions": ["region"], "customers": PEOPLE.assign(customer_id=[1, 2])},
            "string in the transactions and int64 among the customers",
        ),
        (
            {"dimensions": ["region"], "customers": PEOPLE.assign(region=ALL)},
            "which means something else here",
        ),
    ],
)
def test_faults_are_told(options, words):
    with pytest.raises(InputError, match=words):
        cube(SALES, **{"dimensions": ["product_line"]} | options)


def test_what_the_cube_does_not_hold_cannot_be_looked_into(made):
    with pytest.raises(InputError, match="no dimension segment; it has quarter, region"):
        roll_up(made, ["segment"])
    with pytest.raises(InputError, match="no sales at region East"):
        drill_down(made, {"region": "East"}, "product_line")
    with pytest.raises(InputError, match="is held at 'North'"):
        drill_down(made, {"region": "North"}, "region")


def test_a_returned_total_has_no_shares():
    rows = SALES.assign(amount=[-1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    found = drill_down(cube(rows, ["product_line"]), {}, "product_line")
    assert np.isnan(found["revenue_share"]).all()
