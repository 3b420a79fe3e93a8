"""The fingerprint of a source is the SHA-256 that `describe` gives of it.

Oracle: hashlib over the file's bytes.
"""

import hashlib
import sqlite3
import subprocess
import sys

import duckdb
import pandas as pd
import pytest

from crmlib import tables
from crmlib.tables.fingerprints import fingerprint

ROWS = pd.DataFrame({"customer_id": ["1"], "date": ["2024-01-31"], "amount": [1.5]})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    ROWS.to_csv(tmp_path / "orders#1.csv", index=False)
    ROWS.to_parquet(tmp_path / "orders.parquet")
    ROWS.to_excel(tmp_path / "orders.xlsx", sheet_name="spring", index=False)
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as database:
        database.execute(
            "CREATE TABLE orders AS SELECT '1' AS customer_id, 1.5 AS amount, "
            "DATE '2024-01-31' AS date"
        )
    database = sqlite3.connect(tmp_path / "shop.db")
    ROWS.to_sql("orders", database, index=False)
    database.close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_FOLDER", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("orders#1.csv", "orders#1.csv"),
        ("orders.parquet", "orders.parquet"),
        ("orders.xlsx#spring", "orders.xlsx"),
        ("duckdb:///shop.duckdb#orders", "shop.duckdb"),
        ("sqlite:///shop.db#orders", "shop.db"),
        ("${SHOP_FOLDER}/orders.parquet", "orders.parquet"),
    ],
)
def test_it_is_what_describe_says(folder, source, file):
    expected = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    description = tables.describe(tables.read(source, "transactions"))
    assert fingerprint(source) == expected == description["sha256"]
    assert fingerprint(description["source"]) == expected


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://crm@127.0.0.1:1/shop#orders",
        "spark:///orders.parquet",
        "mysql://host/shop",
        "nothing.csv",
        "sqlite:///nothing.db#orders",
        "${NOT_SET_AT_ALL}.csv",
        ".",
        "",
        "a\0b",
    ],
)
def test_what_has_no_bytes_of_its_own_has_none(folder, source):
    assert fingerprint(source) is None


def test_rows_in_a_journal_are_not_in_the_bytes(folder):
    before = fingerprint("sqlite:///shop.db#orders")
    database = sqlite3.connect("shop.db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("INSERT INTO orders VALUES ('2', '2024-02-29', 2.5)")
    database.commit()
    try:
        assert fingerprint("sqlite:///shop.db#orders") is None
        found = tables.read("sqlite:///shop.db#orders", "transactions")
        assert (found.description["rows"], found.description["sha256"]) == (2, None)
    finally:
        database.close()
    assert fingerprint("sqlite:///shop.db#orders") not in (None, before)


def test_it_is_told_without_opening_anything():
    """The runner asks for it with every report, and has no use for an engine."""
    code = (
        "import sys; from crmlib.tables.fingerprints import fingerprint; fingerprint('x.csv'); "
        "print({name.partition('.')[0] for name in sys.modules} & {'ibis', 'duckdb', 'pandas'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
