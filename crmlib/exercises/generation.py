"""Exercise notebooks, made from the solution notebooks beside them.

``python -m crmlib.exercises.generation FOLDER`` writes `01_size.ipynb` from
`01_size_solution.ipynb`, and so on; with ``--check`` it writes nothing and exits with 1 when one
is not what its solution would make. The markers and the metadata of cells are nbgrader's, so that
a teacher can run nbgrader on the same source.
"""

import argparse
import copy
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

SOLUTION = "_solution"
# What stands between the markers, and what stands there instead in the exercise.
REPLACED = {
    "SOLUTION": {"code": "# your code here", "markdown": "*Your answer here.*"},
    "HIDDEN TESTS": {"code": "", "markdown": ""},
    "MARK SCHEME": {"code": "", "markdown": ""},
}
MARKER = re.compile(r"#\s*(BEGIN|END)\b", re.IGNORECASE)


def exercise(solution: NotebookNode) -> NotebookNode:
    """Return the exercise that a solution notebook makes.

    Parameters
    ----------
    solution : NotebookNode
        With `### BEGIN SOLUTION` and `### END SOLUTION` around what the student is to find, and
        likewise HIDDEN TESTS and MARK SCHEME around what is for the teacher.

    Returns
    -------
    NotebookNode
        Without any of it, and without outputs. A cell that was for the teacher only is gone.

    Raises
    ------
    ValueError
        A marker without its other half or misspelt, or a cell whose metadata say something else
        than its markers: a solution would be left standing.
    """
    made = copy.deepcopy(solution)
    for cell in made.cells:
        is_solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        if is_solution != ("### BEGIN SOLUTION\n" in cell.source):
            raise ValueError(f"nbgrader's metadata and the markers do not agree:\n{cell.source}")
        for part, instead in REPLACED.items():
            cell.source = _replaced(cell.source, part, instead.get(cell.cell_type, ""))
        if MARKER.search(cell.source):
            raise ValueError(f"a marker without its other half, or misspelt:\n{cell.source}")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    made.cells = [cell for cell in made.cells if cell.source.strip()]
    return made


def _replaced(source: str, part: str, instead: str) -> str:
    block = re.compile(
        rf"^([ \t]*)### BEGIN {part}\n.*?^[ \t]*### END {part}$\n?", re.MULTILINE | re.DOTALL
    )
    written = block.sub(lambda found: f"{found[1]}{instead}\n" if instead else "", source)
    return written.rstrip("\n")


def solutions(folder: Path) -> list[Path]:
    """Every solution notebook in a folder, in the order of the course."""
    return sorted(
        path
        for path in folder.rglob(f"*{SOLUTION}.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    )


def exercise_path(solution: Path) -> Path:
    """Where the exercise of a solution notebook is."""
    return solution.with_name(solution.name.replace(f"{SOLUTION}.ipynb", ".ipynb"))


def text(notebook: NotebookNode) -> str:
    """Write a notebook as it is kept: the same notebook gives the same text."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"


def main() -> int:
    """Write the exercises, or look whether they are what their solutions make."""
    parser = argparse.ArgumentParser(
        description="Makes exercise notebooks from solution notebooks."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is old")
    options = parser.parse_args()
    old = [
        path for path in solutions(options.folder) if not _in_step(path, write=not options.check)
    ]
    if options.check and old:
        print("make coursework writes them anew")
    return 1 if old else 0


def _in_step(solution: Path, *, write: bool) -> bool:
    """Whether the exercise is what its solution makes; where that is wanted, it is made so."""
    path = exercise_path(solution)
    try:
        made = text(exercise(nbformat.read(solution, as_version=nbformat.NO_CONVERT)))
    except ValueError as fault:
        print(f"{solution}: {fault}")
        return False
    if path.exists() and path.read_text(encoding="utf-8") == made:
        return True
    if not write:
        print(f"{path}: is not what its solution makes")
        return False
    if path.exists() and _was_worked_in(path):
        print(f"{path}: has somebody's work in it; move it away to have it written anew")
        return False
    path.write_text(made, encoding="utf-8", newline="\n")
    print(f"{path}: written")
    return True


def _was_worked_in(exercise: Path) -> bool:
    cells = nbformat.read(exercise, as_version=nbformat.NO_CONVERT).cells
    return any(cell.get("execution_count") for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
