"""Exercises made from solutions: what goes, what stays, and what is refused.

That nbgrader's own `generate_assignment` makes the same of the same source, but for what it adds to
the metadata and for cells left empty, was seen with nbgrader 0.9.6.
"""

import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from crmlib.exercises import generation

SOLUTION = {"nbgrader": {"grade": False, "grade_id": "a", "solution": True}}
CHECK = {"nbgrader": {"grade": True, "grade_id": "a-check", "solution": False}}


def made(*cells):
    return generation.exercise(new_notebook(cells=list(cells))).cells


def test_the_solution_goes_and_the_frame_stays():
    source = (
        "size = ...\n### BEGIN SOLUTION\nsize = 601\n\nsize += 0\n### END SOLUTION\nprint(size)"
    )
    [cell] = made(new_code_cell(source, metadata=SOLUTION))
    assert cell.source == "size = ...\n# your code here\nprint(size)"
    assert cell.metadata == SOLUTION


def test_a_solution_within_a_function_keeps_its_indent():
    source = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
    [cell] = made(new_code_cell(source, metadata=SOLUTION))
    assert cell.source == "def f(x):\n    # your code here"


def test_hidden_tests_go_and_the_verdict_is_the_last_line():
    source = (
        'check("a", b)\n### BEGIN HIDDEN TESTS\nassert check("a", b).right\n### END HIDDEN TESTS'
    )
    [cell] = made(new_code_cell(source, metadata=CHECK))
    assert cell.source == 'check("a", b)'


def test_open_answers_and_marking_schemes():
    cells = made(
        new_markdown_cell("Why?"),
        new_markdown_cell("### BEGIN SOLUTION\nBecause.\n### END SOLUTION", metadata=SOLUTION),
        new_markdown_cell("### BEGIN MARK SCHEME\n| 4 | all |\n### END MARK SCHEME"),
    )
    assert [cell.source for cell in cells] == ["Why?", "*Your answer here.*"]


def test_outputs_go():
    output = new_output("stream", text="601")
    [cell] = made(new_code_cell("601", outputs=[output], execution_count=3))
    assert (cell.outputs, cell.execution_count) == ([], None)


def test_the_solution_is_not_changed():
    cell = new_code_cell("### BEGIN SOLUTION\n1\n### END SOLUTION", metadata=SOLUTION)
    made(cell)
    assert cell.source == "### BEGIN SOLUTION\n1\n### END SOLUTION"


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\n1",
        "1\n### END SOLUTION",
        "### END SOLUTION\n1\n### BEGIN SOLUTION\n",
        "### BEGIN SOLUTION\n1\n### END SOLUTION \n2",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n1\n### END SOLUTION\n### END SOLUTION",
        "### BEGIN SOLUTION\n1\n### END SOLUTION\n### BEGIN HIDDEN TESTS\n1",
        "### BEGIN SOLUTION\n1\n### END SOLUTION\n### begin hidden test\n1\n### end hidden test",
        "# BEGIN SOLUTION\n1\n# END SOLUTION",
        "1",
    ],
)
def test_a_solution_that_would_be_left_standing_is_refused(source):
    with pytest.raises(ValueError, match="marker"):
        made(new_code_cell(source, metadata=SOLUTION))


def test_a_solution_without_nbgraders_metadata_is_refused():
    with pytest.raises(ValueError, match="metadata"):
        made(new_code_cell("### BEGIN SOLUTION\n1\n### END SOLUTION"))


# ----------------------------------------------------------------- the command


@pytest.fixture
def run(tmp_path, monkeypatch):
    def call(*options):
        monkeypatch.setattr(sys, "argv", ["generation", str(tmp_path), *options])
        return generation.main()

    return call


@pytest.fixture
def solution(tmp_path):
    path = tmp_path / "clp" / "01_cases_solution.ipynb"
    path.parent.mkdir()
    cell = new_code_cell("x = ...\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION", metadata=SOLUTION)
    path.write_text(generation.text(new_notebook(cells=[cell])), encoding="utf-8")
    return path


def test_the_command_writes_what_is_missing_or_old_and_only_that(run, solution, capsys):
    path = generation.exercise_path(solution)
    assert (run("--check"), path.exists()) == (1, False)
    assert "make coursework" in capsys.readouterr().out
    assert run() == 0
    assert "written" in capsys.readouterr().out
    [cell] = nbformat.read(path, as_version=4).cells
    assert cell.source == "x = ...\n# your code here"
    assert (run(), run("--check"), capsys.readouterr().out) == (0, 0, "")
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0


def test_what_a_student_has_worked_in_is_not_overwritten(run, solution, capsys):
    path = generation.exercise_path(solution)
    cell = new_code_cell("x = 601", metadata=SOLUTION, execution_count=1)
    path.write_text(generation.text(new_notebook(cells=[cell])), encoding="utf-8")
    before = path.read_text(encoding="utf-8")
    assert run() == 1
    assert "somebody's work" in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == before


def test_a_solution_that_cannot_be_used_is_named(run, solution, capsys):
    cell = new_code_cell("### BEGIN SOLUTION\nx = 1", metadata=SOLUTION)
    solution.write_text(generation.text(new_notebook(cells=[cell])), encoding="utf-8")
    assert run() == 1
    assert str(solution) in capsys.readouterr().out
    assert not generation.exercise_path(solution).exists()


def test_checkpoints_are_not_looked_at(solution, tmp_path):
    copy = tmp_path / ".ipynb_checkpoints" / solution.name
    copy.parent.mkdir()
    copy.write_text("not a notebook")
    assert generation.solutions(tmp_path) == [solution]
