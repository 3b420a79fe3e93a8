"""Markdown to Typst by pandoc: every cell on its own, all of them in two calls."""

import json
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypandoc

from crmlib.errors import CrmlibError
from crmlib.report.stopping import NEVER, Stop, output_of

# Markdown as JupyterLab reads it. HTML and LaTeX outside formulas print as themselves.
# JupyterLab knows no footnotes; pandoc never ends on one that refers to itself.
READER = "gfm-raw_html-emoji-footnotes-yaml_metadata_block+tex_math_dollars"
MOST_MEMORY = "-M1g"
MOST_SECONDS = 120

Node = dict[str, Any]


class ProseError(CrmlibError):
    """Prose or a formula cannot be converted."""


@dataclass(frozen=True)
class Replacements:
    """What becomes of the parts of prose that need the rest of the report.

    Attributes
    ----------
    text : callable
        Text to printable text.
    reference : callable
        The id of a figure or table to Typst code that refers to it.
    image : callable
        Number of the piece and address of a picture to Typst code, None if it cannot be shown.
    """

    text: Callable[[str], str]
    reference: Callable[[str], str]
    image: Callable[[int, str], str | None]


def read_pieces(
    pieces: Iterable[str], within: Path | None = None, stop: Stop = NEVER
) -> list[list[Node]]:
    """Read pieces of Markdown, each on its own, into lists of pandoc's nodes.

    What pandoc reads is written to a folder of its own in `within`, or where the system has its
    temporary files; should this process be killed, the folder stays. `stop` ends pandoc.
    """
    boundary = secrets.token_hex(16)  # nothing in the data can look like it
    with tempfile.TemporaryDirectory(dir=within) as folder:
        fence = Path(folder, "boundary")
        fence.write_text(f"```{boundary}\n```\n", encoding="utf-8")
        paths = []
        for number, piece in enumerate(pieces):
            path = Path(folder, f"{number}.md")
            path.write_text(piece, encoding="utf-8", errors="replace")
            paths += [str(path), str(fence)]
        if not paths:
            return []
        tree = json.loads(_pandoc(["--file-scope", "-f", READER, "-t", "json", *paths], "", stop))
    return _split(tree["blocks"], boundary)


def _split(blocks: list[Node], boundary: str) -> list[list[Node]]:
    pieces: list[list[Node]] = [[]]
    for block in blocks:
        if block["t"] == "CodeBlock" and block["c"][0][1] == [boundary]:
            pieces.append([])
        else:
            pieces[-1].append(block)
    return pieces[:-1]


def take_title(blocks: list[Node]) -> tuple[str, str, list[Node]]:
    """Return title, the paragraph after it, and the blocks that remain."""
    for at, block in enumerate(blocks):
        if block["t"] == "Header" and block["c"][0] == 1:
            after = at + 1
            subtitle = ""
            if after < len(blocks) and blocks[after]["t"] == "Para":
                subtitle = plain_text(blocks[after])
                after += 1
            return plain_text(block), subtitle, blocks[:at] + blocks[after:]
    return "", "", blocks


def plain_text(node: Any) -> str:
    """Return the words of a node, without what they look like."""
    if isinstance(node, list):
        return "".join(map(plain_text, node))
    if not isinstance(node, dict):
        return ""
    kind: str = node["t"]
    content: Any = node.get("c")
    if kind in {"Space", "SoftBreak", "LineBreak"}:
        return " "
    if kind == "Str":
        return str(content)
    if kind in {"Code", "Math", "RawInline"}:
        return str(content[1])
    if kind == "Header":
        return plain_text(content[2])
    return plain_text(content[1] if kind in {"Link", "Image", "Span", "Quoted"} else content)


def typst_call(code: str) -> Node:
    """Return a block of Typst code of our own."""
    return {"t": "RawBlock", "c": ["typst", code]}


def prepare(blocks: list[Node], piece: int, replacements: Replacements) -> list[Node]:
    """Make a piece ready for writing: printable text, references, pictures, headings."""
    prepared = _prepare(blocks, piece, replacements)
    assert isinstance(prepared, list)
    return prepared


def write(blocks: list[Node], stop: Stop = NEVER) -> str:
    """Write nodes as Typst markup; `stop` ends pandoc."""
    version = [1, 23, 1]
    tree = {"pandoc-api-version": version, "meta": {}, "blocks": blocks}
    return _pandoc(["-f", "json", "-t", "typst", "--wrap=none"], json.dumps(tree), stop)


def _prepare(node: Any, piece: int, replace: Replacements) -> Any:
    if isinstance(node, list):
        return [_prepare(item, piece, replace) for item in node]
    if not isinstance(node, dict):
        return node
    kind: str = node["t"]
    content: Any = node.get("c")
    if kind == "Str":
        return _text(replace.text(content))
    if kind == "Code":
        return {"t": "Code", "c": [NO_ATTRIBUTES, replace.text(content[1])]}
    if kind == "CodeBlock":
        return {"t": "CodeBlock", "c": [NO_ATTRIBUTES, replace.text(content[1])]}
    if kind == "RawInline":
        return _text(replace.text(_shown_html(content[1])))
    if kind == "RawBlock":
        return {"t": "Para", "c": [_text(replace.text(_shown_html(content[1])))]}
    if kind == "Header":
        level = max(content[0] - 1, 1)  # the title was level 1
        return {"t": kind, "c": [level, NO_ATTRIBUTES, _prepare(content[2], piece, replace)]}
    if kind == "AlignDefault":
        return {"t": "AlignLeft"}
    if kind == "Link":
        return _link(node, piece, replace)
    if kind == "Image":
        code = replace.image(piece, content[2][0])
        return _raw(code) if code else _span(_prepare(content[1], piece, replace))
    return {**node, "c": _prepare(content, piece, replace)} if "c" in node else node


NO_ATTRIBUTES: list[Any] = ["", [], []]


def _text(text: str) -> Node:
    return {"t": "Str", "c": text}


def _raw(code: str) -> Node:
    return {"t": "RawInline", "c": ["typst", code]}


def _span(inlines: list[Node]) -> Node:
    return {"t": "Span", "c": [NO_ATTRIBUTES, inlines]}


def _shown_html(text: str) -> str:
    return "" if text.startswith("<!--") else text


def _link(node: Node, piece: int, replace: Replacements) -> Node:
    _, inlines, (address, _title) = node["c"]
    words = _prepare(inlines, piece, replace)
    if address.startswith("#"):
        anchor = address[1:].rsplit("__", 1)[-1]  # pandoc puts the file's name before it
        return _raw(replace.reference(anchor)) if anchor[:4] in {"fig-", "tab-"} else _span(words)
    if address.startswith(("https://", "http://", "mailto:")):
        return {"t": "Link", "c": [NO_ATTRIBUTES, words, [address, ""]]}
    return _span(words)  # other notebooks and files are not beside the PDF


def _pandoc(arguments: list[str], text: str, stop: Stop) -> str:
    # pypandoc's own calls ask pandoc for its version and formats each time.
    limits = ["+RTS", MOST_MEMORY, "-RTS"]
    with subprocess.Popen(
        [pypandoc.get_pandoc_path(), *limits, "--syntax-highlighting=none", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as pandoc:
        try:
            written, complaint = output_of(pandoc, text.encode(), MOST_SECONDS, stop)
        except subprocess.TimeoutExpired as error:
            raise ProseError(f"pandoc did not read the text in {MOST_SECONDS} seconds") from error
    if pandoc.returncode:
        raise ProseError(f"pandoc could not read the text: {complaint.decode().strip()}")
    return str(written.decode())
