"""The workbook as people meet it: in JupyterLab, with mouse and keyboard, in Chromium."""

from pathlib import Path

import nbformat
import pytest

from crmlib.exercises import checking, one_to_one, solved
from crmlib.exercises.questions import of_subject

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
LESSONS = [
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb"))
    if not {"coursework", ".ipynb_checkpoints"} & set(path.parts)
]
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
THEMES = ("JupyterLab Light", "JupyterLab Dark")


def test_there_are_thirteen_lessons_and_where_to_start():
    assert len(LESSONS) >= 14


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.removeprefix("notebooks/"))
def test_a_lesson_runs_from_the_menu_without_an_error(lab, path):
    lab.open(path)
    lab.run_all()
    assert lab.errors() == []
    numbers = [cell["execution_count"] for cell in lab.code_cells()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_an_error_would_be_seen(lab, server):
    broken = nbformat.v4.new_notebook(metadata=KERNEL)
    broken.cells = [nbformat.v4.new_code_cell(source) for source in ("1 / 0", "2")]
    nbformat.write(broken, server.folder / "workbook" / "broken.ipynb")
    lab.open("broken.ipynb")
    lab.run_all()
    assert [error["ename"] for error in lab.errors()] == ["ZeroDivisionError"]


# ----------------------------------------------------------------- an exercise


@pytest.fixture
def said(monkeypatch, tmp_path):
    """What `check` says to a student who has solved nothing yet."""
    monkeypatch.setenv("CRMLIB_PROGRESS", str(tmp_path / "solved.txt"))
    monkeypatch.setattr(solved, "_in_this_session", set())
    return checking.check


@pytest.mark.parametrize("lab", THEMES, indirect=True)
def test_an_exercise_gives_a_hint_and_then_says_that_it_is_right(lab, said, server, tmp_path):
    question = of_subject("clp")["clp.cases.1"]
    wrong, right = float(question.mistakes[0].gives()), float(question.answer())
    lab.open("notebooks/coursework/clp/01_cases.ipynb")
    answer, check = lab.cell("profit_at_the_turn = ..."), lab.cell(f'check("{question.name}"')
    lab.cell("from crmlib.exercises import check").run()
    for value, name in ((wrong, "wrong"), (right, "right")):
        answer.write(f"profit_at_the_turn = {value!r}")
        answer.run()
        check.run()
        verdict = said(question.name, value)
        check.output.get_by_text(verdict.text).wait_for()
        check.output.get_by_text(verdict.progress).wait_for()
        check.shown.scroll_into_view_if_needed()
        lab.page.screenshot(path=tmp_path / f"{name}.png")
    assert said(question.name, wrong).text == question.mistakes[0].hint
    assert said(question.name, right).right
    assert question.name in server.progress.read_text(encoding="utf-8").split()


# ----------------------------------------------------------------- the self-assessment


def test_the_self_assessment_follows_mouse_keyboard_and_language(lab, tmp_path):
    lab.open("notebooks/coursework/one_to_one.ipynb")
    lab.run_all()
    assert lab.errors() == []
    form = lab.cell("form = questionnaire(language)")
    rows = form.output.locator(".widget-tab .widget-toggle-buttons:visible")

    def shows(text: str, language: str = "English", **answers: list[int | None]) -> bytes:
        """Wait for what these answers come to, and return the chart as it is seen."""
        scores = one_to_one.scores(answers)
        form.output.get_by_text(text).wait_for()
        chart = form.output.get_by_role("img", name=one_to_one.in_a_line(scores, language))
        chart.wait_for()
        form.shown.scroll_into_view_if_needed()
        lab.page.screenshot(path=tmp_path / f"{len(charts)}.png")
        return chart.screenshot()

    charts: list[bytes] = []
    charts.append(shows("Nothing is answered yet."))
    rows.nth(0).get_by_role("button", name="3").click()
    charts.append(shows("Weakest: Identify (75 %)", identify=[3, *[None] * 4]))
    rows.nth(1).get_by_role("button", name="1").focus()
    lab.page.keyboard.press("Enter")
    identify = [3, 1, None, None, None]
    charts.append(shows("Weakest: Identify (50 %)", identify=identify))
    form.output.get_by_role("tab", name="Interact").click()
    rows.nth(4).get_by_role("button", name="1").click()
    answers = {"identify": identify, "interact": [*[None] * 4, 1]}
    charts.append(shows("Weakest: Interact (25 %)", **answers))
    form.output.get_by_role("button", name="中文").click()
    charts.append(shows("最弱的一步：互动（25%）", "中文", **answers))
    assert len(set(charts)) == len(charts)
    form.output.get_by_role("link", name="流失预警").click()
    lab.page.get_by_role("tab", name="warning.ipynb").wait_for()
