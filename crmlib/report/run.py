"""One run of one report: execute, render, record, publish; and many runs at once."""

import hashlib
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmlib.report import history, identity, index_page, publishing, rendering
from crmlib.report.attachments import FILE_NAME
from crmlib.report.execution import Execution, Failure, run_notebook
from crmlib.report.exit_codes import (
    BAD_INPUT,
    CELL_FAILED,
    GOOD,
    HELD,
)
from crmlib.report.failures import failure_of, rendering_failure, writing
from crmlib.report.history import Run
from crmlib.report.jobs import Job, Result, State
from crmlib.report.locks import Held, report_lock
from crmlib.report.parallel import Threads, collected
from crmlib.report.secrets import (
    PSEUDONYM_KEY,
    hide_passwords,
    hide_passwords_within,
    hide_secrets,
    hide_secrets_in_bytes,
    hide_secrets_within,
    names_within,
)
from crmlib.report.stopping import NEVER, Stop

# nbformat takes long to import: it is there by the time the kernel has started.
if TYPE_CHECKING:
    from nbformat import NotebookNode

PAGE_ONE = "page-one.png"


def run_all(
    jobs: list[Job],
    *,
    parallel: int,
    stop: Stop,
    on_cell: Callable[[], object] = lambda: None,
) -> Iterator[Result]:
    """Run reports, several at once if wanted; one that fails does not stop the others.

    Parameters
    ----------
    jobs : list of Job
        What to run.
    parallel : int
        How many kernels may run at the same time; several share the cores.
    stop : threading.Event or another Stop
        Setting it kills the kernels and ends the runs.
    on_cell : callable
        Called after every code cell that ran, from any thread.

    Yields
    ------
    Result
        One a job, in the order of the jobs.
    """
    place = Threads(max(1, min(parallel, len(jobs))))
    if place.parallel > 1:
        jobs = [replace(job, threads=job.threads or place.threads) for job in jobs]
    run = partial(_numbered, on_cell)
    done: dict[int, Result] = {}
    is_next = 0
    with closing(collected(place, run, [*enumerate(jobs)], stop)) as results:
        for number, result in results:
            done[number] = result
            while is_next in done:
                yield done.pop(is_next)
                is_next += 1


def _numbered(
    on_cell: Callable[[], object], number: int, job: Job, stop: Stop
) -> tuple[int, Result]:
    return number, run_report(job, stop, on_cell)


# ----------------------------------------------------------------- one run


def run_report(job: Job, stop: Stop, on_cell: Callable[[], object] = lambda: None) -> Result:
    """Make one report in a folder of its own, then move it into place.

    Parameters
    ----------
    job : Job
        What to run.
    stop : threading.Event or another Stop
        Setting it ends the run.
    on_cell : callable
        Called after every code cell that ran.

    Returns
    -------
    Result
        Never an exception: what goes wrong is in it, and kept under `failed`.
    """
    attempt = _Attempt(job, stop, on_cell)
    if stop.is_set():
        return attempt.stopped()
    try:
        publishing.check_place(job.place)
        publishing.check_links(job.out, job.place)
        with report_lock(job.out, job.place):
            return attempt.unchanged() or attempt.make()
    except Held as error:
        return attempt.ended(HELD, str(error).removeprefix(f"{job.place}: "), "held")
    except Exception as error:
        failure = failure_of(error, job.out)
        return attempt.ended(failure.exit_code, attempt.hidden(failure.message), "failed")


def keep_failure(job: Job, exit_code: int, message: str) -> Result:
    """Keep the failure of a run that cannot tell of it itself, for whoever looks how it stands.

    Parameters
    ----------
    job : Job
        What was to be run.
    exit_code : int
        See `crmlib.report.exit_codes`.
    message : str
        Why it failed.

    Returns
    -------
    Result
        Never an exception; without a folder where nothing could be written.
    """
    attempt = _Attempt(job, NEVER, lambda: None)
    try:
        publishing.check_place(job.place)
        publishing.check_links(job.out, job.place)
        with publishing.work_folder(job.out) as work:
            return attempt.keep(work / "run", Failure(exit_code, message))
    except Exception:
        return attempt.ended(exit_code, attempt.hidden(message), "failed")


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


