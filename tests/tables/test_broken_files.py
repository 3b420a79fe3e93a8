"""Every broken file has its own message: file, column, rows, what to do."""

# ruff: noqa: E501 - the messages stand here as they are printed

import textwrap

import pytest
from openpyxl import Workbook

from crmlib import tables
from crmlib.errors import InputError

HEADER = "customer_id,date,amount\n"

# name: bytes or text, arguments of read, what the message must say after the file name
BROKEN = {
    "empty": ("", {}, " is empty. It needs a header row and rows below it."),
    "blank lines only": ("\n \n\n", {}, " is empty."),
    "delimiters only": (',,\n;\n"",\t|\n', {}, " is empty."),
    "header only": (
        HEADER,
        {},
        """
        cannot be used as transactions: 1 fault.
        1. there are no rows.
           A table needs rows below its header.""",
    ),
    "own names": (
        "Customer ID,Date,Total\nC1,2024-01-01,5\n",
        {},
        """
        cannot be used as transactions: 1 fault.
        1. missing columns: customer_id, date, amount; the columns are "Customer ID", "Date", "Total".
           Say which of yours is meant: columns={"customer_id": "Customer ID", "date": "Date", "amount": "your column"}.""",
    ),
    "no header": (
        "C1,2024-01-01,12.5\nC2,2024-01-02,3\n",
        {},
        "The first row looks like data: the file needs a header row above it.",
    ),
    "bad header": (
        "customer_id,date,amount,Amount,\nC1,2024-01-01,5,6,\n",
        {},
        """
        cannot be used as transactions: 2 faults.
        1. the header (row 1) has no name for column 5.
           Name every column, or delete the columns that have no name.
        2. the header (row 1) has the same name more than once: "amount", "Amount".
           Give each column a name of its own; capital letters make no difference.""",
    ),
    "wrong mapping": (
        HEADER + "C1,2024-01-01,5\n",
        {"columns": {"amont": "amount", "cost": "coast"}},
        """
        cannot be used as transactions: 2 faults.
        1. columns={"amont": "amount"}: "amont" is no column of transactions (did you mean "amount"?).
           Ours comes first, yours second; ours are customer_id, date, amount, cost, quantity, product_line, discount, order_id, currency.
        2. columns={"cost": "coast"}: there is no column "coast".
           The columns are "customer_id", "date", "amount".""",
    ),
    "one column twice": (
        HEADER + "C1,2024-01-01,5\n",
        {"columns": {"cost": "amount"}},
        'amount and cost would both be read from "amount".',
    ),
    "rows of the wrong length": (
        HEADER + "C1,2024-01-01,5\nC2,2024-01-01\nC3,2024-01-01,1,234\n\nC4,2024-01-01,7\nC5\n",
        {},
        """
        cannot be used as transactions: 3 faults.
        1. row 3: 2 cells where the header has 3, such as "C2,2024-01-01".
           Put a cell that holds the delimiter in quotation marks, or complete the row.
        2. row 4: 4 cells where the header has 3, such as "C3,2024-01-01,1,234".
           Put a cell that holds the delimiter in quotation marks, or complete the row.
        3. row 7: 1 cell where the header has 3, such as "C5".
           Put a cell that holds the delimiter in quotation marks, or complete the row.
        Or go on without these rows, counted and listed: faulty_rows="set aside".""",
    ),
    "quotation marks": (
        HEADER + 'C1,2024-01-01,5\n"C2,2024-01-01,5\nC3,2024-01-01,x\n"C"4,2024-01-01,5\n',
        {},
        """
        cannot be used as transactions: 3 faults.
        1. row 3: a quotation mark that is never closed, such as ""C2,2024-01-01,5".
           Close it, or delete it.
        2. row 5: quotation marks within a quoted cell, such as ""C"4,2024-01-01,5".
           Write a quotation mark within a quoted cell twice: "".
        3. amount, row 4: not a number, such as "x".""",
    ),
    "every fault at once": (
        HEADER + "C1,2024-01-01,n/a\nC2,2024-02-30,5%\n,2024-01-01,5\nC4,1812-01-01,inf\n"
        "C5,,\nC6,01/02/24,1.5\nC7,45321,2\nC8,soon,3\n1.23E+11,2024-01-01,4\n",
        {},
        """
        cannot be used as transactions: 12 faults.
        1. customer_id, row 4: empty.
           Every row needs a value of customer_id: fill it in, or delete the row.
        2. customer_id, row 10: a number that a spreadsheet has shortened, such as "1.23E+11".
           Format the column as text in the spreadsheet and export it again.
        3. date, row 7: a year of two digits, such as "01/02/24".
           Write dates as 2024-03-31, with the whole year.
        4. date, row 8: a day number of a spreadsheet, such as "45321".
           Format the column as dates in the spreadsheet and export it again.
        5. date, row 9: not a date, such as "soon".
           Write dates as 2024-03-31; leave the cell empty where there is none.
        6. date, row 3: a day that is not in the calendar, such as "2024-02-30".
           Put the right date there.
        7. date, row 5: before 1900 or after 2100, such as "1812-01-01".
           Put the right date there; leave the cell empty where the date is not known.
        8. date, row 6: empty.
           Every row needs a value of date: fill it in, or delete the row.
        9. amount, row 5: not a finite number, such as "inf".
           Write a number such as 1234.50, or leave the cell empty where there is none.
        10. amount, row 3: a percentage, such as "5%".
            Write a plain number: 0.15 for 15 %.
        11. amount, row 2: not a number, such as "n/a".
            Write a number such as 1234.50, or leave the cell empty where there is none.
        12. amount, row 6: empty.
            Every row needs a value of amount: fill it in, or delete the row.
        Or go on without these rows, counted and listed: faulty_rows="set aside".""",
    ),
    "many rows": (
        HEADER + "C1,2024-01-01,x\n" * 1209,
        {"columns": {}},
        '1. amount, rows 2, 3, 4, 5, 6 and 1,204 more: not a number, such as "x".',
    ),
    "their column name in the message": (
        "customer_id,date,total\nC1,2024-01-01,x\n",
        {"columns": {"amount": "total"}},
        '1. amount ("total"), row 2: not a number, such as "x".',
    ),
    "ambiguous dates": (
        HEADER + "C1,03/05/2024,5\nC2,04/05/2024,6\nC3,,7\n",
        {},
        """
        cannot be used as transactions: 2 faults.
        1. date: "03/05/2024" can be read two ways, as 2024-05-03 (day first) or as 2024-03-05 (month first), and so can every such date of the column.
           Say which is meant: date_order="day first" or date_order="month first".
        2. date, row 4: empty.""",
    ),
    "both orders of day and month": (
        HEADER + "C1,13/05/2024,5\nC2,04/05/2024,6\nC3,05/23/2024,1\nC4,14/05/2024,5\n",
        {},
        """
        cannot be used as transactions: 2 faults.
        1. date, row 4: a date only when read month first, where the column is read day first, such as "05/23/2024".
           Write the whole column day first, or write dates as 2024-03-31.
        2. date, row 3: a date that can be read two ways in a column with both orders, such as "04/05/2024".""",
    ),
    "not the order that was said": (
        HEADER + "C1,13/05/2024,5\nC2,04/05/2024,6\n",
        {"date_order": "month first"},
        "date, row 2: a date only when read day first, where the column is read month first",
    ),
    "year last where year first was said": (
        HEADER + "C1,2024-05-13,5\nC2,14/05/2024,6\n",
        {"date_order": "year first"},
        'date, row 3: a date with the year last, such as "14/05/2024".',
    ),
    "ambiguous commas": (
        "customer_id;date;amount\nC1;2024-01-01;1,234\nC2;2024-01-01;5\n",
        {},
        """
        cannot be used as transactions: 1 fault.
        1. amount: "1,234" can be read two ways, as 1234 or as 1.234, and no cell of the column shows which is meant.
           Say which sign stands before the decimals: decimal="." reads 1234, decimal="," reads 1.234.""",
    ),
    "ambiguous points": (
        HEADER + "C1,2024-01-01,1.234\nC2,2024-01-01,5\n",
        {},
        'decimal="," reads 1234, decimal="." reads 1.234.',
    ),
    "both decimal marks": (
        "customer_id;date;amount\nC1;2024-01-01;1,50\nC2;2024-01-01;5.50\nC3;2024-01-01;5,75\n"
        "C4;2024-01-01;1,750\n",
        {},
        """
        cannot be used as transactions: 2 faults.
        1. amount, row 3: not a number with decimal commas, as the column has them, such as "5.50".
           Write the whole column with decimal commas or the whole column with decimal points.
        2. amount, row 5: a number that can be read two ways in a column with both decimal commas and decimal points, such as "1,750".""",
    ),
    "two currencies": (
        HEADER + "C1,2024-01-01,€5\nC2,2024-01-01,€6.50\nC3,2024-01-01,$7\nC4,2024-01-01,8\n",
        {},
        "1. amount, rows 4 and 5: another currency sign, or none (most cells have €), "
        'such as "$7".\n   Bring the whole column into one currency.',
    ),
    "percentages as a share": (
        "customer_id,date,amount,discount\nC1,2024-01-01,5,15\n",
        {},
        '1. discount, row 2: not between 0 and 1, such as "15".\n'
        "   Write a number from 0 to 1; 15 % is 0.15.",
    ),
    "a stray byte": (
        "customer_id,date,amount,product_line\nC1,2024-01-01,5,Käse\n".encode()
        + b"C2,2024-01-01,5,K\xe4se\n",
        {},
        " is UTF-8, but not in line 3: the byte 0xE4 does not belong",
    ),
    "letters in doubt": (
        b"customer_id,date,amount,product_line\nC1,2024-01-01,5,Gr\xf6\xdfe\n",
        {},
        ' its letters can be read in more than one way: line 2 is "C1,2024-01-01,5,Gr鲞e" as '
        'GB18030 and "C1,2024-01-01,5,Größe" as Windows-1252.\nSave it again as UTF-8',
    ),
    "a workbook called csv": (b"PK\x03\x04....", {}, " is an Excel workbook or a zip archive"),
    "zero bytes": (b"c\0u\0s\0", {}, " holds zero bytes, so it is no plain text."),
    "two delimiters": (
        "id;amount, EUR\n1;2,50\n",
        {},
        ": its rows can be cut at every comma as well as at every semicolon, into 2 columns each.",
    ),
    "nothing is left": (
        HEADER + "C1,2024-01-01,x\n",
        {"faulty_rows": "set aside"},
        "every row has a fault",
    ),
}


