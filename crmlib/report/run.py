"""One run of one report: execute, render, record, publish; and many runs at once."""

import hashlib
import json
import platform
import shutil
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat

from crmlib import __version__
from crmlib.report import publishing, rendering
from crmlib.report.attachments import FILE_NAME
from crmlib.report.execution import Execution, Failure, run_notebook
from crmlib.report.exit_codes import CELL_FAILED, GOOD, RENDERING_FAILED
from crmlib.report.notebooks import WORKBOOK, Notebook
from crmlib.report.secrets import hide_passwords, hide_passwords_within

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


@dataclass(frozen=True)
class Job:
    """A report to make: its notebook, the values given, the record's settings.

    Attributes
    ----------
    notebook : Notebook
        What to run.
    values : dict
        Checked values for some of its parameters.
    out : pathlib.Path
        The folder of reports.
    timeout : float, optional
        Seconds the whole notebook may take.
    """

    notebook: Notebook
    values: dict[str, Any]
    out: Path
    timeout: float | None = None


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Attributes
    ----------
    report : str
        Name such as "clp/life_cycle".
    exit_code : int
        See `crmlib.report.exit_codes`.
    folder : pathlib.Path or None
        Where the report is, or what is kept of the failed run; None when it was stopped.
    seconds : float
        How long it took.
    message : str
        Why it failed; empty for a good run.
    """

    report: str
    exit_code: int
    folder: Path | None
    seconds: float
    message: str = ""


@dataclass
class _Clock:
    """When a run started, and how long it has taken."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    begin: float = field(default_factory=time.monotonic)

    def times(self) -> dict[str, Any]:
        finished = datetime.now(UTC)
        return {
            "started": self.started.isoformat(timespec="seconds"),
            "finished": finished.isoformat(timespec="seconds"),
            "seconds": self.seconds,
        }

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self.begin, 2)


# ----------------------------------------------------------------- many runs


def run_all(
    jobs: list[Job],
    *,
    parallel: int,
    stop: threading.Event,
    on_cell: Callable[[], object] = lambda: None,
) -> Iterator[Result]:
    """Run reports, several at once if wanted; one that fails does not stop the others.

    Parameters
    ----------
    jobs : list of Job
        All with the same folder of reports.
    parallel : int
        How many kernels may run at the same time.
    stop : threading.Event
        Setting it kills the kernels and ends the runs.
    on_cell : callable
        Called after every code cell that ran, from any thread.

    Yields
    ------
    Result
        One a job, in the order of the jobs.
    """
    # The kernels are processes; here are only threads that wait for them. That leaves the
    # main thread free for signals, with one job as with many.
    with (
        publishing.work_folder(jobs[0].out) as work,
        ThreadPoolExecutor(max_workers=parallel) as pool,
    ):
        runs = [
            pool.submit(run_report, job, work / str(number), stop, on_cell)
            for number, job in enumerate(jobs)
        ]
        for run in runs:
            while not run.done():
                wait([run], timeout=0.2)  # short, so that Windows sees Ctrl-C as well
            yield run.result()


# ----------------------------------------------------------------- one run


def run_report(
    job: Job, folder: Path, stop: threading.Event, on_cell: Callable[[], object] = lambda: None
) -> Result:
    """Make one report in `folder`, then move it into place.

    Parameters
    ----------
    job : Job
        What to run.
    folder : pathlib.Path
        Work folder of this run; it does not exist yet and is gone afterwards.
    stop : threading.Event
        Setting it ends the run.
    on_cell : callable
        Called after every code cell that ran.

    Returns
    -------
    Result
        Never an exception: what goes wrong is in it, and kept under `failed`.
    """
    clock = _Clock()
    name = job.notebook.name
    if stop.is_set():
        return _stopped(name, clock)
    folder.mkdir()
    record: dict[str, Any] = {}
    try:
        execution = run_notebook(
            job.notebook.content,
            job.values,
            log=folder / "log.txt",
            stop=stop,
            timeout=job.timeout,
            on_cell=on_cell,
        )
        execution = replace(execution, notebook=without_passwords(execution.notebook))
        nbformat.write(execution.notebook, folder / "notebook.ipynb")
        record = hide_passwords_within(build_record(job, execution))
        failure = execution.failure
        if failure is None:
            failure = _render(execution, record, folder)
        if failure is None:
            _write_attachments(execution, record, folder)
    except Exception as error:
        failure = _own_failure(CELL_FAILED, "crmlib itself failed", error)
    if stop.is_set():
        shutil.rmtree(folder)
        return _stopped(name, clock)
    if failure:
        return _keep(job, folder, record, failure, clock)
    return _publish(job, folder, record, clock)


