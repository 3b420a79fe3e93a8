import base64
import errno
import io
import threading
import time

import matplotlib
import numpy as np
import pandas as pd
import pypdfium2
import pytest
from matplotlib import pyplot
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image, ImageFilter

from crmlib.report import blocks, prose, typesetting
from crmlib.report.rendering import RenderingError, period_text, render_pdf, subject
from crmlib.report.stopping import StoppedError
from tests.report.reading import RECORD, Shell, all_text, notebook, page_texts, squeezed, text_edges

TITLE = "# The title\n\nThe subtitle.\n\n## First section\n\nFirst words."


@pytest.fixture
def shell(monkeypatch):
    with matplotlib.rc_context():
        blocks.use_style()
        yield Shell(monkeypatch)


@pytest.fixture
def pdf(tmp_path):
    return tmp_path / "report.pdf"


def draw(label="value", height=3.0):
    fig, axes = pyplot.subplots(figsize=(6.7, height))
    axes.plot([1, 3, 2])
    axes.set_ylabel(label)
    return fig


def whole_notebook(shell):
    blocks.finding("The first finding.", "Its detail.")
    blocks.finding("The second finding.")
    blocks.figure(draw("chart of page one"), "What matters.", "fig-main")
    summary = shell.cell("summary")
    blocks.figure(draw("second chart"), "Another view.", "fig-other")
    blocks.table(pd.DataFrame({"stage": ["a", "b"], "n": [1, 2000]}), "Stages.", "tab-stages")
    body = shell.cell()
    blocks.run_record(seed=7, period=("2022-01-01", "2024-12-31"))
    links = "See [it](#fig-main), [this](#fig-other) and [that](#tab-stages); [n](other.ipynb)."
    return notebook(TITLE, summary, "## Second section\n\n" + links, body, shell.cell())


def test_two_renders_are_equal_bytes(shell, tmp_path):
    first, second = tmp_path / "first.pdf", tmp_path / "second.pdf"
    content = whole_notebook(shell)
    assert render_pdf(content, RECORD, first) == render_pdf(content, RECORD, second)
    assert first.read_bytes() == second.read_bytes()


def test_page_one_holds_title_findings_and_chart(shell, pdf):
    rendered = render_pdf(whole_notebook(shell), RECORD, pdf)
    pages = page_texts(pdf)
    assert rendered.pages == len(pages) == 3
    page_one = pages[0]
    for text in [
        "CUSTOMER LIFETIME PROFIT",
        "The title",
        "The subtitle.",
        "1 January 2022 to 31 December 2024",
        "data/transactions.csv (12,345 rows)",
        "The first finding.",
        "Its detail.",
        "The second finding.",
        "chart of page one",
        "Figure 1 What matters.",
        "page 1 of 3",
    ]:
        assert squeezed(text) in squeezed(page_one), text
    rest = "".join(pages[1:])
    assert "The first finding." not in rest
    assert "chart of page one" not in rest
    assert "The subtitle." not in rest


def test_figures_and_tables_are_numbered_and_referred_to(shell, pdf):
    render_pdf(whole_notebook(shell), RECORD, pdf)
    page = page_texts(pdf)[1]
    assert "See Figure 1, Figure 2 and Table 1; n." in page
    assert squeezed("Figure 2 Another view.") in squeezed(page)
    assert squeezed("Table 1 Stages.") in squeezed(page)
    assert page.index("Stages.") < page.index("2,000")  # captions stand above tables
    assert page.index("second chart") < page.index("Another view.")  # and below figures


def test_the_last_page_says_how_the_report_was_made(shell, pdf):
    render_pdf(whole_notebook(shell), RECORD, pdf)
    last = squeezed(page_texts(pdf)[-1])
    for text in [
        "How this report was made",
        "margin_rate 0.3",
        "Rows 12,345",
        "Dates 1 January 2022 to 31 December 2024",
        "Missing cells cost 12",
        "Set aside 3",
        "SHA-256" + "0123456789abcdef" * 4,
        "crmlib 0.1.0, pandas 3.1.1",
        "Seed 7",
        "Git commit 5655b1b" + "0" * 33,
        "Run run-42",
        "page 3 of 3",
    ]:
        assert squeezed(text) in last, text


def test_figures_are_vectors_and_their_text_can_be_searched(shell, pdf):
    render_pdf(whole_notebook(shell), RECORD, pdf)
    document = pypdfium2.PdfDocument(pdf)
    kinds = [thing.type for page in document for thing in page.get_objects(max_depth=10)]
    document.close()
    assert pypdfium2.raw.FPDF_PAGEOBJ_PATH in kinds
    assert pypdfium2.raw.FPDF_PAGEOBJ_IMAGE not in kinds


