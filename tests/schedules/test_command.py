"""`crmlib schedule` as a scheduler sees it: output, exit codes, what is written."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from click.testing import CliRunner

from crmlib.cli import main
from crmlib.report.locks import report_lock
from crmlib.report.run import Result
from crmlib.schedules import running

TELLS_INPUTS = "from crmlib.report.blocks import run_record\nrun_record()"


def run(*arguments):
    return CliRunner().invoke(main, ["schedule", *arguments], catch_exceptions=False)


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
    assert result.stdout == f"monthly/value-north     1.5 s  good       {folder / 'report.pdf'}\n"
    assert result.stderr.splitlines() == [
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


# ----------------------------------------------------------------- with real kernels


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


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", "from crmlib.cli import main; main()", "schedule", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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
        assert [line.split()[0] for line in out.splitlines()] == ["daily/x"]
    assert workbook.left_behind() == []
    assert not (workbook.reports / "failed").exists()
    assert sorted(os.listdir(workbook.reports / "daily")) == [".runs", "x"]

    workbook.add("clp/y", "print('quick now')")
    again = run("daily.toml", "--log", "json", "--only", "x", "--only", "y")
    states = {line["job"]: line["state"] for line in map(json.loads, again.stdout.splitlines())}
    assert states == {"x": "unchanged", "y": "good"}


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
