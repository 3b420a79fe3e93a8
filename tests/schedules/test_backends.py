"""Backends: threads here, and the workers of a real dask cluster on this machine."""

import json
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import joblib
import pytest

from crmlib.errors import InputError
from crmlib.report.notebooks import find_notebooks
from crmlib.report.parallel import Threads, collected, in_parallel
from crmlib.report.stopping import waited
from crmlib.schedules import backends, status
from crmlib.schedules.backends import StopFile, opened
from crmlib.schedules.running import run_schedule
from tests.schedules.made_plans import plan, schedule

# ----------------------------------------------------------------- stopping


def test_a_stop_file_is_set_when_it_is_gone(tmp_path):
    stop = StopFile(tmp_path / "go-on")
    stop.path.touch()
    elsewhere = pickle.loads(pickle.dumps(stop))
    assert not stop.is_set()
    assert not elsewhere.is_set()
    stop.set()
    assert stop.is_set()
    assert elsewhere.is_set()
    stop.set()  # twice does no harm


def test_a_share_that_does_not_answer_is_no_stop(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(backends.os, "stat", fail)
    assert not StopFile(tmp_path).is_set()


def test_a_wait_ends_with_its_time_or_with_the_stop():
    stop = threading.Event()
    begin = time.monotonic()
    assert waited(0.25, stop)
    assert 0.25 <= time.monotonic() - begin < 2
    stop.set()
    assert not waited(600, stop)


# ----------------------------------------------------------------- threads


class Counted:
    """Work of which so much must be done at the same time, and that notes whether it was more."""

    def __init__(self, parallel):
        self.running = self.most = 0
        self.lock = threading.Lock()
        self.together = threading.Barrier(parallel, timeout=60)

    def __call__(self, number, stop):
        assert threading.current_thread() is not threading.main_thread()
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.together.wait()
        with self.lock:
            self.running -= 1
        return number


CALLS = [(number,) for number in range(6)]  # whole groups of one, two and three


@pytest.mark.parametrize("parallel", [1, 2, 3])
def test_as_many_run_at_the_same_time_as_asked(parallel):
    work = Counted(parallel)
    results = list(collected(Threads(parallel), work, CALLS, threading.Event()))
    assert sorted(results) == list(range(6))
    assert work.most == parallel


def test_fewer_can_be_asked_of_a_cluster_than_its_workers_take():
    class Wide(Threads):  # takes eight; `parallel` is what was asked for, as with a cluster
        def results(self, function, calls):
            with joblib.parallel_config(backend="threading", n_jobs=8):
                return in_parallel(function, calls, self.stop, n_waiting=self.parallel)

    work = Counted(2)
    results = list(collected(Wide(2), work, CALLS, threading.Event()))
    assert sorted(results) == list(range(6))
    assert work.most == 2


def test_a_stop_reaches_the_runs():
    def work(stop):
        while not stop.is_set():
            time.sleep(0.01)
        return "ended"

    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    assert list(collected(Threads(2), work, [(), ()], stop)) == ["ended", "ended"]


def test_a_stop_reaches_the_runs_whatever_is_done_with_a_result():
    ended = threading.Event()

    def work(number, stop):
        while number and not stop.is_set():
            time.sleep(0.01)
        if number:
            ended.set()
        return number

    stop = threading.Event()
    results = collected(Threads(2), work, [(0,), (1,)], stop)
    assert next(results) == 0
    stop.set()
    assert ended.wait(30)  # though nobody asks for the next result
    assert list(results) == [1]


def test_a_share_that_does_not_answer_does_not_keep_a_stop_from_the_runs():
    class Share(threading.Event):
        failed = False

        def set(self):
            if not self.failed:
                self.failed = True
                raise OSError(5, "Input/output error")
            super().set()

    def work(stop):
        while not stop.is_set():
            time.sleep(0.01)
        return "ended"

    place, stop = Threads(1), threading.Event()
    place.stop = Share()
    stop.set()
    assert list(collected(place, work, [()], stop)) == ["ended"]


# ----------------------------------------------------------------- a cluster that cannot be used


def refused(tmp_path, address):
    with (
        pytest.raises(InputError) as raised,
        opened(scheduler=address, parallel=None, out=tmp_path / "reports"),
    ):
        raise AssertionError("not reached")
    return str(raised.value)


def test_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "crmlib.schedules.cluster", raising=False)
    assert "pip install 'crmlib[cluster]'" in refused(tmp_path, "tcp://127.0.0.1:1")


