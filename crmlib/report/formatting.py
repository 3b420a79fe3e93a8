"""Table cells as text: sensible digits, one way of writing numbers, dates and gaps."""

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MISSING = "–"
MINUS = "−"
MOST_DECIMALS = 6
ABBREVIATIONS = {"id": "ID", "clp": "CLP", "sha256": "SHA-256"}


@dataclass(frozen=True)
class FormattedColumn:
    """A column ready to print: heading, cells and on which side they align."""

    heading: str
    cells: list[str]
    align: str  # "left" | "right"


def format_columns(
    columns: "list[tuple[str, pd.Series]]", decimals: int | None = None
) -> list[FormattedColumn]:
    """Format the columns of a table.

    Whole numbers get thousands separators (not in columns of years or identifiers);
    other numbers about three significant digits, the same decimals down the column
    and in neighbouring columns of like size, such as an estimate and its interval.
    A column named ``…_share`` holds fractions and one named ``…_percent`` percentages:
    both print with a percent sign. Missing cells print as "–". ``decimals``, when given, holds
    for every column of numbers that are neither whole nor percentages.
    """
    units = [_unit(name) for name, _ in columns]
    numbers = [_numbers(values) for _, values in columns]
    formatted = []
    write: Callable[[Any], str]
    for at, (name, values) in enumerate(columns):
        if (
            numbers[at]
            and units[at] == "number"
            and not (decimals is None or _all_whole(numbers[at]))
        ):
            write = functools.partial(_fixed, decimals=decimals)
        elif numbers[at]:
            write = _number_writer(units[at], _like_neighbours(units, numbers, at))
        else:
            write = _write_value
        gaps = values.isna()
        cells = [MISSING if gap else write(value) for value, gap in zip(values, gaps, strict=True)]
        formatted.append(FormattedColumn(heading(name), cells, "right" if numbers[at] else "left"))
    return formatted


def _unit(name: str) -> str:
    last_word = name.lower().rsplit("_", 1)[-1]
    return {"share": "share", "percent": "percent", "year": "code", "id": "code"}.get(
        last_word, "number"
    )


def _numbers(values: "pd.Series") -> list[Any]:
    """Return the numbers of a column that holds nothing else, else an empty list."""
    present = values[values.notna()].tolist()
    return present if all(_is_number(value) for value in present) else []


def _like_neighbours(units: list[str], numbers: list[list[Any]], at: int) -> list[Any]:
    """Return the numbers of a column and of the columns beside it that are of like size."""
    family = list(numbers[at])
    for step in (-1, 1):
        beside = at + step
        while 0 <= beside < len(units) and units[beside] == units[at]:
            if not _are_alike(numbers[beside], numbers[at]):
                break
            family += numbers[beside]
            beside += step
    return family


def _are_alike(some: list[Any], others: list[Any]) -> bool:
    if not some or _all_whole(some) or _all_whole(others):
        return False
    return 0.1 < _middle(_sizes(some)) / _middle(_sizes(others)) < 10


def heading(name: str) -> str:
    """Return a snake_case name as words; any other name stays as it is."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        return name
    words = [ABBREVIATIONS.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def format_number(value: float) -> str:
    """Format one number on its own, to about three significant digits."""
    return _plain_writer([value])(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real | Decimal) and not _is_boolean(value)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in {"bool_", "bool"}


def _number_writer(unit: str, values: list[Any]) -> Callable[[Any], str]:
    if unit in {"share", "percent"}:
        factor = 100 if unit == "share" else 1
        decimals = _percent_decimals([factor * float(value) for value in values])
        return lambda value: f"{_fixed(factor * float(value), decimals)}%"
    if unit == "code" and _all_whole(values):
        return lambda value: str(int(value)).replace("-", MINUS)
    return _plain_writer(values)


def _plain_writer(values: list[Any]) -> Callable[[Any], str]:
    """Choose how to write numbers that stand in one column."""
    if _all_whole(values):
        return _whole
    sizes = _sizes(values)
    middle = _middle(sizes)
    if middle < 1e-5 or middle >= 1e15:
        return _scientific
    decimals = _decimals(values, middle)
    lost = sizes[0] < 0.5 * 10**-decimals
    if lost and sizes[-1] >= 100:  # a column of unlike things: each to its own digits
        return lambda value: format_number(float(value))
    return lambda value: _fixed(value, decimals)


def _all_whole(values: list[Any]) -> bool:
    return all(
        isinstance(value, Integral) or (math.isfinite(value) and value == int(value))
        for value in values
    ) and all(abs(value) < 1e15 for value in values)


def _sizes(values: list[Any]) -> list[float]:
    """Return the sizes of the numbers other than zero, in order; one if there are none."""
    sizes = sorted(abs(float(value)) for value in values)
    return [size for size in sizes if 0 < size < math.inf] or [1.0]


def _middle(sizes: list[float]) -> float:
    return sizes[len(sizes) // 2]


def _decimals(values: list[Any], middle: float) -> int:
    """Return the decimals that give the middle number three significant digits."""
    most = min(max(2 - math.floor(math.log10(middle)), 0), MOST_DECIMALS)
    return _fewest_decimals([float(value) for value in values], most)


def _percent_decimals(values: list[float]) -> int:
    sizes = _sizes(values)
    return _fewest_decimals(values, 1 if _middle(sizes) >= 1 else 2)


def _fewest_decimals(values: list[float], most: int) -> int:
    """Return how many decimals are needed when closing zeros of all numbers are left out."""
    finite = [value for value in values if math.isfinite(value)]
    for decimals in range(most):
        if all(round(value, decimals) == round(value, MOST_DECIMALS + 3) for value in finite):
            return decimals
    return most


def _fixed(value: Any, decimals: int) -> str:
    value = float(value)
    if not math.isfinite(value):
        return _not_finite(value)
    smallest = 10**-decimals
    if value != 0 and decimals and abs(value) < 0.5 * smallest:
        below = f"<{smallest:.{decimals}f}"
        return below if value > 0 else f">{MINUS}{below[1:]}"
    return _signed(f"{value:,.{decimals}f}")


def _whole(value: Any) -> str:
    return _signed(f"{int(value):,}")


def _scientific(value: Any) -> str:
    if not math.isfinite(value):
        return _not_finite(value)
    if value == 0:
        return "0"
    mantissa, exponent = f"{float(value):.2e}".split("e")
    digits = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{_signed(mantissa)}×10{digits}"


def _not_finite(value: float) -> str:
    return "∞" if value > 0 else f"{MINUS}∞"


def _signed(digits: str) -> str:
    """Write a true minus sign, and none before a zero."""
    if digits.startswith("-"):
        return MINUS + digits[1:] if re.search("[1-9]", digits) else digits[1:]
    return digits


def _write_value(value: Any) -> str:
    if _is_boolean(value):
        return "yes" if value else "no"
    if _is_number(value):
        return format_number(value)
    if isinstance(value, datetime):
        return _write_moment(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _write_moment(value: datetime) -> str:
    at_midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
    return f"{value:%Y-%m-%d}" if at_midnight else f"{value:%Y-%m-%d %H:%M}"
