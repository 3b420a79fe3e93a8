"""Running a schedule: attempts, order, what is chosen, what comes out. Nothing really runs here."""

import pickle
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from crmlib.errors import InputError
from crmlib.report.history import Keep, failure_of
from crmlib.report.jobs import Job, Result
from crmlib.report.parallel import Threads
from crmlib.schedules import running, status
from crmlib.schedules.backends import Lost
from crmlib.schedules.running import chosen, exit_code_of, job_of, run_schedule
from tests.schedules.made_plans import failed, good, outcome, plan, schedule


@pytest.fixture
def runs(monkeypatch):
    """Say how the attempts at each place end; get the attempts that were made."""
    made = []
    lock = threading.Lock()
    endings = {}

    def run_report(job, stop, on_cell=None):
        with lock:
            made.append(job.place)
            ending = endings.get(job.place, [good])
            ending = ending[min(made.count(job.place), len(ending)) - 1]
        return ending(job.place)

    monkeypatch.setattr(running, "run_report", run_report)
    return made, endings


def state_of(state, code):
    return lambda place: Result(place, code, None, 0.0, state, state)


def test_a_failed_run_is_tried_again_until_it_is_good(runs):
    made, endings = runs
    endings["monthly/a"] = [failed, failed, good]
    (ended,) = run_schedule(schedule(plan("a", retries=5)), stop=threading.Event())
    assert (ended.attempts, ended.result.state) == (3, "good")
    assert made == ["monthly/a"] * 3


def test_it_is_not_tried_more_often_than_asked(runs):
    made, endings = runs
    endings["monthly/a"] = [failed]
    (ended,) = run_schedule(schedule(plan("a", retries=2)), stop=threading.Event())
    assert (ended.attempts, ended.result.state) == (3, "failed")
    assert len(made) == 3


@pytest.mark.parametrize(("state", "code"), [("held", 75), ("stopped", 1), ("unchanged", 0)])
def test_what_did_not_fail_is_not_tried_again(runs, state, code):
    made, endings = runs
    endings["monthly/a"] = [state_of(state, code)]
    (ended,) = run_schedule(schedule(plan("a", retries=2)), stop=threading.Event())
    assert (ended.attempts, ended.result.state) == (1, state)
    assert len(made) == 1


def test_there_is_a_wait_between_attempts(runs):
    _, endings = runs
    endings["monthly/a"] = [failed, good]
    begin = time.monotonic()
    run_schedule(schedule(plan("a", retries=1, retry_wait=0.5)), stop=threading.Event())
    assert 0.5 <= time.monotonic() - begin < 3


def test_a_stop_cuts_the_wait_short(runs):
    made, endings = runs
    endings["monthly/a"] = [failed]
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begin = time.monotonic()
    (ended,) = run_schedule(schedule(plan("a", retries=1, retry_wait=600)), stop=stop)
    assert time.monotonic() - begin < 5
    assert (ended.attempts, ended.result.state, len(made)) == (1, "failed", 1)


def test_outcomes_are_told_as_they_come_and_handed_back_in_the_order_of_the_file(monkeypatch):
    quick_is_done = threading.Event()

    def run_report(job, stop, on_cell=None):
        if job.place == "monthly/slow":
            assert quick_is_done.wait(10)
        return good(job.place)

    def tell(ended):
        told.append(ended.planned.name)
        quick_is_done.set()

    told = []
    monkeypatch.setattr(running, "run_report", run_report)
    both = schedule(plan("slow"), plan("quick"))
    outcomes = run_schedule(both, parallel=2, stop=threading.Event(), on_outcome=tell)
    assert told == ["quick", "slow"]
    assert [ended.planned.name for ended in outcomes] == ["slow", "quick"]
    assert [ended.result.report for ended in outcomes] == ["monthly/slow", "monthly/quick"]


def test_one_that_fails_does_not_stop_the_others(runs):
    made, endings = runs
    endings["monthly/a"] = [failed]
    outcomes = run_schedule(schedule(plan("a"), plan("b"), plan("c")), stop=threading.Event())
    assert [ended.result.state for ended in outcomes] == ["failed", "good", "good"]
    assert made == ["monthly/a", "monthly/b", "monthly/c"]


