"""An opened source: its cells as an expression, before anything is checked."""

from dataclasses import dataclass, field

from crmlib.tables.engine import Column, Table, ifelse, trim
from crmlib.tables.faults import Fault, quoted

# No header can be called this: the blanks around a header are taken off.
ROW = " row"
BLANK_ROW = "blank row"
# Blanks, tabs, line ends, no-break and ideographic spaces, and the zero-width marks.
BLANK_SIGNS = " \t\r\n\v\f\u00a0\u2007\u202f\u3000\u200b\ufeff"

BLANK_AT_AN_END = rf"^[{BLANK_SIGNS}]|[{BLANK_SIGNS}]$"


@dataclass(frozen=True)
class LeftOut:
    """A row that could not be cut into cells, or is blank."""

    row: int
    value: str
    reason: str


@dataclass
class Source:
    """An opened source.

    Attributes
    ----------
    name : str
        What to call it in messages: as the user gave it, without passwords.
    table : Table
        Its rows. Text is without blanks at the ends, and null where it is empty.
        A column `ROW` holds row numbers where they are not simply consecutive.
    columns : dict
        The user's column names, and the column of `table` each stands for.
    sha256 : str or None
        Digest of the file; None for a database on a server.
    first_row : int or None
        The number of the first row; None where rows have no numbers.
    is_lazy : bool
        Whether the data stay where they are until they are used.
    reads_text : bool
        Whether numbers and dates that are stored as text can be converted.
    notes : list of str
        What the run record should say about how it was read.
    faults : list of Fault
        What is already known to be wrong.
    left_out : list of LeftOut
        Rows that are not in `table`.
    advice : dict
        What to do about each reason in `left_out`.
    """

    name: str
    table: Table
    columns: dict[str, str]
    sha256: str | None = None
    first_row: int | None = 1
    is_lazy: bool = False
    reads_text: bool = True
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    advice: dict[str, str] = field(default_factory=dict)


def cleaned(table: Table) -> Table:
    """Take the blanks off every text cell; an empty cell becomes null."""
    texts = [name for name, dtype in table.schema().items() if dtype.is_string()]
    return table.mutate(**{name: _cleaned(table[name]) for name in texts})


def _cleaned(cells: Column) -> Column:
    # Few cells need it, and looking for those first takes a fraction of the time.
    return ifelse(cells.re_search(BLANK_AT_AN_END), trim(cells, BLANK_SIGNS), cells).nullif("")


def header_faults(names: list[str], place: str) -> list[Fault]:
    """Return what is wrong with a row of column names."""
    faults = []
    nameless = [str(number) for number, name in enumerate(names, start=1) if not name]
    if nameless:
        faults.append(
            Fault(
                f"{place} has no name for column {', '.join(nameless)}",
                "Name every column, or delete the columns that have no name.",
            )
        )
    alike: dict[str, list[str]] = {}
    for name in filter(None, names):
        alike.setdefault(name.casefold(), []).append(name)
    for same in alike.values():
        if len(same) > 1:
            faults.append(
                Fault(
                    f"{place} has the same name more than once: {quoted(same)}",
                    "Give each column a name of its own; capital letters make no difference.",
                )
            )
    return faults
