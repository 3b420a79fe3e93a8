"""The `for` of a job: one run for each value, or for each combination of several lists' values."""

import itertools
import math
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from crmlib.schedules.faults import Faults
from crmlib.schedules.periods import NAMES
from crmlib.schedules.settings import kind_of

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
MOST = 1000  # runs of one job: more is a slip


@dataclass(frozen=True)
class Case:
    """One of a job's runs.

    Attributes
    ----------
    name : str
        Its values in small letters, digits and hyphens; "" for a job without `for`.
    values : dict
        One value for each key of `for`.
    """

    name: str
    values: dict[str, Any]

    @property
    def texts(self) -> dict[str, str]:
        """The values as they stand in a text."""
        return {key: _as_text(value) for key, value in self.values.items()}


def read_cases(table: Any, keys: tuple[str, ...], faults: Faults) -> list[Case]:
    """Read the `for` of a job.

    Parameters
    ----------
    table : object
        Names with lists of texts, numbers or true and false.
    keys : tuple of str
        The keys that lead to it.
    faults : Faults
        Takes what is wrong.

    Returns
    -------
    list of Case
        In the order of the lists, the last one fastest; none when something is wrong.
    """
    if not isinstance(table, dict):
        faults.add(keys, f'for should be a table such as region = ["north"], not {kind_of(table)}')
        return []
    wrong = [(key, message) for key in table for message in _wrong_with(key, table[key])]
    for key, message in wrong:
        faults.add((*keys, key), message)
    if wrong:
        return []
    number = math.prod(len(items) for items in table.values())
    if number > MOST:
        faults.add(keys, f"for makes {number} runs; {MOST} are the most")
        return []
    cases = [
        Case("-".join(map(_name_of, items)), dict(zip(table, items, strict=True)))
        for items in itertools.product(*table.values())
    ]
    return cases if _names_differ(cases, keys, faults) else []


def _wrong_with(key: str, items: Any) -> list[str]:
    if not KEY.fullmatch(key) or key in NAMES:
        why = "is a date already" if key in NAMES else "should hold letters, digits, _ and - only"
        return [f"for: the name {key!r} {why}; call it something else"]
    if not isinstance(items, list) or not items:
        return [f'for: {key} should be a list of at least one value, such as {key} = ["north"]']
    return [message for item in items if (message := _wrong_with_item(key, item))]


def _wrong_with_item(key: str, item: Any) -> str:
    if not isinstance(item, str | int | float) or (
        isinstance(item, float) and not math.isfinite(item)
    ):
        what = item if isinstance(item, float) else kind_of(item)
        return f"for: {key}: {what} is not text, a finite number, true or false"
    if not re.search(r"[a-z0-9]", _name_of(item)):
        return (
            f"for: {key}: {item!r} has no letter a-z and no digit to call its run by; "
            "give it a job of its own"
        )
    return ""


def _names_differ(cases: list[Case], keys: tuple[str, ...], faults: Faults) -> bool:
    called = defaultdict(list)
    for case in cases:
        called[case.name].append(", ".join(case.texts.values()))
    same = {name: texts for name, texts in called.items() if len(texts) > 1}
    for name, texts in same.items():
        both = " and ".join(map(repr, texts[:2]))
        faults.add(keys, f"for: {both} would both be called {name}; change one of them")
    return not same


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name_of(value: Any) -> str:
    return re.sub(r"[^a-z0-9]", "-", _as_text(value).lower())
