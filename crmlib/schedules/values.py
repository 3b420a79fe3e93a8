"""The parameters of a job: its texts filled in for each case, and checked against the notebook."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from crmlib.errors import InputError
from crmlib.report.notebooks import Notebook
from crmlib.report.parameters import GivenValues, nearest, resolve
from crmlib.report.secrets import PSEUDONYM_KEY, SHORTEST_SECRET, names_within
from crmlib.schedules.cases import Case
from crmlib.schedules.faults import Faults
from crmlib.schedules.periods import expand, names_in


def check_secrets(value: Any, keys: tuple[str, ...], faults: Faults) -> None:
    """Note every `${NAME}` within a value whose environment variable cannot be used."""
    for name in names_within(value):
        secret = os.environ.get(name, "")
        if name == PSEUDONYM_KEY:
            faults.add(keys, f"${{{name}}} is the key of pseudonyms and for nothing else")
        elif not secret:
            faults.add_missing(
                keys, f"the environment variable {name} is not set, or empty; set it"
            )
        elif len(secret) < SHORTEST_SECRET:
            faults.add_missing(
                keys,
                f"the environment variable {name} has fewer than {SHORTEST_SECRET} signs; "
                "nothing so short can be kept out of what a run leaves",
            )


@dataclass(frozen=True)
class Parameters:
    """What a job gives its notebook.

    Attributes
    ----------
    notebook : Notebook or None
        None when there is none of that name: then only the texts are checked.
    given : mapping
        The job's `parameters`.
    lists : mapping
        The job's `for`.
    keys : tuple of str
        The keys that lead to the job.
    as_of : datetime.date
        The date to work periods out from.
    faults : Faults
        Takes what is wrong.
    """

    notebook: Notebook | None
    given: Mapping[str, Any]
    lists: Mapping[str, Any]
    keys: tuple[str, ...]
    as_of: date
    faults: Faults

    def values(self, cases: list[Case]) -> list[dict[str, Any]]:
        """Checked values for each case.

        Parameters
        ----------
        cases : list of Case
            None when something is wrong with `for`: then only what does not depend on it is
            checked.
        """
        sound = {name: value for name, value in self.given.items() if self._is_sound(name, value)}
        if not self.notebook:
            return []
        self._check_lists(self.notebook)
        if cases:
            return [self._of_case(self.notebook, sound, case) for case in cases]
        general = {
            name: value for name, value in sound.items() if not _keys_within(value) & {*self.lists}
        }
        self._of_case(self.notebook, general, Case("", {}))
        return []

    def _is_sound(self, name: str, value: Any) -> bool:
        """Tell whether there is such a parameter and its texts can be filled in, for any case."""
        keys = (*self.keys, "parameters", name)
        known = True
        if self.notebook and name not in _declared(self.notebook):
            known = bool(self._checked(self.notebook, name, "", keys))  # notes it
        try:
            _filled(value, self.as_of, dict.fromkeys(self.lists, ""))
        except InputError as fault:
            for line in str(fault).split("\n"):
                self.faults.add(keys, f"{name}: {line}")
            return False
        return known

    def _check_lists(self, notebook: Notebook) -> None:
        declared = _declared(notebook)
        used = _keys_within(list(self.given.values()))
        for key in self.lists:
            keys = (*self.keys, "for", key)
            if key in declared and key in self.given:
                self.faults.add(keys, f"{key} is given twice, in parameters and in for")
            if key not in declared and key not in used:
                self.faults.add(
                    keys,
                    f"for: no text of parameters has {{{key}}}, and {notebook.name} has no "
                    f"parameter {key}{nearest(key, declared)}",
                )

    def _of_case(self, notebook: Notebook, given: Mapping[str, Any], case: Case) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in given.items():
            filled = _filled(value, self.as_of, case.texts)
            values |= self._checked(notebook, name, filled, (*self.keys, "parameters", name))
        for name, value in case.values.items():
            if name in _declared(notebook):
                values |= self._checked(notebook, name, value, (*self.keys, "for", name))
        return values

    def _checked(
        self, notebook: Notebook, name: str, value: Any, keys: tuple[str, ...]
    ) -> dict[str, Any]:
        check_secrets(value, keys, self.faults)
        given = GivenValues(of_report={notebook.name: {name: value}})
        try:
            return resolve({notebook.name: notebook.parameters}, given)[notebook.name]
        except InputError as fault:
            self.faults.add(keys, str(fault))
            return {}


def secrets_of(notebook: Notebook, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the environment variables a run uses: in its values, or else in the defaults."""
    defaults = {parameter.name: parameter.default for parameter in notebook.parameters}
    return names_within(defaults | dict(values))


def _declared(notebook: Notebook) -> list[str]:
    return [parameter.name for parameter in notebook.parameters]


def _filled(value: Any, as_of: date, case: Mapping[str, str]) -> Any:
    """Return a value with all its texts filled in; dates of TOML become text."""
    if isinstance(value, str):
        return expand(value, as_of, case)
    if isinstance(value, list):
        return [_filled(item, as_of, case) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, as_of, case) for key, item in value.items()}
    return value.isoformat() if isinstance(value, date | time) else value


def _keys_within(value: Any) -> set[str]:
    return {name for text in _texts(value) for name in names_in(text)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
