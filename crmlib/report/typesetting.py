"""Starting Typst's process, giving it its work, and what is said when it fails."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from crmlib.errors import CrmlibError
from crmlib.report.fonts import Font
from crmlib.report.stopping import NEVER, Stop, output_of

PROCESS = Path(__file__).with_name("typesetting_process.py")
# Reports of the workbook take up to 4 seconds and 0.4 GB.
MOST_SECONDS = 300
MOST_MEMORY = 4 * 10**9


class TypesettingError(CrmlibError):
    """Typst did not make a PDF of its sources."""


class Typesetter:
    """A process with Typst that waits for one report; gone at the end of the `with` block."""

    def __enter__(self) -> "Typesetter":
        """Start it: it loads Typst while the sources are written."""
        # -P: this file's own folder, with modules such as secrets.py, stays out of sys.path.
        # A session of its own: Ctrl-C is for the runner, which then says how to end.
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(PROCESS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End it, whatever it is at."""
        self.process.kill()
        self.process.communicate()

    def typeset(self, folder: Path, found: list[Font], stop: Stop = NEVER) -> int:
        """Make `report.pdf` and `page-one.png` of the sources in a folder.

        Parameters
        ----------
        folder : pathlib.Path
            With `main.typ` and what it reads.
        found : list of Font
            The fonts to use, first choice first.
        stop : Stop
            What cuts it short.

        Returns
        -------
        int
            Number of pages.

        Raises
        ------
        TypesettingError
            Typst found a fault in the sources, ended, or took too long or too much memory.
        OSError
            The files could not be written.
        StoppedError
            `stop` was set.
        """
        work = {
            "folder": str(folder.absolute()),
            "families": [font.family for font in found],
            "font_folders": [str(font.path.parent) for font in found],
            "seconds": MOST_SECONDS,
            "memory": MOST_MEMORY,
        }
        answer = self._answer(json.dumps(work) + "\n", stop)
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        if "error" in answer:
            raise TypesettingError(f"Typst could not set the report: {answer['error']}")
        return int(answer["pages"])

    def _answer(self, work: str, stop: Stop) -> dict[str, Any]:
        try:
            said, complaint = output_of(self.process, work, MOST_SECONDS, stop)
        except subprocess.TimeoutExpired:
            raise TypesettingError(f"Typst was not done after {MOST_SECONDS} seconds") from None
        try:
            answer = json.loads(said)
            assert isinstance(answer, dict)
            return answer
        except (ValueError, AssertionError):
            how = _how_it_ended(self.process.returncode)
            raise TypesettingError(f"Typst {how}; {_reason(complaint)}") from None


def _how_it_ended(returncode: int) -> str:
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    if returncode == -getattr(signal, "SIGALRM", 0):
        return f"was not done after {MOST_SECONDS} seconds"
    return f"was ended by {signal.Signals(-returncode).name}"


def _reason(complaint: str) -> str:
    """Return what it said first, of a traceback what it said last."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    if not lines:
        return f"it may take up to {MOST_MEMORY / 1e9:g} GB of memory"
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]
