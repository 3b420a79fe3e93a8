"""Every notebook of the workbook: its form, `crmlib list`, plain papermill, `crmlib report`."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from crmlib.report.rendering import render_pdf

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
COURSEWORK = [path for path in NOTEBOOKS if "coursework" in path.parts]
REPORTS = [p for p in NOTEBOOKS if p.parent.name != "notebooks" and p not in COURSEWORK]
# What is neither a report nor an exercise; exercises are run in test_coursework.py.
PAGES = [p for p in NOTEBOOKS if p.parent.name in ("notebooks", "coursework")]
BIN = Path(sys.executable).parent

ENVIRONMENT = os.environ | {"MPLBACKEND": "agg"}


def name(path: Path) -> str:
    return path.relative_to(ROOT / "notebooks").with_suffix("").as_posix()


def command(*words: str, cwd: Path = ROOT, **settings: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(BIN / words[0]), *words[1:]],
        cwd=cwd,
        env=ENVIRONMENT | settings,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(params=NOTEBOOKS, ids=name)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


@pytest.fixture(params=REPORTS, ids=name)
def report(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_is_valid_and_committed_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None


def test_cells_are_small_and_functions_tiny(notebook):
    for cell in code_cells(notebook):
        if "parameters" in cell.metadata.get("tags", []):
            continue
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 18, cell.source
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 5, node.name


def test_reports_have_the_form_that_readers_expect(report):
    tags = [tag for cell in report.cells for tag in cell.metadata.get("tags", [])]
    assert tags.count("parameters") == 1
    assert tags.count("summary") == 1
    headings = re.findall(r"^## (.+)$", "\n".join(c.source for c in report.cells), re.MULTILINE)
    for needed in ("What you will be able to do", "How far to trust it", "What to do now"):
        assert needed in headings
    assert headings[-1] == "References"
    assert "run_record(" in code_cells(report)[-1].source
    assert 20 <= len(code_cells(report)) <= 30


def test_links_lead_somewhere(notebook, request):
    path = request.node.callspec.params["notebook"]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#]+)\)", cell.source):
                assert (path.parent / target).exists(), target


def test_crmlib_list_shows_every_report_with_its_parameters(report, request):
    listed = command("crmlib", "list").stdout
    assert name(request.node.callspec.params["report"]) in listed
    cell = next(c for c in report.cells if "parameters" in c.metadata.get("tags", []))
    for line in cell.source.splitlines():
        parameter, _, text = line.partition(":")
        assert re.search(rf"^\s+{parameter}\s", listed, re.MULTILINE), parameter
        assert text.partition("  # ")[2] in listed


def executed_by_papermill(path, output):
    """The notebook as plain papermill leaves it, in the settings of every run of a report."""
    settings = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0"}
    run = command(
        *("papermill", "--no-progress-bar", str(path), str(output), "--cwd", str(output.parent)),
        **settings,
    )
    assert run.returncode == 0, run.stderr
    notebook = nbformat.read(output, as_version=4)
    for cell in code_cells(notebook):
        assert cell.execution_count is not None
        for found in cell.outputs:
            assert found.output_type != "error"
            assert found.get("name") != "stderr", found.text
    return notebook


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_runs_with_plain_papermill(path, tmp_path):
    executed_by_papermill(path, tmp_path / "out.ipynb")


@pytest.mark.slow
@pytest.mark.parametrize("path", REPORTS, ids=name)
def test_plain_papermill_and_a_second_run_give_the_same_pdf(path, tmp_path):
    done = command("crmlib", "report", name(path), "--out", str(tmp_path / "reports"))
    assert done.returncode == 0, done.stderr
    place = tmp_path / "reports" / name(path)
    record = json.loads((place / "run.json").read_text(encoding="utf-8"))
    notebook = executed_by_papermill(path, tmp_path / "out.ipynb")
    render_pdf(notebook, record, tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == (place / "report.pdf").read_bytes()