def test_the_pdf_has_a_title_and_no_date(shell, pdf):
    render_pdf(whole_notebook(shell), RECORD, pdf)
    document = pypdfium2.PdfDocument(pdf)
    metadata = document.get_metadata_dict()
    tagged = document.is_tagged()
    document.close()
    assert metadata["Title"] == "The title"
    assert metadata["CreationDate"] == ""
    assert tagged


def test_page_one_comes_as_a_picture_that_can_be_read(shell, pdf):
    rendered = render_pdf(whole_notebook(shell), RECORD, pdf)
    picture = Image.open(io.BytesIO(rendered.page_one))
    assert (picture.format, picture.width, picture.height) == ("PNG", 909, 1286)  # A4, 110 dpi
    assert len(rendered.page_one) < 100_000
    drawn = [grey(picture), *(grey(page) for page in pages_by_pdfium(pdf, picture.size))]
    assert np.abs(drawn[0] - drawn[1]).mean() < 2  # of 255: another program draws the same
    assert np.abs(drawn[0] - drawn[2]).mean() > 10  # and page two is another
    assert picture.convert("RGB").getpixel((454, 1250)) == (255, 255, 255)


def pages_by_pdfium(path, size):
    document = pypdfium2.PdfDocument(path)
    pages = [page.render(scale=110 / 72).to_pil().resize(size) for page in document]
    document.close()
    return pages


def grey(picture):
    """A picture's brightness, blurred: the programs smooth letters in ways of their own."""
    return np.asarray(picture.convert("L").filter(ImageFilter.GaussianBlur(3)), dtype=float)


def test_long_findings_shrink_the_chart_but_page_one_holds_both(shell, pdf):
    for number in range(6):
        blocks.finding(f"Finding number {number}. " + "It says a good deal. " * 5, "Detail. " * 20)
    blocks.figure(draw("the chart", height=6), "The caption.", "fig-main")
    render_pdf(notebook(TITLE, shell.cell("summary")), RECORD, pdf)
    page_one = page_texts(pdf)[0]
    assert "Finding number 5." in page_one
    assert "the chart" in page_one
    assert "The caption." in page_one


def test_findings_that_fill_the_page_send_the_chart_to_page_two(shell, pdf):
    for number in range(14):
        blocks.finding(f"Finding number {number}. " + "It says a good deal. " * 5, "Detail. " * 20)
    blocks.figure(draw("the chart"), "The caption.", "fig-main")
    render_pdf(notebook(TITLE, shell.cell("summary")), RECORD, pdf)
    pages = page_texts(pdf)
    text = "".join(pages)
    assert all(f"Finding number {number}." in text for number in range(14))
    assert "the chart" not in pages[0]
    assert "the chart" in pages[1]


def test_code_and_error_text_are_left_out(shell, pdf):
    blocks.finding("Shown.")
    cell = shell.cell(source="secret_code()")
    cell.outputs += [
        new_output("stream", name="stderr", text="secret warning\n"),
        new_output("error", ename="SecretError", evalue="secret", traceback=["secret trace"]),
        new_output(
            "display_data",
            data={"application/vnd.jupyter.widget-view+json": {}, "text/plain": "secret bar"},
        ),
        new_output(
            "execute_result", data={"text/plain": "<secret.Line at 0x7f00>"}, execution_count=1
        ),
    ]
    render_pdf(notebook(TITLE, cell), RECORD, pdf)
    text = all_text(pdf)
    assert "Shown." in text
    assert "secret" not in text.lower()


def test_other_outputs_are_not_lost(shell, pdf):
    picture = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(picture, "PNG")
    png = base64.b64encode(picture.getvalue()).decode()
    cell = new_code_cell(
        "x",
        execution_count=1,
        outputs=[
            new_output("stream", name="stdout", text="10%\r50%\rprinted #1\n"),
            new_output("stream", name="stderr", text="noise"),
            new_output("stream", name="stdout", text="\x1b[31mred\x1b[0m `two`\n"),
            new_output("display_data", data={"image/png": png, "text/plain": "<Figure>"}),
            new_output("display_data", data={"text/markdown": "**bold** [x](#other)"}),
            new_output("execute_result", data={"text/plain": "   a\n0  1"}, execution_count=1),
            new_output("stream", name="stdout", text="line\n" * 1000),
        ],
    )
    attached = new_markdown_cell(
        "![pasted](attachment:a.png) ![not there](missing.png)",
        attachments={"a.png": {"image/png": png}},
    )
    render_pdf(notebook(TITLE, cell, attached), RECORD, pdf)
    text = all_text(pdf)
    for part in ["printed#1red`two`", "boldx", "a01", "first200of1,001lines", "notthere"]:
        assert part in text, part
    assert "50%" not in text
    document = pypdfium2.PdfDocument(pdf)
    kinds = [thing.type for page in document for thing in page.get_objects(max_depth=10)]
    document.close()
    assert kinds.count(pypdfium2.raw.FPDF_PAGEOBJ_IMAGE) == 2


