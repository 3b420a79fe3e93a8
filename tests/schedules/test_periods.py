"""Periods that ended before a date, checked against pandas and by hand."""

from datetime import date, timedelta

import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.schedules.periods import NAMES, expand

FREQUENCIES = {"last_week": "W-SUN", "last_month": "M", "last_quarter": "Q", "last_year": "Y"}
# Whole calendar cycles around new years, leap days and weeks 53.
DAYS = [
    date(year, 1, 1) + timedelta(days=days)
    for year in (1999, 2000, 2004, 2020, 2026, 2027)
    for days in range(-15, 410, 3)
]


@pytest.mark.parametrize("period", FREQUENCIES)
def test_periods_are_those_of_pandas(period):
    for day in DAYS:
        expected = pd.Period(day, FREQUENCIES[period]) - 1
        bounds = f"{expected.start_time.date()} {expected.end_time.date()}"
        assert expand(f"{{{period}.start}} {{{period}.end}}", day, {}) == bounds


@pytest.mark.parametrize(
    ("period", "pattern"),
    [("last_month", "%Y-%m"), ("last_quarter", "%Y-Q%q"), ("last_year", "%Y")],
)
def test_names_are_those_of_pandas(period, pattern):
    for day in DAYS:
        expected = (pd.Period(day, FREQUENCIES[period]) - 1).strftime(pattern)
        assert expand(f"{{{period}.name}}", day, {}) == expected


def test_weeks_are_named_as_strftime_names_them():
    for day in DAYS:
        expected = (pd.Period(day, "W-SUN") - 1).start_time.strftime("%G-W%V")
        assert expand("{last_week.name}", day, {}) == expected


@pytest.mark.parametrize(
    ("text", "as_of", "expected"),
    [
        # A period that ends on the date itself has not ended before it.
        ("{last_month.end}", "2026-10-31", "2026-09-30"),
        ("{last_month.end}", "2026-11-01", "2026-10-31"),
        ("{last_month.end}", "2024-03-01", "2024-02-29"),
        ("{last_week.start}–{last_week.end}", "2026-11-22", "2026-11-09–2026-11-15"),
        ("{last_week.start}–{last_week.end}", "2026-11-23", "2026-11-16–2026-11-22"),
        ("{last_week.name}", "2021-01-05", "2020-W53"),
        ("{last_week.name}", "2025-01-06", "2025-W01"),
        ("{last_quarter.name}", "2026-01-01", "2025-Q4"),
        (
            "{last_quarter.name} {last_year.name} {last_month.name}",
            "2026-11-22",
            "2026-Q3 2025 2026-10",
        ),
        ("{as_of} {yesterday}", "2024-03-01", "2024-03-01 2024-02-29"),
        ("{last_year.start}/{last_year.end}", "2024-12-31", "2023-01-01/2023-12-31"),
        ("{last_year.name}", "0012-05-05", "0011"),
    ],
)
def test_periods_worked_out_by_hand(text, as_of, expected):
    assert expand(text, date.fromisoformat(as_of), {}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orders_{region}.csv", "orders_{as_of}.csv"),
        ("{{region}} {{}} }}{{", "{region} {} }{"),
        ("{{{region}}}", "{{as_of}}"),
        ("${PASSWORD} $${PASSWORD} ${region}", "${PASSWORD} $${PASSWORD} ${region}"),
        ("$ {region}$", "$ {as_of}$"),
        ("", ""),
    ],
)
def test_only_braces_are_filled_in_and_only_once(text, expected):
    assert expand(text, date(2026, 11, 22), {"region": "{as_of}"}) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{last_moth.end}", "there is no {last_moth.end}; did you mean last_month.end?"),
        ("{last_month}", "there is no {last_month}; did you mean last_month.end?"),
        ("{regoin}", "there is no {regoin}; did you mean region?"),
        ("{ as_of }", "there is no { as_of }; did you mean as_of?"),
        ("{as_of:%Y}", "there is no {as_of:%Y}; did you mean as_of?"),
        ("{as_of.year}", "there is no {as_of.year}; did you mean as_of?"),
        ("{__class__}", "there is no {__class__}; there are: region, as_of, yesterday, "),
        ("{}", "there is no {}; there are: region, as_of"),
        ("a { b", "a { stands alone; write {{ for a brace"),
        ("a } b", "a } stands alone; write }} for a brace"),
        ("{x_} }", "there is no {x_}; there are"),
        ("{x_} }", "\na } stands alone"),
    ],
)
def test_names_that_there_are_not_are_told_with_the_nearest(text, message):
    with pytest.raises(InputError) as error:
        expand(text, date(2026, 11, 22), {"region": "north"})
    assert message in str(error.value)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"as_of"}))
def test_there_is_nothing_before_the_year_one(name):
    with pytest.raises(InputError, match=r"there is no \{.*\} before 0001-01-01"):
        expand(f"{{{name}}}", date.min, {})


@pytest.mark.parametrize("name", NAMES)
def test_the_last_day_of_the_calendar_is_a_day_like_others(name):
    assert expand(f"{{{name}}}", date.max, {}).startswith("999")
