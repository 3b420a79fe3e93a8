"""Provoke every fault at random moments, and print how many of them lost anything.

    python -m tests.faults [--trials 25] [--seed N] [--only NAME] [--workers 2]

Exit code 1 when anything was lost, or when a fault was never met: nothing is known of it then.
Only the faults of disks may be left out, where this user may not mount any.
"""

import argparse
import functools
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from tests.faults.faults import FAULTS, Fault
from tests.faults.trial import Life, MissedError, NotTriedError, measured_life, new_trial
from tests.faults.workbook import OWN_NOTEBOOKS, PROGRAM, LostError, SmallWorkbook, write_workbook

COMMANDS = ("report", "schedule")
# A fault that came when the run was over is tried again, earlier.
EARLIER = 0.75
ATTEMPTS = 6


@dataclass
class Tally:
    """What has become of the trials of one fault."""

    counts: Counter[str] = field(default_factory=Counter)
    stories: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, outcome: str, story: str, seconds: float) -> None:
        self.counts[outcome] += 1
        self.seconds += seconds
        if story:
            self.stories.append(story)


@dataclass(frozen=True)
class Ground:
    """Where trials start from: a workbook with two versions of every report."""

    template: SmallWorkbook
    lives: dict[str, Life]


def main() -> int:
    options = _options()
    chosen = [fault for fault in FAULTS if not options.only or options.only in fault.name]
    if not chosen:
        print(f"no fault is called {options.only}: {', '.join(fault.name for fault in FAULTS)}")
        return 2
    begin = time.monotonic()
    print(f"seed {options.seed}, {options.trials} trials a fault, {options.workers} at a time")
    with _grounds(chosen, options.workers) as grounds:
        tallies = {fault.name: Tally() for fault in chosen}
        work = [
            (fault, number, options.trials, options.seed)
            for number, fault in itertools.product(range(options.trials), chosen)
        ]
        with ThreadPoolExecutor(options.workers) as pool:
            try:
                tried = pool.map(functools.partial(_tried, grounds), work)
                told = tqdm(zip(work, tried, strict=True), total=len(work), disable=None)
                for (fault, *_), (outcome, story, seconds) in told:
                    tallies[fault.name].add(outcome, story, seconds)
                    if outcome == "lost":
                        print(story, flush=True)
            finally:
                pool.shutdown(cancel_futures=True)  # on Ctrl-C what has begun is cleared away
    _print_table(tallies, time.monotonic() - begin)
    complaints = _complaints(chosen, tallies)
    print("\n".join(complaints) or "nothing was lost")
    return 1 if complaints else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--trials", type=int, default=25, help="of each fault")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", default="", metavar="NAME", help="faults with this in their name")
    parser.add_argument("--workers", type=int, default=2, help="trials at the same time")
    return parser.parse_args()


# ----------------------------------------------------------------- one trial


