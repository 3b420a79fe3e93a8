"""`crmlib schedule` as a scheduler sees it: output, exit codes, what is written."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from click.testing import CliRunner

from crmlib.cli import main, schedules
from crmlib.report.jobs import Result
from crmlib.report.locks import report_lock
from crmlib.schedules import alerts, running
from tests.report.conftest import OWN_NOTEBOOKS

TELLS_INPUTS = "from crmlib.report.blocks import run_record\nrun_record()"


def run(*arguments):
    words = ["schedule", *OWN_NOTEBOOKS, *arguments]
    return CliRunner().invoke(main, words, catch_exceptions=False)


@pytest.fixture
def monthly(workbook):
    """A workbook of one notebook and a schedule of two regions and another job."""
    workbook.add("clp/x", "print(region)", parameters='region: str = "a"\nsource: str = ""')
    workbook.add("clp/y", "print('y')")

    def write(extra="", head=""):
        (workbook.folder / "monthly.toml").write_text(
            f"""{head}
            [jobs.value]
            notebook = "clp/x"
            parameters.source = "postgresql://crm:${{CRM_PASSWORD}}@db/crm#orders_{{region}}"
            for = {{ region = ["north", "south"] }}
            [jobs.churn]
            notebook = "clp/y"
            {extra}
            """
        )

    write()
    return write


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("CRM_PASSWORD", "hunter2hunter2")


@pytest.fixture
def runs(monkeypatch):
    """Runs that only note their jobs, and end as said."""
    made = []
    endings = {}

    def run_report(job, stop, on_cell=None):
        made.append(job)
        exit_code, state, message = endings.get(job.place, (0, "good", ""))
        folder = job.out / (f"failed/{job.place}" if state == "failed" else job.place)
        record = {"run_id": "3f9a12bc77aa", "parameters": dict(job.values)}
        return Result(job.place, exit_code, folder, 1.5, message, state, record)

    monkeypatch.setattr(running, "run_report", run_report)
    return made, endings


# ----------------------------------------------------------------- shown only


def test_a_dry_run_shows_each_run_and_writes_nothing(workbook, monthly):
    monthly('memory = "4 GB"\ntimeout = "30 min"', head='retries = 2\nretry_wait = "90 s"')
    before = sorted(workbook.folder.rglob("*"))
    result = run("monthly.toml", "--dry-run", "--as-of", "2026-11-22", "--only", "churn")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "monthly/churn",
        "  report      clp/y",
        "  parameters  all at their defaults",
        "  as of       2026-11-22",
        "  limits      1800 s, 4 GB, tried 3 times, 90 s apart, keeps the last 2 and 0 month-ends",
        f"  folder      {workbook.reports / 'monthly/churn'}",
        "  would       run",
        "",
    ]
    result = run("monthly.toml", "--dry-run")
    assert 'source = "postgresql://crm:${CRM_PASSWORD}@db/crm#orders_south"' in result.stdout
    assert 'region = "south"' in result.stdout
    assert "hunter2" not in result.output
    assert sorted(workbook.folder.rglob("*")) == before


def test_a_dry_run_as_json(workbook, monthly):
    result = run("monthly.toml", "--dry-run", "--log", "json", "--as-of", "2026-11-22")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["place"] for line in lines] == [
        "monthly/value-north",
        "monthly/value-south",
        "monthly/churn",
    ]
    assert lines[0]["parameters"]["region"] == "north"
    assert lines[0]["unchanged"] is False


# ----------------------------------------------------------------- what is said


def test_lines_to_read_good_on_stdout_and_bad_on_stderr(workbook, monthly, runs):
    _, endings = runs
    endings["monthly/value-south"] = (3, "failed", "no PDF")
    endings["monthly/churn"] = (75, "held", "process 7 is making this report")
    result = run("monthly.toml")
    assert result.exit_code == 3
    folder = workbook.reports / "monthly/value-north"
    assert [line.split("  ", 1)[1] for line in result.stdout.splitlines()] == [
        f"monthly/value-north     1.5 s  good       {folder / 'report.pdf'}"
    ]
    assert [line.split("  ", 1)[1] for line in result.stderr.splitlines()] == [
        "monthly/value-south     1.5 s  failed     exit code 3; no PDF; "
        f"kept in {workbook.reports / 'failed/monthly/value-south'}",
        "monthly/churn           1.5 s  held       process 7 is making this report",
    ]


def test_json_is_one_line_a_run_and_nothing_else(workbook, monthly, runs):
    monthly(head=f'alert = {{ command = ["{sys.executable}", "-c", "print(1)"] }}')
    _, endings = runs
    endings["monthly/value-south"] = (1, "failed", "cell 2 failed\nof course")
    result = run("monthly.toml", "--log", "json", "--jobs", "2")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted((line["place"], line["state"], line["exit_code"]) for line in lines) == [
        ("monthly/churn", "good", 0),
        ("monthly/value-north", "good", 0),
        ("monthly/value-south", "failed", 1),
    ]
    assert result.stderr == ""
    assert result.exit_code == 1


def test_more_jobs_than_cores_are_cut_and_said(monthly, runs, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    result = run("monthly.toml", "--jobs", "64")
    assert "--jobs 64 is more than the cores there are; 2 at the same time" in result.stderr
    assert {job.threads for job in runs[0]} == {1}


def test_only_some_and_by_force(monthly, runs):
    made, _ = runs
    assert run("monthly.toml", "--only", "value-south", "--force").exit_code == 0
    assert [(job.place, job.repeat) for job in made] == [("monthly/value-south", True)]
    assert run("monthly.toml", "--only", "value").exit_code == 0
    assert [(job.place, job.repeat) for job in made[1:]] == [
        ("monthly/value-north", False),
        ("monthly/value-south", False),
    ]


# ----------------------------------------------------------------- faults before anything runs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["monthly.toml", "--only", "valu"], "monthly.toml: there is no job valu; did you mean"),
        (["nothing.toml"], "nothing.toml: cannot be read"),
        (["monthly.toml", "--as-of", "yesterday"], "Invalid value for '--as-of'"),
        (["monthly.toml", "--jobs", "0"], "Invalid value for '--jobs'"),
        (["monthly.toml", "--backend", "dask"], "needs --scheduler ADDRESS"),
        (["monthly.toml", "--scheduler", "tcp://x:1"], "is for --backend dask"),
        (["monthly.toml", "--notebooks", "nowhere"], "nowhere: there is no such folder"),
        ([], "Missing argument 'FILE.toml'"),
    ],
)
def test_bad_arguments_run_and_write_nothing(workbook, monthly, runs, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert runs[0] == []
    assert not workbook.reports.exists()


def test_faults_of_the_file_are_told_before_anything_runs(workbook, monthly, runs):
    monthly('retires = 1\n[jobs.more]\nnotebook = "clp/z"')
    result = run("monthly.toml")
    assert result.exit_code == 2
    assert "did you mean retries?" in result.stderr
    assert "there is no report clp/z" in result.stderr
    assert runs[0] == []


# ----------------------------------------------------------------- alerts


def test_only_a_failed_run_is_told(workbook, monthly, runs):
    (workbook.folder / "tell.py").write_text(
        "import sys, json\nrun = json.load(sys.stdin)\n"
        "with open('told', 'a') as file:\n    print(run['place'], run['run_id'], file=file)\n"
    )
    monthly(head=f'alert = {{ command = ["{sys.executable}", "tell.py"] }}')
    _, endings = runs
    endings["monthly/value-north"] = (75, "held", "")
    endings["monthly/churn"] = (1, "failed", "")
    assert run("monthly.toml").exit_code == 1
    assert (workbook.folder / "told").read_text() == "monthly/churn 3f9a12bc77aa\n"


def test_an_alert_that_fails_is_said_and_changes_no_exit_code(monthly, runs):
    monthly(head=f'alert = {{ command = ["{sys.executable}", "-c", "exit(9)"] }}')
    runs[1]["monthly/churn"] = (124, "failed", "too slow")
    result = run("monthly.toml")
    assert result.exit_code == 124
    assert result.stderr.splitlines()[-1] == (
        f"crmlib: monthly/churn: the alert failed: {sys.executable} was not told: "
        "it ended with exit code 9"
    )


def test_the_alert_is_sent_before_the_log_is_written(monthly, runs, monkeypatch):
    told = []
    monthly(head='alert = { command = ["true"] }')
    monkeypatch.setattr(alerts, "send_alert", lambda *_: told.append("alert"))
    monkeypatch.setattr(schedules, "say", lambda *_, **__: told.append("line") or "")
    runs[1]["monthly/churn"] = (1, "failed", "")
    assert run("monthly.toml", "--only", "churn").exit_code == 1
    assert told == ["alert", "line"]


# ----------------------------------------------------------------- a log that cannot be written

# In place of runs, only how they end: no kernel is started.
ENDINGS = """
import sys
from crmlib.cli import main
from crmlib.report.jobs import Result
from crmlib.schedules import running

