"""What `crmlib report` adds to running a notebook, what --jobs gains, and others' way to a PDF.

Whole processes, in turn. The processor's time is printed beside the clock's: on a machine
that others use as well it is the one to go by.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

RUNS, MANY, JOBS = 5, 10, 2
CHROMIUM = Path("/usr/bin/chromium")
MOST_ADDED, LEAST_GAIN = 1.5, 1.7  # seconds; times as fast

CELLS = (
    "# Purchases by month\n\nA small report: one table, one chart, one finding.",
    "import matplotlib.pyplot as plt\nfrom crmlib import tables\nfrom crmlib.report import blocks\n"
    "blocks.use_style()",
    "months = tables.read('purchases.csv', kind='transactions').frame\n"
    "months = months.groupby(months['date'].dt.month)['amount'].sum()",
    "## What was bought\n\nSee [the chart](#fig-months) and [the table](#tab-months).",
    "fig, ax = plt.subplots()\nax.bar(months.index, months)\n"
    "blocks.figure(fig, 'Purchases in each month.', id='fig-months')",
    "blocks.table(months.reset_index(), 'Purchases in each month.', id='tab-months')\n"
    "blocks.finding(f'{months.sum():,.0f} was bought.')",
    "blocks.run_record(seed=1)",
)

# The cells alone, by the very code that `crmlib report` runs them with.
CELLS_ALONE = """
import pathlib, sys, threading
from crmlib.report.execution import run_notebook

content = pathlib.Path(sys.argv[1]).read_bytes()
run = run_notebook(content, {}, log=pathlib.Path("log.txt"), stop=threading.Event())
sys.exit(run.exit_code)
"""

# nbconvert has no setting for the browser, and else wants one that playwright downloads.
WEBPDF = f"""
import sys
from playwright.async_api import BrowserType

launch = BrowserType.launch
BrowserType.launch = lambda self, **options: launch(
    self, executable_path={str(CHROMIUM)!r}, **options
)
from nbconvert.nbconvertapp import main

main(["--to", "webpdf", "--no-input", "--disable-chromium-sandbox", sys.argv[1]])
"""


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, and of the processor in all processes."""

    clock: float
    processor: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.clock + other.clock, self.processor + other.processor)


def cost(folder: Path, *commands: Sequence[str]) -> Cost:
    """Run commands one after the other in a folder."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    for command in commands:
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"{command}\n{run.stdout}\n{run.stderr}")
    clock = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(clock, used)


def in_turn(ways: dict[str, Callable[[], Cost]], runs: int) -> dict[str, list[Cost]]:
    """Measure several ways in turn, so that a machine that gets slower is unfair to none."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            costs[name].append(way())
    return costs


def median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(one.clock for one in costs),
        statistics.median(one.processor for one in costs),
    )


def workbook(folder: Path, reports: int) -> None:
    """Write a table, and notebooks all alike."""
    rows = "".join(
        f"{customer},2025-{month:02}-{day:02},{10 + customer % 7}.50\n"
        for customer in range(20) for month in range(1, 13) for day in (3, 17)
    )  # fmt: skip
    (folder / "purchases.csv").write_text("customer_id,date,amount\n" + rows)
    made = [new_markdown_cell(c) if c.startswith("#") else new_code_cell(c) for c in CELLS]
    (folder / "notebooks/small").mkdir(parents=True)
    for number in range(reports):
        path = folder / f"notebooks/small/report_{number}.ipynb"
        path.write_text(writes(new_notebook(cells=made)))


def run() -> None:
    """Print the rows of this benchmark."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workbook(folder, MANY)
        run_one(folder)
        run_many(folder)


def run_one(folder: Path) -> None:
    notebook, executed = "notebooks/small/report_0.ipynb", "executed.ipynb"
    options = ["--no-progress-bar", "--kernel", "python3"]
    papermill = [sys.executable, "-m", "papermill", *options, notebook, executed]
    ways = {
        "cells alone, papermill": lambda: cost(folder, papermill),
        "cells alone, crmlib": lambda: cost(folder, [sys.executable, "-c", CELLS_ALONE, notebook]),
        "crmlib report": lambda: report(folder, "small/report_0"),
    }
    if can_print_by_playwright():
        ways["papermill + nbconvert webpdf"] = lambda: cost(
            folder, papermill, [sys.executable, "-c", WEBPDF, executed]
        )
    if CHROMIUM.exists():
        ways["papermill + html + chromium"] = lambda: cost(
            folder, papermill, *by_chromium(executed)
        )
    report(folder, "small/report_0")  # what is read for the first time is not counted
    costs = in_turn(ways, RUNS)
    print(f"A report of {len(CELLS)} cells, checks, PDF, picture and record: whole processes")
    for way, measured in costs.items():
        row(way, median(measured))
    for bare in ("cells alone, papermill", "cells alone, crmlib"):
        added = [
            Cost(whole.clock - cells.clock, whole.processor - cells.processor)
            for whole, cells in zip(costs["crmlib report"], costs[bare], strict=True)
        ]
        row(f"added to {bare}", median(added), f"at most {MOST_ADDED} s wanted")


def run_many(folder: Path) -> None:
    names = [f"small/report_{number}" for number in range(MANY)]
    ways = {
        "one after the other": lambda: report(folder, *names),
        f"--jobs {JOBS}": lambda: report(folder, *names, "--jobs", str(JOBS)),
    }
    costs = in_turn(ways, runs=2)
    print(f"{MANY} such reports by one command, {os.cpu_count()} cores")
    for way, measured in costs.items():
        row(way, median(measured))
    alone, together = (median(measured).clock for measured in costs.values())
    print(f"  {'times as fast':40s}{alone / together:8.2f}     at least {LEAST_GAIN} wanted")


def report(folder: Path, *arguments: str) -> Cost:
    """Make reports in a new folder: an identical one need not be made again."""
    out = tempfile.mkdtemp(dir=folder)
    crmlib = Path(sys.executable).with_name("crmlib")
    words = ["report", "--notebooks", "notebooks", *arguments, "--out", out]
    return cost(folder, [str(crmlib), *words])


def can_print_by_playwright() -> bool:
    try:
        import playwright  # noqa: F401
    except ImportError:
        print("  playwright is not installed")
        return False
    return CHROMIUM.exists()


def by_chromium(executed: str) -> list[list[str]]:
    html = executed.replace(".ipynb", ".html")
    convert = [sys.executable, "-m", "nbconvert", "--to", "html", "--no-input", executed]
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    return [convert, [str(CHROMIUM), *options, "--print-to-pdf=chromium.pdf", html]]


def row(name: str, measured: Cost, note: str = "") -> None:
    figures = f"{measured.clock:8.2f} s   processor {measured.processor:6.2f} s"
    print(f"  {name:40s}{figures}   {note}".rstrip())


if __name__ == "__main__":
    run()
