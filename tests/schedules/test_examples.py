"""Every example in README.md and reports/README.md is tried, and every table held to the code."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import types
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
import nbformat
import pytest
import yaml
from click.testing import CliRunner, Result
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from crmlib import cli
from crmlib.report import exit_codes, history, notebooks, parameters, run
from crmlib.report.document import BLOCK_TYPE
from crmlib.report.execution import Execution, Failure
from crmlib.report.history import Keep
from crmlib.schedules import file as schedule_file
from crmlib.schedules import periods
from crmlib.schedules.status import State
from tests.schedules.documents import (
    DOCUMENTS,
    ROOT,
    block_named,
    blocks,
    code_in,
    commands_in,
    fault_of,
    secrets_of,
    section,
    table_below,
    text_of,
)

ON_THE_SERVER = "/srv/crm"
EXAMPLE = ROOT / "reports" / "example.toml"
needs_a_posix_shell = pytest.mark.skipif(sys.platform == "win32", reason="there is no /bin/sh")


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


# ----------------------------------------------------------------- nothing escapes the tests


def test_every_block_is_of_a_language_that_is_tried():
    found = {block.language for block in blocks()}
    assert found == {"", "sh", "toml", "crontab", "ini", "yaml", "python"}


@pytest.mark.parametrize("block", blocks("", "sh", "crontab", "ini", "yaml"), ids=str)
def test_every_command_takes_the_options_it_is_given(block):
    assert [fault for words in commands_in(block.text) if (fault := fault_of(words))] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_within_the_prose_exist(document):
    prose = [text for text in code_in(text_of(document)) if text.startswith("crmlib ")]
    faults = [fault_of(words) for text in prose for words in commands_in(text)]
    assert [fault for fault in faults if fault and not fault.startswith("Missing argument")] == []


def test_a_misspelt_option_would_be_found():
    assert commands_in(".venv/bin/crmlib schedule a.toml --dryrun >>log  # tries it") == [
        ["schedule", "a.toml", "--dryrun"]
    ]
    assert "No such option" in fault_of(["schedule", "a.toml", "--dryrun"])
    assert fault_of(["schedules"]) == "there is no command schedules"


def test_the_table_of_options_has_all_of_them():
    rows = table_below("reports/README.md", "Schedules")
    options = {word for row in rows for word in re.findall(r"--[a-z-]+", row["option"])}
    known = {name for option in cli.main.commands["schedule"].params for name in option.opts}
    assert options == {name for name in known if name.startswith("--")}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_extras_and_targets_of_make_exist(document):
    text = text_of(document)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(re.findall(r"(?:crmlib|\.)\[([a-z]+)\]", text))
    assert extras <= set(project["optional-dependencies"])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"\bmake ([.a-z-]+)`", text)
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_something(document):
    text = text_of(document)
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        assert not path or ((ROOT / document).parent / path).exists(), link
        assert path or anchor in anchors, link


@needs_a_posix_shell
@pytest.mark.parametrize("block", blocks("", "sh"), ids=str)
def test_shell_texts_are_shell(block):
    subprocess.run(["sh", "-n"], input=block.text, text=True, check=True)


# ----------------------------------------------------------------- tables and the code


def codes_in(document: str, heading: str) -> set[int]:
    rows = table_below(document, heading)
    next(iter(rows))  # a heading whose table is gone is a fault, not an empty set
    return {int(code) for row in rows for code in next(iter(row.values())).split(",")}


@pytest.mark.parametrize(
    ("document", "heading"),
    [("README.md", "From a scheduler"), ("reports/README.md", "Exit codes")],
)
def test_exit_codes_are_those_of_the_code(document, heading):
    known = {value for value in vars(exit_codes).values() if isinstance(value, int)}
    assert codes_in(document, heading) == known


def test_periods_are_what_the_table_says():
    below = text_of("reports/README.md").split("# Periods\n")[1]
    [day] = re.findall(r"For (\S+):", below)
    as_of = date.fromisoformat(day)
    rows = table_below("reports/README.md", "Periods")
    found = {
        name: [periods.expand(f"{{{name}.{part}}}", as_of, {}) for part in ("start", "end", "name")]
        for row in rows
        for name in re.findall(r"\{(\w+)\.start\}", row["write"])
    }
    assert found == {
        name: [row["start"], row["end"], row["name"]] for name, row in zip(found, rows, strict=True)
    }
    assert set(found) == set(periods.PERIODS)


def test_cases_are_named_as_the_table_says(tmp_path, available):
    for row in table_below("reports/README.md", "Cases"):
        lists = code_in(row["`for`"])
        path = tmp_path / "monthly.toml"
        head = '[jobs.value]\nnotebook = "segmentation/value"\n'
        body = '[jobs.value.parameters]\nsource = "orders_{region}.csv"\n[jobs.value.for]\n'
        path.write_text(head + body + "\n".join(lists), encoding="utf-8")
        planned = schedule_file.read_schedule(path, available, date(2026, 11, 22)).jobs
        assert [job.place for job in planned] == [
            f"monthly/{name}" for name in code_in(row["reports"])
        ]


# ----------------------------------------------------------------- what a run leaves and says


@pytest.fixture
def nightly(tmp_path, monkeypatch):
    """Runs a schedule of two reports, of which one fails, without a kernel and without a PDF."""
    write_notebook(tmp_path / "notebooks/clp/quick.ipynb", "fails: bool = False")
    (tmp_path / "nightly.toml").write_text(
        "[jobs.quick]\nnotebook = 'clp/quick'\n[jobs.quick.for]\nfails = [false, true]\n"
    )
    (tmp_path / "helper.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "run_notebook", made_without_a_kernel)
    monkeypatch.setattr(run.rendering, "render_pdf", made_without_typst)
    return tmp_path


def write_notebook(path: Path, declared: str) -> None:
    cell = new_code_cell(declared, metadata={"tags": ["parameters"]})
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[new_markdown_cell("# The title"), cell]), path)


def made_without_a_kernel(content, values, *, memory, threads, **_):
    record = {"kind": "run_record", "inputs": [], "seed": 1, "period": "2025"}
    helper = Path("helper.py").absolute()
    record["read_beside"] = [{"source": str(helper), "sha256": history.sha256_of(helper)}]
    told = new_output("display_data", {BLOCK_TYPE: json.dumps(record)})
    notebook = new_notebook(cells=[new_code_cell("run_record()", outputs=[told])])
    failed = Failure(exit_codes.CELL_FAILED, "cell 1: broken", "the whole story")
    return Execution(notebook, failed if values["fails"] else None)


def made_without_typst(notebook, record, destination, stop):
    destination.write_bytes(b"%PDF")
    return types.SimpleNamespace(missing_glyphs=[], pages=1, page_one=b"")


def crmlib(*words: str) -> Result:
    if "nightly.toml" in words:
        words = (*words, "--notebooks", "notebooks")
    return CliRunner().invoke(cli.main, words, catch_exceptions=False)


def test_the_fields_of_run_json_are_those_of_the_table(nightly, monkeypatch):
    git = {"git_commit": "a1b2", "git_dirty": False}
    monkeypatch.setattr(run.identity, "git_state", lambda folder: git)
    monkeypatch.setenv("CRMLIB_PSEUDONYM_KEY", "a key of enough letters")
    crmlib("schedule", "nightly.toml", "--as-of", "2026-11-22")
    folder = nightly / "reports"
    records = [
        json.loads((folder / place / "run.json").read_text(encoding="utf-8"))
        for place in ("nightly/quick-false", "failed/nightly/quick-true")
    ]
    assert records[0]["as_of"] == "2026-11-22"
    assert records[0]["labels"] == {"schedule": "nightly", "job": "quick", "case": "false"}
    rows = table_below("reports/README.md", "run.json")
    assert {name for row in rows for name in code_in(row["field"])} == set().union(*records)


def test_the_fields_of_the_log_are_those_of_the_table(nightly):
    result = crmlib("schedule", "nightly.toml", "--log", "json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["state"] for line in lines] == ["good", "failed"]
    rows = table_below("reports/README.md", "Log and alerts")
    documented = {name for row in rows for name in code_in(row["field"])}
    assert [set(line) for line in lines] == [documented, documented]


def test_only_failures_are_written_to_standard_error(nightly):
    good = crmlib("schedule", "nightly.toml", "--only", "quick-false")
    assert (good.exit_code, good.stderr) == (0, "")
    both = crmlib("schedule", "nightly.toml")
    assert both.exit_code == exit_codes.CELL_FAILED
    assert "nightly/quick-false" in both.stdout
    assert "unchanged" in both.stdout
    assert "nightly/quick-true" not in both.stdout
    assert "cell 1: broken" in both.stderr


def test_status_and_prune_do_what_the_text_says(nightly):
    for _ in range(3):
        crmlib("schedule", "nightly.toml", "--only", "quick-false", "--force")
    history = nightly / "reports/nightly/.runs/quick-false"
    assert len(list(history.iterdir())) == 2
    assert "nothing to remove" in crmlib("prune", "nightly.toml").stdout
    assert "would be removed" in crmlib("prune", "--last", "1").stdout
    assert len(list(history.iterdir())) == 2
    crmlib("prune", "--last", "1", "--yes")
    assert len(list(history.iterdir())) == 1
    assert crmlib("status").exit_code == 0
    never = crmlib("status", "nightly.toml")
    assert never.exit_code == 1
    assert re.search(r"^NEVER +nightly/quick-true", never.stdout, re.MULTILINE)
    (nightly / "reports/nightly/quick-false/report.pdf").write_bytes(b"half")
    assert re.search(r"^DAMAGED +nightly/quick-false", crmlib("status").stdout, re.MULTILINE)


def test_the_states_of_the_table_are_those_of_the_code():
    now = datetime.now(UTC)
    made = [
        State("a", success, now, code, "", None, overdue, damaged).word
        for success, code, overdue, damaged in (
            (now, 0, False, False),
            (now, 1, False, False),
            (now, 0, True, False),
            (None, None, True, False),
            (now, 0, False, True),
        )
    ]
    rows = table_below("reports/README.md", "Monitoring")
    assert [code_in(row["state"]) for row in rows] == [[word] for word in made]


# ----------------------------------------------------------------- schedule files


@pytest.fixture(scope="module")
def available():
    return notebooks.find_notebooks(ROOT / "notebooks")


PLACES = {
    "README.md": ["monthly/forecast-north", "monthly/forecast-south"],
    "reports/README.md": ["monthly/value-north", "monthly/value-south", "monthly/forecast"],
}


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_schedules_can_be_read_and_land_where_the_text_says(
    block, tmp_path, available, monkeypatch
):
    for name in secrets_of(block):
        monkeypatch.setenv(name, "long enough for a key")
    path = tmp_path / "monthly.toml"
    path.write_text(block.text, encoding="utf-8")
    write_program(tmp_path / "tell-me.sh", block_named("tell-me.sh").text)
    schedule = schedule_file.read_schedule(path, available, date(2026, 11, 22))
    assert [job.place for job in schedule.jobs] == PLACES[block.document]
    assert schedule.out == tmp_path / "reports"
    assert schedule.jobs[0].values["observed_until"] == "2026-10-31"
    assert schedule.jobs[0].keep == Keep(last=12, month_ends=24)
    assert all(job.max_age for job in schedule.jobs), "status would call an old report good"


def test_the_defaults_are_those_of_the_table(tmp_path, available):
    path = tmp_path / "small.toml"
    path.write_text('[jobs.value]\nnotebook = "segmentation/value"\n', encoding="utf-8")
    schedule = schedule_file.read_schedule(path, available, date(2026, 11, 22))
    said = {
        name: row["without it"]
        for row in table_below("reports/README.md", "The file")
        for name in code_in(row["key"])
    }
    [job] = schedule.jobs
    assert (said["out"], schedule.out) == ("`reports` beside the file", tmp_path / "reports")
    assert (said["timeout"], job.timeout, job.max_age) == ("no limit", None, None)
    assert (said["retry_wait"], job.retry_wait) == ("1 min", 60)
    assert (said["retries"], job.retries) == ("0", 0)
    assert (said["memory"], job.memory) == ("no limit", None)
    assert (said["keep"], job.keep) == ("`{ last = 2, month_ends = 0 }`", Keep(2, 0))
    assert schedule.alert is None


def test_the_table_of_keys_has_those_of_the_example():
    content = tomllib.loads(block_named("monthly.toml").text)
    jobs = {f"jobs.NAME.{key}" for job in content.pop("jobs").values() for key in job}
    rows = table_below("reports/README.md", "The file")
    general = {name for row in rows for name in code_in(row["key"])}
    assert general == set(content) | {
        key for key in jobs if key not in {"jobs.NAME.timeout", "jobs.NAME.max_age"}
    }


def test_the_example_schedule_lets_no_report_grow_old(available):
    schedule = schedule_file.read_schedule(EXAMPLE, available, date(2026, 1, 5))
    assert all(job.max_age for job in schedule.jobs)


def example_commands() -> list[list[str]]:
    """What the example's first lines tell its reader to do."""
    head = EXAMPLE.read_text(encoding="utf-8").split("\n\n")[0]
    return [words for words in commands_in(head) if words[0] == "schedule"]