def without_passwords(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook as it may be kept and printed."""
    text = hide_passwords(nbformat.writes(notebook))
    return nbformat.reads(text, as_version=nbformat.NO_CONVERT)


def _stopped(name: str, clock: _Clock) -> Result:
    return Result(name, CELL_FAILED, None, clock.seconds, "stopped before it was finished")


def _render(execution: Execution, record: dict[str, Any], folder: Path) -> Failure | None:
    """Make `report.pdf` and add to the record what the renderer says of it."""
    pdf = folder / "report.pdf"
    try:
        rendered = rendering.render_pdf(execution.notebook, dict(record), pdf)
    except rendering.RenderingError as error:
        return Failure(RENDERING_FAILED, f"no PDF: {error}", traceback.format_exc())
    except Exception as error:
        return _own_failure(RENDERING_FAILED, "no PDF", error)
    record["pages"] = rendered.pages
    record["missing_glyphs"] = rendered.missing_glyphs
    record["pdf_sha256"] = hashlib.sha256(pdf.read_bytes()).hexdigest()
    record["warnings"] = execution.warnings
    return None


def _write_attachments(execution: Execution, record: dict[str, Any], folder: Path) -> None:
    """Write the files that go with the report, and their hashes into the record."""
    record["attachments"] = {}
    for name, content in execution.attachments.items():
        # The notebook can have been made by anyone: a name is never a path.
        if FILE_NAME.fullmatch(name):
            (folder / name).write_bytes(content)
            record["attachments"][name] = hashlib.sha256(content).hexdigest()


def _own_failure(exit_code: int, what: str, error: Exception) -> Failure:
    return Failure(exit_code, f"{what}: {type(error).__name__}: {error}", traceback.format_exc())


def _publish(job: Job, folder: Path, record: dict[str, Any], clock: _Clock) -> Result:
    name = job.notebook.name
    (folder / "log.txt").unlink(missing_ok=True)
    head = {"report": name, "state": "good", "exit_code": GOOD, "message": ""}
    publishing.write_json(folder / "run.json", {**head, **clock.times(), **_full(record)})
    place = publishing.publish(folder, job.out, name)
    publishing.clear_failure(job.out, name)
    return Result(name, GOOD, place, clock.seconds)


def _keep(
    job: Job, folder: Path, record: dict[str, Any], failure: Failure, clock: _Clock
) -> Result:
    name = job.notebook.name
    message = hide_passwords(failure.message)
    head = {
        "report": name,
        "state": "failed",
        "exit_code": failure.exit_code,
        "message": message,
    }
    (folder / "report.pdf").unlink(missing_ok=True)
    log = folder / "log.txt"
    if log.exists():
        kept = hide_passwords(log.read_text(encoding="utf-8", errors="replace"))
        log.write_text(kept, encoding="utf-8")
    (folder / "traceback.txt").write_text(
        hide_passwords(failure.traceback or failure.message).rstrip() + "\n", encoding="utf-8"
    )
    publishing.write_json(folder / "run.json", {**head, **clock.times(), **_full(record)})
    place = publishing.keep_failure(folder, job.out, name)
    return Result(name, failure.exit_code, place, clock.seconds, message)


# ----------------------------------------------------------------- the record


def build_record(job: Job, execution: Execution) -> dict[str, Any]:
    """Everything the report's content depends on: no clock time, no place on this machine.

    Parameters
    ----------
    job : Job
        What was run.
    execution : Execution
        What came out of it.

    Returns
    -------
    dict
        Also what the last page of the PDF shows. `run_id` is made from the notebook, the
        parameters, the inputs' hashes, crmlib's source and the versions: two runs with the
        same id made the same report.
    """
    said = execution.run_record
    parameters = {
        parameter.name: job.values.get(parameter.name, parameter.default)
        for parameter in job.notebook.parameters
    }
    record: dict[str, Any] = {
        "report": job.notebook.name,
        "title": job.notebook.title,
        "parameters": parameters,
        "parameters_given": sorted(job.values),
        "inputs": said.get("inputs", []),
        "seed": said.get("seed"),
        "period": said.get("period"),
        "versions": versions(),
        **git_state(job.notebook.path.resolve().parent),
    }
    depends_on = {
        "notebook": hashlib.sha256(job.notebook.content).hexdigest(),
        "parameters": parameters,
        "inputs": [entry.get("sha256") for entry in record["inputs"]],
        "crmlib": source_hash(),
        "versions": record["versions"],
    }
    text = json.dumps(depends_on, sort_keys=True, default=str)
    return {"run_id": hashlib.sha256(text.encode()).hexdigest()[:12], **record}


def _full(record: dict[str, Any]) -> dict[str, Any]:
    """Join to the record what belongs to this machine not to the report."""
    return {**record, "platform": platform.platform()}


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
