"""`${NAME}` in a source is the value of the environment where it is opened, and a name elsewhere.

Oracle: the same table under its plain name; the value itself, searched for.
"""

import sqlite3

import ibis
import pytest
from pandas.testing import assert_frame_equal

from crmlib import tables
from crmlib.errors import InputError
from crmlib.passwords import hide_passwords
from crmlib.tables import secrets
from crmlib.tables.companions import companion

PLAIN = "customer_id,date,amount\n00001,2024-01-31,1.5\n00002,2024-02-29,-7\n"
VALUE = "p@ss/w#rd %41+?:"
ADDRESS = "postgresql://crm:${SHOP_PASSWORD}@127.0.0.1:1/shop#orders"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "behind-the-name"
    place.mkdir()
    (place / "orders.csv").write_text(PLAIN)
    with sqlite3.connect(place / "shop.db") as database:
        database.execute("CREATE TABLE orders (customer_id TEXT, date TEXT, amount REAL)")
        database.execute("INSERT INTO orders VALUES ('00001', '2024-01-31', 1.5)")
    database.close()
    monkeypatch.setenv("SHOP_FOLDER", str(place))
    monkeypatch.setenv("SHOP_PASSWORD", VALUE)
    return place


@pytest.mark.parametrize(
    ("named", "plain"),
    [
        ("${SHOP_FOLDER}/orders.csv", "orders.csv"),
        ("sqlite:///${SHOP_FOLDER}/shop.db#orders", "shop.db#orders"),
    ],
)
def test_a_name_opens_what_its_value_opens(folder, named, plain):
    source = f"{'sqlite:///' if '#' in plain else ''}{folder}/{plain}"
    table, expected = tables.read(named, "transactions"), tables.read(source, "transactions")
    assert_frame_equal(table.frame, expected.frame)
    assert table.source == table.description["source"] == named
    assert table.description["sha256"] == expected.description["sha256"] is not None
    assert str(folder) not in str(table.description)


def test_baskets_open_it_too(folder):
    (folder / "baskets.csv").write_text("tea,milk\ntea,bread\nmilk\n")
    found = tables.read_baskets("${SHOP_FOLDER}/baskets.csv")
    assert found.description["rows"] == 3
    assert found.source == "${SHOP_FOLDER}/baskets.csv"


@pytest.mark.parametrize("read", [lambda s: tables.read(s, "transactions"), tables.read_baskets])
@pytest.mark.parametrize("value", [None, "", "short"])
def test_a_variable_that_cannot_be_used_is_named(monkeypatch, read, value):
    monkeypatch.delenv("SHOP_FOLDER", raising=False)
    if value is not None:
        monkeypatch.setenv("SHOP_FOLDER", value)
    with pytest.raises(InputError, match="SHOP_FOLDER") as caught:
        read("${SHOP_FOLDER}/orders.csv")
    assert "short" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "${SHOP_FOLDER}/nothing.csv",
        "${SHOP_FOLDER}",
        "${SHOP_FOLDER}/orders.csv#sheet",
        "${SHOP_FOLDER}/shop.db",
        "sqlite:///${SHOP_FOLDER}/shop.db#nothing",
        "sqlite:///${SHOP_FOLDER}/orders.csv#orders",
        "duckdb:///${SHOP_FOLDER}/orders.csv#orders",
        "unknown://crm:${SHOP_PASSWORD}@host/${SHOP_FOLDER}#x",
        "postgresql://127.0.0.1:1/shop?password=${SHOP_PASSWORD}#orders",
        ADDRESS,
    ],
)
def test_no_message_holds_a_value(folder, source):
    with pytest.raises(InputError) as caught:
        tables.read(source, "transactions")
    told = str(caught.value)
    assert VALUE not in told
    assert secrets.quote(VALUE, safe="") not in told
    assert str(folder) not in told
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_password_may_hold_any_sign(folder, monkeypatch):
    seen = []

    def connect(url):
        seen.append(url)
        raise OSError("no server")

    monkeypatch.setattr(ibis, "connect", connect)
    with pytest.raises(InputError):
        tables.read(ADDRESS, "transactions")
    # As ibis reads it: urlparse, and unquote_plus of the password.
    from urllib.parse import unquote_plus, urlparse

    parsed = urlparse(seen[0])
    assert unquote_plus(parsed.password) == VALUE
    assert (parsed.hostname, parsed.port, parsed.path) == ("127.0.0.1", 1, "/shop")


