"""The command itself: start-up, list, check, help, and that no traceback reaches a user."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from crmlib import __version__, cli
from crmlib.cli import reports
from crmlib.report import notebooks as report_notebooks
from crmlib.report.jobs import Result

HEAVY = {"pandas", "numpy", "matplotlib", "papermill", "nbformat", "ibis", "duckdb", "typst"}


def run(*arguments):
    return CliRunner().invoke(cli.main, arguments, catch_exceptions=False, prog_name="crmlib")


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    monkeypatch.setattr(report_notebooks, "WORKBOOK", tmp_path)

    def add(path, title, cell):
        place = tmp_path / "notebooks" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        tagged = new_code_cell(cell, metadata={"tags": ["parameters"]})
        nbformat.write(new_notebook(cells=[new_markdown_cell(title), tagged]), place)

    add("start_here.ipynb", "# A map", "")
    add("coursework/one.ipynb", "# Exercises", "")
    add("clp/life_cycle.ipynb", "Some words\n\n# The life cycle", "rate: float = 0.1  # a month")
    add(
        "clp/.ipynb_checkpoints/life_cycle-checkpoint.ipynb",
        "# An old copy",
        "",
    )
    add("sampling/size.ipynb", "no heading", 'n: int | None = None\nlonger_name: str = "a"  # why')
    return add


def test_version():
    assert run("--version").output == f"crmlib, version {__version__}\n"


@pytest.mark.parametrize(
    "command", [[], ["list"], ["report"], ["schedule"], ["status"], ["prune"], ["check"]]
)
def test_every_help_text_has_an_example_or_needs_none(command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "crmlib " in result.output
    assert "\x08" not in result.output
    assert ("Examples:" in result.output) == (command != ["list"])


def test_list_shows_reports_with_their_parameters(notebooks):
    result = run("list")
    assert result.exit_code == 0
    assert result.output == (
        "clp/life_cycle  The life cycle\n"
        "     rate  float  0.1  a month\n"
        "\n"
        "sampling/size  sampling/size\n"
        "     n            int | None  None\n"
        "     longer_name  str         'a'   why\n"
        "\n"
    )


def test_list_shows_the_good_ones_and_names_the_broken(notebooks, tmp_path):
    notebooks("clp/broken.ipynb", "# Broken", "a = 1")
    (tmp_path / "notebooks/clp/cut.ipynb").write_text('{"cells": [')
    result = run("list")
    assert result.exit_code == 2
    assert "clp/life_cycle  The life cycle" in result.stdout
    assert "crmlib: clp/broken: line 1 of the parameters cell" in result.stderr
    assert f"{Path('notebooks/clp/cut.ipynb')}: is not a notebook" in result.stderr


def test_another_folder_of_notebooks(notebooks, tmp_path, monkeypatch):
    (tmp_path / "notebooks").rename(tmp_path / "mine")
    result = run("list", "--notebooks", "mine")
    assert "clp/life_cycle" in result.output
    assert "no such folder" in run("list", "--notebooks", "notebooks").stderr


def test_a_folder_that_happens_to_be_here_does_not_hide_the_workbooks(
    notebooks, tmp_path, monkeypatch
):
    elsewhere = tmp_path / "home"
    (elsewhere / "notebooks/clp").mkdir(parents=True)
    (elsewhere / "notebooks/clp/mine.ipynb").write_text("{}")
    monkeypatch.chdir(elsewhere)
    result = run("list")
    assert result.exit_code == 0
    assert "clp/life_cycle" in result.stdout
    assert "clp/mine" not in result.output


def test_an_installation_without_notebooks_says_what_to_do(notebooks, tmp_path, monkeypatch):
    (tmp_path / "site-packages").mkdir()
    monkeypatch.setattr(report_notebooks, "WORKBOOK", tmp_path / "site-packages")
    result = run("list")
    assert result.exit_code == 2
    assert result.stderr == (
        "crmlib: crmlib is installed here without the workbook's notebooks; name a folder of "
        "notebooks with --notebooks FOLDER\n"
    )


@pytest.mark.parametrize(
    "command",
    [["--help"], ["list"], ["report", "--help"], ["report", "clp/life"], ["schedule", "--help"]],
)
def test_answers_at_once_because_nothing_heavy_is_imported(notebooks, command):
    program = (
        "import sys\nfrom crmlib.cli import main\n"
        f"try:\n    main({command!r})\nexcept SystemExit:\n    pass\n"
        "print('modules', *sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules = set(result.stdout.splitlines()[-1].split())
    assert "crmlib.cli" in modules
    assert modules & HEAVY == set()


def test_an_unforeseen_error_is_one_line_and_a_log(notebooks, monkeypatch):
    monkeypatch.setattr(reports, "_described", lambda notebook: 1 / 0)
    result = run("list")
    assert result.exit_code == 1
    assert result.stderr.startswith("crmlib: a fault of crmlib's own: division by zero; ")
    assert len(result.stderr.splitlines()) == 1
    log = Path(result.stderr.split()[-1])
    assert "ZeroDivisionError" in log.read_text(encoding="utf-8")
    log.unlink()


@pytest.mark.parametrize(("code", "state"), [(1, "failed"), (0, "good")])
def test_no_message_of_a_report_commands_the_terminal(tmp_path, capsys, code, state):
    message = "cell 1 failed\nKeyError: \x1b]0;title\x07\x1b[2J\r\u202egnp\x9b31m"
    reports._tell(Result("clp/x", code, tmp_path, 1.0, message, state), 5)
    told = capsys.readouterr()
    assert all(line.isprintable() for line in (told.out + told.err).splitlines())
    assert r"KeyError: \x1b]0;title\x07\x1b[2J\r\u202egnp\x9b31m" in told.err.splitlines()


def test_check_tells_what_is_in_a_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(
        "who,order_date,dollar_value,cost\na,2025-01-31,10.5,1\na,2025-03-01,20,\nb,2025-02-13,3,\n"
    )
    mapping = "customer_id=who,date=order_date,amount=dollar_value"
    result = run("check", "transactions", "mine.csv", "--columns", mapping)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[:4] == [
        "mine.csv: transactions, 3 rows",
        "dates          2025-01-31 to 2025-03-01",
        "missing cells  2 in cost",
        "rows set aside 0",
    ]
    import hashlib

    digest = hashlib.sha256(Path("mine.csv").read_bytes()).hexdigest()
    assert lines[4] == f"SHA-256        {digest}"


def test_check_names_the_faults_of_a_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text("customer_id,date,amount\na,2025-01-31,much\nb,2025-02-01,2\n")
    result = run("check", "transactions", "mine.csv")
    assert result.exit_code == 2
    assert "amount" in result.stderr
    assert "Traceback" not in result.output
    result = run("check", "transactions", "mine.csv", "--set-aside")
    assert result.exit_code == 0
    assert "rows set aside 1" in result.output
    assert "row 2: not a number: much" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transactions", "none.csv"], "none.csv"),
        (["sales", "mine.csv"], "transactions"),
        (["transactions", "mine.csv", "--columns", "amount"], "write it as amount=dollar_value"),
        (["transactions", "mine.csv", "--decimal", ";"], "--decimal"),
        (["transactions"], "Missing argument 'FILE'"),
    ],
)
def test_check_with_bad_arguments(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text("customer_id,date,amount\na,2025-01-31,1\n")
    result = run("check", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
