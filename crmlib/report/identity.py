"""What a report depends on: when two runs would make the same, only one of them is made.

The idea is that of build systems such as make and Nix: what comes out is known by what goes in.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from crmlib import __version__
from crmlib.report.history import Run, runs_of
from crmlib.report.jobs import Job
from crmlib.report.notebooks import WORKBOOK
from crmlib.report.secrets import PSEUDONYM_KEY

RECORDED_PACKAGES = {
    "numpy": "numpy",
    "pandas": "pandas",
    "scipy": "scipy",
    "scikit-learn": "scikit-learn",
    "statsmodels": "statsmodels",
    "ibis": "ibis-framework",
    "duckdb": "duckdb",
    "matplotlib": "matplotlib",
    "papermill": "papermill",
    "typst": "typst",
}


def basis_of(job: Job) -> str:
    """Return a fingerprint of what a run is made from, as far as that is known before it.

    Parameters
    ----------
    job : Job
        What to run.

    Returns
    -------
    str
        SHA-256 of the notebook's bytes, the values of all parameters, the as-of date, crmlib's
        source, the versions of what is installed, and the key of pseudonyms. The inputs are not
        in it: which they are the notebook tells in the end.
    """
    key = os.environ.get(PSEUDONYM_KEY, "")
    return _digest(
        {
            "notebook": hashlib.sha256(job.notebook.content).hexdigest(),
            "parameters": {**_defaults(job), **job.values},
            "as_of": job.as_of,
            "crmlib": source_hash(),
            "versions": versions(),
            "installed": installed(),
            "pseudonyms": _digest(["pseudonyms", os.fsencode(key).hex()]) if key else None,
        }
    )


def run_id_of(basis: str, record: Mapping[str, Any]) -> str:
    """Return 12 characters for a run, from its basis and the files it read.

    Runs with the same ones made the same report, unless they read tables of a server.
    """
    return _digest([basis, [entry.get("sha256") for entry in _all_read(record)]])[:12]


def same_as_before(job: Job) -> Run | None:
    """Find a run in the history that this one would only repeat.

    Parameters
    ----------
    job : Job
        What to run.

    Returns
    -------
    Run or None
        A complete good run with the same basis whose inputs all have the bytes they had then.
        None as well where that cannot be known: an input is a table of a server, whose rows
        can have changed, or the notebook does not tell its inputs (with `run_record`).
    """
    basis = basis_of(job)
    for run in runs_of(job.out, job.place):
        same = run.record.get("basis") == basis and run.record.get("state") == "good"
        if same and _has_its_inputs(run.record) and run.is_complete:
            return run
    return None


def _has_its_inputs(record: Mapping[str, Any]) -> bool:
    if not isinstance(record.get("inputs"), list):
        return False
    return all(map(_is_file, _all_read(record))) and not changed_inputs(record)


def _all_read(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what was read: the inputs that the notebook tells of, and what it read beside."""
    entries = [*(record.get("inputs") or []), *(record.get("read_beside") or [])]
    return [entry if isinstance(entry, dict) else {} for entry in entries]


def _is_file(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("source"), str) and isinstance(entry.get("sha256"), str)


def changed_inputs(record: Mapping[str, Any]) -> list[str]:
    """Name the inputs that are not what they were when they were read.

    Parameters
    ----------
    record : mapping
        A run's record.

    Returns
    -------
    list of str
        Files whose SHA-256 is another one now, or which are gone; each once. Of tables of a
        server nothing is known. A file that was read twice, and was not the same, is among them.
    """
    # Tables take long to import, and a record without files needs none.
    from crmlib.tables.fingerprints import fingerprint

    # Pairs: one source can have been read twice, with other bytes the second time.
    recorded = {
        (entry["source"], entry["sha256"]): None for entry in _all_read(record) if _is_file(entry)
    }
    now = {source: fingerprint(source) for source, _ in recorded}
    return list(dict.fromkeys(source for source, digest in recorded if now[source] != digest))


def _defaults(job: Job) -> dict[str, Any]:
    return {parameter.name: parameter.default for parameter in job.notebook.parameters}


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


# ----------------------------------------------------------------- code and versions


@cache
def versions() -> dict[str, str]:
    """Versions of Python, crmlib and the packages a report's numbers and looks rest on."""
    import pypandoc

    found = {"python": platform.python_version(), "crmlib": __version__}
    for name, distribution in RECORDED_PACKAGES.items():
        try:
            found[name] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return {**found, "pandoc": str(pypandoc.get_pandoc_version())}


@cache
def installed() -> str:
    """SHA-256 over name and version of every installed package, fonts and drivers among them."""
    folders = {Path(folder) for folder in sys.path if folder}
    names = {path.name for folder in folders for path in folder.glob("*.dist-info")}
    return _digest(sorted(names))


@cache
def source_hash() -> str:
    """SHA-256 over crmlib's own source files."""
    package = WORKBOOK / "crmlib"
    total = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in (".py", ".typ"):
            total.update(path.relative_to(package).as_posix().encode() + b"\0")
            total.update(path.read_bytes() + b"\0")
    return total.hexdigest()


@cache
def git_state(folder: Path) -> dict[str, Any]:
    """Commit of the checkout a folder is in and whether files differ from it, or nothing."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if commit is None or changes is None:
        return {}
    return {"git_commit": commit, "git_dirty": bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
