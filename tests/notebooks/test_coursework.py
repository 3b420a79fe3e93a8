"""Exercises of the course: in step with their solutions, of one form, and each of them runs."""

import re
import subprocess
import sys
import threading

import pytest
from click.testing import CliRunner

from crmlib import cli
from crmlib.exercises.kinds import NOT_ANSWERED
from crmlib.exercises.questions import SUBJECTS
from crmlib.report.execution import run_notebook
from tests.exercises.coursework import EXERCISES, FOLDER, SOLUTIONS, code_cells, name, read

LAST = {
    subject: max(FOLDER.glob(f"{subject}/*_solution.ipynb"), default=None) for subject in SUBJECTS
}
TIME = r"\d+ (?:minutes|hours?)"
SECONDS = 60  # far above what a notebook takes, for a machine with much else to do


@pytest.fixture(params=SOLUTIONS, ids=name)
def solution(request):
    return read(request.param)


# ----------------------------------------------------------------- the folder


def test_exercises_are_what_their_solutions_make():
    command = [sys.executable, "-m", "crmlib.exercises.generation", str(FOLDER), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_there_are_at_least_fourteen_and_none_without_a_solution():
    assert len(EXERCISES) >= 14
    others = {path for path in FOLDER.glob("*/*.ipynb") if path not in SOLUTIONS}
    assert others == set(EXERCISES)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_is_numbered_from_one_and_ends_with_an_open_exercise(subject):
    files = sorted(FOLDER.glob(f"{subject}/*_solution.ipynb"))
    assert [path.name[:2] for path in files] == [f"{n:02d}" for n in range(1, len(files) + 1)]
    assert re.fullmatch(r"\d\d_own_\w+_solution", files[-1].stem)


def test_the_table_of_the_readme_has_all_of_them_with_their_titles_and_times():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(.+)\]\((\w+/.+\.ipynb)\) \| (\d+ \w+) \|", text, re.MULTILINE)
    assert rows == [
        (title(read(path)), path.relative_to(FOLDER).as_posix(), time_of(read(path)))
        for subject in SUBJECTS
        for path in EXERCISES
        if path.parent.name == subject
    ]


def test_links_of_the_readme_lead_somewhere():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (FOLDER / link).exists()] == []


def test_crmlib_list_does_not_show_exercises():
    listed = CliRunner().invoke(cli.main, ["list"]).output
    assert "clp/life_cycle" in listed
    assert [path.stem for path in EXERCISES + SOLUTIONS if path.stem in listed] == []


# ----------------------------------------------------------------- the form


def title(notebook) -> str:
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


def time_of(notebook) -> str:
    return re.search(rf"^\| time \| ({TIME})", notebook.cells[0].source, re.MULTILINE)[1]


def nbgrader(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def test_it_begins_with_what_it_teaches_how_long_it_takes_and_what_it_builds_on(solution):
    first = solution.cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"# .+\n\n.+\n", first.source)
    for row in (r"you will learn \| .+", rf"time \| {TIME}", r"builds on \| .*\]\(.+"):
        assert re.search(rf"^\| {row}", first.source, re.MULTILINE), row


def test_it_ends_with_what_to_take_away(solution):
    headings = re.findall(r"^## (.+)$", "\n".join(c.source for c in solution.cells), re.MULTILINE)
    assert headings[-1] == "What to take away"


def test_marks_are_those_of_nbgrader(solution):
    for cell in solution.cells:
        if nbgrader(cell):
            assert set(nbgrader(cell)) - {"points"} == {
                *("grade", "grade_id", "locked", "schema_version", "solution", "task")
            }
            assert nbgrader(cell)["schema_version"] == 3
            assert nbgrader(cell)["task"] is False
            assert ("points" in nbgrader(cell)) == nbgrader(cell)["grade"]
            assert nbgrader(cell)["locked"] == (not nbgrader(cell)["solution"])


def test_marks_have_names_of_their_own_over_the_whole_course():
    given = [
        nbgrader(cell)["grade_id"]
        for path in SOLUTIONS
        for cell in read(path).cells
        if nbgrader(cell)
    ]
    assert sorted(given) == sorted(set(given))


def test_every_answer_has_its_check_right_after_it(solution):
    cells = solution.cells
    for answer, after in zip(cells, [*cells[1:], None], strict=True):
        if answer.cell_type != "code" or not nbgrader(answer).get("solution"):
            continue
        if not re.search(r"\bcheck\(", after.source):
            continue  # code of an open question: a person reads it
        assert nbgrader(after)["grade_id"] == f"{nbgrader(answer)['grade_id']}-check"
        given = re.match(r"(\w+) = \.\.\.\n### BEGIN SOLUTION\n", answer.source)
        assert given, answer.source
        assert re.match(rf'check\("[\w.]+", {given[1]}\)\n### BEGIN HIDDEN TESTS', after.source)


def test_every_check_follows_an_answer_and_fails_when_it_is_wrong(solution):
    for before, cell in zip([None, *solution.cells[:-1]], solution.cells, strict=True):
        if cell.cell_type == "code" and re.search(r"\bcheck\(", cell.source):
            assert nbgrader(before).get("solution")
            assert nbgrader(cell)["grade"]
            assert re.search(r"\nassert check\(.+\)\.right\n### END HIDDEN TESTS$", cell.source)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_last_one_is_open_with_a_marking_scheme_for_its_points(subject):
    cells = read(LAST[subject]).cells
    assert any(
        re.search(r"^source = \"data/\w+\.csv\"", cell.source, re.MULTILINE) for cell in cells
    )
    by_hand = [c for c in cells if nbgrader(c).get("grade") and nbgrader(c).get("solution")]
    assert len(by_hand) >= 2
    assert all(cell.cell_type == "markdown" for cell in by_hand)
    schemes = [cell for cell in cells if "### BEGIN MARK SCHEME" in cell.source]
    assert schemes
    assert all("points" in cell.source for cell in schemes)


def test_exercises_hold_nothing_of_the_teachers():
    for path in EXERCISES:
        text = path.read_text(encoding="utf-8")
        assert not re.search("BEGIN|END|assert check|MARK SCHEME|marking scheme", text), path


# ----------------------------------------------------------------- every cell runs


def executed(path, tmp_path, monkeypatch):
    """The notebook as it is after all its cells ran, somewhere else, by somebody new."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRMLIB_PROGRESS", str(tmp_path / "solved.txt"))
    run = run_notebook(
        path.read_bytes(), {}, log=tmp_path / "run.log", stop=threading.Event(), timeout=SECONDS
    )
    assert run.failure is None, run.failure
    assert run.warnings == []
    return run.notebook


@pytest.mark.slow
@pytest.mark.parametrize("path", SOLUTIONS, ids=name)
def test_the_solution_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    executed(path, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("path", EXERCISES, ids=name)
def test_the_exercise_runs_with_nothing_filled_in(path, tmp_path, monkeypatch):
    for cell in code_cells(executed(path, tmp_path, monkeypatch)):
        if cell.source.startswith("check("):
            [output] = cell.outputs
            assert NOT_ANSWERED in output.data["text/plain"]
            assert NOT_ANSWERED in output.data["text/html"]
    assert not (tmp_path / "solved.txt").exists()
