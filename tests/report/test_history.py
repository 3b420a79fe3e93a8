"""The runs there are, in what order, which may go; and that damage to them is no error.

Oracles: the rules of keeping written down a second time, the slow way; hashlib.
"""

import hashlib
import json
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

from crmlib.report import history
from crmlib.report import run as running
from crmlib.report.document import BLOCK_TYPE
from crmlib.report.execution import Execution, Failure
from crmlib.report.history import Keep, Run
from crmlib.report.jobs import Job
from crmlib.report.locks import NotWritable
from crmlib.report.notebooks import Notebook
from crmlib.schedules.status import states


def add_run(out, name, place="clp/x", content=b"the pdf", **record):
    """A complete good run, as `publish` leaves it."""
    subject, leaf = place.split("/")
    folder = out / subject / ".runs" / leaf / name
    folder.mkdir(parents=True)
    (folder / "report.pdf").write_bytes(content)
    files = {"report.pdf": hashlib.sha256(content).hexdigest()}
    record = {"state": "good", "files": files, **record}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def show(folder):
    link = folder.parents[2] / folder.parent.name
    link.unlink(missing_ok=True)
    link.symlink_to(folder.relative_to(link.parent))


def names(runs):
    return [run.folder.name for run in runs]


# ----------------------------------------------------------------- finding runs


def test_the_places_with_a_run_or_a_failure(tmp_path):
    assert history.places(tmp_path / "nowhere") == []
    add_run(tmp_path, "a", "clp/x")
    add_run(tmp_path, "a", "monthly/value-north")
    (tmp_path / "failed/clp/y").mkdir(parents=True)
    (tmp_path / "clp/.runs/empty").mkdir()
    (tmp_path / "failed/a-file").write_text("")
    (tmp_path / ".work/locks").mkdir(parents=True)
    assert history.places(tmp_path) == ["clp/x", "clp/y", "monthly/value-north"]


def test_the_order_is_that_of_publication_whatever_the_clock_said(tmp_path):
    add_run(tmp_path, "2026-b", sequence=1, finished="2026-11-22T02:15:00+00:00")
    set_back = add_run(tmp_path, "1999-a", sequence=2, finished="1999-01-01T00:00:00+00:00")
    add_run(tmp_path, "2031-c", sequence=10, finished="2031-01-01T00:00:00+00:00")
    show(set_back)
    runs = history.runs_of(tmp_path, "clp/x")
    assert names(runs) == ["2031-c", "1999-a", "2026-b"]
    assert [run.is_latest for run in runs] == [False, True, False]
    assert history.runs_of(tmp_path, "clp/y") == []


def test_runs_of_before_there_were_numbers_come_last_by_their_time(tmp_path):
    add_run(tmp_path, "run-ff", finished="2026-01-01T00:00:00+00:00")
    add_run(tmp_path, "run-00", finished="2026-02-01T00:00:00+00:00")
    add_run(tmp_path, "new", sequence=1, finished="2025-01-01T00:00:00+00:00")
    assert names(history.runs_of(tmp_path, "clp/x")) == ["new", "run-00", "run-ff"]


def test_where_there_are_no_links_the_folder_itself_is_the_latest(tmp_path):
    folder = add_run(tmp_path, "a", sequence=2)
    add_run(tmp_path, "b", sequence=1)
    folder.replace(tmp_path / "clp/x")
    runs = history.runs_of(tmp_path, "clp/x")
    assert [(run.folder.name, run.is_latest) for run in runs] == [("x", True), ("b", False)]
    assert history.places(tmp_path) == ["clp/x"]


