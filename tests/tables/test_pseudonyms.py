"""Where the key is set, who a customer is does not leave the engine.

Oracle: hashlib, by the formula of `crmlib.tables.pseudonyms`; the raw ids, searched for.
"""

import hashlib

import pandas as pd
import pytest

from crmlib import tables
from crmlib.errors import InputError
from crmlib.tables.schemas import KINDS

KEY = "k'ey\"with\\all {sorts} of ${signs} – 键"


def pseudonym(text, key=KEY):
    k = hashlib.sha256(key.encode()).hexdigest()
    inner = hashlib.sha256((k + text).encode()).hexdigest()
    return hashlib.sha256((k + inner).encode()).hexdigest()[:16]


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", KEY)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


CUSTOMERS = """customer_id,name,region,E-Mail,Customer Name,product_name
00017,"O'Hara & Söhne",North,ohara@example.com,O'Hara,tea
王芳-2,,South,,,milk
"""


def test_ids_and_names_are_replaced_and_the_rest_stays(key, tmp_path):
    table = tables.read(write(tmp_path / "c.csv", CUSTOMERS), "customers")
    assert table.frame.fillna("").to_dict("list") == {
        "customer_id": [pseudonym("00017"), pseudonym("王芳-2")],
        "name": [pseudonym("00017"), ""],
        "region": ["North", "South"],
        "product_name": ["tea", "milk"],
    }
    assert table.description["pseudonymised"] is True
    assert table.description["notes"][-2:] == [
        "pseudonyms in place of customer_id, name",
        'left out, because the header says who somebody is: "E-Mail", "Customer Name"',
    ]
    assert set(table.description["missing_cells"]) == set(table.frame.columns)


def test_without_a_key_nothing_is_replaced(tmp_path, monkeypatch):
    monkeypatch.delenv("CRMLIB_PSEUDONYM_KEY", raising=False)
    table = tables.read(write(tmp_path / "c.csv", CUSTOMERS), "customers")
    assert table.frame["customer_id"].tolist() == ["00017", "王芳-2"]
    assert "E-Mail" in table.frame
    assert "pseudonymised" not in table.description


@pytest.mark.parametrize("short", ["x", "fifteen letters"])
def test_a_short_key_is_refused_and_not_shown(tmp_path, monkeypatch, short):
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", short)
    with pytest.raises(InputError, match="fewer than 16 signs") as caught:
        tables.read(write(tmp_path / "c.csv", CUSTOMERS), "customers")
    assert short not in str(caught.value).split()


def test_another_key_gives_other_pseudonyms(key, tmp_path, monkeypatch):
    file = write(tmp_path / "c.csv", CUSTOMERS)
    first = tables.read(file, "customers").frame
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", "another key of some length")
    second = tables.read(file, "customers").frame
    assert not set(first["customer_id"]) & set(second["customer_id"])


def test_tables_still_join(key, tmp_path):
    rows = "customer_id,date,amount\n00017,2024-01-31,5\n"
    pd.DataFrame(
        {"customer_id": ["00017"], "date": pd.Timestamp("2024-01-31"), "amount": 5.0}
    ).to_parquet(tmp_path / "t.parquet")
    write(tmp_path / "t.csv", rows)
    sent = tables.read(write(tmp_path / "r.csv", "customer_id,referred_by\nx,00017\n"), "referrals")
    frame = tables.read(write(tmp_path / "f.csv", "unit_id,account\nK1,00017\n"), "frame")
    found = [
        tables.read(tmp_path / "t.csv", "transactions").frame["customer_id"],
        tables.read(tmp_path / "t.parquet", "transactions").frame["customer_id"],
        sent.frame["referred_by"],
        frame.frame["account"],
    ]
    assert [column.tolist() for column in found] == [[pseudonym("00017")]] * 4


def test_contacts_stay_comparable_and_reach_nobody(key, tmp_path):
    text = (
        "unit_id,contact\n1,A.da@Example.com\n2,a.da@example.com\n3,n/a\n4,+49 30 123-4567\n"
        "5,+4930 1234567\n6,\n7,bob@example.com\n"
    )
    found = tables.read(write(tmp_path / "f.csv", text), "frame").frame["contact"]
    ada, phone, bob = (
        pseudonym(plain) + "@pseudonym.invalid"
        for plain in ("a.da@example.com", "+49301234567", "bob@example.com")
    )
    assert found.fillna("").tolist() == [ada, ada, "", phone, phone, "", bob]


@pytest.mark.parametrize("faulty_rows", ["stop", "set aside"])
def test_no_fault_shows_an_id(key, tmp_path, faulty_rows):
    text = (
        "customer_id,name,acquired_on\nSECRET-1,Ada,2024-01-31\nSECRET-1,Eve,2024-02-31\n"
        "SECRET-2,Ida\nSECRET-3,Oda,2024-03-01,x,y\n4.50E+11,Una,2024-03-02\nSECRET-5,Ina,2024-04-01\n"
    )
    file = write(tmp_path / "c.csv", text)
    if faulty_rows == "stop":
        with pytest.raises(InputError) as caught:
            tables.read(file, "customers")
        told = str(caught.value)
        assert "earlier row" in told
        assert "shortened" in told
        assert '"2024-02-31"' in told  # what says nothing of who it is helps to find it
    else:
        table = tables.read(file, "customers", faulty_rows="set aside")
        told = table.set_aside.to_string() + table.frame.to_string() + str(table.description)
        assert table.set_aside["row"].tolist() == [3, 3, 4, 5, 6]
    for secret in ("SECRET", "Ada", "Eve", "Ida", "Oda", "Una", "4.50E+11"):
        assert secret not in told


@pytest.mark.parametrize(
    "content",
    [
        b"SECRET-1,2024-01-31,5\nSECRET-2,2024-01-31,6\n",
        b"customer_id,date,amount\nSECRET-1 \xff\xfe,2024-01-31,5\n",
        "customer_id,date,amount,place\nSECRET-1,2024-01-31,5,奶酪\n".encode("gb18030"),
        "customer_id,date,amount,place\nSECRET-1,2024-01-31,5,Käse\n".encode("cp1252"),
    ],
    ids=["no header", "no encoding", "GB18030", "Windows-1252"],
)
def test_no_message_and_no_note_shows_an_id(key, tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    try:
        told = str(tables.read(tmp_path / "t.csv", "transactions").description)
    except InputError as error:
        told = str(error)
    assert "t.csv" in told
    assert "SECRET" not in told


def test_the_key_is_in_no_expression(key, tmp_path):
    import ibis

    pd.DataFrame({"customer_id": ["1"], "region": ["N"]}).to_parquet(tmp_path / "c.parquet")
    expression = tables.read(tmp_path / "c.parquet", "customers").expression
    for shown in (repr(expression), ibis.to_sql(expression)):
        assert KEY not in shown
        assert "ey with" not in shown


def test_every_column_of_an_id_is_marked():
    """A new kind of table must say which of its columns tell people apart."""
    ids = {
        (kind, column.name)
        for kind, columns in KINDS.items()
        for column in columns
        if column.name.endswith("_id") or column.name in ("referred_by", "account")
    }
    marked = {(k, c.name) for k, columns in KINDS.items() for c in columns if c.personal == "id"}
    assert ids - marked == {("transactions", "order_id")}
    assert marked <= ids
