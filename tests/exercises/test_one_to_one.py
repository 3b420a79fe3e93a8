"""The self-assessment of one-to-one marketing: scores by hand, both languages, chart and form."""

import base64
import io
import math
import re
import string

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from crmlib.errors import InputError
from crmlib.exercises import one_to_one
from crmlib.exercises.one_to_one import assess, next_steps, plot_radar, scores, statements
from crmlib.exercises.one_to_one_chart import has_no_font, radar_picture
from crmlib.exercises.one_to_one_form import questionnaire
from crmlib.exercises.one_to_one_words import (
    ACTIONS,
    LANGUAGES,
    SCALE,
    STATEMENTS,
    STEPS,
    TEXTS,
    Texts,
    Words,
)
from crmlib.report.blocks import use_style
from tests.exercises.coursework import FOLDER

ANSWERS = {
    "identify": [3, 2, None, 4, 1],  # 10 of 16
    "differentiate": [1, 0, 2, 2, 0],  # 5 of 20
    "interact": [0, 1, 3, 2, 1],  # 7 of 20
    "customise": [4, 4, 3, 2, 1],  # 14 of 20
}
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def as_in_a_notebook():
    """Charts in the style of the reports, and none left over."""
    with mpl.rc_context():
        use_style()
        yield
    plt.close("all")


# ----------------------------------------------------------------- scores


def test_scores_by_hand():
    found = scores(ANSWERS)
    assert found.index.tolist() == ["identify", "differentiate", "interact", "customise"]
    assert found["score"].tolist() == [0.625, 0.25, 0.35, 0.7]
    assert found["answered"].tolist() == [4, 5, 5, 5]
    assert found["statements"].tolist() == [5, 5, 5, 5]
    assert found["not_answered"].tolist() == ["3", "", "", ""]


def test_what_is_not_answered_is_not_nought():
    one = scores({"identify": [None, None, 4, None, None]})
    assert one.loc["identify", "score"] == 1.0
    assert one.loc["identify", "not_answered"] == "1, 2, 4, 5"
    assert scores({"identify": [0, 0, 4, 0, 0]}).loc["identify", "score"] == 0.2


@pytest.mark.parametrize("nothing", [{}, {"interact": [None] * 5}, {"interact": [...] * 5}])
@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_answers(nothing, language):
    found = scores(nothing)
    assert found["score"].isna().all()
    text = next_steps(found, language)
    assert Texts(language)("nothing") in text
    assert "ipynb" not in text
    assert radar_picture(found, language)


def test_numbers_of_other_kinds_are_read():
    expected = scores({"interact": [0, 1, 3, None, 1]})
    for kind in (
        (0, 1, 3, None, 1),
        np.array([0, 1, 3, math.nan, 1]),
        pd.Series([0, 1, 3, pd.NA, 1], dtype="Int64", index=list("abcde")),
        [np.int64(0), 1.0, np.float32(3), None, 1],
    ):
        pd.testing.assert_frame_equal(scores({"interact": kind}), expected)


class Unspeakable:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("garbage", "fault"),
    [
        (None, "not a table"),
        ([3, 2, 1], "not a table"),
        ("identify", "not a table"),
        ({"identity": [1, 2, 3, 4, 0]}, "unknown step"),
        ({3: [1, 2, 3, 4, 0]}, "unknown step"),
        ({"identify": 3}, "not a list"),
        ({"identify": "33333"}, "not a list"),
        ({"identify": {1: 3}}, "not a list"),
        ({"identify": [3]}, "wrong length"),
        ({"identify": [3, 2, 1, 0, 3, 2]}, "wrong length"),
        ({"identify": [3, 2, 5, 0, 3]}, "not a number"),
        ({"identify": [3, 2, -1, 0, 3]}, "not a number"),
        ({"identify": [3, 2, 2.5, 0, 3]}, "not a number"),
        ({"identify": [3, 2, math.inf, 0, 3]}, "not a number"),
        ({"identify": [3, 2, "mostly", 0, 3]}, "not a number"),
        ({"identify": [3, 2, "x" * 10_000, 0, 3]}, "not a number"),
        ({"identify": [3, 2, True, 0, 3]}, "not a number"),
        ({"identify": [3, 2, [1], 0, 3]}, "not a number"),
        ({"identify": [3, 2, Unspeakable(), 0, 3]}, "not a number"),
        ({"identify": np.ones((5, 2))}, "not a number"),
    ],
)
def test_garbage_gets_plain_words_and_no_traceback(garbage, fault, language):
    found = assess(garbage, language)
    assert found.scores is None
    assert re.fullmatch(re.escape(Texts(language).words(fault)).replace(r"\{\}", ".+"), found.text)
    assert len(found.text) < 200
    with pytest.raises(InputError, match=re.escape(found.text)):
        scores(garbage, language)


