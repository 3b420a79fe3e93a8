"""Which column of the source becomes which column of the table."""

from collections.abc import Mapping
from dataclasses import dataclass

from crmlib.tables.faults import Fault, did_you_mean, nearest, quoted
from crmlib.tables.schemas import KINDS_WITH_NUMBERS, Column, ColumnType, columns_of
from crmlib.tables.secrets import are_wanted
from crmlib.tables.sources import Source


@dataclass(frozen=True)
class Field:
    """A column of the source and what it is read as.

    Attributes
    ----------
    column : Column
        The column of the table.
    theirs : str
        Its header in the source.
    place : str
        Its name in the table of the source.
    is_extra : bool
        Whether the kind of table does not know it.
    """

    column: Column
    theirs: str
    place: str
    is_extra: bool = False

    @property
    def label(self) -> str:
        """What to call the column in messages."""
        name = self.column.name
        return name if name == self.theirs else f'{name} ("{self.theirs}")'


def matched(
    source: Source, kind: str, columns: Mapping[str, str]
) -> tuple[list[Field], list[Fault], list[str]]:
    """Match the columns of a source with those of a kind of table.

    Parameters
    ----------
    source : Source
        The opened source.
    kind : str
        The kind of table.
    columns : mapping
        Our name to the user's, where they differ.

    Returns
    -------
    tuple
        The fields, ours first; the faults; notes for the run record.
    """
    known = {column.name: column for column in columns_of(kind)}
    fields: list[Field] = []
    faults = _mapping_faults(source, kind, known, columns)
    missing = []
    for name, column in known.items():
        theirs = columns.get(name, name)
        if theirs in source.columns:
            fields.append(Field(column, theirs, source.columns[theirs]))
        elif column.required and name not in columns:
            missing.append(name)
    if missing:
        faults.append(_missing(source, missing, columns))
    extras, notes = _extras(source, fields, kind)
    return fields + extras, faults, notes


def _mapping_faults(
    source: Source, kind: str, known: Mapping[str, Column], columns: Mapping[str, str]
) -> list[Fault]:
    faults = []
    for name, theirs in columns.items():
        if name not in known:
            faults.append(
                Fault(
                    f'columns={{"{name}": "{theirs}"}}: "{name}" is no column of {kind}'
                    f"{did_you_mean(name, known)}",
                    f"Ours comes first, yours second; ours are {', '.join(known)}.",
                )
            )
        if theirs not in source.columns:
            faults.append(
                Fault(
                    f'columns={{"{name}": "{theirs}"}}: there is no column '
                    f'"{theirs}"{did_you_mean(theirs, source.columns)}',
                    f"The columns are {quoted(source.columns)}.",
                )
            )
    by_theirs: dict[str, list[str]] = {}
    for name in known:
        by_theirs.setdefault(columns.get(name, name), []).append(name)
    for theirs, names in by_theirs.items():
        if len(names) > 1 and theirs in source.columns:
            faults.append(
                Fault(
                    f'{" and ".join(names)} would both be read from "{theirs}"',
                    "Give each a column of its own, or leave the one that is not there out.",
                )
            )
    return faults


def _missing(source: Source, missing: list[str], columns: Mapping[str, str]) -> Fault:
    free = [theirs for theirs in source.columns if theirs not in columns.values()]
    guesses = {name: nearest(name, free) or "your column" for name in missing}
    mapping = ", ".join(f'"{name}": "{theirs}"' for name, theirs in {**columns, **guesses}.items())
    header = ""
    if source.columns and all(_looks_like_data(name) for name in source.columns if name.strip()):
        header = " The first row looks like data: the file needs a header row above it."
    # What looks like data may say who somebody is.
    shown = f"{len(source.columns)} others" if header and are_wanted() else quoted(source.columns)
    return Fault(
        f"missing columns: {', '.join(missing)}; the columns are {shown}",
        f"Say which of yours is meant: columns={{{mapping}}}.{header}",
    )


def _looks_like_data(name: str) -> bool:
    return any(sign.isdigit() for sign in name)


def _extras(source: Source, fields: list[Field], kind: str) -> tuple[list[Field], list[str]]:
    """Return the user's further columns; of some kinds they are numbers where all cells are."""
    used = {field.theirs for field in fields}
    names = {field.column.name.casefold() for field in fields}
    extras, notes = [], []
    for theirs, place in source.columns.items():
        if theirs in used or not theirs:
            continue
        if theirs.casefold() in names:
            own = next(field for field in fields if field.column.name == theirs.casefold())
            notes.append(
                f'column "{theirs}" was left out, because {own.column.name} is read from '
                f'"{own.theirs}"'
            )
            continue
        wanted: ColumnType = "number" if kind in KINDS_WITH_NUMBERS else "text"
        column = Column(theirs, wanted, "a further column")
        extras.append(Field(column, theirs, place, is_extra=True))
    return extras, notes
