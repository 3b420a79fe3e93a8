"""Schedule files: TOML in, planned runs out, every fault at once; nothing in them is evaluated."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from crmlib.errors import InputError
from crmlib.report.history import FAILED, Keep
from crmlib.report.notebooks import Notebook
from crmlib.report.parameters import nearest
from crmlib.report.secrets import fault_of_pseudonym_key, names_within
from crmlib.report.toml_files import read_toml
from crmlib.schedules.cases import Case, read_cases
from crmlib.schedules.faults import Faults
from crmlib.schedules.settings import DEFAULTS, check_names, kind_of, read_settings
from crmlib.schedules.values import Parameters, check_secrets, secrets_of

TOP = ("out", "alert", "pseudonyms", *DEFAULTS, "jobs")
OF_A_JOB = ("notebook", "parameters", "for", *DEFAULTS)
NAME = re.compile(r"[a-z][a-z0-9_-]*")
LONGEST = 100  # letters of a name: it becomes a folder's
WEB_ADDRESS = re.compile(r"https?://[^\s/]+\S*|\$\{\w+\}\S*")
# No secrets: every program wants them, and their values stand in many a path.
ORDINARY = {"HOME", "LOGNAME", "PATH", "PWD", "SHELL", "TEMP", "TMP", "TMPDIR", "USER"}


@dataclass(frozen=True)
class Alert:
    """Who is told of a failed run.

    Attributes
    ----------
    command : tuple of str or None
        Program and arguments; a program named by a relative path lies beside the file.
    webhook : str or None
        Address to post to, with `${NAME}` as it stands in the file.
    """

    command: tuple[str, ...] | None = None
    webhook: str | None = None


@dataclass(frozen=True)
class Planned:
    """One run that a schedule asks for.

    Attributes
    ----------
    name : str
        The job's.
    case : str
        Which of a job's runs, such as "north"; "" for a job without `for`.
    place : str
        Where it lands in the folder of reports, such as "monthly/value-north".
    notebook : Notebook
        What to run.
    values : dict
        Checked values of its parameters, with `${NAME}` as it stands in the file.
    as_of : datetime.date
        The date it is made for.
    timeout : float or None
        Seconds it may take.
    retries : int
        How often a failed run is repeated.
    retry_wait : float
        Seconds between the attempts.
    memory : int or None
        Bytes it may use.
    keep : Keep
        Which earlier runs stay.
    max_age : datetime.timedelta or None
        How old the last success may be before the report is overdue.
    secrets : tuple of str
        Names of the environment variables its values mention.
    """

    name: str
    case: str
    place: str
    notebook: Notebook
    values: dict[str, Any]
    as_of: date
    timeout: float | None
    retries: int
    retry_wait: float
    memory: int | None
    keep: Keep
    max_age: timedelta | None
    secrets: tuple[str, ...]


@dataclass(frozen=True)
class Schedule:
    """What a schedule file asks for.

    Attributes
    ----------
    name : str
        Name of the file without its ending.
    path : pathlib.Path
        The file.
    out : pathlib.Path
        The folder of reports.
    jobs : tuple of Planned
        The runs, in the order of the file.
    alert : Alert or None
        Who is told of a failed run.
    secrets : tuple of str
        Names of the environment variables that the whole file mentions, the alert included:
        no job shows the value of any.
    """

    name: str
    path: Path
    out: Path
    jobs: tuple[Planned, ...]
    alert: Alert | None
    secrets: tuple[str, ...] = ()


def read_schedule(
    path: Path, available: dict[str, Notebook], as_of: date, to_run: bool = True
) -> Schedule:
    """Read a schedule and check all of it.

    Parameters
    ----------
    path : pathlib.Path
        The TOML file.
    available : dict of str to Notebook
        The notebooks it may name, as `crmlib.report.notebooks.find_notebooks` gives them.
    as_of : datetime.date
        The date to make reports for: `{last_month.end}` is worked out from it.
    to_run : bool
        Whether secrets, the key of pseudonyms and the alert's program must be here; who only asks
        how the reports stand needs none of them.

    Returns
    -------
    Schedule
        With one planned run a job and case.

    Raises
    ------
    InputError
        Everything that is wrong, one line each: file, line, what to do.
    """
    text, content = read_toml(path)
    reading = _Reading(path, available, as_of, Faults(str(path), text, to_run))
    schedule = reading.schedule(content)
    reading.faults.raise_all()
    return schedule


@dataclass(frozen=True)
class _Reading:
    """One reading of one file: what is given, and the faults found so far."""

    path: Path
    available: Mapping[str, Notebook]
    as_of: date
    faults: Faults

    def schedule(self, content: dict[str, Any]) -> Schedule:
        name = self.path.stem
        check_names(content, TOP, (), self.faults)
        self._check_name(name, "the file's name", ())
        self._check_pseudonyms(content)
        jobs = self._jobs(name, content)
        named = {*names_within(content), *(name for planned in jobs for name in planned.secrets)}
        return Schedule(
            name,
            self.path,
            self._out(content.get("out", "reports")),
            jobs,
            self._alert(content["alert"]) if "alert" in content else None,
            tuple(sorted(named - ORDINARY)),
        )

    def _check_name(self, name: str, what: str, keys: tuple[str, ...]) -> None:
        if not NAME.fullmatch(name):
            self.faults.add(
                keys,
                f"{what} {name!r} should begin with a small letter a-z and hold small letters, "
                "digits, _ and - only",
            )
        elif name == FAILED or len(name) > LONGEST:
            why = "kept for failed runs" if name == FAILED else f"of more than {LONGEST} letters"
            self.faults.add(keys, f"{what} {name} is {why}; call it something else")

    # ------------------------------------------------------------- out, pseudonyms and alert

    def _out(self, value: Any) -> Path:
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            self.faults.add(("out",), f"out should be the name of a folder, not {value!r}")
            return self.path
        folder = (self.path.parent / value).absolute()
        if os.path.isfile(folder):
            self.faults.add(("out",), f"out: {value} is a file; name a folder")
        return folder

    def _check_pseudonyms(self, content: dict[str, Any]) -> None:
        wanted = content.get("pseudonyms", False)
        keys = ("pseudonyms",) if "pseudonyms" in content else ()
        if not isinstance(wanted, bool):
            self.faults.add(keys, f"pseudonyms should be true or false, not {kind_of(wanted)}")
        elif fault := fault_of_pseudonym_key(is_needed=wanted):
            self.faults.add_missing(keys, fault)

    def _alert(self, value: Any) -> Alert:
        keys = ("alert",)
        if not isinstance(value, dict) or not value:
            form = 'alert should be written { command = ["./tell-me.sh"], webhook = "https://…" }'
            self.faults.add(keys, form + ", either or both")
            return Alert()
        check_names(value, ("command", "webhook"), keys, self.faults)
        command = self._command(value["command"]) if "command" in value else None
        return Alert(command, self._webhook(value["webhook"]) if "webhook" in value else None)

    def _command(self, words: Any) -> tuple[str, ...]:
        keys = ("alert", "command")
        if (
            not isinstance(words, list)
            or not words
            or not all(isinstance(word, str) and "\0" not in word for word in words)
        ):
            form = 'command should be a list of texts such as ["./tell-me.sh", "reports"]'
            self.faults.add(keys, f"{form}, not {words!r}")
            return ()
        program = words[0]
        if os.path.dirname(program):
            program = str((self.path.parent / program).absolute())
        if not shutil.which(program):
            fault = f"there is no program {words[0]} that can be run"
            if os.path.isfile(program):
                fault = f"{words[0]} is there, but may not be run; chmod +x {program}"
            self.faults.add_missing(keys, f"command: {fault}")
        return (program, *words[1:])

    def _webhook(self, address: Any) -> str:
        keys = ("alert", "webhook")
        if not isinstance(address, str) or not WEB_ADDRESS.fullmatch(address):
            # Not shown: a webhook's address often is a secret.
            self.faults.add(keys, "webhook should begin with https:// or http:// and a host")
            return ""
        check_secrets(address, keys, self.faults)
        return address

    # ------------------------------------------------------------- jobs

    def _jobs(self, schedule: str, content: dict[str, Any]) -> tuple[Planned, ...]:
        settings = DEFAULTS | read_settings(content, (), self.faults)
        jobs = content.get("jobs")
        if not isinstance(jobs, dict) or not jobs:
            keys = ("jobs",) if "jobs" in content else ()
            self.faults.add(keys, "there is no job; add [jobs.name] with a notebook")
            return ()
        planned: dict[str, Planned] = {}
        for name, table in jobs.items():
            self._check_name(name, "the job's name", ("jobs", name))
            for run in self._job(schedule, name, table, settings):
                self._check_place(run, planned)
                planned[run.place] = run
        return tuple(planned.values())

    def _job(self, schedule: str, name: str, table: Any, settings: dict[str, Any]) -> list[Planned]:
        keys = ("jobs", name)
        if not isinstance(table, dict):
            self.faults.add(keys, f"jobs.{name} should be a table, not {kind_of(table)}")
            return []
        check_names(table, OF_A_JOB, keys, self.faults)
        notebook = self._notebook(table, keys)
        settings = settings | read_settings(table, keys, self.faults)
        cases = read_cases(table.get("for", {}), (*keys, "for"), self.faults)
        given = self._parameters(table, keys)
        lists = table.get("for", {})
        lists = lists if isinstance(lists, dict) else {}
        parameters = Parameters(notebook, given, lists, keys, self.as_of, self.faults)
        return [
            self._planned(f"{schedule}/{name}", case, notebook, values, settings)
            for case, values in zip(cases, parameters.values(cases), strict=False)
            if notebook
        ]

    def _parameters(self, table: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
        given = table.get("parameters", {})
        if isinstance(given, dict):
            return given
        keys = (*keys, "parameters")
        self.faults.add(keys, f"parameters should be a table, not {kind_of(given)}")
        return {}

    def _planned(
        self,
        place: str,
        case: Case,
        notebook: Notebook,
        values: dict[str, Any],
        settings: dict[str, Any],
    ) -> Planned:
        return Planned(
            name=place.partition("/")[2],
            case=case.name,
            place=f"{place}-{case.name}" if case.name else place,
            notebook=notebook,
            values=values,
            as_of=self.as_of,
            secrets=secrets_of(notebook, values),
            **settings,
        )

    def _notebook(self, table: dict[str, Any], keys: tuple[str, ...]) -> Notebook | None:
        if "notebook" not in table:
            self.faults.add(keys, f"jobs.{keys[-1]} has no notebook; name the report to make")
            return None
        name = table["notebook"]
        keys = (*keys, "notebook")
        if not isinstance(name, str):
            self.faults.add(keys, f"notebook should be a report's name, not {kind_of(name)}")
            return None
        if name not in self.available:
            self.faults.add(keys, _no_report(name, self.available))
            return None
        try:
            notebook = self.available[name]
            notebook.parameters  # noqa: B018, read here so that a broken one is told here
        except InputError as fault:
            self.faults.add(keys, str(fault))
        except OSError as error:
            self.faults.add(keys, f"{notebook.path}: cannot be read: {error.strerror}")
        else:
            return notebook
        return None

    def _check_place(self, run: Planned, planned: Mapping[str, Planned]) -> None:
        keys = ("jobs", run.name)
        if other := planned.get(run.place):
            both = f"jobs {other.name} and {run.name}"
            self.faults.add(keys, f"{both} both have a run called {run.place}; rename one")
        if run.place in self.available:
            why = f"{run.place} is where crmlib report puts the report of that name"
            self.faults.add(keys, f"{why}; rename the job or the file")
        if len(run.place.partition("/")[2]) > LONGEST:
            self.faults.add(keys, f"{run.place} has more than {LONGEST} letters; shorten it")


def _no_report(name: str, available: Mapping[str, Notebook]) -> str:
    parts = re.split(r"[/\\]", name.removesuffix(".ipynb"))
    if name.endswith(".ipynb") or "\\" in name or len(parts) != 2:
        hint = nearest("/".join(parts[-2:]), available)
        return f"notebook takes the name of a report, not a path such as {name}{hint}"
    return f"there is no report {name}{nearest(name, available)}"
