"""What a schedule says of how its runs are made: at the top for all jobs, or in a job."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from crmlib.errors import InputError
from crmlib.report.history import Keep
from crmlib.report.parameters import nearest
from crmlib.schedules.faults import Faults
from crmlib.schedules.units import read_duration, read_size

DEFAULTS: dict[str, Any] = {
    "timeout": None,
    "retries": 0,
    "retry_wait": 60.0,
    "memory": None,
    "keep": Keep(),
    "max_age": None,
}
MOST = 10_000  # retries, runs to keep: more is a slip
KINDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def kind_of(value: Any) -> str:
    """Say in words what kind of TOML value this is."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return KINDS.get(type(value), "a date or time")


def check_names(
    table: Mapping[str, Any], known: tuple[str, ...], keys: tuple[str, ...], faults: Faults
) -> None:
    """Note every key of a table that is not known, with the nearest that is."""
    for name in table:
        if name not in known:
            faults.add((*keys, name), f"there is no setting {name}{nearest(name, known)}")


def read_settings(
    table: Mapping[str, Any], keys: tuple[str, ...], faults: Faults
) -> dict[str, Any]:
    """Read the settings that a table has.

    Parameters
    ----------
    table : mapping
        The whole file, or a job of it; other keys are left alone.
    keys : tuple of str
        The keys that lead to the table.
    faults : Faults
        Takes what is wrong.

    Returns
    -------
    dict
        Seconds for `timeout` and `retry_wait`, bytes for `memory`, a number for `retries`, a
        `Keep` for `keep`, a `datetime.timedelta` for `max_age`; only those that are there.
    """
    read = {}
    for name in DEFAULTS:
        if name in table:
            try:
                read[name] = READERS[name](table[name])
            except InputError as fault:
                for line in str(fault).split("\n"):
                    faults.add((*keys, name), f"{name}: {line}")
    return read


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(
            f'should be text with a unit, such as "30 min" or "4 GB", not {kind_of(value)}'
        )
    return value


def _some_time(value: Any) -> timedelta:
    duration = read_duration(_text(value))
    if not duration:
        raise InputError("should be more than nothing")
    return duration


def _memory(value: Any) -> int:
    size = read_size(_text(value))
    if not size:
        raise InputError("should be more than nothing")
    return size


def _number(value: Any, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= MOST:
        raise InputError(f"{value!r} is not a whole number from {least} to {MOST}")
    return value


def _keep(value: Any) -> Keep:
    known = [field.name for field in fields(Keep)]
    if not isinstance(value, dict):
        raise InputError(
            f"should be written {{ last = 12, month_ends = 24 }}, not {kind_of(value)}"
        )
    numbers = {}
    wrong = []
    for name, number in value.items():
        try:
            if name not in known:
                raise InputError(f"there is no setting {name}{nearest(name, known)}")
            numbers[name] = _number(number, least=int(name == "last"))
        except InputError as fault:
            wrong.append(f"{name}: {fault}" if name in known else str(fault))
    if wrong:
        raise InputError("\n".join(wrong))
    return Keep(**numbers)


READERS: dict[str, Callable[[Any], Any]] = {
    "timeout": lambda value: _some_time(value).total_seconds(),
    "retries": _number,
    "retry_wait": lambda value: read_duration(_text(value)).total_seconds(),
    "memory": _memory,
    "keep": _keep,
    "max_age": _some_time,
}
