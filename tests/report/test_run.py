"""One run from lock to index page, with everything that can go wrong on the way.

Most of these put in a notebook that has run already: they are about what is made of it.
"""

import errno
import json
import os
import pickle
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from crmlib.report import execution, history, locks, publishing, run
from crmlib.report.execution import Execution, Failure
from crmlib.report.jobs import Job, Result
from crmlib.report.notebooks import Notebook
from crmlib.report.run import run_all, run_report
from crmlib.report.stopping import StoppedError

NEVER = threading.Event()


class Kernel:
    """In place of a kernel: what a notebook has given, and what happens meanwhile."""

    def __init__(self, monkeypatch):
        self.block = {"kind": "run_record", "inputs": []}
        self.blocks = []
        self.failure = None
        self.meanwhile = lambda: None
        self.runs = 0
        monkeypatch.setattr(run, "run_notebook", self.run_notebook)

    def run_notebook(self, content, parameters, *, log, stop, **settings):
        self.runs += 1
        self.settings = settings
        log.write_text("cell 1 ran")
        self.meanwhile()
        blocks = [*self.blocks, *([self.block] if self.block else [])]
        outputs = [
            new_output("display_data", {execution.BLOCK_TYPE: block, "text/plain": ""})
            for block in blocks
        ]
        cell = new_code_cell("1", execution_count=1, outputs=outputs)
        return Execution(new_notebook(cells=[cell]), self.failure)


@pytest.fixture
def kernel(monkeypatch, plain_pdf):
    return Kernel(monkeypatch)


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "x.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), path)
    return Job(Notebook("clp/x", path), {}, tmp_path / "reports")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def unfinished(out):
    return [path.name for path in (out / ".work").iterdir() if path.name not in ("lock", "locks",
            "index.lock")]  # fmt: skip


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ----------------------------------------------------------------- a good run


def test_what_a_good_run_leaves(job, kernel):
    job = replace(
        job,
        place="monthly/value-north",
        as_of=date(2026, 10, 31),
        labels={"schedule": "monthly", "job": "value", "case": "north"},
    )
    result = run_report(job, NEVER)
    assert (result.state, result.exit_code, result.message) == ("good", 0, "")
    assert (result.report, result.folder) == ("monthly/value-north", job.out / job.place)
    assert set(files(result.folder)) == {
        "report.pdf", "page-one.png", "notebook.ipynb", "run.json"
    }  # fmt: skip
    record = json.loads((result.folder / "run.json").read_text())
    assert record == result.record
    assert record["report"] == "clp/x"
    assert record["place"] == "monthly/value-north"
    assert record["as_of"] == "2026-10-31"
    assert record["labels"] == job.labels
    assert set(record["files"]) == {"report.pdf", "page-one.png", "notebook.ipynb"}
    [made] = history.runs_of(job.out, job.place)
    assert made.is_complete
    assert unfinished(job.out) == []
    assert "monthly/value-north" in (job.out / "index.html").read_text()


def test_limits_reach_the_kernel(job, kernel):
    run_report(replace(job, timeout=5, memory=10**9, threads=2), NEVER)
    assert {name: kernel.settings[name] for name in ("timeout", "memory", "threads")} == {
        "timeout": 5, "memory": 10**9, "threads": 2
    }  # fmt: skip


def test_a_run_can_be_sent_to_another_process(job, kernel):
    sent = pickle.loads(pickle.dumps(job))
    result = pickle.loads(pickle.dumps(run_report(sent, NEVER)))
    assert (result.state, result.folder) == ("good", job.out / "clp/x")


def test_earlier_runs_stay_as_the_job_says(job, kernel):
    for _ in range(4):
        run_report(replace(job, keep=history.Keep(3)), NEVER)
    assert len(history.runs_of(job.out, "clp/x")) == 3


def test_the_page_of_all_reports_is_no_reason_to_lose_one(job, kernel, monkeypatch):
    monkeypatch.setattr(run.index_page, "write_index", full)
    result = run_report(job, NEVER)
    assert (result.state, result.exit_code) == ("good", 0)
    assert "index.html could not be written: [Errno 28]" in result.message
    assert not result.is_listed


# ----------------------------------------------------------------- the same again


def test_the_same_is_not_made_again_unless_asked_to(job, kernel):
    once = replace(job, repeat=False)
    first = run_report(once, NEVER)
    again = run_report(once, NEVER)
    assert kernel.runs == 1
    assert (again.state, again.exit_code, again.folder) == ("unchanged", 0, first.folder)
    assert again.record == first.record
    assert first.record["run_id"] in again.message
    [made] = history.runs_of(job.out, "clp/x")
    assert made.confirmed is not None
    assert run_report(job, NEVER).state == "good"
    assert kernel.runs == 2
    assert run_report(replace(once, as_of=date(2026, 1, 1)), NEVER).state == "good"
    assert kernel.runs == 3


