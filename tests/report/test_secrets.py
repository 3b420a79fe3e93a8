"""Passwords and other secrets stay out of everything that a run leaves.

Oracle: the bytes of every file the run wrote, searched for the secret in each of the forms that
Python's own encoders give it.
"""

import base64
import csv
import html
import io
import json
import os
import random
import re
import string
import time
import zipfile
from urllib.parse import quote, quote_plus

import nbformat
import openpyxl
import pandas as pd
import pytest

from crmlib.report import blocks
from crmlib.report.attachments import file_bytes
from crmlib.report.secrets import (
    hide_passwords,
    hide_secrets,
    hide_secrets_in_bytes,
    hide_secrets_within,
    names_within,
)

PASSWORD = "s3cr@t-geheim"
ADDRESS = f"postgresql://crm:{PASSWORD}@localhost:5432/shop#orders"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"see {ADDRESS}.", "see postgresql://crm:…@localhost:5432/shop#orders."),
        ("postgresql://crm@localhost/shop", "postgresql://crm@localhost/shop"),
        ("https://example.com/a:b", "https://example.com/a:b"),
        ("write to ada@example.com: thanks", "write to ada@example.com: thanks"),
        ('{"source": "mysql://a:b@c/d"}', '{"source": "mysql://a:…@c/d"}'),
        ("PostgreSQL://a:b@c/d", "PostgreSQL://a:…@c/d"),
        ("postgresql://a:${PW}@c/d", "postgresql://a:${PW}@c/d"),
        ('{"source": "mysql://a:${PW}@c/d"}', '{"source": "mysql://a:${PW}@c/d"}'),
        ("postgresql://a:${PW}tail@c/d", "postgresql://a:…@c/d"),
        ("postgresql://a:${PW}@tail@c/d", "postgresql://a:…@c/d"),
    ],
)
def test_only_the_password_of_an_address_is_hidden(text, expected):
    assert hide_passwords(text) == expected


@pytest.mark.parametrize("ending", ["print(source)", "print(source)\nraise ValueError(source)"])
def test_no_file_of_a_run_holds_the_password(workbook, plain_pdf, ending):
    workbook.add("clp/secret", ending, parameters='source: str = "x"')
    result = workbook.run("-p", f"source={ADDRESS}")
    written = [path for path in workbook.reports.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"notebook.ipynb", "run.json"}
    for path in written:
        assert PASSWORD.encode() not in path.read_bytes(), path.name
    assert PASSWORD not in result.output
    assert PASSWORD not in result.stderr
    notebook = next(path for path in written if path.name == "notebook.ipynb")
    assert "postgresql://crm:…@localhost" in notebook.read_text(encoding="utf-8")


# ----------------------------------------------------------------- values of the environment

VALUES = {
    "plain": "geheim123",
    "address": "p@ss/w#rd:50%+x y?&=;",
    "quotes": 'it\'s "so" `secret`$1',
    "backslashes": r"C:\new\table\\u0041\"end" + "\\",
    "starts with an escape's letter": "nuclear-Code-7",
    "html": "<b>&amp;'secret'</b>",
    "lines": "first line\nsecond\tline\r\nthird",
    "letters": "schlüssel–密钥🔑",
    "signs only": "!?$%&/()=",
    "surrogate": "caf\udce9-secret",
    "like a pattern": "(a+)+$[^x]{2,}",
}
ENCODERS = {
    "itself": str,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"x": text})),
    "JSON with letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "repr": repr,
    "ascii": ascii,
    "repr of repr": lambda text: repr(repr(text)),
    "JSON of repr": lambda text: json.dumps(repr([text])),
    "address": lambda text: quote(text, safe="", errors="surrogateescape"),
    "path": lambda text: quote(text, errors="surrogateescape"),
    "form": lambda text: quote_plus(text, errors="surrogateescape"),
    "address twice": lambda text: quote(quote(text, safe="", errors="surrogateescape"), safe=""),
    "small hex digits": lambda text: percent(text),
    "every byte": lambda text: "".join(f"%{byte:02X}" for byte in coded(text)),
    "hex": lambda text: coded(text).hex(),
    "HTML": html.escape,
    "HTML of addresses": lambda text: html.escape(quote(text, safe=":@", errors="surrogateescape")),
    "HTML in JSON": lambda text: json.dumps(html.escape(text)),
    "HTML of blocks": blocks._lines,
    "HTML of blocks of JSON": lambda text: blocks._lines(json.dumps(json.dumps(text))),
    "JSON of HTML of blocks of repr": lambda text: json.dumps(blocks._lines(repr(text))),
    "CSV": lambda text: as_csv(text),
    "SQL": lambda text: text.replace("'", "''"),
    "CSV in base64": lambda text: base64.b64encode(coded(as_csv(text) + 50 * "x")).decode(),
    "base64": lambda text: base64.b64encode(coded(text)).decode(),
    "base64 after one byte": lambda text: base64.b64encode(b"x" + coded(text) + b"yz").decode(),
    "base64 after two bytes": lambda text: base64.b64encode(b"xy" + coded(text) + b"z").decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(b"x" + coded(text)).decode(),
    "base64 in JSON": lambda text: json.dumps({"k": base64.b64encode(coded(text)).decode()}),
}


