"""Alerts: who is told gets the record without secrets, and an alert that fails harms nothing."""

import errno
import json
import os
import socket
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import psutil
import pytest

from crmlib.report.stopping import NEVER
from crmlib.schedules import alerts
from crmlib.schedules.alerts import send_alert
from crmlib.schedules.file import Alert
from tests.schedules.made_plans import failed, outcome, plan

SECRET = "T0/B1/s3cret+value"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("CRM_HOOK", SECRET)
    monkeypatch.setenv("CRM_PASSWORD", "hunter2hunter2")


@pytest.fixture
def program(tmp_path):
    """A program for an alert: Python, in a folder where it can leave something."""

    def write(text):
        path = tmp_path / "tell.py"
        path.write_text(
            f"import sys, os, json, time, subprocess\nos.chdir({str(tmp_path)!r})\n{text}"
        )
        return Alert(command=(sys.executable, str(path)))

    return write


@pytest.fixture
def server():
    """A server on this machine that answers as `answer` says and keeps what it was sent."""
    heard = []
    state = SimpleNamespace(answer=200, location="", heard=heard, drip=False)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.command, self.path, dict(self.headers), body))
            if state.drip:
                self.drip()
                return
            self.send_response(state.answer)
            if state.location:
                self.send_header("Location", state.location)
            self.end_headers()

        def do_GET(self):
            heard.append((self.command, self.path, {}, b""))
            self.send_response(200)
            self.end_headers()

        def drip(self):
            while state.drip:
                try:
                    self.wfile.write(b"H")
                except OSError:
                    return
                time.sleep(0.02)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        state.address = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        yield state
        state.drip = False
        listening.shutdown()
        thread.join()


def tell(alert, ended, stop=NEVER):
    return send_alert(alert, ended, stop)


# ----------------------------------------------------------------- a program


def test_a_program_gets_the_record_on_its_standard_input(program, tmp_path, capfd):
    alert = program("open('told', 'w').write(sys.stdin.read()); print('noise')")
    assert tell(alert, outcome(plan("value", "north", retries=1), attempts=2)) is None
    told = json.loads((tmp_path / "told").read_text())
    assert told["run_id"] == "3f9a12bc77aa"
    assert told["warnings"] == []  # in the record, and not among what the log says
    assert (told["place"], told["job"], told["case"]) == ("monthly/value-north", "value", "north")
    assert (told["exit_code"], told["attempts"], told["as_of"]) == (1, 2, "2026-11-22")
    assert told["text"].startswith("monthly/value-north    61.0 s  failed")
    assert capfd.readouterr() == ("", "")  # standard output may be a log of JSON lines


def test_a_program_that_fails_is_told_with_its_last_line(program):
    alert = program(
        "print('one'); print('no route to hunter2hunter2\\x1b', file=sys.stderr)\nsys.exit(3)"
    )
    problem = tell(alert, outcome(plan(secrets=("CRM_PASSWORD",))))
    assert problem == (
        f"{sys.executable} was not told: it ended with exit code 3: no route to …\\x1b"
    )


def test_a_program_that_hangs_is_killed_with_its_children(program, tmp_path, monkeypatch):
    monkeypatch.setattr(alerts, "LIMIT", 1.0)
    alert = program(
        "child = subprocess.Popen(['sleep', '60'])\n"
        "open('half', 'w').write(f'{os.getpid()} {child.pid}')\nos.rename('half', 'pids')\n"
        "time.sleep(60)"
    )
    begin = time.monotonic()
    problem = tell(alert, outcome(plan()))
    assert problem.endswith("it had not ended after 1 seconds and was killed")
    assert time.monotonic() - begin < 5
    own, child = map(int, (tmp_path / "pids").read_text().split())
    assert not psutil.pid_exists(own)
    assert _ended(child)


def _ended(pid):
    """Whether a process is gone, or waits only to be cleared away by the system."""
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_a_program_may_leave_a_child_and_need_not_read(program, tmp_path):
    alert = program(
        "child = subprocess.Popen(['sleep', '60'])\nopen('pid', 'w').write(str(child.pid))"
    )
    planned = plan()
    long = replace(failed(planned.place), record={"warnings": ["x" * 1_000_000]})
    begin = time.monotonic()
    assert tell(alert, outcome(planned, long)) is None
    assert time.monotonic() - begin < 10
    psutil.Process(int((tmp_path / "pid").read_text())).kill()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it goes through a file")
