"""Everything that is wrong with a schedule file, each fault with its line."""

import tomllib
from bisect import bisect_left
from functools import cache
from typing import Any

from crmlib.errors import InputError
from crmlib.report.secrets import hide_passwords


class Faults:
    """Collects faults, so that all are told at once.

    Parameters
    ----------
    where : str
        The file, for the messages.
    text : str
        What is in it: TOML.
    to_run : bool
        Whether the schedule is to be run here: only then this machine must have what it needs.
    """

    def __init__(self, where: str, text: str, to_run: bool = True) -> None:
        self.where = where
        self.to_run = to_run
        self.found: list[tuple[int, str]] = []
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._toml = cache(self._parse)

    def add(self, keys: tuple[str, ...], message: str) -> None:
        """Note a fault of the value that `keys` lead to; of the whole file when there are none."""
        line = self.line_of(keys) if keys else 0
        place = f"{self.where} line {line}" if line else self.where
        self.found += [(line, f"{place}: {printable(part)}") for part in message.split("\n")]

    def add_missing(self, keys: tuple[str, ...], message: str) -> None:
        """Note what this machine lacks to run the schedule."""
        if self.to_run:
            self.add(keys, message)

    def raise_all(self) -> None:
        """Raise what was found.

        Raises
        ------
        InputError
            There is something: one line a fault, in the order of the file.
        """
        if self.found:
            self.found.sort(key=lambda fault: fault[0])
            lines = dict.fromkeys(message for _, message in self.found)
            raise InputError("\n".join(map(hide_passwords, lines)))

    def line_of(self, keys: tuple[str, ...]) -> int:
        """Line on which the value starts that `keys` lead to.

        TOML's reader tells no lines. A value ends on the first line up to which the file is TOML
        and has the key; it starts after the last line before that up to which the file is TOML.
        """
        # Once the key is there it stays, so halving finds where it comes.
        lines = range(1, len(self._lines) + 1)
        while not _holds(self._parsed(lines[-1]), keys):  # it is within a list
            keys = keys[:-1]
        at = lines[bisect_left(lines, True, key=lambda n: _holds(self._parsed(n), keys))]
        return self._complete(at - 1) + 1

    def _complete(self, n_lines: int) -> int:
        """Line up to which the file is TOML: this one, or the last before it."""
        while self._toml(n_lines) is None:
            n_lines -= 1
        return n_lines

    def _parsed(self, n_lines: int) -> dict[str, Any]:
        return self._toml(self._complete(n_lines)) or {}

    def _parse(self, n_lines: int) -> dict[str, Any] | None:
        try:
            return tomllib.loads("\n".join(self._lines[:n_lines]))
        except (ValueError, RecursionError):
            return None


def _holds(table: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True


def printable(text: str) -> str:
    """Text as one line, with what cannot be printed as Python writes it."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
