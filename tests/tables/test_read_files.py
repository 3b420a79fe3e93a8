"""Files as people have them give the same table as a plain one."""

import datetime
import hashlib
import subprocess
import sys

import pandas as pd
import pytest
from openpyxl import Workbook
from pandas.testing import assert_frame_equal

from crmlib import tables
from crmlib.errors import InputError
from crmlib.tables import engine

EXPECTED = pd.DataFrame(
    {
        "customer_id": ["00001", "王芳", "00007"],
        "date": pd.to_datetime(["2024-01-31", "2024-02-29", "2023-12-05"]),
        "amount": [1234.5, -7.25, 1000000.0],
        "product_line": ["Käse, grün", None, "酒"],
    }
)
PLAIN = (
    "customer_id,date,amount,product_line\n"
    '00001,2024-01-31,1234.5,"Käse, grün"\n'
    "王芳,2024-02-29,-7.25,\n"
    "00007,2023-12-05,1000000,酒\n"
)
CHINESE = PLAIN.replace("Käse, grün", "奶酪")

# How the same rows are written elsewhere; the expected notes of the run record.
DIALECTS = {
    "plain": (PLAIN.encode(), {}, []),
    "mark at the start": (PLAIN.encode("utf-8-sig"), {}, []),
    "UTF-16": (PLAIN.encode("utf-16"), {}, ["read as UTF-16"]),
    "Windows line ends": (PLAIN.replace("\n", "\r\n").encode(), {}, []),
    "old Macintosh line ends": (PLAIN.replace("\n", "\r").encode(), {}, []),
    "mixed line ends": (PLAIN.replace("\n", "\r\n", 2).encode(), {}, []),
    "no line end at the end": (PLAIN.rstrip("\n").encode(), {}, []),
    "blanks around cells": (
        PLAIN.replace("00001,", " 00001 ,").replace(",酒", ",\u3000酒\u00a0").encode(),
        {},
        [],
    ),
    "empty cells beyond the header": (PLAIN.replace("酒\n", "酒,,\n").encode(), {}, []),
    "semicolons, decimal commas, day first": (
        "customer_id;date;amount;product_line\n"
        "00001;31.01.2024;1.234,50;Käse, grün\n"
        "王芳;29.02.2024;−7,25;\n"
        "00007;05.12.2023;1.000.000;酒\n",
        {},
        ["cells separated by semicolons", "amount: decimal commas", "date: day first"],
    ),
    "tabs, month first, thousands": (
        "customer_id\tdate\tamount\tproduct_line\n"
        "00001\t1/31/2024 14:05\t1,234.50\tKäse, grün\n"
        "王芳\t2/29/2024 00:00\t-7.25\t\n"
        "00007\t12/5/2023 9:30 PM\t1,000,000.00\t酒\n",
        {},
        ["cells separated by tabs", "date: month first"],
    ),
    "bars, compact dates, Swiss thousands, a currency": (
        "customer_id|date|amount|product_line\n"
        "00001|20240131|CHF 1'234.50|Käse, grün\n"
        "王芳|20240229|CHF -7.25|\n"
        "00007|20231205|CHF 1’000’000.00|酒\n",
        {},
        ["cells separated by vertical bars", "amount: in CHF"],
    ),
    "Chinese dates, blanks between thousands, euros": (
        "customer_id;date;amount;product_line\n"
        "00001;2024年1月31日;1 234,50 €;Käse, grün\n"
        "王芳;2024年02月29日;-7,25 €;\n"
        "00007;2023年12月5日;1\u202f000\u00a0000,00 €;酒\n",
        {},
        ["amount: decimal commas, in €"],
    ),
    "slashes, year first, time zone": (
        PLAIN.replace("2024-01-31", "2024/1/31").replace("2024-02-29", "2024-02-29T23:59:59.5Z"),
        {},
        [],
    ),
    "an order that is said": (
        PLAIN.replace("2024-01-31", "31/01/2024").replace("2023-12-05", "05/12/2023"),
        {"date_order": "day first"},
        ["date: day first"],
    ),
    "a decimal mark that is said": (
        PLAIN.replace("1234.5", "1.234,5")
        .replace("-7.25", '"-7,25"')
        .replace("1.234,5", '"1234,5"'),
        {"decimal": ","},
        ["amount: decimal commas"],
    ),
    "a quoted header and quoted cells": (
        PLAIN.replace("customer_id", '"customer_id"').replace("00001", '"00001"'),
        {},
        [],
    ),
}


