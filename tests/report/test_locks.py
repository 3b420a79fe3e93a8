"""One process at a time makes a report, and a dead one holds nobody up.

Oracle: processes that really hold, and really die.
"""

import fcntl
import json
import os
import pickle
import subprocess
import sys
import threading

import pytest

from crmlib.report import locks

HOLD = (
    "import sys\nfrom pathlib import Path\nfrom crmlib.report.locks import report_lock\n"
    "with report_lock(Path(sys.argv[1]), 'clp/x'):\n    print('held', flush=True)\n    input()"
)


def text_of(out, place="clp%2Fx"):
    return out / ".work/locks" / f"{place}.lock"


def test_another_process_is_named_and_its_death_frees_the_report(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(
                locks.Held, match=f"^clp/x: process {process.pid} on .* is making"
            ) as held,
            locks.report_lock(tmp_path, "clp/x"),
        ):
            raise AssertionError("not reached")
        assert held.value.holder["pid"] == process.pid
        assert set(held.value.holder) == {"pid", "host", "started", "command"}
        process.kill()
        process.wait()
        assert json.loads(text_of(tmp_path).read_text())["pid"] == process.pid  # stale
        with locks.report_lock(tmp_path, "clp/x"):
            assert json.loads(text_of(tmp_path).read_text())["pid"] == os.getpid()
    finally:
        process.kill()
        process.communicate()
    assert text_of(tmp_path).read_text() == ""


def test_a_second_thread_is_held_as_well_and_another_report_is_not(tmp_path):
    with locks.report_lock(tmp_path, "clp/x"):
        with pytest.raises(locks.Held), locks.report_lock(tmp_path, "clp/x"):
            raise AssertionError("not reached")
        with locks.report_lock(tmp_path, "clp/y"):
            pass
    with locks.report_lock(tmp_path, "clp/x"):
        pass


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b"[1]", b"null", b"[" * 100_000, b'{"pid": ' + b"9" * 9999],
    ids=["empty", "cut", "no text", "list", "nothing", "deep", "long"],
)
def test_a_damaged_text_of_a_lock_is_as_good_as_none(tmp_path, text):
    path = text_of(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(locks.Held, match="another process") as held:
            locks.report_lock(tmp_path, "clp/x").__enter__()
        assert held.value.holder == {}
    with locks.report_lock(tmp_path, "clp/x"):  # taken over
        assert locks.read_holder(path)["pid"] == os.getpid()


def test_the_holders_text_is_told_as_far_as_it_goes():
    held = locks.Held("clp/x", {"pid": 7})
    assert str(held) == ("clp/x: process 7 on unknown is making this report since unknown: unknown")
    copy = pickle.loads(pickle.dumps(held))
    assert (str(copy), copy.holder) == (str(held), {"pid": 7})


def test_the_command_is_told_without_passwords(tmp_path, monkeypatch):
    given = "source=postgresql://crm:geheim@db/shop"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/crmlib", "report", "-p", given])
    with locks.report_lock(tmp_path, "clp/x"):
        command = locks.read_holder(text_of(tmp_path))["command"]
    assert command.startswith("crmlib report -p ")
    assert "crm:…@db" in command


def test_a_copy_of_the_descriptor_does_not_go_on_holding(tmp_path):
    # As a process has that is being started: it closes its copy a moment later.
    with locks.report_lock(tmp_path, "clp/x"):
        [descriptor] = descriptors_of(text_of(tmp_path))
        copy = os.dup(descriptor)
    with locks.report_lock(tmp_path, "clp/x"):
        os.close(copy)


def test_a_process_started_meanwhile_inherits_no_lock(tmp_path):
    with locks.report_lock(tmp_path, "clp/x"):
        [descriptor] = descriptors_of(text_of(tmp_path))
        assert not os.get_inheritable(descriptor)


def descriptors_of(path):
    open_files = {int(name) for name in os.listdir("/dev/fd")}
    return [number for number in open_files if _is_open_on(number, path)]


def _is_open_on(descriptor, path):
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def test_an_error_within_frees_the_report(tmp_path):
    with pytest.raises(ZeroDivisionError), locks.report_lock(tmp_path, "clp/x"):
        1 / 0  # noqa: B018
    with locks.report_lock(tmp_path, "clp/x"):
        pass


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "reports").write_text("a file in the way")
    with (
        pytest.raises(locks.NotWritable, match="reports: cannot write reports there: "),
        locks.report_lock(tmp_path / "reports", "clp/x"),
    ):
        raise AssertionError("not reached")


def test_publishing_waits_its_turn(tmp_path):
    order = []

    def publish():
        with locks.publishing_lock(tmp_path):
            order.append("second")

    with locks.publishing_lock(tmp_path):
        other = threading.Thread(target=publish)
        other.start()
        other.join(0.05)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
