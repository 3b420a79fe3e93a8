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

from crmlib.report import blocks, structure
from crmlib.report.attachments import file_bytes
from crmlib.report.charts import draw
from crmlib.report.document import BLOCK_TYPE, read_document
from crmlib.report.rendering import render_pdf
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
        ("postgresql://a:it's@c/d", "postgresql://a:…@c/d"),
        ("cannot open 'mysql://a:b@c/d'; ask ada@c", "cannot open 'mysql://a:…@c/d'; ask ada@c"),
        ('{"u":"http://h:80/","mail":"a@b"}', '{"u":"http://h:80/","mail":"a@b"}'),
        ('{"u":"mysql://a:b@c","mail":"a@b"}', '{"u":"mysql://a:…@c","mail":"a@b"}'),
        (r"{\"u\":\"mysql://a:b@c\",\"m\":\"a@b\"}", r"{\"u\":\"mysql://a:…@c\",\"m\":\"a@b\"}"),
        ("redis://:b@c http://e:f@g", "redis://:…@c http://e:…@g"),
        ("postgresql://h/db?user=u&password=hunter22", "postgresql://h/db?user=u&password=…"),
        ("pg://h/db?password=hunter22&user=u#t", "pg://h/db?password=…&user=u#t"),
        ("pg://h/db?PWD=hunter22", "pg://h/db?PWD=…"),
        ("pg://h/db?sslpassword=hunter22 more", "pg://h/db?sslpassword=… more"),
        ("pg://h/db?password=${PW}#t", "pg://h/db?password=${PW}#t"),
        ("pg://h/db?password=${PW}x", "pg://h/db?password=…"),
        ("<td>pg://h?u=u&amp;password=b&lt;c</td>", "<td>pg://h?u=u&amp;password=…&lt;c</td>"),
        ("<td>pg://h?password=hunter22</td>", "<td>pg://h?password=…</td>"),
        ('{"s": "pg://h?password=hunter22"}', '{"s": "pg://h?password=…"}'),
        ("host=h password=hunter22 port=1", "host=h password=… port=1"),
        ("host=h password='hunter 22' port=1", "host=h password='…' port=1"),
        (
            r"{\"s\": \"connect(password=\\\"hunter 22\\\")\"}",
            r"{\"s\": \"connect(password=\\\"…\\\")\"}",
        ),
        ('connect(password="", user=u)', 'connect(password="", user=u)'),
    ],
)
def test_only_the_password_of_an_address_is_hidden(text, expected):
    assert hide_passwords(text) == expected


