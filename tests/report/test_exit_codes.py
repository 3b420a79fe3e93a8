"""Every way a run can fail: its exit code, its message, and what it leaves untouched."""

import os
import signal
import subprocess
import sys
import time

import pytest

from crmlib.report import run
from tests.report.conftest import OWN_NOTEBOOKS

PROGRAM = "from crmlib.cli import main; main()"
GO_ON = "print('still here')"
EXIT = "import sys\nsys.exit(0)"


@pytest.mark.parametrize(
    ("cells", "options", "code", "message"),
    [
        pytest.param([GO_ON, "1 / 0", GO_ON], [], 1, "ZeroDivisionError: division by", id="error"),
        pytest.param([GO_ON, "1 +"], [], 1, "SyntaxError: invalid syntax", id="syntax"),
        pytest.param([EXIT, GO_ON, GO_ON], [], 1, "SystemExit: 0", id="exit in first cell"),
        pytest.param([GO_ON, EXIT, GO_ON], [], 1, "SystemExit: 0", id="exit in middle cell"),
        pytest.param([GO_ON, GO_ON, EXIT], [], 1, "SystemExit: 0", id="exit in last cell"),
        pytest.param(["input()"], [], 1, "StdinNotImplementedError", id="asks the keyboard"),
        pytest.param(
            ["get_ipython().showtraceback = lambda *_, **__: None\n1 / 0", GO_ON],
            [],
            1,
            "cell 2 failed: get_ipython().showtraceback = lambda *_, **__: None\n"
            "ZeroDivisionError: division by zero",
            id="error without a traceback, as when memory is full",
        ),
        pytest.param([], [], 1, "the notebook has no code", id="empty"),
        pytest.param(
            ["class InputError(Exception): ...", "raise InputError('no column amount')"],
            [],
            2,
            "clp/x: no column amount",
            id="bad data",
        ),
        pytest.param(
            [GO_ON, "while True: pass"],
            ["--timeout", "6"],
            124,
            "not finished after 6 seconds in cell 3: while True: pass; "
            "give it more with --timeout, or in a schedule with timeout\n",
            id="hangs",
        ),
        pytest.param(
            ["import signal\nsignal.signal(2, 1)\nsignal.signal(15, 1)\nwhile True: pass"],
            ["--timeout", "4"],
            124,
            "not finished after 4 seconds in cell 2",
            id="hangs and ignores signals",
        ),
        pytest.param(
            [GO_ON], ["--timeout", "0.05"], 124, "before its first cell", id="no time to start"
        ),
        pytest.param(
            [GO_ON, "import os\nos.kill(os.getpid(), 9)", GO_ON],
            [],
            138,
            "the kernel died in cell 3: import os\nits process was ended by SIGKILL",
            id="killed",
        ),
        pytest.param(
            ["import os, subprocess\nsubprocess.Popen(['sleep', '997'])", "os._exit(0)"],
            [],
            138,
            "the kernel died in cell 3: os._exit(0)\nits process ended with exit code 0",
            id="ends with a child left",
        ),
    ],
)
def test_a_failing_run(workbook, plain_pdf, cells, options, code, message):
    workbook.add("clp/x", *cells)
    workbook.publish_by_hand("clp/x")
    good = workbook.files("clp/x")

    result = workbook.run("clp/x", *options)

    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output
    assert workbook.files("clp/x") == good
    record = workbook.record("clp/x", failed=True)
    assert (record["state"], record["exit_code"]) == ("failed", code)
    assert record["message"] in result.stderr
    kept = workbook.reports / "failed" / "clp" / "x"
    assert {path.name for path in kept.iterdir()} == {
        "notebook.ipynb",
        "log.txt",
        "traceback.txt",
        "run.json",
    }
    assert "\x1b" not in (kept / "traceback.txt").read_text(encoding="utf-8")
    assert workbook.left_behind() == []
    if any("sleep" in cell for cell in cells):  # only here: other tests run at the same time
        assert "sleep 997" not in _commands()


