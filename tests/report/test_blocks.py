import base64
import datetime
import decimal
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from crmlib.errors import InputError
from crmlib.report import blocks
from crmlib.report.document import BLOCK_TYPE
from crmlib.report.formatting import format_columns, format_number, heading
from tests.report.reading import Shell, described


@pytest.fixture
def shell(monkeypatch):
    return Shell(monkeypatch)


@pytest.fixture
def chart():
    fig, axes = pyplot.subplots(figsize=(4, 2))
    axes.plot([1, 2, 3])
    return fig


def cells(name, values):
    (column,) = format_columns([(name, pd.Series(values))])
    return column.cells


def block_of(output):
    return output.data[BLOCK_TYPE]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        # whole numbers
        ("orders", [1, 2000, -1234567], ["1", "2,000", "−1,234,567"]),
        ("orders", [1.0, np.nan, 2000.0], ["1", "–", "2,000"]),
        ("orders", pd.array([1, None, 3000], dtype="Int64"), ["1", "–", "3,000"]),
        ("year", [1997, 2024], ["1997", "2024"]),
        ("cohort_year", [1997, 2024], ["1997", "2024"]),
        ("customer_id", [10234, 7], ["10234", "7"]),
        # three significant digits of the middle value, the same decimals down the column
        ("profit", [1234.567, 950.4, 12.34], ["1,235", "950", "12"]),
        ("profit", [12.345, 67.891, 4.5], ["12.3", "67.9", "4.5"]),
        ("profit", [1.2345, 6.789], ["1.23", "6.79"]),
        ("profit", [0.12345, 0.6789], ["0.123", "0.679"]),
        ("profit", [3.4, 17.8], ["3.4", "17.8"]),
        ("h1", [0.025, 0.03], ["0.025", "0.030"]),
        ("profit", [-0.5, 0.0, 1.25], ["−0.50", "0.00", "1.25"]),
        ("profit", [decimal.Decimal("3.40"), decimal.Decimal("17.8")], ["3.4", "17.8"]),
        # never a number that looks like nothing
        ("p_value", [0.00001, 0.5, 0.8], ["<0.001", "0.500", "0.800"]),
        ("change", [-0.00001, 0.5, 0.8], [">−0.001", "0.500", "0.800"]),
        # unlike things in one column: each to its own digits
        ("value", [23570.0, 0.0125, 69659.0], ["23,570", "0.0125", "69,659"]),
        ("value", [1e-9, 2.5e-8], ["1.00×10⁻⁹", "2.50×10⁻⁸"]),
        ("value", [np.inf, -np.inf, 1.5], ["∞", "−∞", "1.5"]),
        # percentages
        ("discount_share", [0.1234, 1.0, 0.0], ["12.3%", "100.0%", "0.0%"]),
        ("share", [0.5, 0.25], ["50%", "25%"]),
        ("repeat_percent", [12.34, 45.0], ["12.3%", "45.0%"]),
        ("churn_share", [0.0012, 0.0025], ["0.12%", "0.25%"]),
        ("shared_costs", [0.5, 0.25], ["0.50", "0.25"]),
        # everything else
        ("on", pd.to_datetime(["2024-01-31", None]), ["2024-01-31", "–"]),
        ("at", [pd.Timestamp(2024, 1, 31, 13, 45), pd.Timestamp(2024, 2, 1)],
         ["2024-01-31 13:45", "2024-02-01"]),
        ("on", [datetime.date(2024, 1, 31)], ["2024-01-31"]),
        ("left", [True, False], ["yes", "no"]),
        ("left", pd.array([True, None], dtype="boolean"), ["yes", "–"]),
        ("mixed", ["a", 1.23456, None, True, 1000], ["a", "1.23", "–", "yes", "1,000"]),
        ("name", ["007", "<b>", ""], ["007", "<b>", ""]),
        ("nothing", [None, None], ["–", "–"]),
    ],
)  # fmt: skip
def test_cells(name, values, expected):
    assert cells(name, values) == expected


