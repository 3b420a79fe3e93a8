"""Running one notebook in a kernel of its own, and judging whether it really ran."""

import base64
import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines

from crmlib.report.document import BLOCK_TYPE
from crmlib.report.exit_codes import BAD_INPUT, CELL_FAILED, GOOD, KERNEL_DIED, TIMED_OUT

ANSI_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# The system's limit for the path of a socket is 104 (macOS) or 108 characters, and the
# kernel's sockets add some 40 to the folder's.
LONGEST_SOCKET_FOLDER = 60
START_LIMIT = 120  # seconds a kernel may take to start on a busy machine
LATE_OUTPUT_LIMIT = 60  # seconds the last output of a cell may take to arrive

# What papermill would say about a run we say ourselves.
logging.getLogger("papermill").addHandler(logging.NullHandler())
logging.getLogger("papermill").propagate = False


@dataclass(frozen=True)
class Failure:
    """Why a run is not good.

    Attributes
    ----------
    exit_code : int
        See `crmlib.report.exit_codes`.
    message : str
        One or two lines for the user.
    traceback : str
        The whole story, without colour codes.
    """

    exit_code: int
    message: str
    traceback: str = ""


@dataclass(frozen=True)
class Execution:
    """What came out of running a notebook; `failure` is None when every cell ran well."""

    notebook: nbformat.NotebookNode
    failure: Failure | None

    @property
    def exit_code(self) -> int:
        """0 when every cell ran well."""
        return self.failure.exit_code if self.failure else GOOD

    @property
    def run_record(self) -> dict[str, Any]:
        """What the notebook's last `run_record` block says: inputs, seed, period."""
        records = [block for block in self._blocks() if block.get("kind") == "run_record"]
        return records[-1] if records else {}

    @property
    def attachments(self) -> dict[str, bytes]:
        """Files that go with the report, by name."""
        blocks = [block for block in self._blocks() if block.get("kind") == "attachment"]
        return {block["name"]: base64.b64decode(block["content"]) for block in blocks}

    def _blocks(self) -> Iterator[dict[str, Any]]:
        for cell in self.notebook.cells:
            for output in cell.get("outputs", []):
                block = output.get("data", {}).get(BLOCK_TYPE, {})
                yield json.loads(block) if isinstance(block, str) else block

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What the cells wrote to standard error."""
        return [
            {"cell": number, "text": ANSI_CODES.sub("", output.text)}
            for number, cell in enumerate(self.notebook.cells, 1)
            for output in cell.get("outputs", [])
            if output.output_type == "stream" and output.name == "stderr"
        ]


def run_notebook(
    content: bytes,
    parameters: dict[str, Any],
    *,
    log: Path,
    stop: threading.Event,
    timeout: float | None = None,
    on_cell: Callable[[], object] = lambda: None,
) -> Execution:
    """Run a notebook from its first cell to its last.

    Parameters
    ----------
    content : bytes
        The notebook file.
    parameters : dict
        Values to set after the cell tagged `parameters`; data, whatever they hold.
    log : pathlib.Path
        File for what the kernel process writes and for when each cell ran.
    stop : threading.Event
        Setting it kills the kernel.
    timeout : float, optional
        Seconds the whole run may take; then the kernel is killed.
    on_cell : callable
        Called after every code cell that ran.

    Returns
    -------
    Execution
        With the notebook as far as it got, and the failure if there was one.
    """
    journal = _Journal(log)
    kernel = _Kernel(stop, timeout)
    session = _Session(kernel, journal, on_cell, nbformat.reads(content, as_version=4))
    problem: Exception | None = None
    try:
        with journal, kernel.watched():
            papermill.execute_notebook(
                nbformat.reads(content, as_version=4),
                None,
                parameters=parameters,
                engine_name=ENGINE,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                start_timeout=START_LIMIT,
                session=session,
            )
    except papermill.PapermillExecutionError:
        pass  # a cell failed; the cells say which and why
    except Exception as error:
        problem = error
    finally:
        ensure_event_loop().close()
    return Execution(session.notebook, _judge(session.notebook, kernel, problem))


# ----------------------------------------------------------------- papermill's side


@dataclass
class _Session:
    """What one run hands to papermill's engine, and gets back from it."""

    kernel: "_Kernel"
    journal: "_Journal"
    on_cell: Callable[[], object]
    notebook: nbformat.NotebookNode

    def cell_executed(self, cell: nbformat.NotebookNode, cell_index: int, **_: Any) -> None:
        self.journal.write(f"cell {cell_index + 1} ran: {first_line(cell.source)}")
        self.on_cell()


