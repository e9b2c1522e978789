"""One package, or one option, in full. All of it is other people's text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..search_wording import held
from ..table import Table
from ..wording import printable, sentence
from .page import Links, Page, Steps, View, Words, printable_lines
from .parts import banner

if TYPE_CHECKING:
    from ..backend.search_model import OptionFacts, PackageFacts
    from ..frames import NixFrame

_SOURCES = "https://github.com/NixOS/nixpkgs/blob/master"
_MOST_PLATFORMS = 8
_OWN_LINE = re.compile(r"\s*$|\s*(?:[-*+>|]|\d+[.)]|#{1,6})\s|\s{4}|:::")
"""What begins a line of Markdown that is no prose which goes on."""


class PackageView(View):
    """One package.

    Attributes:
        package: the PackageFacts.
        facts: what is shown, as a DataFrame of facts and values in words.
    """

    def __init__(
        self, package: PackageFacts, notes: Sequence[str] = (), *, playground: bool = False
    ) -> None:
        self.package = package
        self._notes = notes
        self._playground = playground

    @property
    def facts(self) -> NixFrame:
        """Facts and their values in words."""
        from .. import frames

        return frames.facts(self._facts(), self.package.entry.attribute)

    def _facts(self) -> list[tuple[str, str]]:
        e = self.package.entry
        marks = [
            word
            for word, holds in (
                ("unfree", e.unfree),
                ("broken", e.broken),
                ("insecure", e.insecure),
                ("not for this system", e.unsupported),
            )
            if holds
        ]
        more = len(e.platforms) - _MOST_PLATFORMS
        platforms = [*e.platforms[:_MOST_PLATFORMS], *([f"{more} more"] if more > 0 else [])]
        facts = [
            ("Version", e.version),
            ("Name", e.pname),
            ("Main program", e.main_program or ""),
            ("Programs", ", ".join(e.programs)),
            ("Licence", ", ".join(e.licenses)),
            ("Marked as", ", ".join(marks)),
            ("Vulnerabilities", ", ".join(e.vulnerabilities)),
            ("Installed in", held(self.package.installed) or "no generation of this machine"),
            ("Outputs", ", ".join(e.outputs)),
            ("Maintainers", ", ".join(e.maintainers)),
            ("Platforms", ", ".join(platforms)),
        ]
        return [(name, printable(value)) for name, value in facts if value]

    def _page(self) -> Page:
        e = self.package.entry
        parts: list[Table | Steps | Words | Links] = [Table((), self._facts(), "In short")]
        if len(self.package.versions) > 1:
            rows = [
                (printable(v.index), printable(v.version) or "–", _age(v.age_days))
                for v in self.package.versions
            ]
            parts.append(Table(("index", "version", "age"), rows, "Versions"))
        if e.long_description:
            parts.append(Words("Description", _paragraphs(e.long_description)))
        links = [(url, _safe(url)) for url in e.homepages]
        if e.changelog:
            links.append((f"Changes: {e.changelog}", _safe(e.changelog)))
        if e.position:
            links.append((e.position, _position(e.position)))
        if links:
            parts.append(Links("Where to read on", _printable(links)))
        lead = [printable(sentence(e.description))] if e.description else []
        lead += map(printable, self._notes)
        return Page(printable(e.attribute), lead, parts, banner(self._playground))


class OptionView(View):
    """One option.

    Attributes:
        option: the OptionFacts.
        value: what this machine's configuration gives it; None where there is none.
    """

    def __init__(
        self, option: OptionFacts, notes: Sequence[str] = (), *, playground: bool = False
    ) -> None:
        self.option = option
        self.value = option.value
        self._notes = notes
        self._playground = playground

    def _page(self) -> Page:
        option, e = self.option, self.option.entry
        facts = [("Type", e.type), ("Of", e.kind)]
        if e.read_only:
            facts.append(("Read only", "yes: a configuration cannot set it"))
        parts: list[Table | Steps | Words | Links] = [
            Table((), [(name, printable(value)) for name, value in facts if value], "In short")
        ]
        here = json.dumps(option.value, indent=2, ensure_ascii=False) if option.has_value else ""
        parts.append(
            Words("On this machine", printable_lines(here or f"Not known: {option.value_problem}"))
        )
        for caption, value in (("Default", e.default), ("Example", e.example)):
            if value is not None:
                parts.append(Words(caption, printable_lines(value)))
        if e.description:
            parts.append(Words("Description", _paragraphs(e.description)))
        if e.related_packages:
            parts.append(Words("Related packages", _paragraphs(e.related_packages)))
        if option.links:
            parts.append(Links("Declared in", _printable(option.links)))
        notes = [printable(note) for note in self._notes]
        return Page(printable(e.name), notes, parts, banner(self._playground))


def _paragraphs(markdown: str) -> list[str]:
    """The lines of a text whose paragraphs are on one line each; items of lists, headings and
    listings keep their own."""
    found: list[str] = []
    goes_on = in_listing = False
    for line in printable_lines(markdown.strip()):
        is_fence = line.lstrip().startswith("```")
        if goes_on and not (in_listing or is_fence or _OWN_LINE.match(line)):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
        in_listing = in_listing != is_fence
        goes_on = bool(line.strip()) and not (in_listing or is_fence)
    return found


def _age(days: float | None) -> str:
    if days is None:
        return "unknown"
    return "today" if days < 1 else f"{days:.0f} days"


def _position(position: str) -> str:
    """The address of a place in nixpkgs, `file:line`."""
    file, _, line = position.partition(":")
    return f"{_SOURCES}/{file}" + (f"#L{line}" if line.isdecimal() else "")


def _safe(url: str) -> str | None:
    """The address, where it is one that a browser only opens."""
    return url if url.startswith(("https://", "http://")) else None


def _printable(links: Sequence[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    return [(printable(words), None if url is None else printable(url)) for words, url in links]
