"""Tables and lists of what there is: verbs, settings, errors, operations, notebooks, pictures."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from luminous_nix_ipy import errors as families
from luminous_nix_ipy import settings as all_settings
from luminous_nix_ipy.backend.operations import SERVED
from luminous_nix_ipy.verbs import VERBS
from notebooks import execute

from . import prose, python_api

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"


def verbs() -> str:
    """Each verb with a link to its page; and these pages for the navigation."""
    rows = [
        (f"[`%nix {verb}`](verbs/{verb}.md)", prose.cell(about)) for verb, about in VERBS.items()
    ]
    pages = "\n".join(f"verbs/{verb}" for verb in VERBS)
    return f"{_table(('verb', 'what for'), rows)}\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```"


def settings() -> str:
    """Each setting with its variable, its default and what it takes."""
    rows = [
        (f"`{name}`", f"`{variable}`", _default(default), prose.cell(takes), prose.cell(meaning))
        for name, variable, takes, default, meaning in all_settings.table()
    ]
    return _table(("setting", "variable", "default", "takes", "meaning"), rows)


def errors() -> str:
    """Each error with its meaning, as entries of the Python domain."""
    found = (families.NixError, *_subclasses(families.NixError))
    told = {family.__name__: python_api.text(inspect.getdoc(family) or "") for family in found}
    return "\n\n".join(f"```{{py:exception}} {name}\n{text}\n```" for name, text in told.items())


def operations() -> str:
    """Each operation with the options that it takes."""
    rows = []
    for kind, served in SERVED.items():
        options = ", ".join(f"`{name}`" for name in served.options) or "–"
        plans = "yes" if served.plan else "no"
        rows.append((f"`{kind.name}`", options, plans, "yes" if served.token else "no"))
    return _table(("operation", "options", "has a plan", "remembered"), rows)


def notebooks() -> str:
    """Every notebook for the navigation, under the name of its folder."""
    found = [path.relative_to(execute.HERE) for path in execute.notebooks()]
    return "\n\n".join(
        f"```{{toctree}}\n:caption: {folder.name.capitalize() or 'A tour'}\n\n"
        + "\n".join(f"notebooks/{path.with_suffix('')}" for path in paths)
        + "\n```"
        for folder, paths in groupby(found, key=lambda path: path.parent)
    )


def screenshots() -> str:
    """The pictures that were taken in browsers, called as their files are; nothing without any."""
    pictures = [
        f"```{{figure}} screenshots/{path.name}\n:alt: {path.stem.replace('-', ' ')}\n\n"
        f"{path.stem.replace('-', ' ').capitalize()}\n```"
        for path in sorted(SCREENSHOTS.glob("*.png"))
    ]
    return "\n\n".join(["## What it looks like", *pictures] if pictures else [])


def _default(value: object) -> str:
    match value:
        case bool():
            told = str(value).lower()
        case float():
            told = f"{value:g}"
        case list() | tuple():
            told = ",".join(value)
        case _:
            told = str(value)
    return f"`{told}`" if told else "–"


def _subclasses(family: type) -> Iterator[type]:
    for child in family.__subclasses__():
        yield child
        yield from _subclasses(child)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
