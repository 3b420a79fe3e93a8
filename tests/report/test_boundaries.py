"""A run stays within its folders, speaks to nobody, and lets nobody look on.

Oracle: what lies outside, byte for byte; the system's own lists of sockets and modes.
"""

import json
import os
import sys

import pytest

from crmlib import tables
from crmlib.report import history, publishing
from crmlib.report.notebooks import find_notebooks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")


@pytest.fixture
def elsewhere(tmp_path_factory):
    """A folder of somebody else's, with the names that a folder of reports has."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in ("x/old/run.json", "x/run.json", "locks/clp%2Fx.lock", "lock", "alive", "run/a"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"state": "good", "files": {}}')
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


FOLDERS = [".work", ".work/locks", "clp", "clp/.runs", "clp/.runs/x", "failed", "failed/clp"]


@pytest.mark.parametrize("name", [*FOLDERS, "failed/clp/x"])
@pytest.mark.parametrize("cell", ["print(1)", "1 / 0"])
def test_a_link_in_the_folder_of_reports_is_not_followed(workbook, elsewhere, name, cell):
    workbook.add("clp/x", cell)
    place = workbook.reports / name
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere, target_is_directory=True)
    before = contents(elsewhere)
    result = workbook.run("clp/x")
    assert result.exit_code == 2
    assert "is a link" in result.stderr
    assert contents(elsewhere) == before
    assert place.is_symlink()


@pytest.mark.parametrize("name", [".work/lock", ".work/locks/clp%2Fx.lock"])
def test_a_lock_that_is_a_link_is_not_followed(workbook, elsewhere, name):
    workbook.add("clp/x", "print(1)")
    place = workbook.reports / name
    place.parent.mkdir(parents=True)
    place.symlink_to(elsewhere / "lock")
    before = contents(elsewhere)
    assert workbook.run("clp/x").exit_code != 0
    assert contents(elsewhere) == before


def test_links_beside_work_and_runs_are_none_of_ours(workbook, elsewhere):
    before = contents(elsewhere)
    (workbook.reports / ".work").mkdir(parents=True)
    (workbook.reports / "clp/.runs/x").mkdir(parents=True)
    (workbook.reports / ".work/tmpold").symlink_to(elsewhere)
    (workbook.reports / "clp/.runs/x/20200101T000000Z-000000000000-0000").symlink_to(elsewhere)
    for _ in range(4):
        workbook.publish_by_hand("clp/x")
    assert contents(elsewhere) == before
    assert not (workbook.reports / ".work/tmpold").exists()
    assert all(not run.folder.is_symlink() for run in history.runs_of(workbook.reports, "clp/x"))


def test_the_folder_of_reports_itself_may_be_a_link(workbook, tmp_path):
    (tmp_path / "disk").mkdir()
    workbook.reports.symlink_to(tmp_path / "disk", target_is_directory=True)
    workbook.publish_by_hand("clp/x")
    publishing.check_links(workbook.reports, "clp/x")
    assert (tmp_path / "disk/clp/x/run.json").exists()


@pytest.mark.parametrize(
    "place",
    [
        *("../x", "clp/../x", "/etc/x", "clp//x", "clp/x/y", "x", "", ".", "..", "clp/..", "./x"),
        *("clp/.runs", ".work/x", "failed/x", "clp\\x/y", "c:/x", "clp/x\0", "clp/"),
    ],
)
def test_no_place_leads_out_of_the_folder(workbook, place):
    from threading import Event

    from crmlib.report.jobs import Job
    from crmlib.report.run import run_report

    workbook.add("clp/x", "print(1)")
    notebook = find_notebooks(workbook.folder / "notebooks")["clp/x"]
    before = set(workbook.folder.rglob("*"))
    result = run_report(Job(notebook, {}, workbook.reports, place=place or "/"), Event())
    assert (result.exit_code, result.state) == (2, "failed")
    assert set(workbook.folder.rglob("*")) == before


@pytest.mark.parametrize("link", ["clp/x.ipynb", "clp"])
def test_a_notebook_elsewhere_is_not_run(workbook, tmp_path_factory, link):
    outside = tmp_path_factory.mktemp("outside")
    made = workbook.add("clp/x", "open('ran', 'w')")
    target = outside / link
    target.parent.mkdir(parents=True, exist_ok=True)
    (made if link.endswith("ipynb") else made.parent).rename(target)
    (workbook.folder / "notebooks" / link).symlink_to(target)
    for arguments in (["clp/x"], []):
        result = workbook.run(*arguments)
        assert result.exit_code == 2
        assert "leads out of" in result.stderr
    assert not (workbook.folder / "ran").exists()
    assert not workbook.reports.exists()


def test_a_link_within_the_folder_is_a_notebook(workbook):
    made = workbook.add("clp/x", "print(1)")
    (made.parent / "y.ipynb").symlink_to("x.ipynb")
    assert find_notebooks(workbook.folder / "notebooks")["clp/y"].content == made.read_bytes()


@pytest.mark.parametrize(
    "name", ["../clp/x", "/etc/passwd", "clp/../clp/x", "clp/x.ipynb", "./clp/x"]
)
def test_a_path_is_no_name(workbook, name):
    workbook.add("clp/x", "print(1)")
    result = workbook.run(name)
    assert result.exit_code == 2
    assert "no report" in result.stderr


LOOK_AROUND = """\
import json, os, psutil
from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance()
def modes(path):
    found = []
    while path not in ("/", os.environ["LOOK_UP_TO"]):
        found.append(os.stat(path).st_mode & 0o777)
        path = os.path.dirname(path)
    return found