def message_of(*args, **kwargs):
    with pytest.raises(InputError) as caught:
        tables.read(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_text_file(tmp_path, name):
    content, arguments, expected = BROKEN[name]
    path = tmp_path / "broken.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = message_of(path, "transactions", **arguments)
    assert message.startswith(str(path))
    assert textwrap.dedent(expected).removeprefix("\n") in message


def test_a_repeated_customer_names_the_later_rows(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text("customer_id\nA\nB\nA\nA\n")
    assert (
        'customer_id, rows 4 and 5: a value that an earlier row has already, such as "A".\n'
        "   Each customer_id may stand in one row only: delete the rows that repeat it."
    ) in message_of(path, "customers")


def test_no_such_file_suggests_the_nearest(tmp_path, monkeypatch):
    (tmp_path / "transactions.csv").write_text(HEADER)
    monkeypatch.chdir(tmp_path)
    message = message_of("transaction.csv", "transactions")
    assert message.startswith(
        'There is no file transaction.csv (did you mean "transactions.csv"?). '
        f"It was looked for from {tmp_path}"
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"kind": "transaction"}, 'called "transaction" (did you mean "transactions"?)'),
        ({"kind": "customers", "date_order": "days first"}, '(did you mean "day first"?)'),
        ({"kind": "customers", "decimal": ";"}, 'Choose from ".", ","'),
        ({"kind": "customers", "faulty_rows": "drop"}, 'Choose from "stop", "set aside"'),
    ],
)
def test_unknown_arguments(arguments, expected):
    assert expected in message_of("any.csv", **arguments)


