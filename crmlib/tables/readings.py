"""How one column of a source is read: as it is stored, as it is written, as it is wanted."""

import dataclasses
from dataclasses import dataclass, replace
from typing import Any, Literal

from crmlib.tables import dates, numbers
from crmlib.tables.checks import Check, Conversion
from crmlib.tables.engine import Column, Table, ifelse, null
from crmlib.tables.faults import Fault
from crmlib.tables.fields import Field
from crmlib.tables.sources import Source

REPEATED = " repeated"
# A whole number beyond this has no exact digits in a floating-point cell.
EXACT = 1e15
# An identifier such as 4.50E+11, as spreadsheets write long numbers.
SHORTENED = r"^[0-9](?:[.,][0-9]+)?E\+[0-9]+$"
IN_WORDS = {"number": "numbers", "date": "dates", "text": "text"}
IN_SQL = {"number": "double precision", "date": "date"}

Stored = Literal["text", "typed", "as it is"]


@dataclass
class Reading:
    """How one column of the source is read.

    Attributes
    ----------
    field : Field
        Which column, and what it becomes.
    stored : {"text", "typed", "as it is"}
        Whether its cells are text to be converted, have a type that goes with it, or are
        handed on unchanged.
    counts : dict
        What the first look at its cells has counted.
    style : NumberStyle, DateStyle or None
        How its cells are written, once that is settled.
    """

    field: Field
    stored: Stored
    counts: dict[str, Any] = dataclasses.field(default_factory=dict)
    style: Any = None

    @property
    def is_number_text(self) -> bool:
        """Whether its cells are text to be read as numbers."""
        return self.stored == "text" and self.field.column.type == "number"

    @property
    def is_date_text(self) -> bool:
        """Whether its cells are text to be read as dates."""
        return self.stored == "text" and self.field.column.type == "date"

    @property
    def may_fail(self) -> bool:
        """Whether the first look leaves it open that a cell cannot be used."""
        is_odd = self.style is not None and not self.style.is_plain
        names = ("missing", "shortened", "repeated", "failing")
        return is_odd or any(self.counts.get(name) for name in names)

    def cells(self, table: Table) -> Column:
        """Return the cells; those that are to be converted as text."""
        cells = table[self.field.place]
        return _as_text(cells) if self.stored == "text" else cells

    def first_look(self, table: Table) -> dict[str, Column]:
        """Return what to count before it is settled how the cells are written."""
        cells, column = self.cells(table), self.field.column
        asked = {"filled": cells.count()}
        if self.is_number_text:
            asked |= numbers.first_look(cells, column)
        elif self.is_date_text:
            asked |= dates.first_look(cells)
        elif self.stored == "typed":
            found = self.converted(table)
            asked = {"filled": found.value.count(), "failing": found.problem.count()}
        elif not self.field.is_extra:
            asked["shortened"] = cells.count(where=cells.re_search(SHORTENED))
        if column.unique:
            asked["different"] = cells.nunique()
        return asked

    def new_parts(self, table: Table) -> dict[str, Column]:
        """Return what text that is not written plainly may be, for `parts` to find again."""
        cells = self.cells(table)
        found = numbers.parts(cells) if self.is_number_text else dates.parts(cells)
        return {f" {self.field.place} {name}": part for name, part in found.items()}

    def parts(self, table: Table) -> dict[str, Column]:
        """Return what `new_parts` has put into the table."""
        names = ("sign", "point", "comma") if self.is_number_text else dates.ORDERS
        return {name: table[f" {self.field.place} {name}"] for name in names}

    def second_look(self, table: Table) -> dict[str, Column]:
        """Return what to count to settle how the cells are written."""
        look = numbers.second_look if self.is_number_text else dates.second_look
        return look(self.cells(table), self.parts(table))

    def take(self, counts: dict[str, Any], n_rows: int) -> None:
        """Take in what the first look at a table of so many rows has counted."""
        self.counts = counts
        column = self.field.column
        counts["missing"] = n_rows - counts["filled"] if column.required else 0
        counts["repeated"] = counts["filled"] - counts["different"] if column.unique else 0

    def converted(self, table: Table) -> Conversion:
        """Return the cells as the schema wants them, with all that may be wrong with them."""
        cells, column = self.cells(table), self.field.column
        found = Conversion(cells)
        if self.is_number_text and self.style.is_plain:
            found = Conversion(cells.try_cast("float64"))
        elif self.is_number_text:
            found = numbers.converted(cells, self.parts(table), self.style, column)
        elif self.is_date_text and self.style.is_plain:
            found = Conversion(cells.try_cast("date"))
        elif self.is_date_text:
            found = dates.converted(cells, self.parts(table), self.style)
        elif self.stored == "typed":
            of_type = {"number": numbers.from_numbers, "date": dates.from_dates}
            found = of_type[column.type](cells, column)
        return replace(found, checks=[*found.checks, *self._further_checks(table, found.value)])

    def _further_checks(self, table: Table, value: Column) -> list[Check]:
        name = self.field.column.name
        cells = self.cells(table)
        checks = []
        if self.counts.get("missing"):
            checks.append(
                Check(
                    value.isnull(),
                    "empty",
                    f"Every row needs a value of {name}: fill it in, or delete the row.",
                )
            )
        if self.counts.get("shortened"):
            checks.append(
                Check(
                    cells.re_search(SHORTENED),
                    "a number that a spreadsheet has shortened",
                    "Format the column as text in the spreadsheet and export it again.",
                )
            )
        if self.counts.get("repeated"):
            checks.append(
                Check(
                    table[REPEATED],
                    "a value that an earlier row has already",
                    f"Each {name} may stand in one row only: delete the rows that repeat it.",
                )
            )
        return checks


