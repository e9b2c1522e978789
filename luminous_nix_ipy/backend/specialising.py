"""Which specialisation of the target is to run: the one that runs now, unless another is asked
for."""

from __future__ import annotations

import difflib

from ..errors import NotFound, Refused, did_you_mean
from ..records import Check, Generation
from .model import Mode


def choose_specialisation(
    target: Generation, mode: Mode, *, active: str | None, wanted: str | None
) -> tuple[str | None, tuple[Check, ...]]:
    """The name of the specialisation to activate, None for the system itself; and what is said of
    it, nothing where there is no question.

    Args:
        active: the one that runs now; None: the system itself does.
        wanted: the one that is asked for; "": the system itself; None: the one that runs.

    Raises:
        NotFound: the target has none of that name.
        Refused: nothing is activated before the next boot.
    """
    if wanted:
        refuse_at_boot(mode, wanted)
        check_specialisation(target, wanted)
        return wanted, (
            Check("specialisation", "ok", f"the specialisation {wanted} was asked for."),
        )
    if active is None or mode == "boot":
        return None, ()
    if wanted == "":
        reason = f"the system itself was asked for; the specialisation {active} runs now."
        return None, (Check("specialisation", "ok", reason),)
    if active in target.specialisations:
        return active, (
            Check("specialisation", "ok", f"the specialisation {active} runs now and is kept."),
        )
    reason = (
        "the system itself is to run: "
        f"the specialisation {active} runs now, and the target has none of that name."
    )
    return None, (Check("specialisation", "warning", reason),)


def refuse_at_boot(mode: Mode, wanted: str | None) -> None:
    """Raises: Refused: a specialisation was asked for where nothing is activated."""
    if wanted and mode == "boot":
        raise Refused(
            "A specialisation cannot be chosen for the next boot.",
            "The boot menu offers a generation's specialisations beside it.",
            ["Let it run now: %nix switch, or %nix rollback without --boot."],
        )


def check_specialisation(target: Generation, wanted: str) -> None:
    """Raises: NotFound: the target has no specialisation of that name."""
    known = target.specialisations
    if wanted in known:
        return
    close = difflib.get_close_matches(wanted, known, n=1)
    raise NotFound(
        f"The system has no specialisation {wanted!r}.",
        f"It has {', '.join(known)}." if known else "It has none.",
        did_you_mean(close[:1]),
    )
