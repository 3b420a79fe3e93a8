"""Any bytes under any name: a table that accounts for every line, or one of our own errors.

CRMLIB_FUZZ=1 tries fifty times as many files, other ones each time.
"""

import csv
import datetime
import io
import os
import re
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from crmlib import tables
from crmlib.errors import InputError

LONG = os.environ.get("CRMLIB_FUZZ") == "1"
FUZZ = settings(
    max_examples=400 if LONG else 8,
    derandomize=not LONG,
    database=None,
    # A smaller example can take minutes to find, and the first one tells enough.
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
KINDS = st.sampled_from([kind for kind in tables.KINDS if kind != "baskets"])
COLUMNS = sorted({column.name for kind in tables.KINDS.values() for column in kind})
GOOD = (
    b"customer_id,date,amount,cost,product_line\n"
    b"C1,2024-01-31,12.50,3,tea\nC2,2024-02-29,-7,,cups\n\nC3,2023-12-24,1e3,0.5,tea\n"
)
# Cells and bytes that have gone wrong somewhere before.
NUMBERS = (
    f"nan -inf 1e400 -1e308 {'9' * 400} 1,234 1.234.567,89 5% 0x10 ١٢ 1_000 --1 (12) €5".split()
)
DATES = [
    "2024-02-30",
    "31/04/2023",
    "0000-00-00",
    "45321",
    "9999-12-31",
    "99999-01-01",
    "01/02/24",
    "2024-01-01T25",
]
SIGNS = [
    "",
    " ",
    "'",
    "=1+1",
    "\u2028",
    "\u0085",
    "\x0b",
    "\x1a",
    "\ufeff",
    "\U0001f9ff",
    "a" * 5000,
]
HARD_CELLS = st.sampled_from([*NUMBERS, *DATES, *SIGNS])
TEXT_BYTES = [b'"', b'""', b"\r", b"\n", b"\r\n", b",", b";", b"\t", b"|", b"\\", b" ", b"\x1a"]
OTHER_BYTES = [b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe4", b"\xc0\x80", b"\xed\xa0\x80"]
ODD_BYTES = st.sampled_from([*TEXT_BYTES, *OTHER_BYTES])
# A line ends in any of the three ways; the last one may have no end.
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")


def read(path, kind, **options):
    """Read it, or return None where it is refused in our own words; the rest is a fault."""
    refused = ""
    try:
        table = tables.read(path, kind, **options)
        table.frame  # noqa: B018 - some faults come to light only when rows are fetched
        return table
    except InputError as error:
        refused = str(error)
    assert str(path) in refused
    assert "Traceback" not in refused
    return None


def accounted(table):
    return table.description["rows"] + table.set_aside["row"].nunique()


def options(data):
    return {
        "faulty_rows": data.draw(st.sampled_from(["set aside", "stop"])),
        "decimal": data.draw(st.sampled_from([None, None, ".", ","])),
        "date_order": data.draw(st.sampled_from([None, None, "day first", "month first"])),
    }


def mutated(content, data):
    """The bytes with a few of them dropped, doubled, swapped or followed by others."""
    content = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content)))
        to = data.draw(st.integers(at, min(len(content), at + 20)))
        content[at:to] = data.draw(st.binary(max_size=8) | ODD_BYTES | st.just(b""))
    return bytes(content)


# ----------------------------------------------------------------- text files


@FUZZ
@given(content=st.binary(max_size=400), kind=KINDS, data=st.data())
def test_any_bytes(tmp_path, content, kind, data):
    path = tmp_path / data.draw(st.sampled_from(["a.csv", "a.tsv", "a.txt", "a", "a.CSV"]))
    path.write_bytes(content)
    read(path, kind, **options(data))


@FUZZ
@given(data=st.data())
def test_a_good_file_with_a_few_bytes_changed(tmp_path, data):
    content = mutated(GOOD, data)
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    table = read(path, "transactions", **options(data))
    if table is not None and not re.search(rb'"|\xff\xfe|\xfe\xff', content):
        # Without quotation marks a line is a row; the first one that is not blank is the header.
        assert accounted(table) + 1 == len(re.findall(LINE, content))


@FUZZ
@given(
    rows=st.lists(st.lists(HARD_CELLS | st.text(max_size=6), min_size=1, max_size=5), max_size=8),
    header=st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=5, unique=True),
    kind=KINDS,
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "gb18030", "cp1252"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    data=st.data(),
)
def test_hard_cells(tmp_path, rows, header, kind, delimiter, encoding, quoting, data):
    needed = [column.name for column in tables.KINDS[kind] if column.required]
    header = [*needed, *(name for name in header if name not in needed)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([*row, "x", "x", "x", "x", "x"][: len(header)] for row in rows)
    path = tmp_path / "table.csv"
    path.write_bytes(buffer.getvalue().encode(encoding, errors="replace"))
    table = read(path, kind, **options(data))
    if table is not None:
        assert accounted(table) == len(rows)


# ----------------------------------------------------------------- workbooks and Parquet


@pytest.fixture(scope="module")
def workbook_bytes():
    book = Workbook()
    book.active.append(["customer_id", "date", "amount", "cost"])
    for number in range(5):
        book.active.append([f"C{number}", datetime.date(2024, 1, 1 + number), number / 2, "=1+1"])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


@FUZZ
@given(kind=KINDS, data=st.data())
def test_a_damaged_workbook(tmp_path, workbook_bytes, kind, data):
    path = tmp_path / data.draw(st.sampled_from(["table.xlsx", "table.xlsm"]))
    if data.draw(st.booleans()):
        path.write_bytes(mutated(workbook_bytes, data))
    else:
        path.write_bytes(with_a_damaged_part(workbook_bytes, data))
    read(path, kind, **options(data))


def with_a_damaged_part(content, data):
    """The archive itself is whole, one of the files in it is not."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        damaged = data.draw(st.sampled_from(sorted(archive.namelist())))
        with zipfile.ZipFile(target, "w") as copy:
            for name in archive.namelist():
                part = archive.read(name)
                copy.writestr(name, mutated(part, data) if name == damaged else part)
    return target.getvalue()


PARQUET_COLUMNS = {
    "text": st.none() | st.text(max_size=6) | HARD_CELLS,
    "number": st.none() | st.floats() | st.integers(-(2**63), 2**63 - 1).map(float),
    "date": st.none() | st.datetimes(),
    "flag": st.none() | st.booleans(),
    "list": st.none() | st.lists(st.integers(0, 9), max_size=3),
    "bytes": st.none() | st.binary(max_size=6),
}


@FUZZ
@given(kind=KINDS, n_rows=st.integers(0, 6), is_damaged=st.booleans(), data=st.data())
def test_any_parquet_file(tmp_path, kind, n_rows, is_damaged, data):
    columns = [column.name for column in tables.KINDS[kind]]
    content = {
        name: data.draw(
            st.lists(
                PARQUET_COLUMNS[data.draw(st.sampled_from(sorted(PARQUET_COLUMNS)))],
                min_size=n_rows,
                max_size=n_rows,
            )
        )
        for name in columns
    }
    target = io.BytesIO()
    pq.write_table(pa.table(content), target)
    path = tmp_path / "table.parquet"
    path.write_bytes(mutated(target.getvalue(), data) if is_damaged else target.getvalue())
    table = read(path, kind, **options(data))
    if table is not None and not is_damaged:
        assert accounted(table) == n_rows
