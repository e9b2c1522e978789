"""Speaks for the Python module of nixos-rebuild, in the interpreter that nixos-rebuild itself uses.

A script of the standard library alone, for Python 3.12 and later; under an older one it still says
what is wrong. `python -I native_worker.py FOLDER...` takes modules from these folders, reads one
JSON object a line and answers each with one:

    {"ask": "capabilities"}
    {"ask": "configuration", "flake": null | false | text, "file": null | text, "attr": ...}
    {"ask": "nixpkgs_revision", "path": text}

    {"answer": ...} or {"error": {"kind": ..., "what": ..., "why": ...}}

Kinds of errors: "missing" (no module), "python" (it needs a newer Python), "import" (it cannot be
loaded), "form" (no such function, or not with arguments that are known here), "failed" (it was
called and failed), "request" (not understood).
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE = "nixos_rebuild"
NEEDS = (3, 12)

# Every form in which nixos-rebuild-ng has offered a function, from November 2024 to September 2026
# (nixpkgs, pkgs/by-name/ni/nixos-rebuild-ng/src/nixos_rebuild), the newest first; `**` are flags of
# Nix given as keywords. It is no public interface and changes without notice.
FORMS: dict[str, tuple[str, ...]] = {
    "configuration of a flake": (
        "models.Flake.from_arg(flake_arg, target_host)",
        "models.Flake.from_arg(flake_arg)",
    ),
    "configuration of a file": ("models.BuildAttr.from_arg(attr, file)",),
    "revision of nixpkgs": ("nix.get_nixpkgs_rev(nixpkgs_path)",),
    "find_file": ("nix.find_file(file, nix_flags)", "nix.find_file(file, **)"),
    "build": (
        "nix.build(attr, build_attr, build_flags)",
        "nix.build(attr, build_attr, **)",
        "nix.nixos_build(attr, build_attr, **)",
        "nix.nixos_build(attr, pre_attr, file, **)",
        "nix.nixos_build(attr, pre_attr, file, nix_flags, **)",
    ),
    "build_flake": (
        "nix.build_flake(attr, flake, flake_build_flags)",
        "nix.build_flake(attr, flake, **)",
        "nix.nixos_build_flake(attr, flake, **)",
        "nix.nixos_build_flake(attr, flake, nix_flags, **)",
    ),
    "get_generations": (
        "nix.get_generations(profile, target_host)",
        "nix.get_generations(profile, target_host, using_nix_env, sudo)",
        "nix.get_generations(profile, lock_profile)",
        "nix.get_generations(profile)",
    ),
    "list_generations": ("nix.list_generations(profile)",),
    "rollback": (
        "nix.rollback(profile, target_host, elevate)",
        "nix.rollback(profile, target_host, sudo, run0)",
        "nix.rollback(profile, target_host, sudo)",
        "nix.rollback(profile)",
    ),
    "set_profile": (
        "nix.set_profile(profile, path_to_config, target_host, elevate)",
        "nix.set_profile(profile, path_to_config, target_host, sudo, run0)",
        "nix.set_profile(profile, path_to_config, target_host, sudo)",
        "nix.set_profile(profile, path_to_config)",
    ),
    "switch_to_configuration": tuple(
        f"nix.switch_to_configuration(path_to_config, action,{by} install_bootloader, "
        "specialisation)"
        for by in (
            " target_host, elevate,",
            " target_host, sudo, run0,",
            " target_host, sudo,",
            "",
        )
    ),
    "upgrade_channels": (
        "nix.upgrade_channels(all_channels, elevate)",
        "nix.upgrade_channels(all_channels, sudo, run0)",
        "nix.upgrade_channels(all_channels, sudo)",
        "nix.upgrade_channels(all)",
    ),
}


class Problem(Exception):
    """An error that is told to whoever asked."""

    def __init__(self, kind: str, what: str, why: str = "") -> None:
        super().__init__(what)
        self.kind, self.what, self.why = kind, what, why


def capabilities() -> dict[str, Any]:
    """What the module has, and which function has a form that is known here."""
    package = load(PACKAGE)
    load(f"{PACKAGE}.nix")
    return {
        "python": platform.python_version(),
        "package": os.path.dirname(package.__file__ or ""),
        "functions": [function(name) for name in FORMS],
    }


def function(name: str) -> dict[str, str]:
    try:
        found, form = choose(name)
    except Problem as problem:
        return {"name": name, "form": "", "reason": f"{problem.what} {problem.why}".rstrip()}
    return {"name": name, "form": form.partition("(")[0] + str(signature(found)), "reason": ""}


def configuration(flake: Any, file: str | None, attr: str | None) -> dict[str, str | None]:
    """The configuration that nixos-rebuild would take for these arguments."""
    if file is None and attr is None:
        found = call("configuration of a flake", flake_arg=flake, target_host=None)
        if found is not None:
            return {"kind": "flake", "path": str(found.path), "attr": str(found.attr)}
    found = call("configuration of a file", attr=attr, file=file)
    return {"kind": "file", "path": str(found.path), "attr": found.attr}


def nixpkgs_revision(path: str) -> str | None:
    """What nixos-rebuild would write to nixpkgs' .version-suffix."""
    found = call("revision of nixpkgs", nixpkgs_path=Path(path))
    return None if found is None else str(found)


