"""When two runs are the same, and when an input is not what it was.

Oracle: files whose bytes the test itself changes; every part of the basis changed on its own.
"""

import hashlib
import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from crmlib.report import identity
from crmlib.report.jobs import Job
from crmlib.report.notebooks import Notebook


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.delenv("CRMLIB_PSEUDONYM_KEY", raising=False)
    monkeypatch.setattr(identity, "versions", lambda: {"python": "3.11"})
    monkeypatch.setattr(identity, "source_hash", lambda: "aa")
    monkeypatch.setattr(identity, "installed", lambda: "bb")
    return make_job(tmp_path)


def make_job(folder, cell="rate: float = 0.1\nmonths: int = 3", code="1", **settings):
    cells = [
        {"cell_type": "code", "source": cell, "metadata": {"tags": ["parameters"]}},
        {"cell_type": "code", "source": code, "metadata": {}},
    ]
    path = folder / f"{len(list(folder.iterdir()))}.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))
    return Job(Notebook("clp/x", path), settings.pop("values", {}), folder / "out", **settings)


def add_run(job, inputs, *, place="clp/x", name="a", state="good", **record):
    subject, leaf = place.split("/")
    folder = job.out / subject / ".runs" / leaf / name
    folder.mkdir(parents=True)
    (folder / "report.pdf").write_bytes(b"pdf")
    record = {
        "state": state,
        "basis": identity.basis_of(job),
        "inputs": inputs,
        "files": {"report.pdf": hashlib.sha256(b"pdf").hexdigest()},
        **record,
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def told(path):
    return {"source": str(path), "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}


# ----------------------------------------------------------------- the basis


def test_everything_a_report_is_made_from_is_in_its_basis(job, tmp_path, monkeypatch):
    bases = {
        "as it is": identity.basis_of(job),
        "code": identity.basis_of(make_job(tmp_path, code="2")),
        "default": identity.basis_of(make_job(tmp_path, "rate: float = 0.2\nmonths: int = 3")),
        "value": identity.basis_of(replace(job, values={"rate": 0.2})),
        "text": identity.basis_of(replace(job, values={"rate": "0.2"})),
        "whole": identity.basis_of(replace(job, values={"rate": 2})),
        "true": identity.basis_of(replace(job, values={"rate": True})),
        "as of": identity.basis_of(replace(job, as_of=date(2026, 10, 31))),
        "as of another day": identity.basis_of(replace(job, as_of=date(2026, 10, 30))),
    }
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", "0123456789abcdef")
    bases["pseudonyms"] = identity.basis_of(job)
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", "0123456789abcdeF")
    bases["other pseudonyms"] = identity.basis_of(job)
    monkeypatch.delenv("CRMLIB_PSEUDONYM_KEY")
    monkeypatch.setattr(identity, "versions", lambda: {"python": "3.12"})
    bases["versions"] = identity.basis_of(job)
    monkeypatch.setattr(identity, "installed", lambda: "bc")
    bases["a font or a driver"] = identity.basis_of(job)
    monkeypatch.setattr(identity, "source_hash", lambda: "ab")
    bases["crmlib"] = identity.basis_of(job)
    assert len(set(bases.values())) == len(bases), bases


def test_what_a_report_is_not_made_from_is_not(job, tmp_path, monkeypatch):
    basis = identity.basis_of(job)
    elsewhere = tmp_path / "elsewhere.ipynb"
    elsewhere.write_bytes(job.notebook.content)
    for other in (
        replace(job, values={"rate": 0.1}),  # the default
        replace(job, notebook=Notebook("clp/x", elsewhere)),
        replace(job, place="monthly/x", timeout=5, memory=10**9, threads=2, labels={"job": "x"}),
    ):
        assert identity.basis_of(other) == basis
    monkeypatch.setenv("SOMETHING", "else")
    assert identity.basis_of(job) == basis


def test_the_id_of_a_run_tells_inputs_apart():
    a, b = {"sha256": "a"}, {"sha256": "b"}
    ids = {
        identity.run_id_of("basis", {"inputs": inputs, "read_beside": beside})
        for inputs in ([], [a], [b], [{"sha256": None}], [{}, {}])
        for beside in ([], [b], [a, a])
    }
    assert len(ids) == 14  # [] and [b] are [b] and [] together
    assert {len(run_id) for run_id in ids} == {12}
    assert identity.run_id_of("other", {"inputs": []}) not in ids


def test_the_source_of_crmlib_has_one_hash_until_it_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "WORKBOOK", tmp_path)
    (tmp_path / "crmlib").mkdir()
    hashes = set()
    for name, text in (("a.py", "1"), ("a.py", "2"), ("b.typ", "1"), ("c.txt", "not code")):
        (tmp_path / "crmlib" / name).write_text(text)
        hashes.add(identity.source_hash.__wrapped__())
    assert len(hashes) == 3


# ----------------------------------------------------------------- the same as before


def test_a_run_that_would_be_the_same_is_found(job, tmp_path):
    table = tmp_path / "orders.csv"
    table.write_text("a,b\n1,2\n")
    folder = add_run(job, [told(table)])
    assert identity.same_as_before(job).folder == folder
    os.utime(table, (1, 1))  # times do not matter
    assert identity.same_as_before(job).folder == folder
    table.write_text("a,b\n1,3\n")
    assert identity.same_as_before(job) is None
    table.write_text("a,b\n1,2\n")
    assert identity.same_as_before(job).folder == folder
    table.unlink()
    assert identity.same_as_before(job) is None


def test_a_notebook_that_says_it_reads_nothing_gives_the_same(job):
    assert identity.same_as_before(job) is None  # never run
    folder = add_run(job, [])
    assert identity.same_as_before(job).folder == folder
    assert identity.same_as_before(replace(job, values={"rate": 0.3})) is None
    assert identity.same_as_before(replace(job, place="clp/y")) is None


@pytest.mark.parametrize(
    "inputs",
    [
        None,  # the notebook does not tell them
        [{"source": "postgresql://db/crm#orders", "sha256": None}],
        [{"sha256": "ab"}],
        "orders.csv",
        ["orders.csv"],
        [{"source": ["orders.csv"], "sha256": "ab"}],
        [{"source": "orders.csv", "sha256": 5}],
    ],
)
def test_inputs_of_which_nothing_is_known_are_read_again(job, inputs):
    add_run(job, inputs)
    assert identity.same_as_before(job) is None


def test_one_table_of_a_server_among_files_is_enough(job, tmp_path):
    table = tmp_path / "orders.csv"
    table.write_text("a\n")
    add_run(job, [told(table), {"source": "postgresql://db/crm", "sha256": None}])
    assert identity.same_as_before(job) is None


def test_failed_and_damaged_runs_are_made_again(job):
    add_run(job, [], name="failed", state="failed")
    damaged = add_run(job, [], name="damaged")
    (damaged / "report.pdf").write_bytes(b"pdg")
    assert identity.same_as_before(job) is None
    good = add_run(job, [], name="good")
    assert identity.same_as_before(job).folder == good


# ----------------------------------------------------------------- changed inputs


def test_inputs_that_were_replaced_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("same.csv", "other.csv", "gone.csv"):
        Path(name).write_text("a\n1\n")
    inputs = [told("same.csv"), told("other.csv"), told("other.csv"), told("gone.csv")]
    inputs += [{"source": "postgresql://db/crm", "sha256": None}, {"sha256": "ab"}]
    assert identity.changed_inputs({"inputs": inputs}) == []
    Path("other.csv").write_text("a\n2\n")
    Path("gone.csv").unlink()
    assert identity.changed_inputs({"inputs": inputs}) == ["other.csv", "gone.csv"]
    assert identity.changed_inputs({"inputs": None}) == []
    assert identity.changed_inputs({"inputs": [], "read_beside": inputs}) == [
        "other.csv",
        "gone.csv",
    ]
    assert identity.changed_inputs({}) == []
