"""Running one notebook in a kernel of its own, and judging whether it really ran."""

import base64
import importlib
import json
import logging
import re
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

from crmlib.report.document import BLOCK_TYPE
from crmlib.report.exit_codes import BAD_INPUT, CELL_FAILED, GOOD, KERNEL_DIED, TIMED_OUT
from crmlib.report.kernels import Kernel, Limits
from crmlib.report.stopping import Stop

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from crmlib.report.cells import Cells

ANSI_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


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

    notebook: "NotebookNode"
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
    stop: Stop,
    timeout: float | None = None,
    memory: int | None = None,
    threads: int | None = None,
    withheld: Collection[str] = (),
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
    stop : Stop
        Setting it kills the kernel.
    timeout : float, optional
        Seconds the whole run may take; then the kernel is killed.
    memory : int, optional
        Bytes of memory the kernel and its children may hold; then they are killed.
    threads : int, optional
        Threads that BLAS, OpenMP, joblib and DuckDB may each start in the kernel.
    withheld : collection of str
        Names of environment variables that the kernel does not get.
    on_cell : callable
        Called after every code cell that ran.

    Returns
    -------
    Execution
        With the notebook as far as it got, and the failure if there was one.
    """
    journal = _Journal(log)
    kernel = Kernel(stop, Limits(timeout, memory, threads), withheld)

    def ran(number: int, source: str) -> None:
        journal.write(f"cell {number} ran: {first_line(source)}")
        on_cell()

    with journal, kernel.running(journal.file):
        cells = _import_cells().run_cells(
            content, parameters, manager=kernel.manager, logger=journal.logger, ran=ran
        )
    return Execution(cells.notebook, _judge(cells, kernel))


def _import_cells() -> ModuleType:
    """Import papermill while the kernel starts; in one thread, as its modules import in circles."""
    with _importing:
        return importlib.import_module("crmlib.report.cells")


_importing = threading.Lock()


class _Lines(logging.StreamHandler[IO[str]]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say nothing: on a full disk logging would print tracebacks, and the run ends anyway."""


class _Journal:
    """The log file of a run: our lines, and whatever the kernel process writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Below this level, nbclient tells every output.
        self.logger = logging.Logger("crmlib.run", logging.INFO)

    def __enter__(self) -> "_Journal":
        self.file = self.path.open("a", encoding="utf-8")
        handler = _Lines(self.file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self.logger.addHandler(handler)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, text: str) -> None:
        self.logger.info(text)


# ----------------------------------------------------------------- the verdict


def _judge(cells: "Cells", kernel: Kernel) -> Failure | None:
    """Say why the run is not good, or None.

    papermill and nbclient leave a notebook whose cells all look completed when the kernel
    was killed, and call `sys.exit(0)` a success; so the cells themselves are counted.
    """
    notebook = cells.notebook
    if kernel.stopped:
        return Failure(CELL_FAILED, "stopped before it was finished")
    if killed := _limit_reached(notebook, kernel):
        return killed
    if failed := _first_error(notebook):
        return failed
    if cells.kernel_died:
        return Failure(
            KERNEL_DIED,
            f"the kernel died{_where_it_was(notebook)}\n{_cause_of_death(kernel.returncode)}",
        )
    if cells.error is not None:
        return _failure_without_a_traceback(notebook, *cells.error)
    if cells.problem is not None:
        raise cells.problem
    if not _code_cells(notebook):
        return Failure(CELL_FAILED, "the notebook has no code; there is nothing to report")
    missing = [number for number, cell in _code_cells(notebook) if not cell.execution_count]
    if missing:
        return Failure(CELL_FAILED, f"cell {missing[0]} was not run")
    return None


def _limit_reached(notebook: "NotebookNode", kernel: Kernel) -> Failure | None:
    where = _where_it_was(notebook)
    if kernel.timed_out:
        return Failure(
            TIMED_OUT,
            f"not finished after {kernel.limits.timeout:g} seconds{where}; "
            "give it more with --timeout, or in a schedule with timeout",
        )
    if kernel.out_of_memory:
        limit = kernel.limits.memory or 0
        return Failure(
            KERNEL_DIED,
            f"used more than the {_size_text(limit)} it may{where}; "
            f'give it more with memory = "{_size_text(2 * limit)}"',
        )
    return None


def _size_text(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _code_cells(notebook: "NotebookNode") -> list[tuple[int, "NotebookNode"]]:
    """Find number and cell of every code cell that holds something."""
    return [
        (number, cell)
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code" and cell.source.strip()
    ]


def _first_error(notebook: "NotebookNode") -> Failure | None:
    for number, cell in _code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                return _failure_of(number, cell, output)
    return None


def _failure_of(number: int, cell: "NotebookNode", output: Any) -> Failure:
    story = ANSI_CODES.sub("", "\n".join(output.traceback))
    if output.ename == "InputError":
        return Failure(BAD_INPUT, output.evalue, story)
    place = f"cell {number} failed: {first_line(cell.source)}"
    reason = f"{output.ename}: {output.evalue}" if output.evalue else output.ename
    return Failure(CELL_FAILED, f"{place}\n{ANSI_CODES.sub('', reason)}", story)


def _failure_without_a_traceback(
    notebook: "NotebookNode", number: int, name: str, text: str
) -> Failure:
    place = f"cell {number} failed: {first_line(notebook.cells[number - 1].source)}"
    return Failure(CELL_FAILED, f"{place}\n{f'{name}: {text}' if text else name}")


def _cause_of_death(returncode: int | None) -> str:
    if returncode is None:
        return "it gave no reason"
    if returncode >= 0:
        return f"its process ended with exit code {returncode}"
    name = signal.Signals(-returncode).name
    hint = "; was the machine's memory full?" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{hint}"


def _where_it_was(notebook: "NotebookNode") -> str:
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
