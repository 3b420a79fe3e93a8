"""A small workbook of throw-away notebooks, and what a run leaves of it."""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest
from click.testing import CliRunner, Result
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from crmlib.cli import main
from crmlib.report import publishing

OWN_NOTEBOOKS = ("--notebooks", "notebooks")  # of the current folder


@dataclass
class SmallWorkbook:
    folder: Path
    sockets: Path

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    def add(self, name: str, *cells: str, parameters: str | None = None) -> Path:
        made = [new_markdown_cell(f"# The report {name}")]
        if parameters is not None:
            made.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
        made += [new_code_cell(cell) for cell in cells]
        path = self.folder / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=made), path)
        return path

    def run(self, *arguments: str) -> Result:
        words = ["report", *OWN_NOTEBOOKS, *arguments]
        return CliRunner().invoke(main, words, catch_exceptions=False)

    def record(self, name: str, failed: bool = False) -> dict:
        folder = self.reports / "failed" / name if failed else self.reports / name
        return json.loads((folder / "run.json").read_text(encoding="utf-8"))

    def publish_by_hand(self, name: str) -> None:
        """A good report with known bytes, through the same door as a real one."""
        with publishing.work_folder(self.reports) as work:
            (work / "0").mkdir()
            for file in ("report.pdf", "notebook.ipynb", "run.json"):
                (work / "0" / file).write_text(f"the good {file} of {name}")
            publishing.publish(work / "0", self.reports, name)

    def files(self, name: str) -> dict[str, str]:
        """Every file of a report with the hash of its bytes."""
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((self.reports / name).iterdir())
        }

    def left_behind(self) -> list[str]:
        """Processes and sockets of kernels, and unfinished work: none is right."""
        marked = str(self.sockets)
        processes = [
            " ".join(process.info["cmdline"])
            for process in psutil.process_iter(["cmdline"])
            if any(marked in argument for argument in process.info["cmdline"] or [])
        ]
        sockets = [str(path) for path in self.sockets.iterdir()]
        root = self.reports / publishing.WORK
        work = [str(path) for path in root.glob("*") if path.is_dir() and path.name != "locks"]
        return processes + sockets + work


@pytest.fixture
def workbook(tmp_path, monkeypatch):
    # The paths of sockets must be short; pytest's own folders are not.
    sockets = Path(tempfile.mkdtemp(prefix="t"))
    monkeypatch.setattr(tempfile, "tempdir", str(sockets))
    monkeypatch.setenv("TMPDIR", str(sockets))
    monkeypatch.chdir(tmp_path)
    os.makedirs(tmp_path / "notebooks")
    yield SmallWorkbook(tmp_path, sockets)
    shutil.rmtree(sockets)


@pytest.fixture
def plain_pdf(monkeypatch):
    """Instead of the PDF its text: these tests are about the run, not about the typesetting."""
    from types import SimpleNamespace

    from crmlib.report import run

    def write_text(notebook, record, destination, stop):
        shown = [
            output.get("text", output.get("data"))
            for cell in notebook.cells
            for output in cell.get("outputs", [])
        ]
        destination.write_text(json.dumps([shown, record], sort_keys=True), encoding="utf-8")
        return SimpleNamespace(missing_glyphs=[], pages=1, page_one=b"\x89PNG\r\n\x1a\n")

    monkeypatch.setattr(run.rendering, "render_pdf", write_text)