def written(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def assert_same(table, expected=EXPECTED):
    assert_frame_equal(table.frame, expected, check_dtype=False)
    assert table.frame["date"].dtype.kind == "M"
    assert table.frame["amount"].dtype == "float64"


@pytest.mark.parametrize("name", DIALECTS)
def test_text_dialects(tmp_path, name):
    content, arguments, notes = DIALECTS[name]
    path = written(tmp_path, content)
    table = tables.read(path, "transactions", **arguments)
    assert_same(table)
    assert set(notes) <= set(table.description["notes"])
    assert table.description["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_gb18030(tmp_path):
    table = tables.read(written(tmp_path, CHINESE.encode("gb18030")), "transactions")
    assert_same(table, EXPECTED.replace("Käse, grün", "奶酪"))
    assert table.description["notes"][0] == (
        "read as GB18030 (Chinese), not UTF-8: line 2 is the first to show it"
    )


def test_windows_1252(tmp_path):
    plain = PLAIN.replace("王芳", "Müller").replace("酒", "Crème brûlée")
    table = tables.read(written(tmp_path, plain.encode("cp1252")), "transactions")
    expected = EXPECTED.replace({"王芳": "Müller", "酒": "Crème brûlée"})
    assert_same(table, expected)
    assert "read as Windows-1252 (Western European)" in table.description["notes"][0]


def test_columns_keep_their_own_names(tmp_path):
    content = "Kunde;Betrag;Datum;Filiale;Amount\nA;1,5;2024-01-31;Nord;x\n"
    table = tables.read(
        written(tmp_path, content),
        "transactions",
        columns={"customer_id": "Kunde", "amount": "Betrag", "date": "Datum"},
    )
    assert list(table.frame.columns) == ["customer_id", "date", "amount", "Filiale"]
    assert table.frame["Filiale"].tolist() == ["Nord"]
    assert (
        'column "Amount" was left out, because amount is read from "Betrag"'
        in table.description["notes"]
    )


def test_what_is_set_aside_is_listed(tmp_path):
    content = (
        "customer_id,date,amount\n\nA,2024-01-01,1\nB,2024-01-02\n,,\nC,2024-01-03,x\n"
        ",2024-01-04,y\nD,2024-01-05,5\n"
    )
    table = tables.read(written(tmp_path, content), "transactions", faulty_rows="set aside")
    assert table.frame["customer_id"].tolist() == ["A", "D"]
    assert table.set_aside.to_numpy().tolist() == [
        [2, "", "", "blank row"],
        [4, "", "B,2024-01-02", "2 cells where the header has 3"],
        [5, "", "", "blank row"],
        [6, "amount", "x", "not a number"],
        [7, "amount", "y", "not a number"],
        [7, "customer_id", "", "empty"],
    ]
    assert table.description["set_aside"] == 5
    assert table.description["rows"] == 2


def test_blank_rows_alone_do_not_stop(tmp_path):
    content = "customer_id,date,amount\nA,2024-01-01,1\n,,\nB,2024-01-02,2\n"
    table = tables.read(written(tmp_path, content), "transactions")
    assert table.frame["customer_id"].tolist() == ["A", "B"]
    assert table.set_aside.to_numpy().tolist() == [[3, "", "", "blank row"]]


def test_row_numbers_count_a_cell_of_two_lines_once(tmp_path):
    content = 'customer_id,date,amount,product_line\nA,2024-01-01,1,"two\nlines"\nB,2024-01-02,x,\n'
    table = tables.read(written(tmp_path, content), "transactions", faulty_rows="set aside")
    assert table.frame["product_line"].tolist() == ["two\nlines"]
    assert table.set_aside["row"].tolist() == [3]


def test_repeated_customers_keep_the_first_row(tmp_path):
    content = "customer_id,region\nA,north\nB,south\nA,west\n"
    table = tables.read(written(tmp_path, content), "customers", faulty_rows="set aside")
    assert table.frame.to_numpy().tolist() == [["A", "north"], ["B", "south"]]
    assert table.set_aside[["row", "value"]].to_numpy().tolist() == [[4, "A"]]


def test_survey_items_are_numbers_where_all_cells_are(tmp_path):
    content = (
        "customer_id,overall,q01,q02,comment,q03,code\n"
        "A,7,1,,good,1,007\nB,8,2.5,3,,two,012\nC,9,10,4,10,3,100\n"
    )
    table = tables.read(written(tmp_path, content), "responses")
    types = {name: dtype.kind for name, dtype in table.frame.dtypes.items() if dtype.kind == "f"}
    assert set(types) == {"overall", "q01", "q02"}
    assert table.frame["code"].tolist() == ["007", "012", "100"]
    notes = table.description["notes"]
    assert "q03: kept as text, because 1 of 3 cells are no numbers" in notes
    assert "comment: kept as text, because 1 of 2 cells are no numbers" in notes
    assert table.description["missing_cells"]["q02"] == 1


def test_frame_columns_are_numbers_where_all_cells_are(tmp_path):
    content = (
        "unit_id,contact,opted_out,account,revenue,score,postcode,remark\n"
        "001,a@example.com,no,C7,10.5,61,01069,3\n"
        "002,+49 351 1,yes,C7,,72.5,80331,late\n"
        "010,,,C8,-2,,99999,4\n"
    )
    table = tables.read(written(tmp_path, content), "frame")
    types = {name: dtype.kind for name, dtype in table.frame.dtypes.items() if dtype.kind == "f"}
    assert set(types) == {"revenue", "score"}
    assert table.frame["unit_id"].tolist() == ["001", "002", "010"]
    assert table.frame["postcode"].tolist() == ["01069", "80331", "99999"]
    assert table.frame["opted_out"].tolist()[:2] == ["no", "yes"]
    assert table.frame["score"].tolist()[:2] == [61, 72.5]
    assert table.frame["revenue"].isna().tolist() == [False, True, False]
    notes = table.description["notes"]
    assert "remark: kept as text, because 1 of 3 cells are no numbers" in notes


def test_further_columns_of_other_kinds_stay_text(tmp_path):
    table = tables.read(written(tmp_path, "customer_id,score\nA,61\n"), "customers")
    assert table.frame["score"].tolist() == ["61"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("unit_id,contact\nA,a@example.com\nA,b@example.com\n", "an earlier row has already"),
        (
            "unit_id,contact\nA,a@example.com\n,b@example.com\n",
            "Every row needs a value of unit_id",
        ),
        ("contact\na@example.com\n", "missing columns: unit_id"),
    ],
)
def test_frame_needs_an_id_of_its_own_in_every_row(tmp_path, content, said):
    with pytest.raises(InputError, match=said):
        tables.read(written(tmp_path, content), "frame")


def test_schools_of_california_as_a_frame(shared):
    path = shared / "data" / "apipop.csv"
    table = tables.read(path, "frame", columns={"unit_id": "cds"})
    expected = pd.read_csv(path, dtype={"cds": str})
    assert len(table.frame) == 6194
    assert table.frame["unit_id"].tolist() == expected["cds"].tolist()
    assert table.frame["unit_id"].str.startswith("0").any()
    for name in ("api00", "api99"):
        assert table.frame[name].dtype.kind == "f"
        assert table.frame[name].tolist() == expected[name].tolist()
    assert table.frame["stype"].tolist() == expected["stype"].tolist()
    for name in ("name", "sch.wide"):
        assert table.frame[name].dtype.kind != "f"


def test_description(tmp_path):
    table = tables.read(written(tmp_path, PLAIN), "transactions")
    described = tables.describe(table)
    assert described.pop("sha256") == hashlib.sha256(PLAIN.encode()).hexdigest()
    assert described == {
        "source": str(tmp_path / "table.csv"),
        "kind": "transactions",
        "rows": 3,
        "first_date": "2023-12-05",
        "last_date": "2024-02-29",
        "missing_cells": {"customer_id": 0, "date": 0, "amount": 0, "product_line": 1},
        "set_aside": 0,
        "notes": ["cells separated by commas"],
    }


def test_excel(tmp_path):
    path = tmp_path / "book.xlsx"
    book = Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Transactions")
    for row in [
        [None],
        ["customer_id", "date", "amount", "product_line"],
        ["00001", datetime.date(2024, 1, 31), 1234.5, "Käse, grün"],
        [None, None, None, None],
        ["王芳", datetime.datetime(2024, 2, 29), -7.25, None],
        ["00007", datetime.date(2023, 12, 5), 1000000, "酒"],
    ]:
        sheet.append(row)
    book.save(path)
    for source in (path, f"{path}#Transactions"):
        table = tables.read(source, "transactions")
        assert_same(table)
        assert table.set_aside["row"].tolist() == [1, 4]
    assert table.description["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_excel_cells_keep_their_meaning(tmp_path):
    path = tmp_path / "book.xlsx"
    book = Workbook()
    for row in [
        ["customer_id", "date", "amount", "order_id", "quantity"],
        [7.0, "2024-01-31", 1.234, 7.0, 1],
        [8, "2024-02-01", 2.345, "A1", "n/a"],
    ]:
        book.active.append(row)
    book.save(path)
    table = tables.read(path, "transactions", faulty_rows="set aside")
    # 1.234 is a number in Excel, so nothing about it is in doubt.
    assert table.frame[["customer_id", "amount", "order_id"]].to_numpy().tolist() == [
        ["7", 1.234, "7"]
    ]
    assert table.set_aside.to_numpy().tolist() == [[3, "quantity", "n/a", "not a number"]]


def test_parquet(tmp_path):
    path = tmp_path / "a [1]*.parquet"
    EXPECTED.to_parquet(path)
    table = tables.read(path, "transactions")
    assert_same(table)
    assert table.description["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_parquet_ids_that_are_numbers_of_any_size(tmp_path):
    path = tmp_path / "table.parquet"
    ids = [7.0, -3.0, 2.0**63, -(2.0**70), 1e300]
    pd.DataFrame({"customer_id": ids}).to_parquet(path)
    found = list(tables.read(path, "customers").frame["customer_id"])
    assert found[:2] == ["7", "-3"]
    assert [float(text) for text in found] == ids


def test_parquet_columns_of_other_types(tmp_path):
    path = tmp_path / "table.parquet"
    pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4],
            "date": [20240131, 20240229, 20231305, 20231205],
            "amount": ["1.234,50", "-7,25", "3", "1.000"],
            "cost": [1.0, float("inf"), None, 2.0],
        }
    ).to_parquet(path)
    table = tables.read(path, "transactions", faulty_rows="set aside")
    assert table.frame.to_numpy().tolist() == [
        ["1", pd.Timestamp("2024-01-31"), 1234.5, 1.0],
        ["4", pd.Timestamp("2023-12-05"), 1000.0, 2.0],
    ]
    assert table.set_aside.to_numpy().tolist() == [
        [2, "cost", "inf", "not a finite number"],
        [3, "date", "20231305", "a day that is not in the calendar"],
    ]


