"""What a person does in JupyterLab, and waits for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SECONDS = 120  # what a notebook may take on a machine with much else to do

# What the page itself knows of the notebook in front.
PANEL = "window.jupyterapp?.shell.currentWidget"
CELLS = f"Array.from({PANEL}.content.model.cells)"
IS_READY = f"{PANEL}?.sessionContext?.session?.kernel?.status === 'idle'"
CODE_CELLS = f"() => {CELLS}.filter(cell => cell.type === 'code').map(cell => cell.toJSON())"
WHERE = f"source => {CELLS}.findIndex(cell => cell.sharedModel.source.includes(source))"
COUNT = f"place => {CELLS}[place].executionCount"
HAS_RUN = f"""([place, before]) => {{
    const cell = {CELLS}[place];
    return cell.executionCount !== null && cell.executionCount !== before && {IS_READY};
}}"""
ALL_HAVE_RUN = f"""() => {{
    const cells = {CELLS}.filter(cell => cell.type === "code" && cell.sharedModel.source.trim());
    const failed = cell => cell.toJSON().outputs.some(output => output.output_type === "error");
    const ended = cells.every(cell => cell.executionCount !== null) || cells.some(failed);
    return ended && {IS_READY};
}}"""


@dataclass(frozen=True)
class Cell:
    """One cell of the notebook in front."""

    page: "Page"
    place: int

    @property
    def shown(self) -> "Locator":
        return self.page.locator(".jp-Notebook .jp-Cell").nth(self.place)

    @property
    def output(self) -> "Locator":
        return self.shown.locator(".jp-OutputArea-output")

    def write(self, source: str) -> None:
        """Type this in place of what stands there."""
        self.shown.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(source)

    def run(self) -> None:
        """Run the cell with Shift and Enter, and wait until it has run."""
        before = self.page.evaluate(COUNT, self.place)
        self.shown.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(HAS_RUN, arg=[self.place, before], timeout=1000 * SECONDS)


@dataclass(frozen=True)
class Lab:
    """JupyterLab as one person sees it."""

    page: "Page"
    url: str
    token: str

    def open(self, path: str) -> None:
        """Open a notebook, with no other beside it, and wait for its kernel."""
        self.page.goto(f"{self.url}lab/tree/{path}?token={self.token}&reset")
        self.page.wait_for_function(f"() => {IS_READY}", timeout=1000 * SECONDS)

    def run_all(self) -> None:
        """Choose Run All Cells from the menu, and wait until all have run or one failed."""
        self.choose("Run", "Run All Cells")
        self.page.wait_for_function(ALL_HAVE_RUN, timeout=1000 * SECONDS)

    def choose(self, *entries: str) -> None:
        for entry in entries:
            self.page.get_by_role("menuitem", name=entry, exact=True).click()

    def code_cells(self) -> list[dict[str, Any]]:
        """The code cells of the notebook in front, with what came out."""
        return self.page.evaluate(CODE_CELLS)

    def errors(self) -> list[dict[str, Any]]:
        """Errors and warnings that came out of any cell."""
        outputs = [output for cell in self.code_cells() for output in cell["outputs"]]
        return [
            output
            for output in outputs
            if output["output_type"] == "error" or output.get("name") == "stderr"
        ]

    def cell(self, source: str) -> Cell:
        """The first cell in whose source this stands."""
        place = self.page.evaluate(WHERE, source)
        assert place >= 0, source
        return Cell(self.page, place)
