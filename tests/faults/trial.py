"""One trial: a real process on a small workbook, a fault at a chosen moment, the checks after."""

import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.workbook import OWN_NOTEBOOKS, PROGRAM, LostError, SmallWorkbook, copy_of

PLACES = {
    "report": ["clp/small"],
    "schedule": ["nightly/small-north", "nightly/small-south"],
}
NOTHING = ""  # any words, or none
LIMIT = 180  # seconds after which a run counts as hanging
NOT_IN_PLAIN_WORDS = (
    "Traceback (most recent call last)",
    "a fault of crmlib's own",
    "crmlib itself",
)


class MissedError(Exception):
    """The run was over before the fault came; the trial is to be repeated with an earlier one."""


class NotTriedError(Exception):
    """The fault cannot be provoked on this machine."""


@dataclass(frozen=True)
class Life:
    """How long a good run lives, and its kernels: the shortest seen, in seconds."""

    run: float
    kernel: float


@dataclass
class Ending:
    """How a process ended, and what it said."""

    code: int
    said: str

    def check(self, codes: dict[int, str]) -> None:
        """Exit code and words are right.

        Parameters
        ----------
        codes : dict
            The exit codes that are right, and a pattern of what must be said with each.
        """
        if self.code not in codes:
            raise LostError(
                f"exit code {self.code}, expected {sorted(codes)}; it said: {self.said!r}"
            )
        for words in NOT_IN_PLAIN_WORDS:
            if words in self.said:
                raise LostError(f"not in plain words: {self.said!r}")
        if not re.search(codes[self.code], self.said):
            raise LostError(
                f"exit code {self.code} without the words {codes[self.code]!r}: {self.said!r}"
            )


@dataclass
class Running:
    """A `crmlib` process under way; what it says goes to a file, for a pipe could fill."""

    process: "subprocess.Popen[bytes]"
    output: Path

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def kernels(self) -> list[psutil.Process]:
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
            return [child for child in children if "kernel_process.py" in str(child.cmdline())]
        except psutil.Error:
            return []

    def end(self) -> Ending:
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise LostError(f"the run hangs: not over after {LIMIT} s") from None
        return Ending(code, self.output.read_text(encoding="utf-8", errors="replace"))


@dataclass
class Trial:
    """What a fault needs to know to strike one run.

    Attributes
    ----------
    command : str
        "report" or "schedule".
    share : float
        How far into its life the fault meets the run, 0 to 1.
    number : int
        Whose turn it is among the forms of its fault; the next trial has the next number.
    """

    workbook: SmallWorkbook
    life: Life
    command: str
    share: float
    number: int
    random: random.Random
    close: ExitStack = field(default_factory=ExitStack)
    options: tuple[str, ...] = ()  # of the report
    # Of which states of the input the struck runs may make a report, and the next run must make it.
    made_of: tuple[int, ...] = (2,)
    version: int = 2
    # The trial has damaged the shown report itself; only the next run can make it whole.
    is_damaged: bool = False
    is_seen_later: bool = False  # even when the struck run says that all is well

    @property
    def places(self) -> list[str]:
        return PLACES[self.command]

    def start(self) -> Running:
        arguments = ["clp/small", "--out", "disk/reports", *self.options]
        if self.command == "schedule":
            arguments = ["nightly.toml", "--jobs", "2"]
        return self._started([*PROGRAM, self.command, *OWN_NOTEBOOKS, *arguments])

    def _started(self, command: list[str]) -> Running:
        output = self.workbook.folder / f"said-{time.monotonic_ns()}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=self.workbook.folder,
                env=self.workbook.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.close.callback(_kill, process)
        return Running(process, output)

    def look_back(self) -> None:
        """What only looks at the reports understands their state, whatever it is."""
        for question in (["status"], ["prune", "--last", "1"]):
            asked = self._started([*PROGRAM, *question, "--out", "disk/reports"])
            asked.end().check({0: NOTHING, 1: NOTHING})

    def wait_for_the_moment(self, run: Running) -> None:
        """Sleep until the share of the run's life is over; it must still live then."""
        time.sleep(self.share * self.life.run)
        if run.is_over():
            raise MissedError

    def kernel_at_a_moment(self, run: Running) -> psutil.Process:
        """Wait for a kernel, then until the share of its life is over."""
        while not (kernels := run.kernels()):
            if run.is_over():
                raise MissedError
            time.sleep(0.01)
        time.sleep(self.share * self.life.kernel)
        chosen = self.random.choice(run.kernels() or kernels)
        if not chosen.is_running() or run.is_over():
            raise MissedError
        return chosen

    def finish(self, endings: list[Ending], codes: dict[int, str]) -> None:
        """Check what the fault has left; then that the next run mends everything."""
        for ending in endings:
            ending.check(codes)
        is_made = bool(endings) and all(ending.code == 0 for ending in endings)
        if not self.is_damaged or (is_made and not self.is_seen_later):
            self.workbook.check_readers(self.places, [*self.made_of, *([] if is_made else [1])])
        self.workbook.clear_faults()
        self.options = ()
        self.start().end().check({0: NOTHING})
        self.workbook.check_readers(self.places, [self.version], is_final=True)
        self.workbook.check_nothing_left()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


