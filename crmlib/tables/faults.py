"""What is wrong with a table, told all at once: where, what, and what to do about it."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crmlib.errors import InputError

ROWS_SHOWN = 5


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a table.

    Attributes
    ----------
    wrong : str
        What is wrong, a clause that follows the place.
    to_do : str
        What the reader can do about it, a sentence.
    column : str
        The column as the reader knows it; empty for a fault of the whole file.
    rows : tuple of int
        The first few rows it stands in, as numbered in the file; empty where a
        database has no row numbers.
    n_rows : int
        How many rows it stands in; 0 for a fault that is not of single rows.
    """

    wrong: str
    to_do: str
    column: str = ""
    rows: tuple[int, ...] = ()
    n_rows: int = 0

    def __str__(self) -> str:
        """Return place, fault and remedy as a reader wants them."""
        place = ", ".join(part for part in (self.column, self.rows_in_words) if part)
        return f"{place}: {self.wrong}.\n{self.to_do}" if place else f"{self.wrong}.\n{self.to_do}"

    @property
    def rows_in_words(self) -> str:
        """The rows as a reader would list them."""
        if self.n_rows == 0:
            return ""
        if not self.rows:
            return "1 row" if self.n_rows == 1 else f"{self.n_rows:,} rows"
        if self.n_rows == 1:
            return f"row {self.rows[0]}"
        shown = [str(row) for row in self.rows[:ROWS_SHOWN]]
        more = self.n_rows - len(shown)
        if more:
            return f"rows {', '.join(shown)} and {more:,} more"
        return f"rows {', '.join(shown[:-1])} and {shown[-1]}"


def refuse(source: str, kind: str, faults: Sequence[Fault]) -> InputError:
    """Put every fault of a table into one error."""
    many = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    lines = [f"{source} cannot be used as {kind}: {many}."]
    for number, fault in enumerate(faults, start=1):
        start = f"{number}. "
        lines.append(start + str(fault).replace("\n", "\n" + " " * len(start)))
    if all(fault.n_rows for fault in faults):
        lines.append('Or go on without these rows, counted and listed: faulty_rows="set aside".')
    return InputError("\n".join(lines))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name most like the one given, or None where nothing is like it."""
    by_plain_name = {_plain(candidate): candidate for candidate in names}
    found = difflib.get_close_matches(_plain(name), by_plain_name, n=1, cutoff=0.6)
    return by_plain_name[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a clause that suggests the nearest name, empty where there is none."""
    found = nearest(name, names)
    return f' (did you mean "{found}"?)' if found else ""


def quoted(names: Iterable[str]) -> str:
    """Return names in quotation marks, separated by commas."""
    return ", ".join(f'"{name}"' for name in names)


def shortened(value: object, length: int = 40) -> str:
    """Return a cell short enough, and on one line, for a message."""
    text = " ".join(str(value).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")