def test_an_unknown_reference_is_named(shell, pdf):
    blocks.table(pd.DataFrame({"a": [1]}), "c", "tab-known")
    with pytest.raises(RenderingError, match=r"#fig-unknown.*tab-known"):
        render_pdf(notebook("# T\n\ns\n\n[x](#fig-unknown)", shell.cell()), RECORD, pdf)
    assert not pdf.exists()


def test_an_id_used_twice_is_named(shell, pdf):
    for _ in range(2):
        blocks.table(pd.DataFrame({"a": [1]}), "c", "tab-twice")
    with pytest.raises(RenderingError, match="tab-twice"):
        render_pdf(notebook(shell.cell()), RECORD, pdf)


@pytest.mark.parametrize(("columns", "rows"), [(4, 5), (8, 5), (14, 5), (25, 5), (60, 3)])
def test_a_table_of_any_width_stays_within_the_margins(shell, pdf, columns, rows):
    names = [f"profit_in_month_{number}" for number in range(columns - 1)]
    frame = pd.DataFrame(
        [[12345.5 + number for number in range(columns - 1)]] * rows, columns=names
    )
    frame.insert(0, "customer", "A customer with a longer name")
    blocks.table(frame, "Wide.", "tab-wide")
    render_pdf(notebook("# T", shell.cell()), RECORD, pdf)
    assert all(left > 20 and right < 190 for left, right in text_edges(pdf))
    text = all_text(pdf)
    for number in range(columns - 1):  # no column is lost, and each has its values
        assert f"{12345.5 + number:,.0f}" in text


def test_long_texts_in_cells_stay_within_the_margins(shell, pdf):
    frame = pd.DataFrame(
        {
            "answer": ["x" * 300, "words " * 700, "short"],
            "W" * 40: ["W" * 80, "2", "3"],
            "n": [1, 2, 3],
        }
    )
    blocks.table(frame, "Long.", "tab-long")
    render_pdf(notebook("# T", shell.cell()), RECORD, pdf)
    assert all(left > 20 and right < 190 for left, right in text_edges(pdf))
    text = all_text(pdf)
    assert "x" * 300 in text
    assert "W" * 80 in text
    assert text.count("words") == 700


def test_a_long_table_breaks_over_pages_and_repeats_its_head(shell, pdf):
    frame = pd.DataFrame({"number": [f"row{n}." for n in range(150)]})
    blocks.table(frame, "Long.", "tab-long", rows=150)
    render_pdf(notebook("# T", shell.cell()), RECORD, pdf)
    pages = page_texts(pdf)
    text = "".join(pages)
    assert all(f"row{n}." in text for n in range(150))
    assert all("Number" in page for page in pages if "row" in page)


def test_only_a_long_report_has_contents(shell, pdf):
    section = "\n\n".join(["Some words."] * 40)
    short = notebook("# T\n\ns", *[f"## Section {n}\n\n{section}" for n in range(2)])
    long = notebook("# T\n\ns", *[f"## Section {n}\n\n{section}" for n in range(12)])
    render_pdf(short, RECORD, pdf)
    assert "Contents" not in "".join(page_texts(pdf))
    assert render_pdf(long, RECORD, pdf).pages > 8
    first = page_texts(pdf)[0]
    assert "Contents" in first
    assert "Section 11" in first


def test_formulas_and_lists_print(shell, pdf):
    source = (
        "# T\n\ns\n\nInline $h_1 t^2$ costs $5 and $6.\n- one\n- two\n\n"
        "$$P_2(t) = N\\left(1 - e^{-t/\\tau}\\right)$$\n\n> quoted\n\n---\n\n~~gone~~\n\n"
        "| a | b |\n|---|--:|\n| left | right |\n\n```python\ncode()\n```"
    )
    render_pdf(notebook(source), RECORD, pdf)
    text = all_text(pdf)
    for part in ["costs$5and$6.", "•one", "•two", "quoted", "gone", "leftright", "code()", "𝜏"]:
        assert part in text, part


def test_an_unclosed_fence_stays_in_its_cell(shell, pdf):
    blocks.finding("After it.")
    render_pdf(notebook("# T\n\ns", "```\nopen", shell.cell(), "## Next"), RECORD, pdf)
    text = all_text(pdf)
    assert "Afterit." in text
    assert "##" not in text


def test_a_footnote_that_refers_to_itself_prints_as_it_is(pdf):
    render_pdf(notebook("# T\n\ns\n\nx[^1]\n\n[^1]: note [^1]"), RECORD, pdf)
    assert "[^1]:note[^1]" in all_text(pdf)