class _OwnKernelEngine(Engine):
    """papermill's engine, with the kernel of this interpreter on sockets of its own."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, session: _Session, start_timeout: int, **_: Any
    ) -> None:
        client = PapermillNotebookClient(
            nb_man,
            km=session.kernel.manager,
            kernel_name=kernel_name,
            log=session.journal.logger,
            startup_timeout=start_timeout,
            iopub_timeout=LATE_OUTPUT_LIMIT,
            timeout=None,  # the limit is on the whole notebook: see _Kernel
            on_cell_executed=session.cell_executed,
        )
        try:
            client.execute(
                cleanup_kc=True,
                env=session.kernel.environment,
                stdout=session.journal.file,
                stderr=session.journal.file,
            )
        finally:
            # papermill goes on to put cells of its own into a failed notebook.
            session.notebook = deepcopy(nb_man.nb)


ENGINE = "crmlib"
papermill_engines.register(ENGINE, _OwnKernelEngine)


# ----------------------------------------------------------------- the kernel


class _KernelManager(AsyncKernelManager):
    """Starts this very interpreter, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python",
            language="python",
        )


class _Kernel:
    """One kernel process in a private folder, killed on time-out or when asked to stop."""

    def __init__(self, stop: threading.Event, timeout: float | None) -> None:
        self.stop = stop
        self.timeout = timeout
        self.timed_out = False
        self.stopped = False
        self.returncode: int | None = None  # of a kernel that ended by itself
        self._over = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within this the kernel may live; afterwards neither it nor its sockets are left."""
        self.folder = Path(tempfile.mkdtemp(prefix="crm-", dir=_socket_root()))
        self.manager = self._make_manager()
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._over.set()
            watcher.join()
            self._end()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _make_manager(self) -> _KernelManager:
        manager = _KernelManager(connection_file=str(self.folder / "connection.json"))
        # Kernels that start at the same moment race for TCP ports, and share the default
        # socket path; Windows has no such sockets.
        if sys.platform != "win32":
            manager.transport = "ipc"
            manager.ip = str(self.folder / "k")
        return manager

    @property
    def environment(self) -> dict[str, str]:
        """Settings under which the same notebook gives the same bytes."""
        return {
            **os.environ,
            "PYTHONHASHSEED": "0",
            "SOURCE_DATE_EPOCH": "0",  # matplotlib writes it into figures instead of now
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "IPYTHONDIR": str(self.folder / "ipython"),  # no start-up files of the user's
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }

    def _watch(self) -> None:
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        while not self._over.wait(0.05):
            self.timed_out |= deadline is not None and time.monotonic() > deadline
            self.stopped |= self.stop.is_set()
            # Again and again: the kernel may only be starting.
            if self.timed_out or self.stopped:
                self._kill()

    def _end(self) -> None:
        """Leave no process behind, not even what a dead kernel had started."""
        process = getattr(self.manager.provisioner, "process", None)
        if process is not None:
            self.returncode = process.poll()
        self._kill()
        if process is not None:
            process.wait()

    def _kill(self) -> None:
        """Kill the kernel and what it started; they are a process group of their own."""
        pid = getattr(self.manager.provisioner, "pid", None)
        if pid is None:
            return
        try:
            if sys.platform == "win32":
                os.kill(pid, signal.SIGTERM)
            else:
                os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass  # gone already


def _socket_root() -> str | None:
    """Folder for the sockets; the usual one unless its path is too long for a socket."""
    usual = tempfile.gettempdir()
    return usual if len(usual) <= LONGEST_SOCKET_FOLDER or sys.platform == "win32" else "/tmp"


class _Journal:
    """The log file of a run: our lines, and whatever the kernel process writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logger = logging.Logger("crmlib.run")

    def __enter__(self) -> "_Journal":
        self.file = self.path.open("a", encoding="utf-8")
        handler = logging.StreamHandler(self.file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self.logger.addHandler(handler)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, text: str) -> None:
        self.logger.info(text)


