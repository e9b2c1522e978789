"""Profile links are Nix's to write: nothing of the package makes links or renames over them,
but the few files listed here, each for its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "luminous_nix_ipy"

MAY_LINK = {
    "playground/profiles.py": "the stand-in for nix-env, fenced by the playground's marker",
    "playground/simulate.py": "links inside of store paths that it writes itself",
    "playground/furnish.py": "what runs and was booted in a new playground, and its ~/.nix-profile",
    "backend/roots.py": "gc roots, below the gc roots' folder",
}
MAY_RENAME = {
    "playground/profiles.py": "the stand-in for nix-env, fenced by the playground's marker",
    "notes.py": "the notes' own file",
    "backend/index_programs.py": "the index's own files, in the cache",
    "backend/index_sources.py": "the index's own files, in the cache",
    "backend/journal_export.py": "the file that a journal is exported to",
    "store/index_build.py": "an index, in the cache",
    "tools/download.py": "what was fetched, in the cache",
    "tools/origin.py": "what a server said of a fetched file, in the cache",
    "verbs/runbook.py": "the file that a record is exported to",
    "tools/build_history.py": "the file of build times that it shares with nix-output-monitor",
}

LINK = {"symlink", "symlink_to", "hardlink_to", "link_to", "os.link", "os.symlink"}
RENAME = {"os.rename", "os.renames", "os.replace", "shutil.move"}
PROGRAMS = {"ln", "mv", "cp", "rsync"}


def writes(source: str) -> Iterator[str]:
    """The ways in which a module may write a link: "link", "rename", "program" (argv of such)."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module="os" | "shutil" as module, names=names):
                yield from (kind for alias in names for kind in kinds(f"{module}.{alias.name}"))
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                yield from kinds(f"{owner}.{name}", name)
            case ast.Attribute(attr=name):
                yield from kinds(name)
            case ast.Call(func=ast.Attribute(attr="replace" | "rename"), args=[_], keywords=[]):
                yield "rename"  # of a Path: str.replace takes two, those of others take keywords
            case (
                ast.List(elts=[ast.Constant(value=word), *_])
                | ast.Tuple(elts=[ast.Constant(value=word), *_])
            ) if word in PROGRAMS:
                yield "program"


def kinds(*names: str) -> set[str]:
    return {kind for kind, known in (("link", LINK), ("rename", RENAME)) if known & {*names}}


FOUND = {
    path.relative_to(PACKAGE).as_posix(): set(writes(path.read_text(encoding="utf-8")))
    for path in sorted(PACKAGE.rglob("*.py"))
}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("os.symlink('system-4-link', p)", {"link"}),
        ("import os as o\no.symlink(a, b)", {"link"}),
        ("from os import symlink", {"link"}),
        ("asyncio.to_thread(os.symlink, a, b)", {"link"}),
        ("Path(p).symlink_to(t)", {"link"}),
        ("os.link(a, b)", {"link"}),
        ("os.replace(t, p)", {"rename"}),
        ("from os import replace", {"rename"}),
        ("temporary.replace(profile)", {"rename"}),
        ("Path(t).rename(profile)", {"rename"}),
        ("shutil.move(a, b)", {"rename"}),
        ("run(['ln', '-sfn', a, b])", {"program"}),
        ("run(('mv', a, b))", {"program"}),
        ("Literal['install', 'remove']", set()),
        ("'a'.replace('b', 'c')", set()),
        ("when.replace(hour=1)", set()),
        ("table.rename(columns={})", set()),
        ("generation.link + os.readlink(p)", set()),
    ],
)
def test_the_ways_to_write_a_link_are_recognised(source: str, found: set[str]) -> None:
    assert set(writes(source)) == found


@pytest.mark.parametrize(
    ("kind", "allowed"), [("link", MAY_LINK), ("rename", MAY_RENAME), ("program", {})]
)
def test_nothing_else_writes_links(kind: str, allowed: dict[str, str]) -> None:
    writers = {path for path, found in FOUND.items() if kind in found}
    assert writers == set(allowed), "the list of who may is no longer true"


@pytest.mark.parametrize("script", sorted(PACKAGE.rglob("*.sh")), ids=lambda path: path.name)
def test_no_script_of_a_generation_writes_a_profile(script: Path) -> None:
    for line in script.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith(("ln ", "mv ", "rm ", "cp ")):
            assert "profile" not in line, line
