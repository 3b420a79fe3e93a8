"""Databases by URL: the same table as a plain one, and messages without passwords."""

import hashlib
import sqlite3
import sys

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmlib import tables
from crmlib.errors import InputError

EXPECTED = pd.DataFrame(
    {
        "customer_id": ["00001", "王芳"],
        "date": pd.to_datetime(["2024-01-31", "2024-02-29"]),
        "amount": [1.234, -7.25],
        "quantity": [2.0, None],
    }
)


@pytest.fixture
def sqlite_file(tmp_path):
    path = tmp_path / "shop.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE orders (customer_id, date TEXT, amount REAL, quantity INTEGER)")
    rows = [("00001", "2024-01-31", 1.234, 2), ("王芳", "2024-02-29", -7.25, None)]
    database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    database.execute("CREATE VIEW transactions AS SELECT * FROM orders")
    database.execute("CREATE TABLE loose AS SELECT 1 AS customer_id, 'x' AS date, 'n/a' AS amount")
    database.execute("INSERT INTO loose VALUES (2, '2024-01-01', 3.5)")
    database.commit()
    database.close()
    return path


@pytest.fixture
def duckdb_file(tmp_path):
    path = tmp_path / "shop's.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute(
            "CREATE TABLE orders AS SELECT * FROM (VALUES "
            "('00001', DATE '2024-01-31', 1.234, 2), ('王芳', DATE '2024-02-29', -7.25, NULL)) "
            "AS t (customer_id, date, amount, quantity)"
        )
    return path


def test_sqlite(sqlite_file):
    for url in (f"sqlite:///{sqlite_file}#orders", f"sqlite:///{sqlite_file}"):
        table = tables.read(url, "transactions")
        assert_frame_equal(table.frame, EXPECTED, check_dtype=False)
        assert table.description["sha256"] == hashlib.sha256(sqlite_file.read_bytes()).hexdigest()
        assert table.source == url


def test_sqlite_cells_of_any_type(sqlite_file):
    table = tables.read(f"sqlite:///{sqlite_file}#loose", "transactions", faulty_rows="set aside")
    assert table.frame["customer_id"].tolist() == ["2"]
    assert table.set_aside[["row", "column", "value"]].to_numpy().tolist() == [
        [1, "amount", "n/a"],
        [1, "date", "x"],
    ]


def test_duckdb_stays_where_it_is(duckdb_file):
    url = f"duckdb:///{duckdb_file}#orders"
    for _ in range(2):
        table = tables.read(url, "transactions")
        assert_frame_equal(table.frame, EXPECTED, check_dtype=False)


def message_of(url, **arguments):
    with pytest.raises(InputError) as caught:
        tables.read(url, "transactions", **arguments)
    return str(caught.value)


def test_no_such_table(sqlite_file, duckdb_file):
    for url in (f"sqlite:///{sqlite_file}#order", f"duckdb:///{duckdb_file}#order"):
        message = message_of(url)
        assert 'has no table "order" (did you mean "orders"?)' in message
        assert (
            'Name the table after a number sign at the end of the URL, such as "…#orders".'
            in message
        )


def test_no_database(tmp_path):
    path = tmp_path / "shop.db"
    path.write_text("customer_id,date,amount\n" * 100)
    assert "Check that it is an SQLite database." in message_of(f"sqlite:///{path}")
    assert "Check that it is a DuckDB database" in message_of(f"duckdb:///{path}")
    assert message_of("sqlite:///nowhere.db").startswith("There is no file nowhere.db")


def test_unknown_database():
    message = message_of("mysql://joe:secret@host/shop#orders")
    assert message.startswith(
        "mysql://joe:…@host/shop#orders: only sqlite:///, duckdb:///, postgresql://"
    )


def test_postgresql_without_its_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    message = message_of("postgresql://joe:s3:cr@t@host/shop#orders")
    assert message == (
        "postgresql://joe:…@host/shop#orders: reading PostgreSQL needs a driver that is not "
        'installed. Install it with: pip install "crmlib[postgresql]"'
    )


def test_a_server_that_cannot_be_reached_keeps_the_password_to_itself(monkeypatch):
    def refuse(url, table):
        raise RuntimeError(f"no route to {url}\nmore")

    monkeypatch.setattr("crmlib.tables.engine.server_table", refuse)
    message = message_of("postgresql://joe:secret@host/shop?password=secret")
    assert message == (
        'postgresql://joe:…@host/shop?password=…: the table "transactions" cannot be read '
        "(no route to postgres://joe:…@host/shop?password=…). "
        "Check the address, the user and the name of the table."
    )


def test_a_server_needs_types_and_has_no_row_numbers(monkeypatch):
    # DuckDB stands in for the server: the table is any Ibis expression.
    rows = pd.DataFrame(
        {"customer_id": ["A ", None, None], "date": ["2024-01-01"] * 3, "amount": [1.0, 2.0, 3.0]}
    )
    expression = tables.as_expression(rows)
    monkeypatch.setattr("crmlib.tables.engine.server_table", lambda url, table: expression)
    message = message_of("postgresql://host/shop")
    assert "date: the column holds string and not dates." in message
    assert 'Make a view with CAST("date" AS date) in the database, and read the view.' in message
    assert "customer_id, 2 rows: empty." in message
    typed = expression.mutate(date=expression.date.cast("date"))
    monkeypatch.setattr("crmlib.tables.engine.server_table", lambda url, table: typed)
    table = tables.read("postgresql://host/shop", "transactions", faulty_rows="set aside")
    assert table.frame["customer_id"].tolist() == ["A"]
    assert table.description["set_aside"] == 2
