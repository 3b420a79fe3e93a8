"""What customers bought, against pandas and tables small enough to see through."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmlib import tables
from crmlib.errors import InputError
from crmlib.segmentation.customer_totals import customer_totals
from crmlib.tables import engine

SMALL = pd.DataFrame(
    {
        "customer_id": ["b", "a", "a", "a", "c"],
        "date": pd.to_datetime(
            ["2024-03-31", "2024-01-10", "2024-01-10", "2024-02-10", "2024-02-01"]
        ),
        "amount": [20.10, 100.0, 50.0, 30.0, -5.0],
        "cost": [0.05, 60.0, 30.0, 31.0, -2.0],
        "order_id": ["3", "1", "1", "2", "4"],
    }
)


def test_sums_of_each_customer():
    totals = customer_totals(SMALL, cost="cost", order="order_id")
    table = totals.table.set_index("customer_id")
    assert table["orders"].to_dict() == {"a": 2, "b": 1, "c": 0}
    assert table["revenue"].to_dict() == {"a": 180.0, "b": 20.10, "c": -5.0}
    assert table["profit"].to_dict() == {"a": 59.0, "b": 20.05, "c": -3.0}
    assert table.loc["a", ["first_day", "last_day"]].tolist() == [
        pd.Timestamp("2024-01-10"),
        pd.Timestamp("2024-02-10"),
    ]
    assert table.loc["c", ["first_day", "last_day"]].isna().all()
    assert (totals.since, totals.as_of) == (pd.Timestamp("2024-01-10"), pd.Timestamp("2024-03-31"))


def test_without_orders_every_row_counts_as_one():
    assert customer_totals(SMALL).table["orders"].tolist() == [3, 1, 0]


def test_without_costs_there_is_no_profit_and_a_margin_makes_it():
    assert "profit" not in customer_totals(SMALL).table
    table = customer_totals(SMALL, margin_rate=0.25).table
    assert table["profit"].tolist() == [45.0, 5.025, -1.25]


def test_only_the_days_asked_for_count():
    totals = customer_totals(SMALL, since="2024-02-01", as_of=dt.date(2024, 3, 30))
    assert totals.table["customer_id"].tolist() == ["a", "c"]
    assert totals.table["revenue"].tolist() == [30.0, -5.0]


def test_sums_are_those_of_pandas_for_the_example_company():
    company = tables.example.company(seed=5)
    rows = company.transactions
    table = customer_totals(rows, cost="cost", order="order_id").table.set_index("customer_id")
    wanted = rows.groupby("customer_id").agg(
        revenue=("amount", "sum"), orders=("order_id", "nunique"), last_day=("date", "max")
    )
    np.testing.assert_allclose(table["revenue"], wanted["revenue"], atol=1e-6)
    assert table["orders"].tolist() == wanted["orders"].tolist()
    assert (table["last_day"] == pd.to_datetime(wanted["last_day"])).all()
    profit = (rows["amount"] - rows["cost"]).groupby(rows["customer_id"]).sum()
    np.testing.assert_allclose(table["profit"], profit, atol=1e-6)


def test_half_cents_are_rounded_away_from_zero_on_either_side():
    rows = SMALL.assign(amount=[0.125, 0.5, -0.125, 0.0, 0.375])
    table = customer_totals(rows).table
    assert table["revenue"].tolist() == [0.37, 0.13, 0.38]


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"date": [None]}, {}, "5 rows have no value"),
        ({"customer_id": ["a", None, "b", "c", "d"]}, {}, "1 row has no value"),
        ({"amount": [1.0, None, 2.0, 3.0, 4.0]}, {}, "1 row has no value"),
        ({"cost": [1.0, None, 2.0, 3.0, 4.0]}, {"cost": "cost"}, "give a margin_rate instead"),
        ({}, {"cost": "costs"}, "no column costs"),
        ({}, {"cost": "cost", "margin_rate": 0.3}, "Give either cost"),
        ({}, {"margin_rate": 30.0}, "Did you mean 0.3"),
        ({}, {"since": "2025-01-01"}, "no purchase from 2025-01-01 to 2024-03-31"),
        ({}, {"as_of": "2023-12-31"}, "no purchase from 2024-01-10 to 2023-12-31"),
        ({"amount": [1.0, np.inf, 2.0, 3.0, 4.0]}, {}, 'Column "amount": 1 amount infinite'),
        ({"amount": [1.0, -1e17, 2.0, 3.0, 4.0]}, {}, 'Column "amount": 1 amount infinite'),
        ({"cost": [1.0, 1e17, 2.0, 3.0, 4.0]}, {"cost": "cost"}, 'Column "cost": 1 amount inf'),
        ({"amount": list("12345")}, {}, 'Column "amount" must hold money.*it holds string'),
        ({"currency": ["EUR", "EUR", "EUR", "CNY", "EUR"]}, {}, "2 currencies"),
    ],
)
def test_faults_are_told(change, options, words):
    rows = SMALL.assign(**{k: v * 5 if len(v) == 1 else v for k, v in change.items()})
    rows = rows.astype({"date": "datetime64[us]"})
    with pytest.raises(InputError, match=words):
        customer_totals(rows, **options)


def test_dates_that_are_text_and_numbers_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match='"date" must hold dates; it holds string'):
        customer_totals(SMALL.assign(date="yesterday"))
    # Statistics of a Parquet file leave NaN out.
    path = tmp_path / "nan.parquet"
    rows = pa.Table.from_pandas(SMALL)
    place = rows.schema.get_field_index("amount")
    pq.write_table(rows.set_column(place, "amount", pa.array([float("nan"), 1, 1, 1, 1])), path)
    with pytest.raises(InputError, match='Column "amount": 1 amount infinite'):
        customer_totals(engine.parquet_table(path))


def test_small_integers_and_exact_decimals_are_whole_cents():
    narrow = customer_totals(SMALL.assign(amount=np.array([120, 1, 1, 1, 1], dtype="int8")))
    assert narrow.table["revenue"].tolist() == [3.0, 120.0, 1.0]
    exact = [decimal.Decimal(x) for x in ("99999999999.99", "1.005", "-1.005", "1", "1")]
    table = customer_totals(SMALL.assign(amount=exact)).table
    assert table["revenue"].tolist() == [1.0, 99999999999.99, 1.0]


def test_a_row_without_an_order_is_an_order_of_its_own():
    rows = SMALL.assign(order_id=["3", "1", None, None, None])
    assert customer_totals(rows, order="order_id").table["orders"].tolist() == [3, 1, 0]


def test_an_empty_table_and_a_day_to_come_are_refused():
    with pytest.raises(InputError, match="no rows"):
        customer_totals(SMALL.iloc[:0])
    tomorrow = pd.Timestamp(dt.date.today() + dt.timedelta(days=1))
    with pytest.raises(InputError, match="still to come"):
        customer_totals(SMALL.assign(date=tomorrow))
