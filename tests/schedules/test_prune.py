"""Which earlier runs go, and that nothing else ever does."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.cli import main
from crmlib.report import history
from crmlib.report.history import Keep, Run, superfluous
from crmlib.report.locks import NotWritable, report_lock
from tests.report.made_runs import make_failure, make_run
from tests.schedules.made_notebooks import write_notebooks


@pytest.fixture
def out(tmp_path):
    return tmp_path / "reports"


def prune(*arguments):
    return CliRunner().invoke(main, ["prune", *map(str, arguments)], catch_exceptions=False)


def monthly(out, place="clp/forecast", months=range(1, 7)):
    """Runs of the first of each month, made for the day before."""
    return [
        make_run(
            out,
            place,
            finished=f"2026-{month:02}-01T02:15:00+00:00",
            as_of=str(date(2026, month, 1) - timedelta(days=1)),
        )
        for month in months
    ]


def files(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder but what the locks are: it is to stay as it was."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if ".work" not in path.parts
    }


def named(result) -> list[Path]:
    """The folders that a prune lists."""
    return [
        Path(line.split(maxsplit=1)[1]) for line in result.stdout.splitlines() if "/.runs/" in line
    ]


# ----------------------------------------------------------------- which runs


@st.composite
def histories(draw):
    """Runs newest first, some damaged, some made for an earlier day than the one before."""
    days = draw(st.lists(st.integers(0, 400), min_size=1, max_size=14))
    good = draw(st.lists(st.booleans(), min_size=len(days), max_size=len(days)))
    latest = draw(st.integers(0, len(days) - 1))
    runs = []
    for number, (day, is_good) in enumerate(zip(days, good, strict=True)):
        as_of = (date(2025, 11, 20) + timedelta(days=day)).isoformat()
        record = {"state": "good", "as_of": as_of} if is_good or day % 2 else {}
        run = Run("a/b", Path(f"/out/a/.runs/b/{number}"), record, number == latest, None)
        vars(run)["is_complete"] = is_good  # instead of reading files
        runs.append(run)
    return runs


@settings(max_examples=100, deadline=None)
@given(runs=histories(), last=st.integers(0, 6), months=st.integers(0, 8))
def test_what_goes_is_what_the_rule_says(runs, last, months):
    """Oracle: the rule read run by run, each asked whether it may stay."""
    good = [run for run in runs if run.is_complete and run.record]

    def stays(run):
        newer_good = sum(other in good for other in runs[: runs.index(run)])
        if run.is_latest or newer_good < max(last, 1):
            return True
        if run not in good:
            return False
        month = run.as_of.replace(day=1)
        later_months = {
            other.as_of.replace(day=1) for other in good if other.as_of.replace(day=1) > month
        }
        rivals = [
            other
            for other in good
            if other.as_of.replace(day=1) == month
            and (other.as_of > run.as_of
                 or (other.as_of == run.as_of and runs.index(other) < runs.index(run)))
        ]  # fmt: skip
        return len(later_months) < months and not rivals

    gone = superfluous(runs, Keep(last, months))
    assert gone == [run for run in runs if not stays(run)]


# ----------------------------------------------------------------- the command


def test_without_yes_it_only_lists_folders_and_bytes(out):
    runs = monthly(out)
    before = files(out)
    result = prune("--out", out, "--last", 2)
    assert result.exit_code == 0
    assert named(result) == [run.folder for run in reversed(runs[:4])]
    sizes = [
        sum(path.stat().st_size for path in run.folder.iterdir()) for run in reversed(runs[:4])
    ]
    lines = result.stdout.splitlines()
    assert [int(line.split()[0].replace(",", "")) for line in lines] == [*sizes, sum(sizes)]
    assert lines[-1].endswith("bytes of 4 runs would be removed; --yes removes them")
    assert files(out) == before


def test_with_yes_it_removes_just_what_it_listed_and_says_so_on_the_page(out):
    runs = monthly(out)
    make_failure(out)
    listed = named(prune("--out", out, "--last", 2))
    result = prune("--out", out, "--last", 2, "--yes")
    assert result.exit_code == 0
    assert named(result) == listed
    assert [run.folder.exists() for run in runs] == [False] * 4 + [True] * 2
    assert (out / "clp/forecast/report.pdf").read_bytes().endswith(b"2026-06-01T02:15:00+00:00")
    assert (out / "failed/clp/forecast/run.json").is_file()
    assert not [path for path in (out / ".work").rglob("*") if path.name.startswith("gone")]
    assert "Earlier reports (1)" in (out / "index.html").read_text(encoding="utf-8")
    again = prune("--out", out, "--last", 2, "--yes")
    assert (again.exit_code, again.output) == (0, "nothing to remove\n")


def test_with_yes_the_page_forgets_a_report_that_was_retired(out):
    make_run(out, "clp/costs")
    make_run(out, "clp/forecast")
    prune("--out", out, "--last", 1, "--yes")
    assert "2 reports" in (out / "index.html").read_text(encoding="utf-8")
    (out / "clp/costs").unlink()
    shutil.rmtree(out / "clp/.runs/costs")
    prune("--out", out, "--last", 1)
    assert "2 reports" in (out / "index.html").read_text(encoding="utf-8")
    result = prune("--out", out, "--last", 1, "--yes")
    assert (result.exit_code, result.output) == (0, "nothing to remove\n")
    assert "1 report, good." in (out / "index.html").read_text(encoding="utf-8")
    (out / "clp/forecast").unlink()
    shutil.rmtree(out / "clp/.runs")
    prune("--out", out, "--last", 1, "--yes")
    assert "No report has been made" in (out / "index.html").read_text(encoding="utf-8")


def test_a_folder_of_something_else_gets_no_page(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    assert prune("--out", tmp_path, "--last", 1, "--yes").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_month_ends_stay(out):
    january = monthly(out, months=[2])[0]  # made for 31 January
    for day in (10, 20):
        make_run(out, finished=f"2026-02-{day}T02:00:00+00:00", as_of=f"2026-02-{day}")
    newest = make_run(out, finished="2026-03-05T02:00:00+00:00", as_of="2026-03-05")
    prune("--out", out, "--month-ends", 3, "--yes")
    assert [run.as_of.isoformat() for run in history.runs_of(out, "clp/forecast")] == [
        "2026-03-05",
        "2026-02-20",
        "2026-01-31",
    ]
    prune("--out", out, "--month-ends", 2, "--yes")
    assert not january.folder.exists()
    assert newest.folder.exists()


def test_the_report_that_is_shown_stays_even_when_newer_runs_were_made_for_earlier_days(out):
    shown = make_run(out, as_of="2026-10-31")
    for day in (1, 2, 3):
        make_run(out, finished=f"2026-11-2{day}T03:00:00+00:00", as_of=f"2026-09-0{day}")
    prune("--out", out, "--last", 1, "--yes")
    kept = history.runs_of(out, "clp/forecast")
    assert [run.as_of.isoformat() for run in kept] == ["2026-09-03", "2026-10-31"]
    assert (out / "clp/forecast").resolve() == shown.folder.resolve()


def test_a_schedule_has_its_own_rules_and_touches_only_its_reports(out, tmp_path):
    write_notebooks(tmp_path / "notebooks")
    file = tmp_path / "monthly.toml"
    file.write_text(
        "keep = { last = 3 }\n"
        '[jobs.value]\nnotebook = "segmentation/value"\n'
        '[jobs.costs]\nnotebook = "segmentation/value"\nkeep = { last = 1, month_ends = 4 }\n'
    )
    for place in ("monthly/value", "monthly/costs", "monthly/dropped", "clp/forecast"):
        monthly(out, place)
    result = prune(file, "--notebooks", tmp_path / "notebooks", "--yes")
    assert result.exit_code == 0
    left = {place: len(history.runs_of(out, place)) for place in history.places(out)}
    assert left == {
        "monthly/value": 3,
        "monthly/costs": 4,
        "monthly/dropped": 6,
        "clp/forecast": 6,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say what to keep"),
        (["--yes"], "say what to keep"),
        (["--last", "0"], "--last"),
        (["--month-ends", "-1"], "--month-ends"),
        (["monthly.toml", "--last", "3"], "leave out --last"),
        (["monthly.toml", "--out", "."], "leave out --out"),
        (["--last", "1", "--out", "nowhere"], "there is no such folder of reports"),
        (["nothing.toml"], "nothing.toml"),
    ],
)
def test_a_wrong_question_exits_2_and_removes_nothing(out, monkeypatch, arguments, said):
    monthly(out)
    before = files(out)
    monkeypatch.chdir(out.parent)
    result = prune(*arguments, "--yes")
    assert result.exit_code == 2
    assert said in result.output
    assert files(out) == before


# ----------------------------------------------------------------- what must not go


def test_a_report_that_is_being_made_is_left_alone_and_the_others_are_not(out):
    monthly(out, "clp/costs")
    monthly(out, "clp/forecast")
    with report_lock(out, "clp/costs"):
        result = prune("--out", out, "--last", 1, "--yes")
    assert result.exit_code == 0
    assert "clp/costs" in result.stderr
    assert "nothing of it was removed" in result.stderr
    assert len(history.runs_of(out, "clp/costs")) == 6
    assert len(history.runs_of(out, "clp/forecast")) == 1


def test_unfinished_work_is_not_touched(out):
    monthly(out)
    unfinished = out / ".work" / "abc" / "0"
    unfinished.mkdir(parents=True)
    (unfinished / "report.pdf").write_text("half")
    prune("--out", out, "--last", 1, "--yes")
    assert (unfinished / "report.pdf").read_text() == "half"


@pytest.mark.parametrize("where", ["elsewhere", "reports/elsewhere"])
def test_a_link_among_the_runs_is_not_followed(out, tmp_path, where):
    monthly(out)
    elsewhere = tmp_path / where
    shutil.copytree(history.runs_of(out, "clp/forecast")[-1].folder, elsewhere)
    before = files(elsewhere)
    link = out / "clp/.runs/forecast/20250101T000000Z-000000000000-0000"
    link.symlink_to(elsewhere, target_is_directory=True)
    result = prune("--out", out, "--last", 1, "--yes")
    assert len(named(result)) == 5  # of six
    assert link.is_symlink()
    assert files(elsewhere) == before


def test_a_subject_that_lies_elsewhere_is_left_alone(out, tmp_path):
    monthly(tmp_path / "others")
    before = files(tmp_path / "others")
    out.mkdir()
    (out / "clp").symlink_to(tmp_path / "others/clp", target_is_directory=True)
    result = prune("--out", out, "--last", 1, "--yes")
    assert "lies outside" in result.stderr
    assert "nothing to remove" in result.stdout
    assert files(tmp_path / "others") == before


def test_a_folder_of_reports_that_is_itself_a_link_is_pruned(out, tmp_path):
    monthly(out)
    (tmp_path / "link").symlink_to(out, target_is_directory=True)
    prune("--out", tmp_path / "link", "--last", 1, "--yes")
    assert len(history.runs_of(out, "clp/forecast")) == 1


def test_what_links_within_a_run_lead_to_is_neither_counted_nor_removed(out, tmp_path):
    (tmp_path / "big").write_bytes(b"0" * 1_000_000)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_bytes(b"0" * 1_000_000)
    oldest = monthly(out)[0]
    (oldest.folder / "file").symlink_to(tmp_path / "big")
    (oldest.folder / "folder").symlink_to(tmp_path / "folder", target_is_directory=True)
    result = prune("--out", out, "--last", 1, "--yes")
    assert int(result.stdout.splitlines()[-1].split()[0].replace(",", "")) < 100_000
    assert not oldest.folder.exists()
    assert (tmp_path / "big").exists()
    assert (tmp_path / "folder/file").exists()


def test_what_cannot_be_removed_is_told_and_the_rest_goes(out, monkeypatch):
    monthly(out, "clp/costs")
    monthly(out, "clp/forecast")
    real = history.remove

    def remove(run):
        if run.place == "clp/costs":
            raise NotWritable(f"{out}: cannot write reports there: Read-only file system")
        real(run)

    monkeypatch.setattr(history, "remove", remove)
    result = prune("--out", out, "--last", 1, "--yes")
    assert result.exit_code == 74
    assert "Read-only file system" in result.stderr
    assert len(history.runs_of(out, "clp/costs")) == 6
    assert len(history.runs_of(out, "clp/forecast")) == 1