def test_no_scheduler_answers(tmp_path, monkeypatch):
    from crmlib.schedules import cluster

    monkeypatch.setattr(cluster, "ANSWER_LIMIT", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        assert refused(tmp_path, address) == (
            f"--scheduler {address}: no dask scheduler answers there"
        )
    assert refused(tmp_path, "nonsense://x").startswith("--scheduler nonsense://x: ")


def told_of(folder, *answers):
    """What is said before anything runs of a good worker and of others that answer so."""
    from crmlib.schedules import cluster

    class Client:
        def run(self, function, *arguments, on_error):
            assert on_error == "return"
            good = function(*arguments)
            others = [answer(good) if callable(answer) else answer for answer in answers]
            return {f"tcp://{number}": answer for number, answer in enumerate([good, *others])}

    cluster._check_workers(Client(), model(folder))


def model(folder):
    from crmlib.schedules import cluster

    return cluster._Model.of_here(StopFile(folder / "go-on"), folder)


def test_workers_that_cannot_do_the_work_are_all_named(tmp_path):
    told_of(tmp_path)
    with pytest.raises(InputError) as raised:
        told_of(
            tmp_path,
            lambda good: good | {"sees": False},
            lambda good: good | {"crmlib": "another"},
            lambda good: good | {"versions": good["versions"] | {"pandas": "2.3.3"}},
            ModuleNotFoundError("No module named 'crmlib'"),
        )
    assert str(raised.value).splitlines() == [
        f"worker tcp://1: does not see {tmp_path}; all must share it",
        "worker tcp://2: its crmlib is not the same as the one here",
        f"worker tcp://3: its pandas is 2.3.3, but {metadata.version('pandas')} here; "
        "all must have the same",
        "worker tcp://4: cannot run crmlib: No module named 'crmlib'",
    ]


KEY = "0123456789abcdef-one"


@pytest.mark.parametrize(
    ("here", "there", "message"),
    [
        (KEY, None, "has no CRMLIB_PSEUDONYM_KEY: its reports would say who customers are"),
        (None, KEY, "has CRMLIB_PSEUDONYM_KEY in its environment, which is not set here"),
        (KEY, KEY[::-1], "its CRMLIB_PSEUDONYM_KEY is not the one here: its pseudonyms would"),
        (KEY, KEY, ""),
        (None, None, ""),
    ],
)
def test_all_must_have_the_same_key_of_pseudonyms(tmp_path, monkeypatch, here, there, message):
    from crmlib.schedules import cluster

    def has(key):
        if key is None:
            monkeypatch.delenv("CRMLIB_PSEUDONYM_KEY", raising=False)
        else:
            monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", key)

    has(here)
    wanted = model(tmp_path)
    has(there)
    answer = cluster._look_around(tmp_path, wanted.salt)
    (told,) = wanted.faults_of(answer) or [""]
    assert told.startswith(message)
    assert bool(told) == bool(message)
    for sent in (repr(answer), repr(wanted)):
        assert "0123456789" not in sent
    assert not there or answer["key"] != cluster._look_around(tmp_path, b"another")["key"]
    # A worker that came later is not asked before: it must see by itself.
    work = [(lambda: "made", (), {})]
    if message:
        with pytest.raises(cluster._UnfitError, match="CRMLIB_PSEUDONYM_KEY"):
            cluster._called(work, wanted)
    else:
        assert cluster._called(work, wanted) == "made"


def test_a_worker_that_came_later_and_is_another_is_told_of():
    from crmlib.schedules import cluster

    class Task:
        def result(self):
            raise cluster._UnfitError("has no CRMLIB_PSEUDONYM_KEY")

    lost = cluster._answer(Task(), ())
    assert lost.reason == (
        "a dask worker that came later cannot make it: has no CRMLIB_PSEUDONYM_KEY"
    )


def test_what_dask_gives_up_is_a_failed_run(tmp_path):
    from crmlib.schedules import cluster, running

    class Task:
        def result(self):
            raise CancelledError("scheduler-connection-lost")

    job = running.job_of(schedule(plan("a"), out=tmp_path), plan("a"), 1, force=False)
    lost = cluster._answer(Task(), (4, job, 0, 0.0))
    number, result, attempts = running._lost(lost, threading.Event())
    assert (number, attempts) == (4, 1)
    assert (result.report, result.state, result.exit_code) == ("monthly/a", "failed", 1)
    assert result.message == "dask gave it up: CancelledError: scheduler-connection-lost"


# ----------------------------------------------------------------- a real cluster


@pytest.fixture
def workers(workbook):
    """Start a dask scheduler with that many worker processes."""
    import dask
    from distributed import LocalCluster

    started = []

    def start(n_workers):
        made = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            dashboard_address=":0",  # any free port: another test may have a cluster too
            silence_logs=logging.CRITICAL,
        )
        started.append(made)
        return made

    with dask.config.set({"temporary-directory": str(workbook.folder / "dask")}):
        yield start
    for made in started:
        made.close(timeout=20)