def coded(text):
    return text.encode("utf-8", "surrogateescape")


def as_csv(text):
    cells = io.StringIO()
    csv.writer(cells, lineterminator="").writerow(["a", text])
    return cells.getvalue()


def percent(text):
    """Quote text with small hex digits."""
    quoted = quote(text, safe="", errors="surrogateescape")
    return re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)


@pytest.fixture
def secret(monkeypatch):
    def given(value):
        monkeypatch.setitem(os.environ, "SHOP_SECRET", value)
        return value

    return given


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_is_found_however_it_is_written(secret, value, encoder):
    written = ENCODERS[encoder](secret(value))
    text = f"before {written} after\nplain"
    found = hide_secrets(text, ["SHOP_SECRET"])
    assert written not in found
    assert found.startswith("before ")
    assert found.endswith(" after\nplain")
    for piece in re.findall(r"[A-Za-z0-9]{4,}", value):
        assert piece not in found


def test_forms_may_be_mixed(secret):
    secret("p@ss/w#rd it's")
    text = "p%40ss/w#rd+it's p@ss%2fw#rd%20it%27s p@ss\\/w#rd it\\'s"
    assert hide_secrets(text, ["SHOP_SECRET"]) == "… … …"


def test_what_is_no_secret_stays(secret):
    text = json.dumps({"a": "password", "b": base64.b64encode(bytes(range(256))).decode()})
    assert hide_secrets(text, ["SHOP_SECRET", "NOT_SET_AT_ALL"]) == text
    secret("short")
    assert hide_secrets("so short a value would be found in shortened words", ["SHOP_SECRET"])
    assert "short" in hide_secrets("a short value", ["SHOP_SECRET"])


def test_of_two_secrets_the_longer_goes_first(monkeypatch):
    monkeypatch.setenv("ONE", "secret-value")
    monkeypatch.setenv("TWO", "secret-value-and-more")
    assert hide_secrets("x secret-value-and-more x", ["ONE", "TWO"]) == "x … x"


def test_the_key_of_pseudonyms_needs_no_name(monkeypatch):
    import hashlib

    key = "the key of pseudonyms"
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", key)
    derived = hashlib.sha256(key.encode()).hexdigest()  # what engines are given
    assert hide_secrets(f"{key} and {derived}", []) == "… and …"


def test_data_stay_data(secret):
    """Text of JSON could be cut within an escape; texts of data cannot."""
    value = secret("nuclear-Code-7\\")
    data = {"a\nuclear-Code-7": [f"\nuclear-Code-7 {value}", 1, None, {value: True}], "t": (1,)}
    found = hide_secrets_within(data, ["SHOP_SECRET"])
    assert found == {"a\nuclear-Code-7": ["\nuclear-Code-7 …", 1, None, {"…": True}], "t": (1,)}
    assert json.loads(json.dumps(found))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"x = {value!r}")])
    hidden = hide_secrets_within(notebook, ["SHOP_SECRET"])
    nbformat.validate(hidden)
    assert hidden.cells[0].source == "x = '…'"


