"""Durations and sizes as a schedule file writes them: "30 min", "26 h", "4 GB"."""

import re
from datetime import timedelta

from crmlib.errors import InputError

AMOUNT = re.compile(r"\s*(?P<number>[0-9]{1,12}(?:\.[0-9]{1,9})?)\s*(?P<unit>[A-Za-z]+)\s*")
SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3600, "day": 86400, "days": 86400}
BYTES = {
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
LONGEST = timedelta(days=1000)  # more is a slip, and more than the system's timers take
LARGEST = 1000 * 10**12


def read_duration(text: str) -> timedelta:
    """Read a duration such as "45 s", "30 min", "26 h" or "2 days".

    Raises
    ------
    InputError
        It is no such text, or more than 1000 days.
    """
    form = "; write it as 45 s, 30 min, 26 h or 2 days"
    number, factor = _amount(text, SECONDS, "a duration", form)
    if number * factor > LONGEST.total_seconds():
        raise InputError(f"{text!r} is more than 1000 days")
    return timedelta(seconds=number * factor)


def read_size(text: str) -> int:
    """Read a number of bytes such as "500 MB", "4 GB" (4 000 000 000) or "4 GiB" (4 · 2³⁰).

    Raises
    ------
    InputError
        It is no such text, or more than 1000 TB.
    """
    number, factor = _amount(text, BYTES, "a size", "; write it as 500 MB, 4 GB or 4 GiB")
    if number * factor > LARGEST:
        raise InputError(f"{text!r} is more than 1000 TB")
    return round(number * factor)


def _amount(text: str, units: dict[str, int], what: str, form: str) -> tuple[float, int]:
    found = AMOUNT.fullmatch(text)
    if not found or found["unit"].lower() not in units:
        raise InputError(f"{text!r} is not {what}{form}")
    return float(found["number"]), units[found["unit"].lower()]
