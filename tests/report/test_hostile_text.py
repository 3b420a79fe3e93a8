"""Text from data prints as itself wherever it stands, and is never read as markup or code."""

import copy

import matplotlib
import pandas as pd
import pytest
from matplotlib import pyplot
from nbformat.v4 import new_code_cell, new_output

from crmlib.report import blocks, fonts
from crmlib.report.rendering import render_pdf
from tests.report.reading import RECORD, Shell, all_text, described, notebook, squeezed

PRINTS_AS_ITSELF = {
    "hash": "#",
    "dollars": "$a$ $b $$c$$",
    "stars": "*a* **b** _c_ __d__",
    "script": "<script>alert(1)</script>",
    "html": '<img src=x onerror="x"> &amp; <!-- no --> </td></table>',
    "backslash": r"\ \\ \u{41} \n C:\temp\new \begin{x}",
    "backticks": "`a` ```b",
    "at": "@fig-main @nobody",
    "brackets": "[a](#fig-nowhere) ] [ #[x] ![p](/etc/passwd)",
    "braces": "{a} }{ #{1+1} {{x}}",
    "comments": "a // b /* c */ d",
    "tilde": "~ ~~a~~ a~b",
    "code": '#import "template.typ": * #read("/etc/passwd") #panic()',
    "heading": "=== x",
    "list": "- a + b / c: d 1. e",
    "quotes": "'a' \"b\" --- -- ...",
    "label": "<fig-main> a<b>",
    "percent": "100% %s %(x)s {0}",
    "entities": "&lt; &#36; &",
    "accents": "Ünïcödé ß Łódź Ελλάδα Привет",
    "signs": "☺ ✓ → − ∞ €",
    "hebrew": "שלום",
    "long": "7" + "x" * 199,
    "newline": "above\nbelow",
    "windows": "above\r\nbelow",
    "zero width": "a\u200bb\u200dc\ufeffd\u2060e",
    "formula": "=SUM(A1:A9) +1 -1",
    "json": '{"kind": "figure", "svg": "x"}',
}
SHOWN_AS_CODE_POINTS = {
    "null": ("a\x00b", "a[U+0000]b"),
    "escape": ("\x1b[31mred", "[U+001B][31mred"),
    "override": ("\u202eabc", "[U+202E]abc"),
    "emoji": ("nazar 🧿", "nazar [U+1F9FF]"),
}
PLACES = 10


@pytest.fixture
def shell(monkeypatch):
    with matplotlib.rc_context():
        blocks.use_style()
        yield Shell(monkeypatch)


def hostile_report(shell, text):
    """Return a notebook and a record with the text in ten places of the PDF."""
    blocks.finding(text, text)  # 1, 2
    fig, axes = pyplot.subplots(figsize=(6.7, 3))
    axes.bar([text], [1])  # 3
    blocks.figure(fig, text, "fig-main")  # 4
    summary = shell.cell("summary")
    blocks.table(pd.DataFrame({text: [text, "plain"], "n": [1, 2]}), text, "tab-a")  # 5, 6, 7
    blocks.run_record(described(source=text))
    record = copy.deepcopy(RECORD)
    record["parameters"]["note"] = text  # 8
    record["inputs"][0]["source"] = text  # 9, on page one and on the last page: 10
    return notebook("# Title\n\nSubtitle", summary, shell.cell()), record


def visible(text):
    """Return what a reader sees: undrawn characters may or may not survive in the PDF."""
    return squeezed("".join(char for char in text if not fonts._is_undrawn(char)))


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # a label of 200 letters
@pytest.mark.parametrize("text", PRINTS_AS_ITSELF.values(), ids=PRINTS_AS_ITSELF.keys())
def test_hostile_text_prints_as_itself_everywhere(shell, tmp_path, text):
    content, record = hostile_report(shell, text)
    rendered = render_pdf(content, record, tmp_path / "report.pdf")
    found = visible(all_text(tmp_path / "report.pdf"))
    assert rendered.missing_glyphs == []
    assert found.count(visible(text)) >= PLACES
    assert "root:" not in found


@pytest.mark.parametrize(
    ("text", "shown"), SHOWN_AS_CODE_POINTS.values(), ids=SHOWN_AS_CODE_POINTS.keys()
)
def test_what_cannot_be_printed_is_shown_by_its_code_point(shell, tmp_path, text, shown):
    content, record = hostile_report(shell, text)
    rendered = render_pdf(content, record, tmp_path / "report.pdf")
    assert all_text(tmp_path / "report.pdf").count(squeezed(shown)) >= PLACES
    assert rendered.missing_glyphs == (["U+1F9FF 🧿"] if "🧿" in text else [])


@pytest.mark.skipif(fonts.chinese_font() is None, reason="no Chinese font on this machine")
def test_chinese_prints_in_text_and_charts(shell, tmp_path):
    content, record = hostile_report(shell, "重要客户：上海（华东）")
    rendered = render_pdf(content, record, tmp_path / "report.pdf")
    assert rendered.missing_glyphs == []
    assert all_text(tmp_path / "report.pdf").count("重要客户：上海（华东）") >= PLACES


def test_without_a_chinese_font_every_character_is_named(shell, tmp_path, monkeypatch):
    content, record = hostile_report(shell, "客户")
    monkeypatch.setattr(fonts, "chinese_font", lambda: None)
    rendered = render_pdf(content, record, tmp_path / "report.pdf")
    assert rendered.missing_glyphs == ["U+5BA2 客", "U+6237 户"]
    assert all_text(tmp_path / "report.pdf").count("[U+5BA2][U+6237]") >= PLACES


@pytest.mark.parametrize("text", PRINTS_AS_ITSELF.values(), ids=PRINTS_AS_ITSELF.keys())
def test_hostile_prints_and_markdown_outputs_break_nothing(shell, tmp_path, text):
    outputs = [
        new_output("stream", name="stdout", text=text),
        new_output("display_data", data={"text/markdown": f"**{text}**"}),
        new_output("display_data", data={"text/markdown": text}),
    ]
    if "#fig-nowhere" in text:
        outputs = outputs[:1]  # as Markdown that is a reference to an unknown figure
    cell = new_code_cell("x", outputs=outputs, execution_count=1)
    blocks.finding("The end.")
    render_pdf(notebook("# T\n\ns", cell, shell.cell()), RECORD, tmp_path / "report.pdf")
    found = visible(all_text(tmp_path / "report.pdf"))
    assert visible(text) in found
    assert "Theend." in found
    assert "root:" not in found
