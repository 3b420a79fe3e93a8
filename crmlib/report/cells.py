"""Running the cells of a notebook by papermill, in a kernel that has been started.

A module of its own, for papermill takes long to import: that is done while the kernel starts.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from jupyter_client import AsyncKernelManager


@contextmanager
def without_address_grammar() -> Iterator[None]:
    """Keep jsonschema from what it would load to check international addresses.

    That package makes a grammar whenever it is imported, for one to four seconds; no format
    of notebooks has such addresses.
    """
    name = "rfc3987_syntax"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # as if it were not installed
    try:
        yield
    finally:
        sys.modules.pop(name, None)


with without_address_grammar():
    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine, papermill_engines

START_LIMIT = 120  # seconds a kernel may take to start on a busy machine
LATE_OUTPUT_LIMIT = 60  # seconds the last output of a cell may take to arrive

# What papermill would say about a run we say ourselves.
logging.getLogger("papermill").addHandler(logging.NullHandler())
logging.getLogger("papermill").propagate = False


@dataclass
class Cells:
    """The cells of one run, what papermill's engine needs to run them, and how they ended.

    Attributes
    ----------
    manager : jupyter_client.AsyncKernelManager
        Of the kernel, which has been started.
    logger : logging.Logger
        For what papermill's client has to say.
    ran : callable
        Called with the number and the text of every code cell that ran.
    notebook : nbformat.NotebookNode
        As far as it got.
    kernel_died : bool
        Whether the kernel was gone before the end.
    error : tuple of int, str and str, or None
        Number of the cell that failed, name and text of its error, as the kernel replied. The
        cell's outputs say it as well, but not when the memory was too full to write a traceback.
    problem : Exception or None
        What else went wrong.
    """

    manager: AsyncKernelManager
    logger: logging.Logger
    ran: Callable[[int, str], object]
    notebook: nbformat.NotebookNode
    kernel_died: bool = False
    error: tuple[int, str, str] | None = None
    problem: Exception | None = None

    def cell_executed(self, cell: nbformat.NotebookNode, cell_index: int, **_: Any) -> None:
        """Tell that a cell ran: what papermill's client calls."""
        self.ran(cell_index + 1, cell.source)

    def cell_failed(self, cell_index: int, execute_reply: dict[str, Any], **_: Any) -> None:
        """Note what the kernel replied: what papermill's client calls."""
        content = execute_reply["content"]
        self.error = cell_index + 1, content.get("ename", "an error"), content.get("evalue", "")


class _OwnKernelEngine(Engine):
    """papermill's engine, with a kernel that is there already."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, cells: Cells, start_timeout: int, **_: Any
    ) -> None:
        client = PapermillNotebookClient(
            nb_man,
            km=cells.manager,
            kernel_name=kernel_name,
            log=cells.logger,
            startup_timeout=start_timeout,
            iopub_timeout=LATE_OUTPUT_LIMIT,
            timeout=None,  # the limit is on the whole notebook: see kernels.Limits
            on_cell_executed=cells.cell_executed,
            on_cell_error=cells.cell_failed,
        )
        try:
            client.execute(cleanup_kc=True)
        finally:
            # papermill goes on to put cells of its own into a failed notebook.
            cells.notebook = deepcopy(nb_man.nb)


ENGINE = "crmlib"
papermill_engines.register(ENGINE, _OwnKernelEngine)


def run_cells(
    content: bytes,
    parameters: dict[str, Any],
    *,
    manager: AsyncKernelManager,
    logger: logging.Logger,
    ran: Callable[[int, str], object],
) -> Cells:
    """Run a notebook from its first cell to its last, or to the one that fails.

    Parameters
    ----------
    content : bytes
        The notebook file.
    parameters : dict
        Values to set after the cell tagged `parameters`; data, whatever they hold.
    manager, logger, ran
        As in `Cells`.

    Returns
    -------
    Cells
        Never an exception: that is in it.
    """
    notebook = nbformat.reads(content, as_version=4)
    cells = Cells(manager, logger, ran, notebook)
    try:
        papermill.execute_notebook(
            notebook,
            None,
            parameters=parameters,
            engine_name=ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            start_timeout=START_LIMIT,
            cells=cells,
        )
    except papermill.PapermillExecutionError:
        pass  # a cell failed; the cells say which and why
    except Exception as error:
        cells.kernel_died = isinstance(error, DeadKernelError) or "Kernel died" in str(error)
        cells.problem = None if cells.kernel_died else error
    return cells