def test_a_changed_input_is_read_again(job, kernel, tmp_path):
    table = tmp_path / "orders.csv"

    def read():
        digest = history.sha256_of(table)
        kernel.block["inputs"] = [{"source": str(table), "sha256": digest}]

    kernel.meanwhile = read
    once = replace(job, repeat=False)
    states = []
    for text in ("1", "1", "2", "2", "1"):
        table.write_text(text)
        states.append(run_report(once, NEVER).state)
    assert states == ["good", "unchanged", "good", "unchanged", "unchanged"]
    # What was asked for last is shown, though it was made first.
    shown = json.loads((job.out / "clp/x/run.json").read_text())
    assert shown["sequence"] == 1
    assert shown["inputs"][0]["sha256"] == history.sha256_of(table)


def test_a_notebook_that_does_not_tell_its_inputs_is_always_run(job, kernel):
    kernel.block = None
    once = replace(job, repeat=False)
    assert [run_report(once, NEVER).state for _ in range(2)] == ["good", "good"]
    assert run_report(once, NEVER).record["inputs"] is None


def test_a_damaged_report_is_made_again(job, kernel):
    once = replace(job, repeat=False)
    place = run_report(once, NEVER).folder
    (place / "report.pdf").write_bytes(b"half")
    assert run_report(once, NEVER).state == "good"
    assert (place / "report.pdf").read_bytes() != b"half"


def test_what_is_unchanged_fails_no_more(job, kernel):
    once = replace(job, repeat=False)
    run_report(once, NEVER)
    kernel.failure = Failure(1, "cell 1 failed")
    assert run_report(job, NEVER).state == "failed"
    assert history.failure_of(job.out, "clp/x")
    assert run_report(once, NEVER).state == "unchanged"
    assert history.failure_of(job.out, "clp/x") == {}


# ----------------------------------------------------------------- what goes wrong


def test_an_input_replaced_while_it_was_read(job, kernel, tmp_path):
    run_report(job, NEVER)
    good = files(job.out / "clp/x")
    tables = [tmp_path / "orders.csv", tmp_path / "customers.csv"]
    for table in tables:
        table.write_text("before")

    def read_and_replace():
        kernel.block["inputs"] = [
            {"source": str(table), "sha256": history.sha256_of(table)} for table in tables
        ]
        tables[0].write_text("afterwards")

    kernel.meanwhile = read_and_replace
    result = run_report(job, NEVER)
    assert (result.state, result.exit_code) == ("failed", 2)
    assert result.message.startswith(f"{tables[0]} was replaced while the report was made; ")
    assert files(job.out / "clp/x") == good
    record = history.failure_of(job.out, "clp/x")
    assert record == json.loads(json.dumps(result.record, default=str))
    assert record["message"] == result.message


STEPS = {
    "work folder": (publishing.tempfile, "mkdtemp"),
    "lock": (locks.os, "ftruncate"),
    "notebook": (nbformat, "write"),
    "kernel": (run, "run_notebook"),
    "record": (publishing, "write_json"),
    "settling": (publishing.os, "fsync"),
    "move": (publishing, "publish"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_leaves_the_last_good_report(job, kernel, monkeypatch, step):
    run_report(job, NEVER)
    good = files(job.out / "clp/x")
    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], full)
        result = run_report(job, NEVER)
    assert (result.state, result.exit_code) == ("failed", 74)
    assert result.message == (
        f"{job.out}: cannot write reports there: No space left on device; "
        "make room or mend its rights, then run it again"
    )
    assert files(job.out / "clp/x") == good
    assert unfinished(job.out) == []
    assert len(history.runs_of(job.out, "clp/x")) == 1
    if step in ("notebook", "kernel", "settling", "move"):
        assert result.folder == job.out / "failed/clp/x"
        assert history.failure_of(job.out, "clp/x")["exit_code"] == 74
        assert "page-one.png" not in files(result.folder)
    assert run_report(job, NEVER).state == "good"
    assert history.failure_of(job.out, "clp/x") == {}


def test_a_full_disk_while_the_pages_are_set(job, kernel, monkeypatch):
    def render(*_):
        try:
            full()
        except OSError as error:
            raise run.rendering.RenderingError("Typst ended") from error

    monkeypatch.setattr(run.rendering, "render_pdf", render)
    assert run_report(job, NEVER).exit_code == 74


