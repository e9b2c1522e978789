"""What must hold of the whole package: which way imports point, and who may start a process."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "luminous_nix_ipy"
SOURCES = sorted(PACKAGE.rglob("*.py"))
STARTS_PROCESSES = {
    "subprocess",
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    "asyncio.subprocess",
    "multiprocessing",
    "os.fork",
    "os.popen",
    "os.posix_spawn",
    "os.system",
    "pty",
}


def used_names(source: str) -> Iterator[str]:
    """Dotted names that a module imports or speaks of: `os`, `os.symlink`, `asyncio.run`..."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def users_of(names: set[str]) -> dict[str, set[str]]:
    """Modules of the package (as paths) that use one of these names or anything below it."""
    found: dict[str, set[str]] = {}
    for path in SOURCES:
        for used in used_names(path.read_text()):
            if any(used == name or used.startswith(f"{name}.") for name in names):
                found.setdefault(path.relative_to(PACKAGE).as_posix(), set()).add(used)
    return found


def test_imports_point_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


def test_only_one_module_starts_processes() -> None:
    users = users_of(STARTS_PROCESSES)
    reaps = users.pop("tools/child.py")
    assert reaps == {"subprocess", "subprocess.Popen", "subprocess.TimeoutExpired"}
    assert set(users) == {"tools/process.py"}


def test_no_program_is_given_shell_text() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                pytest.fail(f"{path}:{node.value.lineno} passes shell=")


def test_profile_links_are_written_by_the_playground_alone() -> None:
    """`os.symlink` and `os.rename` of links make profiles; real ones are Nix's to write."""
    links = users_of({"os.symlink", "os.link"})
    methods = {
        path.relative_to(PACKAGE).as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("symlink_to", "hardlink_to")
    }
    allowed = {"backend/roots.py"}
    others = {path for path in {*links, *methods} - allowed if not path.startswith("playground/")}
    assert not others


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_module_names_the_machines_own_folders(path: Path) -> None:
    """Paths are asked from settings and environment: only machine.py knows the defaults. Docstrings
    may speak of them, and "{folder}/nix/var" is below a folder that was asked for."""
    tree = ast.parse(path.read_text())
    elsewhere = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            elsewhere |= {id(part) for part in node.values[1:]}
    named = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in elsewhere
        and node.value.startswith(("/nix/", "/etc/nix", "/run/current", "/run/booted"))
    ]
    assert path.name == "machine.py" or not named
