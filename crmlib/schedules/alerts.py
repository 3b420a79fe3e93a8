"""Telling somebody of a failed run: a program gets its record, or an address on the web."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from crmlib import __version__
from crmlib.report.secrets import (
    REFERENCE,
    hide_passwords,
    hide_passwords_within,
    hide_secrets,
    hide_secrets_within,
    names_within,
)
from crmlib.report.stopping import LOOK, Stop
from crmlib.schedules.faults import printable
from crmlib.schedules.log import facts, human_line

if TYPE_CHECKING:
    from crmlib.schedules.file import Alert
    from crmlib.schedules.running import Outcome

LIMIT = 30.0  # seconds an alert may take
SAID = 2000  # bytes that are read of what a program said last
MOST_SAID = 10**8  # bytes it may say: they are kept in memory
STOPPED = "the schedule was stopped"


class _AlertError(Exception):
    """The alert did not get through; the message says why."""


def send_alert(alert: Alert, outcome: Outcome, stop: Stop) -> str | None:
    """Tell of a failed run, by program and by webhook where both are named.

    Parameters
    ----------
    alert : Alert
        Whom to tell. `${NAME}` in the webhook is replaced only here, by that environment
        variable.
    outcome : Outcome
        The run. The program gets on its standard input, and the webhook as the body of a POST,
        a JSON object: the run's record, what `crmlib.schedules.log.facts` says of it, and
        `text`, one line to read (the key that Slack, Mattermost and others show).
    stop : Stop
        Once it is set nobody is told any more, and a program that has not ended is killed.

    Returns
    -------
    str or None
        What went wrong with the alert itself; None when everybody was told. Never an exception:
        an alert that fails must not stop the runs that are left.
    """
    names = {*outcome.planned.secrets, *names_within(alert.webhook or "")}
    content = json.dumps(_message(outcome, names)).encode()
    ways: list[tuple[str, Callable[[], None]]] = []
    if command := alert.command:
        ways.append((command[0], lambda: _run(command, content, stop)))
    if webhook := alert.webhook:
        ways.append((webhook, lambda: _in_time(lambda: _post(webhook, content), stop)))
    problems = []
    for whom, tell in ways:
        try:
            if stop.is_set():
                raise _AlertError(STOPPED)
            tell()
        except _AlertError as error:
            problems.append(f"{hide_passwords(whom)} was not told: {error}")
        except Exception as error:  # whose words may hold the address, and so its secrets
            problems.append(f"{hide_passwords(whom)} was not told: {type(error).__name__}")
    return printable(hide_secrets("; ".join(problems), names)) if problems else None


def _message(outcome: Outcome, names: set[str]) -> dict[str, Any]:
    record = {**outcome.result.record, **facts(outcome), "text": human_line(outcome)}
    hidden: dict[str, Any] = hide_secrets_within(hide_passwords_within(record), names)
    return hidden


# ----------------------------------------------------------------- a program


def _run(command: tuple[str, ...], content: bytes, stop: Stop) -> None:
    # Files instead of pipes: neither a program that does not read nor a child that it leaves
    # running holds us up.
    with _file() as given, _file() as said:
        given.write(content)
        given.seek(0)
        process = _start(command, given, said)
        try:
            code = _exit_code(process, said, stop)
        finally:
            if process.poll() is None:
                _kill(process)
        if code:
            raise _AlertError(f"it ended with exit code {code}{_last_line(said)}")


def _file() -> IO[bytes]:
    """Open a file without a name; in memory where that can be, for the disk may be full."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("crmlib-alert"), "w+b")
    return tempfile.TemporaryFile()


def _exit_code(process: subprocess.Popen[bytes], said: IO[bytes], stop: Stop) -> int:
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(min(LOOK, LIMIT))
        if stop.is_set():
            raise _AlertError(STOPPED)
        if os.fstat(said.fileno()).st_size > MOST_SAID:
            raise _AlertError("it said far too much and was killed")
    raise _AlertError(f"it had not ended after {LIMIT:g} seconds and was killed")


def _start(command: tuple[str, ...], given: IO[bytes], said: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        # What it says goes nowhere: standard output may be a log of JSON lines.
        return subprocess.Popen(
            command,
            stdin=given,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=sys.platform != "win32",
        )
    except OSError as error:
        raise _AlertError(f"it cannot be started: {error.strerror}") from None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and what it has started; they are a process group of their own."""
    if sys.platform == "win32":
        subprocess.run(
            ["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False
        )
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - SAID))
    lines = said.read().decode("utf-8", "replace").split("\n")
    last = [line.strip() for line in lines if line.strip()][-1:]
    return f": {hide_passwords(last[0])}" if last else ""


# ----------------------------------------------------------------- a webhook


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Stays where it was sent.

    Following would turn the POST into a GET without the record, and could lead to another
    scheme or to whoever is not to know the address's secret.
    """

    def redirect_request(self, *_: Any) -> None:
        return None


def _in_time(post: Callable[[], None], stop: Stop) -> None:
    """Wait for the answer, but not longer than the limit.

    The limit of a socket is for each single wait: a server that sends a byte now and then could
    hold us up for ever.
    """
    caught: list[Exception] = []

    def attempt() -> None:
        try:
            post()
        except Exception as error:
            caught.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    end = time.monotonic() + LIMIT
    while thread.is_alive():
        if stop.is_set():
            raise _AlertError(STOPPED)
        if time.monotonic() >= end:
            raise _AlertError(f"no answer within {LIMIT:g} seconds")
        thread.join(min(LOOK, LIMIT))
    if caught:
        raise caught[0]


def _post(webhook: str, content: bytes) -> None:
    address = _resolved(webhook)
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise _AlertError("only http:// and https:// are allowed")
    request = urllib.request.Request(
        address,
        data=content,
        headers={"Content-Type": "application/json", "User-Agent": f"crmlib/{__version__}"},
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=LIMIT):
            return
    except urllib.error.HTTPError as error:
        error.close()
        where = "; name the address it redirects to" if 300 <= error.code < 400 else ""
        raise _AlertError(f"it answered {error.code}{where}") from None
    except urllib.error.URLError as error:
        raise _AlertError(f"it cannot be reached: {_cause(error.reason)}") from None
    except TimeoutError:
        raise _AlertError(f"no answer within {LIMIT:g} seconds") from None


def _cause(reason: Any) -> str:
    """Why there is no connection, in words that do not hold the address."""
    return (isinstance(reason, OSError) and reason.strerror) or type(reason).__name__


def _resolved(webhook: str) -> str:
    """Return the address with the environment's values in it; `$${` is a plain `${`."""
    missing = [name for name in names_within(webhook) if not os.environ.get(name)]
    if missing:
        raise _AlertError(f"{', '.join(missing)} is not set in the environment")
    return REFERENCE.sub(
        lambda match: match[0][1:] if match["escape"] else os.environ[match["name"]], webhook
    )
