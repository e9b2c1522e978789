"""The docstrings of the program as Markdown."""

from __future__ import annotations

import re
import textwrap

from luminous_nix_ipy.verbs import VERBS

_OPTION = r"(?<![\w-])--?[a-z][a-z-]*"
_LINE = rf"%%?nix(?:\s(?:{'|'.join(VERBS)})\b(?:\s{_OPTION})*)?"
_CODE = re.compile(
    rf"(`[^`]+`|\"[^\"\n]+\"|<[a-z-]+>|{_LINE}|%config \w+|\b[A-Za-z]\w*_\w+|{_OPTION})"
)
_AS_IT_IS = re.compile(r" |\w+ {2,}\S")


def text(paragraphs: str) -> str:
    """Plain paragraphs as Markdown; what is indented or in columns stays as it is."""
    return "\n\n".join(
        f"```text\n{textwrap.dedent(paragraph)}\n```"
        if _AS_IT_IS.match(paragraph)
        else line(paragraph)
        for paragraph in re.split(r"\n{2,}", paragraphs.strip("\n"))
    )


def line(words: str) -> str:
    """Words as Markdown in which options, lines of `%nix` and what is quoted are code."""
    return "".join(
        _as_code(piece) if index % 2 else re.sub(r"([*_<>\[\]|\\])", r"\\\1", piece)
        for index, piece in enumerate(_CODE.split(words))
    )


def cell(words: str) -> str:
    """The same on one line, for the cell of a table."""
    return " ".join(line(words).split()).replace("|", "\\|").replace("\\\\|", "\\|")


def _as_code(piece: str) -> str:
    return piece if piece.startswith("`") else f"`{' '.join(piece.split())}`"