EXAMPLE_PLACES = ["example/life_cycle-month", "example/life_cycle-quarter", "example/costs"]


def test_the_example_schedule_says_what_it_would_do(monkeypatch):
    dry, _ = example_commands()
    assert dry == ["schedule", "reports/example.toml", "--as-of", "2026-01-05", "--dry-run"]
    monkeypatch.chdir(ROOT)
    before = sorted((ROOT / "reports").iterdir())
    result = CliRunner().invoke(cli.main, dry, catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [place for place in EXAMPLE_PLACES if place not in result.stdout] == []
    assert "2025-12-31" in result.stdout
    assert sorted((ROOT / "reports").iterdir()) == before


def test_git_keeps_the_example_and_not_the_schedules_of_users():
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")

    def is_ignored(path: str) -> bool:
        answer = subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT)
        return answer.returncode == 0

    kept = ["reports/README.md", "reports/example.toml", "reports/page_one.png"]
    assert [path for path in kept if is_ignored(path)] == []
    assert is_ignored("reports/monthly.toml")
    assert is_ignored("reports/example/life_cycle/report.pdf")


@pytest.mark.slow
def test_the_example_schedule_makes_its_reports_and_not_twice(tmp_path):
    shutil.copy(EXAMPLE, tmp_path)
    _, (_, _, *options) = example_commands()
    crmlib = Path(sys.executable).parent / "crmlib"
    command = [str(crmlib), "schedule", str(tmp_path / "example.toml"), *options]

    def states() -> dict[str, str]:
        whole = [*command, "--jobs", "2", "--log", "json"]
        answer = subprocess.run(whole, cwd=tmp_path, capture_output=True, text=True)
        assert (answer.returncode, answer.stderr) == (0, "")
        lines = map(json.loads, answer.stdout.splitlines())
        return {line["place"]: line["state"] for line in lines}

    assert states() == dict.fromkeys(EXAMPLE_PLACES, "good")
    assert states() == dict.fromkeys(EXAMPLE_PLACES, "unchanged")
    for place in EXAMPLE_PLACES:
        assert (tmp_path / place / "report.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "index.html").exists()


# ----------------------------------------------------------------- cron

STUB = """#!/bin/sh
echo "$@" "${CRM_PASSWORD:-no password}" >>"$0.called"
echo "what a good run prints"
[ -e "$0.fails" ] || exit 0
echo "crmlib: monthly/value: why it failed" >&2
exit 1
"""


@pytest.fixture
def server(tmp_path):
    """A stand-in for the machine in the examples, whose `crmlib` writes down how it was called."""
    command = tmp_path / "srv" / ".venv" / "bin" / "crmlib"
    write_program(command, STUB)
    return tmp_path / "srv"


def called(server: Path) -> str:
    return (server / ".venv/bin/crmlib.called").read_text(encoding="utf-8").strip()


def cron_jobs(server: Path) -> list[tuple[dict[str, str], str]]:
    """Environment and command of each job, read as crontab(5) says."""
    [crontab] = blocks("crontab")
    environment, jobs = {}, []
    for line in crontab.text.replace(ON_THE_SERVER, str(server)).splitlines():
        if setting := re.fullmatch(r"([A-Z_]+)=(.*)", line):
            environment[setting[1]] = setting[2]
            continue
        *when, command = line.split(maxsplit=5)
        assert all(re.fullmatch(r"[0-9*/,-]+", field) for field in when)
        assert "%" not in command, "cron makes a line end of it"
        jobs.append((dict(environment), command))
    return jobs


def mail_of(job: tuple[dict[str, str], str], home: Path) -> str:
    """What cron would mail: all the command writes, in the bare environment cron gives it."""
    given = {"HOME": str(home), "LOGNAME": "crm", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    settings = [f"{name}={value}" for name, value in {**given, **job[0]}.items()]
    answer = subprocess.run(
        ["env", "-i", *settings, "/bin/sh", "-c", job[1]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home,
    )
    return answer.stdout


@needs_a_posix_shell
def test_cron_mails_nothing_when_all_is_well_and_the_reason_when_not(server, tmp_path):
    nightly_job, status = cron_jobs(server)
    assert [mail_of(job, tmp_path) for job in (nightly_job, status)] == ["", ""]
    (server / ".venv/bin/crmlib.fails").touch()
    assert mail_of(nightly_job, tmp_path) == "crmlib: monthly/value: why it failed\n"
    assert "what a good run prints" in mail_of(status, tmp_path)
    words = f"schedule {server}/monthly.toml --jobs 2 put-it-here"
    assert called(server).splitlines()[::2] == [words, words]
    log = (server / "monthly.log").read_text(encoding="utf-8").splitlines()
    assert sorted(log) == [
        "crmlib: monthly/value: why it failed",
        "what a good run prints",
        "what a good run prints",
    ]


def test_cron_knows_all_that_the_schedule_needs(server):
    assert secrets_of(block_named("monthly.toml")) <= set(cron_jobs(server)[0][0])


# ----------------------------------------------------------------- systemd


@pytest.fixture
def units(server, tmp_path):
    folder = tmp_path / "units"
    folder.mkdir()
    for unit in blocks("ini"):
        path = folder / Path(unit.name).name
        path.write_text(unit.text.replace(ON_THE_SERVER, str(server)), encoding="utf-8")
    return folder


def verify(folder: Path) -> str:
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    answer = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(folder.iterdir()))],
        capture_output=True,
        text=True,
    )
    return answer.stdout + answer.stderr + ("" if answer.returncode == 0 else "failed")