def test_a_column_of_the_wrong_type(tmp_path):
    path = tmp_path / "table.parquet"
    EXPECTED.assign(amount=[True, False, True]).to_parquet(path)
    with pytest.raises(InputError, match="amount: the column holds boolean and not numbers"):
        tables.read(path, "transactions")


def test_cdnow(shared):
    table = tables.read(
        shared / "data" / "cdnow_master.txt",
        "transactions",
        columns={"amount": "dollar_value", "quantity": "number_of_cds"},
    )
    assert table.description["rows"] == 69_659
    assert table.frame["customer_id"].nunique() == 23_570
    assert (table.description["first_date"], table.description["last_date"]) == (
        "1997-01-01",
        "1998-06-30",
    )
    assert table.frame["customer_id"].iloc[0] == "00001"
    # The sum of the file's last column, added up by awk.
    assert round(table.frame["amount"].sum(), 2) == 2_500_315.63


def test_relative_names_are_found_from_the_root_of_the_workbook(tmp_path, monkeypatch):
    for folder in ("notebooks/clp", "crmlib", "data"):
        (tmp_path / folder).mkdir(parents=True)
    written(tmp_path / "data", PLAIN)
    monkeypatch.chdir(tmp_path / "notebooks" / "clp")
    table = tables.read("data/table.csv", "transactions")
    assert table.source == "data/table.csv"
    assert_same(table)


