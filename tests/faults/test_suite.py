"""What the fault suite makes of its trials: what counts as proof, and which forms come."""

import os
import subprocess
from collections import Counter

import psutil
import pytest

from tests.faults import __main__ as suite
from tests.faults.faults import DAMAGES, EXITS, FAULTS, HANGING
from tests.faults.soak import _measure
from tests.faults.trial import NotTriedError
from tests.faults.workbook import MARK, SmallWorkbook


def verdict(faults, **counts):
    tallies = {fault.name: suite.Tally(Counter(survived=2)) for fault in FAULTS}
    for fault in faults:
        tallies[fault.name].counts = Counter({w.replace("_", " "): n for w, n in counts.items()})
    return suite._complaints(list(FAULTS), tallies)


ON_DISKS = [fault for fault in FAULTS if fault.needs_mounting]
OTHERS = [fault for fault in FAULTS if not fault.needs_mounting]


def test_only_the_faults_of_disks_need_mounting():
    assert [fault.name for fault in ON_DISKS] == ["disk full", "disk read-only"]


def test_all_is_well_when_every_fault_was_survived():
    assert verdict(FAULTS, survived=1, missed=24) == []
    assert verdict(ON_DISKS, not_tried=2) == []


@pytest.mark.parametrize(
    ("faults", "counts"),
    [
        (FAULTS[:1], {"survived": 24, "lost": 1}),
        (FAULTS[:1], {"missed": 25}),
        (FAULTS[:1], {}),
        (OTHERS[:1], {"not_tried": 25}),
        (OTHERS[:1], {"survived": 24, "not_tried": 1}),
        (ON_DISKS[:1], {"missed": 25}),
    ],
)
def test_what_was_lost_or_never_met_is_told(faults, counts):
    (told,) = verdict(faults, **counts)
    assert told.startswith(faults[0].name)


def test_the_command_exits_1_when_a_fault_was_never_met(monkeypatch):
    monkeypatch.setattr("sys.argv", ["tests.faults", "--trials", "2", "--only", "early exit"])
    monkeypatch.setattr(suite, "_grounds", lambda *_: pytest.MonkeyPatch.context())
    for outcome, code in (("missed", 1), ("not tried", 1), ("lost", 1), ("survived", 0)):
        monkeypatch.setattr(suite, "_tried", lambda *_, outcome=outcome: (outcome, "why", 0.0))
        assert suite.main() == code


def turns(fault, seed, trials):
    return range(suite._first_turn(seed, fault), suite._first_turn(seed, fault) + trials)


@pytest.mark.parametrize("forms", [DAMAGES, HANGING, EXITS], ids=["damages", "hanging", "exits"])
def test_every_form_has_its_turn(forms):
    fault = FAULTS[-1]
    assert {turn % len(forms) for turn in turns(fault, 1, 25)} == set(range(len(forms)))
    few = [turn % len(forms) for seed in range(200) for turn in turns(fault, seed, 2)]
    assert set(few) == set(range(len(forms)))
    assert turns(fault, 7, 2) == turns(fault, 7, 2)


def test_a_trial_is_told_whose_turn_it_is(monkeypatch):
    told = []

    def new_trial(template, life, command, share, turn, name):
        told.append(turn)
        raise NotTriedError("enough")

    monkeypatch.setattr(suite, "new_trial", new_trial)
    ground = suite.Ground(None, {"report": None})
    for number in (0, 1):
        with pytest.raises(NotTriedError):
            suite._one_attempt(FAULTS[-1], ground, "report", 0.5, number, 7)
    assert told == list(turns(FAULTS[-1], 7, 2))


@pytest.mark.skipif(os.name != "posix", reason="a shell starts the orphan")
def test_the_soak_counts_orphans_too(tmp_path):
    workbook = SmallWorkbook(tmp_path)
    before = _measure(workbook).processes
    environment = {**os.environ, MARK: str(tmp_path)}
    command = ["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    orphan = psutil.Process(int(made.stdout))
    try:
        assert orphan not in psutil.Process().children(recursive=True)
        assert _measure(workbook).processes == before + 1
    finally:
        orphan.kill()
