"""Schedule files: what they plan, and every fault at once with its line."""

import pickle
import sys
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from crmlib.errors import InputError
from crmlib.report.history import Keep
from crmlib.schedules.faults import Faults
from crmlib.schedules.file import Alert, read_schedule
from crmlib.schedules.units import read_duration, read_size
from tests.schedules.made_notebooks import write_notebooks

ROOT = Path(__file__).resolve().parents[2]
BESIDE = Path(__file__).parent
AS_OF = date(2026, 11, 22)
JOB = '[jobs.value]\nnotebook = "segmentation/value"\n'


@pytest.fixture(scope="session")
def available(tmp_path_factory):
    return write_notebooks(tmp_path_factory.mktemp("notebooks"))


@pytest.fixture
def read(tmp_path, monkeypatch, available):
    """Reads a text as monthly.toml of the current folder."""
    monkeypatch.chdir(tmp_path)

    def read(text, name="monthly.toml"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return read_schedule(path, available, AS_OF)

    return read


@pytest.fixture
def faults_of(read):
    def faults_of(text, name="monthly.toml"):
        with pytest.raises(InputError) as error:
            read(text, name)
        return str(error.value).split("\n")

    return faults_of


# ----------------------------------------------------------------- good files

GOOD = """
out = "reports"                       # beside this file
alert = { webhook = "https://hooks.example.org/${CRM_HOOK}" }
timeout = "30 min"
retries = 1
retry_wait = "1.5 min"
memory = "4 GB"
keep = { last = 12, month_ends = 24 }
max_age = "26 h"

[jobs.value]
notebook = "segmentation/value"
timeout = "1 h"
[jobs.value.parameters]
source = "postgresql://crm:${CRM_PASSWORD}@db/crm#orders_{region}_{year}"
columns = { date = "{last_month.end}", amount = "{{amount}}" }
margin_rate = 1
[jobs.value.for]
region = ["North", "south east"]
year = [2025, 2026]

[jobs.costs]
notebook = "clp/costs"
keep = { last = 3 }
memory = "1 GiB"
[jobs.costs.parameters]
observed_until = 2026-10-31
"""


@pytest.fixture
def secrets(monkeypatch):
    monkeypatch.setenv("CRM_PASSWORD", "hunter22")
    monkeypatch.setenv("CRM_HOOK", "hook/12345")


@pytest.mark.usefixtures("secrets")
def test_a_file_is_read_as_it_is_written(read, available, tmp_path):
    schedule = read(GOOD)
    assert (schedule.name, schedule.path) == ("monthly", Path("monthly.toml"))
    assert schedule.out == tmp_path / "reports"
    assert schedule.alert == Alert(None, "https://hooks.example.org/${CRM_HOOK}")
    assert [run.place for run in schedule.jobs] == [
        "monthly/value-north-2025",
        "monthly/value-north-2026",
        "monthly/value-south-east-2025",
        "monthly/value-south-east-2026",
        "monthly/costs",
    ]
    assert asdict(schedule.jobs[2]) == {
        "name": "value",
        "case": "south-east-2025",
        "place": "monthly/value-south-east-2025",
        "notebook": asdict(available["segmentation/value"]),
        "values": {
            "source": "postgresql://crm:${CRM_PASSWORD}@db/crm#orders_south east_2025",
            "columns": {"date": "2026-10-31", "amount": "{amount}"},
            "margin_rate": 1.0,
            "region": "south east",
        },
        "as_of": AS_OF,
        "timeout": 3600.0,
        "retries": 1,
        "retry_wait": 90.0,
        "memory": 4_000_000_000,
        "keep": {"last": 12, "month_ends": 24},
        "max_age": timedelta(hours=26),
        "secrets": ("CRM_PASSWORD",),
    }


@pytest.mark.usefixtures("secrets")
def test_a_job_has_settings_of_its_own_and_secrets_of_its_notebooks_defaults(read):
    costs = read(GOOD).jobs[-1]
    assert (costs.case, costs.keep, costs.memory) == ("", Keep(3, 0), 2**30)
    assert costs.values == {"observed_until": "2026-10-31"}
    assert costs.secrets == ("CRM_DEFAULT",)


@pytest.mark.usefixtures("secrets")
def test_a_schedule_knows_the_secrets_of_all_its_jobs_and_of_the_alert(read, monkeypatch):
    assert read(GOOD).secrets == ("CRM_DEFAULT", "CRM_HOOK", "CRM_PASSWORD")
    monkeypatch.setenv("HOME", "/home/somebody")
    ordinary = read(f"{JOB}parameters.source = '${{HOME}}/${{CRM_HOOK}}.csv'")
    assert ordinary.jobs[0].secrets == ("CRM_HOOK", "HOME")
    assert ordinary.secrets == ("CRM_HOOK",)


def test_what_is_left_out_has_a_default(read, tmp_path):
    schedule = read(JOB)
    run = schedule.jobs[0]
    assert (schedule.out, schedule.alert) == (tmp_path / "reports", None)
    assert (run.timeout, run.retries, run.retry_wait, run.memory) == (None, 0, 60.0, None)
    assert (run.keep, run.max_age, run.values, run.secrets) == (Keep(), None, {}, ())


def test_out_and_programs_lie_beside_the_file_unless_absolute(read, tmp_path):
    program = tmp_path / "etc" / "tell-me.cmd"  # Windows goes by the ending
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = f'out = "../made"\nalert.command = ["./tell-me.cmd", "a {{b}} $X"]\n{JOB}'
    schedule = read(text, "etc/monthly.toml")
    assert schedule.out.resolve() == (tmp_path / "made").resolve()
    assert schedule.alert.command == (str(program), "a {b} $X")
    elsewhere = Path(sys.executable).as_posix()
    schedule = read(f"out = '{tmp_path}'\nalert.command = ['{elsewhere}']\n{JOB}")
    assert schedule.out == tmp_path
    assert Path(schedule.alert.command[0]) == Path(elsewhere)


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such right there")
def test_a_program_without_the_right_to_be_run_is_told_with_its_remedy(faults_of, tmp_path):
    (tmp_path / "tell-me.sh").write_text("#!/bin/sh\n")
    [fault] = faults_of(f'alert.command = ["./tell-me.sh"]\n{JOB}')
    assert fault == (
        "monthly.toml line 1: command: ./tell-me.sh is there, but may not be run; "
        f"chmod +x {tmp_path / 'tell-me.sh'}"
    )


@pytest.mark.usefixtures("secrets")
def test_what_is_planned_can_go_to_another_machine(read):
    schedule = read(GOOD)
    assert pickle.loads(pickle.dumps(schedule)) == schedule


def test_values_of_for_set_parameters_with_their_own_type(read):
    runs = read(
        JOB + "[jobs.value.for]\nmargin_rate = [0.25, 1]\nseed = [7]\n"
        '[jobs.value.parameters]\nsource = "{seed}/{margin_rate}"'
    ).jobs
    assert [(run.case, run.values) for run in runs] == [
        ("0-25-7", {"source": "7/0.25", "margin_rate": 0.25, "seed": 7}),
        ("1-7", {"source": "7/1", "margin_rate": 1.0, "seed": 7}),
    ]


def test_what_looks_like_code_stays_text(read):
    hostile = "'; import os; os.abort() #\\n{{0.__class__}} $(reboot) %s"
    source = read(f'{JOB}parameters.source = "{hostile}"').jobs[0].values["source"]
    assert source == "'; import os; os.abort() #\n{0.__class__} $(reboot) %s"


@pytest.mark.usefixtures("secrets")
def test_a_secret_is_in_nothing_that_is_planned(read):
    assert "hunter22" not in repr(read(GOOD))
    assert "12345" not in repr(read(GOOD))


def test_the_example_in_the_workbook_is_good():
    from crmlib.report.notebooks import find_notebooks

    read_schedule(
        ROOT / "reports" / "example.toml", find_notebooks(ROOT / "notebooks"), date(2026, 1, 5)
    )


# ----------------------------------------------------------------- faults


def test_every_fault_is_told_at_once_with_its_line(faults_of, tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_SHORT", "abc")
    monkeypatch.delenv("CRM_UNSET", raising=False)
    (tmp_path / "orders.csv").touch()
    expected = (BESIDE / "bad_faults.txt").read_text(encoding="utf-8").splitlines()
    assert faults_of((BESIDE / "bad.toml").read_text(encoding="utf-8"), "bad.toml") == expected


REPORT = "notebook = 'segmentation/value'\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "monthly.toml: there is no job; add [jobs.name] with a notebook"),
        ("\n[jobs]", "monthly.toml line 2: there is no job; add [jobs.name] with a notebook"),
        ("jobs = 3", "monthly.toml line 1: there is no job; add"),
        ("[jobs.a]", "monthly.toml line 1: jobs.a has no notebook; name the report to make"),
        ("a = 1\nb = ?\n", "monthly.toml line 2: is not TOML in UTF-8: Invalid value (column 5)"),
        ("[jobs.value", "monthly.toml: is not TOML in UTF-8: "),
        pytest.param(
            "a = " + "9" * 5000, "is not TOML in UTF-8: Exceeds the limit", id="5000 digits"
        ),
        ("a = 0xfffffffffffffffff", "it holds a whole number of more than 64 bits"),
        ("a = " + "[" * 60 + "]" * 60, "monthly.toml: is nested more than 50 deep"),
        pytest.param("a = " + "[" * 99_999, "monthly.toml: is nested more than 50", id="deep"),
        (JOB + "for = {}\nretries = true", "line 4: retries: True is not a whole number from 0"),
        (
            JOB + 'parameters."a\\u001b[2J\\nb" = 1',
            "line 3: segmentation/value has no parameter a\\x1b",
        ),
        (
            JOB + "parameters.source = 3",
            "line 3: segmentation/value: source: 3 is not text (the pur",
        ),
        (
            f"{JOB}for.region=['north']\n[jobs.value-north]\n{REPORT}",
            "line 4: jobs value and value-north both have a run called monthly/value-north; rename",
        ),
        (
            JOB + f"for.region=['{'a' * 100}']",
            f"line 1: monthly/value-{'a' * 100} has more than 100 letters; shorten it",
        ),
        (f"[jobs.{'a' * 101}]\n{REPORT}", "is of more than 100 letters; call it something else"),
        (f"[jobs.failed]\n{REPORT}", "line 1: the job's name failed is kept for failed runs; call"),
        (f"[jobs.'../x']\n{REPORT}", "line 1: the job's name '../x' should begin with a small"),
        (f"out = ''\n{JOB}", "line 1: out should be the name of a folder, not ''"),
        (f'out = "a\\u0000"\n{JOB}', "line 1: out should be the name of a folder"),
        (f"alert = {{}}\n{JOB}", "line 1: alert should be written { command ="),
        (f"alert.command = 'x'\n{JOB}", "line 1: command should be a list of texts"),
        (
            f"alert.webhook = 'https://${{CRM_UNSET}}/x'\n{JOB}",
            "line 1: the environment variable CRM_UNSET is not set, or empty; set it",
        ),
        (f"keep = 3\n{JOB}", "line 1: keep: should be written { last = 12, month_ends = 24 }, not"),
        (
            f"{JOB}for.region=['north']\nparameters.source='${{region}}'",
            "line 4: the environment variable region is not set, or empty; set it",
        ),
    ],
)
def test_a_fault_is_told_in_words(faults_of, monkeypatch, text, fault):
    monkeypatch.delenv("CRM_UNSET", raising=False)
    assert fault in faults_of(text)[0]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Monthly.toml", "the file's name 'Monthly' should begin with a small letter a-z"),
        ("2026.toml", "the file's name '2026' should begin"),
        ("monthly.old.toml", "the file's name 'monthly.old' should begin"),
        ("failed.toml", "the file's name failed is kept for failed runs"),
    ],
)
def test_the_files_name_is_a_folders_name(faults_of, name, why):
    [fault] = faults_of(JOB, name)
    assert fault.startswith(f"{name}: {why}")


