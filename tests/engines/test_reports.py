"""Whole reports on a database: the same page one as from files, no password, plain words at a loss.

Oracle: the report run on the example company's files; the bytes of every file a run leaves.
"""

import json

import pytest

from tests.notebooks.test_life_cycle import pages
from tests.notebooks.test_notebooks import command

from .conftest import DATA, PASSWORD, load, new_server

pytestmark = pytest.mark.engines

COMPARED = "segmentation/offers"
OTHERS = ["segmentation/behaviour", "segmentation/value", "segmentation/warning"]


def holding_no_password(folder, done):
    assert PASSWORD not in done.stdout + done.stderr
    for path in folder.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path.name


@pytest.mark.parametrize("report", OTHERS)
def test_a_report_on_postgresql(postgresql, tmp_path, report):
    source = f"source={postgresql.url}#transactions"
    done = command("crmlib", "report", report, "--out", str(tmp_path), "-p", source)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / report / "report.pdf").exists()
    holding_no_password(tmp_path, done)


def test_a_report_on_postgresql_says_what_it_says_on_files(postgresql, tmp_path):
    found = []
    for place, source in [
        ("server", f"{postgresql.url}#transactions"),
        ("file", str(DATA / "transactions.csv")),
    ]:
        folder = tmp_path / place
        words = ["--out", str(folder), "-p", f"source={source}"]
        done = command("crmlib", "report", COMPARED, *words)
        assert done.returncode == 0, done.stderr
        # Above the findings stands the source, which is not the same.
        found.append(pages(folder / COMPARED / "report.pdf")[0].partition("KEY FINDINGS")[2])
        holding_no_password(folder, done)
    assert found[0] == found[1] != ""


def test_a_report_whose_database_goes_away_half_way(tmp_path):
    server = new_server()
    try:
        load(server, "transactions", DATA / "transactions.csv")
        pid = (server.folder / "data" / "postmaster.pid").read_text().splitlines()[0]
        cells = [
            "source: str = ''",
            "from crmlib import segmentation, tables\n"
            "rows = tables.read(source, kind='transactions')",
            f"import os, signal, time\nos.kill({pid}, signal.SIGQUIT)\ntime.sleep(1)",
            "segmentation.customer_totals(rows)",
        ]
        write_notebook(tmp_path / "notebooks" / "clp" / "lost.ipynb", cells)
        (tmp_path / "crmlib").mkdir()
        words = ["clp/lost", "-p", f"source={server.url}", "--notebooks", "notebooks"]
        done = command("crmlib", "report", *words, cwd=tmp_path)
    finally:
        server.remove()
    assert done.returncode == 2, done.stderr
    assert "stopped answering" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "reports" / "clp" / "lost").exists()
    record = tmp_path / "reports" / "failed" / "clp" / "lost" / "run.json"
    assert json.loads(record.read_text())["exit_code"] == 2
    holding_no_password(tmp_path / "reports", done)


def write_notebook(path, cells):
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    made = [new_code_cell(cell) for cell in cells]
    made[0].metadata["tags"] = ["parameters"]
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=made), path)
