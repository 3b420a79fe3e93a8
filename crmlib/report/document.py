"""What of an executed notebook goes into its report, in order."""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import nbformat

BLOCK_TYPE = "application/vnd.crmlib.block+json"  # how report.blocks leaves plain data

MOST_PRINTED_LINES = 200
MOST_PRINTED_SIGNS = 2000  # of one line: the typesetter needs memory for every sign
IMAGE_TYPES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg"}
WIDGET = "application/vnd.jupyter.widget-view+json"

# What Python shows of an object that has no text of its own; some name a memory
# address, which differs from run to run.
OBJECT_TEXT = re.compile(r"\s*\[?<.*>\]?\s*", re.DOTALL)
TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Prose:
    """Markdown, with the pictures pasted into its cell."""

    markdown: str
    attachments: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """The parts of a report.

    Attributes
    ----------
    findings : list of dict
        The findings of page one.
    chart : dict or None
        The figure of page one.
    period : list of str or None
        First and last day that the report speaks of.
    body : list
        Prose and blocks after page one, in the notebook's order.
    """

    findings: list[dict[str, Any]]
    chart: dict[str, Any] | None
    period: list[str] | None
    body: list[Prose | dict[str, Any]]


def read_document(notebook: "nbformat.NotebookNode") -> Document:
    """Sort the cells of an executed notebook into page one and body.

    Code, error text, warnings and progress bars are left out, and so are cells tagged
    ``screen-only``: what helps a reader of the notebook alone.
    """
    findings: list[dict[str, Any]] = []
    chart: dict[str, Any] | None = None
    period: list[str] | None = None
    body: list[Prose | dict[str, Any]] = []
    for cell in notebook.cells:
        tags = cell.get("metadata", {}).get("tags", [])
        if "screen-only" in tags:
            continue
        in_summary = "summary" in tags
        for part in _parts(cell):
            kind = "prose" if isinstance(part, Prose) else part["kind"]
            if kind == "finding" and in_summary:
                findings.append(_as_dict(part))
            elif kind == "figure" and in_summary and chart is None:
                chart = _as_dict(part)
            elif kind == "run_record":
                period = _as_dict(part).get("period")
            else:
                body.append(part)
    return Document(findings, chart, period, body)


def _as_dict(part: Prose | dict[str, Any]) -> dict[str, Any]:
    assert isinstance(part, dict)
    return part


def _parts(cell: "nbformat.NotebookNode") -> Iterator[Prose | dict[str, Any]]:
    if cell.cell_type == "markdown":
        yield Prose(cell.source, cell.get("attachments", {}))
    elif cell.cell_type == "code":
        for output in _joined_prints(cell.get("outputs", [])):
            part = _part(output)
            if part is not None:
                yield part


def _joined_prints(outputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the outputs without error streams; prints in a row are one."""
    joined: list[dict[str, Any]] = []
    for output in outputs:
        if output["output_type"] != "stream":
            joined.append(output)
        elif output["name"] == "stdout":
            if joined and joined[-1]["output_type"] == "stream":
                joined[-1] = {**output, "text": joined[-1]["text"] + output["text"]}
            else:
                joined.append(output)
    return joined


def _part(output: dict[str, Any]) -> Prose | dict[str, Any] | None:
    if output["output_type"] == "stream":
        return _printed(output["text"])
    data = output.get("data", {})
    if BLOCK_TYPE in data:
        block = data[BLOCK_TYPE]
        if block["kind"] == "attachment":
            return Prose(f"`{block['name']}`, {block['rows']:,} rows, lies beside this report.")
        return None if block["kind"] == "caption" else dict(block)
    if WIDGET in data or not data:
        return None
    image = next((kind for kind in IMAGE_TYPES if kind in data), None)
    if image:
        return _image(image, data[image], data.get("text/plain", ""))
    for kind in ("text/markdown", "text/latex"):
        if kind in data:
            return Prose(data[kind])
    return _printed(_text_of(data))


def _text_of(data: dict[str, Any]) -> str:
    text = str(data.get("text/plain", ""))
    if not OBJECT_TEXT.fullmatch(text) and text:
        return text
    return re.sub(r"<[^>]*>", " ", str(data.get("text/html", "")))


def _printed(text: str) -> dict[str, Any] | None:
    """Return printed text as a block: what a terminal would show, and not without end."""
    lines = [line.rsplit("\r", 1)[-1] for line in TERMINAL_CODES.sub("", text).split("\n")]
    cut = (line.rstrip()[:MOST_PRINTED_SIGNS] for line in lines[:MOST_PRINTED_LINES])
    shown = "\n".join(cut).strip("\n")
    if not shown:
        return None
    if len(lines) > MOST_PRINTED_LINES:
        shown += f"\n… first {MOST_PRINTED_LINES} of {len(lines):,} lines"
    return {"kind": "printed", "text": shown}


def _image(mime_type: str, content: str, alt: str) -> dict[str, Any]:
    """Return a picture that came without a caption."""
    image = {"kind": "image", "format": IMAGE_TYPES[mime_type], "alt": alt}
    if mime_type == "image/svg+xml":
        return {**image, "svg": content}
    return {**image, "bytes": base64.b64decode(content)}


def attached_image(prose: Prose, name: str) -> dict[str, Any] | None:
    """Return a picture pasted into a Markdown cell, None if the cell has none of that name."""
    for mime_type, content in prose.attachments.get(name, {}).items():
        if mime_type in IMAGE_TYPES:
            return _image(mime_type, content, name)
    return None