def test_a_disk_too_full_even_for_the_failure(job, kernel, monkeypatch):
    run_report(job, NEVER)
    good = files(job.out / "clp/x")
    monkeypatch.setattr(publishing, "write_json", full)
    monkeypatch.setattr(publishing, "keep_failure", full)
    result = run_report(job, NEVER)
    assert (result.state, result.exit_code, result.folder) == ("failed", 74, None)
    assert result.record["exit_code"] == 74
    assert files(job.out / "clp/x") == good
    assert not (job.out / "failed").exists()
    assert unfinished(job.out) == []


def test_of_a_failure_the_record_is_kept_where_there_is_no_room_for_more(job, kernel, monkeypatch):
    whole = run._Attempt._tidy
    monkeypatch.setattr(run._Attempt, "_tidy", full)
    kernel.failure = Failure(1, "cell 1 failed")
    result = run_report(job, NEVER)
    assert result.exit_code == 1
    assert set(files(result.folder)) == {"run.json", "traceback.txt"}
    monkeypatch.setattr(run._Attempt, "_tidy", whole)
    result = run_report(job, NEVER)
    assert set(files(result.folder)) == {
        "run.json", "traceback.txt", "log.txt", "notebook.ipynb"
    }  # fmt: skip


def test_a_folder_that_is_none(job, kernel):
    job.out.write_text("a file in the way")
    result = run_report(job, NEVER)
    assert (result.state, result.exit_code, result.folder) == ("failed", 74, None)
    assert "cannot write reports there" in result.message
    assert job.out.read_text() == "a file in the way"


def test_since_when_a_report_fails(job, kernel):
    kernel.failure = Failure(1, "cell 1 failed")
    first = run_report(job, NEVER).record
    (job.out / "failed/clp/x/run.json").write_text(
        json.dumps({**first, "failing_since": "2026-01-01T00:00:00+00:00"})
    )
    assert first["failing_since"] == first["finished"]
    assert run_report(job, NEVER).record["failing_since"] == "2026-01-01T00:00:00+00:00"
    (job.out / "failed/clp/x/run.json").write_text("{damaged")
    again = run_report(job, NEVER).record
    assert again["failing_since"] == again["finished"]


def test_a_report_that_another_process_makes(job, kernel):
    with locks.report_lock(job.out, "clp/x"):
        result = run_report(job, NEVER)
        assert run_report(replace(job, place="clp/y"), NEVER).state == "good"
    assert (result.state, result.exit_code, result.folder) == ("held", 75, None)
    assert result.message.startswith(f"process {os.getpid()} on ")
    assert not (job.out / "clp/x").exists()
    assert run_report(job, NEVER).state == "good"


def test_the_command_says_who_holds_a_report(workbook, plain_pdf):
    workbook.add("clp/x", "1")
    with locks.report_lock(workbook.reports, "clp/x"):
        result = workbook.run("clp/x")
    assert result.exit_code == 75
    assert f"crmlib: clp/x: process {os.getpid()} on " in result.stderr


@pytest.mark.parametrize(
    ("notebook", "message"),
    [("failed/x", "a report cannot be put there"), ("clp/gone", "cannot be read: No such file")],
)
def test_what_cannot_be_run_is_no_exception(job, kernel, tmp_path, notebook, message):
    result = run_report(replace(job, notebook=Notebook(notebook, tmp_path / "no"), place=""), NEVER)
    assert (result.state, result.exit_code) == ("failed", 2)
    assert message in result.message


def test_damaged_files_of_earlier_runs_are_as_good_as_none(job, kernel):
    once = replace(job, repeat=False)
    for damage in (b"", b"{", b"[1]", b'{"files": 5, "sequence": "x", "as_of": 1}', b"\xff"):
        result = run_report(once, NEVER)
        assert result.state == "good", damage
        (result.folder / "run.json").write_bytes(damage)
        (result.folder / "confirmed.json").write_bytes(damage)
        (job.out / ".work/locks/clp%2Fx.lock").write_bytes(damage)
        failed = job.out / "failed/clp/x"
        failed.mkdir(parents=True)
        (failed / "run.json").write_bytes(damage)
    assert run_report(once, NEVER).state == "good"


def test_a_run_that_is_stopped_leaves_nothing(job, kernel):
    stop = threading.Event()
    kernel.meanwhile = stop.set
    result = run_report(job, stop)
    assert (result.state, result.folder) == ("stopped", None)
    assert not (job.out / "clp").exists()
    assert not (job.out / "failed").exists()
    assert unfinished(job.out) == []
    assert run_report(job, stop).state == "stopped"
    assert kernel.runs == 1


