"""Whether a machine is well after an activation: no unit has newly failed, and all that was
expected holds.

An expectation is given time to come true the first time: a unit may still be starting, and a
server not answer yet. From then on, while the machine settles, it must hold at every look.
"""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Awaitable, Callable, Iterable

from ..errors import CommandFailed
from ..machine import Machine
from ..records import Check
from ..tools import systemd, url_status
from ..tools.process import plain, run
from .context import Context
from .model import Safety
from .shield import cancels

_UNITS_SHOWN = 5
_LINES_SHOWN = 5
"""systemd's own words on the failure are the last two or three."""
_LOOK_EVERY = 1.0
"""Seconds between two looks while the machine settles."""
_ASK_AGAIN_AFTER = 0.25
"""Seconds before what is not there yet is asked again."""
KEPT = 4096
"""Bytes of what a command prints that are remembered; its last line is shown."""
_RENEW_EVERY = 2.0
"""Seconds between two signs of life at most; a third of the confirm timeout where that is less."""
_NOT_YET = frozenset({502, 503, 504})
"""What a server answers for one that is not there yet (RFC 9110, 15.6)."""
_ACTIVE = ("active", "reloading", "refreshing")

Renew = Callable[[], Awaitable[None]]


async def failed_now(machine: Machine) -> frozenset[str] | None:
    """The units that have failed; None where that cannot be told: no systemd runs, or it does not
    answer."""
    if not systemd.runs(machine):
        return None
    try:
        return await systemd.failed_units(machine)
    except CommandFailed:
        return None


async def watch(
    context: Context,
    safety: Safety,
    failed_before: frozenset[str] | None,
    renew: Renew,
    *,
    told: Iterable[str] = (),
) -> tuple[Check, ...]:
    """Look after the machine until it has settled, something has failed, or it is cancelled.

    Args:
        failed_before: what `failed_now` said before the activation.
        renew: the sign of life, given at once and every few seconds.
        told: units that the activation itself said had failed; they count where systemd does not
            run, as in a playground.

    Returns:
        The rows of the last look, or one that says that it was cancelled; the change is well where
        none of them is "failed".

    Raises:
        Exception: what `renew` raised.
    """
    failed = frozenset(told)
    renewing = asyncio.create_task(_keep_renewing(renew, safety.confirm_timeout))
    watching = asyncio.create_task(_settle(context, safety, failed_before, failed))
    kept = cancels()
    if not safety.settle:  # all but done: who cancelled the activation is told after the end
        kept.came.clear()
    asked = asyncio.create_task(kept.came.wait())
    tasks = (renewing, watching, asked)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if renewing.done():
            renewing.result()
        if watching.done():
            return watching.result()
        kept.heeded = True
        return (Check("watch", "failed", "it was cancelled."),)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def check_health(
    context: Context,
    safety: Safety,
    failed_before: frozenset[str] | None,
    *,
    told: frozenset[str] = frozenset(),
    patient: bool = False,
) -> tuple[Check, ...]:
    """One look: a row for the units, and one for each expectation.

    Args:
        failed_before, told: as of `watch`.
        patient: give each expectation its time to come true.
    """
    machine, seconds = context.machine, safety.expect_timeout
    looks: list[Awaitable[tuple[Check, ...]]] = [_failed_units(machine, failed_before, told)]
    for expectation in safety.expectations:
        match expectation.kind:
            case "command":
                looks.append(_command(machine, expectation.what, seconds))
            case "url":
                looks.append(_url(expectation.what, seconds, patient))
            case "unit":
                looks.append(_unit(machine, expectation.what, seconds, patient))
    return tuple(row for rows in await asyncio.gather(*looks) for row in rows)


async def _settle(
    context: Context,
    safety: Safety,
    failed_before: frozenset[str] | None,
    told: frozenset[str],
) -> tuple[Check, ...]:
    context.progress.update("looking whether all is well")
    rows = await check_health(context, safety, failed_before, told=told, patient=True)
    until = time.monotonic() + safety.settle
    while not _has_failed(rows) and (left := until - time.monotonic()) > 0:
        context.progress.update(f"all is well; watching it for {left:.0f} s more")
        await asyncio.sleep(min(_LOOK_EVERY, left))
        rows = await check_health(context, safety, failed_before, told=told)
    return rows


async def _keep_renewing(renew: Renew, confirm_timeout: float) -> None:
    while True:
        await renew()
        await asyncio.sleep(min(_RENEW_EVERY, confirm_timeout / 3))


def _has_failed(rows: tuple[Check, ...]) -> bool:
    return any(row.verdict == "failed" for row in rows)