open("seen.json", "w").write(json.dumps({
    "transport": app.transport,
    "internet": [str(c) for c in psutil.Process().net_connections("inet")],
    "sockets": [c.laddr for c in psutil.Process().net_connections("unix") if c.laddr],
    "socket_modes": modes(os.path.dirname(app.abs_connection_file)),
    "key": app.session.key.decode(),
    "connections": app.abs_connection_file,
    "ipython": os.environ["IPYTHONDIR"],
    "arguments": psutil.Process().cmdline(),
}))
"""


def test_a_kernel_listens_to_nobody_else(workbook, plain_pdf, monkeypatch):
    """On IPC, in a folder of mode 0700; with the key of pseudonyms in its environment only."""
    monkeypatch.setenv("LOOK_UP_TO", str(workbook.sockets))
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", "the-key-of-all-the-pseudonyms")
    workbook.add("clp/x", LOOK_AROUND + "print(os.environ['CRMLIB_PSEUDONYM_KEY'])")
    before = os.umask(0)
    try:
        assert workbook.run("clp/x").exit_code == 0
    finally:
        os.umask(before)
    seen = json.loads((workbook.folder / "seen.json").read_text())
    assert seen["transport"] == "ipc"
    # ipykernel has a socket for the output of processes that it forks, and takes nothing there
    # from whoever does not know its secret.
    assert len(seen["internet"]) <= 1
    assert all("127.0.0.1" in socket and "raddr=()" in socket for socket in seen["internet"])
    folder = os.path.dirname(seen["connections"])
    assert [path for path in seen["sockets"] if path.startswith("/")]
    assert all(path.startswith(folder) for path in seen["sockets"] if path.startswith("/"))
    assert seen["socket_modes"][-1] == 0o700
    assert seen["ipython"].startswith(folder)
    assert len(seen["key"]) >= 32
    assert seen["key"] not in " ".join(seen["arguments"])
    assert "the-key-of" not in " ".join(seen["arguments"])
    for path in workbook.folder.rglob("*"):
        if path.is_file():
            assert b"the-key-of" not in path.read_bytes(), path


def test_work_in_progress_is_the_owners_alone(workbook):
    before = os.umask(0)
    try:
        with publishing.work_folder(workbook.reports) as work:
            assert work.stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)


# ----------------------------------------------------------------- no rows in the record

PLANT = """\
from crmlib import tables
from crmlib.report.blocks import finding, run_record, table
read = tables.read("planted.csv", kind="customers", faulty_rows="set aside")
table(read.frame, "All rows.", "tab-rows")
finding("So many customers.", str(len(read.frame)))
run_record(read, period=("2024-01-01", "2024-01-31"))
"""
STOP = 'tables.read("planted.csv", kind="customers")'


def planted(folder, encoding="utf-8"):
    """A table whose cells stand nowhere else."""
    cells = [[f"zebra{row}", f"Quagga{row} 奶酪", f"okapi{row}", "2024-01-31"] for row in range(20)]
    cells[3][3] = "31 Brumaire"
    cells[5].append("tapir")
    cells[7][0] = "zebra6"
    lines = ["customer_id,name,region,acquired_on", *(",".join(row) for row in cells)]
    (folder / "planted.csv").write_text("\n".join(lines) + "\n", encoding=encoding)
    return ["zebra", "Quagga", "okapi", "Brumaire", "tapir", "奶酪"]


def test_the_record_of_a_run_holds_no_cell(workbook, plain_pdf):
    words = planted(workbook.folder)
    workbook.add("clp/x", PLANT)
    assert workbook.run().exit_code == 0
    text = (workbook.reports / "clp/x/run.json").read_text(encoding="utf-8")
    assert not [word for word in words if word in text]
    entry = workbook.record("clp/x")["inputs"][0]
    assert (entry["rows"], entry["set_aside"]) == (17, 3)
    notebook = (workbook.reports / "clp/x/notebook.ipynb").read_text(encoding="utf-8")
    assert [word for word in words if word in notebook] == ["zebra", "Quagga", "okapi", "奶酪"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_no_description_holds_a_cell(tmp_path, encoding):
    words = planted(tmp_path, encoding)
    table = tables.read(tmp_path / "planted.csv", "customers", faulty_rows="set aside")
    assert not [word for word in words if word in str(tables.describe(table))]


def test_with_pseudonyms_no_file_of_a_run_holds_an_id(workbook, plain_pdf, monkeypatch):
    """Neither one of a good row, nor one of a row that is refused or set aside."""
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", "the-key-of-all-the-pseudonyms")
    words = [word for word in planted(workbook.folder) if word not in ("okapi", "Brumaire")]
    workbook.add("clp/x", PLANT, "read.set_aside", STOP)
    result = workbook.run()
    assert result.exit_code == 2
    assert "zebra" not in result.stderr
    record = workbook.record("clp/x", failed=True)
    assert record["pseudonymised"] is True
    assert "earlier row" in record["message"]
    assert '"31 Brumaire"' in record["message"]  # says nothing of who it is
    paths = [path for path in workbook.reports.rglob("*") if path.is_file()]
    assert {path.name for path in paths} >= {"notebook.ipynb", "run.json", "traceback.txt"}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in [*words, "the-key-of"] if word in text], path