def test_a_run_that_is_stopped_while_its_pages_are_set_leaves_nothing(job, kernel, monkeypatch):
    def render(notebook, record, destination, stop):
        stopped.set()
        assert stop.is_set()
        raise StoppedError

    stopped = threading.Event()
    monkeypatch.setattr(run.rendering, "render_pdf", render)
    assert run_report(job, stopped).state == "stopped"
    assert not (job.out / "failed").exists()
    assert unfinished(job.out) == []


def test_secrets_are_in_no_file_and_no_message(job, kernel, monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", "hunter2-hunter2")
    told = "no table hunter2-hunter2"
    kernel.failure = Failure(1, told, f"Traceback: {told}")
    kernel.block["inputs"] = [{"source": "hunter2-hunter2", "sha256": None}]
    result = run_report(replace(job, secrets=("CRM_TOKEN",)), NEVER)
    assert result.message == "no table …"
    named = run_report(replace(job, values={"source": "${CRM_TOKEN}"}), NEVER)
    assert named.message == "no table …"
    for path in (path for path in job.out.rglob("*") if path.is_file()):
        assert b"hunter2" not in path.read_bytes(), path
    assert "hunter2" not in json.dumps([result.record, named.record])


# ----------------------------------------------------------------- many runs


def test_many_runs_come_in_order_and_so_many_at_a_time(job, monkeypatch):
    running, most, seen = set(), [], []

    def pretend(made, stop, on_cell):
        running.add(made.place)
        most.append(len(running))
        seen.append(threading.current_thread() is threading.main_thread())
        time.sleep(0.02 if made.place == "clp/0" else 0.005)
        running.discard(made.place)
        return SimpleNamespace(report=made.place)

    monkeypatch.setattr(run, "run_report", pretend)
    jobs = [replace(job, place=f"clp/{number}") for number in range(8)]
    for parallel in (1, 3):
        most.clear()
        results = list(run_all(jobs, parallel=parallel, stop=NEVER))
        assert [result.report for result in results] == [job.place for job in jobs]
        assert max(most) == parallel
    assert [result.report for result in run_all(jobs[:1], parallel=1, stop=NEVER)] == ["clp/0"]
    assert not any(seen)  # the main thread is free for signals


def test_several_at_a_time_share_the_cores(job, monkeypatch):
    threads = []

    def pretend(made, stop, on_cell):
        threads.append(made.threads)

    monkeypatch.setattr(run, "run_report", pretend)
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    jobs = [job, job, replace(job, threads=7), job]
    list(run_all(jobs, parallel=3, stop=NEVER))
    assert sorted(threads) == [2, 2, 2, 7]
    threads.clear()
    list(run_all(jobs[:1], parallel=3, stop=NEVER))
    assert threads == [None]


def test_a_stop_reaches_the_runs_while_a_result_is_told(job, monkeypatch):
    ended = threading.Event()

    def pretend(made, stop, on_cell):
        while made.place == "clp/1" and not stop.is_set():
            time.sleep(0.01)
        if made.place == "clp/1":
            ended.set()
        return SimpleNamespace(report=made.place)

    stop = threading.Event()
    monkeypatch.setattr(run, "run_report", pretend)
    jobs = [replace(job, place=f"clp/{number}") for number in range(2)]
    results = run_all(jobs, parallel=2, stop=stop)
    assert next(results).report == "clp/0"
    stop.set()
    assert ended.wait(30)
    assert [result.report for result in results] == ["clp/1"]


def test_more_jobs_than_cores_are_cut_and_said(workbook, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    asked = []

    def pretend(jobs, *, parallel, **_):
        asked.append(parallel)
        return [Result(job.place, 0, None, 0.0) for job in jobs]

    monkeypatch.setattr(run, "run_all", pretend)
    workbook.add("clp/x", "1")
    result = workbook.run("--jobs", "64")
    assert "--jobs 64 is more than the cores there are; 2 at the same time" in result.stderr
    assert "cores" not in workbook.run("--jobs", "2").stderr
    assert asked == [2, 2]


def test_runs_at_the_same_time_do_not_disturb_one_another(job, kernel):
    jobs = [replace(job, place=f"clp/{number}") for number in range(6)]
    with ExitStack() as stack:
        stack.enter_context(locks.report_lock(job.out, "clp/3"))
        states = [result.state for result in run_all(jobs, parallel=3, stop=NEVER)]
    assert states == ["good", "good", "good", "held", "good", "good"]
    assert history.places(job.out) == [f"clp/{n}" for n in (0, 1, 2, 4, 5)]
    assert list(run_all([], parallel=2, stop=NEVER)) == []
