"""A small throw-away workbook: what is run, what a run must have made, what it may leave."""

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

MARK = "CRMLIB_FAULT_TRIAL"  # in the environment of every process that belongs to a trial
GRACE = 10.0  # seconds in which orphaned kernels must have noticed that they are alone
WHOLE = {"report.pdf", "notebook.ipynb", "run.json", "list.csv"}
# What may stand outside the reports themselves once a run has ended.
BOOKKEEPING = re.compile(r"(lock|locks(/[^/]+\.lock)?|[^/]+\.lock)")

STATES = range(4)  # of the input, that any trial makes
MOMENTS = 4  # cells in which a notebook can go wrong
PARAMETERS = """\
source: str = "sales.csv"  # the table
region: str = "north"  # where
"""
# The reader of tables takes seconds to import; most faults have nothing to do with it.
READ_PLAINLY = """\
content = Path(source).read_bytes()
rows = [line.split(",") for line in content.decode().splitlines()[1:]]
amounts = pd.Series([float(row[2]) for row in rows], name="amount")
description = {"source": source, "kind": "transactions", "rows": len(rows)}
description["sha256"] = hashlib.sha256(content).hexdigest()
sales = SimpleNamespace(description=description)
"""
READ_AS_A_TABLE = """\
from crmlib import tables
sales = tables.read(source, kind="transactions")
amounts = sales.frame["amount"]
"""
IMPORTS = """\
import hashlib
from pathlib import Path
from types import SimpleNamespace
import pandas as pd
from crmlib.report import blocks
from fault import moment
"""
# The notebook calls it in several cells; a trial says in fault.json what happens in which.
FAULT_MODULE = """\
import json
from pathlib import Path

def moment(number):
    if Path("fault.json").exists():
        fault = json.loads(Path("fault.json").read_text())
        if fault["moment"] == number:
            exec(fault["code"], {"__name__": "fault"})
"""
SCHEDULE = """\
out = "disk/reports"
{settings}
[jobs.small]
notebook = "clp/small"
[jobs.small.for]
region = ["north", "south"]
"""


class LostError(Exception):
    """A trial has shown something that must not be."""


@dataclass
class Version:
    """One state of the input, and how to recognise the report made of it."""

    number: int

    @property
    def content(self) -> bytes:
        rows = [f"C{row},2024-01-{row % 28 + 1:02},{self.amount(row)}" for row in range(200)]
        return ("customer_id,date,amount\n" + "\n".join(rows) + "\n").encode()

    def amount(self, row: int) -> int:
        return 1000 * (self.number + 1) + row

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def total(self) -> int:
        return sum(map(self.amount, range(200)))


