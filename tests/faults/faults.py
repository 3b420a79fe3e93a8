"""The twelve faults: how each is provoked, and what a run must say to it.

A fault is a function that strikes a trial and returns how the struck runs ended (those it
killed itself it leaves out). What must hold afterwards is the same for all: see `Trial.finish`.
"""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tests.faults.trial import (
    NOTHING,
    Ending,
    MissedError,
    Trial,
    mount_disk_that_can_fail,
    mount_memory_disk,
)
from tests.faults.workbook import MOMENTS, LostError, Version

INTERRUPTED = {143: "interrupted", -signal.SIGTERM: NOTHING}
KERNEL_DIED = {138: "the kernel died.*in cell|the kernel died before"}
CANNOT_WRITE = (
    "[Nn]o space left|disk is full|[Rr]ead-only file system|cannot write|cannot be written"
)


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes
    ----------
    strike : callable
        Takes a trial, returns the endings to judge.
    codes : dict
        Right exit codes, with what must be said.
    on_tables : bool
        Whether the notebook reads its input with `crmlib.tables`.
    needs_mounting : bool
        Whether it can be provoked only by a user who may mount disks.
    """

    name: str
    strike: Callable[[Trial], list[Ending]]
    codes: dict[int, str]
    on_tables: bool = False
    needs_mounting: bool = False


# ----------------------------------------------------------------- signals


def kill_the_runner(trial: Trial) -> list[Ending]:
    run = trial.start()
    trial.wait_for_the_moment(run)
    run.process.kill()
    run.end()
    return []


def kill_the_kernel(trial: Trial) -> list[Ending]:
    run = trial.start()
    trial.kernel_at_a_moment(run).kill()
    return [run.end()]


def terminate_the_runner(trial: Trial) -> list[Ending]:
    run = trial.start()
    trial.wait_for_the_moment(run)
    run.process.terminate()
    return [run.end()]


# ----------------------------------------------------------------- disks


def fill_the_disk(trial: Trial) -> list[Ending]:
    """Too little room from the start, of any size; or filled up by others meanwhile."""
    used = _bytes_in(trial.workbook.disk)
    needed = 1 << 20  # more than one run of the small workbook writes
    is_gradual = trial.number % 2 == 0
    room = int(trial.share * needed) if is_gradual else 2 * needed
    resize = mount_memory_disk(trial, used + room)
    run = trial.start()
    if not is_gradual:
        trial.wait_for_the_moment(run)
        _fill(trial.workbook.disk / "filler")
    ending = run.end()
    (trial.workbook.disk / "filler").unlink(missing_ok=True)
    resize(64 << 20)
    return [ending]


def _bytes_in(folder: Path) -> int:
    # Memory disks give out whole pages, to folders and links as well.
    paths = [folder, *folder.rglob("*")]
    return sum(4096 * (1 + path.lstat().st_size // 4096) for path in paths)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def make_it_read_only(trial: Trial) -> list[Ending]:
    """At any moment, as the system does with a disk that fails; every fifth from the start."""
    fail, mend = mount_disk_that_can_fail(trial)
    if trial.number % 5 == 0:
        fail()
        run = trial.start()
    else:
        run = trial.start()
        trial.wait_for_the_moment(run)
        fail()
    ending = run.end()
    trial.workbook.check_readers(trial.places, [1, trial.version])
    _wait_for_the_end_of(trial)
    mend()
    return [ending]


def _wait_for_the_end_of(trial: Trial) -> None:
    """A disk can be mounted anew only when nobody uses it."""
    deadline = time.monotonic() + 10
    while trial.workbook.processes():
        if time.monotonic() > deadline:
            raise LostError("processes outlive a run that has ended")
        time.sleep(0.05)


# ----------------------------------------------------------------- inputs and rivals


def replace_the_input(trial: Trial) -> list[Ending]:
    """By a whole new file in one step; or written over in place, slowly."""
    run = trial.start()
    trial.made_of, trial.version = (2, 3), 3
    trial.wait_for_the_moment(run)
    if trial.number % 2:
        trial.workbook.set_input(3)
    else:
        _write_over(trial.workbook.folder / "sales.csv", Version(3).content)
    return [run.end()]


def _write_over(path: Path, content: bytes) -> None:
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(content), 1000):
            file.write(content[at : at + 1000])
            time.sleep(0.02)


def start_a_second_one(trial: Trial) -> list[Ending]:
    first = trial.start()
    trial.wait_for_the_moment(first)
    second = trial.start()
    endings = [first.end(), second.end()]
    pids = {first.process.pid, second.process.pid}
    for ending in endings:
        if ending.code == 75 and not any(str(pid) in ending.said for pid in pids):
            raise LostError(f"the holder's number is not told: {ending.said!r}")
    if trial.command == "report" and all(ending.code for ending in endings):
        raise LostError(f"nobody made the report: {endings}")
    # Whoever was held back, the reports are there when both have ended.
    trial.workbook.check_readers(trial.places, [trial.version], is_final=True)
    return endings


# ----------------------------------------------------------------- notebooks that go wrong


TAKE_MEMORY = """\
import time
taken = []
{limit}
while True:
    taken.append(bytearray({step} << 20))
    time.sleep({pause})
