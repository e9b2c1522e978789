"""Verbs that make another generation the current one, and notes on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from ..verbs.session import session

if TYPE_CHECKING:
    from ..backend.model import Mode
    from ..frames import NixFrame
    from ..jobs import Job
    from ..verbs.safety import Span, Texts
    from ..widgets.proposal import Proposal
    from ..widgets.recovering import CutOffView, RecoverPlanView, RecoverReportView
    from ..widgets.show import PlanView, ReportView, Text


class Changing:
    """Verbs that make another generation the current one, and notes on them."""

    @overload
    def rollback(
        self,
        generation: int | None = None,
        *,
        to: str | None = None,
        dry_run: bool = False,
        yes: bool = False,
        bg: Literal[False] = False,
        mode: Mode = "switch",
        specialisation: str | None = None,
        profile: str | None = None,
        expect: Texts = None,
        expect_url: Texts = None,
        expect_unit: Texts = None,
        settle: Span = None,
        confirm_timeout: Span = None,
        force: Texts = None,
        restore: bool = True,
    ) -> PlanView | ReportView | Proposal: ...
    @overload
    def rollback(
        self,
        generation: int | None = None,
        *,
        to: str | None = None,
        dry_run: bool = False,
        yes: bool = False,
        bg: Literal[True],
        mode: Mode = "switch",
        specialisation: str | None = None,
        profile: str | None = None,
        expect: Texts = None,
        expect_url: Texts = None,
        expect_unit: Texts = None,
        settle: Span = None,
        confirm_timeout: Span = None,
        force: Texts = None,
        restore: bool = True,
    ) -> Job[PlanView | ReportView]: ...
    def rollback(
        self,
        generation: int | None = None,
        *,
        to: str | None = None,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
        mode: Mode = "switch",
        specialisation: str | None = None,
        profile: str | None = None,
        expect: Texts = None,
        expect_url: Texts = None,
        expect_unit: Texts = None,
        settle: Span = None,
        confirm_timeout: Span = None,
        force: Texts = None,
        restore: bool = True,
    ) -> object:
        """Make an earlier generation the current one: show the plan, ask, do it, verify it.

        Args:
            generation: its number; None is the previous one.
            to: a date, a phrase such as "3 days ago", or words of a version, kernel, description or
                note.
            dry_run: only return the plan.
            yes: agree beforehand; else a question is asked.
            bg: return a job at once; it needs `yes`.
            mode: "switch": now and at the next boot; "boot": from the next boot on; "test": until
                the next boot.
            specialisation: which is to run; None: the one that runs now, "": the system itself.
            profile: whose generation.
            expect, expect_url, expect_unit: command lines that must succeed afterwards, URLs that
                must answer with 2xx or 3xx, systemd units that must be active; one or several. If
                one does not hold, what was there before is put back.
            settle: watch so long before it is confirmed: seconds, or text such as "2m".
            confirm_timeout: put it back after so long without a sign of life of this kernel.
            force: checks that may be red; one or several names.
            restore: False leaves all as it is when a step fails.

        Example:
            >>> nix.rollback(41, dry_run=True)
            >>> nix.rollback(to="yesterday", yes=True)
            >>> nix.rollback(41, expect_unit="nginx", expect_url="http://localhost/", settle=30)
        """
        from ..verbs.rollback import run

        return run(
            session(),
            generation=generation,
            to=to,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
            mode=mode,
            specialisation=specialisation,
            profile=profile,
            expect=expect,
            expect_url=expect_url,
            expect_unit=expect_unit,
            settle=settle,
            confirm_timeout=confirm_timeout,
            force=force,
            restore=restore,
        )

    def note(
        self,
        generation: int,
        text: str | None = None,
        *,
        remove: bool = False,
        keep: bool | None = None,
        profile: str | None = None,
    ) -> Text:
        """Write a note on a generation; without a text show it.

        Args:
            generation: its number.
            text: the note.
            remove: remove the note.
            keep: True keeps what the generation is from the garbage collector, False no longer.
            profile: whose generation.

        Example:
            >>> nix.note(41, "before the kernel upgrade")
            >>> nix.rollback(to="before the kernel", dry_run=True)
        """
        from ..verbs.note import run

        return run(
            session(), generation=generation, text=text, remove=remove, keep=keep, profile=profile
        )

    @overload
    def undo(
        self,
        id: str | None = None,
        *,
        list: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: Literal[False] = False,
        expect: Texts = None,
        expect_url: Texts = None,
        expect_unit: Texts = None,
        settle: Span = None,
        confirm_timeout: Span = None,
        force: Texts = None,
        restore: bool = True,
    ) -> NixFrame | PlanView | ReportView | Proposal: ...
    @overload
    def undo(
        self,
        id: str | None = None,
        *,
        list: Literal[False] = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: Literal[True],
        expect: Texts = None,
        expect_url: Texts = None,
        expect_unit: Texts = None,
        settle: Span = None,
        confirm_timeout: Span = None,
        force: Texts = None,
        restore: bool = True,
    ) -> Job[PlanView | ReportView]: ...
    def undo(
        self,
        id: str | None = None,
        *,
        list: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
        expect: Texts = None,
        expect_url: Texts = None,
        expect_unit: Texts = None,
        settle: Span = None,
        confirm_timeout: Span = None,
        force: Texts = None,
        restore: bool = True,
    ) -> object:
        """Put back what was current before a change, the last one where no `id` is given.

        Args:
            id: of the change, as the journal and `list` show it.
            list: only return what can be put back.
            dry_run: only return the plan.
            yes: agree beforehand; else a question is asked.
            bg: return a job at once; it needs `yes`.
            expect, expect_url, expect_unit, settle, confirm_timeout, force, restore: as of
                `rollback`.

        Example:
            >>> nix.undo(list=True)
        """
        from ..verbs.undo import run

        return run(
            session(),
            id=id,
            list=list,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
            expect=expect,
            expect_url=expect_url,
            expect_unit=expect_unit,
            settle=settle,
            confirm_timeout=confirm_timeout,
            force=force,
            restore=restore,
        )

    def recover(
        self,
        id: str | None = None,
        *,
        finish: bool = False,
        undo: bool = False,
        dry_run: bool = False,
        yes: bool = False,
    ) -> CutOffView | RecoverPlanView | RecoverReportView | Proposal:
        """Changes that were cut off; finish or undo one, the newest where no `id` is given.

        Args:
            id: of the change, as the journal has it.
            finish: carry out the rest of it.
            undo: put back what was there before it.
            dry_run: only return the plan.
            yes: agree beforehand; else a question is asked.

        Example:
            >>> nix.recover()
        """
        from ..verbs.recover import run

        return run(session(), id=id, finish=finish, undo=undo, dry_run=dry_run, yes=yes)