class _Attempt:
    """One job on its way to a result."""

    def __init__(self, job: Job, stop: Stop, on_cell: Callable[[], object]) -> None:
        self.job = job
        self.stop = stop
        self.on_cell = on_cell
        self.clock = _Clock()
        self.names = {*job.secrets, *names_within(job.values)}
        self.record: dict[str, Any] = {}

    # ---- how it can end

    def ended(self, exit_code: int, message: str, state: State) -> Result:
        """Tell of a run that leaves nothing behind."""
        record = self._full_record(exit_code, message, state)
        seconds = self.clock.seconds
        return Result(self.job.place, exit_code, None, seconds, message, state, record)

    def stopped(self) -> Result:
        return self.ended(CELL_FAILED, "stopped before it was finished", "stopped")

    def unchanged(self) -> Result | None:
        """Tell that the same run is there already, if it is and is not to be repeated."""
        same = None if self.job.repeat else identity.same_as_before(self.job)
        if same is None:
            return None
        with writing(self.job.out):
            history.confirm(same)
            folder = publishing.show_again(same, self.job.out)
            publishing.clear_failure(self.job.out, self.job.place, self.job.as_of)
        fault = _write_index(self.job.out)
        message = _join(f"the same as {_described(same)}", fault)
        seconds, place, record = self.clock.seconds, self.job.place, same.record
        return Result(place, GOOD, folder, seconds, message, "unchanged", record, not fault)

    def make(self) -> Result:
        """Run the notebook; publish what it makes, or keep what it leaves."""
        with publishing.work_folder(self.job.out) as work:
            folder = work / "run"
            try:
                folder.mkdir()
                failure = self._execute(folder)
                if failure is None and not self.stop.is_set():
                    return self._publish(folder)
            except Exception as error:
                failure = failure_of(error, self.job.out)
            if failure is None or self.stop.is_set():
                return self.stopped()
            return self.keep(folder, failure)

    # ---- from a notebook to files

    def _execute(self, folder: Path) -> Failure | None:
        job = self.job
        # Sources stand in defaults and in other cells as well as in values.
        named = {*names_within([cell["source"] for cell in job.notebook.cells])}
        self.names |= named
        execution = run_notebook(
            job.notebook.content,
            job.values,
            log=folder / "log.txt",
            stop=self.stop,
            timeout=job.timeout,
            memory=job.memory,
            threads=job.threads,
            withheld={*job.withheld} - named,
            on_cell=self.on_cell,
        )
        import nbformat

        execution = replace(execution, notebook=self._fit_to_keep(execution.notebook))
        with writing(job.out):
            nbformat.write(execution.notebook, folder / "notebook.ipynb")
        record = build_record(job, execution)
        self.record = self._hidden_within(record)
        if failure := execution.failure or _changed_inputs(record):
            return failure
        failure = self._render(execution, folder)
        if failure is None:
            self._write_attachments(execution, folder)
        return failure

    def _render(self, execution: Execution, folder: Path) -> Failure | None:
        """Make `report.pdf` and its picture; add to the record what the renderer says."""
        pdf = folder / "report.pdf"
        try:
            rendered = rendering.render_pdf(execution.notebook, dict(self.record), pdf, self.stop)
        except Exception as error:
            return rendering_failure(error, self.job.out)
        with writing(self.job.out):
            (folder / PAGE_ONE).write_bytes(rendered.page_one)
            self.record["pdf_sha256"] = hashlib.sha256(pdf.read_bytes()).hexdigest()
        self.record["pages"] = rendered.pages
        self.record["missing_glyphs"] = rendered.missing_glyphs
        self.record["warnings"] = execution.warnings
        return None

    def _write_attachments(self, execution: Execution, folder: Path) -> None:
        """Write the files that go with the report, and their hashes into the record."""
        self.record["attachments"] = {}
        for name, content in execution.attachments.items():
            # The notebook can have been made by anyone: a name is never a path.
            if FILE_NAME.fullmatch(name):
                safe = hide_secrets_in_bytes(content, self.names)
                with writing(self.job.out):
                    (folder / name).write_bytes(safe)
                self.record["attachments"][name] = hashlib.sha256(safe).hexdigest()

    # ---- into place

    def _publish(self, folder: Path) -> Result:
        job = self.job
        with writing(job.out):
            (folder / "log.txt").unlink(missing_ok=True)
            files = {path.name: history.sha256_of(path) for path in _files_in(folder)}
            record = self._full_record(GOOD, "", "good") | {"files": files}
            publishing.write_json(folder / history.RECORD, record)
            publishing.settle(folder)
            place = publishing.publish(folder, job.out, job.place, job.keep, job.as_of)
            publishing.clear_failure(job.out, job.place, job.as_of)
        fault = _write_index(job.out)
        record, seconds = history.read_json(place / history.RECORD), self.clock.seconds
        return Result(job.place, GOOD, place, seconds, fault, "good", record, not fault)

    def keep(self, folder: Path, failure: Failure) -> Result:
        """Keep what a failed run has left in a work folder."""
        message = self.hidden(failure.message)
        record = self._full_record(failure.exit_code, message, "failed")
        before = history.failure_of(self.job.out, self.job.place)
        record["failing_since"] = before.get("failing_since") or record["finished"]
        record |= history.latest_day_of_failures(before, self.job.as_of)
        story = self.hidden(failure.traceback or failure.message).rstrip() + "\n"
        place = self._kept(folder, record, story)
        _write_index(self.job.out)
        seconds = self.clock.seconds
        return Result(self.job.place, failure.exit_code, place, seconds, message, "failed", record)

    def _kept(self, folder: Path, record: dict[str, Any], story: str) -> Path | None:
        """Keep a failed run under `failed`; what of it the disk still takes."""
        for keeps_all in (True, False):
            try:
                if keeps_all:
                    self._tidy(folder)
                else:
                    shutil.rmtree(folder, ignore_errors=True)  # makes room for the record
                folder.mkdir(exist_ok=True)
                (folder / "traceback.txt").write_text(story, encoding="utf-8", errors="replace")
                publishing.write_json(folder / history.RECORD, record)
                return publishing.keep_failure(folder, self.job.out, self.job.place)
            except OSError:
                continue
        return None

    def _tidy(self, folder: Path) -> None:
        """Remove what makes a failed run look like a report, and secrets from its log."""
        for name in ("report.pdf", PAGE_ONE):
            (folder / name).unlink(missing_ok=True)
        log = folder / "log.txt"
        if log.exists():
            kept = self.hidden(log.read_text(encoding="utf-8", errors="replace"))
            log.write_text(kept, encoding="utf-8")

    # ---- the record, and what is in no file

    def _full_record(self, exit_code: int, message: str, state: State) -> dict[str, Any]:
        """Join to the record what belongs to this run and this machine, not to the report."""
        job = self.job
        return {
            "report": job.notebook.name,
            "place": job.place,
            "state": state,
            "exit_code": exit_code,
            "message": message,
            **self.clock.times(),
            "as_of": job.as_of.isoformat() if job.as_of else None,
            "labels": job.labels,
            **self.record,
            "platform": platform.platform(),
        }

    def hidden(self, text: str) -> str:
        return hide_secrets(hide_passwords(text), self.names)

    def _hidden_within(self, value: dict[str, Any]) -> dict[str, Any]:
        hidden: dict[str, Any] = hide_secrets_within(hide_passwords_within(value), self.names)
        return hidden

    def _fit_to_keep(self, notebook: "NotebookNode") -> "NotebookNode":
        """Return the notebook as it may be kept and printed."""
        import nbformat

        # A cell can print half a sign, which no file can hold.
        text = nbformat.writes(notebook).encode("utf-8", "replace").decode("utf-8")
        read = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        return hide_secrets_within(hide_passwords_within(read), self.names)