def run_report(job, stop, on_cell=None):
    open("made", "a").write(job.place + "\\n")
    failed = job.place == "monthly/churn" and "churn" in FAILING
    state = "failed" if failed else "good"
    return Result(job.place, int(failed), job.out / job.place, 1.5, "", state)

running.run_report = run_report
main(["schedule", "monthly.toml", "--notebooks", "notebooks", *sys.argv[1:]])
"""
ALL = ["monthly/value-north", "monthly/value-south", "monthly/churn"]
needs_a_full_device = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="there is no device that is always full"
)


def ended(*arguments, failing="", stdout=subprocess.PIPE, stderr=subprocess.PIPE):
    program = f"FAILING = {failing!r}\n{ENDINGS}"
    command = [sys.executable, "-c", program, *arguments]
    # As a scheduler starts it: what was not written is still there when Python ends.
    buffered = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    how = {"stdout": stdout, "stderr": stderr, "env": buffered}
    return subprocess.run(command, text=True, timeout=60, **how)


def made(workbook):
    return (workbook.folder / "made").read_text().splitlines()


@needs_a_full_device
@pytest.mark.parametrize("log", ["human", "json"])
def test_all_runs_are_made_though_the_log_is_full(workbook, monthly, log):
    with open("/dev/full", "w") as full:
        process = ended("--log", log, stdout=full)
    assert made(workbook) == ALL
    assert process.stderr == (
        "crmlib: not all of the log could be written: No space left on device\n"
    )
    assert process.returncode == 74


@needs_a_full_device
def test_a_run_that_fails_is_told_though_nothing_can_be_printed(workbook, monthly):
    tell = "open('told', 'w').write('told')"
    monthly(head=f'alert = {{ command = ["{sys.executable}", "-c", "{tell}"] }}')
    with open("/dev/full", "w") as full:
        process = ended(failing="churn", stdout=full, stderr=full)
    assert made(workbook) == ALL
    assert (workbook.folder / "told").exists()
    assert process.returncode == 1  # worse than a log that is full


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break in another way there")
def test_a_reader_of_the_log_that_goes_away_stops_nothing(workbook, monthly):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = ended(stdout=writer)
    finally:
        os.close(writer)
    assert made(workbook) == ALL
    assert process.stderr == "crmlib: not all of the log could be written: Broken pipe\n"
    assert process.returncode == 74


@pytest.mark.parametrize("log", ["human", "json"])
def test_a_page_of_reports_that_cannot_be_written_is_told_as_a_fault(monthly, monkeypatch, log):
    def run_report(job, stop, on_cell=None):
        is_listed = job.place != "monthly/churn"
        message = "" if is_listed else "index.html could not be written: no"
        return Result(job.place, 0, job.out / job.place, 1.0, message, is_listed=is_listed)

    monkeypatch.setattr(running, "run_report", run_report)
    result = run("monthly.toml", "--log", log)
    assert result.exit_code == 74
    [line] = result.stderr.splitlines()
    assert "monthly/churn" in line
    assert "index.html could not be written: no" in line
    assert run("monthly.toml", "--only", "value").exit_code == 0


# ----------------------------------------------------------------- the key of pseudonyms


@pytest.mark.parametrize("option", ["--dry-run", "--force"])
@pytest.mark.parametrize("key", ["", "short"])
def test_a_key_that_makes_no_pseudonyms_is_told_before_anything_runs(
    workbook, monthly, runs, monkeypatch, option, key
):
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", key)
    result = run("monthly.toml", option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the environment variable CRMLIB_PSEUDONYM_KEY" in result.stderr
    result = workbook.run("clp/x")
    assert result.exit_code == 2
    assert result.stderr.startswith("crmlib: the environment variable CRMLIB_PSEUDONYM_KEY ")
    assert not workbook.reports.exists()


# ----------------------------------------------------------------- with real kernels


def test_a_notebook_gets_the_secrets_of_its_own_job_only(workbook, plain_pdf, monkeypatch):
    monkeypatch.setenv("CRM_HOOK", "hook/12345")
    monkeypatch.setenv("CRM_NAMED", "named/12345")
    look = "import os\nprint(dict(os.environ))\n# ${CRM_NAMED}"
    workbook.add("clp/x", look, parameters='source: str = ""')
    workbook.add("clp/y", "1 / 0")
    (workbook.folder / "daily.toml").write_text(
        'alert.webhook = "http://127.0.0.1:9/${CRM_HOOK}"\n'
        '[jobs.x]\nnotebook = "clp/x"\nparameters.source = "a_${CRM_PASSWORD}.csv"\n'
        '[jobs.y]\nnotebook = "clp/x"\nparameters.source = "b_${CRM_NAMED}.csv"\n'
    )
    result = run("daily.toml")
    assert result.exit_code == 0, result.output
    told = {
        name: (workbook.reports / f"daily/{name}/notebook.ipynb").read_text(encoding="utf-8")
        for name in ("x", "y")
    }
    assert ["'CRM_PASSWORD': '…'" in told[name] for name in ("x", "y")] == [True, False]
    assert ["'CRM_HOOK'" in text for text in told.values()] == [False, False]
    assert all("'CRM_NAMED': '…'" in text for text in told.values())  # the notebook names it
    left = b"".join(path.read_bytes() for path in workbook.reports.rglob("*") if path.is_file())
    assert [value for value in (b"hunter2", b"hook/", b"named/") if value in left] == []


def test_what_a_notebook_says_of_other_jobs_secrets_is_hidden(workbook, plain_pdf, monkeypatch):
    monkeypatch.setenv("CRM_HOOK", "hook/12345")
    workbook.add("clp/x", "print(open('copy').read())")
    (workbook.folder / "copy").write_text("<hook/12345>")
    head = 'alert.webhook = "http://127.0.0.1:9/${CRM_HOOK}"\n'
    (workbook.folder / "daily.toml").write_text(head + '[jobs.x]\nnotebook = "clp/x"\n')
    assert run("daily.toml").exit_code == 0
    notebook = (workbook.reports / "daily/x/notebook.ipynb").read_text(encoding="utf-8")
    assert "<…>" in notebook


def test_what_is_there_is_not_made_again_and_says_so(workbook, plain_pdf):
    workbook.add("clp/x", TELLS_INPUTS)
    (workbook.folder / "daily.toml").write_text('[jobs.x]\nnotebook = "clp/x"\n')
    arguments = ["daily.toml", "--as-of", "2026-11-22", "--log", "json"]
    first = json.loads(run(*arguments).stdout)
    assert first["state"] == "good", first
    assert json.loads(run(*arguments, "--dry-run").stdout)["unchanged"] is True
    again = run(*arguments)
    assert again.exit_code == 0
    told = json.loads(again.stdout)
    assert (told["state"], told["run_id"]) == ("unchanged", first["run_id"])
    assert "the same as" in told["message"]
    next_day = run("daily.toml", "--as-of", "2026-11-23", "--dry-run", "--log", "json")
    assert json.loads(next_day.stdout)["unchanged"] is False
    forced = run(*arguments, "--dry-run", "--force")
    assert json.loads(forced.stdout)["unchanged"] is False


def test_a_report_that_somebody_else_makes_is_left_to_them(workbook, monthly):
    with report_lock(workbook.reports, "monthly/churn"):
        result = run("monthly.toml", "--only", "churn")
    assert result.exit_code == 75
    assert f"held       process {os.getpid()} on " in result.stderr
    assert result.stdout == ""


def start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
    program = [sys.executable, "-c", "from crmlib.cli import main; main()", "schedule"]
    words = [*program, *OWN_NOTEBOOKS, *arguments]
    # What shells start in the background has Ctrl-C switched off, and so have its children.
    return subprocess.Popen(
        words,
        stdout=stdout,
        stderr=stderr,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize(
    ("number", "code", "log"),
    [
        (signal.SIGTERM, 143, "human"),
        pytest.param(signal.SIGINT, 130, "json", marks=pytest.mark.slow),
    ],
    ids=["terminated", "Ctrl-C"],
)
def test_an_interrupted_schedule_goes_on_where_it_was(workbook, plain_pdf, number, code, log):
    workbook.add("clp/x", TELLS_INPUTS)
    workbook.add("clp/y", "import os, time\nopen('begun', 'w').close()\ntime.sleep(600)")
    (workbook.folder / "daily.toml").write_text(
        '[jobs.x]\nnotebook = "clp/x"\n[jobs.y]\nnotebook = "clp/y"\n[jobs.z]\nnotebook = "clp/y"\n'
    )
    process = start("daily.toml", "--log", log)
    try:
        for _ in range(600):
            if os.path.exists("begun") or process.poll() is not None:
                break
            time.sleep(0.1)
        process.send_signal(number)
        out, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code, said
    assert said == (
        "crmlib: interrupted; what is done stays done, and the same command does the rest\n"
    )
    if log == "json":
        states = {line["job"]: line["state"] for line in map(json.loads, out.splitlines())}
        assert states == {"x": "good", "y": "stopped", "z": "stopped"}
    else:
        assert [line.split()[1] for line in out.splitlines()] == ["daily/x"]
    assert workbook.left_behind() == []
    assert not (workbook.reports / "failed").exists()
    assert sorted(os.listdir(workbook.reports / "daily")) == [".runs", "x"]

    workbook.add("clp/y", "print('quick now')")
    again = run("daily.toml", "--log", "json", "--only", "x", "--only", "y")
    states = {line["job"]: line["state"] for line in map(json.loads, again.stdout.splitlines())}
    assert states == {"x": "unchanged", "y": "good"}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_the_file_is_read_ends_it_as_later(workbook, number, code):
    """A pipe under the file's name holds the reading up."""
    os.mkfifo("slow.toml")
    process = start("slow.toml")
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):  # nobody reads yet
                writer = os.open("slow.toml", os.O_WRONLY | os.O_NONBLOCK)
                break
            time.sleep(0.1)
        time.sleep(0.2)
        process.send_signal(number)
        out, said = process.communicate(timeout=30)
        os.close(writer)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, said) == (code, "", "crmlib: interrupted\n")


def test_a_second_signal_changes_nothing(monthly, monkeypatch):
    """Whoever presses Ctrl-C twice still gets an orderly end."""
    begun = threading.Event()

    def run_report(job, stop, on_cell=None):
        begun.set()
        while not stop.is_set():
            time.sleep(0.01)
        time.sleep(0.3)
        return Result(job.place, 1, None, 0.0, "stopped", "stopped")

    def press():
        begun.wait(10)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)

    monkeypatch.setattr(running, "run_report", run_report)
    thread = threading.Thread(target=press)
    thread.start()
    result = run("monthly.toml")
    thread.join()
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr.count("interrupted") == 1
