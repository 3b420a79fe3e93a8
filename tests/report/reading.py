"""Notebooks made of blocks, without a kernel, and what stands in the PDF made of them."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pypdfium2
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

MILLIMETRE = 72 / 25.4
RECORD: dict[str, Any] = {
    "report": "clp/life_cycle",
    "parameters": {"margin_rate": 0.3, "source": "data/transactions.csv"},
    "inputs": [
        {
            "source": "data/transactions.csv",
            "kind": "transactions",
            "rows": 12345,
            "first_date": "2022-01-01",
            "last_date": "2024-12-31",
            "missing_cells": {"cost": 12, "amount": 0},
            "set_aside": 3,
            "sha256": "0123456789abcdef" * 4,
        }
    ],
    "versions": {"crmlib": "0.1.0", "pandas": "3.1.1"},
    "seed": 7,
    "git_commit": "5655b1b" + "0" * 33,
    "run_id": "run-42",
}


class Shell:
    """Stands for IPython: keeps what is displayed as outputs of a cell."""

    def __init__(self, monkeypatch: Any) -> None:
        self.outputs: list[Any] = []
        self.events = SimpleNamespace(register=lambda *_: None)  # pyplot asks for it
        monkeypatch.setattr("IPython.get_ipython", lambda: self)
        monkeypatch.setattr("IPython.display.display", self._display)

    def _display(self, data: Any, *, raw: bool, metadata: Any) -> None:
        assert raw
        self.outputs.append(new_output("display_data", data=data, metadata=metadata))

    def cell(self, *tags: str, source: str = "secret_code()") -> Any:
        """Return a code cell with what was displayed since the last call."""
        outputs, self.outputs = self.outputs, []
        return new_code_cell(
            source, outputs=outputs, execution_count=1, metadata={"tags": list(tags)}
        )


def notebook(*cells: Any) -> nbformat.NotebookNode:
    """Return a notebook; a text stands for a Markdown cell."""
    return new_notebook(
        cells=[new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    )


def described(**description: Any) -> Any:
    return SimpleNamespace(description={**RECORD["inputs"][0], **description})


def page_texts(path: Path) -> list[str]:
    document = pypdfium2.PdfDocument(path)
    texts = [page.get_textpage().get_text_range() for page in document]
    document.close()
    return [text.replace("\r\n", "\n").replace("\xa0", " ") for text in texts]


def squeezed(text: str) -> str:
    """Return the text without white space: lines break where the page wants."""
    return re.sub(r"\s+", "", text)


def all_text(path: Path) -> str:
    return squeezed("".join(page_texts(path)))


def text_edges(path: Path) -> list[tuple[float, float]]:
    """Return for every page the left and right edge of all its characters, in millimetres."""
    document = pypdfium2.PdfDocument(path)
    edges = []
    for page in document:
        text = page.get_textpage()
        boxes = [
            text.get_charbox(at)
            for at in range(text.count_chars())
            if text.get_text_range(at, 1).strip()
        ]
        edges.append(
            (min(box[0] for box in boxes) / MILLIMETRE, max(box[2] for box in boxes) / MILLIMETRE)
        )
    document.close()
    return edges