def test_as_expression_takes_any_table(tmp_path):
    table = tables.read(written(tmp_path, PLAIN), "transactions")
    assert tables.as_expression(table) is table.expression
    assert tables.as_expression(table.expression) is table.expression
    from_frame = tables.as_expression(EXPECTED)
    assert_frame_equal(tables.as_frame(from_frame), EXPECTED, check_dtype=False)
    joined = from_frame.inner_join(table.expression, "customer_id")
    assert len(tables.as_frame(joined)) == 3
    with pytest.raises(InputError, match="A table is needed here, not list"):
        tables.as_expression([1, 2])


def test_file_order_is_kept(tmp_path):
    # More rows than DuckDB hands to one thread at a time.
    n = 300_000
    lines = [f"c{(number * 7919) % n},2024-01-01,{number}" for number in range(n)]
    path = written(tmp_path, "customer_id,date,amount\n" + "\n".join(lines))
    amounts = tables.read(path, "transactions").frame["amount"]
    assert amounts.tolist() == list(range(n))
    lines[250_000] += "x"
    path.write_text("customer_id,date,amount\n" + "\n".join(lines))
    table = tables.read(path, "transactions", faulty_rows="set aside")
    assert table.set_aside[["row", "value"]].to_numpy().tolist() == [[250_002, "250000x"]]
    assert table.frame["amount"].tolist() == [*range(250_000), *range(250_001, n)]


