"""What a view shows, once for a terminal and a notebook alike: a title, facts, tables, commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import wording
from ..html import render
from ..table import Table, paragraph, terminal_width

WIDTH = 80
_INDENT = "   "


@dataclass(frozen=True)
class Steps:
    """Commands in their order, each with the sentence that says what it is for."""

    caption: str
    steps: Sequence[tuple[str, str]]

    def text(self, width: int) -> str:
        lines = [self.caption]
        for number, (purpose, command) in enumerate(self.steps, 1):
            lines += [paragraph(f"{number}. {purpose}", width, _INDENT), f"{_INDENT}$ {command}"]
        return "\n".join(lines)


@dataclass(frozen=True)
class Words:
    """Sentences under a caption."""

    caption: str
    lines: Sequence[str]

    def text(self, width: int) -> str:
        return "\n".join([self.caption, *(paragraph(line, width) for line in self.lines)])


@dataclass(frozen=True)
class Links:
    """Addresses under a caption, each with its words; None: there is no address."""

    caption: str
    links: Sequence[tuple[str, str | None]]

    def text(self, width: int) -> str:
        shown = [words if url in (None, words) else f"{words}: {url}" for words, url in self.links]
        return "\n".join([self.caption, *(f"{_INDENT}{line}" for line in shown)])


@dataclass(frozen=True)
class Page:
    """One view. All of its text is printable."""

    title: str
    lead: Sequence[str] = ()
    """Sentences to read first."""
    parts: Sequence[Table | Steps | Words | Links] = ()
    banner: str = ""
    """What must not be overlooked."""

    def text(self, width: int = WIDTH) -> str:
        head = [paragraph(line, width) for line in (self.banner, self.title, *self.lead) if line]
        return "\n\n".join(["\n".join(head), *(part.text(width) for part in self.parts)])

    def html(self) -> str:
        return render("page", page=self)


class View:
    """Shows a record: as plain text in a terminal, as HTML in a notebook."""

    def _page(self) -> Page:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._page().text(min(WIDTH, terminal_width() or WIDTH))

    def _repr_html_(self) -> str:
        return self._page().html()


class Text(str):
    """Text that is shown as it is, where a plain `str` would show its quotes and escapes."""

    instead = ""
    """What is shown where it is empty."""

    def __repr__(self) -> str:
        return "\n".join(printable_lines(self or self.instead))

    def _repr_html_(self) -> str:
        return render("text", lines=printable_lines(self or self.instead))


def printable_lines(text: str) -> list[str]:
    """The lines of what a program or a person wrote, less its terminal codes."""
    lines = wording.without_terminal_codes(text).expandtabs().split("\n")
    return [wording.printable(line.removesuffix("\r")) for line in lines]