def test_a_full_disk_keeps_no_alert_back(program, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    alert = program("open('told', 'w').write(sys.stdin.read())\nprint('disk full')\nsys.exit(4)")
    problem = tell(alert, outcome(plan()))
    assert problem.endswith("it ended with exit code 4: disk full")
    assert json.loads((tmp_path / "told").read_text())["place"] == "monthly/value"


def test_a_program_that_says_too_much_is_killed(program, tmp_path, monkeypatch):
    monkeypatch.setattr(alerts, "MOST_SAID", 1000)
    alert = program("print('x' * 2000, flush=True)\ntime.sleep(60)")
    begin = time.monotonic()
    assert tell(alert, outcome(plan())).endswith("it said far too much and was killed")
    assert time.monotonic() - begin < 20


def test_a_stop_ends_a_program(program, tmp_path):
    alert = program(
        "open('half', 'w').write(str(os.getpid()))\nos.rename('half', 'pid')\ntime.sleep(60)"
    )
    stop = threading.Event()

    def stop_when_begun():
        while not (tmp_path / "pid").exists():
            time.sleep(0.02)
        stop.set()

    threading.Thread(target=stop_when_begun, daemon=True).start()
    begin = time.monotonic()
    problem = tell(alert, outcome(plan()), stop)
    assert problem == f"{sys.executable} was not told: the schedule was stopped"
    assert time.monotonic() - begin < 20
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_program_that_is_not_there(tmp_path):
    missing = str(tmp_path / "nothing")
    problem = tell(Alert(command=(missing,)), outcome(plan()))
    assert problem == f"{missing} was not told: it cannot be started: No such file or directory"


# ----------------------------------------------------------------- a webhook


def test_a_webhook_gets_the_record(server):
    alert = Alert(webhook=server.address + "/services/${CRM_HOOK}?a=$${b}")
    assert tell(alert, outcome(plan())) is None
    ((method, path, headers, body),) = server.heard
    assert (method, path) == ("POST", f"/services/{SECRET}?a=${{b}}")
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert told["place"] == "monthly/value"
    assert "ZeroDivisionError" in told["text"]


def test_secrets_are_in_no_record_that_is_sent(server):
    planned = plan(secrets=("CRM_PASSWORD",))
    message = f"hunter2hunter2 {SECRET} postgresql://crm:other@db/crm"
    result = failed(planned.place, message=message)
    result = replace(result, record={**result.record, "warnings": [{"text": message}]})
    alert = Alert(webhook=server.address + "/${CRM_HOOK}")
    assert tell(alert, outcome(planned, result)) is None
    body = server.heard[0][3].decode()
    assert json.loads(body)["warnings"] == [{"text": "… … postgresql://crm:…@db/crm"}]
    assert json.loads(body)["message"] == "… … postgresql://crm:…@db/crm"
    for secret in ("hunter2", SECRET, "other"):
        assert secret not in body


@pytest.mark.parametrize("code", [404, 500])
def test_an_answer_that_is_not_good_is_told_without_the_secret(server, code):
    server.answer = code
    problem = tell(Alert(webhook=server.address + "/${CRM_HOOK}"), outcome(plan()))
    assert problem == f"{server.address}/${{CRM_HOOK}} was not told: it answered {code}"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/x", "{server}/other"])
def test_redirects_are_not_followed(server, code, to):
    server.answer = code
    server.location = to.format(server=server.address)
    problem = tell(Alert(webhook=server.address + "/hook"), outcome(plan()))
    assert problem.endswith(f"it answered {code}; name the address it redirects to")
    assert [path for _, path, *_ in server.heard] == ["/hook"]


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "nothing"]
)
def test_only_the_web_is_allowed(address):
    problem = tell(Alert(webhook=address), outcome(plan()))
    assert problem == f"{address} was not told: only http:// and https:// are allowed"


def test_a_secret_cannot_bring_another_scheme(monkeypatch):
    monkeypatch.setenv("CRM_HOOK", "file:///etc/passwd")
    problem = tell(Alert(webhook="${CRM_HOOK}"), outcome(plan()))
    assert problem == "${CRM_HOOK} was not told: only http:// and https:// are allowed"


def test_a_secret_that_is_not_set(server, monkeypatch):
    monkeypatch.delenv("CRM_HOOK")
    problem = tell(Alert(webhook=server.address + "/${CRM_HOOK}"), outcome(plan()))
    assert problem.endswith("was not told: CRM_HOOK is not set in the environment")
    assert server.heard == []


def test_an_address_that_cannot_be_used_is_not_shown(server, monkeypatch):
    monkeypatch.setenv("CRM_HOOK", "with a blank and s3cret")
    problem = tell(Alert(webhook=server.address + "/${CRM_HOOK}"), outcome(plan()))
    assert problem.endswith("/${CRM_HOOK} was not told: InvalidURL")


def test_nobody_is_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/hook"
        problem = tell(Alert(webhook=address), outcome(plan()))
    assert problem == f"{address} was not told: it cannot be reached: Connection refused"


def test_a_server_that_never_ends_its_answer(server, monkeypatch):
    monkeypatch.setattr(alerts, "LIMIT", 0.5)
    server.drip = True  # a byte now and then: no single wait is long
    begin = time.monotonic()
    problem = tell(Alert(webhook=server.address + "/hook"), outcome(plan()))
    assert problem.endswith("no answer within 0.5 seconds")
    assert time.monotonic() - begin < 3


def test_a_stop_ends_the_wait_for_an_answer(server):
    server.drip = True
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begin = time.monotonic()
    problem = tell(Alert(webhook=server.address + "/hook"), outcome(plan()), stop)
    assert problem.endswith("/hook was not told: the schedule was stopped")
    assert time.monotonic() - begin < 20


def test_after_a_stop_nobody_is_told(server, program, tmp_path):
    stop = threading.Event()
    stop.set()
    command = program("open('told', 'w').close()").command
    problem = tell(Alert(command, server.address + "/hook"), outcome(plan()), stop)
    assert problem.count("was not told: the schedule was stopped") == 2
    assert not (tmp_path / "told").exists()
    assert server.heard == []


def test_one_way_that_fails_does_not_stop_the_other(server, tmp_path):
    alert = Alert((str(tmp_path / "nothing"),), server.address + "/hook")
    problem = tell(alert, outcome(plan()))
    assert "nothing was not told" in problem
    assert "hook" not in problem
    assert len(server.heard) == 1


def test_a_fault_of_our_own_is_told_by_its_kind_only(server, monkeypatch):
    def fail(*_):
        raise RuntimeError(os.environ["CRM_HOOK"])

    monkeypatch.setattr(alerts, "_post", fail)
    problem = tell(Alert(webhook=server.address), outcome(plan()))
    assert problem == f"{server.address} was not told: RuntimeError"
