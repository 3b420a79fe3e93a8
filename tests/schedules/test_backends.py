"""Backends: threads here, and the workers of a real dask cluster on this machine."""

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
from pathlib import Path

import joblib
import pytest

from crmlib.errors import InputError
from crmlib.report.notebooks import find_notebooks
from crmlib.schedules import backends
from crmlib.schedules.backends import (
    StopFile,
    Threads,
    collected,
    in_parallel,
    opened,
    waited,
)
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
    """Work that notes how much of it was done at the same time."""

    def __init__(self):
        self.running = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, number, stop):
        assert threading.current_thread() is not threading.main_thread()
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(0.05)
        with self.lock:
            self.running -= 1
        return number


CALLS = [(number,) for number in range(7)]


@pytest.mark.parametrize("parallel", [1, 2, 3])
def test_as_many_run_at_the_same_time_as_asked(parallel):
    work = Counted()
    results = list(collected(Threads(parallel), work, CALLS, threading.Event()))
    assert sorted(results) == list(range(7))
    assert work.most == parallel


def test_fewer_can_be_asked_of_a_cluster_than_its_workers_take():
    class Wide(Threads):  # takes eight; `parallel` is what was asked for, as with a cluster
        def results(self, function, calls):
            with joblib.parallel_config(backend="threading", n_jobs=8):
                return in_parallel(function, calls, self.stop, n_waiting=self.parallel)

    work = Counted()
    results = list(collected(Wide(2), work, CALLS, threading.Event()))
    assert sorted(results) == list(range(7))
    assert work.most == 2


def test_a_stop_reaches_the_runs():
    def work(stop):
        while not stop.is_set():
            time.sleep(0.01)
        return "ended"

    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    assert list(collected(Threads(2), work, [(), ()], stop)) == ["ended", "ended"]


# ----------------------------------------------------------------- a cluster that cannot be used


def refused(tmp_path, address):
    with (
        pytest.raises(InputError) as raised,
        opened("dask", parallel=None, scheduler=address, out=tmp_path / "reports"),
    ):
        raise AssertionError("not reached")
    return str(raised.value)


def test_only_one_of_backend_and_scheduler(tmp_path):
    assert refused(tmp_path, None) == (
        "--backend dask needs the scheduler's address: --scheduler ADDRESS"
    )
    with pytest.raises(InputError, match="--scheduler is for --backend dask"):
        opened("threads", parallel=1, scheduler="tcp://x:1", out=tmp_path)


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


def test_workers_that_cannot_do_the_work_are_all_named(tmp_path):
    from crmlib.report.identity import source_hash
    from crmlib.schedules import cluster

    class Client:
        def run(self, function, *arguments, on_error):
            assert on_error == "return"
            return {
                "tcp://good": function(*arguments),
                "tcp://blind": (True, source_hash()),
                "tcp://old": (False, "another"),
                "tcp://bare": ModuleNotFoundError("No module named 'crmlib'"),
            }

    stop = StopFile(tmp_path / "go-on")
    stop.path.touch()
    with pytest.raises(InputError) as raised:
        cluster._check_workers(Client(), stop, tmp_path)
    assert str(raised.value).splitlines() == [
        f"worker tcp://blind: does not see {tmp_path}; all must share it",
        "worker tcp://old: its crmlib is not the same as the one here",
        "worker tcp://bare: cannot run crmlib: No module named 'crmlib'",
    ]


def test_what_dask_gives_up_is_a_failed_run():
    from crmlib.schedules import cluster, running

    class Task:
        def result(self):
            raise CancelledError("scheduler-connection-lost")

    job = running.job_of(schedule(plan("a")), plan("a"), 1, force=False)
    lost = cluster._answer(Task(), (4, job, 0, 0.0))
    number, result, attempts = running._lost(lost)
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
    return run_schedule(whole, backend="dask", scheduler=cluster.scheduler_address, **how)


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
    workbook.add("clp/a", "open('begun', 'w').close()", "import time\ntime.sleep(120)")
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

    workbook.add("clp/a", "open('begun', 'w').close()\nimport time\ntime.sleep(120)")
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
    assert _nothing_left(workbook)


@pytest.mark.slow
def test_a_scheduler_that_goes_away(workbook):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    port = address.rpartition(":")[2]
    scheduler = _started("dask_scheduler", "--host", "127.0.0.1", "--port", port)
    worker = _started("dask_worker", address, "--nthreads", "1", "--no-nanny")
    try:
        workbook.add("clp/a", "open('begun', 'w').close()\nimport time\ntime.sleep(120)")

        def end_the_scheduler():
            while not os.path.exists("begun"):
                time.sleep(0.05)
            scheduler.send_signal(signal.SIGKILL)

        threading.Thread(target=end_the_scheduler, daemon=True).start()
        for _ in range(100):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.1)
        (ended,) = run_schedule(
            schedule(planned(workbook, "a"), out=workbook.reports),
            backend="dask",
            scheduler=address,
            stop=threading.Event(),
        )
        assert ended.result.state == "failed"
        assert ended.result.message.startswith(("the connection to", "dask gave it up"))
        assert _nothing_left(workbook)
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def _started(module, *arguments):
    command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"]
    environment = {**os.environ, "DASK_TEMPORARY_DIRECTORY": os.path.abspath("dask")}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, **quiet)
