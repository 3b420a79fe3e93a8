"""What stands in Markdown, HTML, formulas, pictures and headers from data runs and embeds nothing.

Oracle: the objects of the PDF file itself, and what lies in files that an attack names.
"""

import base64
import copy
import ctypes

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from nbformat.v4 import new_code_cell, new_output

from crmlib.report import blocks
from crmlib.report.rendering import RenderingError, render_pdf
from tests.report.reading import RECORD, Shell, all_text, described, notebook, squeezed

MARKDOWN = {
    "raw Typst": '```{=typst}\n#read("SECRET")\n#panic()\n```',
    "raw Typst in a line": '`#panic()`{=typst} `#read("SECRET")`{=typst}',
    "raw HTML": "```{=html}\n<script>alert(1)</script>\n```",
    "metadata": "---\ntitle: attacked\nheader-includes: '#panic()'\n---\n",
    "metadata in the middle": "text\n\n---\ninclude-before: '#panic()'\n...\n",
    "picture by reference": "![x][y]\n\n[y]: SECRET 'z'",
    "pictures": "![x](SECRET) ![x](file://SECRET) ![x](../../../SECRET) ![x](http://127.0.0.1:1/x)",
    "link to a script": "[x](javascript:alert(1)) [x](JaVaScRiPt:alert(1)) <javascript:alert(1)>",
    "link to a file": "[click](file://SECRET) [x](SECRET) <file://SECRET> [y](\\\\server\\share)",
    "link to data": "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "link that ends early": '[x](https://example.com/"\\)#panic\\(\\))',
    "attributes": '# x {#fig-main .a onclick="x"} \n\n[x]{.a}\n\n:::{#tab-a}\nx\n:::',
    "note": "x[^1] ^[#panic()]\n\n[^1]: #panic() [^1]",
    "table": "| a |\n|---|\n| `#panic()` #panic() |",
    "formula": '$\\text{#panic()} #panic() "#panic()"$',
    "formula that reads": "$\\input{SECRET} \\include{SECRET}$ \\input{SECRET}",
    "definition": "\\def\\x{#1} \\newcommand{\\y}{#panic()} $\\href{javascript:alert(1)}{x}$",
    "reference": "@fig-nowhere [@nobody, p. 1] [-@x]",
    "HTML": '<iframe src="file://SECRET"></iframe><object data="SECRET"></object>',
    "HTML comment": "<!-- x --> #panic() <!-- \n\n#panic()",
    "template": "{{< include SECRET >}} {% include 'SECRET' %} $body$ $for(x)$",
    "code": '```python\n"""\n```\n#panic()',
    "code that ends early": "````\n```\n#panic()\n````",
    "direction": "\u202e)(cinap#\u202c",
}
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'width="40" height="40"><script>alert(1)</script>'
    "LINKED"
    '<a href="javascript:alert(1)"><rect width="9" height="9" onclick="alert(1)"/></a>'
    '<foreignObject width="9" height="9"><body>#panic()</body></foreignObject></svg>'
)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NEVER = [b"/JavaScript", b"/JS", b"/Launch", b"/EmbeddedFile", b"/GoToR", b"/SubmitForm", b"/AA"]


@pytest.fixture
def shell(monkeypatch):
    return Shell(monkeypatch)


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "secret").write_text("okapi-of-the-operator")
    (tmp_path / "secret.png").write_bytes(PNG)
    return str(tmp_path / "secret")


def links(path):
    """Every address that the PDF would open."""
    document = pypdfium2.PdfDocument(path)
    found = []
    for page in document:
        for annotation in range(pdfium.FPDFPage_GetAnnotCount(page)):
            note = pdfium.FPDFPage_GetAnnot(page, annotation)
            link = pdfium.FPDFAnnot_GetLink(note)
            action = pdfium.FPDFLink_GetAction(link) if link else None
            if action:
                size = pdfium.FPDFAction_GetURIPath(document, action, None, 0)
                buffer = ctypes.create_string_buffer(size)
                pdfium.FPDFAction_GetURIPath(document, action, buffer, size)
                found.append(bytes(buffer).rstrip(b"\0").decode())
            pdfium.FPDFPage_CloseAnnot(note)
    document.close()
    return found


def n_pictures(path):
    document = pypdfium2.PdfDocument(path)
    kinds = [thing.type for page in document for thing in page.get_objects()]
    document.close()
    return kinds.count(pdfium.FPDF_PAGEOBJ_IMAGE)


def rendered(shell, tmp_path, outputs, record=RECORD):
    cell = new_code_cell("x", outputs=outputs, execution_count=1)
    blocks.finding("The end.")
    pdf = tmp_path / "report.pdf"
    render_pdf(notebook("# T\n\ns", cell, shell.cell()), record, pdf)
    return pdf


def test_markdown_from_data_does_nothing(shell, tmp_path, secret):
    outputs = [
        new_output("display_data", data={"text/markdown": text.replace("SECRET", secret)})
        for text in MARKDOWN.values()
    ]
    pdf = rendered(shell, tmp_path, outputs)
    text = all_text(pdf)
    assert "Theend." in text
    assert "okapi-of-the-operator" not in text
    assert text.count("#panic()") >= 8  # printed as what it is
    assert all(link.startswith(("https://", "http://", "mailto:")) for link in links(pdf))
    assert n_pictures(pdf) == 0
    assert not [sign for sign in NEVER if sign in pdf.read_bytes()]


def test_pictures_and_html_embed_nothing(shell, tmp_path, secret):
    outputs = [
        new_output("display_data", data={"image/svg+xml": SVG.replace("LINKED", "")}),
        new_output("display_data", data={"text/html": "<script>alert(1)</script>words"}),
        new_output("display_data", data={"application/javascript": "alert(1)"}),
        new_output("display_data", data={"application/pdf": "JVBERi0="}),
    ]
    pdf = rendered(shell, tmp_path, outputs)
    assert "words" in all_text(pdf)
    assert n_pictures(pdf) == 0
    assert links(pdf) == []
    assert not [sign for sign in NEVER if sign in pdf.read_bytes()]


@pytest.mark.parametrize("address", ["SECRET.png", "file://SECRET.png", "../secret.png"])
def test_a_picture_that_links_to_another_is_refused(shell, tmp_path, secret, address):
    linked = f'<image href="{address}" xlink:href="{address}" width="40" height="40"/>'
    svg = SVG.replace("LINKED", linked).replace("SECRET", secret)
    with pytest.raises(RenderingError, match="linked image"):
        rendered(shell, tmp_path, [new_output("display_data", data={"image/svg+xml": svg})])
    assert not (tmp_path / "report.pdf").exists()


HOSTILE = '#panic() "]) <x> $a$ *b* [c](d) {=typst} \\u{41} // `e`'


def test_names_of_columns_and_keys_print_as_themselves(shell, tmp_path):
    """Headers of an input and keys of a parameter are as foreign as its cells."""
    blocks.run_record(described(missing_cells={HOSTILE: 3}, kind=HOSTILE))
    record = copy.deepcopy(RECORD)
    record["inputs"][0]["missing_cells"] = {HOSTILE: 3}
    record["inputs"][0]["kind"] = HOSTILE
    record["parameters"] = {"columns": {HOSTILE: [HOSTILE, {HOSTILE: None}]}}
    record["git_commit"], record["run_id"] = HOSTILE, HOSTILE
    record["versions"] = {HOSTILE: HOSTILE}
    pdf = rendered(shell, tmp_path, [], record)
    assert all_text(pdf).count(squeezed("#panic()")) >= 5