def test_a_folder_and_unknown_endings(tmp_path):
    assert message_of(tmp_path, "customers") == f"{tmp_path} is a folder. Name one file in it."
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0")
    assert "save it as .xlsx" in message_of(old, "customers")


def test_a_damaged_parquet_file(tmp_path):
    path = tmp_path / "table.parquet"
    path.write_bytes(b"PAR1 and no more")
    assert message_of(path, "customers").startswith(f"{path} is no Parquet file that can be read")


def test_a_damaged_workbook_and_its_sheets(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"PK and no more")
    assert message_of(path, "customers").startswith(f"{path} is no Excel workbook")
    book = Workbook()
    book.active.title = "Notes"
    book.create_sheet("Orders")
    book.save(path)
    assert message_of(path, "transactions") == (
        f'{path} has several sheets: "Notes", "Orders".\n'
        f'Say which one after a number sign: "{path}#Notes".'
    )
    assert '(did you mean "Orders"?)' in message_of(f"{path}#Order", "transactions")
    assert "the sheet is empty" in message_of(f"{path}#Orders", "transactions")


def test_a_formula_without_result_is_no_empty_cell(tmp_path):
    path = tmp_path / "book.xlsx"
    book = Workbook()
    for row in [["customer_id", "date", "amount", "cost"], ["A", "2024-01-31", 5, "=C2*2"]]:
        book.active.append(row)
    book.save(path)
    assert "cell D2: a formula whose result is not stored" in message_of(path, "transactions")