def planned(workbook, name, **settings):
    available = find_notebooks(workbook.folder / "notebooks")
    return plan(name, notebook=available[f"clp/{name}"], **settings)


def run(cluster, whole, **how):
    how = {"stop": threading.Event()} | how
    return run_schedule(whole, scheduler=cluster.scheduler_address, **how)


# Tells who has started the kernel.
BEGUN = (
    "import os\n"
    "with open('half', 'w') as file:\n    file.write(str(os.getppid()))\n"
    "os.rename('half', 'begun')"
)
WHO = "import os\nopen('who-' + str(os.getppid()), 'w').close()\nimport time\ntime.sleep(3)"


@pytest.mark.slow
def test_reports_are_made_by_the_workers(workbook, workers):
    workbook.add("clp/a", WHO)
    workbook.add("clp/b", WHO)
    workbook.add("clp/c", "1 / 0")
    whole = schedule(
        planned(workbook, "a"),
        planned(workbook, "b"),
        planned(workbook, "c", retries=1),
        out=Path("reports"),
    )
    told = []
    outcomes = run(workers(2), whole, on_outcome=told.append, on_cell=lambda: 1 / 0)
    assert [(ended.result.state, ended.attempts) for ended in outcomes] == [
        ("good", 1),
        ("good", 1),
        ("failed", 2),
    ]
    assert "ZeroDivisionError" in outcomes[2].result.message
    assert len(told) == 3
    for name in "ab":
        assert (workbook.reports / "monthly" / name / "report.pdf").read_bytes()[:4] == b"%PDF"
    makers = {int(path.name[4:]) for path in workbook.folder.glob("who-*")}
    assert len(makers) == 2  # each report was made by another worker ...
    assert os.getpid() not in makers  # ... and none by this process
    assert workbook.left_behind() == []


@pytest.mark.slow
def test_another_worker_takes_over_from_one_that_dies(workbook, workers):
    once = (
        "import os, pathlib, signal, time\n"
        "mark = pathlib.Path('begun')\n"
        "first = not mark.exists()\n"
        "mark.touch()\n"
        "if first:\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(60)\n"
        "print('made')"
    )
    workbook.add("clp/a", once)
    (ended,) = run(workers(2), schedule(planned(workbook, "a"), out=workbook.reports))
    assert ended.result.state == "good"
    assert (workbook.reports / "monthly/a/report.pdf").read_bytes()[:4] == b"%PDF"
    assert _nothing_left(workbook)


