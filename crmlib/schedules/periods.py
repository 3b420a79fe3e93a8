"""Dates in a schedule's texts: `{last_month.end}` and the like, worked out from the as-of date.

The periods are whole ones that ended before that date, as a report needs them whose tables are
complete: on 1 November the last month is October, on 31 October it still is September. Weeks run
from Monday to Sunday and are named as ISO 8601 has them. Texts are only filled in, never
evaluated.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta

from crmlib.errors import InputError
from crmlib.report.parameters import nearest

# ${NAME} is a secret and $${NAME} is not: `tables.read` sees to both, here they are left alone.
TOKEN = re.compile(
    r"\$\$?\{[A-Za-z_][A-Za-z0-9_]*\}"
    r"|(?P<brace>\{\{|\}\})|\{(?P<name>[^{}]*)\}|(?P<alone>[{}])"
)
PERIODS = ("last_week", "last_month", "last_quarter", "last_year")
PARTS = ("start", "end", "name")
NAMES = ("as_of", "yesterday", *(f"{period}.{part}" for period in PERIODS for part in PARTS))


def expand(text: str, as_of: date, case: Mapping[str, str]) -> str:
    """Fill in the `{…}` of a text.

    Parameters
    ----------
    text : str
        With `{as_of}`, `{yesterday}`, `{last_week.start}`, `{last_month.end}`,
        `{last_quarter.name}`, `{last_year.…}` or `{key}`; `{{` and `}}` are braces, and
        `${NAME}` stays as it is.
    as_of : datetime.date
        The date the periods end before.
    case : mapping of str to str
        Texts for the keys of `for`.

    Returns
    -------
    str
        Dates as 2026-11-30; names of periods as 2026-W46, 2026-10, 2026-Q3, 2025.

    Raises
    ------
    InputError
        A name that there is not, with the nearest; a brace alone; a period before the year 1.
        One line each.
    """
    faults = []

    def fill(token: re.Match[str]) -> str:
        try:
            return _filled(token, as_of, case)
        except InputError as fault:
            faults.append(str(fault))
            return ""

    filled = TOKEN.sub(fill, text)
    if faults:
        raise InputError("\n".join(dict.fromkeys(faults)))
    return filled


def names_in(text: str) -> set[str]:
    """Names within the `{…}` of a text, whether there is such a name or not."""
    return {token["name"] for token in TOKEN.finditer(text) if token["name"] is not None}


def _filled(token: re.Match[str], as_of: date, case: Mapping[str, str]) -> str:
    if token["brace"]:
        return token["brace"][0]
    if token["alone"]:
        raise InputError(f"a {token['alone']} stands alone; write {token['alone'] * 2} for a brace")
    name = token["name"]
    if name is None:
        return token[0]
    if name in case:
        return case[name]
    if name not in NAMES:
        raise InputError(f"there is no {{{name}}}{nearest(name, [*case, *NAMES])}")
    try:
        return period_text(name, as_of)
    except (ValueError, OverflowError):
        raise InputError(f"there is no {{{name}}} before {as_of}") from None


def period_text(name: str, as_of: date) -> str:
    """Text for one of `NAMES`.

    Raises
    ------
    ValueError, OverflowError
        The period is before the year 1.
    """
    if name == "as_of":
        return as_of.isoformat()
    if name == "yesterday":
        return (as_of - timedelta(days=1)).isoformat()
    period, _, part = name.partition(".")
    start, end, called = last_period(period, as_of)
    return {"start": start.isoformat(), "end": end.isoformat(), "name": called}[part]


def last_period(period: str, as_of: date) -> tuple[date, date, str]:
    """First day, last day and name of the last whole period that ended before a date.

    Parameters
    ----------
    period : str
        One of `PERIODS`.
    as_of : datetime.date
        Not itself in the period.

    Raises
    ------
    ValueError, OverflowError
        The period is before the year 1.
    """
    end = _first_day(period, as_of) - timedelta(days=1)
    start = _first_day(period, end)
    return start, end, _called(period, start)


def _first_day(period: str, day: date) -> date:
    """First day of the period a day is in."""
    match period:
        case "last_week":
            return day - timedelta(days=day.weekday())
        case "last_month":
            return day.replace(day=1)
        case "last_quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "last_year":
            return day.replace(month=1, day=1)
    raise ValueError(f"{period} is no period")


def _called(period: str, start: date) -> str:
    match period:
        case "last_week":
            year, week, _ = start.isocalendar()
            return f"{year:04d}-W{week:02d}"
        case "last_month":
            return f"{start.year:04d}-{start.month:02d}"
        case "last_quarter":
            return f"{start.year:04d}-Q{(start.month + 2) // 3}"
    return f"{start.year:04d}"