def test_systemd_finds_no_fault_with_the_units(units):
    assert sorted(path.name for path in units.iterdir()) == [
        "crmlib-failed@.service",
        "crmlib-monthly.service",
        "crmlib-monthly.timer",
    ]
    assert verify(units) == ""


def test_systemd_would_find_a_fault(units):
    service = units / "crmlib-monthly.service"
    service.write_text(service.read_text().replace("OnFailure", "OnFailur"), encoding="utf-8")
    assert "OnFailur" in verify(units)


def test_systemd_knows_all_that_the_schedule_needs_or_starts_nothing(units):
    service = (units / "crmlib-monthly.service").read_text(encoding="utf-8")
    given = block_named("/etc/crmlib.env")
    assert f"EnvironmentFile={given.name}\n" in service  # a - before it would let it be missing
    lines = [line for line in given.text.splitlines() if not line.startswith("#")]
    assert {line.split("=")[0] for line in lines} == secrets_of(block_named("monthly.toml"))


def test_a_run_that_another_process_makes_is_no_failure_to_systemd(units):
    service = (units / "crmlib-monthly.service").read_text(encoding="utf-8")
    assert f"SuccessExitStatus={exit_codes.HELD}\n" in service
    assert "OnFailure=crmlib-failed@%n.service\n" in service
    assert "Persistent=true\n" in (units / "crmlib-monthly.timer").read_text(encoding="utf-8")


