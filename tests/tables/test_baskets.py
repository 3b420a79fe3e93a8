"""Baskets from files as people have them, and from transactions.

Oracles: rows written out by hand, the counts that R arules reports of the Groceries data.
"""

import hashlib
import json

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmlib import tables
from crmlib.errors import InputError


def read(tmp_path, text, name="baskets.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return tables.read_baskets(path)


def sets(table):
    return table.frame.groupby("basket_id")["item"].agg(set).to_dict()


def test_groceries_are_what_arules_reads(shared):
    reference = json.loads((shared / "reference/segmentation.json").read_text())["groceries"]
    path = shared / "data/groceries.csv"
    found = tables.read_baskets(path)
    assert found.kind == "baskets"
    assert found.frame["basket_id"].nunique() == reference["baskets"]
    assert found.frame["item"].nunique() == reference["items"]
    assert len(found.frame) == reference["item_entries"]
    assert {"cream cheese ", "roll products "} < set(found.frame["item"])
    assert found.description["rows"] == reference["baskets"]
    assert found.description["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert any('"cream cheese "' in note for note in found.description["notes"])


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path, sign):
    lines = ["bread", "bread,milk", "milk, butter,tea"]
    found = read(tmp_path, "\n".join(lines).replace(",", sign), name="baskets.txt")
    assert sets(found) == {1: {"bread"}, 2: {"bread", "milk"}, 3: {"milk", "butter", "tea"}}


def test_what_is_not_as_it_should_be_is_counted_and_told(tmp_path):
    found = read(tmp_path, 'tea,tea,milk\n\n,,\nmilk,,tea\n"salt, fine",tea,,\n  \n')
    assert sets(found) == {1: {"tea", "milk"}, 4: {"milk", "tea"}, 5: {"salt, fine", "tea"}}
    assert found.frame.groupby(["basket_id", "item"]).size().max() == 1
    assert found.description["rows"] == 3
    assert found.set_aside["row"].tolist() == [2, 3, 6]
    assert found.description["set_aside"] == 3
    notes = "\n".join(found.description["notes"])
    assert "3 lines are empty and no baskets (rows 2, 3, 6)" in notes
    assert "1 line has an empty item (row 4)" in notes
    assert "1 basket names an item more than once: it counts once (row 1)" in notes


def test_a_blank_at_the_end_of_an_item_stays_unless_the_item_stands_without_it_too(tmp_path):
    found = read(tmp_path, "cheese ,milk\nmilk , tea\nmilk,cheese ,milk \n")
    assert sets(found) == {1: {"cheese ", "milk"}, 2: {"milk", "tea"}, 3: {"milk", "cheese "}}
    assert len(found.frame) == 6
    assert any(
        'one item with and without a blank at the end: "milk"' in note
        for note in found.description["notes"]
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_other_encodings(tmp_path, encoding):
    lines = "打印机,墨盒\n纸张,墨盒,打印机\n" * 20
    found = read(tmp_path, lines, encoding=encoding)
    assert sets(found)[2] == {"纸张", "墨盒", "打印机"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n , \n", "is empty"),
        ('tea,"milk\n', "quotation mark that is never closed"),
        ("tea\n" * 6 + "milk,milk\n" * 6, "none of the 12 baskets holds two different items"),
        ("a,b;c\nd,e;f\n", "separated by commas or by semicolons"),
        (
            "order_id,item\n" + "".join(f"{n},tea\n" for n in range(12)),
            "looks like a table with a header .order_id, item.",
        ),
    ],
)
def test_files_that_hold_no_baskets(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_other_sources_are_refused_and_no_password_is_told(tmp_path):
    (tmp_path / "baskets.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match="from a text file with one basket a line"):
        tables.read_baskets(tmp_path / "baskets.xlsx")
    with pytest.raises(InputError, match="is a database") as error:
        tables.read_baskets("postgresql://user:secret@host/shop#baskets")
    assert "secret" not in str(error.value)
    with pytest.raises(InputError, match="There is no file"):
        tables.read_baskets(tmp_path / "nothing.csv")


TRANSACTIONS = pd.DataFrame(
    {
        "customer_id": ["A", "A", "A", "B", "B", "B", "B"],
        "date": pd.to_datetime(["2024-01-01"] * 3 + ["2024-01-02"] * 2 + ["2024-01-05"] * 2),
        "amount": [1.0, 2.0, 3.0, 4.0, 5.0, -5.0, 6.0],
        "product_line": ["tea", "milk", "tea", "tea", None, "milk", "milk"],
        "order_id": ["1", "1", "1", "2", "2", "3", "4"],
    }
)


def in_order(expression):
    found = tables.as_frame(expression)
    return found.sort_values(list(found.columns), ignore_index=True)


def test_baskets_of_orders_without_returns_and_nameless_items():
    expected = pd.DataFrame(
        {
            "basket_id": ["1", "1", "2", "4"],
            "customer_id": ["A", "A", "B", "B"],
            "item": ["milk", "tea", "tea", "milk"],
        }
    )
    assert_frame_equal(in_order(tables.baskets_of(TRANSACTIONS)), expected)


def test_baskets_of_days_where_there_are_no_orders():
    found = in_order(tables.baskets_of(TRANSACTIONS, order=None))
    assert found["basket_id"].tolist() == ["A 2024-01-01"] * 2 + ["B 2024-01-02", "B 2024-01-05"]
    with pytest.raises(InputError, match=r"no column order_id.*order=None"):
        tables.baskets_of(TRANSACTIONS.drop(columns="order_id"))


def test_a_purchase_without_an_order_is_refused():
    nameless = TRANSACTIONS.assign(order_id=["1", None, "1", "2", "2", "3", "4"])
    with pytest.raises(InputError, match='"order_id": 1 purchases have no value'):
        tables.baskets_of(nameless)
