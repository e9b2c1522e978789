"""One table of words, for a terminal and for a notebook: nothing in it is cut off.

A table that is too wide folds the cells that cost the fewest extra lines; one that cannot fit at
all is shown in several blocks, each of which begins with the first column.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import wording

if TYPE_CHECKING:
    from rich.console import Group

_GAP = 2
_LONGEST_PIECE = 20
"""A piece without a place to fold that is longer than this may be cut in two."""
_COMFORT = 40
"""Columns of a terminal that a long cell gets where a table is shown in blocks."""
_WORDS = re.compile(r"(?<=\s)(?=\S)")
_FOLDS = re.compile(r"(?<=[\s,_./-])(?=\S)")


@dataclass(frozen=True)
class Table:
    """Rows of printable words; the first column names its row."""

    headers: Sequence[str]
    """Names of the columns; none where the rows' names say all."""
    rows: Sequence[Sequence[str]]
    caption: str = ""
    right: frozenset[int] = frozenset()
    """Columns of numbers, which are aligned on the right."""
    strong: frozenset[int] = frozenset()
    """Rows that stand out, where letters can be bold."""
    notes: Sequence[str] = ()
    """Sentences under the table, such as its summary and how many rows are not shown."""

    def text(self, width: int = 80) -> str:
        """The table in plain text, at most `width` columns wide (40 at least)."""
        parts = [paragraph(self.caption, width)] if self.caption else []
        for i, block in enumerate(self._blocks(width)):
            parts += [""] if i else []
            lines = []
            if self.headers:
                rule = ["─" * room for room in block.values()]
                lines = [*self._row(self.headers, block), (" " * _GAP).join(rule)]
            for row in self.rows:
                lines += self._row(row, block)
            parts.append("\n".join(lines))
        parts += [paragraph(note, width) for note in self.notes]
        return "\n".join(parts)

    def rich(self, width: int) -> Group:
        """The same for a terminal: bold captions and headers."""
        from rich import box, console
        from rich.table import Table as RichTable
        from rich.text import Text

        parts: list[RichTable | Text] = []
        if self.caption:
            parts.append(Text(self.caption, style="bold"))
        for i, block in enumerate(self._blocks(width)):
            parts += [Text()] if i else []
            drawn = RichTable(
                box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False
            )
            for column, room in block.items():
                drawn.add_column(
                    Text("\n".join(_fold(self.headers[column], room))),
                    justify="right" if column in self.right else "left",
                    width=room,
                )
            for i, row in enumerate(self.rows):
                cells = [Text("\n".join(_fold(row[c], room))) for c, room in block.items()]
                drawn.add_row(*cells, style="bold" if i in self.strong else None)
            parts.append(drawn)
        return console.Group(*parts, *map(Text, self.notes))

    def _blocks(self, width: int) -> Iterator[dict[int, int]]:
        """Columns that are shown side by side, each with the room that it gets."""
        rows = [self.headers, *self.rows] if self.headers else self.rows
        columns = list(zip(*rows, strict=True))
        lengths = [Counter(map(wording.columns, column)) for column in columns]
        longest = [max(counts) for counts in lengths]
        least = [min(_LONGEST_PIECE, max(map(_longest_piece, column))) for column in columns]
        if not columns:
            return
        if not self.headers:
            least[0] = longest[0]

        block: list[int] = []
        everything = range(len(columns))
        if _total(least) <= width:
            block, everything = list(everything), range(0)
        for column in everything:
            wanted = [min(_COMFORT, longest[c]) for c in [*block, column]]
            if len(block) > 1 and _total(wanted) > width:
                yield _fit({c: longest[c] for c in block}, lengths, least, width)
                block = [0]
            block.append(column)
        yield _fit({c: longest[c] for c in block}, lengths, least, width)

    def _row(self, row: Sequence[str], block: dict[int, int]) -> Iterator[str]:
        folded = {column: _fold(row[column], room) for column, room in block.items()}
        for i in range(max(map(len, folded.values()))):
            cells = []
            for column, room in block.items():
                piece = folded[column][i] if i < len(folded[column]) else ""
                blank = " " * (room - wording.columns(piece))
                cells.append(blank + piece if column in self.right else piece + blank)
            yield (" " * _GAP).join(cells).rstrip()


def terminal_width() -> int | None:
    """Columns of the terminal that is written to; None where there is none, as in a kernel."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def paragraph(text: str, width: int, indent: str = "") -> str:
    """A sentence or two, folded between words; the lines after the first are indented."""
    return textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _fit(
    room: dict[int, int], lengths: Sequence[Counter[int]], least: Sequence[int], width: int
) -> dict[int, int]:
    """Narrow the columns until they fit, one step at a time where the fewest cells must fold."""
    while _total(room.values()) > width:
        narrowable = [column for column in room if room[column] > least[column]]
        if not narrowable:
            break
        column = min(narrowable, key=lambda c: (lengths[c][room[c]], -room[c]))
        room[column] -= 1
    return room


def _fold(cell: str, width: int) -> list[str]:
    """The lines of a cell in a column of `width`: folded between words, else within them."""
    if wording.columns(cell) <= width:
        return [cell]
    pieces: list[str] = []
    for word in _WORDS.split(cell):
        pieces += [word] if wording.columns(word.rstrip()) <= width else _FOLDS.split(word)
    lines = [""]
    for piece in pieces:
        if wording.columns(lines[-1] + piece.rstrip()) <= width:
            lines[-1] += piece
            continue
        lines.append("")
        for character in piece:
            if wording.columns(lines[-1] + character) > width and not character.isspace():
                lines.append("")
            lines[-1] += character
    return [line.rstrip() for line in lines if line.strip()]


def _longest_piece(cell: str) -> int:
    return max(wording.columns(piece.rstrip()) for piece in _FOLDS.split(cell))


def _total(widths: Iterable[int]) -> int:
    taken = list(widths)
    return sum(taken) + _GAP * (len(taken) - 1)
