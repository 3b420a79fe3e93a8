"""Many scheduled runs in a row in one process: does anything grow?

    python -m tests.faults.soak [--runs 200]

Nearly every run has a changed input; every tenth finds nothing new. Exit code 1 when something
grows.
"""

import argparse
import gc
import math
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import astuple, dataclass, fields
from datetime import date
from pathlib import Path

import psutil

from tests.faults.workbook import SmallWorkbook, write_workbook

WARM_UP = 20  # runs after which everything has been imported and every cache filled
SHOWN = 8  # lines of the table
EVERY_UNCHANGED = 10
# A schedule of a thousand runs may take 32 MB more in the end than at the beginning, a quarter of
# what one kernel takes; what runs leave on purpose (nothing) is far below, a notebook or a PDF
# that is held on to is far above. Slopes are told apart from noise by two standard errors.
KILOBYTES_A_RUN = 32.0


@dataclass(frozen=True)
class Measured:
    """What the process holds after a run; all but memory are counts that must not grow."""

    memory_kb: int
    handles: int
    temp_files: int
    processes: int
    threads: int
    run_folders: int
    files: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak")
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    if runs < 2 * WARM_UP:
        parser.error(f"--runs: {2 * WARM_UP} at least; the first {WARM_UP} are the warm-up")
    folder = Path(tempfile.mkdtemp(prefix="f"))
    try:
        return _soak(write_workbook(folder), runs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _soak(workbook: SmallWorkbook, runs: int) -> int:
    os.environ.update(workbook.environment)
    tempfile.tempdir = str(workbook.temporary)
    os.chdir(workbook.folder)
    begin = time.monotonic()
    measured = []
    print(f"{'run':>5}" + "".join(f"{field.name:>13}" for field in fields(Measured)))
    for number in range(runs):
        _run_once(workbook, number)
        measured.append(_measure(workbook))
        if number == 0 or (number + 1) % (runs // SHOWN) == 0:
            print(f"{number + 1:>5}" + "".join(f"{v:>13,}" for v in astuple(measured[-1])))
    seconds = time.monotonic() - begin
    print(f"{runs} runs in {seconds:.0f} s, {seconds / runs:.1f} s a run")
    faults = _growth(measured[WARM_UP:])
    print("\n".join(faults) or "nothing grows")
    return 1 if faults else 0


def _run_once(workbook: SmallWorkbook, number: int) -> None:
    from crmlib.report.notebooks import find_notebooks
    from crmlib.schedules.file import read_schedule
    from crmlib.schedules.running import run_schedule

    is_unchanged = number % EVERY_UNCHANGED == EVERY_UNCHANGED - 1
    if not is_unchanged:
        workbook.set_input(number)
    path = workbook.folder / "nightly.toml"
    available = find_notebooks(workbook.folder / "notebooks")
    schedule = read_schedule(path, available, date(2026, 1, 1))
    outcomes = run_schedule(schedule, parallel=2, stop=threading.Event())
    wanted = "unchanged" if is_unchanged else "good"
    for outcome in outcomes:
        if outcome.result.state != wanted:
            sys.exit(f"run {number + 1} is not {wanted}: {outcome.result}")


def _measure(workbook: SmallWorkbook) -> Measured:
    gc.collect()  # what waits for the collector is no leak
    process = psutil.Process()
    every = list(workbook.folder.rglob("*"))
    return Measured(
        memory_kb=process.memory_info().rss // 1024,
        handles=process.num_fds() if hasattr(process, "num_fds") else process.num_handles(),
        temp_files=sum(workbook.temporary in path.parents for path in every),
        processes=len(workbook.processes()),  # orphans as well
        threads=process.num_threads(),
        run_folders=sum(path.parent.parent.name == ".runs" for path in every),
        files=len(every),
    )


def _growth(measured: list[Measured]) -> list[str]:
    """Say what grows: memory by its slope, everything else at all."""
    slope, error = _slope([one.memory_kb for one in measured])
    print(
        f"memory: {slope:+.1f} kB a run (standard error {error:.1f}; "
        f"{KILOBYTES_A_RUN:g} kB are allowed)"
    )
    faults = []
    if slope - 2 * error > KILOBYTES_A_RUN:
        faults.append(f"memory grows by {slope:.0f} kB a run")
    third = len(measured) // 3
    for name in [field.name for field in fields(Measured)][1:]:
        first = max(getattr(one, name) for one in measured[:third])
        last = max(getattr(one, name) for one in measured[-third:])
        if last > first:
            faults.append(f"{name}: {first} at first, {last} in the end")
    return faults


def _slope(values: list[int]) -> tuple[float, float]:
    """Slope of a least-squares line over the run's number, and its standard error."""
    numbers = list(range(len(values)))
    line = statistics.linear_regression(numbers, values)
    residuals = [
        value - line.intercept - line.slope * number
        for number, value in zip(numbers, values, strict=True)
    ]
    spread = math.sqrt(math.fsum(r * r for r in residuals) / (len(values) - 2))
    return line.slope, spread / (statistics.pstdev(numbers) * math.sqrt(len(values)))


if __name__ == "__main__":
    sys.exit(main())