"""
LIMIT_OF_THE_SYSTEM = """\
import resource
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
"""
HANGING = [
    "while True: pass",
    "import time\ntime.sleep(100000)",
    "import signal\nsignal.signal(2, 1)\nsignal.signal(15, 1)\nwhile True: pass",
    "import subprocess\nsubprocess.run(['sleep', '100000'])",
    "import threading\nthreading.Event().wait()",
]
EXITS = [
    "import sys\nsys.exit(0)",
    "import os\nos._exit(0)",
    # What `quit` does: the kernel goes a tenth of a second later, if the cells still take so long.
    "import IPython, time\nIPython.get_ipython().ask_exit()\ntime.sleep(1)",
    "raise SystemExit",
    "import os\nos.kill(os.getpid(), 9)",
    "import os\nos.kill(os.getpid(), 15)",
    "import os\nos.abort()",
]


def _moment(trial: Trial) -> int:
    return min(int(trial.share * MOMENTS), MOMENTS - 1)


def take_too_much_memory(trial: Trial) -> list[Ending]:
    """More than the schedule gives; `crmlib report` has only the system's limit."""
    is_limited = trial.command == "schedule"
    limit = "" if is_limited else LIMIT_OF_THE_SYSTEM
    step, pause = trial.random.choice([(5, 0.01), (50, 0.02), (300, 0.05)])
    trial.workbook.set_fault(
        _moment(trial), TAKE_MEMORY.format(limit=limit, step=step, pause=pause)
    )
    if is_limited:
        trial.workbook.set_schedule('memory = "400 MB"')
    return [trial.start().end()]


def hang_in_a_cell(trial: Trial) -> list[Ending]:
    form = HANGING[trial.number % len(HANGING)]
    trial.workbook.set_fault(_moment(trial), form)
    seconds = round(0.1 + trial.share * 1.5 * trial.life.run, 2)
    if trial.command == "schedule":
        trial.workbook.set_schedule(f'timeout = "{seconds} s"')
    else:
        trial.options = ("--timeout", str(seconds))
    return [trial.start().end()]


def exit_early(trial: Trial) -> list[Ending]:
    # Early enough that something is left to be done.
    trial.workbook.set_fault(min(_moment(trial), MOMENTS - 2), EXITS[trial.number % len(EXITS)])
    return [trial.start().end()]


# ----------------------------------------------------------------- state


def set_the_clock_back(trial: Trial) -> list[Ending]:
    """All that is there comes from the future: times in records, names of runs, of files."""
    shift = timedelta(seconds=2 ** (trial.share * 28))  # a second to eight years
    reports = trial.workbook.reports
    if trial.number % 2:
        run = trial.start()
        trial.wait_for_the_moment(run)
        _shift_files(reports, shift)
        return [run.end()]
    if trial.random.random() < 0.7:
        _shift_records(reports, shift)
    if trial.random.random() < 0.7:
        _shift_names(trial, shift)
    _shift_files(reports, shift)
    trial.workbook.remember()
    trial.look_back()
    return [trial.start().end()]


def _shift_records(reports: Path, shift: timedelta) -> None:
    for path in [
        *reports.glob("*/.runs/*/*/run.json"),
        *reports.glob("*/.runs/*/*/confirmed.json"),
    ]:
        record = json.loads(path.read_text(encoding="utf-8"))
        for name in ("started", "finished", "confirmed"):
            if name in record:
                later = datetime.fromisoformat(record[name]) + shift
                record[name] = later.isoformat(timespec="seconds")
        if record.get("as_of"):
            day = datetime.fromisoformat(record["as_of"]) + shift
            record["as_of"] = day.date().isoformat()
        path.write_text(json.dumps(record), encoding="utf-8")


def _shift_names(trial: Trial, shift: timedelta) -> None:
    for place in trial.places:
        link = trial.workbook.reports / place
        shown = link.resolve()
        for run in trial.workbook.versions_of_runs(place):
            stamp, sign, rest = run.name.partition("-")
            try:
                later = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ") + shift
            except ValueError:
                continue
            moved = run.with_name(f"{later:%Y%m%dT%H%M%SZ}{sign}{rest}")
            run.rename(moved)
            if run.resolve() == shown or run == shown:
                link.unlink()
                link.symlink_to(moved.relative_to(link.parent))


def _shift_files(folder: Path, shift: timedelta) -> None:
    later = time.time() + shift.total_seconds()
    for path in folder.rglob("*"):
        try:
            os.utime(path, (later, later), follow_symlinks=False)
        except FileNotFoundError:
            continue  # the run under way has moved it