def test_an_estimate_and_its_interval_have_the_same_decimals():
    columns = [("estimate", [10.21, 11.37]), ("low", [8.123, 9.456]), ("high", [12.31, 13.24])]
    formatted = format_columns([(name, pd.Series(values)) for name, values in columns])
    assert [column.cells for column in formatted] == [
        ["10.2", "11.4"],
        ["8.1", "9.5"],
        ["12.3", "13.2"],
    ]


def test_numbers_align_right_and_all_else_left():
    columns = {"n": [1, 2], "money": [1.5, None], "name": ["a", "b"], "on": [pd.Timestamp(0)] * 2}
    formatted = format_columns([(name, pd.Series(values)) for name, values in columns.items()])
    assert [column.align for column in formatted] == ["right", "right", "left", "left"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lifetime_profit", "Lifetime profit"),
        ("customer_id", "Customer ID"),
        ("clp", "CLP"),
        ("Lifetime_Profit", "Lifetime_Profit"),
        ("#1 $x$", "#1 $x$"),
        ("", ""),
        ("客户", "客户"),
    ],
)
def test_headings(name, words):
    assert heading(name) == words


def test_one_number():
    assert [format_number(value) for value in (0.0, 1234.5, 0.01234, -2.5)] == [
        "0", "1,234", "0.0123", "−2.5"
    ]  # fmt: skip


def test_a_table_is_shown_and_kept_as_plain_data(shell):
    frame = pd.DataFrame({"stage": ["a & b", "<c>"], "customers": [1, 2000]})
    blocks.table(frame, "How many $ & why", "tab-stages")
    (output,) = shell.outputs
    assert block_of(output) == {
        "kind": "table",
        "id": "tab-stages",
        "caption": "How many $ & why",
        "headings": ["Stage", "Customers"],
        "align": ["left", "right"],
        "rows": [["a & b", "1"], ["<c>", "2,000"]],
        "note": "",
    }
    shown = output.data["text/html"]
    assert '<td style="text-align:right">2,000</td>' in shown
    assert "a &amp; b" in shown
    assert "<c>" not in shown
    assert 'id="tab-stages"' in shown


def test_a_long_table_says_how_long_it_is(shell):
    blocks.table(pd.DataFrame({"n": range(1234)}), "c", "tab-long")
    block = block_of(shell.outputs[0])
    assert len(block["rows"]) == 20
    assert block["note"] == "First 20 of 1,234 rows."


def test_an_empty_table_says_so(shell):
    blocks.table(pd.DataFrame({"n": []}), "c", "tab-empty")
    assert block_of(shell.outputs[0])["note"] == "No rows."


def test_an_index_that_means_something_is_a_column(shell):
    frame = pd.DataFrame({"profit": [1.5, 2.5, 3.5], "region": list("aab"), "year": [1, 2, 1]})
    blocks.table(frame[frame["profit"] > 2], "rows only counted", "tab-a")
    blocks.table(frame.groupby(["region", "year"])["profit"].sum(), "a series", "tab-b")
    blocks.table(frame.pivot_table(index="region", columns="year"), "two levels", "tab-c")
    a, b, c = map(block_of, shell.outputs)
    assert a["headings"] == ["Profit", "Region", "Year"]
    assert b["headings"] == ["Region", "Year", "Profit"]
    assert b["rows"][0] == ["a", "1", "1.5"]
    assert c["headings"] == ["Region", "profit · 1", "profit · 2"]


def test_columns_of_one_name_are_both_shown(shell):
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    blocks.table(frame, "c", "tab-same")
    assert block_of(shell.outputs[0])["rows"] == [["1", "2"]]