def test_base64_stays_base64(secret):
    value = secret("geheim123")
    content = b"\xff" + os.urandom(100) + value.encode() + bytes(50)
    coded_content = base64.b64encode(content).decode()
    found = hide_secrets(f'{{"content": "{coded_content}"}}', ["SHOP_SECRET"])
    decoded = base64.b64decode(json.loads(found)["content"], validate=True)
    assert decoded == content.replace(value.encode(), b"*" * len(value))


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_attachments_are_searched(secret, name):
    value = secret("geheim <123> & 'so'")
    content = file_bytes(pd.DataFrame({"note": [f"key: {value}!", "plain"]}), name)
    found = hide_secrets_in_bytes(content, ["SHOP_SECRET"])
    if name == "list.xlsx":
        with zipfile.ZipFile(io.BytesIO(found)) as archive:
            parts = b"".join(archive.read(part) for part in archive.namelist())
        assert b"geheim" not in parts
        cells = [c.value for c in openpyxl.load_workbook(io.BytesIO(found)).active["A"]]
        assert cells == ["note", "key: …!", "plain"]
    else:
        assert found.decode("utf-8-sig") == "note\r\nkey: …!\r\nplain\r\n"
    within = hide_secrets(base64.b64encode(content).decode(), ["SHOP_SECRET"])
    assert b"geheim" not in base64.b64decode(within)
    assert hide_secrets_in_bytes(found, ["SHOP_SECRET"]) == found


def test_other_bytes_are_handed_on(secret):
    value = secret("geheim123")
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    assert hide_secrets_in_bytes(picture, ["SHOP_SECRET"]) == picture
    assert value.encode() not in hide_secrets_in_bytes(picture + value.encode(), ["SHOP_SECRET"])
    broken = b"PK\x03\x04 no archive " + value.encode()
    assert value.encode() not in hide_secrets_in_bytes(broken, ["SHOP_SECRET"])


def test_large_texts_take_no_time(secret):
    """No text makes the search slow: neither a long one nor one made for it."""
    secret("aaaaaaaa\\\\\"'aaaaaaaa\\\\")
    letters = random.Random(1).choices(string.printable, k=1_000_000)
    begin = time.process_time()
    for text in ("".join(letters), "aaaaaaaa" + "\\" * 300_000, "a" * 500_000, "\\'" * 200_000):
        hide_secrets(text, ["SHOP_SECRET"])
    assert time.process_time() - begin < 5


def test_names_are_found_in_values():
    values = {"a": "x${ONE}/${TWO}", "b": ["$${NO}", {"${THREE}": 1}], "c": 5, "d": None}
    assert names_within(values) == ("ONE", "THREE", "TWO")


SHOW_THE_SECRET = """\
import base64, json, os, sys, html, urllib.parse
import pandas as pd
from crmlib import tables
from crmlib.errors import InputError
from crmlib.report.blocks import attachment, finding, table
value = os.environ["SHOP_SECRET"]
print(value, repr(value), json.dumps(value), urllib.parse.quote(value))
print(base64.b64encode(value.encode()).decode(), file=sys.stderr)
os.write(2, f"the process says {value}".encode())
finding(f"The value is {value}.", json.dumps(json.dumps(value)))
table(pd.DataFrame({value: [value]}), value, "tab-secret")
attachment(pd.DataFrame({"a": [value]}), "a.xlsx")
attachment(pd.DataFrame({"a": [value]}), "a.csv")
"""
ENDINGS = {
    "good": "",
    "failed": 'raise InputError(f"cannot use {value}") from KeyError(value)',
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_file_of_a_run_holds_a_secret(workbook, plain_pdf, secret, ending):
    value = secret('p@ss wörd\'s <&> "x" \\ 7')
    cells = [SHOW_THE_SECRET, *([ENDINGS[ending]] if ENDINGS[ending] else [])]
    workbook.add("clp/secret", *cells, parameters='source: str = "${SHOP_SECRET}.csv"')
    result = workbook.run()
    assert result.exit_code == {"good": 0, "failed": 2}[ending]
    written = [path for path in workbook.reports.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"notebook.ipynb", "run.json"}
    forms = {bytes(coded(ENCODERS[encoder](value))).strip(b"\"'") for encoder in ENCODERS}
    for path in written:
        content = path.read_bytes()
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                content = b"".join(archive.read(part) for part in archive.namelist())
        for form in [*forms, b"p@ss w", "wörd".encode()]:
            assert form not in content, path.name
    assert "wörd" not in result.output + result.stderr
    notebook = next(path for path in written if path.name == "notebook.ipynb")
    assert "${SHOP_SECRET}.csv" in notebook.read_text(encoding="utf-8")
