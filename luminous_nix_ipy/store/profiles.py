"""Which profile is meant, and which profiles there are.

A profile is a link whose generations stand beside it as `<name>-<number>-link` (Nix, profiles.cc).
Where they are kept: the state folder's `profiles` (nix-env(1)), its `system-profiles`
(nixos-rebuild -p) and `per-user` folders, and `$XDG_STATE_HOME/nix/profiles` since Nix 2.14;
home-manager keeps its own in the last two (home-manager, lib-bash/activation-init.sh).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from ..errors import NotFound
from ..machine import Machine
from ..records import Profile, ProfileKind
from .links import read_link

_MOST_HOPS = 40
"""Links followed before a chain of them counts as a loop, as Linux does (path_resolution(7))."""


def find_profile(machine: Machine, name: str | None = None) -> Profile:
    """The profile that `name` means.

    Args:
        name: None for the system's profile, else the user's own; "system"; "profile" for the
            user's own; the name of any profile in the folders above, such as "home-manager"; or a
            path, absolute, from `~` or relative, to a profile or to a link that leads to one.

    Raises:
        NotFound: there is no such profile, or no Nix at all.
    """
    looked_at: list[str] = []
    for candidate in _candidates(machine, name):
        looked_at.append(candidate)
        path = _follow(candidate)
        if path is not None:
            path = _spelled(machine, path)
            return Profile(_name(machine, path, name), path, _kind(machine, path))
    raise _not_found(machine, name, looked_at)


def known_profiles(machine: Machine) -> list[Profile]:
    """Every profile in the usual folders, the system's first, then the user's own; each `name` is
    one that `find_profile` takes."""
    paths: dict[str, None] = {}
    for candidate in [machine.system_profile, *_own(machine)]:
        path = _follow(candidate)
        if path is not None:
            paths[_spelled(machine, path)] = None
    for folder in [*_folders(machine), *_folders_of_others(machine)]:
        for entry in _names(folder):
            link = os.path.join(folder, entry)
            if generation_number(entry, read_link(link)) is not None:
                paths[_spelled(machine, link)] = None
    return [Profile(_name(machine, path, None), path, _kind(machine, path)) for path in paths]


def generation_number(name: str, link: str | None) -> int | None:
    """The number in `<name>-<number>-link`, the last part of `link`; None for any other name."""
    found = None if link is None else link_pattern(name)(link[link.rfind("/") + 1 :])
    return int(found[1]) if found else None


@lru_cache(maxsize=64)
def link_pattern(name: str) -> Callable[[str], re.Match[str] | None]:
    """Matches the names of a profile's generations; group 1 is the number: decimal, positive,
    without leading zeros, within 64 bits."""
    return re.compile(re.escape(name) + "-([1-9][0-9]{0,17})-link").fullmatch


def _candidates(machine: Machine, name: str | None) -> Iterator[str]:
    if name is None:
        yield machine.system_profile
        yield from _own(machine)
    elif name == "profile":
        yield from _own(machine)
    elif name.startswith("~/") or name == "~":
        yield machine.home + name[1:]
    elif "/" in name or name in (".", "..", ""):
        yield os.path.join(os.getcwd(), os.path.expanduser(name))
        if not name.startswith((".", "/", "~")):
            yield os.path.join(machine.profiles_dir, name)
    else:
        yield from (os.path.join(folder, name) for folder in _folders(machine))
        yield os.path.join(os.getcwd(), name)


def _own(machine: Machine) -> Iterator[str]:
    """Where the user's own profile may be, the links that nix-env itself follows first."""
    state = _user_state(machine)
    yield os.path.join(machine.home, ".nix-profile")
    yield os.path.join(state, "nix/profile")
    yield os.path.join(state, "nix/profiles/profile")
    yield os.path.join(machine.profiles_dir, "per-user", _user(machine), "profile")
    if os.geteuid() == 0:
        yield os.path.join(machine.profiles_dir, "default")


def _folders(machine: Machine) -> list[str]:
    """The folders in which a bare name is looked for, in this order."""
    state = _user_state(machine)
    return [
        machine.profiles_dir,
        os.path.join(machine.profiles_dir, "system-profiles"),
        os.path.join(state, "nix/profiles"),
        os.path.join(machine.profiles_dir, "per-user", _user(machine)),
        os.path.join(state, "home-manager/profiles"),
    ]


def _folders_of_others(machine: Machine) -> list[str]:
    per_user = os.path.join(machine.profiles_dir, "per-user")
    return [os.path.join(per_user, user) for user in _names(per_user)]