HOSTILE = {
    "schemes": "a-" * 500_000,
    "letters": "a" * 1_000_000,
    "users": "a://" * 250_000,
    "passwords": "a://b:" * 170_000,
    "hosts": "a://b:c@" * 125_000,
    "ends of quotes": "a://b:c@'," * 100_000,
    "quotes": "a://b:\"'`" * 110_000,
    "at signs": "a://b:" + "@" * 1_000_000,
    "keys": "password=" * 110_000,
    "quoted keys": "password='" * 100_000,
    "backslashes": "password=" + "\\" * 1_000_000,
    "escaped keys": "".join("password=" + "\\" * n + "'" for n in range(1400, 0, -1)),
    "references": "${" * 500_000,
    "dollars": "$" * 1_000_000,
    "names": "password=${" + "A" * 1_000_000,
    "base64": "QUFB" * 250_000 + "=",
    "pieces of base64": "QUFBQUFB=" * 110_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_text_makes_the_search_slow(monkeypatch, text):
    monkeypatch.setenv("SHOP_SECRET", "QUFBQUFBQUFB-secret")
    begin = time.process_time()
    hide_passwords(text)
    names_within(text)
    hide_secrets(text, ["SHOP_SECRET"])
    assert time.process_time() - begin < 3  # a megabyte; by the square it would be hours


IN_A_QUERY = f"postgresql://localhost:5432/shop?user=crm&password={PASSWORD}#orders"


@pytest.mark.parametrize("address", [ADDRESS, IN_A_QUERY], ids=["before the host", "in the query"])
@pytest.mark.parametrize("ending", ["print(source)", "print(source)\nraise ValueError(source)"])
def test_no_file_of_a_run_holds_the_password(workbook, plain_pdf, ending, address):
    workbook.add("clp/secret", ending, parameters='source: str = "x"')
    result = workbook.run("-p", f"source={address}")
    written = [path for path in workbook.reports.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"notebook.ipynb", "run.json"}
    for path in written:
        assert PASSWORD.encode() not in path.read_bytes(), path.name
    assert PASSWORD not in result.output
    assert PASSWORD not in result.stderr
    notebook = next(path for path in written if path.name == "notebook.ipynb")
    assert hide_passwords(address) in notebook.read_text(encoding="utf-8")


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


BLOCKS = [
    {"kind": "table", "id": "tab-stages", "caption": "All stages", "headings": ["a", "b"],
     "align": ["left", "right"], "rows": [["1", "2"]], "note": ""},
    {"kind": "finding", "text": "The finding", "detail": ""},
    {"kind": "attachment", "name": "list.csv", "rows": 3, "content": "YWI="},
    {"kind": "caption"},
    {"kind": "run_record", "inputs": [{"source": "a.csv", "kind": "orders", "rows": 3}],
     "read_beside": [], "seed": 1, "period": ["2026-01-01", "2026-02-01"]},
]  # fmt: skip


KERNEL = {"name": "python3", "display_name": "Python 3"}


def notebook_of_everything():
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.set_xlabel("label of the figure")
    svg, png, texts = draw(figure)
    plain = io.BytesIO()
    figure.savefig(plain, format="png")
    pyplot.close(figure)
    chart = {"kind": "figure", "id": "fig-curves", "caption": "A", "svg": svg, "texts": texts}
    pictures = [{"image/png": base64.b64encode(plain.getvalue()).decode()}, {"image/svg+xml": svg}]
    new = nbformat.v4
    shown = [
        new.new_output("display_data", data)
        for data in [*({BLOCK_TYPE: block} for block in [chart, *BLOCKS]), *pictures]
    ]
    shown += [
        new.new_output("stream", name="stdout", text="printed outputs"),
        new.new_output("execute_result", {"text/plain": "17"}, execution_count=1),
    ]
    prose = "# Title\n\nSee [it](#fig-curves), [them](#tab-stages) ![](attachment:picture.png)"
    attached = {"picture.png": {"image/png": base64.b64encode(png).decode()}}
    cells = [
        new.new_markdown_cell(prose, attachments=attached),
        new.new_code_cell("1", outputs=shown, metadata={"tags": ["summary"]}, execution_count=1),
    ]
    return new.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


WORDS = {word for words in structure.WORDS.values() for word in words} | structure.KEYS
IN_DRAWINGS = {"stroke", "stroke-width", "viewBox", "height", "figure", "matplotlib", "fill: "}
IN_DRAWINGS |= {"http://www.w3.org/2000/svg"}
OF_ITS_OWN = {"curves", "stages", "picture", "printed", "finding", "label of"}


@pytest.mark.parametrize(
    "words",
    [WORDS | IN_DRAWINGS | OF_ITS_OWN, {"output"}, {"source"}, {"crmlib"}, OF_ITS_OWN, IN_DRAWINGS],
    ids=["all", "output", "source", "crmlib", "own", "drawings"],
)
def test_a_notebook_whose_secret_is_a_word_of_the_format_stays_one(monkeypatch, tmp_path, words):
    names = [f"SECRET_{number}" for number in range(len(words))]
    for name, word in zip(names, sorted(words), strict=True):
        monkeypatch.setenv(name, word)
    notebook = notebook_of_everything()
    hidden = hide_secrets_within(notebook, names)
    nbformat.validate(hidden)
    assert [cell.cell_type for cell in hidden.cells] == ["markdown", "code"]
    before, after = read_document(notebook), read_document(hidden)
    assert len(after.findings) == len(before.findings) == 1
    assert [type(part) for part in after.body] == [type(part) for part in before.body]
    assert after.period == ["2026-01-01", "2026-02-01"]
    record = hide_secrets_within(
        {"report": "clp/x", "parameters": {"source": "a"}, "inputs": [], "versions": {}}, names
    )
    assert record.keys() == {"report", "parameters", "inputs", "versions"}
    rendered = render_pdf(hidden, record, tmp_path / "report.pdf")
    assert rendered.pages > 1
    # Everything that is no word of the format is hidden still.
    if words == OF_ITS_OWN:
        text = nbformat.writes(hidden)
        assert not [word for word in OF_ITS_OWN - {"finding"} if word in text]


def test_keys_of_the_users_own_are_hidden_and_stay_as_many(secret):
    value = secret("hunter22")
    record = {"parameters": {"rates": {value: 1, f"{value}{value}": 2, "x": {f"a {value}": 3}}}}
    found = hide_secrets_within(record, ["SHOP_SECRET"])
    assert value not in json.dumps(found)
    assert found == {"parameters": {"rates": {"…": 1, "……": 2, "x": {"a …": 3}}}}
    one_form, other_form = "hunter 22", "hunter%2022"
    secret(one_form)
    found = hide_secrets_within({one_form: 1, other_form: 2}, ["SHOP_SECRET"])
    assert list(found.values()) == [1, 2]
    assert "hunter" not in str(found)


def test_a_cell_s_id_stays_one(secret):
    value = secret("hunter22")
    cell = nbformat.v4.new_code_cell("1", id=f"cell-{value}")
    hidden = hide_secrets_within(nbformat.v4.new_notebook(cells=[cell]), ["SHOP_SECRET"])
    nbformat.validate(hidden)
    assert value not in hidden.cells[0].id


@pytest.mark.parametrize("value", ["output", "source", "report", "parameters", "display_data"])
def test_a_run_whose_secret_is_a_word_of_the_format_is_good(workbook, plain_pdf, secret, value):
    secret(value)
    workbook.add("clp/x", "print(17)", parameters='address: str = "${SHOP_SECRET}.csv"')
    result = workbook.run()
    assert (result.exit_code, result.stderr) == (0, "")
    record = workbook.record("clp/x")
    assert record["parameters"] == {"address": "${SHOP_SECRET}.csv"}
    assert not [key for key in record if "…" in key]
    notebook = nbformat.read(workbook.reports / "clp/x/notebook.ipynb", nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.cells[-1].outputs[0].text == "17\n"


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
