"""Delimited text files: how their cells are separated, and rows that do not fit.

A regular file goes to DuckDB as it is. Any other (another encoding, blank lines, cells
separated by blanks, rows of the wrong length) is first copied, in a stream, to a plain
temporary file whose first column is the row number; rows that cannot be cut into cells
are left out of the copy and listed.
"""

import csv
import io
import re
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from crmlib.errors import InputError
from crmlib.tables import engine
from crmlib.tables.encodings import SAVE_AS_UTF_8, look_at_bytes
from crmlib.tables.engine import Table, kept
from crmlib.tables.faults import shortened
from crmlib.tables.sources import BLANK_ROW, ROW, LeftOut, Source, cleaned, header_faults

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
BLANKS = " "
SAMPLE_CHARACTERS = 1 << 20
SAMPLE_ROWS = 1000
WRONG_LENGTH = "Put a cell that holds the delimiter in quotation marks, or complete the row."
# A quoted cell may hold line ends; one that runs on longer was never closed.
LONGEST_CELL_IN_LINES = 200
NOT_CLOSED = "a quotation mark that is never closed"
BAD_QUOTES = "quotation marks within a quoted cell"
ADVICE = {
    NOT_CLOSED: "Close it, or delete it.",
    BAD_QUOTES: 'Write a quotation mark within a quoted cell twice: "".',
}