# ----------------------------------------------------------------- GitHub Actions


@pytest.fixture(scope="module")
def workflow():
    content = yaml.safe_load(block_named(".github/workflows/reports.yml").text)
    content["on"] = content.pop(True)  # YAML 1.1 takes the word on for true; GitHub does not
    return content


def test_the_workflow_has_the_keys_github_knows(workflow):
    assert set(workflow) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    [moment] = workflow["on"]["schedule"]
    assert len(moment["cron"].split()) == 5
    [job] = workflow["jobs"].values()
    assert set(job) == {"runs-on", "timeout-minutes", "steps"}
    for step in job["steps"]:
        assert set(step) <= {"uses", "run", "with", "env", "if"}
        assert ("uses" in step) != ("run" in step)


def steps_with(workflow: dict, action: str) -> list[dict]:
    [job] = workflow["jobs"].values()
    return [step for step in job["steps"] if action in step.get("uses", step.get("run"))]


def test_the_workflow_keeps_the_history_and_what_came_out(workflow, tmp_path):
    [restore] = steps_with(workflow, "actions/cache/restore@")
    [save] = steps_with(workflow, "actions/cache/save@")
    [upload] = steps_with(workflow, "actions/upload-artifact@")
    [schedule] = steps_with(workflow, "crmlib schedule")
    assert save["with"]["path"] == restore["with"]["path"] == "reports/monthly"
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])
    assert save["if"] == upload["if"] == "always()"
    assert upload["with"]["path"] == "reports/"
    assert shlex.split(schedule["run"])[:3] == [".venv/bin/crmlib", "schedule", "monthly.toml"]
    assert set(schedule["env"]) == secrets_of(block_named("monthly.toml"))
    assert all(value == f"${{{{ secrets.{name} }}}}" for name, value in schedule["env"].items())