def reading_of(field: Field, source: Source) -> Reading | Fault:
    """Tell from the type of a column how it is read, or why it cannot be.

    Parameters
    ----------
    field : Field
        The column.
    source : Source
        Where it stands.

    Returns
    -------
    Reading or Fault
    """
    dtype = source.table[field.place].type()
    wanted = field.column.type
    is_number = dtype.is_numeric() and not dtype.is_boolean()
    is_date = dtype.is_date() or dtype.is_timestamp()
    if (wanted == "number" and is_number) or (wanted == "date" and is_date):
        return Reading(field, "typed")
    if field.is_extra and not (dtype.is_string() and source.reads_text):
        return Reading(field, "as it is")
    is_plain = dtype.is_primitive() or dtype.is_string() or dtype.is_null() or is_number or is_date
    if wanted == "text" and is_plain:
        return Reading(field, "text")
    # Whole numbers may be dates written as 20240331.
    can_be_date = wanted == "date" and dtype.is_integer()
    if source.reads_text and (dtype.is_string() or dtype.is_null() or can_be_date):
        return Reading(field, "text")
    to_do = f"Store the column as {IN_WORDS[wanted]}."
    if not source.reads_text and wanted in IN_SQL:
        cast = f'CAST("{field.theirs}" AS {IN_SQL[wanted]})'
        to_do = f"Make a view with {cast} in the database, and read the view."
    return Fault(f"the column holds {dtype} and not {IN_WORDS[wanted]}", to_do, column=field.label)


def _as_text(cells: Column) -> Column:
    """Return cells of any simple type as text, 7.0 as "7"."""
    if cells.type().is_string():
        return cells
    if cells.type().is_floating() or cells.type().is_decimal():
        # DuckDB refuses to round what is beyond 64 bits, even where a condition leaves it out.
        exact = ifelse(cells.abs() < EXACT, cells, null(cells.type()))
        is_whole = exact == exact.round()
        return ifelse(is_whole, exact.cast("int64").cast("string"), cells.cast("string"))
    return cells.cast("string")
