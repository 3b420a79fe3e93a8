"""The notebooks of the workbook: where they are, what they are called, what they take."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from crmlib.errors import InputError
from crmlib.report.parameters import Parameter, nearest, read_cell

WORKBOOK = Path(__file__).resolve().parents[2]
NOT_REPORTS = {"coursework", ".ipynb_checkpoints"}


@dataclass(frozen=True)
class Notebook:
    """A notebook that makes a report.

    Attributes
    ----------
    name : str
        Subject and notebook, such as "clp/life_cycle".
    path : pathlib.Path
        Where its file is.
    """

    name: str
    path: Path

    @cached_property
    def content(self) -> bytes:
        """The file's bytes, read once so that what is checked is what is run.

        Raises
        ------
        InputError
            The file is a link that leads out of the folder of notebooks, or cannot be read.
        """
        folder = self.path.parents[1].resolve()
        if not self.path.resolve().is_relative_to(folder):
            raise InputError(
                f"{self.path}: is a link that leads out of {folder}; only notebooks within the "
                "folder are run"
            )
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """The cells as the file has them, with every source as one text.

        Raises
        ------
        InputError
            The file is no notebook of format 4.
        """
        # Plain JSON: nbformat takes half a second to import, and `crmlib list` only looks.
        try:
            cells = json.loads(self.content)["cells"]
            return [{**cell, "source": "".join(cell["source"])} for cell in cells]
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{self.path}: is not a notebook; open it in JupyterLab and save it again"
            ) from None

    @cached_property
    def title(self) -> str:
        """The first heading, or the name where there is none."""
        for cell in self.cells:
            if cell["cell_type"] == "markdown":
                for line in cell["source"].splitlines():
                    if line.startswith("#"):
                        return line.lstrip("#").strip()
        return self.name

    @cached_property
    def parameters(self) -> list[Parameter]:
        """What the cell tagged `parameters` declares.

        Raises
        ------
        InputError
            The cell holds something else, or there is more than one.
        """
        tagged = [
            cell["source"]
            for cell in self.cells
            if "parameters" in cell.get("metadata", {}).get("tags", [])
        ]
        if len(tagged) > 1:
            raise InputError(f"{self.name}: {len(tagged)} cells are tagged parameters; keep one")
        return read_cell(tagged[0], self.name) if tagged else []


def notebooks_folder(given: Path | None = None) -> Path:
    """Folder that holds the notebooks.

    Parameters
    ----------
    given : pathlib.Path, optional
        What the user asked for. Without it, that of the workbook this package belongs to: a
        folder of that name which happens to be where a scheduler starts is not meant.

    Raises
    ------
    InputError
        There is no such folder.
    """
    if given is not None:
        if not given.is_dir():
            raise InputError(f"{given}: there is no such folder of notebooks")
        return given
    folder = WORKBOOK / "notebooks"
    if not folder.is_dir():
        raise InputError(
            "crmlib is installed here without the workbook's notebooks; name a folder of notebooks "
            "with --notebooks FOLDER"
        )
    return folder


def find_notebooks(folder: Path) -> dict[str, Notebook]:
    """Every report a folder of notebooks makes, by name.

    Parameters
    ----------
    folder : pathlib.Path
        Holds one folder a subject. Coursework and checkpoints are no reports.

    Returns
    -------
    dict of str to Notebook
        In the order of the names.
    """
    paths = (path for path in folder.glob("*/*.ipynb") if path.parent.name not in NOT_REPORTS)
    names = {f"{path.parent.name}/{path.stem}": path for path in paths}
    return {name: Notebook(name, names[name]) for name in sorted(names)}


def choose(available: dict[str, Notebook], names: Iterable[str]) -> list[Notebook]:
    """Pick reports by name; all of them when no name is given.

    Raises
    ------
    InputError
        A name is not a report's; the nearest one is suggested. Or there is no report at all.
    """
    wanted = sorted(set(names))
    unknown = [
        f"there is no report {name}{nearest(name, available)}"
        for name in wanted
        if name not in available
    ]
    if unknown:
        raise InputError("\n".join(unknown))
    if not available:
        raise InputError("the folder of notebooks holds no report (notebooks/subject/name.ipynb)")
    return [available[name] for name in wanted] or list(available.values())
