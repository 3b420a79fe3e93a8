"""Excel workbooks."""

import datetime
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import openpyxl
import pyarrow as pa
from openpyxl.utils import get_column_letter

from crmlib.errors import InputError
from crmlib.tables import engine
from crmlib.tables.encodings import sha256_of
from crmlib.tables.faults import Fault, did_you_mean, quoted
from crmlib.tables.sources import BLANK_ROW, ROW, LeftOut, Source, cleaned, header_faults

Row = tuple[Any, ...]


def open_workbook(path: Path, name: str, sheet: str, kind: str) -> Source:
    """Open a sheet of an Excel workbook.

    Parameters
    ----------
    path : Path
        The workbook.
    name : str
        What to call it in messages.
    sheet : str
        The sheet; empty for the only one, or the one called like the kind of table.
    kind : str
        The kind of table wanted.

    Returns
    -------
    Source
        A column of numbers or dates has their type; any other is text.

    Raises
    ------
    InputError
        It is no workbook, has no such sheet, or the sheet is empty.
    """
    rows = _rows(path, name, sheet, kind, results=True)
    header_row = next((number for number, row in enumerate(rows, start=1) if _width(row)), None)
    if header_row is None:
        raise InputError(f"{name}: the sheet is empty. It needs a header row and rows below it.")
    width = max(map(_width, rows))
    rows = [(*row[:width], *(None,) * (width - len(row))) for row in rows]
    names = ["" if cell is None else _as_text(cell).strip() for cell in rows[header_row - 1]]
    numbers = [number for number, row in enumerate(rows, start=1) if number > header_row]
    filled = [number for number in numbers if _width(rows[number - 1])]
    blank = [number for number in numbers if not _width(rows[number - 1])]
    blank = [
        *range(1, header_row),
        *(number for number in blank if number < max(filled, default=0)),
    ]
    places = [f"c{place}" for place in range(width)]
    arrays = [_array([rows[number - 1][place] for number in filled]) for place in range(width)]
    data = pa.table([pa.array(filled, pa.int64()), *arrays], names=[ROW, *places])
    faults = header_faults(names, f"the header (row {header_row})")
    if _has_formulas(path, name):
        formulas = _rows(path, name, sheet, kind, results=False)
        faults += _without_results(rows, formulas)
    return Source(
        name=name,
        table=engine.kept(cleaned(engine.frame_table(data))),
        columns=dict(zip(names, places, strict=True)),
        sha256=sha256_of(path),
        first_row=header_row + 1,
        faults=faults,
        left_out=[LeftOut(number, "", BLANK_ROW) for number in blank],
    )


@contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Open the file; whatever is wrong with it within this is told as the file's fault."""
    try:
        with path.open("rb") as file:
            yield file
    except InputError:
        raise
    # openpyxl trusts what it reads: damage comes to light as any kind of error.
    except Exception as error:
        raise InputError(
            f"{name} is no Excel workbook that can be read ({error}). "
            "Open it in Excel or LibreOffice and save it again as .xlsx."
        ) from error


def _rows(path: Path, name: str, sheet: str, kind: str, results: bool) -> list[Row]:
    """Return all rows of the sheet, with the results of formulas or the formulas."""
    with _opened(path, name) as file, warnings.catch_warnings():
        # openpyxl warns of styles and validations that it leaves aside; cells are all we want.
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(file, read_only=True, data_only=results)
        page = book[_sheet([page.title for page in book.worksheets], name, sheet, kind)]
        # Some programs store wrong dimensions; without them every row is read.
        page.reset_dimensions()
        return list(page.iter_rows(values_only=True))


def _sheet(sheets: list[str], name: str, sheet: str, kind: str) -> str:
    if sheet:
        if sheet not in sheets:
            raise InputError(
                f'{name} has no sheet "{sheet}"{did_you_mean(sheet, sheets)}. '
                f"Its sheets are {quoted(sheets)}."
            )
        return sheet
    of_kind = [title for title in sheets if title.casefold() == kind]
    candidates = of_kind or sheets
    if len(candidates) != 1:
        raise InputError(
            f"{name} has several sheets: {quoted(sheets)}.\n"
            f'Say which one after a number sign: "{name}#{sheets[0]}".'
        )
    return candidates[0]


def _width(row: Row) -> int:
    """Return the number of cells up to the last one that is not empty."""
    for width in range(len(row), 0, -1):
        cell = row[width - 1]
        if cell is not None and (not isinstance(cell, str) or cell.strip()):
            return width
    return 0


def _array(cells: Sequence[Any]) -> pa.Array:
    types = {type(cell) for cell in cells if cell is not None}
    if types == {int} and all(abs(cell) < 2**63 for cell in cells if cell is not None):
        return pa.array(cells, pa.int64())
    if types and types <= {int, float}:
        return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
    if types and types <= {datetime.datetime, datetime.date}:
        return pa.array(cells, pa.timestamp("us"))
    return pa.array([None if cell is None else _as_text(cell) for cell in cells], pa.string())


def _as_text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.datetime):
        is_midnight = cell.time() == datetime.time()
        return str(cell.date()) if is_midnight else cell.isoformat(" ")
    return str(cell)


def _has_formulas(path: Path, name: str) -> bool:
    with _opened(path, name) as file, zipfile.ZipFile(file) as archive:
        sheets = (part for part in archive.namelist() if part.startswith("xl/worksheets/"))
        return any(b"<f" in archive.read(part) for part in sheets if part.endswith(".xml"))


def _without_results(rows: list[Row], formulas: list[Row]) -> list[Fault]:
    """Find formulas that were never worked out: they would pass for empty cells."""
    cells = [
        f"{get_column_letter(place)}{number}"
        for number, (row, formula_row) in enumerate(zip(rows, formulas, strict=False), start=1)
        for place, (cell, formula) in enumerate(zip(row, formula_row, strict=False), start=1)
        if cell is None and isinstance(formula, str) and formula.startswith("=")
    ]
    if not cells:
        return []
    more = f" and {len(cells) - 1:,} more" if len(cells) > 1 else ""
    return [
        Fault(
            f"cell {cells[0]}{more}: a formula whose result is not stored",
            "Open the workbook in Excel or LibreOffice and save it, so that the results are kept.",
        )
    ]