# ----------------------------------------------------------------- the verdict


def _judge(
    notebook: nbformat.NotebookNode, kernel: _Kernel, problem: Exception | None
) -> Failure | None:
    """Say why the run is not good, or None.

    papermill and nbclient leave a notebook whose cells all look completed when the kernel
    was killed, and call `sys.exit(0)` a success; so the cells themselves are counted.
    """
    if kernel.stopped:
        return Failure(CELL_FAILED, "stopped before it was finished")
    if kernel.timed_out:
        return Failure(
            TIMED_OUT,
            f"not finished after {kernel.timeout:g} seconds{_where_it_was(notebook)}; "
            "give it more with --timeout",
        )
    if failed := _first_error(notebook):
        return failed
    if isinstance(problem, DeadKernelError) or "Kernel died" in str(problem):
        return Failure(
            KERNEL_DIED,
            f"the kernel died{_where_it_was(notebook)}\n{_cause_of_death(kernel.returncode)}",
        )
    if problem is not None:
        raise problem
    if not _code_cells(notebook):
        return Failure(CELL_FAILED, "the notebook has no code; there is nothing to report")
    missing = [number for number, cell in _code_cells(notebook) if not cell.execution_count]
    if missing:
        return Failure(CELL_FAILED, f"cell {missing[0]} was not run")
    return None


def _code_cells(notebook: nbformat.NotebookNode) -> list[tuple[int, nbformat.NotebookNode]]:
    """Find number and cell of every code cell that holds something."""
    return [
        (number, cell)
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code" and cell.source.strip()
    ]


def _first_error(notebook: nbformat.NotebookNode) -> Failure | None:
    for number, cell in _code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                return _failure_of(number, cell, output)
    return None


def _failure_of(number: int, cell: nbformat.NotebookNode, output: Any) -> Failure:
    story = ANSI_CODES.sub("", "\n".join(output.traceback))
    if output.ename == "InputError":
        return Failure(BAD_INPUT, output.evalue, story)
    place = f"cell {number} failed: {first_line(cell.source)}"
    reason = f"{output.ename}: {output.evalue}" if output.evalue else output.ename
    return Failure(CELL_FAILED, f"{place}\n{ANSI_CODES.sub('', reason)}", story)


def _cause_of_death(returncode: int | None) -> str:
    if returncode is None:
        return "it gave no reason"
    if returncode >= 0:
        return f"its process ended with exit code {returncode}"
    name = signal.Signals(-returncode).name
    hint = "; was the machine's memory full?" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{hint}"


def _where_it_was(notebook: nbformat.NotebookNode) -> str:
    """Which cell was the last to begin, as the middle of a message."""
    begun = [
        (number, cell)
        for number, cell in _code_cells(notebook)
        if cell.metadata.get("papermill", {}).get("start_time")
    ]
    if not begun:
        return " before its first cell"
    number, cell = begun[-1]
    return f" in cell {number}: {first_line(cell.source)}"


def first_line(source: str) -> str:
    """First line of a cell that says something, shortened."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return (lines[0][:70] + "…" if len(lines[0]) > 70 else lines[0]) if lines else ""