def _user_state(machine: Machine) -> str:
    return _variable(machine, "XDG_STATE_HOME") or os.path.join(machine.home, ".local/state")


def _user(machine: Machine) -> str:
    user = _variable(machine, "USER")
    if user:
        return user
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _variable(machine: Machine, name: str) -> str | None:
    """A variable as Nix's programs on that machine see it; a playground has its own alone."""
    if name in machine.env or machine.playground is not None:
        return machine.env.get(name)
    return os.environ.get(name)


def _follow(path: str) -> str | None:
    """The profile at `path`, or the one that links lead to from there."""
    path = path.rstrip("/") or "/"
    for _ in range(_MOST_HOPS):
        folder, name = os.path.split(path)
        target = read_link(path)
        if generation_number(name, target) is not None or _has_generations(folder, name):
            return path
        if target is None:
            return None
        path = os.path.join(folder, target)
    return None


def _has_generations(folder: str, name: str) -> bool:
    return any(generation_number(name, entry) is not None for entry in _names(folder))


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _spelled(machine: Machine, path: str) -> str:
    """One spelling for one profile, since notes and the journal are keyed by it: links in the
    folder resolved, the profiles' folder as the machine names it."""
    folder, name = os.path.split(path)
    folder = os.path.realpath(folder)
    home = os.path.realpath(machine.profiles_dir)
    if folder == home or folder.startswith(home + "/"):
        folder = machine.profiles_dir + folder[len(home) :]
    return os.path.join(folder, name)


def _name(machine: Machine, path: str, given: str | None) -> str:
    """The shortest name that finds `path`: a bare one, one below the profiles' folder, the path."""
    own = next((found for c in _own(machine) if (found := _follow(c)) is not None), None)
    if own is not None and _spelled(machine, own) == path:
        return "profile"
    base = os.path.basename(path)
    for folder in _folders(machine):
        link = os.path.join(folder, base)
        if base != "profile" and os.path.lexists(link):
            if _spelled(machine, link) == path:
                return base
            break
    if path.startswith(machine.profiles_dir + "/"):
        return path[len(machine.profiles_dir) + 1 :]
    return given if given is not None and "/" in given else path


def _kind(machine: Machine, path: str) -> ProfileKind:
    """What its current generation is made for. home-manager's holds `activate` and `home-files` or
    `home-path` (home-manager, modules/home-environment.nix)."""
    if path == machine.system_profile or os.path.lexists(f"{path}/bin/switch-to-configuration"):
        return "system"
    made_for_home = os.path.lexists(f"{path}/home-files") or os.path.lexists(f"{path}/home-path")
    return "home-manager" if made_for_home and os.path.lexists(f"{path}/activate") else "user"


def _not_found(machine: Machine, name: str | None, looked_at: list[str]) -> NotFound:
    if not (os.path.isdir(machine.store_dir) or os.path.isdir(machine.profiles_dir)):
        return NotFound(
            "There is no Nix on this machine.",
            f"Neither {machine.store_dir} nor {machine.profiles_dir} is there.",
            ["%nix playground start", "Install Nix: https://nixos.org/download"],
        )
    there = [profile.name for profile in known_profiles(machine)]
    todo = [f"Profiles that there are: {', '.join(there)}."] if there else []
    if machine.playground is None:
        todo.append("%nix playground start")
    if name is None:
        return NotFound(
            "There is no profile yet.",
            f"Neither the system's nor one of yours: looked at {', '.join(looked_at)}.",
            todo,
        )
    found = next((path for path in looked_at if os.path.lexists(path.rstrip("/"))), None)
    if found is None:
        return NotFound(
            f"There is no profile {name!r}.", f"Looked at {', '.join(looked_at)}.", todo
        )
    return NotFound(f"{name!r} is no profile.", _what_it_is(machine, found.rstrip("/")), todo)


def _what_it_is(machine: Machine, path: str) -> str:
    name, dash, _ = os.path.basename(path).removesuffix("-link").rpartition("-")
    target = read_link(path)
    if dash and target is not None and generation_number(name, path) is not None:
        number = generation_number(name, path)
        return f"It is generation {number} of the profile {os.path.dirname(path)}/{name}."
    real = os.path.realpath(path)
    if real.startswith(os.path.realpath(machine.store_dir) + "/"):
        return f"It leads to the store path {real} and has no generations."
    kind = "folder" if os.path.isdir(real) else "file" if os.path.exists(real) else "dangling link"
    return f"{real} is a {kind} without generations beside it."
