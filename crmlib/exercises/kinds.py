"""The kinds of answer that a question takes: what may be given, and what counts as the same.

A kind reads whatever a student hands over. What it cannot read it answers with a kind word that
says what is wanted instead, as a `NotOfThisKind`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np
import pandas as pd

RELATIVE_TOLERANCE = 0.001  # of the answer: three digits are enough to show the way was right


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
        return _real(given, f"a number of {self.unit}")

    def same(self, given: float, wanted: float) -> bool:
        within = self.within if self.within is not None else RELATIVE_TOLERANCE * abs(wanted)
        return abs(given - wanted) <= within * (1 + 1e-9)

    def usual_hint(self, given: float, wanted: float) -> str | None:
        if self.same(-given, wanted):
            return "The size is right, the sign is not: is it a gain or a loss?"
        return None


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
        return _real(given, f"a fraction of {self.of}, such as 0.25")

    def same(self, given: float, wanted: float) -> bool:
        return abs(given - wanted) <= self.within * (1 + 1e-9)

    def usual_hint(self, given: float, wanted: float) -> str | None:
        if abs(given / 100 - wanted) <= self.within and abs(given) > 1:
            return "That is per cent. A fraction is wanted: divide by 100."
        if self.same(1 - given, wanted):
            return "That is the rest: what is wanted, and it, are 1 together."
        return None


@dataclass(frozen=True)
class Choice:
    """One of some texts, whatever their capital letters."""

    options: tuple[str, ...]

    def read(self, given: object) -> str:
        if isinstance(given, str) and given.strip().casefold() in self.options:
            return given.strip().casefold()
        wanted = ", ".join(f'"{option}"' for option in self.options)
        raise NotOfThisKind(f"One of these is wanted, in quotation marks: {wanted}.")

    def same(self, given: str, wanted: str) -> bool:
        return given == wanted

    def usual_hint(self, given: str, wanted: str) -> str | None:
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
        return tuple(self.each.read(number) for number in self._in_order(given))

    def same(self, given: tuple[float, ...], wanted: tuple[float, ...]) -> bool:
        return all(self.each.same(*pair) for pair in zip(given, wanted, strict=True))

    def usual_hint(self, given: tuple[float, ...], wanted: tuple[float, ...]) -> str | None:
        if self.same(tuple(sorted(given)), tuple(sorted(wanted))):
            return f"The numbers are right, their order is not: {', '.join(self.names)}."
        pairs = list(zip(given, wanted, strict=True))
        hints = {self.each.usual_hint(*pair) for pair in pairs if not self.each.same(*pair)}
        if len(hints) == 1:
            return hints.pop()
        right = sum(self.each.same(*pair) for pair in pairs)
        return f"{right} of the {len(pairs)} are right." if right else None

    def _in_order(self, given: object) -> Sequence[object]:
        wanted = f"{len(self.names)} numbers are wanted, in a list: {', '.join(self.names)}."
        if isinstance(given, pd.Series) and set(self.names) == set(given.index):
            given = given.to_dict()
        if isinstance(given, Mapping):
            if set(given) != set(self.names):
                raise NotOfThisKind(wanted)
            return [given[name] for name in self.names]
        if isinstance(given, np.ndarray | pd.Series | pd.Index):
            given = np.asarray(given).ravel().tolist()
        if not isinstance(given, list | tuple) or len(given) != len(self.names):
            raise NotOfThisKind(wanted)
        return given


def _real(given: object, wanted: str) -> float:
    """Return a finite number, or say what is wanted."""
    if isinstance(given, np.ndarray | pd.Series) and given.size == 1:
        given = np.asarray(given).ravel()[0].item()
    if isinstance(given, np.generic):
        given = given.item()
    if isinstance(given, str):
        raise NotOfThisKind(f"That is a text. Wanted is {wanted}, without quotation marks.")
    if isinstance(given, bool) or not isinstance(given, Real):
        raise NotOfThisKind(f"Wanted is {wanted}.")
    number = float(given)
    if not math.isfinite(number):
        raise NotOfThisKind(f"That came out as {number}. Wanted is {wanted}.")
    return number
