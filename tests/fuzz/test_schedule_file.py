"""Any schedule file: a sound plan, or one of our own errors that tells the line."""

import os
import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.errors import InputError
from crmlib.schedules.file import Schedule, read_schedule
from crmlib.schedules.settings import DEFAULTS
from tests.fuzz.trying import PARAMETER, PIECE, SCALARS, TEXTS, VALUES, as_toml, fits, fuzz
from tests.schedules.made_notebooks import PARAMETERS, write_notebooks

GOOD = """\
out = "reports"
alert = { webhook = "https://example.org/${CRM_HOOK}" }
timeout = "30 min"
keep = { last = 12, month_ends = 24 }
retries = 1
max_age = "26 h"

[jobs.value]
notebook = "segmentation/value"
memory = "4 GB"
[jobs.value.parameters]
source = "orders_{region}_{last_month.name}.csv"
columns = { amount = "{{${CRM_HOOK}}}" }
cuts = [1, 2]
[jobs.value.for]
region = ["north", "south"]
seed = [1, 2]

[jobs.costs]
notebook = "clp/costs"
[jobs.costs.parameters]
observed_until = 2026-10-31
"""
AS_OF = st.dates()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def available(folder):
    return write_notebooks(folder / "notebooks")


@pytest.fixture(scope="module", autouse=True)
def secret():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRM_HOOK", "geheim-und-lang")
        patch.delenv("X", raising=False)
        yield


@pytest.fixture(scope="module")
def outcome(folder, available):
    """Reads bytes as a schedule, checks what must hold whatever they are, and returns the plan."""
    path = folder / "fuzz.toml"

    def outcome(content: bytes, as_of: date) -> Schedule | None:
        path.write_bytes(content)
        try:
            schedule = read_schedule(path, available, as_of)
        except InputError as error:
            check_faults(str(error), path, content)
            return None
        check_plan(schedule, available, as_of)
        return schedule

    return outcome


def check_faults(message, path, content):
    # As a text file is read: every kind of line end counts.
    n_lines = len(re.split(rb"\r\n|\r|\n", content))
    assert "geheim-und-lang" not in message
    for line in message.split("\n"):
        place = re.fullmatch(re.escape(str(path)) + r"(?: line (\d+))?: \S.*", line)
        assert place, line
        assert 1 <= int(place[1] or 1) <= n_lines


def check_plan(schedule, available, as_of):
    assert schedule.jobs
    assert "geheim-und-lang" not in repr(schedule)
    places = [run.place for run in schedule.jobs]
    assert len({place.lower() for place in places}) == len(places)
    for run in schedule.jobs:
        # Two plain names, so that nothing lands outside `out` or under another schedule.
        assert re.fullmatch(r"[a-z][a-z0-9_-]*/[a-z][a-z0-9_-]*", run.place), run.place
        inside = os.path.relpath(os.path.normpath(schedule.out / run.place), schedule.out)
        assert os.path.normpath(run.place) == inside
        assert run.place.partition("/")[2] == (f"{run.name}-{run.case}" if run.case else run.name)
        assert (run.notebook, run.as_of) == (available[run.notebook.name], as_of)
        assert_fitting(run)
        assert run.retries >= 0
        assert 0 <= run.retry_wait < 1e9
        assert run.timeout is None or 0 < run.timeout < 1e9
        assert run.memory is None or 0 < run.memory < 2**63
        assert run.max_age is None or run.max_age > timedelta(0)
        assert run.keep.last >= 1
        assert run.keep.month_ends >= 0


def assert_fitting(run):
    declared = {parameter.name: parameter.type for parameter in run.notebook.parameters}
    for name, value in run.values.items():
        assert fits(value, declared[name]), (name, value)


# ----------------------------------------------------------------- files


@fuzz(20)
@given(content=st.binary() | st.lists(PIECE).map(lambda pieces: "".join(pieces).encode()))
def test_any_bytes(outcome, content):
    outcome(content, date(2026, 11, 22))


def test_the_file_that_is_mutated_is_good(outcome):
    assert len(outcome(GOOD.encode(), date(2026, 11, 22)).jobs) == 5


@fuzz(60)
@given(
    edits=st.lists(
        st.tuples(
            st.integers(0, len(GOOD)), st.sampled_from([0, 0, 1, 1, 2, 10, 60]), PIECE | st.just("")
        ),
        min_size=1,
        max_size=4,
    ),
    as_of=AS_OF,
)
def test_a_good_file_with_signs_put_in_or_left_out(outcome, edits, as_of):
    text = GOOD
    for start, length, piece in edits:
        text = text[:start] + piece + text[start + length :]
    outcome(text.encode(), as_of)


@fuzz(20)
@given(order=st.lists(st.integers(0, GOOD.count("\n") - 1), max_size=40), as_of=AS_OF)
def test_lines_of_a_good_file_in_any_order_any_number_of_times(outcome, order, as_of):
    lines = GOOD.splitlines(keepends=True)
    outcome("".join(lines[number] for number in order).encode(), as_of)


KEYS = st.sampled_from([*DEFAULTS, "notebook", "parameters", "for", "out", "alert", "jobs", "x"])
NAMES = st.sampled_from(["value", "value-1", "a", "failed", "A", "../a", "", "a_b", "é", "a" * 99])
JOBS = st.fixed_dictionaries(
    {"notebook": st.sampled_from([*PARAMETERS, "segmentation/vaule"])},
    optional={
        "parameters": st.dictionaries(PARAMETER, VALUES, max_size=3) | VALUES,
        "for": st.dictionaries(PARAMETER | TEXTS, st.lists(SCALARS, max_size=4), max_size=3),
        **dict.fromkeys(DEFAULTS, VALUES),
    },
)
FILES = st.builds(
    lambda top, jobs: {**top, "jobs": jobs},
    st.dictionaries(KEYS, VALUES, max_size=2),
    st.dictionaries(NAMES, JOBS | st.dictionaries(KEYS, VALUES, max_size=3), max_size=3),
)


@fuzz(40)
@given(content=FILES, as_of=AS_OF)
def test_any_content_of_the_right_outline(outcome, content, as_of):
    text = "\n".join(f"{as_toml(key)} = {as_toml(value)}" for key, value in content.items())
    outcome(text.encode(), as_of)


LISTS = st.dictionaries(
    st.sampled_from(["region", "country", "a", "b-c"]),
    st.lists(st.sampled_from(["R1", "r2", "x-y"]), unique=True, min_size=1),
    max_size=3,
)


@fuzz(15)
@given(lists=LISTS, as_of=AS_OF.filter(lambda day: day.year > 2))
def test_a_good_job_runs_once_for_each_combination(outcome, lists, as_of):
    source = "".join(f"{{{key}}}" for key in lists) + "{last_month.end}"
    content = {"notebook": "segmentation/value", "parameters": {"source": source}, "for": lists}
    schedule = outcome(f"jobs.a = {as_toml(content)}".encode(), as_of)
    end = (as_of.replace(day=1) - timedelta(days=1)).isoformat()
    expected = [""]
    for items in lists.values():
        expected = [before + item for before in expected for item in items]
    assert [run.values["source"] for run in schedule.jobs] == [text + end for text in expected]