def test_a_page_of_reports_that_cannot_be_written_is_told(workbook, plain_pdf):
    workbook.add("clp/x", GO_ON)
    (workbook.reports / "index.html").mkdir(parents=True)
    result = workbook.run("clp/x")
    assert result.exit_code == 74
    assert "index.html could not be written" in result.stderr
    assert workbook.record("clp/x")["state"] == "good"


def _commands():
    import psutil

    found = (process.info["cmdline"] for process in psutil.process_iter(["cmdline"]))
    return [" ".join(command or []) for command in found]


def test_the_message_of_a_failed_cell_has_three_lines(workbook, plain_pdf):
    workbook.add("clp/x", GO_ON, "# the division\nx = 0\n1 / x")
    assert workbook.run("clp/x").stderr.splitlines() == [
        "crmlib: clp/x: cell 3 failed: # the division",
        "ZeroDivisionError: division by zero",
        "notebook, traceback and log are kept in reports/failed/clp/x",
    ]
    traceback = workbook.reports / "failed/clp/x/traceback.txt"
    assert "1 / x" in traceback.read_text(encoding="utf-8")


def test_rendering_that_fails(workbook, plain_pdf, monkeypatch):
    def fail(notebook, record, destination, stop):
        destination.write_text("half a PDF")
        raise run.rendering.RenderingError("the template is not there")

    workbook.add("clp/x", GO_ON)
    workbook.publish_by_hand("clp/x")
    good = workbook.files("clp/x")
    monkeypatch.setattr(run.rendering, "render_pdf", fail)
    result = workbook.run("clp/x")
    assert result.exit_code == 3
    assert "crmlib: clp/x: no PDF: the template is not there" in result.stderr
    assert workbook.files("clp/x") == good
    assert not (workbook.reports / "failed/clp/x/report.pdf").exists()

    monkeypatch.setattr(run.rendering, "render_pdf", lambda *_: 1 / 0)
    result = workbook.run("clp/x")
    assert result.exit_code == 3
    assert "no PDF: ZeroDivisionError: division by zero" in result.stderr
    assert workbook.files("clp/x") == good


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clp/y"], "crmlib: there is no report clp/y; did you mean clp/x?"),
        (["clp/x", "-p", "rat=1"], "clp/x has no parameter rat; did you mean rate?"),
        (["clp/x", "-p", "rate=high"], "clp/x: rate: 'high' is not a number (a month)"),
        (["clp/x", "-f", "none.toml"], "none.toml: cannot be read"),
        (["clp/x", "--jobs", "0"], "Invalid value for '--jobs'"),
        (["clp/x", "--colour"], "No such option"),
        (["--notebooks", "nowhere"], "nowhere: there is no such folder"),
        (["clp/broken"], "clp/broken: line 1 of the parameters cell: `a = 1` should be"),
    ],
)
def test_bad_arguments_write_nothing(workbook, arguments, message):
    workbook.add("clp/x", GO_ON, parameters="rate: float = 0.1  # a month")
    workbook.add("clp/broken", GO_ON, parameters="a = 1")
    result = workbook.run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not workbook.reports.exists()


def test_one_that_fails_does_not_stop_the_others(workbook, plain_pdf):
    workbook.add("clp/a", "1 / 0")
    workbook.add("clp/b", GO_ON)
    workbook.add("clp/c", "import os\nos._exit(1)")
    result = workbook.run()
    assert result.exit_code == 1  # of the first that failed
    assert "clp/c: the kernel died" in result.stderr
    assert workbook.record("clp/b")["state"] == "good"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["terminated", "Ctrl-C"]
)
def test_interrupted_runs_leave_everything_as_it_was(workbook, number, code):
    workbook.add("clp/x", "open('begun', 'w').close()", "while True: pass")
    workbook.publish_by_hand("clp/x")
    good = workbook.files("clp/x")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "report", "clp/x", *OWN_NOTEBOOKS],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(600):
            if os.path.exists("begun"):
                break
            time.sleep(0.1)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code
    assert said == "crmlib: interrupted; the last good reports are as they were\n"
    assert workbook.files("clp/x") == good
    assert not (workbook.reports / "failed").exists()
    assert workbook.left_behind() == []
