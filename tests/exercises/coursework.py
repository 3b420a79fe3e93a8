"""The notebooks of the course, and which questions they ask."""

import re
from pathlib import Path

import nbformat

from crmlib.exercises.generation import exercise_path, solutions

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks" / "coursework"
SOLUTIONS = solutions(FOLDER)
EXERCISES = [exercise_path(path) for path in SOLUTIONS]


def name(path: Path) -> str:
    """Subject and file, such as clp/03_dwyer."""
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def topic(path: Path) -> str:
    """What the names of an exercise's questions begin with, such as clp.dwyer."""
    return f"{path.parent.name}.{path.stem.partition('_')[2]}"


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def asked_in(path: Path) -> list[str]:
    """Names of the questions that an exercise asks, in their order."""
    source = "\n".join(cell.source for cell in code_cells(read(path)))
    return re.findall(r"\bcheck\(\s*[\"']([^\"']+)[\"']", source)
