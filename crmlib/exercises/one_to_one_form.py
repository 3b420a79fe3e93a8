"""The self-assessment as a form in a notebook: the chart and the text follow every answer."""

import base64
import html
from typing import Any

import ipywidgets as widgets
import pandas as pd

from crmlib.exercises import one_to_one
from crmlib.exercises.one_to_one_chart import WIDTH, radar_picture
from crmlib.exercises.one_to_one_words import (
    LANGUAGES,
    MOST,
    SCALE,
    STATEMENTS,
    STEPS,
    Words,
    in_language,
)

NOT_ANSWERED = -1  # a value of its own, so that the button of it is seen to be pressed
NO_ANSWER = Words("no answer", "不回答")


class Questionnaire(widgets.VBox):
    """Statements with buttons 0 to 4, the radar chart and what to do next.

    Attributes
    ----------
    language : ipywidgets.ToggleButtons
        The button of the language.
    steps : ipywidgets.Tab
        A page for each step.
    statements, buttons : dict
        For each step its statements, and their buttons.
    chart : ipywidgets.HTML
        The radar chart, a picture with its numbers as the text for who does not see it.
    result : ipywidgets.Output
        The scores and what to do next.
    """

    def __init__(self, language: str = "English", answers: dict[str, Any] | None = None) -> None:
        self.language = widgets.ToggleButtons(options=LANGUAGES, value=language)
        self.language.style.button_width = "6em"
        self.buttons = {step: [_buttons() for _ in asked] for step, asked in STATEMENTS.items()}
        self._scale = widgets.HTML()
        self.statements = {
            step: [widgets.HTML() for _ in asked] for step, asked in STATEMENTS.items()
        }
        self.steps = widgets.Tab([self._page(step) for step in STEPS])
        self.chart = widgets.HTML()
        self.result = widgets.Output()
        self._fill_in(answers or {}, language)
        super().__init__([self.language, self._scale, self._sides()])
        self.language.observe(self._translate, "value")
        for button in self._all_buttons():
            button.observe(self._redraw, "value")
        self._translate()

    @property
    def answers(self) -> dict[str, list[int | None]]:
        """The answers so far, as `one_to_one.assess` takes them."""
        return {
            step: [None if button.value == NOT_ANSWERED else button.value for button in buttons]
            for step, buttons in self.buttons.items()
        }

    @property
    def scores(self) -> pd.DataFrame:
        """The scores so far, as `one_to_one.scores` gives them."""
        return one_to_one.scores(self.answers)

    def _all_buttons(self) -> list[Any]:
        return [button for of_step in self.buttons.values() for button in of_step]

    def _page(self, step: str) -> Any:
        rows = [
            widgets.VBox([text, button], layout={"margin": "0 0 8px 0"})
            for text, button in zip(self.statements[step], self.buttons[step], strict=True)
        ]
        return widgets.VBox(rows)

    def _sides(self) -> Any:
        """The statements beside the chart and the text, or above them where it is narrow."""
        self.steps.layout = {"flex": "1 1 26em", "min_width": "20em"}
        result = widgets.VBox([self.chart, self.result], layout={"flex": "1 1 26em"})
        layout = {"display": "flex", "flex_flow": "row wrap", "grid_gap": "12px"}
        return widgets.Box([self.steps, result], layout=layout)

    def _fill_in(self, answers: dict[str, Any], language: str) -> None:
        for step, given in one_to_one.read(answers, language).items():
            for button, answer in zip(self.buttons[step], given, strict=True):
                button.value = NOT_ANSWERED if answer is None else answer

    def _translate(self, _change: object = None) -> None:
        language = self.language.value
        self._scale.value = html.escape(one_to_one.scale(language))
        self.steps.titles = [in_language(step, language) for step in STEPS.values()]
        meanings = [in_language(words, language) for words in (NO_ANSWER, *SCALE)]
        for button in self._all_buttons():
            button.tooltips = meanings
        for step, texts in self.statements.items():
            for number, text in enumerate(texts, start=1):
                statement = in_language(STATEMENTS[step][number - 1], language)
                # Lines of widgets stand as far apart as buttons are high.
                text.value = (
                    f'<div style="line-height: 1.4">{number}. {html.escape(statement)}</div>'
                )
        self._redraw()

    def _redraw(self, _change: object = None) -> None:
        language, found = self.language.value, self.scores
        picture = base64.b64encode(radar_picture(found, language)).decode()
        described = one_to_one.in_a_line(found, language)
        # Not ipywidgets' own picture, which has no text for who does not see it.
        self.chart.value = (
            f'<img src="data:image/png;base64,{picture}" alt="{described}" width="{WIDTH}">'
        )
        text = one_to_one.next_steps(found, language)
        shown = {"text/markdown": text, "text/plain": text}
        # Set at once instead of printed: nothing flickers, and links to notebooks open here.
        self.result.outputs = ({"output_type": "display_data", "data": shown, "metadata": {}},)


def questionnaire(
    language: str = "English", answers: dict[str, Any] | None = None
) -> Questionnaire:
    """Return the form, to be shown as the last line of a cell.

    Parameters
    ----------
    language : str
        "English" or "中文"; a button of the form changes it.
    answers : dict, optional
        Answers to begin with, as in `one_to_one.scores`; none without it.

    Returns
    -------
    Questionnaire
        Its `answers` are what was answered so far, its `scores` what they come to.

    Raises
    ------
    InputError
        The answers or the language cannot be read.
    """
    in_language(NO_ANSWER, language)
    return Questionnaire(language, answers)


def _buttons() -> Any:
    options = [("–", NOT_ANSWERED), *((str(answer), answer) for answer in range(MOST + 1))]
    buttons = widgets.ToggleButtons(options=options, value=NOT_ANSWERED)
    buttons.style.button_width = "3em"
    return buttons