def _tried(
    grounds: dict[bool, Ground], work: tuple[Fault, int, int, int]
) -> tuple[str, str, float]:
    """Make one trial; return outcome, story and seconds."""
    fault, number, trials, seed = work
    ground = grounds[fault.on_tables]
    # Report, schedule, schedule, report: what goes by odd and even numbers meets both of them.
    command = COMMANDS[(number // 2 + number) % len(COMMANDS)]
    # The moments are spread over the whole life, each at random within its share of it.
    share = (number + _random(seed, fault, number)) / trials
    begin = time.monotonic()
    outcome, story = "missed", ""
    for _ in range(ATTEMPTS):
        outcome, story = _one_attempt(fault, ground, command, share, number, seed)
        if outcome != "missed":
            break
        share *= EARLIER
    if story:
        story = f"{fault.name}, {command}, trial {number} of seed {seed}, at {share:.0%}: {story}"
    return outcome, story, time.monotonic() - begin


def _one_attempt(
    fault: Fault, ground: Ground, command: str, share: float, number: int, seed: int
) -> tuple[str, str]:
    name = f"{seed} {fault.name} {number}"
    life, turn = ground.lives[command], _first_turn(seed, fault) + number
    with new_trial(ground.template, life, command, share, turn, name) as trial:
        try:
            trial.finish(fault.strike(trial), fault.codes)
        except MissedError:
            return "missed", ""
        except NotTriedError as reason:
            return "not tried", str(reason)
        except LostError as loss:
            return "lost", str(loss)
        except Exception as error:  # of the trial itself: it has shown nothing
            return "lost", f"the trial broke off: {type(error).__name__}: {error}"
    return "survived", ""


def _random(seed: int, fault: Fault, number: int) -> float:
    return random.Random(f"{seed} {fault.name} {number}").random()


def _first_turn(seed: int, fault: Fault) -> int:
    """Where the forms of a fault begin: few trials meet other forms with another seed."""
    return random.Random(f"{seed} {fault.name}").randrange(1000)


# ----------------------------------------------------------------- the ground


@contextmanager
def _grounds(chosen: list[Fault], workers: int) -> Iterator[dict[bool, Ground]]:
    """The workbooks the trials are copies of, by whether they read with `crmlib.tables`."""
    folders: list[Path] = []
    try:
        grounds = {}
        for on_tables in {fault.on_tables for fault in chosen}:
            folders.append(Path(tempfile.mkdtemp(prefix="f")))
            grounds[on_tables] = _ground(folders[-1], on_tables, workers)
        yield grounds
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _ground(folder: Path, on_tables: bool, workers: int) -> Ground:
    template = write_workbook(folder / "workbook", on_tables)
    for version, command in itertools.product((0, 1), COMMANDS):
        template.set_input(version)
        arguments = ["clp/small", "--out", "disk/reports"]
        if command == "schedule":
            arguments = ["nightly.toml", "--jobs", "2"]
        done = subprocess.run(
            [*PROGRAM, command, *OWN_NOTEBOOKS, *arguments],
            cwd=template.folder,
            env=template.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"crmlib {command} does not work at all: {done.stderr}")
    template.remember()
    lives = {command: measured_life(template, command, workers) for command in COMMANDS}
    for command, life in lives.items():
        what = "reading tables" if on_tables else "reading plainly"
        print(f"a good {command}, {what}: {life.run:.1f} s, kernel {life.kernel:.1f} s")
    return Ground(template, lives)


# ----------------------------------------------------------------- the table


def _print_table(tallies: dict[str, Tally], seconds: float) -> None:
    print(
        f"\n{'fault':<20}{'tried':>7}{'survived':>10}{'lost':>6}{'missed':>8}{'not tried':>11}"
        f"{'seconds':>9}"
    )
    total: Counter[str] = Counter()
    for name, tally in tallies.items():
        total += tally.counts
        print(_row(name, tally.counts, tally.seconds))
    print(_row("all", total, seconds))
    for name, tally in tallies.items():
        if never := tally.counts["not tried"]:
            print(f"{name}: {never} not tried: {tally.stories[-1]}")
        if late := tally.counts["missed"]:
            print(f"{name}: {late} missed: the run was always over first")
    print(f"{os.cpu_count()} cores")


def _complaints(chosen: list[Fault], tallies: dict[str, Tally]) -> list[str]:
    """Say which faults something was lost to, or nothing is known of."""
    complaints = []
    for fault in chosen:
        counts = tallies[fault.name].counts
        if counts["lost"]:
            complaints.append(f"{fault.name}: {counts['lost']} lost")
        elif counts["not tried"] and not fault.needs_mounting:
            complaints.append(f"{fault.name}: {counts['not tried']} not tried, which none may be")
        elif not counts["survived"] and not counts["not tried"]:
            complaints.append(f"{fault.name}: no trial of it met a run")
    return complaints


def _row(name: str, counts: Counter[str], seconds: float) -> str:
    survived, lost = counts["survived"], counts["lost"]
    others = f"{counts['missed']:>8}{counts['not tried']:>11}"
    return f"{name:<20}{survived + lost:>7}{survived:>10}{lost:>6}{others}{seconds:>9.0f}"


if __name__ == "__main__":
    sys.exit(main())
