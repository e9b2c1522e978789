"""Downloads that failed for a passing reason are tried again, after a while.

Nix tries each download several times itself (nix.conf(5), `download-attempts`), within some
seconds; what it waited is not waited for again. The sentences are those of Nix 2.8 and 2.34, of
curl and of git.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable

import msgspec

from .. import settings
from ..errors import CommandFailed, NixError
from ..records import FailedBuild, Message
from ..store.derivations import derivation_name, read_derivation
from ..tools.process import Completed, plain
from .progress import Progress

_log = logging.getLogger(__name__)

_FIRST_WAIT = 4.0
"""Seconds before the second try; each further try waits twice as long."""
_LEAST_WAIT = 1.0

_STATUS = r"(?:408|425|429|5(?!01|05|11)\d\d)"
_CURL_CODE = r"(?:5|6|7|16|18|28|35|52|55|56|92)"
"""No name, no connection, a connection that broke, or nothing in time (libcurl-errors(3))."""
_BROKEN = (
    r"(?:Failure when receiving|Transferred a partial|Timeout was reached|Server returned nothing|"
    r"SSL connect error|Send failure|Failed sending|Stream error|Error in the HTTP/?2)"
)
_SIGNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"unable to download '(?P<what>[^']+)': (?P<why>HTTP error {_STATUS})\b",
        rf"unable to download '(?P<what>[^']+)': HTTP error \d+(?: \('[^']*'\))? "
        rf"\(curl error: (?P<why>{_BROKEN}[^)\n]*)",
        rf"unable to download '(?P<what>[^']+)': (?P<why>[^(\n]+) \({_CURL_CODE}\)",
        r"unable to access '(?P<what>[^']+)': (?P<why>Could not resolve host|Failed to connect|"
        rf"The requested URL returned error: {_STATUS}|[^\n]*(?:timed out|Connection reset))",
        rf"curl: \({_CURL_CODE}\) (?P<why>[^\n]+)",
        rf"curl: \(22\) (?P<why>The requested URL returned error: {_STATUS})",
    )
)
_WAITED = re.compile(r"unable to download '(?P<what>[^']+)':.*; retrying in (?P<ms>\d+) ms")
_PASSED_ON = re.compile(
    r"no substituter that can build it|some substitutes for the outputs|Failed to fetch git "
    r"repository|program '[^']*git' failed|build of '|Cannot build '|builder for '|"
    r"dependenc(?:y|ies) |builds? failed"
)
"""The last error tells only that another came before it, which is told as a warning or a line."""


class Passing(msgspec.Struct, frozen=True):
    """A download that failed for a reason that may pass."""

    what: str
    why: str
    waited: float
    """Seconds that Nix waited between its own tries of it."""


async def retrying(
    progress: Progress,
    attempt: Callable[[], Awaitable[Completed]],
    on_retry: Callable[[], None] | None = None,
) -> Completed:
    """Run `attempt`, again where a download failed for a passing reason.

    Args:
        on_retry: called before each further try.

    Raises:
        CommandFailed: the last try's; `why` ends with the number of tries where there were several.
    """
    tries = settings.get("retries") + 1
    for number in range(1, tries + 1):
        try:
            return await attempt()
        except CommandFailed as error:
            found = await asyncio.to_thread(passing, error)
            if found is None or number == tries:
                if number > 1:
                    error.why = f"{error.why}\nIt was tried {number} times.".lstrip()
                raise
            wait = max(_FIRST_WAIT * 2 ** (number - 1) - found.waited, _LEAST_WAIT)
            told = (
                f"download of {found.what} failed ({found.why}), trying again in {wait:.0f} s, "
                f"{number + 1} of {tries}"
            )
            _log.warning("%s", told)
            progress.update(told)
            await asyncio.sleep(wait)
            if on_retry is not None:
                on_retry()
    raise AssertionError("a last try returns or raises")


def passing(error: CommandFailed) -> Passing | None:
    """The download that a program of Nix failed for; None where it failed for another reason, or
    for one that stays, such as a file that is not there."""
    if error.returncode is None:
        return None
    said = plain(error.stderr)
    if "hash mismatch" in said:
        return None
    if error.failed_builds:
        return _of_builds([b for b in error.failed_builds if isinstance(b, FailedBuild)], said)
    texts = [message.text for message in error.messages if isinstance(message, Message)]
    # The old one adds advice, "(use '--show-trace' …)", as an error of its own.
    errors = [text for text in texts if not text.startswith("(")]
    last = errors[-1] if errors else _last_error(said)
    found = _sign(last)
    if found is None and _PASSED_ON.search(last):
        found = _sign(said)
    return None if found is None else _passing(found, found["what"], said)


def _of_builds(failed: list[FailedBuild], said: str) -> Passing | None:
    """Where all that failed is fetched, each for a passing reason: the first."""
    found = []
    for build in failed:
        sign = _sign(plain("\n".join(build.log))) or _sign(said)
        if sign is None or not _is_fetched(build.derivation):
            return None
        name = sign.groupdict().get("what") or derivation_name(build.derivation)
        found.append(_passing(sign, name, said))
    return found[0] if found else None


def _is_fetched(derivation: str) -> bool:
    """Whether its output is known beforehand: only then may its builder reach the network."""
    try:
        return read_derivation(derivation).fixed
    except NixError:
        return False


def _sign(text: str) -> re.Match[str] | None:
    """The first sign of a passing reason, but for what worked when Nix tried it again."""
    text = "\n".join(line for line in text.splitlines() if "; retrying in " not in line)
    found = (pattern.search(text) for pattern in _SIGNS)
    return next((match for match in found if match is not None), None)


def _passing(sign: re.Match[str], what: str, said: str) -> Passing:
    own = sum(int(found["ms"]) for found in _WAITED.finditer(said) if found["what"] == what)
    return Passing(what, sign["why"].strip(), own / 1000)


def _last_error(said: str) -> str:
    """From the last line that begins with "error:" on; it is the gravest."""
    return said[max(said.rfind("\nerror:"), 0) :]