def test_a_schedule_does_not_write_where_another_report_is(faults_of):
    [fault] = faults_of(JOB, "segmentation.toml")
    assert fault == (
        "segmentation.toml line 1: segmentation/value is where crmlib report puts the report of "
        "that name; rename the job or the file"
    )


def test_a_file_that_is_not_there_is_told(tmp_path, available):
    with pytest.raises(InputError, match=r"none\.toml: cannot be read: No such file"):
        read_schedule(tmp_path / "none.toml", available, AS_OF)


def test_a_password_is_in_no_message(faults_of):
    [fault] = faults_of(f"{JOB}parameters.seed = 'postgresql://crm:hunter22@db/crm'")
    assert "hunter22" not in fault
    assert "crm:…@db" in fault


def test_who_only_asks_how_reports_stand_needs_no_secret_and_no_program(read, available):
    text = (
        'alert = { command = ["./gone.sh"], webhook = "https://x.example/${CRM_UNSET}" }\n'
        f"{JOB}parameters.source = 'postgresql://crm:${{CRM_UNSET}}@db/crm'"
    )
    with pytest.raises(InputError) as error:
        read(text)
    assert len(str(error.value).split("\n")) == 3
    [run] = read_schedule(Path("monthly.toml"), available, AS_OF, to_run=False).jobs
    assert run.secrets == ("CRM_UNSET",)


