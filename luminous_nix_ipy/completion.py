"""What <tab> offers after `%nix`: verbs, options, generations, profiles, installed packages, units.

Only what costs next to nothing is looked at: the arguments that the verbs declare, and the names in
the profiles' folders, remembered until a folder changes. No program is run.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from .verbs.parser import Parser

IDENTIFIER = "luminous_nix_ipy.completion"

_LINE = re.compile(
    r"""^(?: (?: [^%#'"] | '[^']*' | "[^"]*" )* = )? \s* %%?nix (?P<rest> \s.* )$""",
    re.DOTALL | re.VERBOSE,
)
"""`%nix …`, `%%nix …` and `x = %nix …`, up to the cursor."""

_UNITS = (".service", ".socket", ".target", ".timer", ".mount", ".path")
"""The ends of names of units that somebody may expect to be active."""
_SIDES = ("current", "previous", "running", "booted")
"""What `%nix diff` takes besides numbers and paths."""


class Completions(NamedTuple):
    """What fits, in the order to show it, and the text before the cursor that it replaces."""

    fragment: str
    found: list[tuple[str, str]]
    """Each with the kind of thing that it is."""


def complete(text: str) -> Completions | None:
    """What may follow `text`, a line up to the cursor; None where it is no line of ours."""
    match = _LINE.match(text)
    if match is None:
        return None
    words, fragment = _split(match["rest"])
    if words is None:
        return Completions(fragment, [])
    found = list(_candidates(words, fragment))
    return Completions(fragment.rpartition("=")[2] if fragment[:2] == "--" else fragment, found)


def register(shell: InteractiveShell) -> None:
    """Offer completions in this shell; where IPython has no matchers of this kind (before 8.6),
    there are none."""
    try:
        from IPython.core.completer import context_matcher
    except ImportError:
        return
    unregister(shell)
    matcher = context_matcher(identifier=IDENTIFIER, priority=100)(_match)
    _matchers(shell).append(matcher)


def unregister(shell: InteractiveShell) -> None:
    """Offer none any more."""
    matchers = _matchers(shell)
    matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", None) != IDENTIFIER]


def _matchers(shell: InteractiveShell) -> list[Any]:
    found: list[Any] = getattr(getattr(shell, "Completer", None), "custom_matchers", [])
    return found


def _match(context: CompletionContext) -> SimpleMatcherResult:
    from IPython.core.completer import SimpleCompletion

    completions = complete(context.text_until_cursor)
    if completions is None:
        return {"completions": []}
    return {
        "completions": [SimpleCompletion(word, type=kind) for word, kind in completions.found],
        "matched_fragment": completions.fragment,
        "ordered": True,
        # Names of Python and files are no answer here; but where we know none, files may be.
        "suppress": bool(completions.found),
    }


def _split(rest: str) -> tuple[list[str] | None, str]:
    """The words before the one at the cursor, and that one as it is typed. No words where the
    cursor is inside a quotation."""
    fragment = re.split(r"\s", rest)[-1]
    before = rest[: len(rest) - len(fragment)]
    try:
        return shlex.split(before), fragment
    except ValueError:
        return None, fragment


def _candidates(words: list[str], fragment: str) -> Iterator[tuple[str, str]]:
    from .verbs import DEFAULT, VERBS

    if not words and not fragment.startswith("-"):
        yield from _starting(VERBS, fragment, "verb")
        return
    verb = DEFAULT if not words or words[0].startswith("-") else words.pop(0)
    if verb == "explain" and (words or not fragment.startswith("-")):
        yield from _candidates(words, fragment)
    elif verb in VERBS:
        yield from _arguments(verb, words, fragment)


def _arguments(verb: str, words: list[str], fragment: str) -> Iterator[tuple[str, str]]:
    parser = _parser(verb)
    options = parser.options()
    name, equals, value = fragment.partition("=")
    if equals and name in options:
        yield from _values(options[name], value, words)
        return
    pending = parser.positionals()
    expected = None
    for word in words:
        action = options.get(word)
        if action is not None:
            expected = action if action.nargs != 0 else None
        elif word.startswith("-"):
            expected = None
        elif expected is not None:
            expected = expected if expected.nargs == "+" else None
        elif pending and pending[0].nargs not in ("*", "+"):
            pending.pop(0)
    if fragment.startswith("-"):
        yield from _starting((o for o in options if o not in words), fragment, "option")
    elif expected is not None:
        yield from _values(expected, fragment, words)
    else:
        if pending:
            yield from _values(pending[0], fragment, words)
        if not fragment:
            yield from _starting((o for o in options if o not in words), "--", "option")


@cache
def _parser(verb: str) -> Parser:
    from .verbs.parser import Parser

    return Parser(verb)


def _values(action: Any, fragment: str, words: list[str]) -> Iterator[tuple[str, str]]:
    """What an argument may be, told by the word that stands for it in the help."""
    choices = getattr(action.type, "choices", ())
    if choices:
        yield from _starting(choices, fragment, "word")
    elif action.metavar == "PROFILE":
        yield from _starting(_profiles(), fragment, "profile")
    elif action.metavar == "UNIT":
        yield from _starting(_units(), fragment, "unit")
    elif action.metavar == "HOST":
        user, sign, name = fragment.rpartition("@")
        found = (f"{user}{sign}{host}" for host in _hosts() if host.startswith(name))
        yield from _starting(found, fragment, "host")
    elif action.metavar == "CHANGE":
        yield from _starting(_changes(), fragment, "word")
    elif action.metavar == "CHECK":
        yield from _starting(_checks(), fragment, "check")
    elif action.metavar == "EXERCISE":
        yield from _starting(_exercises(), fragment, "exercise")
    elif action.metavar == "NAME" and action.dest == "packages":
        there = (name for name in _installed(_profile_in(words)) if name not in words)
        yield from _starting(there, fragment, "word")
    elif action.metavar == "NAME" and action.dest == "names":
        if words[:1] == ["versions"]:
            there = (name for name in _chosen() if name not in words)
            yield from _starting(there, fragment, "word")
    elif action.metavar in ("PKG", "OPTION") and fragment:
        yield from _starting(_indexed(action.metavar, fragment), fragment, "word")
    elif action.dest == "generations":
        there = (str(number) for number in _numbers(_profile_in(words)))
        yield from _starting((n for n in there if n not in words), fragment, "generation")
    elif action.dest in ("generation", "current") or action.metavar in ("A", "B"):
        if action.metavar in ("A", "B"):
            yield from _starting(_SIDES, fragment, "generation")
        yield from _starting(map(str, _numbers(_profile_in(words))), fragment, "generation")


def _starting(words: Iterable[str], fragment: str, kind: str) -> Iterator[tuple[str, str]]:
    return ((word, kind) for word in words if word.startswith(fragment))


def _profile_in(words: list[str]) -> str | None:
    for word, following in pairwise([*words, ""]):
        if word == "--profile":
            return following or None
        if word.startswith("--profile="):
            return word.partition("=")[2]
    return None


def _indexed(metavar: str, fragment: str) -> list[str]:
    """Packages or options that begin so, the best known first, where there is an index of them."""
    from .backend.indexes import completions
    from .errors import NixError
    from .machine import current

    flake, sign, prefix = fragment.rpartition("#")
    if sign and flake != "nixpkgs":
        return []
    try:
        found = completions(current(), prefix, options=metavar == "OPTION")
    except (NixError, OSError, ValueError):
        return []
    return [f"{flake}{sign}{name}" for name in found]


_numbers_known: dict[tuple[object, ...], tuple[str, int | None, list[int]]] = {}
_profiles_known: dict[tuple[object, ...], list[str]] = {}
_changes_known: dict[tuple[object, ...], list[str]] = {}
"""What was found, by where it was looked for and the time of that folder; the last thing only."""


def _numbers(profile: str | None) -> list[int]:
    """The numbers of a profile's generations, newest first; none where they cannot be had."""
    from .errors import NixError
    from .machine import current
    from .store.profiles import find_profile, generation_number

    machine = current()
    key = (machine.profiles_dir, machine.home, _changed(machine.profiles_dir), profile)
    folder, changed, numbers = _numbers_known.get(key, ("", None, []))
    if changed is not None and _changed(folder) == changed:
        return numbers
    try:
        folder, name = os.path.split(find_profile(machine, profile).path)
        changed = _changed(folder)
        found = (generation_number(name, entry) for entry in os.listdir(folder))
        numbers = sorted((number for number in found if number is not None), reverse=True)
    except (NixError, OSError, ValueError):
        return []
    _numbers_known.clear()
    _numbers_known[key] = folder, changed, numbers
    return numbers


def _installed(profile: str | None) -> tuple[str, ...]:
    """What is installed in a user's profile; none where that cannot be had."""
    from .errors import NixError
    from .machine import current
    from .store.profiles import find_profile

    try:
        path = find_profile(current(), profile or "profile").path
        return _names_in(os.path.realpath(path))
    except (NixError, OSError, ValueError):
        return ()


@lru_cache(maxsize=4)
def _names_in(generation: str) -> tuple[str, ...]:
    """The packages of a generation; its store path never changes.

    Raises:
        NixError: they cannot be told.
    """
    from .store.manifests import read_manifest

    return tuple(package.name for package in read_manifest(generation).packages)


def _chosen() -> list[str]:
    """The packages that were chosen for generations of this machine."""
    from .errors import NixError
    from .machine import current
    from .store.holders import installed_packages

    try:
        names = installed_packages(current()).by_name
    except (NixError, OSError, ValueError):
        return []
    return sorted(name for name in names if not name.startswith("*"))


def _profiles() -> list[str]:
    """The names of the profiles there are."""
    from .machine import current
    from .store.profiles import known_profiles

    machine = current()
    key = (machine.profiles_dir, machine.home, _changed(machine.profiles_dir))
    if key not in _profiles_known:
        _profiles_known.clear()
        _profiles_known[key] = [profile.name for profile in known_profiles(machine)]
    return _profiles_known[key]


def _units() -> list[str]:
    """The units whose files are in systemd's folders for this machine; a playground has none."""
    from .machine import current

    machine = current()
    if machine.playground is not None:
        return []
    found: set[str] = set()
    for folder in (f"{machine.etc_dir}/systemd/system", f"{machine.run_dir}/systemd/system"):
        with suppress(OSError):
            found.update(name for name in os.listdir(folder) if name.endswith(_UNITS))
    # A template is no unit before it has an instance.
    return sorted(name for name in found if "@." not in name)


def _hosts() -> list[str]:
    """The hosts that ~/.ssh/config names."""
    from .tools.ssh import known_hosts

    return known_hosts(os.path.expanduser("~"))


def _changes() -> list[str]:
    """The ids of the changes that the journals tell of, the newest first."""
    from .backend.journal_reading import journal_files, read_journal
    from .machine import current

    machine = current()
    key = tuple((path, _changed(path)) for path in journal_files(machine))
    if key not in _changes_known:
        _changes_known.clear()
        _changes_known[key] = [entry.id for entry in reversed(read_journal(machine)[0])]
    return _changes_known[key]


def _checks() -> list[str]:
    """The checks that may be forced, as one word each."""
    from .backend.forcing import FORCEABLE

    return [name.replace(" ", "-") for name in FORCEABLE]


def _exercises() -> list[str]:
    """The exercises beside the notebook."""
    from .backend.exercises import names
    from .errors import NixError

    try:
        return names()
    except NixError:
        return []


def _changed(folder: str) -> int | None:
    """When something was last added to a folder or removed from it, in ns; None: unknown."""
    try:
        return os.stat(folder).st_mtime_ns
    except (OSError, ValueError):
        return None
