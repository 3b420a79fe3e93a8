"""A kernel's limits, and what is left when it, or the runner, is killed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

from crmlib.report.execution import run_notebook
from crmlib.report.kernels import resident_memory
from crmlib.tables import engine

MEGABYTE = 10**6
needs_process_groups = pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where sockets and temporary files go; the path must be short."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.setenv("TMPDIR", folder)
        yield folder


def notebook(*cells):
    return writes(new_notebook(cells=[new_code_cell(cell) for cell in cells])).encode()


def run(tmp_path, *cells, **limits):
    return run_notebook(
        notebook(*cells), {}, log=tmp_path / "log.txt", stop=threading.Event(), **limits
    )


def printed(execution):
    return "".join(
        output.text
        for cell in execution.notebook.cells
        for output in cell.outputs
        if output.output_type == "stream"
    )


def processes(word):
    found = psutil.process_iter(["cmdline", "status"])
    return [
        process.pid
        for process in found
        if word in (process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


# ----------------------------------------------------------------- memory

FILLS_300_MEGABYTES = "import time; held = b'1' * 300_000_000; time.sleep(60)"


@needs_process_groups
def test_memory_of_a_kernel_and_its_children_is_limited(tmp_path, scratch):
    execution = run(
        tmp_path,
        "import os, subprocess, sys, tempfile\nos.write(tempfile.mkstemp()[0], b'spilled')",
        f"subprocess.run([sys.executable, '-c', {FILLS_300_MEGABYTES!r}, 'test_limits'])",
        memory=250 * MEGABYTE,
    )
    assert execution.exit_code == 138
    assert execution.failure.message == (
        "used more than the 250 MB it may in cell 2: "
        f"{execution.notebook.cells[1].source[:70]}…; "
        'give it more with memory = "500 MB"'
    )
    assert processes("test_limits") == []
    assert os.listdir(scratch) == []


@needs_process_groups
def test_resident_memory_adds_up_a_process_and_its_children():
    child = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {FILLS_300_MEGABYTES!r}])"
    )
    with subprocess.Popen([sys.executable, "-c", child], start_new_session=True) as process:
        try:
            most = 0
            until = time.monotonic() + 30
            while most < 300 * MEGABYTE and time.monotonic() < until:
                time.sleep(0.05)
                most = resident_memory(process.pid)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert 300 * MEGABYTE < most < 400 * MEGABYTE  # two interpreters of some 10 MB each
    wait_for(lambda: resident_memory(process.pid) == 0)  # the child goes a moment later


# ----------------------------------------------------------------- threads


def test_threads_are_limited_for_blas_joblib_and_duckdb(tmp_path, scratch):
    execution = run(
        tmp_path,
        "import json, os\nimport joblib\nfrom crmlib.tables import engine\n"
        "query = \"SELECT current_setting('threads')\"\n"
        "duckdb = engine.connection().raw_sql(query).fetchone()[0]\n"
        "names = ['OMP', 'OPENBLAS', 'MKL']\n"
        "set_to = [os.environ[f'{name}_NUM_THREADS'] for name in names]\n"
        "print(json.dumps([*set_to, joblib.cpu_count(), duckdb]))",
        threads=1,
    )
    assert execution.failure is None
    assert json.loads(printed(execution)) == ["1", "1", "1", 1, 1]


def test_duckdb_takes_all_cores_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    assert engine._threads() == {}
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert engine._threads() == {"threads": 1}


# ----------------------------------------------------------------- the end of a kernel


def test_what_a_notebook_has_open_is_closed_before_its_kernel_ends(tmp_path, scratch):
    unfinished, registered = tmp_path / "unfinished.txt", tmp_path / "registered.txt"
    execution = run(
        tmp_path,
        f"file = open({str(unfinished)!r}, 'w')\nfile.write('all of it')\n"
        "import atexit, pathlib\n"
        f"atexit.register(pathlib.Path({str(registered)!r}).write_text, 'called')",
    )
    assert execution.failure is None
    assert unfinished.read_text() == "all of it"
    assert registered.read_text() == "called"
    assert os.listdir(scratch) == []


RUNNER = """
import pathlib, sys, threading
from crmlib.report.execution import run_notebook

log = pathlib.Path(sys.argv[2])
run_notebook(pathlib.Path(sys.argv[1]).read_bytes(), {}, log=log, stop=threading.Event())
"""


WAITS = "child.wait()"
LETS_NO_THREAD_RUN = "import re\nre.match('(a+)+$', 'a' * 60 + 'b')"


@needs_process_groups
@pytest.mark.parametrize("goes_on", [WAITS, LETS_NO_THREAD_RUN])
def test_a_kernel_whose_runner_was_killed_ends_and_leaves_nothing(tmp_path, scratch, goes_on):
    begun, path = tmp_path / "begun", tmp_path / "x.ipynb"
    path.write_bytes(
        notebook(
            "import subprocess, sys\n"
            "wait = 'import time; time.sleep(600)'\n"
            "child = subprocess.Popen([sys.executable, '-c', wait, 'left_by_test_limits'])\n"
            f"open({str(begun)!r}, 'w').close()\n{goes_on}"
        )
    )
    command = [sys.executable, "-c", RUNNER, str(path), str(tmp_path / "log.txt")]
    with subprocess.Popen(command) as runner:
        wait_for(begun.exists)
        assert processes("left_by_test_limits")
        runner.kill()
    wait_for(lambda: not processes("left_by_test_limits"))
    wait_for(lambda: not processes(str(scratch)))
    assert os.listdir(scratch) == []


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
