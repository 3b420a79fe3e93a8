"""Dates as people write them, and the one order of day and month that a column keeps to."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crmlib.tables.checks import Check, Conversion
from crmlib.tables.engine import Column, cases, ifelse, literal, null
from crmlib.tables.schemas import Column as SchemaColumn

DateOrder = Literal["year first", "day first", "month first"]

FIRST, LAST = "1900-01-01", "2100-12-31"
PLAIN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
# A time of the day after the date, which the tables of the workbook do not need.
TIME = (
    r"[T ]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
    r"(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|UTC|[-+][0-9]{2}(?::?[0-9]{2})?))?$"
)
YEAR_FIRST = r"^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})$"
COMPACT = r"^([0-9]{4})([0-9]{2})([0-9]{2})$"
CHINESE = r"^([0-9]{4}) ?年 ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?[日号]$"
YEAR_LAST = r"^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})$"
SHORT_YEAR = r"^[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2}$"
DAY_NUMBER = r"^[0-9]{5}(?:\.[0-9]+)?$"
# Where day, month and year stand in YEAR_LAST, put into the order of the calendar.
ORDERS = {"day first": r"\3-\2-\1", "month first": r"\3-\1-\2"}
WRITE = "Write dates as 2024-03-31"


@dataclass(frozen=True)
class DateStyle:
    """How a column writes its dates.

    Attributes
    ----------
    order : str
        The order of day and month where the year comes last.
    is_settled : bool
        Whether the order is given, or shown by a cell.
    is_mixed : bool
        Whether some cells fit one order only and some the other only.
    is_plain : bool
        Whether all cells are dates such as 2024-03-31.
    """

    order: str = "day first"
    is_settled: bool = False
    is_mixed: bool = False
    is_plain: bool = False

    @property
    def note(self) -> str:
        """What the run record says about it; empty where there is nothing to say."""
        return self.order if self.is_settled else ""


def first_look(text: Column) -> dict[str, Column]:
    """Count what tells whether all cells are dates such as 2024-03-31."""
    return {"plain": text.count(where=text.re_search(PLAIN) & _is_usual(text.try_cast("date")))}


def parts(text: Column) -> dict[str, Column]:
    """Return the date that each cell is under each order of day and month."""
    day = _without_time(text)
    year_first = cases(
        (day.re_search(YEAR_FIRST), day.replace("/", "-").replace(".", "-")),
        (day.re_search(COMPACT), day.re_replace(COMPACT, r"\1-\2-\3")),
        (day.re_search(CHINESE), day.re_replace(CHINESE, r"\1-\2-\3")),
    )
    return {
        order: ifelse(
            day.re_search(YEAR_LAST), day.re_replace(YEAR_LAST, places), year_first
        ).try_cast("date")
        for order, places in ORDERS.items()
    }


def second_look(text: Column, parts: Mapping[str, Column]) -> dict[str, Column]:
    """Count which orders of day and month the cells allow."""
    day_first, month_first = parts["day first"], parts["month first"]
    return {
        "only_day_first": day_first.count(where=month_first.isnull()),
        "only_month_first": month_first.count(where=day_first.isnull()),
        "differ": text.count(where=day_first != month_first),
        "example": text.min(where=day_first != month_first),
    }


def style_of(counts: Mapping[str, Any], order: DateOrder | None) -> DateStyle:
    """Settle how a column writes its dates from what was counted."""
    day, month = counts["only_day_first"], counts["only_month_first"]
    return DateStyle(
        order=order or ("month first" if month > day else "day first"),
        is_settled=order is not None or day > 0 or month > 0,
        is_mixed=order is None and day > 0 and month > 0,
    )


def doubt(counts: Mapping[str, Any], style: DateStyle) -> tuple[str, str] | None:
    """Return what is wrong, and what to do, where no cell shows day from month."""
    if style.is_settled or not counts["differ"]:
        return None
    example = counts["example"]
    written = re.sub(TIME, "", example)
    day_first, month_first = (
        datetime.date(*map(int, re.sub(YEAR_LAST, order, written).split("-")))
        for order in ORDERS.values()
    )
    return (
        f'"{example}" can be read two ways, as {day_first} (day first) or as {month_first} '
        "(month first), and so can every such date of the column",
        'Say which is meant: date_order="day first" or date_order="month first".',
    )


def converted(text: Column, parts: Mapping[str, Column], style: DateStyle) -> Conversion:
    """Read text as dates.

    Parameters
    ----------
    text : Column
        The cells, without blanks at the ends.
    parts : mapping
        What `parts` has made of them.
    style : DateStyle
        How they are written.

    Returns
    -------
    Conversion
    """
    if style.order == "year first":
        is_last = _without_time(text).re_search(YEAR_LAST)
        to_do = f"{WRITE}, or leave out date_order."
        value = ifelse(is_last, null("date"), parts["day first"])
        checks = [Check(is_last, "a date with the year last", to_do)]
        other = value
    else:
        other_order = next(order for order in ORDERS if order != style.order)
        value, other = parts[style.order], parts[other_order]
        checks = [
            Check(
                value.isnull() & other.notnull(),
                f"a date only when read {other_order}, where the column is read {style.order}",
                f"Write the whole column {style.order}, or write dates as 2024-03-31.",
            )
        ]
    if style.is_mixed:
        checks.append(
            Check(
                value != other,
                "a date that can be read two ways in a column with both orders",
                "Write the whole column in one order, or write dates as 2024-03-31.",
            )
        )
    checks += _no_date_checks(text, text.notnull() & value.isnull())
    return Conversion(value, [*checks, _range_check(value)])


def _no_date_checks(text: Column, is_no_date: Column) -> list[Check]:
    day = _without_time(text)
    forms = "|".join([YEAR_FIRST, COMPACT, CHINESE, YEAR_LAST])
    return [
        Check(
            is_no_date & day.re_search(SHORT_YEAR),
            "a year of two digits",
            f"{WRITE}, with the whole year.",
        ),
        Check(
            is_no_date & day.re_search(DAY_NUMBER),
            "a day number of a spreadsheet",
            "Format the column as dates in the spreadsheet and export it again.",
        ),
        Check(
            is_no_date & ~day.re_search(forms),
            "not a date",
            f"{WRITE}; leave the cell empty where there is none.",
        ),
        Check(is_no_date, "a day that is not in the calendar", "Put the right date there."),
    ]


def from_dates(value: Column, column: SchemaColumn) -> Conversion:
    """Read a column that holds dates, or dates with times, already."""
    dates = value.date() if value.type().is_timestamp() else value
    return Conversion(dates, [_range_check(dates)])


def _without_time(text: Column) -> Column:
    return ifelse(text.contains(":"), text.re_replace(TIME, ""), text)


def _is_usual(date: Column) -> Column:
    return date.between(literal(FIRST).cast("date"), literal(LAST).cast("date"))


def _range_check(date: Column) -> Check:
    return Check(
        ~_is_usual(date),
        "before 1900 or after 2100",
        "Put the right date there; leave the cell empty where the date is not known.",
    )