@dataclass
class SmallWorkbook:
    """Its folder holds notebooks, an input, a schedule, and the disk that is written to.

    Attributes
    ----------
    before : dict
        By place, the name and digest of every file of the report when the trial began.
    damaged : set
        Folders of runs that the trial itself has damaged; earlier runs are not made again.
    """

    folder: Path
    before: dict[str, dict[str, str]] = field(default_factory=dict)
    damaged: set[Path] = field(default_factory=set)

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def reports(self) -> Path:
        return self.disk / "reports"

    @property
    def temporary(self) -> Path:
        return self.disk / "tmp"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            MARK: str(self.folder),
            "TMPDIR": str(self.temporary),
            "JUPYTER_RUNTIME_DIR": str(self.temporary / "runtime"),
            "OMP_NUM_THREADS": "1",
        }

    def set_input(self, version: int) -> None:
        path = self.folder / "sales.csv"
        path.with_suffix(".new").write_bytes(Version(version).content)
        path.with_suffix(".new").replace(path)

    def set_fault(self, moment: int, code: str) -> None:
        fault = {"moment": moment, "code": code}
        (self.folder / "fault.json").write_text(json.dumps(fault), encoding="utf-8")

    def set_schedule(self, settings: str = "") -> None:
        (self.folder / "nightly.toml").write_text(SCHEDULE.format(settings=settings))

    def clear_faults(self) -> None:
        (self.folder / "fault.json").unlink(missing_ok=True)
        self.set_schedule()

    def remember(self) -> None:
        self.before = {place: self.files(place) for place in self.places()}

    def places(self) -> list[str]:
        """Where there are reports: places are links."""
        return sorted(
            path.relative_to(self.reports).as_posix()
            for path in self.reports.glob("*/*")
            if path.is_symlink()
        )

    def files(self, place: str) -> dict[str, str]:
        return {path.name: digest(path) for path in sorted((self.reports / place).iterdir())}

    def versions_of_runs(self, place: str) -> list[Path]:
        """The folders of all runs of a place, the shown one among them."""
        subject, leaf = place.split("/")
        return sorted((self.reports / subject / ".runs" / leaf).iterdir())

    # ------------------------------------------------------------- what must hold

    def check_readers(self, made: list[str], versions: list[int], is_final: bool = False) -> None:
        """Whoever opens the folder of reports now finds whole reports and no half ones.

        Parameters
        ----------
        made : list of str
            The places that were to be made; the others must be as they were.
        versions : list of int
            Of which states of the input a new report may be.
        is_final : bool
            Nothing is at work any more: a new report is there and nothing else is left.
        """
        for place in self.before:
            files = self.files_or_lost(place)
            if place in made and (is_final or files != self.before[place]):
                self.check_report(self.reports / place, versions)
            elif files != self.before[place]:
                raise LostError(f"{place} is not what it was, and nobody was to make it")
            for run in self.versions_of_runs(place):
                if run not in self.damaged:
                    self.check_report(run, list(STATES))
        self.check_index(is_final)
        for record in self.reports.glob("failed/*/*"):
            read_record(record / "run.json")

    def files_or_lost(self, place: str) -> dict[str, str]:
        try:
            return self.files(place)
        except OSError as error:
            path = self.reports / place
            leads_to = os.readlink(path) if path.is_symlink() else "no link"
            runs = [run.name for run in self.versions_of_runs(place)]
            raise LostError(
                f"readers find no {place}: {error}; it is {leads_to}, and there is {runs}"
            ) from None

    def check_report(self, folder: Path, versions: list[int]) -> None:
        """A report is whole: every file there, every digest right, and of one input."""
        names = {path.name for path in folder.iterdir()}
        if missing := WHOLE - names:
            raise LostError(f"{folder} is half made: without {', '.join(sorted(missing))}")
        if half := [name for name in names if "half" in name or name.startswith(".")]:
            raise LostError(f"{folder} holds something unfinished: {half}")
        record = read_record(folder / "run.json")
        if record.get("state") != "good":
            raise LostError(f"{folder}/run.json: state {record.get('state')}")
        for name, expected in record.get("files", {}).items():
            if digest(folder / name) != expected:
                raise LostError(f"{folder}/{name} is not what run.json says")
        if record["pdf_sha256"] != digest(folder / "report.pdf"):
            raise LostError(f"{folder}/report.pdf is not what run.json says")
        self.check_numbers(folder, record, versions)

    def check_numbers(self, folder: Path, record: dict, versions: list[int]) -> None:
        """The numbers printed are those of the input that is recorded."""
        said = record["inputs"][0]["sha256"]
        of = [version for version in map(Version, versions) if version.sha256 == said]
        if not of:
            raise LostError(f"{folder} is of an input that it cannot be of: SHA-256 {said}")
        if f"The total is {of[0].total}." not in (folder / "notebook.ipynb").read_text("utf-8"):
            raise LostError(f"{folder} does not show the total of the input that it names")
        if (folder / "list.csv").read_text("utf-8").count("\n") != 201:
            raise LostError(f"{folder}/list.csv is not whole")

    def check_index(self, is_final: bool) -> None:
        page = self.reports / "index.html"
        if not page.exists():
            raise LostError("there is no index.html")
        text = page.read_text(encoding="utf-8")
        if not text.rstrip().endswith("</html>"):
            raise LostError("index.html is not whole")
        links = re.findall(r'(?:href|src)="([^"#:]+)"', text)
        broken = [link for link in links if not (self.reports / unquote(link)).exists()]
        # Between a new report and its line on the page there is an instant.
        if broken and is_final:
            raise LostError(f"index.html links to what is not there: {', '.join(broken)}")

    def check_nothing_left(self) -> None:
        """No process, no socket, no temporary folder, no unfinished work."""
        deadline = time.monotonic() + GRACE
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left:
            raise LostError(f"processes are left: {[described(process) for process in left]}")
        paths = [*self.temporary.glob("*"), *self.unfinished()]
        if paths:
            shown = [str(path) for top in paths for path in (top, *list(top.rglob("*"))[:5])]
            raise LostError(f"files are left: {', '.join(shown)}")

    def unfinished(self) -> list[Path]:
        """Whatever is neither a report nor the bookkeeping of locks."""
        work = self.reports / ".work"
        inside = [
            path
            for path in work.rglob("*")
            if not BOOKKEEPING.fullmatch(path.relative_to(work).as_posix())
        ]
        visible = [path for path in self.reports.rglob("*") if work not in path.parents]
        hidden = [path for path in visible if path.name.startswith(".") or "half" in path.name]
        return inside + [path for path in hidden if path != work and path.name != ".runs"]

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            is_marked = process.environ().get(MARK) == str(self.folder)
            return is_marked and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return False


# ----------------------------------------------------------------- making one


def write_workbook(folder: Path, reads_as_a_table: bool = False) -> SmallWorkbook:
    """A workbook without any report yet."""
    workbook = SmallWorkbook(folder)
    for part in (folder / "notebooks" / "clp", workbook.reports, workbook.temporary):
        part.mkdir(parents=True)
    read = READ_AS_A_TABLE if reads_as_a_table else READ_PLAINLY
    cells = [
        new_markdown_cell("# A small report\n\nWhat was sold."),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new_code_cell(IMPORTS + "moment(0)"),
        new_code_cell(read + "moment(1)"),
        new_code_cell(
            'blocks.finding(f"The total is {amounts.sum():.0f}.")\nmoment(2)',
            metadata={"tags": ["summary"]},
        ),
        new_code_cell('blocks.attachment(amounts.to_frame(), "list.csv")\nmoment(3)'),
        new_code_cell("blocks.run_record(sales)"),
    ]
    nbformat.write(new_notebook(cells=cells), folder / "notebooks" / "clp" / "small.ipynb")
    (folder / "fault.py").write_text(FAULT_MODULE, encoding="utf-8")
    workbook.set_schedule()
    workbook.set_input(0)
    return workbook


def copy_of(template: SmallWorkbook) -> SmallWorkbook:
    """A workbook in the same state; its path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="f"))
    shutil.copytree(template.folder, folder, symlinks=True, dirs_exist_ok=True)
    workbook = SmallWorkbook(folder)
    workbook.remember()
    return workbook


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_record(path: Path) -> dict:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise LostError(f"{path} is no whole run record: {error}") from None


def described(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[-120:]}"
    except psutil.Error:
        return f"{process.pid} (gone)"


PROGRAM = [sys.executable, "-c", "from crmlib.cli import main; main()"]
OWN_NOTEBOOKS = ["--notebooks", "notebooks"]
