"""Pseudonyms are the same on every engine, and worked out there.

Oracle: hashlib, by the formula of `crmlib.tables.pseudonyms`.
"""

import pytest

from crmlib import tables
from tests.tables.test_pseudonyms import KEY, pseudonym

from .conftest import DATA

pytestmark = [
    pytest.mark.engines,
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket"),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket"),
]


@pytest.fixture(scope="module")
def raw():
    return tables.read(DATA / "transactions.csv", kind="transactions").frame["customer_id"]


@pytest.fixture
def key(raw, monkeypatch):
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", KEY)


def check(found, raw):
    assert sorted(found.frame["customer_id"]) == sorted(map(pseudonym, raw))
    assert found.description["pseudonymised"] is True


def test_postgresql(postgresql, raw, key):
    check(tables.read(f"{postgresql.url}#transactions", kind="transactions"), raw)


def test_names_on_postgresql(postgresql, key):
    found = tables.read(f"{postgresql.url}#customers", kind="customers").frame
    assert (found["name"] == found["customer_id"]).all()


def test_contacts_on_postgresql(postgresql, key):
    import psycopg

    with psycopg.connect(postgresql.url, autocommit=True) as database:
        database.execute("CREATE TABLE IF NOT EXISTS people (unit_id text, contact text)")
        database.execute("INSERT INTO people VALUES ('王', ' Ada@Example.com '), ('b''\\', 'n/a')")
    found = tables.read(f"{postgresql.url}#people", kind="frame").frame.fillna("")
    assert sorted(found["contact"]) == ["", pseudonym("ada@example.com") + "@pseudonym.invalid"]
    assert sorted(found["unit_id"]) == sorted([pseudonym("王"), pseudonym("b'\\")])


def test_spark(spark_folder, raw, key):
    there = tables.read(f"spark://{spark_folder}/transactions.parquet", kind="transactions")
    check(there, raw)


def test_the_server_is_never_told_the_key(postgresql, key):
    import ibis

    expression = tables.read(f"{postgresql.url}#customers", kind="customers").expression
    assert KEY not in str(ibis.to_sql(expression))


def test_a_name_stands_for_the_password(postgresql, monkeypatch):
    from .conftest import PASSWORD

    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    named = postgresql.url.replace(PASSWORD, "${SHOP_PASSWORD}") + "#complaints"
    found = tables.read(named, kind="complaints")
    assert found.source == named
    assert found.description["sha256"] is None
    assert len(found.frame) > 0
