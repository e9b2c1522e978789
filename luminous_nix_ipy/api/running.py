"""Verbs of runbooks and lessons: what has to be so, steps, the record, exercises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from ..verbs.session import session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..frames import NixFrame
    from ..verbs.require import Numbers, Texts
    from ..verbs.step import OpenStep
    from ..widgets.checking import CheckView
    from ..widgets.runbook import RequireView, RunbookView
    from ..widgets.show import Text


class Running:
    """Verbs of runbooks and lessons: what has to be so, steps, the record, exercises."""

    def require(
        self,
        *,
        free: str | int | None = None,
        on: str | None = None,
        generation: Numbers = None,
        current: int | None = None,
        no_failed_units: bool = False,
        not_rebooting: bool = False,
        channel_age: str | None = None,
        host: str | None = None,
        nix_version: str | None = None,
        command: Texts = None,
    ) -> RequireView:
        """Raise a RequirementFailed where something is not so.

        Args:
            free: so much free space: bytes, or a size such as "5G".
            on: on the file system of this path; None is the store's.
            generation: a number, or several, that are there.
            current: the number of the current one.
            no_failed_units: no unit of systemd has failed.
            not_rebooting: no reboot is scheduled or under way.
            channel_age: the channel is at most so old, such as "30d".
            host: the machine's name.
            nix_version: such as ">=2.18".
            command: one or several command lines that succeed; run without a shell.

        Example:
            >>> nix.require(free="5G", no_failed_units=True)
        """
        from ..verbs.require import run

        return run(
            session(),
            free=free,
            on=on,
            generation=generation,
            current=current,
            no_failed_units=no_failed_units,
            not_rebooting=not_rebooting,
            channel_age=channel_age,
            host=host,
            nix_version=nix_version,
            command=command,
        )

    def step(self, title: str, *, rollback_on_failure: bool = False) -> OpenStep:
        """A step of a runbook: what is done in the `with` block, or else in the rest of the cell.

        Args:
            title: what it is, in a few words.
            rollback_on_failure: put back what the runbook began with, when this or a later step
                fails.

        Example:
            >>> with nix.step("Go back", rollback_on_failure=True):
            ...     nix.rollback(41, yes=True)
        """
        from ..verbs.step import run

        return run(session(), title=title, rollback_on_failure=rollback_on_failure)

    @overload
    def runbook(
        self, action: Literal["show"] | None = None, *, record: str | None = None
    ) -> RunbookView: ...
    @overload
    def runbook(
        self, action: str | None, what: str | None = None, *, record: str | None = None
    ) -> RunbookView | NixFrame | Text: ...
    def runbook(
        self, action: str | None = None, what: str | None = None, *, record: str | None = None
    ) -> RunbookView | NixFrame | Text:
        """What the runbook of this kernel did, or the newest record.

        Args:
            action: "start" begins one, "show", "export" writes it to a file, "list" has all.
            what: a name for "start", a file that ends with .json or .html for "export".
            record: the id of another record.

        Example:
            >>> nix.runbook().steps
        """
        from ..verbs.runbook import run

        return run(session(), action=action, what=what, record=record)

    @overload
    def check(
        self,
        name: str,
        *,
        file: str | None = None,
        exercise: str | Mapping[str, Any] | None = None,
        solution: Literal[False] = False,
        strict: bool = False,
    ) -> CheckView: ...
    @overload
    def check(
        self,
        name: str | None = None,
        *,
        file: str | None = None,
        exercise: str | Mapping[str, Any] | None = None,
        solution: bool = False,
        strict: bool = False,
        seal: str | None = None,
    ) -> CheckView | NixFrame | Text: ...
    def check(
        self,
        name: str | None = None,
        *,
        file: str | None = None,
        exercise: str | Mapping[str, Any] | None = None,
        solution: bool = False,
        strict: bool = False,
        seal: str | None = None,
    ) -> CheckView | NixFrame | Text:
        """Whether an exercise is solved, as `.right` tells; without a name those that were tried.

        Args:
            name: of the exercise.
            file: that it is in; None: exercises.toml in this folder.
            exercise: the exercise itself, of no file: a dict, or TOML.
            solution: show a way to do it, once all hints were told or it is right.
            strict: raise a CheckFailed where it is not right.
            seal: the name of a variable; returns a hash of its value for `sealed`.

        Example:
            >>> nix.check("go-back", exercise={"right_when": [{"generation": 4, "current": True}]})
        """
        from ..verbs.check import run

        return run(
            session(),
            name=name,
            file=file,
            exercise=exercise,
            solution=solution,
            strict=strict,
            seal=seal,
        )