def test_a_log_that_cannot_be_written_ends_the_runs(monkeypatch):
    ended = threading.Event()

    def run_report(job, stop, on_cell=None):
        if job.place == "monthly/a":
            return good(job.place)
        while not stop.is_set():
            time.sleep(0.01)
        ended.set()
        return state_of("stopped", 1)(job.place)

    def tell(outcome):
        raise BrokenPipeError

    monkeypatch.setattr(running, "run_report", run_report)
    both = schedule(plan("a"), plan("hangs"))
    with pytest.raises(BrokenPipeError):
        run_schedule(both, parallel=2, stop=threading.Event(), on_outcome=tell)
    assert ended.is_set()  # and was waited for: no thread is left that runs a kernel


def test_a_stop_reaches_the_runs_while_an_outcome_is_told(monkeypatch):
    ended = threading.Event()

    def run_report(job, stop, on_cell=None):
        if job.place == "monthly/a":
            return failed(job.place)
        while not stop.is_set():
            time.sleep(0.01)
        ended.set()
        return state_of("stopped", 1)(job.place)

    def tell(outcome):  # such as by an alert that takes its time
        if outcome.planned.name == "a":
            stop.set()
            assert ended.wait(30)

    stop = threading.Event()
    monkeypatch.setattr(running, "run_report", run_report)
    both = schedule(plan("a"), plan("b"))
    outcomes = run_schedule(both, parallel=2, stop=stop, on_outcome=tell)
    assert [outcome.result.state for outcome in outcomes] == ["failed", "stopped"]


# ----------------------------------------------------------------- runs that nobody tells of


@pytest.fixture
def losing(monkeypatch):
    """A cluster that loses the first run, and never tells of the others."""

    class Losing(Threads):
        def results(self, function, calls):
            yield Lost(calls[0], "its workers died", died=True)
            while not self.stop.is_set():
                time.sleep(0.01)

        def given_up(self):
            return "no worker is left" if self.told else ""

    place = Losing(1)
    place.told = []

    @contextmanager
    def opened(**_):
        yield place

    monkeypatch.setattr(running.backends, "opened", opened)
    return place


def test_lost_runs_are_seen_by_whoever_looks(tmp_path, losing):
    secret = {"source": "postgresql://crm:hunter2@db/crm"}
    whole = schedule(plan("a", values=secret), plan("b"), out=tmp_path / "reports")
    outcomes = run_schedule(
        whole, scheduler="tcp://x:1", stop=threading.Event(), on_outcome=losing.told.append
    )
    reasons = ["its workers died", "no worker is left"]
    assert [ended.result.message for ended in outcomes] == reasons
    assert [ended.result.exit_code for ended in outcomes] == [138, 1]
    for ended in outcomes:
        assert ended.result.folder == whole.out / "failed" / ended.planned.place
        record = failure_of(whole.out, ended.planned.place)
        assert record["message"] == ended.result.message
        assert record["labels"]["job"] == ended.planned.name
    states = status.states(whole.out, whole.jobs, None, datetime.now(UTC))
    assert [(state.word, state.exit_code, state.message) for state in states] == [
        ("FAILING", 138, reasons[0]),
        ("FAILING", 1, reasons[1]),
    ]
    page = (whole.out / "index.html").read_text(encoding="utf-8")
    assert all(reason in page for reason in reasons)
    texts = (path.read_text() for path in whole.out.rglob("*") if path.is_file())
    assert not any("hunter2" in text for text in texts)


def test_what_is_lost_where_nothing_can_be_written_is_told_all_the_same(tmp_path, losing):
    (tmp_path / "reports").write_text("a file in the way")
    whole = schedule(plan("a"), out=tmp_path / "reports")
    (ended,) = run_schedule(
        whole, scheduler="tcp://x:1", stop=threading.Event(), on_outcome=losing.told.append
    )
    assert (ended.result.state, ended.result.exit_code) == ("failed", 138)
    assert (ended.result.message, ended.result.folder) == ("its workers died", None)