@contextmanager
def new_trial(
    template: SmallWorkbook,
    life: Life,
    command: str,
    share: float,
    number: int,
    seed: str,
) -> Iterator[Trial]:
    """A trial on a copy of the template; afterwards nothing of it is left on the machine."""
    workbook = copy_of(template)
    workbook.set_input(2)
    trial = Trial(workbook, life, command, share, number, random.Random(seed))
    try:
        yield trial
    finally:
        for process in workbook.processes():
            process.kill()
        trial.close.close()
        shutil.rmtree(workbook.folder, ignore_errors=True)


# ----------------------------------------------------------------- mounted disks


def mount_memory_disk(trial: Trial, size: int) -> Callable[[int], None]:
    """Put the trial's disk into memory with room for so many bytes; returns how to resize it."""
    disk = trial.workbook.disk
    _mount_in_place_of(trial, ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"])

    def resize(size: int) -> None:
        _run("mount", "-o", f"remount,size={size}", str(disk))

    return resize


def mount_disk_that_can_fail(trial: Trial) -> tuple[Callable[[], None], Callable[[], None]]:
    """Put the trial's disk into a file system of its own.

    Returns
    -------
    tuple of callables
        The first makes it read-only at once, as the system does when a disk fails, whatever
        is open on it; the second mounts it again.
    """
    disk = trial.workbook.disk
    image = trial.workbook.folder / "disk.ext4"
    with image.open("wb") as file:
        file.truncate(24 << 20)
    _run("mkfs.ext4", "-q", "-m", "0", str(image))
    _mount_in_place_of(trial, ["-o", "loop", str(image)])
    shutil.rmtree(disk / "lost+found", ignore_errors=True)

    def fail() -> None:
        _run("mount", "-o", "remount,abort", str(disk))

    def mend() -> None:
        _run("umount", str(disk))
        _run("mount", "-o", "loop", str(image), str(disk))

    return fail, mend


def _mount_in_place_of(trial: Trial, what: list[str]) -> None:
    disk = trial.workbook.disk
    kept = Path(tempfile.mkdtemp(prefix="f"))
    trial.close.callback(shutil.rmtree, kept, ignore_errors=True)
    shutil.copytree(disk, kept, symlinks=True, dirs_exist_ok=True)
    _run("mount", *what, str(disk))
    trial.close.callback(subprocess.run, ["umount", "-l", str(disk)], capture_output=True)
    shutil.copytree(kept, disk, symlinks=True, dirs_exist_ok=True)
    _run("sync", "-f", str(disk))


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise NotTriedError(f"there is no {command[0]} here") from None
    if done.returncode:
        raise NotTriedError(f"{' '.join(command[:3])}: {done.stderr.strip()}")


# ----------------------------------------------------------------- measuring


def measured_life(template: SmallWorkbook, command: str, workers: int) -> Life:
    """Measure good runs under the load that the trials will have; return the shortest life."""
    with ThreadPoolExecutor(workers) as pool:
        lives = list(pool.map(lambda _: _one_life(template, command), range(2 * workers)))
    return Life(min(life.run for life in lives), min(life.kernel for life in lives))


def _one_life(template: SmallWorkbook, command: str) -> Life:
    with new_trial(template, Life(0, 0), command, 0, 0, "") as trial:
        begin = time.monotonic()
        run = trial.start()
        with_kernel = []
        while not run.is_over():
            if run.kernels():
                with_kernel.append(time.monotonic() - begin)
            time.sleep(0.02)
        seconds = time.monotonic() - begin
        run.end().check({0: NOTHING})
        return Life(seconds, with_kernel[-1] - with_kernel[0])