# ----------------------------------------------------------------- what goes with a run


def _write_index(out: Path) -> str:
    """Write the page of all reports anew; what went wrong, which is no fault of the report."""
    try:
        index_page.write_index(out)
    except Exception as error:
        return f"{out / index_page.PAGE} could not be written: {error}"
    return ""


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _changed_inputs(record: dict[str, Any]) -> Failure | None:
    """See that the numbers are of the very files that the record names.

    Before secrets are hidden in it: a file's name can hold the value of one.
    """
    if changed := identity.changed_inputs(record):
        was = "was" if len(changed) == 1 else "were"
        return Failure(
            BAD_INPUT,
            f"{', '.join(changed)} {was} replaced while the report was made; "
            "make it again once nothing is written there any more",
        )
    return None


def _described(run: Run) -> str:
    when = f" of {run.finished:%Y-%m-%d %H:%M} UTC" if run.finished else ""
    return f"run {run.record.get('run_id')}{when}"


def _join(*messages: str) -> str:
    return "; ".join(message for message in messages if message)


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
        Also what the last page of the PDF shows. `basis` is made from the notebook, the
        parameters, the as-of date, crmlib's source and the versions; `run_id` from that and the
        inputs' hashes: two runs with the same id made the same report. `inputs` is None where
        the notebook does not tell them.
    """
    said = execution.run_record
    basis = identity.basis_of(job)
    parameters = {
        parameter.name: job.values.get(parameter.name, parameter.default)
        for parameter in job.notebook.parameters
    }
    return {
        "run_id": identity.run_id_of(basis, said),
        "basis": basis,
        "report": job.notebook.name,
        "title": job.notebook.title,
        "parameters": parameters,
        "parameters_given": sorted(job.values),
        "inputs": said.get("inputs"),
        **({"read_beside": beside} if (beside := said.get("read_beside")) else {}),
        **({"pseudonymised": True} if os.environ.get(PSEUDONYM_KEY) else {}),
        "seed": said.get("seed"),
        "period": said.get("period"),
        "versions": identity.versions(),
        **identity.git_state(job.notebook.path.resolve().parent),
    }