def test_a_figure_is_closed_and_shown_once(shell, chart):
    blocks.figure(chart, "A <caption>", "fig-one")
    picture, caption = shell.outputs
    assert chart.number not in pyplot.get_fignums()
    assert base64.b64decode(picture.data["image/png"]).startswith(b"\x89PNG")
    size = picture.metadata["image/png"]
    assert 300 < size["width"] < 500  # four inches of 96 dots, less the margin
    assert 'id="fig-one"' in caption.data["text/html"]
    assert "A &lt;caption&gt;" in caption.data["text/html"]
    block = block_of(picture)
    assert block["svg"].startswith("<?xml")
    assert (block["id"], block["caption"]) == ("fig-one", "A <caption>")


def test_the_same_chart_gives_the_same_svg(shell):
    for _ in range(2):
        fig, axes = pyplot.subplots()
        axes.scatter([1, 2], [3, 4], label="x")
        axes.legend()
        blocks.figure(fig, "c", "fig-a")
    first, _, second, _ = shell.outputs
    assert block_of(first) == block_of(second)
    assert first.data == second.data


def test_dollars_in_charts_are_dollars_and_log_axes_keep_their_powers(shell):
    fig, axes = pyplot.subplots()
    axes.bar(["$a$", r"$\nonsense{$ $"], [1, 1000])
    axes.set_yscale("log")
    axes.set_title("cost in $ and price in $")
    blocks.figure(fig, "c", "fig-a")
    block = block_of(shell.outputs[0])
    assert {"$a$", r"$\nonsense{$ $", "cost in $ and price in $"} <= set(block["texts"])
    assert ">$a$<" in block["svg"]
    assert ">cost in $ and price in $<" in block["svg"]
    assert ">$\\mathdefault" not in block["svg"]  # set as a formula, not as text


@pytest.mark.parametrize(
    "wrong", ["curves", "tab-curves", "fig-", "fig-Two", "fig-a b", "fig-a__b"]
)
def test_an_id_is_checked(shell, chart, wrong):
    with pytest.raises(InputError, match=r'must be "fig-"'):
        blocks.figure(chart, "c", wrong)
    with pytest.raises(InputError, match=r'must be "tab-"'):
        blocks.table(pd.DataFrame({"a": [1]}), "c", wrong.replace("tab-", "fig-"))


def test_a_finding(shell):
    blocks.finding("5 < 6 $a$", "because\nso")
    (output,) = shell.outputs
    assert block_of(output) == {"kind": "finding", "text": "5 < 6 $a$", "detail": "because\nso"}
    assert "5 &lt; 6 <span>$</span>a<span>$</span>" in output.data["text/html"]


def test_the_run_record_is_plain_data(shell):
    table = described(rows=np.int64(12), first_date=datetime.date(2022, 1, 1))
    blocks.run_record(table, seed=np.int64(3), period=(pd.Timestamp("2022-01-01"), "2024-12-31"))
    block = block_of(shell.outputs[0])
    assert block["seed"] == 3
    assert type(block["seed"]) is int
    assert block["period"] == ["2022-01-01", "2024-12-31"]
    assert type(block["inputs"][0]["rows"]) is int
    assert block["inputs"][0]["first_date"] == "2022-01-01"
    assert "data/transactions.csv" in shell.outputs[0].data["text/html"]


def test_plain_python_prints(monkeypatch, capsys, chart):
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    blocks.figure(chart, "The caption", "fig-a")
    blocks.table(pd.DataFrame({"a": [1]}), "The table", "tab-a")
    monkeypatch.delitem(sys.modules, "IPython")
    blocks.finding("The finding")
    blocks.run_record(described(), seed=1)
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith("The ")] == [
        "The caption",
        "The table",
        "The finding",
    ]


def test_the_style_is_the_reports(shell):
    with matplotlib.rc_context():
        blocks.use_style()
        fig, axes = pyplot.subplots()
        axes.set_title("Title 客户")
        blocks.figure(fig, "c", "fig-a")
        assert matplotlib.rcParams["font.family"][0] == "Open Sans"
    assert "font-family: 'Open Sans'" in block_of(shell.outputs[0])["svg"]