def test_what_a_run_tells_of_itself(tmp_path):
    add_run(tmp_path, "a", as_of="2026-10-31", finished="2026-11-02T02:15:00+01:00")
    [run] = history.runs_of(tmp_path, "clp/x")
    assert run.as_of == date(2026, 10, 31)
    assert run.finished == datetime(2026, 11, 2, 1, 15, tzinfo=UTC)
    assert run.is_complete
    assert run.confirmed is None
    before = datetime.now(UTC)
    history.confirm(run)
    [run] = history.runs_of(tmp_path, "clp/x")
    assert run.is_complete
    assert abs((run.confirmed - before).total_seconds()) < 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "report.pdf").write_bytes(b"the pdF"),
        lambda folder: (folder / "report.pdf").write_bytes(b"the pd"),
        lambda folder: (folder / "report.pdf").unlink(),
        lambda folder: (folder / "run.json").unlink(),
        lambda folder: (folder / "run.json").write_text('{"state": "good"}'),
        lambda folder: (folder / "run.json").write_text('{"state": "good", "files": {}}'),
        lambda folder: (folder / "run.json").write_bytes((folder / "run.json").read_bytes()[:-3]),
    ],
    ids=["a bit", "cut", "no pdf", "no record", "no files told", "no files", "record cut"],
)
def test_a_damaged_run_is_not_complete(tmp_path, damage):
    folder = add_run(tmp_path, "a")
    damage(folder)
    [run] = history.runs_of(tmp_path, "clp/x")
    assert not run.is_complete