def corrupt_the_state(trial: Trial) -> list[Ending]:
    """One file of what earlier runs have left is damaged, before the run or during it."""
    damage = DAMAGES[trial.number % len(DAMAGES)]
    trial.is_damaged = True
    if trial.random.random() < 0.5:
        # Nothing new to read: an identical run must not be taken for done when it is damaged.
        trial.made_of, trial.version = (1,), 1
        trial.workbook.set_input(1)
    is_under_way = trial.random.random() < 0.5
    shown = {place: (trial.workbook.reports / place).resolve() for place in trial.places}
    for place in trial.places:
        trial.workbook.damaged.update(trial.workbook.versions_of_runs(place))
    run = trial.start() if is_under_way else None
    if run:
        trial.wait_for_the_moment(run)
    for place in trial.places:
        try:
            damage(trial, place, shown[place])
        except FileNotFoundError:
            raise MissedError from None  # the run was faster and has removed it
    if run is None:
        trial.look_back()
        run = trial.start()
    elif trial.version == 1:
        # It may have looked before the damage and found nothing to do: the next run must see it.
        trial.is_seen_later = True
    return [run.end()]


def _spoil(trial: Trial, path: Path) -> None:
    """Random bytes, nothing, or the first half of what was there."""
    content = path.read_bytes()
    forms = [trial.random.randbytes(200), b"", content[: len(content) // 2], b"[]", b"null"]
    path.write_bytes(trial.random.choice(forms))


def _damaged_file(name: str) -> Callable[[Trial, str, Path], None]:
    def damage(trial: Trial, place: str, shown: Path) -> None:
        _spoil(trial, shown / name)

    return damage


def _damaged_older_record(trial: Trial, place: str, shown: Path) -> None:
    for run in trial.workbook.versions_of_runs(place):
        if run != shown:
            _spoil(trial, run / "run.json")


def _damaged_confirmation(trial: Trial, place: str, shown: Path) -> None:
    (shown / "confirmed.json").write_bytes(b'{"confirmed": "yes')


def _damaged_locks(trial: Trial, place: str, shown: Path) -> None:
    for path in trial.workbook.reports.glob(".work/**/*lock"):
        if path.is_file():
            path.write_bytes(trial.random.randbytes(300))


def _damaged_page(trial: Trial, place: str, shown: Path) -> None:
    page = trial.workbook.reports / "index.html"
    page.write_bytes(page.read_bytes()[:500])


def _link_to_nowhere(trial: Trial, place: str, shown: Path) -> None:
    link = trial.workbook.reports / place
    link.unlink()
    link.symlink_to(".runs/nowhere")


def _no_link(trial: Trial, place: str, shown: Path) -> None:
    (trial.workbook.reports / place).unlink()


def _file_for_link(trial: Trial, place: str, shown: Path) -> None:
    link = trial.workbook.reports / place
    link.unlink()
    link.write_text("a file where the report should be")


def _no_pdf(trial: Trial, place: str, shown: Path) -> None:
    (shown / "report.pdf").unlink()


def _no_runs(trial: Trial, place: str, shown: Path) -> None:
    shutil.rmtree(shown.parent)


def _damaged_failure(trial: Trial, place: str, shown: Path) -> None:
    folder = trial.workbook.reports / "failed" / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_bytes(trial.random.randbytes(100))


DAMAGES = [
    _damaged_file("run.json"),
    _no_pdf,
    _damaged_confirmation,
    _link_to_nowhere,
    _damaged_locks,
    _damaged_file("report.pdf"),
    _damaged_page,
    _damaged_older_record,
    _damaged_file("list.csv"),
    _damaged_failure,
    _no_link,
    _no_runs,
    _file_for_link,
]


FAULTS = (
    Fault("runner killed", kill_the_runner, {}),
    Fault("kernel killed", kill_the_kernel, {0: NOTHING, **KERNEL_DIED}),
    Fault("runner terminated", terminate_the_runner, {0: NOTHING, **INTERRUPTED}),
    Fault("disk full", fill_the_disk, {0: NOTHING, 74: CANNOT_WRITE}, needs_mounting=True),
    Fault("disk read-only", make_it_read_only, {0: NOTHING, 74: CANNOT_WRITE}, needs_mounting=True),
    Fault("input replaced", replace_the_input, {0: NOTHING, 2: "sales.csv"}, on_tables=True),
    Fault("two at once", start_a_second_one, {0: NOTHING, 75: "is making this report"}),
    Fault("out of memory", take_too_much_memory, {138: "more than the", 1: "MemoryError"}),
    Fault("hanging cell", hang_in_a_cell, {124: "not finished after"}),
    Fault("early exit", exit_early, {1: "SystemExit|was not run", **KERNEL_DIED}),
    Fault("clock set back", set_the_clock_back, {0: NOTHING}),
    Fault("state corrupt", corrupt_the_state, {0: NOTHING}),
)