def test_the_workflow_makes_the_environment_with_a_line_of_the_makefile(workflow):
    [step] = steps_with(workflow, "make ")
    target = step["run"].split()[1]
    assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    [python] = steps_with(workflow, "actions/setup-python@")
    assert (ROOT / python["with"]["cache-dependency-path"]).exists()


# ----------------------------------------------------------------- Airflow

PAPERMILL_OPERATOR = {  # apache-airflow-providers-papermill 3
    "task_id",
    "input_nb",
    "output_nb",
    "parameters",
    "kernel_name",
    "language_name",
}


@pytest.fixture
def dag(monkeypatch):
    """Operators that the example makes, by task, in an Airflow that only writes them down."""
    made = {"dag": {}}

    class Dag:
        def __init__(self, **options):
            made["dag"] = options

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    def operator(kind):
        def record(**options):
            made[kind] = options

        return record

    stubs = {
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers.standard.operators.bash": {"BashOperator": operator("bash")},
        "airflow.providers.papermill.operators.papermill": {
            "PapermillOperator": operator("papermill")
        },
        "pendulum": {"datetime": lambda *day, tz: datetime(*day, tzinfo=ZoneInfo(tz))},
    }
    for name, content in stubs.items():
        parts = name.split(".")
        for end in range(1, len(parts)):
            parent = ".".join(parts[:end])
            monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    example = block_named("dags/crm_reports.py")
    exec(compile(example.text, str(example), "exec"), {})
    return made


