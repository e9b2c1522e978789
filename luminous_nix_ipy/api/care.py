"""Verbs that keep a machine well: garbage, roots, findings and repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from ..verbs.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..frames import NixFrame
    from ..jobs import Job
    from ..widgets.collecting import CollectPlanView, CollectReportView
    from ..widgets.proposal import Proposal
    from ..widgets.repairing import RepairPlanView, RepairReportView
    from ..widgets.show import Text


class Care:
    """Verbs that keep a machine well: garbage, roots, findings and repairs."""

    def collect(
        self,
        *,
        keep: int | None = None,
        older_than: str | None = None,
        profile: str | None = None,
        all_profiles: bool = False,
        max: str | int | None = None,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> CollectPlanView | CollectReportView | Proposal | Job[CollectPlanView | CollectReportView]:
        """Delete old generations, and all that nothing keeps then: show exactly what, ask, do it.

        Args:
            keep: how many generations stay, counting back from the current one; newer ones too.
            older_than: an age such as "30d": what was current since then stays.
            profile: whose generations.
            all_profiles: those of every profile.
            max: a size such as "10G": stop once more than that is freed.
            dry_run: only return the plan.
            yes: agree beforehand; else a question is asked.
            bg: go on beside the notebook; returns a job to await.

        Example:
            >>> nix.collect(keep=5, older_than="30d", dry_run=True)
        """
        from ..verbs.collect import run

        return run(
            session(),
            keep=keep,
            older_than=older_than,
            profile=profile,
            all_profiles=all_profiles,
            max=max,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
        )

    def delete(
        self,
        generations: int | Sequence[int],
        *,
        profile: str | None = None,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> CollectPlanView | CollectReportView | Proposal | Job[CollectPlanView | CollectReportView]:
        """Delete chosen generations; the current, running, booted and kept ones are refused.

        Args:
            generations: a number, or several.
            profile: whose generations.
            dry_run: only return the plan.
            yes: agree beforehand; else a question is asked.
            bg: go on beside the notebook; returns a job to await.

        Example:
            >>> nix.delete([3, 4], dry_run=True)
        """
        from ..verbs.delete import run

        return run(
            session(), generations=generations, profile=profile, dry_run=dry_run, yes=yes, bg=bg
        )

    def roots(self, path: str | None = None) -> NixFrame:
        """What is kept from the garbage collector; with a path, what keeps that, the nearest first.

        Example:
            >>> nix.roots("./result")
        """
        from ..verbs.roots import run

        return run(session(), path=path)

    def optimise(
        self, *, dry_run: bool = False, yes: bool = False, bg: bool = False
    ) -> CollectPlanView | CollectReportView | Proposal | Job[CollectPlanView | CollectReportView]:
        """Store files that are equal only once.

        Example:
            >>> nix.optimise(dry_run=True)
        """
        from ..verbs.optimise import run

        return run(session(), dry_run=dry_run, yes=yes, bg=bg)

    @overload
    def doctor(
        self, *, check: bool = False, json: Literal[False] = False, bg: Literal[False] = False
    ) -> NixFrame: ...

    @overload
    def doctor(
        self, *, check: bool = False, json: bool = False, bg: bool = False
    ) -> NixFrame | Text | Job[NixFrame | Text]: ...

    def doctor(
        self, *, check: bool = False, json: bool = False, bg: bool = False
    ) -> NixFrame | Text | Job[NixFrame | Text]:
        """What is well and what is not, the worst first; changes nothing.

        Args:
            check: compare every store path with its hash too, which takes long.
            json: return JSON text.
            bg: go on beside the notebook; returns a job to await.

        Example:
            >>> nix.doctor().query("severity == 'problem'")
        """
        from ..verbs.doctor import run

        return run(session(), check=check, json=json, bg=bg)

    def repair(
        self,
        paths: str | Sequence[str] = (),
        *,
        check: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        json: bool = False,
        bg: bool = False,
    ) -> (
        RepairPlanView
        | RepairReportView
        | Proposal
        | Text
        | Job[RepairPlanView | RepairReportView | Text]
    ):
        """Repair what is broken, through Nix: show the findings and the commands, ask, do it.

        Args:
            paths: store paths, or links to them; else whatever is found to be broken.
            check: compare every store path with its hash, which takes long.
            dry_run: only return the plan.
            yes: agree beforehand; else a question is asked.
            json: return the plan or the report as JSON text.
            bg: go on beside the notebook; returns a job to await.

        Example:
            >>> nix.repair(check=True, dry_run=True).findings
        """
        from ..verbs.repair import run

        return run(session(), paths=paths, check=check, dry_run=dry_run, yes=yes, json=json, bg=bg)