def test_text_that_takes_too_much_memory_to_read_is_an_error(pdf, monkeypatch):
    monkeypatch.setattr(prose, "MOST_MEMORY", "-M8m")
    with pytest.raises(RenderingError, match="pandoc could not read the text"):
        render_pdf(notebook("# T\n\n" + "- a\n  - b\n" * 30_000), RECORD, pdf)
    assert not pdf.exists()


def test_a_formula_that_cannot_be_set_does_not_leave_a_traceback(shell, pdf):
    render_pdf(notebook("# T\n\ns\n\n$\\nonsense{a$ and $x$"), RECORD, pdf)
    assert "and" in page_texts(pdf)[0]


def test_an_empty_notebook_and_record_still_make_a_report(pdf):
    assert render_pdf(notebook(), {"report": "sampling/plan"}, pdf).pages == 2
    assert "Plan" in page_texts(pdf)[0]


def test_names_of_subjects():
    assert subject("clp/life_cycle") == "Customer lifetime profit"
    assert subject("segmentation/value_matrix") == "Segmentation"
    assert subject("start_here") == ""


def test_periods():
    assert period_text(["2024-01-31", "2024-01-31"]) == "31 January 2024"
    assert period_text(["2022-01-01", "2024-12-31"]) == "1 January 2022 to 31 December 2024"
    assert period_text(["spring", "autumn"]) == "spring to autumn"
    assert period_text([None, None]) == ""


# ----------------------------------------------------------------- Typst's process


@pytest.fixture
def process(tmp_path, monkeypatch):
    """A program of the test's instead of Typst's."""

    def replace(code):
        path = tmp_path / "process.py"
        path.write_text(code, encoding="utf-8")
        monkeypatch.setattr(typesetting, "PROCESS", path)

    return replace


def test_text_that_typst_does_not_survive_is_an_error_of_one_report(pdf):
    fractions = "$" + r"\frac{1}{" * 1500 + "x" + "}" * 1500 + "$"
    with pytest.raises(RenderingError, match="Typst"):
        render_pdf(notebook("# T\n\ns\n\n" + fractions), RECORD, pdf)
    assert list(pdf.parent.iterdir()) == []
    assert render_pdf(notebook("# T"), RECORD, pdf).pages == 2


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os, sys; print('thread panicked', file=sys.stderr, flush=True); os.abort()",
         "SIGABRT; thread panicked"),
        ("import time; time.sleep(60)", "not done after 1 seconds"),
        ("raise ModuleNotFoundError('no typst')", "exit code 1; ModuleNotFoundError: no typst"),
        ("print('{\"error\": \"unknown variable\"}')", "could not set the report: unknown var"),
    ],
)  # fmt: skip
def test_how_typst_ended_is_said(pdf, process, monkeypatch, code, message):
    monkeypatch.setattr(typesetting, "MOST_SECONDS", 1 if "sleep" in code else 60)
    process(code)
    with pytest.raises(RenderingError, match=message):
        render_pdf(notebook("# T"), RECORD, pdf)
    assert not pdf.exists()


def test_more_memory_than_typst_may_take_is_an_error(pdf, monkeypatch):
    monkeypatch.setattr(typesetting, "MOST_MEMORY", 60 * 10**6)
    picture = io.BytesIO()
    Image.new("RGB", (6000, 6000), "red").save(picture, "JPEG")  # 108 MB when it is unpacked
    jpg = base64.b64encode(picture.getvalue()).decode()
    cell = new_code_cell(
        "x", execution_count=1, outputs=[new_output("display_data", data={"image/jpeg": jpg})]
    )
    with pytest.raises(RenderingError, match="Typst"):
        render_pdf(notebook(cell), RECORD, pdf)


def test_a_stop_ends_typst(pdf, process):
    process("import time; time.sleep(60)")
    ended_by_a_stop(pdf)


def test_a_stop_ends_pandoc(pdf, tmp_path, monkeypatch):
    sleeper = tmp_path / "pandoc"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o700)
    monkeypatch.setattr("pypandoc.get_pandoc_path", lambda: str(sleeper))
    ended_by_a_stop(pdf)


def ended_by_a_stop(pdf):
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begin = time.monotonic()
    with pytest.raises(StoppedError):
        render_pdf(notebook("# T"), RECORD, pdf, stop)
    assert time.monotonic() - begin < 20
    assert not pdf.exists()


def test_a_full_disk_is_told_apart_from_a_fault_of_the_report(pdf, process):
    process(f"print('{{\"errno\": {errno.ENOSPC}}}')")
    with pytest.raises(OSError, match="No space left") as caught:
        render_pdf(notebook("# T"), RECORD, pdf)
    assert caught.value.errno == errno.ENOSPC


def test_lists_within_lists_without_end_are_an_error(pdf):
    with pytest.raises(RenderingError, match="too many others"):
        render_pdf(notebook("# T\n\ns\n\n" + "> " * 2000 + "x"), RECORD, pdf)
