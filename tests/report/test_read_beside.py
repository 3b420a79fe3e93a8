"""What a notebook reads beside its inputs, and that a change of it makes a report anew.

Oracle: files whose bytes the tests themselves change.
"""

import hashlib
import sys
import threading
from pathlib import Path

from crmlib import tables
from crmlib.report.jobs import Job
from crmlib.report.notebooks import find_notebooks
from crmlib.report.read_beside import read_beside
from crmlib.report.run import run_report
from crmlib.tables import fingerprints

ORDERS = "customer_id,date,amount\nC1,2026-01-05,10.5\nC2,2026-01-06,11\n"


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_tables_that_the_record_does_not_tell_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fingerprints, "_read", {})
    for name in ("told.csv", "other.csv"):
        Path(name).write_text(ORDERS)
    told = tables.read("told.csv", kind="transactions").description
    tables.read("other.csv", kind="transactions")
    tables.read("other.csv", kind="transactions")
    beside = [entry for entry in read_beside([told]) if not entry["source"].endswith(".py")]
    assert beside == [{"source": "other.csv", "sha256": sha256("other.csv")}]
    Path("told.csv").write_text(ORDERS.replace("11", "12"))
    tables.read("told.csv", kind="transactions")  # another one by the same name
    assert {"source": "told.csv", "sha256": sha256("told.csv")} in read_beside([told])


def test_modules_of_ones_own_and_no_others(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(fingerprints, "_read", {})
    path = tmp_path / "rates_of_test_read_beside.py"
    path.write_text("rate = 1\n")
    before = read_beside([])
    __import__(path.stem)
    try:
        added = [entry for entry in read_beside([]) if entry not in before]
    finally:
        del sys.modules[path.stem]
    assert added == [{"source": str(path.resolve()), "sha256": sha256(path)}]
    installed = ("site-packages", "crmlib/crmlib", "/lib/python3")
    assert not [entry for entry in before if any(part in entry["source"] for part in installed)]


def test_a_report_is_made_anew_when_what_it_read_beside_has_changed(workbook, plain_pdf):
    (workbook.folder / "rates.py").write_text("rate = 1\n")
    (workbook.folder / "told.csv").write_text(ORDERS)
    (workbook.folder / "beside.csv").write_text(ORDERS)
    workbook.add(
        "clp/x",
        "import rates\nfrom crmlib import tables\nfrom crmlib.report.blocks import run_record\n"
        "told = tables.read('told.csv', kind='transactions')\n"
        "beside = tables.read('beside.csv', kind='transactions')\n"
        "print('rate', rates.rate, beside.frame['amount'].sum())",
        "run_record(told)",
    )
    notebook = find_notebooks(workbook.folder / "notebooks")["clp/x"]
    job = Job(notebook, {}, workbook.reports, repeat=False)
    states = [run_report(job, threading.Event()).state for _ in range(2)]
    (workbook.folder / "rates.py").write_text("rate = 2  # another one\n")
    states.append(run_report(job, threading.Event()).state)
    (workbook.folder / "beside.csv").write_text(ORDERS.replace("11", "12"))
    states += [run_report(job, threading.Event()).state for _ in range(2)]
    assert states == ["good", "unchanged", "good", "good", "unchanged"]
