"""All cells of a source against the schema: settle how they are written, convert, list faults.

Two aggregations over all columns at once come first. The first tells the columns that are
written as a program writes them, which need no more; the second tells how the others are
written. Only where a cell fails are rows numbered and listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from crmlib.tables import dates, numbers
from crmlib.tables.dates import DateOrder, DateStyle
from crmlib.tables.engine import Column, Table, all_of, kept, literal, row_number, rows_of, union
from crmlib.tables.faults import ROWS_SHOWN, Fault, shortened
from crmlib.tables.fields import Field
from crmlib.tables.numbers import DecimalMark, NumberStyle
from crmlib.tables.pseudonyms import hides
from crmlib.tables.readings import REPEATED, Reading, reading_of
from crmlib.tables.sources import BLANK_ROW, ROW, LeftOut, Source


@dataclass(frozen=True)
class Checked:
    """A source that has been checked.

    Attributes
    ----------
    table : Table
        The converted columns, without the rows that cannot be used.
    faults : list of Fault
        Everything that is wrong.
    set_aside : list of dict
        The cells and rows that are not in `table`: row, column, value, reason.
    notes : list of str
        How columns were read where they are not written plainly.
    """

    table: Table
    faults: list[Fault]
    set_aside: list[dict[str, Any]]
    notes: list[str]


def checked(
    source: Source,
    fields: Sequence[Field],
    date_order: DateOrder | None,
    decimal: DecimalMark | None,
    list_cells: bool,
) -> Checked:
    """Check and convert all columns of a source.

    Parameters
    ----------
    source : Source
        The opened source.
    fields : sequence of Field
        What its columns become.
    date_order : str or None
        The order of day and month; None to find it.
    decimal : str or None
        The decimal mark; None to find it.
    list_cells : bool
        Whether to list every faulty cell, or only the first few of a kind.

    Returns
    -------
    Checked
    """
    found = [reading_of(field, source) for field in fields]
    readings = [reading for reading in found if isinstance(reading, Reading)]
    faults = [fault for fault in found if isinstance(fault, Fault)]
    n_blank = _look(source, readings, faults)
    odd = _settle_plain(readings, decimal)
    notes = _settle_odd(source, odd, date_order, decimal, faults) if odd else []

    left_out = list(source.left_out)
    table = _without_blank_rows(source, left_out) if n_blank else source.table
    table = _with_repeats_marked(source, table, readings)
    failing = _failing(table, readings)
    set_aside = [{"column": "", **asdict(row)} for row in left_out]
    faults += _left_out_faults(source)
    if failing:
        cells = _faulty_cells(_numbered(source, table), failing)
        faults += _cell_faults(source, table, cells, failing)
        if list_cells:
            set_aside += rows_of(cells)
        table = table.filter(all_of(*(r.converted(table).problem.isnull() for r in failing)))
    if REPEATED in table.columns:
        # Marking repeats has sorted the rows by what they repeat.
        table = table.order_by(ROW)
    values = {r.field.column.name: r.converted(table).value for r in readings}
    return Checked(table.select(**values) if values else table, faults, set_aside, notes)


def _look(source: Source, readings: list[Reading], faults: list[Fault]) -> int:
    """Look at all columns at once; return the number of blank rows."""
    table = source.table
    whole = {"rows": table.count(), "blank": table.count(where=_is_blank(source, table))}
    asked = [reading.first_look(table) for reading in readings]
    totals, *counts = _aggregated(table, [whole, *asked])
    for reading, counted in zip(readings, counts, strict=True):
        reading.take(counted, totals["rows"] - totals["blank"])
    if totals["rows"] == totals["blank"] and not source.left_out:
        faults.append(Fault("there are no rows", "A table needs rows below its header."))
    return int(totals["blank"])


def _settle_plain(readings: list[Reading], decimal: DecimalMark | None) -> list[Reading]:
    """Settle the columns that are written as a program writes them; return the others."""
    odd = []
    for reading in readings:
        counts = reading.counts
        if reading.is_number_text and reading.field.is_extra and counts["leading_zeros"]:
            _keep_as_text(reading)
        elif reading.is_number_text and numbers.is_plain(counts, decimal):
            reading.style = NumberStyle(is_plain=True)
        elif reading.is_date_text and counts["plain"] == counts["filled"]:
            reading.style = DateStyle(is_plain=True)
        elif reading.is_number_text or reading.is_date_text:
            odd.append(reading)
    return odd


def _settle_odd(
    source: Source,
    readings: list[Reading],
    order: DateOrder | None,
    decimal: DecimalMark | None,
    faults: list[Fault],
) -> list[str]:
    """Settle how the other columns are written; return what is worth a note."""
    new = [part for reading in readings for part in reading.new_parts(source.table).items()]
    # Taking text apart is the costly step, so its results are kept.
    source.table, source.is_lazy = kept(source.table.mutate(**dict(new))), False
    table = source.table
    looks = _aggregated(table, [reading.second_look(table) for reading in readings])
    notes = []
    for reading, counts in zip(readings, looks, strict=True):
        filled, label = reading.counts["filled"], reading.field.label
        if reading.is_date_text:
            reading.style = dates.style_of(counts, order)
            doubt = dates.doubt(counts, reading.style)
        else:
            signs = _currencies(table, reading) if counts["signs"] else {}
            reading.style = numbers.style_of(counts, signs, decimal)
            doubt = numbers.doubt(counts, decimal)
            n_numbers = counts["comma" if reading.style.decimal == "," else "point"]
            n_others = max(filled - n_numbers, counts["signs"])
            if reading.field.is_extra and n_others:
                _keep_as_text(reading)
                if n_others < filled:
                    why = f"{n_others:,} of {filled:,} cells are no numbers"
                    notes.append(f"{label}: kept as text, because {why}")
                continue
        if doubt:
            faults.append(Fault(*doubt, column=label))
        elif reading.style.note:
            notes.append(f"{label}: {reading.style.note}")
    return notes


def _keep_as_text(reading: Reading) -> None:
    column = replace(reading.field.column, type="text")
    reading.field = replace(reading.field, column=column)
    reading.style = None


def _currencies(table: Table, reading: Reading) -> dict[str, int]:
    """Count the currency signs of a column."""
    found = table.select(cells=reading.cells(table), sign=reading.parts(table)["sign"])
    found = found.filter(found.cells.notnull())
    return {row["sign"]: row["n"] for row in rows_of(found.group_by("sign").agg(n=found.count()))}


def _is_blank(source: Source, table: Table) -> Column:
    return all_of(*(table[place].isnull() for place in source.columns.values()))


def _numbered(source: Source, table: Table) -> Table:
    """Number the rows as the user sees them."""
    if ROW in table.columns:
        return table
    # A table that DuckDB keeps knows its rows by number; any other has to count them.
    number = row_number() if source.is_lazy else table.rowid()
    return table.mutate(**{ROW: number + (source.first_row or 1)})


def _without_blank_rows(source: Source, left_out: list[LeftOut]) -> Table:
    table = _numbered(source, source.table)
    blank = _is_blank(source, table)
    rows = rows_of(table.filter(blank).select(row=table[ROW]))
    left_out += [LeftOut(row["row"], "", BLANK_ROW) for row in rows]
    return table.filter(~blank)


def _with_repeats_marked(source: Source, table: Table, readings: list[Reading]) -> Table:
    for reading in readings:
        if reading.counts["repeated"]:
            table = _numbered(source, table)
            place = row_number().over(group_by=reading.cells(table), order_by=table[ROW])
            table = table.mutate(**{REPEATED: place > 0})
    return table


def _failing(table: Table, readings: list[Reading]) -> list[Reading]:
    """Return the columns in which a cell cannot be used."""
    suspects = [reading for reading in readings if reading.may_fail]
    asked = [{"failing": reading.converted(table).problem.count()} for reading in suspects]
    counted = zip(suspects, _aggregated(table, asked), strict=True)
    return [reading for reading, counts in counted if counts["failing"]]


def _faulty_cells(table: Table, readings: list[Reading]) -> Table:
    """List all cells that cannot be used."""
    parts = []
    for reading in readings:
        problem = reading.converted(table).problem
        part = table.select(
            row=table[ROW],
            column=literal(reading.field.label),
            value=literal("") if hides(reading.field) else _as_shown(reading.cells(table)),
            reason=problem,
        )
        parts.append(part.filter(part.reason.notnull()))
    return parts[0] if len(parts) == 1 else union(*parts)


def _as_shown(cells: Column) -> Column:
    return cells.cast("string").fill_null("")


def _cell_faults(
    source: Source, table: Table, cells: Table, readings: list[Reading]
) -> list[Fault]:
    """Gather the cells that cannot be used by column and reason."""
    grouped = cells.group_by("column", "reason").agg(
        n=cells.count(),
        rows=cells.row.collect(order_by=cells.row)[:ROWS_SHOWN],
        value=cells.value.argmin(cells.row),
    )
    to_do = {
        (reading.field.label, check.wrong): check.to_do
        for reading in readings
        for check in reading.converted(table).checks
    }
    places = {key: place for place, key in enumerate(to_do)}
    faults = []
    for row in sorted(rows_of(grouped), key=lambda row: places[row["column"], row["reason"]]):
        example = f', such as "{shortened(row["value"])}"' if row["value"] else ""
        faults.append(
            Fault(
                row["reason"] + example,
                to_do[row["column"], row["reason"]],
                column=row["column"],
                rows=tuple(row["rows"]) if source.first_row else (),
                n_rows=row["n"],
            )
        )
    return faults


def _left_out_faults(source: Source) -> list[Fault]:
    by_reason: dict[str, list[LeftOut]] = {}
    for row in source.left_out:
        if row.reason != BLANK_ROW:
            by_reason.setdefault(row.reason, []).append(row)
    return [
        Fault(
            reason + (f', such as "{shortened(rows[0].value)}"' if rows[0].value else ""),
            source.advice[reason],
            rows=tuple(row.row for row in rows[:ROWS_SHOWN]),
            n_rows=len(rows),
        )
        for reason, rows in by_reason.items()
    ]


def _aggregated(table: Table, asked: Sequence[Mapping[str, Column]]) -> list[dict[str, Any]]:
    """Work out several groups of aggregates in one pass over the table."""
    if not asked:
        return []
    named = {
        f"{place} {key}": value for place, group in enumerate(asked) for key, value in group.items()
    }
    row = next(rows_of(table.aggregate(**named)))
    return [{key: row[f"{place} {key}"] for key in group} for place, group in enumerate(asked)]