def test_a_whole_address_is_taken_as_it_is(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p%40q@host/db")
    assert secrets.resolved("${DATABASE_URL}#orders") == "postgresql://u:p%40q@host/db#orders"


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://127.0.0.1:1/shop?password=${PW}#orders",
        "postgresql://127.0.0.1:1/shop?user=crm&password=${PW}&sslmode=prefer#orders",
    ],
)
def test_a_value_in_a_query_may_hold_any_sign(monkeypatch, source):
    from urllib.parse import parse_qs, urlsplit

    value = "abc123#SecretTail&user=root?+ %"
    monkeypatch.setenv("PW", value)
    parts = urlsplit(secrets.resolved(source))
    assert parts.fragment == "orders"
    query = parse_qs(parts.query, strict_parsing=True)
    assert query["password"] == [value]
    assert query.get("user", ["crm"]) == ["crm"]
    with pytest.raises(InputError) as caught:
        tables.read(source, "transactions")
    assert "SecretTail" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://127.0.0.1:1/${PW}#orders",
        "postgresql://127.0.0.1:1/shop?${PW}#orders",
        "sqlite:///${PW}/shop.db#orders",
        "spark:///${PW}#orders",
    ],
)
def test_a_value_that_would_end_the_address_is_refused_and_not_shown(monkeypatch, source):
    monkeypatch.setenv("PW", "abc123#SecretTail")
    with pytest.raises(InputError, match="number sign") as caught:
        tables.read(source, "transactions")
    assert "SecretTail" not in str(caught.value)
    monkeypatch.setenv("PW", "sslmode=prefer&connect_timeout=3")
    assert secrets.resolved(source) == source.replace("${PW}", "sslmode=prefer&connect_timeout=3")


def test_a_file_and_a_table_may_have_a_number_sign(monkeypatch):
    monkeypatch.setenv("PLACE", "folder#7")
    assert secrets.resolved("${PLACE}/orders.csv") == "folder#7/orders.csv"
    assert secrets.resolved("postgresql://db/shop#${PLACE}") == "postgresql://db/shop#folder#7"


def test_a_value_is_not_looked_into(monkeypatch):
    monkeypatch.setenv("OUTER_NAME", "${INNER_NAME}")
    monkeypatch.setenv("INNER_NAME", "never-to-be-seen")
    assert secrets.resolved("${OUTER_NAME}.csv") == "${INNER_NAME}.csv"


@pytest.mark.parametrize("text", ["$${SHOP_FOLDER}", "$SHOP_FOLDER", "${not a name}", "${}", "{x}"])
def test_what_is_no_reference_stays(folder, text):
    assert secrets.resolved(text) == text.replace("$$", "$")
    assert secrets.names_in(text) == ()


def test_the_key_of_pseudonyms_is_no_part_of_a_source(monkeypatch):
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", "the-key-of-all-the-pseudonyms")
    with pytest.raises(InputError, match="cannot be a part"):
        tables.read("${CRMLIB_PSEUDONYM_KEY}.csv", "transactions")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://crm:${PW}@db/crm#x", "postgresql://crm:${PW}@db/crm#x"),
        ("postgresql://crm:${PW}x@db/crm", "postgresql://crm:…@db/crm"),
        ("postgresql://crm:${PW}@tail@db/crm", "postgresql://crm:…@db/crm"),
        ("postgresql://crm:real@db/${PW}", "postgresql://crm:…@db/${PW}"),
        ("postgresql://db/crm?password=${PW}&x=1", "postgresql://db/crm?password=${PW}&x=1"),
        ("postgresql://db/crm?password=${PW}tail", "postgresql://db/crm?password=…"),
    ],
)
def test_a_name_is_no_password(text, expected):
    assert hide_passwords(text) == expected


def test_the_example_is_known_behind_a_name(monkeypatch):
    from crmlib.tables.companions import example_folder

    monkeypatch.setenv("DATA_FOLDER", str(example_folder()))
    assert companion("data/customers.csv", "${DATA_FOLDER}/transactions.csv") is not None
    assert companion("data/customers.csv", "${DATA_FOLDER}/other.csv") is None
    assert companion("data/customers.csv", "${NOT_SET_AT_ALL}/transactions.csv") is None