# ----------------------------------------------------------------- the key of pseudonyms

KEY = "CRMLIB_PSEUDONYM_KEY"


@pytest.mark.parametrize(
    ("head", "key", "fault"),
    [
        ("", "", f"monthly.toml: the environment variable {KEY} is set but empty; give it"),
        (
            "",
            "short",
            f"monthly.toml: the environment variable {KEY} has fewer than 16 signs; make",
        ),
        ("pseudonyms = true", None, f"monthly.toml line 1: the environment variable {KEY} is not"),
        (
            "pseudonyms = true",
            "",
            f"monthly.toml line 1: the environment variable {KEY} is set but",
        ),
        ("pseudonyms = true", "short", f"line 1: the environment variable {KEY} has fewer than"),
        ("pseudonyms = 1", None, "line 1: pseudonyms should be true or false, not a whole number"),
    ],
)
def test_a_key_of_pseudonyms_that_cannot_be_used(
    read, available, faults_of, monkeypatch, head, key, fault
):
    if key is None:
        monkeypatch.delenv(KEY, raising=False)
    else:
        monkeypatch.setenv(KEY, key)
    [told] = faults_of(f"{head}\n{JOB}")
    assert fault in told
    if "should be" not in fault:  # who only asks how the reports stand needs no key
        assert read_schedule(Path("monthly.toml"), available, AS_OF, to_run=False).jobs


