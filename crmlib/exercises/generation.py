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
        A marker without its other half.
    """
    made = copy.deepcopy(solution)
    for cell in made.cells:
        for part, instead in REPLACED.items():
            cell.source = _replaced(cell.source, part, instead.get(cell.cell_type, ""))
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    made.cells = [cell for cell in made.cells if cell.source.strip()]
    return made


def _replaced(source: str, part: str, instead: str) -> str:
    begin, end = f"### BEGIN {part}", f"### END {part}"
    if source.count(begin) != source.count(end):
        raise ValueError(f"{begin} without {end}, or the other way round:\n{source}")
    block = re.compile(rf"^([ \t]*){begin}\n.*?^[ \t]*{end}$\n?", re.MULTILINE | re.DOTALL)
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
    parser = argparse.ArgumentParser(description="Makes exercise notebooks from solution notebooks.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is old")
    options = parser.parse_args()
    old = 0
    for solution in solutions(options.folder):
        path = exercise_path(solution)
        made = text(exercise(nbformat.read(solution, as_version=nbformat.NO_CONVERT)))
        if path.exists() and path.read_text(encoding="utf-8") == made:
            continue
        old += 1
        print(f"{path}: {'is not what its solution makes' if options.check else 'written'}")
        if not options.check:
            path.write_text(made, encoding="utf-8", newline="\n")
    if options.check and old:
        print("make coursework writes them anew")
    return 1 if options.check and old else 0


if __name__ == "__main__":
    sys.exit(main())