@dataclass(frozen=True)
class Record:
    """One row of a text file; `wrong` says why it has no cells."""

    row: int
    text: str
    cells: tuple[str, ...] = ()
    wrong: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether it has cells, all of them empty."""
        return not self.wrong and not any(cell.strip() for cell in self.cells)


@dataclass
class _Copy:
    """What copying a file to a plain one brought to light."""

    left_out: list[LeftOut] = field(default_factory=list)
    advice: dict[str, str] = field(default_factory=dict)

    def leave_out(self, record: Record, wrong: str, to_do: str) -> None:
        self.left_out.append(LeftOut(record.row, shortened(record.text, 80), wrong))
        self.advice[wrong] = to_do


def open_text(path: Path, name: str) -> Source:
    """Open a delimited text file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What to call it in messages.

    Returns
    -------
    Source
        All its cells as text.

    Raises
    ------
    InputError
        It has no rows, no header that can be used, or cannot be read as text.
    """
    found = look_at_bytes(path, name)
    sample = _sample(path, found.encoding, name)
    delimiter = _delimiter(sample, name)
    header = next(r for r in records(sample, delimiter) if not r.is_blank)
    if header.wrong:
        raise InputError(
            f"{name}, row {header.row}: the header has {header.wrong}.\n{ADVICE[header.wrong]}"
        )
    names = [cell.strip() for cell in header.cells]
    places = [f"c{place}" for place in range(len(names))]
    copy = _Copy()
    table = None
    if found.is_regular and delimiter != BLANKS and header.text.count("\n") <= 1:
        table = _as_it_is(path, delimiter, places, found.lines)
    if table is None:
        table = _copied(path, found.encoding, delimiter, places, header.row, name, copy)
    separated = DELIMITERS.get(delimiter, "blank")
    return Source(
        name=name,
        table=table,
        columns=dict(zip(names, places, strict=True)),
        sha256=found.sha256,
        first_row=2,
        notes=[note for note in (found.note, f"cells separated by {separated}s") if note],
        faults=header_faults(names, f"the header (row {header.row})"),
        left_out=copy.left_out,
        advice=copy.advice,
    )


def _as_it_is(path: Path, delimiter: str, places: list[str], lines: int | None) -> Table | None:
    """Let DuckDB read a file, or return None where it finds it irregular."""
    rows = engine.text_table(path, places, delimiter)
    try:
        table = kept(cleaned(rows))
    except engine.TextError:
        return None
    finally:
        engine.forget(rows)
    is_whole = lines is None or engine.n_rows(table) == lines - 1
    return table if is_whole else None


def _copied(
    path: Path,
    encoding: str,
    delimiter: str,
    places: list[str],
    header_row: int,
    name: str,
    copy: _Copy,
) -> Table:
    """Copy a file to a plain one with row numbers, and let DuckDB read that."""
    with tempfile.TemporaryDirectory(prefix="crmlib-") as folder:
        plain = Path(folder) / "plain.csv"
        with (
            path.open(encoding=encoding, newline="") as file,
            plain.open("w", encoding="utf-8", newline="") as target,
        ):
            try:
                rows = _rows_to_copy(
                    records(file, delimiter, len(places)), len(places), header_row, copy
                )
                csv.writer(target, lineterminator="\n").writerows(rows)
            except UnicodeError as error:
                raise _not_decoded(name, encoding) from error
        rows = engine.text_table(plain, [ROW, *places], ",", has_header=False)
        table = kept(cleaned(rows).cast({ROW: "int64"}))
        engine.forget(rows)
        return table


def _rows_to_copy(
    found: Iterable[Record], n_cells: int, header_row: int, copy: _Copy
) -> Iterator[tuple[str | int, ...]]:
    for record in found:
        if record.row == header_row:
            continue
        if record.is_blank:
            copy.left_out.append(LeftOut(record.row, "", BLANK_ROW))
        elif record.wrong:
            copy.leave_out(record, record.wrong, ADVICE[record.wrong])
        elif _fits(record.cells, n_cells):
            yield (record.row, *record.cells[:n_cells])
        else:
            cells = "1 cell" if len(record.cells) == 1 else f"{len(record.cells)} cells"
            copy.leave_out(record, f"{cells} where the header has {n_cells}", WRONG_LENGTH)


def _not_decoded(name: str, encoding: str) -> InputError:
    return InputError(f"{name} starts as {encoding.upper()} but does not go on so. {SAVE_AS_UTF_8}")


def records(lines: Iterable[str], delimiter: str, n_cells: int = 0) -> Iterator[Record]:
    """Cut lines into records, going on after one that cannot be cut.

    Parameters
    ----------
    lines : iterable of str
        The lines with their ends.
    delimiter : str
        The sign between cells; a blank stands for any run of blanks and tabs.
    n_cells : int
        How many cells a record has, 0 where that is not known yet.

    Yields
    ------
    Record
        Numbered from 1; a record whose quoted cell spans lines counts once.
    """
    source = iter(lines)
    waiting: deque[str] = deque()
    row = 0
    while (line := waiting.popleft() if waiting else next(source, None)) is not None:
        row += 1
        if '"' not in line:
            yield Record(row, line, _unquoted_cells(line, delimiter))
            continue
        taken = [line]
        cells, wrong = _quoted_cells(taken, delimiter)
        while wrong == NOT_CLOSED and len(taken) < LONGEST_CELL_IN_LINES:
            following = waiting.popleft() if waiting else next(source, None)
            if following is None:
                break
            taken.append(following)
            cells, wrong = _quoted_cells(taken, delimiter)
        if len(taken) > 1 and (wrong or (n_cells and not _fits(cells, n_cells))):
            # The mark that seemed to close the cell belongs to a later row.
            cells, wrong = (), NOT_CLOSED
            waiting.extendleft(reversed(taken[1:]))
            del taken[1:]
        yield Record(row, "".join(taken), cells, wrong)


def _unquoted_cells(line: str, delimiter: str) -> tuple[str, ...]:
    if delimiter == BLANKS:
        return tuple(line.split())
    return tuple(line.rstrip("\r\n").split(delimiter))


def _quoted_cells(lines: list[str], delimiter: str) -> tuple[tuple[str, ...], str]:
    if delimiter == BLANKS:
        lines = [line.replace("\t", " ").strip(" ") for line in lines]
    try:
        cells = next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        unfinished = "unexpected end of data" in str(error)
        return (), NOT_CLOSED if unfinished else BAD_QUOTES
    return tuple(cells), ""


def _sample(path: Path, encoding: str, name: str) -> list[str]:
    with path.open(encoding=encoding, newline="") as file:
        try:
            text = file.read(SAMPLE_CHARACTERS)
            is_all = not file.read(1)
        except UnicodeError as error:
            raise _not_decoded(name, encoding) from error
    lines = list(io.StringIO(text, newline=""))
    if not is_all and len(lines) > 1:
        del lines[-1]
    # Lines of delimiters only are as blank as others.
    if not any(cell.strip() for line in lines for cell in re.split(r'[,;\t|"]', line)):
        raise InputError(f"{name} is empty. It needs a header row and rows below it.")
    return lines


def _delimiter(sample: list[str], name: str) -> str:
    """Find the sign that cuts most rows into as many cells as the header has."""
    fits = {sign: _fit(sample, sign) for sign in DELIMITERS}
    best = max(fits.values())
    if best == (0.0, 0):
        blanks = _fit(sample, BLANKS)
        # One column only: any delimiter will do.
        return BLANKS if blanks > (0.5, 1) else ","
    signs = [sign for sign, fit in fits.items() if fit == best]
    if len(signs) > 1:
        first, second = (DELIMITERS[sign] for sign in signs[:2])
        raise InputError(
            f"{name}: its rows can be cut at every {first} as well as at every {second}, into "
            f"{best[1]} columns each.\nPut the names and cells that hold one of them in "
            "quotation marks."
        )
    return signs[0]


def _fit(sample: list[str], delimiter: str) -> tuple[float, int]:
    """Return the share of rows that agree with the header, and the number of its cells."""
    rows = [r.cells for r in islice(records(sample, delimiter), SAMPLE_ROWS) if not r.is_blank]
    n_cells = len(rows[0])
    if n_cells < 2:
        return 0.0, 0
    return sum(_fits(cells, n_cells) for cells in rows) / len(rows), n_cells


def _fits(cells: tuple[str, ...], n_cells: int) -> bool:
    # Empty cells beyond the header's, from a delimiter at the end of the row, say nothing.
    return len(cells) == n_cells or (len(cells) > n_cells and not any(cells[n_cells:]))
