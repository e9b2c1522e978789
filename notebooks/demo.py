"""`python -m notebooks.demo`: execute the tour headless, print it as it goes, leave it as a page.

Writes build/demo/01-tour.ipynb and build/demo/01-tour.html below the working folder and ends with 1
when a cell failed that should not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from rich.console import Console
from rich.markdown import Markdown
from rich.syntax import Syntax
from rich.text import Text

TOUR = Path(__file__).with_name("01-tour.ipynb")
SECONDS_A_CELL = 300


class Printer:
    """Prints each cell of a notebook as soon as it has run."""

    def __init__(self, notebook: NotebookNode, console: Console) -> None:
        self._cells = notebook.cells
        self._console = console
        self._next = 0

    def show(self, cell: NotebookNode, cell_index: int, **_: object) -> None:
        """Print the cell that has run, and the text before it."""
        self.text(until=cell_index)
        code = Syntax(cell.source, "ipython3", theme="ansi_dark", background_color="default")
        self._console.print(code.highlight(cell.source), soft_wrap=True, end="")
        for output in cell.outputs:
            # The terminal folds what is too long: a path or a command can be copied whole.
            self._console.print(Text.from_ansi(as_text(output)), soft_wrap=True)
        self._console.print()
        self._next = cell_index + 1

    def text(self, until: int | None = None) -> None:
        """Print the text that is left before the cell `until`, or before the end."""
        for cell in self._cells[self._next : until]:
            if cell.cell_type == "markdown":
                self._console.print(Markdown(cell.source))
                self._console.print()


def as_text(output: NotebookNode) -> str:
    """What a terminal shows of an output of a cell."""
    match output.output_type:
        case "stream":
            text = output.text
        case "error":
            text = "\n".join(output.traceback)
        case _:
            text = output.data.get("text/plain", "")
    return str(text).rstrip("\n")


def main(folder: Path = Path("build/demo")) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.read(TOUR, as_version=4)
    console = Console(highlight=False)
    printer = Printer(notebook, console)
    client = NotebookClient(
        notebook,
        timeout=SECONDS_A_CELL,
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=printer.show,
    )
    try:
        client.execute()
    except CellExecutionError:
        failed = True
    else:
        failed = False
        printer.text()
    target = folder / TOUR.name
    nbformat.write(notebook, target)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    target.with_suffix(".html").write_text(page, encoding="utf-8")
    console.print("The tour stopped at a failing cell." if failed else "The tour is complete.")
    for path in (target, target.with_suffix(".html")):
        print(path.absolute())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