async def _failed_units(
    machine: Machine, before: frozenset[str] | None, told: frozenset[str]
) -> tuple[Check, ...]:
    name = "units"
    if not systemd.runs(machine):
        if told:
            listed = ", ".join(sorted(told))
            return (Check(name, "failed", f"the activation said that these failed: {listed}."),)
        return (Check(name, "ok", f"{no_units(machine)}: none can have failed."),)
    try:
        now = await systemd.failed_units(machine)
    except CommandFailed as error:
        return (Check(name, "unknown", f"which have failed is not known: {error}"),)
    if before is None:
        listed = ", ".join(sorted(now)) or "none"
        reason = f"which had failed before is not known; failed now: {listed}."
        return (Check(name, "unknown" if now else "ok", reason),)
    new = sorted(now - before)
    if not new:
        same = f", as {len(before)} had before" if now else ""
        return (Check(name, "ok", f"none has newly failed{same}."),)
    shown, others = new[:_UNITS_SHOWN], new[_UNITS_SHOWN:]
    rows = [Check(name, "failed", await _with_journal(machine, unit)) for unit in shown]
    if others:
        rows.append(Check(name, "failed", f"these failed too: {', '.join(others)}."))
    return tuple(rows)


async def _with_journal(machine: Machine, unit: str) -> str:
    lines = await systemd.last_lines(machine, unit, _LINES_SHOWN)
    said = " / ".join(line.strip() for line in lines if line.strip())
    return f"the unit {unit} has failed.{f' Its journal ends: {said}' if said else ''}"


async def _command(machine: Machine, line: str, seconds: float) -> tuple[Check, ...]:
    name, argv = "expected command", shlex.split(line)
    try:
        done = await run(argv, machine=machine, timeout=seconds, check=False, keep=KEPT)
    except CommandFailed as error:
        return (Check(name, "failed", str(error)),)
    if done.returncode == 0:
        return (Check(name, "ok", f"`{line}` succeeded{_saying(done.stdout)}"),)
    said = _saying(done.stderr) if done.stderr.strip() else _saying(done.stdout)
    ended = f"ended with {done.returncode}"
    if done.returncode < 0:
        ended = f"was ended by signal {-done.returncode}"
    return (Check(name, "failed", f"`{line}` {ended}{said}"),)


def _saying(output: str) -> str:
    """The end of a sentence: the last line of what a program said."""
    lines = [line.strip() for line in plain(output).splitlines() if line.strip()]
    return f": {lines[-1]}" if lines else "."


async def _url(url: str, seconds: float, patient: bool) -> tuple[Check, ...]:
    good, said = False, ""
    try:
        async with asyncio.timeout(seconds):
            good, again, said = await _ask(url)
            while patient and not good and again:
                await asyncio.sleep(_ASK_AGAIN_AFTER)
                good, again, said = await _ask(url)
    except TimeoutError:
        said = f"no answer within {seconds:g} s" if not said else f"{said}, for {seconds:g} s"
    return (Check("expected URL", "ok" if good else "failed", f"asked {url}: {said}."),)


async def _ask(url: str) -> tuple[bool, bool, str]:
    """Whether it answers well; whether it may do so a little later; what is to be told."""
    try:
        status = await url_status.url_status(url)
    except OSError as error:
        return False, True, f"no answer: {url_status.reason(error)}"
    except ValueError as error:
        return False, False, str(error)
    return 200 <= status < 400, status in _NOT_YET, f"it answers {status}"


async def _unit(machine: Machine, unit: str, seconds: float, patient: bool) -> tuple[Check, ...]:
    name = "expected unit"
    if not systemd.runs(machine):
        why = f"the unit {unit} is not looked at: {no_units(machine)}."
        # A playground is for practising: there it is enough to be told.
        return (Check(name, "failed" if machine.playground is None else "unknown", why),)
    until = time.monotonic() + seconds
    try:
        state = await systemd.unit_state(machine, unit)
        while patient and state.active == "activating" and time.monotonic() < until:
            await asyncio.sleep(_ASK_AGAIN_AFTER)
            state = await systemd.unit_state(machine, unit)
    except CommandFailed as error:
        return (Check(name, "failed", f"it is not known whether {unit} is active: {error}"),)
    if state.active in _ACTIVE:
        return (Check(name, "ok", f"the unit {unit} is {state.active} ({state.sub})."),)
    if state.load == "not-found":
        return (Check(name, "failed", f"there is no unit {unit}."),)
    why = f", {state.result}" if state.result not in ("", "success") else ""
    return (Check(name, "failed", f"the unit {unit} is {state.active} ({state.sub}{why})."),)


def no_units(machine: Machine) -> str:
    """Why a machine that systemd does not run has no units, as the begin of a sentence."""
    if machine.playground is not None:
        return "a playground has no units"
    return "systemd does not run this machine"
