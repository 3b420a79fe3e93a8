"""An executed notebook to a PDF: prose by pandoc, pages by Typst, the same bytes each time."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmlib.errors import CrmlibError
from crmlib.report import fonts, prose
from crmlib.report.document import Document, Prose, attached_image, read_document
from crmlib.report.stopping import NEVER, Stop
from crmlib.report.typesetting import Typesetter, TypesettingError

if TYPE_CHECKING:
    import nbformat

TEMPLATE = Path(__file__).with_name("template.typ")
# Not by strftime: the language of the machine must not change the report.
MONTHS = ["January", "February", "March", "April", "May", "June"]
MONTHS += ["July", "August", "September", "October", "November", "December"]
SPELLED_OUT = {"clp": "Customer lifetime profit"}


class RenderingError(CrmlibError):
    """A notebook that ran cannot be made into a PDF."""


@dataclass(frozen=True)
class RenderedPdf:
    """What came of rendering.

    Attributes
    ----------
    missing_glyphs : list of str
        Characters that no font has, such as "U+1F9FF 🧿"; the PDF shows their code points.
    pages : int
        Number of pages.
    page_one : bytes
        A picture of page one, as PNG.
    """

    missing_glyphs: list[str]
    pages: int
    page_one: bytes


def render_pdf(
    notebook: "nbformat.NotebookNode",
    record: dict[str, Any],
    destination: Path,
    stop: Stop = NEVER,
) -> RenderedPdf:
    """Write the report of an executed notebook as a PDF.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The notebook with its outputs.
    record : dict
        What the last page says of the run: report, parameters, inputs, versions, seed,
        git_commit, run_id.
    destination : pathlib.Path
        The PDF file to write.
    stop : Stop
        Setting it ends pandoc and Typst.

    Returns
    -------
    RenderedPdf
        Number of pages, the characters that could not be printed, a picture of page one.

    Raises
    ------
    RenderingError
        If two blocks have one id, the prose refers to an id that no block has, or
        pandoc or Typst cannot set a formula or picture, or takes too long or too much memory.
    StoppedError
        `stop` was set.
    """
    # Beside the PDF: what a runner that is killed leaves is removed with its work folder.
    with (
        Typesetter() as typesetter,
        tempfile.TemporaryDirectory(dir=destination.parent) as folder,
    ):
        sources = Path(folder)
        report = _Report(read_document(notebook), record, stop)
        try:
            report.write_sources(sources)
            pages = typesetter.typeset(sources, report.needed_fonts(), stop)
        except (prose.ProseError, TypesettingError) as error:
            raise RenderingError(str(error)) from error
        except RecursionError as error:
            raise RenderingError("the text has lists or quotes in too many others") from error
        page_one = (sources / "page-one.png").read_bytes()
        (sources / "report.pdf").replace(destination)
    return RenderedPdf(report.glyphs.missing(), pages, page_one)


class _Report:
    """The Typst sources of one report."""

    def __init__(self, document: Document, record: dict[str, Any], stop: Stop) -> None:
        self.document = document
        self.record = record
        self.stop = stop
        self.glyphs = fonts.Glyphs()
        self.blocks: list[dict[str, Any]] = []  # in the body, in order
        self.images: list[bytes] = []
        self.ids = _ids([document.chart, *document.body])

    def write_sources(self, folder: Path) -> None:
        title, subtitle, body = self._body(folder)
        data = self._printable(self._data(title, subtitle))
        shutil.copy(TEMPLATE, folder / "template.typ")
        for number, image in enumerate(self.images):
            (folder / f"image-{number}").write_bytes(image)
        (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
        head = '#import "template.typ": *\n#show: report\n\n'
        (folder / "main.typ").write_text(head + body, encoding="utf-8")

    def needed_fonts(self) -> list[fonts.Font]:
        """Return the fonts that the report needs, first choice first."""
        chinese = fonts.chinese_font() if self.glyphs.needs_chinese else None
        return [fonts.text_font(), *([chinese] if chinese else []), fonts.symbol_font()]

    def _body(self, folder: Path) -> tuple[str, str, str]:
        """Return title, subtitle and the Typst markup of all that follows page one."""
        pieces = [part for part in self.document.body if isinstance(part, Prose)]
        read = prose.read_pieces((piece.markdown for piece in pieces), folder, self.stop)
        title, subtitle = "", ""
        if read:
            title, subtitle, read[0] = prose.take_title(read[0])
        replacements = prose.Replacements(
            text=self.glyphs.printable,
            reference=self._reference,
            image=lambda number, name: self._attached(pieces[number], name),
        )
        nodes: list[prose.Node] = []
        number = 0
        for part in self.document.body:
            if isinstance(part, Prose):
                nodes += prose.prepare(read[number], number, replacements)
                number += 1
            else:
                nodes.append(prose.typst_call(f"#block-at({self._add(part)})"))
        return title, subtitle, prose.write(nodes, self.stop) if nodes else ""

    def _add(self, block: dict[str, Any]) -> int:
        """Keep a block for the template and return its number."""
        if "bytes" in block:
            self.images.append(block["bytes"])
            block = {**block, "bytes": None, "path": f"image-{len(self.images) - 1}"}
        self.blocks.append(block)
        return len(self.blocks) - 1

    def _attached(self, piece: Prose, name: str) -> str | None:
        image = attached_image(piece, name.removeprefix("attachment:"))
        return f"#inline-image({self._add(image)})" if image else None

    def _reference(self, identifier: str) -> str:
        if identifier not in self.ids:
            known = ", ".join(self.ids) or "none"
            raise RenderingError(
                f"the prose links to #{identifier}, which no figure or table of the notebook "
                f"has as its id (the ids are: {known})"
            )
        return f'#ref(label("{identifier}"))'

    def _data(self, title: str, subtitle: str) -> dict[str, Any]:
        name = str(self.record.get("report", ""))
        inputs = self.record.get("inputs") or []
        return {
            "report": name,
            "subject": subject(name),
            "title": title or prose_title(name),
            "subtitle": subtitle,
            "period": period_text(self.document.period or _input_period(inputs)),
            "sources": [_source_text(table) for table in inputs],
            "findings": self.document.findings,
            "chart": self.document.chart,
            "blocks": self.blocks,
            "provenance": provenance(self.record),
        }

    def _printable(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.glyphs.printable(value)
        if isinstance(value, dict):
            return {key: self._printable(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._printable(item) for item in value]
        return value


def subject(report: str) -> str:
    """Return the subject of a report in words: "clp/life_cycle" is about lifetime profit."""
    folder = report.rpartition("/")[0].split("/")[-1]
    return SPELLED_OUT.get(folder, prose_title(folder))


def prose_title(name: str) -> str:
    """Return a file name as words."""
    words = name.rpartition("/")[2].replace("_", " ")
    return words[:1].upper() + words[1:]


def period_text(period: Any) -> str:
    """Return a first and last day as "1 January 2022 to 31 December 2024"."""
    if not period or not all(period):
        return ""
    first, last = (_day_text(str(day)) for day in period)
    return first if first == last else f"{first} to {last}"


def _day_text(day: str) -> str:
    try:
        parsed = date.fromisoformat(day[:10])
    except ValueError:
        return day
    return f"{parsed.day} {MONTHS[parsed.month - 1]} {parsed.year}"


def _input_period(inputs: list[Mapping[str, Any]]) -> list[str] | None:
    days = [str(table[key]) for table in inputs for key in ("first_date", "last_date")
            if table.get(key)]  # fmt: skip
    return [min(days), max(days)] if days else None


def _source_text(table: Mapping[str, Any]) -> str:
    rows = table.get("rows")
    return f"{table.get('source')}" + (f" ({rows:,} rows)" if isinstance(rows, int) else "")


def provenance(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last page's content as rows of text."""
    run = {
        "Report": record.get("report"),
        "Run": record.get("run_id"),
        "Git commit": record.get("git_commit"),
        "Seed": record.get("seed"),
    }
    return {
        "parameters": _rows(record.get("parameters") or {}),
        "inputs": [_input_rows(table) for table in record.get("inputs") or []],
        "run": _rows({key: value for key, value in run.items() if value is not None}),
        "versions": _rows(record.get("versions") or {}),
    }


def _input_rows(table: Mapping[str, Any]) -> dict[str, Any]:
    rows = table.get("rows")
    missing = [
        f"{column} {cells:,}"
        for column, cells in (table.get("missing_cells") or {}).items()
        if cells
    ]
    facts = {
        "Kind": table.get("kind"),
        "Rows": f"{rows:,}" if isinstance(rows, int) else rows,
        "Dates": period_text([table.get("first_date"), table.get("last_date")]) or None,
        "Missing cells": ", ".join(missing) or "none",
        "Set aside": table.get("set_aside"),
        "SHA-256": table.get("sha256"),
    }
    known = {key: value for key, value in facts.items() if value is not None}
    return {"source": str(table.get("source")), "facts": _rows(known)}


def _rows(facts: Mapping[str, Any]) -> list[list[str]]:
    return [[str(key), _value_text(value)] for key, value in facts.items()]


def _value_text(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _ids(parts: list[Any]) -> list[str]:
    """Return the ids of all figures and tables; the prose may refer to them."""
    ids: list[str] = []
    for part in parts:
        if isinstance(part, dict) and "id" in part:
            if part["id"] in ids:
                raise RenderingError(f'two figures or tables have the id "{part["id"]}"')
            ids.append(part["id"])
    return ids
