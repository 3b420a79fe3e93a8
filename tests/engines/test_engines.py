"""Every engine gives the same tables as the files.

Oracle: the same call on DuckDB, reading the example company's CSV files.
"""

import pytest
from pandas.testing import assert_frame_equal

from crmlib import segmentation, tables
from crmlib.errors import InputError

from .calls import TABLES
from .conftest import DATA, PASSWORD, load, new_server

pytestmark = [
    pytest.mark.engines,
    # PySpark 4.0 calls pandas 3 as older ones want it, and py4j leaves closing its sockets to
    # the garbage collector, in whatever test that comes by.
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket"),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket"),
]


@pytest.fixture(scope="module")
def from_file():
    return tables.read(DATA / "transactions.csv", kind="transactions")


def same(found, expected):
    # Engines differ in the unit they keep days in, and in nothing else.
    dates = expected.select_dtypes("datetime").columns
    found = found.astype({name: expected[name].dtype for name in dates})
    assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True))


@pytest.mark.parametrize("name", TABLES)
def test_postgresql(postgresql, from_file, name):
    there = tables.read(f"{postgresql.url}#transactions", kind="transactions")
    same(TABLES[name](there), TABLES[name](from_file))


@pytest.mark.parametrize("name", TABLES)
def test_spark(spark_folder, from_file, name):
    there = tables.read(f"spark://{spark_folder}/transactions.parquet", kind="transactions")
    same(TABLES[name](there), TABLES[name](from_file))


@pytest.fixture
def leaving():
    """A server of a test's own, which it may stop."""
    server = new_server()
    load(server, "transactions", DATA / "transactions.csv")
    yield server
    server.remove()


def told(call):
    with pytest.raises(InputError) as caught:
        call()
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_a_server_that_goes_away_is_told_and_asked_again_when_it_is_back(leaving, from_file):
    address = f"{leaving.url}#transactions"
    rows = tables.read(address, kind="transactions")
    leaving.stop()
    assert "stopped answering" in told(lambda: segmentation.customer_totals(rows))
    assert "cannot be read" in told(lambda: tables.read(address, kind="transactions"))

    leaving.start()
    again = tables.read(address, kind="transactions")
    same(segmentation.customer_totals(again).table, segmentation.customer_totals(from_file).table)


def test_what_is_not_there_is_told_without_the_password(postgresql):
    url = postgresql.url
    for wrong, words in [
        (f"{url}#no_such_table", '"no_such_table" cannot be read'),
        (url.replace(":" + str(postgresql.port), ":1") + "#transactions", "cannot be read"),
        (url.replace(PASSWORD, "wrong-" + PASSWORD) + "#transactions", "cannot be read"),
    ]:
        assert words in told(lambda wrong=wrong: tables.read(wrong, kind="transactions"))


def test_files_and_tables_that_spark_has_not(spark_folder):
    for source, words in [
        (f"spark://{spark_folder}/none.parquet", "Spark cannot read it"),
        ("spark://#no_such_table", "Spark cannot read it"),
        ("spark://", "name either"),
    ]:
        assert words in told(lambda source=source: tables.read(source, kind="transactions"))
