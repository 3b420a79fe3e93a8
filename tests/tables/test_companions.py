"""Tables that go with a source: the example company's must not enter another company's report."""

import pytest

from crmlib import tables
from crmlib.tables.companions import EXAMPLE, example_folder


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\na,2024-01-01,1\n")
    (tmp_path / "names.csv").write_text("customer_id,name\na,Anna\n")
    return tmp_path


def test_tables_of_the_example_go_with_the_example():
    assert tables.companion("data/customers.csv", "data/transactions.csv") == "data/customers.csv"


@pytest.mark.parametrize("address", ["", "postgresql://user@host/crm#orders"])
def test_tables_of_the_example_do_not_go_with_another_source(own, address):
    assert tables.companion("data/customers.csv", address or str(own / "orders.csv")) is None


def test_own_tables_go_with_any_source(own):
    names = str(own / "names.csv")
    assert tables.companion(names, str(own / "orders.csv")) == names
    assert tables.companion(names, "data/transactions.csv") == names


def test_no_table_stays_none_and_a_missing_file_is_for_the_reader_to_refuse(own):
    assert tables.companion(None, "data/transactions.csv") is None
    assert tables.companion("nowhere.csv", str(own / "orders.csv")) == "nowhere.csv"


def test_a_folder_called_data_of_ones_own_is_ones_own(own, monkeypatch):
    (own / "data").mkdir()
    (own / "orders.csv").rename(own / "data" / "orders.csv")
    (own / "names.csv").rename(own / "data" / "names.csv")
    monkeypatch.chdir(own)
    assert tables.companion("data/names.csv", "data/orders.csv") == "data/names.csv"
    assert tables.companion("data/customers.csv", "data/orders.csv") is None


def test_every_table_of_the_example_is_known():
    there = {path.stem for path in example_folder().glob("*.csv")} - {"glossary"}  # no table of it
    assert there == {name for name in EXAMPLE if "/" not in name}
    assert (example_folder() / "truth" / "future.csv").exists()
