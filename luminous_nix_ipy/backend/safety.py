"""How a change is watched: the options of every operation that activates something, checked, and
put together with the settings that hold for all changes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from .. import settings
from ..errors import Refused
from ..machine import Machine
from ..tools import systemd
from .forcing import known_checks
from .model import Expectation, Safety
from .validation import Options

SAFETY: Options = {
    "expect": (list, tuple, str),
    "expect_url": (list, tuple, str),
    "expect_unit": (list, tuple, str),
    "settle": (float, int, str),
    "confirm_timeout": (float, int, str),
    "force": (list, tuple, str),
    "restore": bool,
}
"""`expect`: command lines; `expect_url`: URLs; `expect_unit`: names of units; one, or several.
`settle`, `confirm_timeout`: seconds, or text such as "10s". `force`: names of checks. `restore`:
False to put nothing back."""

_DAY = 86400.0
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-z]*)")
_UNIT_NAME = re.compile(r"[0-9A-Za-z:_.\\@-]{1,255}")
"""systemd.unit(5)."""

Kind = Literal["command", "url", "unit"]


def safety_of(machine: Machine, options: Mapping[str, Any]) -> Safety:
    """The Safety that an operation's options (`SAFETY`) ask for; what the settings expect of every
    change comes first.

    Raises:
        Refused: something that can never be expected, or no span of time, or no check.
    """
    expected: list[Expectation] = []
    kinds: tuple[tuple[str, Kind, Callable[[str], str]], ...] = (
        ("expect", "command", command_line),
        ("expect_url", "url", _url),
        ("expect_unit", "unit", _unit),
    )
    for name, kind, known in kinds:
        for text in settings.get(name):
            try:
                expected.append(Expectation(kind, known(text)))
            except Refused as error:
                raise _of_the_setting(name, error) from None
        expected += [Expectation(kind, known(text)) for text in _texts(name, options.get(name))]
    units = [e.what for e in expected if e.kind == "unit"]
    if units and machine.playground is None and not systemd.runs(machine):
        raise Refused(
            f"{units[0]} can never be active here.",
            "systemd does not run this machine.",
            ["Expect a command instead: --expect 'CMD'"],
        )
    return Safety(
        expectations=tuple(dict.fromkeys(expected)),
        settle=_span("settle", options, 0.0),
        confirm_timeout=_span("confirm_timeout", options, 1.0),
        expect_timeout=_span("expect_timeout", options, 0.1),
        activation_timeout=_span("activation_timeout", options, 1.0),
        force=known_checks(_texts("force", options.get("force"))),
        restore=options.get("restore") is not False,
    )


def parse_seconds(text: str | float) -> float:
    """The seconds of a span of time: 10, "10", "10s", "1.5m", "2min", "1h".

    Raises:
        Refused: it is none, or longer than a day.
    """
    seconds = float(text) if isinstance(text, (int, float)) else _seconds(text)
    # NaN is within no bounds.
    if not 0 <= seconds <= _DAY:
        raise Refused(
            f"{text!r} is no span of time.",
            "It is a number of seconds from 0 to a day, or has its unit: s, m (min), h.",
            ["For example: 10s, 2m"],
        )
    return seconds


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS:
        return float("nan")
    return float(match[1]) * _UNITS[match[2]]


def _span(name: str, options: Mapping[str, Any], least: float) -> float:
    given = options.get(name)
    seconds = parse_seconds(settings.get(name) if given is None else given)
    if seconds < least:
        raise Refused(f"{name} takes {least:g} s at least, not {given!r}.")
    return seconds


def _texts(name: str, value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else list(value or ())
    for text in texts:
        if not isinstance(text, str):
            raise Refused(f"The option {name!r} takes texts, not {text!r}.")
    return texts


def command_line(line: str) -> str:
    """The line, where a program can be run with it, without a shell.

    Raises:
        Refused: it cannot be split into words, or names no program.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Refused(
            f"{line!r} is no command line.",
            f"It cannot be split into words: {str(error).lower()}.",
            ["It is run without a shell: one program and its arguments."],
        ) from None
    if not words or not words[0]:
        raise Refused(f"{line!r} is no command line.", "It names no program.")
    if "\0" in line:
        raise Refused(f"{line!r} is no command line.", "It holds a NUL character.")
    return line


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
        problem = _problem(url, parts.scheme, parts.hostname, parts.port, parts.username)
    except ValueError as error:
        problem = f"{error}."
    if problem:
        raise Refused(
            f"{url!r} cannot be asked.", problem, ["For example: http://localhost:8080/health"]
        )
    return url


def _problem(
    url: str, scheme: str, host: str | None, port: int | None, user: str | None
) -> str | None:
    if scheme not in ("http", "https"):
        return "Only http and https URLs are asked."
    if any(c.isspace() or not c.isprintable() for c in url):
        return "It holds a blank or a control character."
    if not host:
        return "It names no host."
    try:
        host.encode("idna")
    except UnicodeError:
        return "Its host can be no name."
    if port == 0:
        return "There is no port 0."
    if user is not None:
        return "It holds a user name or password, which the journal and the plan would show."
    return None


def _unit(name: str) -> str:
    if "/" in name:
        raise Refused(
            f"{name!r} is no unit.",
            "A mount point or a device has a unit of another name.",
            ["Ask for it: systemd-escape --path --suffix=mount PATH"],
        )
    if not _UNIT_NAME.fullmatch(name):
        raise Refused(
            f"{name!r} is no unit.",
            r"Names of units have letters, digits and : _ . \ @ - alone (systemd.unit(5)).",
        )
    return systemd.full_name(name)


def _of_the_setting(name: str, error: Refused) -> Refused:
    variable = next(row[1] for row in settings.table() if row[0] == name)
    where = f"It comes from the setting {name} (%config NixMagics.{name} or {variable})."
    return Refused(error.what, f"{error.why} {where}", error.todo)