def rendered(template: str) -> str:
    """A template filled in as Airflow does, for a run at 02:15 in Berlin on 2026-11-22."""
    zone = ZoneInfo("Europe/Berlin")
    moment = types.SimpleNamespace(
        in_timezone=lambda tz: datetime(2026, 11, 22, 1, 15, tzinfo=ZoneInfo("UTC")).astimezone(tz)
    )
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.filters["ds"] = lambda day: day.strftime("%Y-%m-%d")
    known = {"data_interval_end": moment, "dag": types.SimpleNamespace(timezone=zone)}
    return environment.from_string(template).render(known)


def test_airflow_runs_the_schedule(dag):
    assert dag["dag"]["dag_id"] == "crm_reports"
    assert (dag["dag"]["catchup"], dag["dag"]["max_active_runs"]) == (False, 1)
    bash = dag["bash"]
    assert set(bash) == {"task_id", "bash_command", "skip_on_exit_code"}
    assert bash["skip_on_exit_code"] == exit_codes.HELD
    [words] = commands_in(rendered(bash["bash_command"]))
    assert words == ["schedule", "/srv/crm/monthly.toml", "--as-of", "2026-11-22"]
    assert fault_of(words) == ""
    assert not bash["bash_command"].endswith((".sh", ".bash")), "Airflow would look for a file"


def test_airflow_is_said_to_need_all_that_the_schedule_needs():
    said = set(code_in(section("reports/README.md", "Airflow")))
    assert secrets_of(block_named("monthly.toml")) <= said


def test_airflow_runs_a_notebook_with_parameters_that_it_has(dag, available):
    operator = dag["papermill"]
    assert set(operator) == PAPERMILL_OPERATOR
    path = Path(operator["input_nb"].replace(ON_THE_SERVER, str(ROOT)))
    assert path.exists()
    report = f"{path.parent.name}/{path.stem}"
    given = parameters.GivenValues(general=operator["parameters"])
    declared = {report: available[report].parameters}
    assert parameters.resolve(declared, given) == {report: operator["parameters"]}
    assert rendered(operator["output_nb"]).endswith("life_cycle-2026-11-22.ipynb")
    assert f"--name {operator['kernel_name']}\n" in text_of("reports/README.md")


# ----------------------------------------------------------------- the alert


@needs_a_posix_shell
def test_the_command_of_the_alert_mails_what_it_gets(tmp_path):
    command = tmp_path / "tell-me.sh"
    write_program(command, block_named("tell-me.sh").text)
    write_program(
        tmp_path / "mail", f'#!/bin/sh\necho "$@" >{tmp_path}/sent\ncat >>{tmp_path}/sent\n'
    )
    record = json.dumps({"place": "monthly/value", "message": "why it failed"})
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([str(command)], input=record, text=True, check=True, env=environment)
    assert (tmp_path / "sent").read_text().splitlines()[1] == record
    assert "you@example.org" in (tmp_path / "sent").read_text()