def test_a_key_of_pseudonyms_that_can_be_used(read, monkeypatch):
    monkeypatch.setenv(KEY, "0123456789abcdef")
    assert read(f"pseudonyms = true\n{JOB}").jobs
    assert read(JOB).jobs
    monkeypatch.delenv(KEY)
    assert read(f"pseudonyms = false\n{JOB}").jobs


def test_lines_are_where_values_start():
    text = (
        'a = 1\r\n\r\nb = """\r\nc = 2\r\n"""\r\n# d\r\n[e]\r\nlist = [\r\n  1,\r\n]\r\nf.g = 1\r\n'
    )
    faults = Faults("x", text)
    keys = [("a",), ("b",), ("e",), ("e", "list"), ("e", "f"), ("e", "f", "g")]
    assert [faults.line_of(key) for key in keys] == [1, 3, 7, 8, 11, 11]


def test_a_thousand_cases_are_read_at_once(read):
    numbers = list(range(1000))
    runs = read(f"{JOB}parameters.source = '{{seed}}'\nfor.seed = {numbers}").jobs
    assert [run.values["seed"] for run in runs] == numbers


# ----------------------------------------------------------------- durations and sizes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45 s", 45), ("30min", 1800), (" 1.5 H ", 5400), ("26 h", 93600), ("2 days", 172800),
     ("1 day", 86400), ("0 s", 0), ("1000 days", 86_400_000)],
)  # fmt: skip
def test_durations(text, seconds):
    assert read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("500 MB", 500_000_000), ("4gb", 4_000_000_000), ("1.5 GiB", 1_610_612_736), ("1 TiB", 2**40)],
)
def test_sizes(text, size):
    assert read_size(text) == size


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (reader, text)
        for reader in (read_duration, read_size)
        for text in ("", "30", "h", "-1 h", "1e3 h", "1 h 30 min", "٣ h", "1 year", "1 B", "x" * 99)
    ]
    + [(read_duration, "1001 days"), (read_duration, "1 GB")]
    + [(read_size, "1001 TB"), (read_size, "1 h")],
)
def test_other_durations_and_sizes_are_refused(reader, text):
    with pytest.raises(InputError) as error:
        reader(text)
    assert repr(text) in str(error.value)