def tables_in_duckdb():
    found = engine.connection().raw_sql("SELECT table_name FROM information_schema.tables")
    return {row[0] for row in found.fetchall()}


def test_nothing_stays_in_duckdb(tmp_path):
    before = tables_in_duckdb()
    table = tables.read(written(tmp_path, PLAIN), "transactions")
    assert len(tables_in_duckdb() - before) == 1
    expression = table.expression.select("amount")
    del table
    assert tables.as_frame(expression)["amount"].sum() == EXPECTED["amount"].sum()
    del expression
    assert tables_in_duckdb() == before


def test_importing_tables_is_cheap():
    heavy = "{'ibis', 'duckdb', 'pandas', 'pyarrow', 'openpyxl'}"
    code = f"import sys; from crmlib import tables; tables.KINDS; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("title_rows", [0, 2])
def test_excel_sheets_with_rows_that_are_not_there(tmp_path, title_rows):
    # A row without any cell is no empty row in the file: it is absent from it.
    book = Workbook()
    sheet = book.active
    first = title_rows + 1
    for place, text in enumerate(("customer_id", "date", "amount"), 1):
        sheet.cell(first, place, text)
    for row, (customer, amount) in {first + 1: ("a", 5.0), first + 3: ("b", 7.5)}.items():
        sheet.cell(row, 1, customer)
        sheet.cell(row, 2, "2024-05-01")
        sheet.cell(row, 3, amount)
    book.save(tmp_path / "book.xlsx")
    read = tables.read(tmp_path / "book.xlsx", kind="transactions")
    assert read.frame["amount"].tolist() == [5.0, 7.5]
    assert first + 2 in read.set_aside["row"].tolist()


def test_an_excel_sheet_with_a_header_only_says_so(tmp_path):
    book = Workbook()
    book.active.append(["customer_id", "date", "amount"])
    book.save(tmp_path / "book.xlsx")
    with pytest.raises(InputError, match=r"book\.xlsx"):
        tables.read(tmp_path / "book.xlsx", kind="transactions")