def test_another_language_gets_plain_words():
    assert assess(ANSWERS, "Deutsch").text == (
        'The language is "English" or "中文", not \'Deutsch\'.'
    )
    for call in (questionnaire, statements, one_to_one.scale):
        with pytest.raises(InputError, match="中文"):
            call("Deutsch")
    with pytest.raises(InputError, match="中文"):
        plot_radar(scores(ANSWERS), "Deutsch")


# ----------------------------------------------------------------- what to do next


def numbered(text: str) -> list[str]:
    return re.findall(r"^\d\. (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("step", STEPS)
def test_the_weakest_step_gets_its_three_actions(step, language):
    answers = {name: [3] * 5 for name in STEPS} | {step: [1, 0, 2, 1, 1]}
    text = next_steps(scores(answers), language)
    assert numbered(text) == [action[LANGUAGES.index(language)] for action in ACTIONS[step]]
    say = Texts(language)
    assert say("weakest", say.step(step), say.share(0.25)) in text


@pytest.mark.parametrize(
    ("language", "named"),
    [("English", "Differentiate and Interact (25 %)"), ("中文", "区分和互动（25%）")],
)
def test_ties_are_told_and_the_first_is_begun_with(language, named):
    text = next_steps(scores(ANSWERS | {"interact": [0, 1, 1, 2, 1]}), language)
    assert named in text
    assert numbered(text) == [
        action[LANGUAGES.index(language)] for action in ACTIONS["differentiate"]
    ]


def test_a_tie_of_shares_that_binary_fractions_do_not_hit_is_a_tie():
    found = scores({"identify": [1, 2, 1, None, None], "interact": [2, 1, 1, None, None]})
    assert one_to_one.weakest(found) == ["identify", "interact"]


def test_what_is_not_answered_is_said():
    text = next_steps(scores({"identify": [1, None, 2, None, 3], "interact": [4] * 5}))
    assert "Statements not answered, and not counted as nought: Identify 2, 4." in text
    assert "Nothing is answered for Differentiate and Customise, which may be weaker" in text
    text = next_steps(scores({"identify": [1, None, 2, None, 3], "interact": [4] * 5}), "中文")
    assert "识别 2、4。" in text
    assert "区分和定制一题也没有作答" in text
    assert "not answered" not in next_steps(scores({name: [2] * 5 for name in STEPS}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_invented_to_do_for_those_at_the_top(language):
    text = next_steps(scores({name: [4] * 5 for name in STEPS}), language)
    assert Texts(language)("all done") in text
    assert numbered(text) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_always_says_that_it_is_no_measured_scale(language):
    for answers in ({}, ANSWERS, {name: [4] * 5 for name in STEPS}):
        assert Texts(language)("caution") in next_steps(scores(answers), language)


def test_shares_are_rounded_as_by_hand():
    assert "| Identify | 63 % | 4 of 5 |" in next_steps(scores(ANSWERS))
    assert "| 识别 | 63% | 4 / 5 |" in next_steps(scores(ANSWERS), "中文")


# ----------------------------------------------------------------- both languages


def test_every_text_is_there_in_both_languages():
    tables = (STATEMENTS, ACTIONS)
    texts = [words for table in tables for of_step in table.values() for words in of_step]
    texts += [*SCALE, *STEPS.values(), *TEXTS.values()]
    assert all(isinstance(words, Words) for words in texts)
    for english, chinese in texts:
        assert not CHINESE.search(english)
        assert bool(CHINESE.search(chinese)) or not set(chinese) & set(string.ascii_letters)
        assert english.count("{}") == chinese.count("{}")
        assert re.findall(r"\]\((.+?)\)", english) == re.findall(r"\]\((.+?)\)", chinese)
    for name, english, chinese in ((name, *words) for name, words in TEXTS.items()):
        assert chinese, name
        assert english or name == "no font"


def test_there_are_five_statements_and_three_actions_a_step():
    assert list(STATEMENTS) == list(ACTIONS) == list(STEPS)
    assert {len(of_step) for of_step in STATEMENTS.values()} == {5}
    assert {len(of_step) for of_step in ACTIONS.values()} == {3}
    assert len(statements()) == len(statements("中文")) == 20
    assert statements()["statement"].is_unique
    assert statements("中文")["statement"].is_unique


def test_every_action_leads_to_a_file_of_the_workbook():
    for action in [action for of_step in ACTIONS.values() for action in of_step]:
        links = re.findall(r"\]\((.+?)\)", action.english)
        assert len(links) == 1
        assert (FOLDER / links[0]).is_file(), links


def test_the_scale_says_what_its_numbers_mean():
    assert one_to_one.scale() == (
        "0 not at all · 1 a little · 2 in part · 3 mostly · 4 fully and regularly"
    )
    assert one_to_one.scale("中文").startswith("0 完全没有 · 1 ")


# ----------------------------------------------------------------- the chart


def words_of(ax) -> list[str]:
    return [label.get_text() for label in ax.get_xticklabels()]


def test_the_chart_has_its_steps_and_runs_from_0_to_100_per_cent():
    ax = plot_radar(scores(ANSWERS))
    assert words_of(ax) == ["Identify\n63 %", "Differentiate\n25 %", "Interact\n35 %",
                            "Customise\n70 %"]  # fmt: skip
    assert ax.get_ylim() == (0, 1)
    rings = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert rings == {"25 %": 0.25, "50 %": 0.5, "75 %": 0.75, "100 %": 1.0}
    angles, radii = ax.lines[0].get_data()
    assert radii.tolist() == [0.625, 0.25, 0.35, 0.7, 0.625]
    assert np.degrees(angles).tolist() == [0, 90, 180, 270, 0]
    assert ax.get_title(loc="left") == "Share of the most possible score"


def test_a_step_without_a_score_has_no_point_and_says_so():
    ax = plot_radar(scores({"identify": [4] * 5}))
    assert words_of(ax)[1] == "Differentiate\nno answer"
    assert np.isnan(ax.lines[0].get_ydata()).sum() == 3
    assert not ax.patches


def test_it_draws_where_it_is_told_and_only_on_polar_axes():
    mine = plt.figure().add_subplot(projection="polar")
    assert plot_radar(scores(ANSWERS), ax=mine) is mine
    with pytest.raises(InputError, match="polar"):
        plot_radar(scores(ANSWERS), ax=plt.figure().add_subplot())


def test_chinese_where_there_is_a_chinese_font():
    assert not has_no_font("中文")
    ax = plot_radar(scores(ANSWERS), "中文")
    assert words_of(ax) == ["识别\n63%", "区分\n25%", "互动\n35%", "定制\n70%"]
    assert "字体" not in next_steps(scores(ANSWERS), "中文")
    assert radar_picture(scores({}), "中文")  # a glyph missing would be a warning, and so an error


@pytest.mark.parametrize("families", [["DejaVu Sans"], ["No Such Font", "sans-serif"]])
def test_no_boxes_without_a_chinese_font(families):
    mpl.rcParams["font.family"] = families
    mpl.rcParams["font.sans-serif"] = ["DejaVu Sans"]
    assert has_no_font("中文")
    assert not has_no_font("English")
    ax = plot_radar(scores(ANSWERS), "中文")
    assert words_of(ax)[0] == "Identify\n63 %"
    assert not CHINESE.search(ax.get_title(loc="left"))
    text = next_steps(scores(ANSWERS), "中文")
    assert "| 识别 | 63%" in text
    assert "Identify 识别" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answers", [ANSWERS, {}, {name: [4] * 5 for name in STEPS}])
def test_nothing_is_cut_off_at_the_edge_of_the_picture(answers, language):
    pixels = np.asarray(Image.open(io.BytesIO(radar_picture(scores(answers), language))))
    frame = [pixels[:4], pixels[-4:], pixels[:, :4], pixels[:, -4:]]
    assert all((side == 255).all() for side in frame)


def test_the_same_answers_give_the_same_picture():
    assert radar_picture(scores(ANSWERS)) == radar_picture(scores(ANSWERS))


def test_an_assessment_shows_the_chart_and_then_the_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    assess(ANSWERS)._ipython_display_()
    chart, text = shown
    assert chart.alt == "Identify 63 %, Differentiate 25 %, Interact 35 %, Customise 70 %"
    assert text.data == str(assess(ANSWERS)) == next_steps(scores(ANSWERS))
    shown.clear()
    assess("garbage")._ipython_display_()
    assert [words.data for words in shown] == [str(assess("garbage"))]
    assert plt.get_fignums() == []


# ----------------------------------------------------------------- the form


def text_of(form) -> str:
    [output] = form.result.outputs
    return output["data"]["text/markdown"]


def chart_of(form) -> bytes:
    return base64.b64decode(re.search(r"base64,([^\"]+)", form.chart.value)[1])


def test_the_form_follows_every_answer():
    form = questionnaire()
    assert form.answers == {step: [None] * 5 for step in STEPS}
    assert TEXTS["nothing"].english in text_of(form)
    before = chart_of(form)
    form.buttons["identify"][1].value = 3
    assert form.answers["identify"] == [None, 3, None, None, None]
    assert form.scores.loc["identify", "score"] == 0.75
    assert chart_of(form) == radar_picture(form.scores) != before
    assert 'alt="Identify 75 %, Differentiate no answer, ' in form.chart.value
    assert text_of(form) == next_steps(form.scores)
    form.buttons["identify"][1].value = form.buttons["identify"][1].options[0][1]
    assert form.answers["identify"] == [None] * 5
    assert chart_of(form) == before


def test_the_form_changes_its_language_and_keeps_the_answers():
    form = questionnaire(answers=ANSWERS)
    assert form.answers == ANSWERS
    english = form.scores
    form.language.value = "中文"
    pd.testing.assert_frame_equal(form.scores, english)
    assert form.answers == ANSWERS
    assert list(form.steps.titles) == ["识别", "区分", "互动", "定制"]
    assert text_of(form) == next_steps(english, "中文")
    assert chart_of(form) == radar_picture(english, "中文")
    assert form.buttons["identify"][0].tooltips[-1] == "完全并经常做到"
    assert all(CHINESE.search(statement.value) for statement in form.statements["customise"])
    form.language.value = "English"
    assert text_of(form) == next_steps(english)
    assert not any(CHINESE.search(statement.value) for statement in form.statements["customise"])


def test_the_form_can_begin_in_chinese_and_with_answers_from_a_table():
    form = questionnaire("中文", {"interact": np.array([4.0, math.nan, 0, 1, 2])})
    assert form.answers["interact"] == [4, None, 0, 1, 2]
    assert list(form.steps.titles) == ["识别", "区分", "互动", "定制"]
    with pytest.raises(InputError, match="identify 有 5 条陈述"):
        questionnaire("中文", {"identify": [1]})


def test_the_notebook_says_how_far_to_trust_it():
    notebook = nbformat.read(FOLDER / "one_to_one.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "not a measured scale" in text
    assert "one person's opinion" in text