def test_what_is_lost_in_the_course_of_a_stop_is_no_failure(tmp_path, losing):
    stop = threading.Event()
    stop.set()
    whole = schedule(plan("a"), plan("b"), out=tmp_path / "reports")
    outcomes = run_schedule(whole, scheduler="tcp://x:1", stop=stop, on_outcome=losing.told.append)
    assert [ended.result.state for ended in outcomes] == ["stopped", "stopped"]
    assert not whole.out.exists()


def test_a_fault_of_our_own_reaches_the_caller(monkeypatch):
    monkeypatch.setattr(running, "run_report", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_schedule(schedule(plan("a")), stop=threading.Event())


def test_cells_are_counted(monkeypatch):
    def run_report(job, stop, on_cell):
        on_cell()
        return good(job.place)

    cells = []
    monkeypatch.setattr(running, "run_report", run_report)
    both = schedule(plan("a"), plan("b"))
    run_schedule(both, stop=threading.Event(), on_cell=lambda: cells.append(1))
    assert len(cells) == 2


# ----------------------------------------------------------------- one run of a schedule


def test_what_is_planned_is_what_is_run():
    planned = plan(
        "value",
        "north",
        values={"region": "north"},
        timeout=60.0,
        memory=2 * 10**9,
        keep=Keep(last=5, month_ends=3),
        secrets=("CRM_PASSWORD",),
    )
    job = job_of(schedule(planned, out=Path("r")), planned, threads=2, force=False)
    assert job == Job(
        planned.notebook,
        {"region": "north"},
        Path("r"),
        timeout=60.0,
        place="monthly/value-north",
        as_of=date(2026, 11, 22),
        memory=2 * 10**9,
        threads=2,
        keep=Keep(last=5, month_ends=3),
        secrets=("CRM_PASSWORD",),
        repeat=False,
        labels={"schedule": "monthly", "job": "value", "case": "north"},
    )
    assert job_of(schedule(planned), planned, None, force=True).repeat
    whole = replace(schedule(planned), secrets=("CRM_HOOK", "CRM_PASSWORD"))
    job = job_of(whole, planned, None, force=False)
    assert (job.secrets, job.withheld) == (("CRM_HOOK", "CRM_PASSWORD"), ("CRM_HOOK",))
    assert pickle.loads(pickle.dumps(job)) == job


def test_runs_at_the_same_time_share_the_cores(monkeypatch):
    threads = []

    def run_report(job, stop, on_cell=None):
        threads.append(job.threads)
        return good(job.place)

    monkeypatch.setattr(running, "run_report", run_report)
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    for parallel in (1, 3, 8, 20):
        run_schedule(schedule(plan("a")), parallel=parallel, stop=threading.Event())
    assert threads == [8, 2, 1, 1]


# ----------------------------------------------------------------- what is chosen, what it comes to


def test_runs_are_chosen_by_job_or_by_case():
    north, south, churn = plan("value", "north"), plan("value", "south"), plan("churn")
    whole = schedule(north, south, churn)
    assert chosen(whole, []) == whole
    assert chosen(whole, ["value"]).jobs == (north, south)
    assert chosen(whole, ["churn", "value-south"]).jobs == (south, churn)
    assert chosen(whole, ["value", "value-north"]).jobs == (north, south)


def test_names_that_are_not_in_the_schedule_are_all_told():
    whole = schedule(plan("value", "north"), plan("churn"))
    with pytest.raises(InputError) as raised:
        chosen(whole, ["value-nort", "churn", "chrun"])
    assert str(raised.value).splitlines() == [
        "monthly.toml: there is no job value-nort; did you mean value-north?",
        "monthly.toml: there is no job chrun; did you mean churn?",
    ]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 3, 1], 3),
        ([75, 0], 75),
        ([75, 124, 1], 124),
    ],
)
def test_the_exit_code_is_that_of_the_first_that_failed(codes, expected):
    outcomes = [outcome(plan(), replace(failed("x"), exit_code=code)) for code in codes]
    assert exit_code_of(outcomes) == expected