@pytest.mark.slow
def test_a_report_whose_workers_all_die_is_a_failed_one(workbook, workers):
    workbook.add(
        "clp/a", "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)"
    )
    workbook.add("clp/b", "print('made')")
    whole = schedule(planned(workbook, "a"), planned(workbook, "b"), out=workbook.reports)
    first, second = run(workers(2), whole)
    assert (first.result.state, first.result.exit_code) == ("failed", 138)
    assert first.result.message == "the dask workers that made it died, one after the other"
    assert second.result.state == "good"
    assert not (workbook.reports / "monthly/a").exists()
    failing, well = status.states(workbook.reports, whole.jobs, None, datetime.now(UTC))
    assert (failing.word, failing.exit_code) == ("FAILING", 138)
    assert failing.message == first.result.message
    assert well.is_well
    assert first.result.message in (workbook.reports / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_single_worker_makes_the_reports_too(workbook, workers):
    workbook.add("clp/a", "import os\nopen('who-' + str(os.getppid()), 'w').close()")
    (ended,) = run(workers(1), schedule(planned(workbook, "a"), out=workbook.reports))
    assert ended.result.state == "good"
    (maker,) = (int(path.name[4:]) for path in workbook.folder.glob("who-*"))
    assert maker != os.getpid()


@pytest.mark.slow
def test_without_the_key_of_pseudonyms_at_the_workers_nothing_runs(workbook, workers, monkeypatch):
    workbook.add("clp/a", "open('begun', 'w').close()")
    without = workers(1)
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", KEY)
    with pytest.raises(InputError, match="has no CRMLIB_PSEUDONYM_KEY"):
        run(without, schedule(planned(workbook, "a"), out=workbook.reports))
    assert not os.path.exists("begun")
    assert workbook.left_behind() == []


def _nothing_left(workbook):
    """Give the kernels of a dead worker the moment they need to see that it is gone."""
    for _ in range(100):
        if workbook.left_behind() == []:
            return True
        time.sleep(0.1)
    print(workbook.left_behind())
    return False


@pytest.mark.slow
def test_a_stop_ends_the_runs_on_the_workers(workbook, workers):
    workbook.add("clp/a", BEGUN, "import time\ntime.sleep(120)")
    workbook.add("clp/b", "print('never')")
    whole = schedule(planned(workbook, "a"), planned(workbook, "b"), out=workbook.reports)
    stop = threading.Event()

    def stop_when_begun():
        while not os.path.exists("begun"):
            time.sleep(0.05)
        stop.set()

    threading.Thread(target=stop_when_begun, daemon=True).start()
    begin = time.monotonic()
    outcomes = run(workers(1), whole, stop=stop)
    assert [ended.result.state for ended in outcomes] == ["stopped", "stopped"]
    assert time.monotonic() - begin < 40
    assert Path("begun").read_text() != str(os.getpid())
    assert workbook.left_behind() == []
    assert not (workbook.reports / "monthly").exists()


@pytest.mark.slow
def test_without_a_worker_nothing_waits_for_ever(workbook, workers, monkeypatch):
    from crmlib.schedules import cluster

    monkeypatch.setattr(cluster, "NO_WORKER_LIMIT", 3.0)
    monkeypatch.setattr(cluster, "LOOK_FOR_WORKERS", 0.5)
    empty = workers(0)
    address = empty.scheduler_address
    assert refused(workbook.folder, address) == (
        f"--scheduler {address}: it has had no worker for 3 seconds"
    )

    workbook.add("clp/a", BEGUN + "\nimport time\ntime.sleep(120)")
    empty.scale(1)
    empty.wait_for_workers(1, timeout=60)

    def take_the_worker():
        while not os.path.exists("begun"):
            time.sleep(0.05)
        empty.scale(0)

    threading.Thread(target=take_the_worker, daemon=True).start()
    (ended,) = run(empty, schedule(planned(workbook, "a"), out=workbook.reports))
    assert ended.result.state == "failed"
    assert ended.result.message == "the dask cluster has had no worker for 3 seconds"
    assert Path("begun").read_text() != str(os.getpid())
    assert workbook.record("monthly/a", failed=True)["message"] == ended.result.message
    assert _nothing_left(workbook)


@pytest.mark.slow
def test_a_scheduler_that_goes_away(workbook):
    where = ("--scheduler-file", "scheduler.json")
    scheduler = _started("dask_scheduler", "--host", "127.0.0.1", "--port", "0", *where)
    worker = _started("dask_worker", *where, "--nthreads", "1", "--no-nanny")
    try:
        workbook.add("clp/a", BEGUN + "\nimport time\ntime.sleep(120)")

        def end_the_scheduler():
            while not os.path.exists("begun"):
                time.sleep(0.05)
            scheduler.send_signal(signal.SIGKILL)

        threading.Thread(target=end_the_scheduler, daemon=True).start()
        (ended,) = run_schedule(
            schedule(planned(workbook, "a"), out=workbook.reports),
            scheduler=_address_in("scheduler.json"),
            stop=threading.Event(),
        )
        assert ended.result.state == "failed"
        assert ended.result.message.startswith(("the connection to", "dask gave it up"))
        assert Path("begun").read_text() == str(worker.pid)
        assert workbook.record("monthly/a", failed=True)["message"] == ended.result.message
        assert _nothing_left(workbook)
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def _address_in(file):
    for _ in range(600):
        try:
            return json.loads(Path(file).read_text())["address"]
        except (OSError, ValueError):  # not there yet, or not whole
            time.sleep(0.1)
    raise AssertionError("the scheduler has not started")


def _started(module, *arguments):
    command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"]
    environment = {**os.environ, "DASK_TEMPORARY_DIRECTORY": os.path.abspath("dask")}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, **quiet)
