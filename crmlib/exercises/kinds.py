"""The kinds of answer that a question takes: what may be given, and what counts as the same.

A kind reads whatever a student hands over. What it cannot read it answers with a kind word that
says what is wanted instead, as a `NotOfThisKind`. What is given is never changed, and never gone
through when it is longer than the answer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Protocol

import numpy as np
import pandas as pd

NOT_ANSWERED = "Not answered yet: put your result in place of the three dots."
RELATIVE_TOLERANCE = 0.001  # of the answer: whoever rounds to four digits is right
NEAR = 0.01  # of the answer: so near is only what was rounded too far
ROUNDED = "Near, but not near enough: was it rounded too far, at the end or on the way?"
ROUNDING = 1e-9  # a number rounded to two digits may be off by 0.005 and the last bits of a float


class NotOfThisKind(Exception):  # noqa: N818 - it is an answer to a student, not a fault
    """What was given cannot be an answer to the question; the text says what can."""


class Kind(Protocol):
    """What may be answered, and when two answers are the same."""

    def read(self, given: object) -> Any:
        """Return what was given in the form of this kind, or raise NotOfThisKind."""

    def same(self, given: Any, wanted: Any) -> bool:
        """Whether two answers that were read are the same within the tolerance."""

    def usual_hint(self, given: Any, wanted: Any) -> str | None:
        """Return a hint for a mistake that is possible with every question of this kind."""


@dataclass(frozen=True)
class Number:
    """A number.

    Attributes
    ----------
    unit : str
        What is counted, such as "yuan" or "customers"; said when something else was given.
    within : float, optional
        How far from the answer still counts as right, in the unit; none: 0.1 % of the answer.
    """

    unit: str
    within: float | None = None

    def read(self, given: object) -> float:
        """Return the number that was given."""
        return _real(given, f"a number of {self.unit}")

    def same(self, given: float, wanted: float) -> bool:
        """Whether two numbers are as near as `within` says."""
        within = self.within if self.within is not None else RELATIVE_TOLERANCE * abs(wanted)
        return abs(given - wanted) <= within + ROUNDING * abs(wanted)

    def usual_hint(self, given: float, wanted: float) -> str | None:
        """Say that the sign is wrong, or that it was rounded too far, where it was."""
        if self.same(-given, wanted):
            return "The size is right, the sign is not: above zero, or below?"
        return ROUNDED if abs(given - wanted) <= NEAR * abs(wanted) else None


@dataclass(frozen=True)
class Share:
    """A share or a rate, wanted as a fraction: 0.25 and not 25.

    Attributes
    ----------
    of : str
        What it is a share of, such as "all customers".
    within : float
        How far from the answer still counts as right.
    """

    of: str
    within: float = 0.001

    def read(self, given: object) -> float:
        """Return the fraction that was given."""
        return _real(given, f"a fraction of {self.of}, such as 0.25")

    def same(self, given: float, wanted: float) -> bool:
        """Whether two fractions are as near as `within` says."""
        return abs(given - wanted) <= self.within + ROUNDING

    def usual_hint(self, given: float, wanted: float) -> str | None:
        """Say that it is per cent, the rest up to 1, of the wrong sign or rounded too far."""
        if abs(given) > 1 and self.same(given / 100, wanted):
            return "That is per cent. A fraction is wanted: divide by 100."
        if self.same(1 - given, wanted):
            return "That is one minus what is asked."
        if self.same(-given, wanted):
            return "The size is right, the sign is not: above zero, or below?"
        return ROUNDED if abs(given - wanted) <= NEAR * abs(wanted) else None


@dataclass(frozen=True)
class Choice:
    """One of some texts, whatever their capital letters."""

    options: tuple[str, ...]

    def read(self, given: object) -> str:
        """Return the option that was given."""
        _answered(given)
        if isinstance(given, str):
            for option in self.options:
                if given.strip().casefold() == option.casefold():
                    return option
        wanted = ", ".join(f'"{option}"' for option in self.options)
        raise NotOfThisKind(f"One of these is wanted, in quotation marks: {wanted}.")

    def same(self, given: str, wanted: str) -> bool:
        """Whether two options are the same one."""
        return given == wanted

    def usual_hint(self, given: str, wanted: str) -> str | None:
        """Say nothing: each wrong option is a mistake of its own."""
        return None


@dataclass(frozen=True)
class Several:
    """Several numbers in a stated order, or by name.

    Attributes
    ----------
    each : Number or Share
        What each of them is.
    names : tuple of str
        What they belong to, in their order. A dict or a Series may give them by name.
    """

    each: Number | Share
    names: tuple[str, ...]

    def read(self, given: object) -> tuple[float, ...]:
        """Return the numbers that were given, in the order of the names."""
        return tuple(self.each.read(number) for number in self._in_order(given))

    def same(self, given: tuple[float, ...], wanted: tuple[float, ...]) -> bool:
        """Whether all of them are the same, each within its tolerance."""
        return all(self.each.same(*pair) for pair in zip(given, wanted, strict=True))

    def usual_hint(self, given: tuple[float, ...], wanted: tuple[float, ...]) -> str | None:
        """Say that the order is wrong, or what is wrong with all of them, or which are right."""
        if self.same(tuple(sorted(given)), tuple(sorted(wanted))):
            return f"The numbers are right, their order is not: {', '.join(self.names)}."
        pairs = list(zip(given, wanted, strict=True))
        hints = {self.each.usual_hint(*pair) for pair in pairs if not self.each.same(*pair)}
        if len(hints) == 1 and (hint := hints.pop()):
            return hint
        named = zip(self.names, pairs, strict=True)
        right = [name for name, pair in named if self.each.same(*pair)]
        return f"Right so far: {', '.join(right)}. Look at the rest again." if right else None

    def _in_order(self, given: Any) -> list[object]:
        _answered(given)
        wanted = f"{len(self.names)} numbers are wanted, in a list: {', '.join(self.names)}."
        if _size(given) != len(self.names):
            raise NotOfThisKind(wanted)
        if isinstance(given, pd.Series) and all(name in given.index for name in self.names):
            given = given.to_dict()
        if isinstance(given, Mapping):
            if any(name not in given for name in self.names):
                raise NotOfThisKind(wanted)
            return [given[name] for name in self.names]
        return list(np.ravel(given)) if _is_array(given) else list(given)


def _is_array(given: object) -> bool:
    return isinstance(given, np.ndarray | pd.Series | pd.Index)


def _size(given: Any) -> int | None:
    """How many things are given; None where they are in no order."""
    if _is_array(given):
        return int(given.size)
    return len(given) if isinstance(given, list | tuple | Mapping) else None


def _answered(given: object) -> None:
    if given is ... or given is None:
        raise NotOfThisKind(NOT_ANSWERED)


def _real(given: Any, wanted: str) -> float:
    """Return a finite number, or say what is wanted."""
    if isinstance(given, np.ndarray | pd.Series | pd.Index | pd.DataFrame) and given.size == 1:
        given = np.ravel(given)[0]
    _answered(given)
    if isinstance(given, str):
        raise NotOfThisKind(f"That is a text. Wanted is {wanted}, without quotation marks.")
    if isinstance(given, bool | np.timedelta64) or not isinstance(given, Real | Decimal):
        raise NotOfThisKind(f"Wanted is {wanted}.")
    try:
        number = float(given)
    except Exception:  # a number of somebody else's making, or one of a thousand digits
        raise NotOfThisKind(f"Wanted is {wanted}.") from None
    if not math.isfinite(number):
        raise NotOfThisKind(f"That came out as {number}. Wanted is {wanted}.")
    return number