def test_a_damaged_record_does_not_lead_out_of_the_folder(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"not ours")
    folder = add_run(tmp_path, "a")
    files = {"../../../../secret": hashlib.sha256(b"not ours").hexdigest()}
    (folder / "run.json").write_text(json.dumps({"files": files}))
    assert (folder / "../../../../secret").exists()
    [run] = history.runs_of(tmp_path, "clp/x")
    assert not run.is_complete


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("state", "as_of", "finished", "files", "sequence", "confirmed", "inputs", "basis")
DATES = st.sampled_from(
    ["2026-02-30", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-W01", "noon"]
)
RECORDS = st.one_of(
    st.binary(max_size=30),
    JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    st.dictionaries(st.sampled_from(KEYS), JSON | DATES, max_size=8).map(
        lambda record: json.dumps(record).encode()
    ),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(st.tuples(RECORDS, RECORDS, RECORDS), min_size=1, max_size=3))
@example(texts=[(b'{"files":{"":null}}', b"", b"")])
def test_nothing_in_the_files_is_an_error(tmp_path_factory, texts):
    out = tmp_path_factory.mktemp("out")
    for number, (record, confirmed, failure) in enumerate(texts):
        folder = add_run(out, str(number))
        (folder / "run.json").write_bytes(record)
        (folder / "confirmed.json").write_bytes(confirmed)
        failed = out / "failed/clp/x"
        failed.mkdir(parents=True, exist_ok=True)
        (failed / "run.json").write_bytes(failure)
    show(folder)
    runs = history.runs_of(out, "clp/x")
    assert len(runs) == len(texts)
    assert [run.is_latest for run in runs].count(True) == 1
    for run in runs:
        assert isinstance(run.record, dict)
        assert run.as_of is None or isinstance(run.as_of, date)
        assert run.finished is None or run.finished.tzinfo
        assert run.confirmed is None or run.confirmed.tzinfo
        assert not run.is_complete
    assert history.superfluous(runs, Keep(1, 1)) == []  # none is complete
    assert isinstance(history.failure_of(out, "clp/x"), dict)
    assert history.places(out) == ["clp/x"]


def test_deep_and_missing_files_are_empty(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert history.read_json(tmp_path / "deep.json") == {}
    assert history.read_json(tmp_path / "none.json") == {}
    assert history.read_json(tmp_path) == {}


# ----------------------------------------------------------------- what may go


def run(name, day=None, *, good=True, complete=True, latest=False, finished=None):
    record = {"state": "good" if good else "failed", "as_of": day, "finished": finished}
    made = Run("clp/x", Path(name), record, latest, None)
    made.__dict__["is_complete"] = complete  # what would be read from the disk
    return made


def test_the_newest_stay_and_of_months_the_last():
    runs = [
        run("i", "2026-11-20", latest=True),
        run("h", "2026-11-19"),
        run("g", "2026-10-31"),
        run("f", "2026-10-30"),
        run("e", "2026-09-15"),
        run("d", "2026-09-30"),  # published before e, but for a later day
        run("c", "2026-09-30"),  # as d, but published earlier
        run("b", None, finished="2026-08-31T23:00:00+00:00"),
        run("a", "2025-08-01"),
    ]
    assert names(history.superfluous(runs, Keep(2))) == ["g", "f", "e", "d", "c", "b", "a"]
    assert names(history.superfluous(runs, Keep(1, 3))) == ["h", "f", "e", "c", "b", "a"]
    assert names(history.superfluous(runs, Keep(1, 4))) == ["h", "f", "e", "c", "a"]
    assert names(history.superfluous(runs, Keep(0))) == names(runs[1:])
    assert history.superfluous(runs, Keep(9)) == []
    assert history.superfluous(runs, Keep(10)) == []
    assert history.superfluous([], Keep(1)) == []


def test_damaged_runs_do_not_count_and_those_newer_than_the_last_good_one_stay():
    runs = [run("e", complete=False), run("d"), run("c", good=False), run("b"), run("a")]
    assert names(history.superfluous(runs, Keep(1))) == ["c", "b", "a"]
    assert names(history.superfluous(runs, Keep(2))) == ["a"]
    damaged = [run("b", complete=False), run("a", complete=False, latest=True)]
    assert history.superfluous(damaged, Keep(1)) == []


def test_what_is_shown_never_goes():
    runs = [run("c"), run("b"), run("a", latest=True)]
    assert names(history.superfluous(runs, Keep(1))) == ["b"]


MADE = st.builds(
    dict,
    day=st.none() | st.dates(date(2025, 11, 1), date(2026, 3, 31)).map(date.isoformat),
    finished=st.none() | st.just("2026-01-15T00:00:00+00:00"),
    good=st.booleans(),
    complete=st.sampled_from([True, True, False]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(MADE, max_size=12), st.integers(0, 5), st.integers(0, 4), st.data())
def test_what_goes_is_what_no_rule_keeps(made, last, months, data):
    latest = data.draw(st.integers(0, len(made)))
    runs = [run(str(n), latest=n == latest, **each) for n, each in enumerate(made)]
    gone = history.superfluous(runs, Keep(last, months))

    def day(each):
        if each.as_of:
            return each.as_of.isoformat()
        return "2026-01-15" if each.finished else "0001-01-01"

    counted = [each for each in runs if each.is_complete and each.record["state"] == "good"]
    all_months = sorted({day(each)[:7] for each in counted})[-months:] if months else []
    expected = []
    for number, each in enumerate(runs):
        newer = [other for other in counted if runs.index(other) < number]
        same_month = [other for other in counted if day(other)[:7] == day(each)[:7]]
        is_month_end = (
            each in counted
            and day(each)[:7] in all_months
            and each is max(same_month, key=lambda one: (day(one), -runs.index(one)))
        )
        if not each.is_latest and len(newer) >= max(last, 1) and not is_month_end:
            expected.append(each)
    assert names(gone) == names(expected)


# ----------------------------------------------------------------- removing


def test_a_removed_run_is_gone_and_one_that_is_shown_by_now_stays(tmp_path):
    first, second = add_run(tmp_path, "a", sequence=1), add_run(tmp_path, "b", sequence=2)
    show(second)
    newer, older = history.runs_of(tmp_path, "clp/x")
    show(first)  # meanwhile
    history.remove(older)
    assert first.exists()
    history.remove(newer)  # it was the latest when it was looked at
    assert second.exists()
    [newer] = [each for each in history.runs_of(tmp_path, "clp/x") if not each.is_latest]
    history.remove(newer)
    assert not second.exists()
    assert list((tmp_path / ".work").glob("gone-*")) == []
    history.remove(newer)  # another process was faster


def test_a_run_goes_at_once_even_if_it_cannot_be_deleted_at_once(tmp_path, monkeypatch):
    folder = add_run(tmp_path, "a")
    [made] = history.runs_of(tmp_path, "clp/x")
    monkeypatch.setattr(history.shutil, "rmtree", lambda *_, **__: None)  # as if killed here
    history.remove(made)
    assert not folder.exists()
    [left] = (tmp_path / ".work").glob("gone-*")
    assert (left / "run.json").exists()  # whole; the next run clears it away


def test_what_cannot_be_written_is_said(tmp_path, monkeypatch):
    folder = add_run(tmp_path, "a")
    [made] = history.runs_of(tmp_path, "clp/x")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(history, "write_json", full)
    with pytest.raises(NotWritable, match="No space left on device"):
        history.confirm(made)
    monkeypatch.setattr(history, "set_aside", full)
    with pytest.raises(NotWritable, match="No space left on device"):
        history.remove(made)
    assert folder.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T02:15:00+01:00", datetime(2026, 11, 22, 1, 15, tzinfo=UTC)),
        ("2026-11-22T02:15:00", datetime(2026, 11, 22, 2, 15, tzinfo=UTC)),
        ("9999-12-31T23:59:59-11:00", None),
        ("0001-01-01T00:00:00+11:00", None),
        ("yesterday", None),
        (17, None),
        (None, None),
    ],
)
def test_a_moment_is_one_in_utc_or_none(text, expected):
    assert history.moment_of(text) == expected
    assert expected is None or history.moment_of(text).tzinfo == UTC


def test_a_glance_sees_what_is_shown_and_the_newest(tmp_path):
    folders = [add_run(tmp_path, f"2026-{number}") for number in range(6)]
    show(folders[2])
    seen = history.glance_at(tmp_path, "clp/x", 2)
    assert (seen.shown.folder.name, seen.shown.is_latest) == ("2026-2", True)
    assert names(seen.earlier) == ["2026-5", "2026-4"]
    assert [folder.name for folder in seen.older] == ["2026-3", "2026-1", "2026-0"]
    (tmp_path / "clp/x").unlink()
    assert history.glance_at(tmp_path, "clp/x", 2).shown is None
    folders[5].rename(tmp_path / "clp/x")  # where there are no links
    assert history.glance_at(tmp_path, "clp/x", 2).shown.folder == tmp_path / "clp/x"


# ----------------------------------------------------------------- days made again


class Notebooks:
    """In place of a kernel: a notebook that fails for some days."""

    def __init__(self, monkeypatch):
        self.fails = False
        monkeypatch.setattr(running, "run_notebook", self.run_notebook)

    def run_notebook(self, *_, log, **__):
        log.write_text("")
        block = {"kind": "run_record", "inputs": []}
        outputs = [new_output("display_data", {BLOCK_TYPE: block})]
        cell = new_code_cell("1", execution_count=1, outputs=outputs)
        failure = Failure(1, "cell 1 failed") if self.fails else None
        return Execution(new_notebook(cells=[cell]), failure)


def test_an_old_day_made_again_does_not_end_the_failure_of_today(tmp_path, monkeypatch, plain_pdf):
    out = tmp_path / "reports"
    notebooks = Notebooks(monkeypatch)
    path = tmp_path / "x.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), path)

    def make(day, fails=False):
        notebooks.fails = fails
        job = Job(Notebook("clp/x", path), {}, out, as_of=date.fromisoformat(day), repeat=False)
        state = running.run_report(job, threading.Event()).state
        page = (out / "index.html").read_text(encoding="utf-8")
        (stands,) = states(out, None, None, datetime.now(UTC))
        assert stands.is_failing == ("1 needs attention" in page)
        return state, stands.word

    assert make("2026-03-01") == ("good", "good")
    assert make("2026-11-01") == ("good", "good")
    assert make("2026-11-02", fails=True) == ("failed", "FAILING")
    assert make("2026-03-01") == ("unchanged", "FAILING")
    assert make("2026-03-02") == ("good", "FAILING")
    # Nor does it when the old day had failed as well.
    assert make("2026-03-03", fails=True) == ("failed", "FAILING")
    assert make("2026-03-03") == ("good", "FAILING")
    assert make("2026-11-02") == ("good", "good")