ASKED: dict[str, Callable[..., Any]] = {
    "capabilities": capabilities,
    "configuration": configuration,
    "nixpkgs_revision": nixpkgs_revision,
}


def call(name: str, **arguments: Any) -> Any:
    """Call the function in the form that it has, with those of the arguments that it takes."""
    found, form = choose(name)
    names = parts(form)[1]
    try:
        return found(**{key: value for key, value in arguments.items() if key in names})
    except (Exception, SystemExit) as error:
        raise Problem(
            "failed", f"{form.partition('(')[0]} failed.", f"{type(error).__name__}: {error}"
        ) from error


def choose(name: str) -> tuple[Callable[..., Any], str]:
    """The function for a name of FORMS, and the form of its arguments."""
    nearest: tuple[str, str, list[str]] | None = None
    for form in FORMS[name]:
        dotted, names, flags = parts(form)
        found = look_up(dotted)
        if found is None:
            continue
        differences = compare(signature(found), names, flags)
        if not differences:
            return found, form
        if nearest is None or len(differences) < len(nearest[2]):
            nearest = dotted, f"It takes {signature(found)}; for {form}", differences
    if nearest is None:
        absent = dict.fromkeys(parts(form)[0] for form in FORMS[name])
        raise Problem("form", f"The module has no {' and no '.join(absent)}.")
    dotted, why, differences = nearest
    raise Problem(
        "form",
        f"{dotted} has arguments that are not known here.",
        f"{why} {' and '.join(differences)}.",
    )


def compare(given: inspect.Signature, names: list[str], flags: bool) -> list[str]:
    """In words, what keeps a function of this signature from being called with these names."""
    kinds = inspect.Parameter
    by_name = (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    parameters = given.parameters.values()
    takes = [p.name for p in parameters if p.kind in by_name]
    differences = [f"it lacks {name}" for name in names if name not in takes]
    for p in parameters:
        variadic = p.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
        if p.default is kinds.empty and p.name not in names and not variadic:
            differences.append(f"it also needs {p.name}")
    if any(p.kind is kinds.VAR_KEYWORD for p in parameters) != flags:
        differences.append(f"it takes {'no ' if flags else ''}flags as keywords")
    return differences


def parts(form: str) -> tuple[str, list[str], bool]:
    """Dotted name, argument names, and whether flags are given as keywords."""
    dotted, _, rest = form.rstrip(")").partition("(")
    names = re.findall(r"\w+|\*\*", rest)
    return dotted, [name for name in names if name != "**"], "**" in names


def look_up(dotted: str) -> Callable[..., Any] | None:
    module, *rest = dotted.split(".")
    found: Any = load(f"{PACKAGE}.{module}")
    for name in rest:
        found = getattr(found, name, None)
    return found if callable(found) else None


def signature(found: Callable[..., Any]) -> inspect.Signature:
    """Names and defaults alone: annotations of an older or newer era need not be resolvable."""
    plain = inspect.signature(found)
    return plain.replace(
        parameters=[
            p.replace(annotation=inspect.Parameter.empty) for p in plain.parameters.values()
        ],
        return_annotation=inspect.Signature.empty,
    )


def load(name: str) -> Any:
    """Import a module of the package; any way in which that fails is told."""
    python = platform.python_version()
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError) and error.name in (PACKAGE, name):
            raise Problem("missing", f"There is no Python module {name}.", why) from error
        if sys.version_info < NEEDS and isinstance(error, (SyntaxError, ImportError)):
            needs = ".".join(map(str, NEEDS))
            raise Problem(
                "python",
                f"{name} needs a Python of {needs} or later, and this is {python}.",
                why,
            ) from error
        raise Problem("import", f"{name} cannot be loaded by Python {python}.", why) from error


def reply(line: str) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        question = ASKED[asked.pop("ask")]
        inspect.signature(question).bind(**asked)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = Problem("request", "The question was not understood.", repr(error))
    else:
        try:
            return {"answer": question(**asked)}
        except Problem as told:
            problem = told
    return {"error": {"kind": problem.kind, "what": problem.what, "why": problem.why}}


def main() -> None:
    """Answer until the end of stdin. What the module or its programs print goes to stderr, and
    they read nothing: the lines between us and our parent are ours alone."""
    questions, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    # After the standard library, before what else the interpreter has.
    place = [path.endswith("-packages") for path in [*sys.path, "-packages"]].index(True)
    sys.path[place:place] = sys.argv[1:]
    for line in questions:
        answers.write(json.dumps(reply(line)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
