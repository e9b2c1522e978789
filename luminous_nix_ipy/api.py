"""The verbs of `%nix` as methods of the object `nix`: the same arguments, the same results.

Where `%nix` cannot stand, such as in the middle of an expression, these can:

    from luminous_nix_ipy import nix
    newest = nix.list().iloc[0]
    nix.rollback(41, yes=True)

They wait for their result. To await, use `NixBackend`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from .verbs import overview
from .verbs.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .backend.model import Mode
    from .frames import NixFrame
    from .jobs import Job
    from .shell_path import PackageShell
    from .verbs.rebuilding import Pairs
    from .widgets.building import BuildView
    from .widgets.collecting import CollectPlanView, CollectReportView
    from .widgets.explanation import Explanation
    from .widgets.repairing import RepairPlanView, RepairReportView
    from .widgets.show import PlanView, ReportView, StatusView, Text

    Action = Literal["start", "reset", "stop", "status"]


class Nix:
    """Every verb of `%nix` as a method. Each raises a `NixError` when it cannot be done."""

    @overload
    def status(self, *, json: Literal[False] = False) -> StatusView: ...
    @overload
    def status(self, *, json: Literal[True]) -> Text: ...
    def status(self, *, json: bool = False) -> object:
        """The machine at a glance.

        Example:
            >>> nix.status()
        """
        from .verbs.status import run

        return run(session(), json=json)

    @overload
    def list(
        self,
        *,
        profile: str | None = None,
        sizes: bool = False,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def list(
        self,
        *,
        profile: str | None = None,
        sizes: bool = False,
        all_columns: bool = False,
        json: Literal[True],
    ) -> Text: ...
    def list(
        self,
        *,
        profile: str | None = None,
        sizes: bool = False,
        all_columns: bool = False,
        json: bool = False,
    ) -> object:
        """The generations of a profile, newest first.

        Args:
            profile: its name or path; None is the system's, else the user's own.
            sizes: with the bytes of each closure, and those in no other generation.
            all_columns: with revision, specialisations, description, note and paths.
            json: as JSON text with the keys of nixos-rebuild.

        Example:
            >>> nix.list(sizes=True).nlargest(3, "unique_bytes")
        """
        from .verbs.list import run

        return run(session(), profile=profile, sizes=sizes, all_columns=all_columns, json=json)

    @overload
    def diff(
        self,
        before: int | str | None = None,
        after: int | str | None = None,
        *,
        profile: str | None = None,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def diff(
        self,
        before: int | str | None = None,
        after: int | str | None = None,
        *,
        profile: str | None = None,
        json: Literal[True],
    ) -> Text: ...
    def diff(
        self,
        before: int | str | None = None,
        after: int | str | None = None,
        *,
        profile: str | None = None,
        json: bool = False,
    ) -> object:
        """Which packages differ between two generations or store paths.

        Args:
            before: a number, "booted", "running", "current", "previous", a store path or a link to
                one; None is the previous generation.
            after: the same; None is the current one.
            profile: whose generations are meant.
            json: as JSON text.

        Example:
            >>> nix.diff(41, 42).query("change == 'upgraded'")
        """
        from .verbs.diff import run

        return run(session(), before=before, after=after, profile=profile, json=json)

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
        profile: str | None = None,
    ) -> PlanView | ReportView: ...
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
        profile: str | None = None,
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
        profile: str | None = None,
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
            profile: whose generation.

        Example:
            >>> nix.rollback(41, dry_run=True)
            >>> nix.rollback(to="yesterday", yes=True)
        """
        from .verbs.rollback import run

        return run(
            session(),
            generation=generation,
            to=to,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
            mode=mode,
            profile=profile,
        )

    def switch(
        self,
        *,
        flake: str | None = None,
        file: str | None = None,
        attr: str | None = None,
        specialisation: str | None = None,
        impure: bool = False,
        override_input: Pairs = None,
        option: Pairs = None,
        show_trace: bool = False,
        max_jobs: int | str | None = None,
        install_bootloader: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> BuildView | PlanView | ReportView | Job[BuildView | PlanView | ReportView]:
        """Build the configuration and make it what runs and what is booted.

        Args:
            flake: a flake reference, `#HOST` where the machine is not this host's name; None: as
                nixos-rebuild finds the configuration.
            file, attr: a Nix file or folder instead, and the system's attribute path in it.
            specialisation: the specialisation that is to run.
            impure: let a flake read its surroundings.
            override_input: pairs of a flake's input and another reference for it.
            option: pairs of a setting of Nix and its value for this build.
            show_trace: with where an error comes from.
            max_jobs: builds at the same time, or "auto".
            install_bootloader: install the boot loader itself too.
            dry_run: only return what would be built or, where all is built, the plan.
            yes: agree beforehand; else a question is asked.
            bg: go on beside the notebook and return a job to await.

        Example:
            >>> nix.switch(dry_run=True)
        """
        from .verbs.switch import run

        return run(
            session(),
            flake=flake,
            file=file,
            attr=attr,
            specialisation=specialisation,
            impure=impure,
            override_input=override_input,
            option=option,
            show_trace=show_trace,
            max_jobs=max_jobs,
            install_bootloader=install_bootloader,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
        )

    def boot(
        self,
        *,
        flake: str | None = None,
        file: str | None = None,
        attr: str | None = None,
        specialisation: str | None = None,
        impure: bool = False,
        override_input: Pairs = None,
        option: Pairs = None,
        show_trace: bool = False,
        max_jobs: int | str | None = None,
        install_bootloader: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> BuildView | PlanView | ReportView | Job[BuildView | PlanView | ReportView]:
        """Build the configuration and make it what the next boot starts.

        Args: as of `switch`.

        Example:
            >>> nix.boot(dry_run=True)
        """
        from .verbs.boot import run

        return run(
            session(),
            flake=flake,
            file=file,
            attr=attr,
            specialisation=specialisation,
            impure=impure,
            override_input=override_input,
            option=option,
            show_trace=show_trace,
            max_jobs=max_jobs,
            install_bootloader=install_bootloader,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
        )

    def test(
        self,
        *,
        flake: str | None = None,
        file: str | None = None,
        attr: str | None = None,
        specialisation: str | None = None,
        impure: bool = False,
        override_input: Pairs = None,
        option: Pairs = None,
        show_trace: bool = False,
        max_jobs: int | str | None = None,
        install_bootloader: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> BuildView | PlanView | ReportView | Job[BuildView | PlanView | ReportView]:
        """Build the configuration and run it until the next boot.

        Args: as of `switch`.

        Example:
            >>> nix.test(dry_run=True)
        """
        from .verbs.test import run

        return run(
            session(),
            flake=flake,
            file=file,
            attr=attr,
            specialisation=specialisation,
            impure=impure,
            override_input=override_input,
            option=option,
            show_trace=show_trace,
            max_jobs=max_jobs,
            install_bootloader=install_bootloader,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
        )

    def build(
        self,
        *,
        flake: str | None = None,
        file: str | None = None,
        attr: str | None = None,
        impure: bool = False,
        override_input: Pairs = None,
        option: Pairs = None,
        show_trace: bool = False,
        max_jobs: int | str | None = None,
        link: str | None = None,
        dry_run: bool = False,
        bg: bool = False,
    ) -> BuildView | PlanView | ReportView | Job[BuildView | PlanView | ReportView]:
        """Build the configuration, and activate nothing.

        Args: as of `switch`, and
            link: where the link to it shall be; None: ./result.

        Example:
            >>> nix.build().packages
        """
        from .verbs.build import run

        return run(
            session(),
            flake=flake,
            file=file,
            attr=attr,
            impure=impure,
            override_input=override_input,
            option=option,
            show_trace=show_trace,
            max_jobs=max_jobs,
            link=link,
            dry_run=dry_run,
            bg=bg,
        )

    def update(
        self,
        inputs: str | Sequence[str] = (),
        *,
        flake: str | None = None,
        channels: bool = False,
        commit: bool = False,
        inputs_only: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> (
        NixFrame
        | BuildView
        | PlanView
        | ReportView
        | Job[NixFrame | BuildView | PlanView | ReportView]
    ):
        """Bring the flake's inputs, or root's channels, to their newest, then switch.

        Args:
            inputs: only these; one or several names.
            flake: another flake than the configuration's.
            channels: root's channels, although there is a flake.
            commit: let Nix commit flake.lock.
            inputs_only: return what was updated, without a switch.
            dry_run: only return what there is now.
            yes: agree beforehand; else questions are asked.
            bg: go on beside the notebook and return a job to await.

        Example:
            >>> nix.update("nixpkgs", inputs_only=True, yes=True)
        """
        from .verbs.update import run

        return run(
            session(),
            inputs=inputs,
            flake=flake,
            channels=channels,
            commit=commit,
            inputs_only=inputs_only,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
        )

    @overload
    def inputs(
        self,
        *,
        flake: str | None = None,
        channels: bool = False,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def inputs(
        self,
        *,
        flake: str | None = None,
        channels: bool = False,
        all_columns: bool = False,
        json: Literal[True],
    ) -> Text: ...
    def inputs(
        self,
        *,
        flake: str | None = None,
        channels: bool = False,
        all_columns: bool = False,
        json: bool = False,
    ) -> object:
        """What the configuration is built from: the flake's inputs, or root's channels.

        Args:
            flake: another flake than the configuration's.
            channels: root's channels, although there is a flake.
            all_columns: with addresses, versions and whole revisions.
            json: as JSON text.

        Example:
            >>> nix.inputs().nlargest(3, "age_days")
        """
        from .verbs.inputs import run

        return run(session(), flake=flake, channels=channels, all_columns=all_columns, json=json)

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
        from .verbs.note import run

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
    ) -> NixFrame | PlanView | ReportView: ...
    @overload
    def undo(
        self,
        id: str | None = None,
        *,
        list: Literal[False] = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: Literal[True],
    ) -> Job[PlanView | ReportView]: ...
    def undo(
        self,
        id: str | None = None,
        *,
        list: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
    ) -> object:
        """Put back what was current before a change, the last one where no `id` is given.

        Args:
            id: of the change, as the journal and `list` show it.
            list: only return what can be put back.
            dry_run: only return the plan.
            yes: agree beforehand; else a question is asked.
            bg: return a job at once; it needs `yes`.

        Example:
            >>> nix.undo(list=True)
        """
        from .verbs.undo import run

        return run(session(), id=id, list=list, dry_run=dry_run, yes=yes, bg=bg)

    def install(
        self,
        packages: str | Sequence[str],
        *,
        declare: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
        profile: str | None = None,
    ) -> PlanView | ReportView | Text | Job[PlanView | ReportView]:
        """Install packages into your own profile: show what changes, ask, do it.

        Args:
            packages: attributes of nixpkgs, installables of flakes or store paths; one or several.
            declare: only return what to write into a configuration instead.
            dry_run: only return the plan; nothing is built.
            yes: agree beforehand; else a question is asked.
            bg: go on beside the notebook and return a job to await.
            profile: a profile other than your own.

        Example:
            >>> nix.install("hello", dry_run=True)
        """
        from .verbs.install import run

        return run(
            session(),
            packages=packages,
            declare=declare,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
            profile=profile,
        )

    def remove(
        self,
        packages: str | Sequence[str],
        *,
        declare: bool = False,
        dry_run: bool = False,
        yes: bool = False,
        bg: bool = False,
        profile: str | None = None,
    ) -> PlanView | ReportView | Text | Job[PlanView | ReportView]:
        """Remove packages from your own profile: show what changes, ask, do it.

        Args:
            packages: names as `nix.installed()` has them, or store paths; one or several.
            declare: only return what to take out of a configuration instead.
            dry_run: only return the plan; nothing is built.
            yes: agree beforehand; else a question is asked.
            bg: go on beside the notebook and return a job to await.
            profile: a profile other than your own.

        Example:
            >>> nix.remove("hello", dry_run=True)
        """
        from .verbs.remove import run

        return run(
            session(),
            packages=packages,
            declare=declare,
            dry_run=dry_run,
            yes=yes,
            bg=bg,
            profile=profile,
        )

    @overload
    def installed(
        self,
        *,
        profile: str | None = None,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def installed(
        self, *, profile: str | None = None, all_columns: bool = False, json: Literal[True]
    ) -> Text: ...
    def installed(
        self, *, profile: str | None = None, all_columns: bool = False, json: bool = False
    ) -> object:
        """What is installed in your own profile.

        Args:
            profile: another profile.
            all_columns: with the locked flake, outputs and store paths.
            json: as JSON text.

        Example:
            >>> nix.installed().name
        """
        from .verbs.installed import run

        return run(session(), profile=profile, all_columns=all_columns, json=json)

    def shell(
        self, packages: str | Sequence[str] = (), *, exit: bool = False
    ) -> PackageShell | Text:
        """Put packages into the PATH of this process, until the context is left.

        Args:
            packages: attributes of nixpkgs, installables or store paths; none shows what is there.
            exit: take away what was put there last.

        Example:
            >>> with nix.shell("hello"):
            ...     subprocess.run(["hello"])
        """
        from .verbs.shell import run

        return run(session(), packages=packages, exit=exit)

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
    ) -> CollectPlanView | CollectReportView | Job[CollectPlanView | CollectReportView]:
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
        from .verbs.collect import run

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
    ) -> CollectPlanView | CollectReportView | Job[CollectPlanView | CollectReportView]:
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
        from .verbs.delete import run

        return run(
            session(), generations=generations, profile=profile, dry_run=dry_run, yes=yes, bg=bg
        )

    def roots(self, path: str | None = None) -> NixFrame:
        """What is kept from the garbage collector; with a path, what keeps that, the nearest first.

        Example:
            >>> nix.roots("./result")
        """
        from .verbs.roots import run

        return run(session(), path=path)

    def optimise(
        self, *, dry_run: bool = False, yes: bool = False, bg: bool = False
    ) -> CollectPlanView | CollectReportView | Job[CollectPlanView | CollectReportView]:
        """Store files that are equal only once.

        Example:
            >>> nix.optimise(dry_run=True)
        """
        from .verbs.optimise import run

        return run(session(), dry_run=dry_run, yes=yes, bg=bg)

    def doctor(self, *, check: bool = False) -> NixFrame:
        """What is well and what is not, the worst first; changes nothing.

        Args:
            check: compare every store path with its hash too, which takes long.

        Example:
            >>> nix.doctor().query("severity == 'problem'")
        """
        from .verbs.doctor import run

        return run(session(), check=check)

    def repair(
        self,
        paths: str | Sequence[str] = (),
        *,
        check: bool = False,
        dry_run: bool = False,
        yes: bool = False,
    ) -> RepairPlanView | RepairReportView:
        """Repair what is broken, through Nix: show the findings and the commands, ask, do it.

        Args:
            paths: store paths, or links to them; else whatever is found to be broken.
            check: compare every store path with its hash, which takes long.
            dry_run: only return the plan.
            yes: agree beforehand; else a question is asked.

        Example:
            >>> nix.repair(check=True, dry_run=True).findings
        """
        from .verbs.repair import run

        return run(session(), paths=paths, check=check, dry_run=dry_run, yes=yes)

    @overload
    def journal(
        self,
        *,
        last: int | None = None,
        all_columns: bool = False,
        json: Literal[False] = False,
    ) -> NixFrame: ...
    @overload
    def journal(
        self, *, last: int | None = None, all_columns: bool = False, json: Literal[True]
    ) -> Text: ...
    def journal(
        self, *, last: int | None = None, all_columns: bool = False, json: bool = False
    ) -> object:
        """What was changed, newest first: when, by whom, with what outcome.

        Args:
            last: only so many.
            all_columns: with the commands that were run, what went wrong, paths and ids.
            json: as JSON text.

        Example:
            >>> nix.journal(last=5)
        """
        from .verbs.journal import run

        return run(session(), last=last, all_columns=all_columns, json=json)

    def metrics(self) -> NixFrame:
        """What was asked of the backend in this kernel: how often, with what success, how fast.

        Example:
            >>> nix.metrics()
        """
        from .verbs.metrics import run

        return run(session())

    def eval(
        self,
        expression: str,
        *,
        name: str | None = None,
        build: bool = False,
        json: bool = False,
        bg: bool = False,
    ) -> Any:
        """The value of a Nix expression: a number, text, list or dict; a DataFrame for a list of
        attribute sets.

        Args:
            expression: in the Nix language; relative paths are below the current folder.
            name: store the result in this variable of the notebook as well.
            build: realise what it describes, and return the store paths.
            json: as JSON text.
            bg: return a job at once.

        Example:
            >>> nix.eval("builtins.attrNames (import ./hosts.nix)")
        """
        from .verbs.eval import run

        return run(session(), expression=expression, name=name, build=build, json=json, bg=bg)

    def log(self, path: int | str, *, last: int | None = None, profile: str | None = None) -> Text:
        """The log of the build that made something.

        Args:
            path: a store path, a derivation, a link to one, or a generation.
            last: only so many of its last lines.
            profile: whose generation.

        Example:
            >>> nix.log("./result", last=20)
        """
        from .verbs.log import run

        return run(session(), path=path, last=last, profile=profile)

    def why(
        self,
        path: int | str,
        needs: int | str,
        *,
        profile: str | None = None,
        json: bool = False,
    ) -> NixFrame | Text:
        """Why one thing needs another: the shortest chains of references.

        Args:
            path: a generation, store path or link.
            needs: the same, or the name of a package in its closure.
            profile: whose generations are meant.
            json: as JSON text.

        Example:
            >>> nix.why("current", "glibc")
        """
        from .verbs.why import run

        return run(session(), path=path, needs=needs, profile=profile, json=json)

    def explain(self, line: str) -> Explanation:
        """The commands that a line of `%nix` would run, in their order.

        Example:
            >>> nix.explain("rollback 41")
        """
        from .verbs.explain import run

        return run(session(), line=line)

    def jobs(self, *, cancel: int | None = None) -> NixFrame:
        """What was started in the background, newest first.

        Args:
            cancel: the number of one to end.

        Example:
            >>> nix.jobs()
        """
        from .verbs.jobs import run

        return run(session(), cancel=cancel)

    def playground(
        self, action: Action | None = None, *, generations: int | None = None
    ) -> StatusView | Text:
        """A disposable system to practise on.

        Args:
            action: "start" and "reset" make it, "stop" removes it, "status" shows it; None starts
                it, or shows the one that there is.
            generations: how many it has.

        Example:
            >>> nix.playground("start")
        """
        from .verbs.playground import run

        return run(session(), action=action, generations=generations)

    def help(self, verb: str | None = None) -> Text:
        """What a verb does and takes; without one, all of them.

        Example:
            >>> nix.help("rollback")
        """
        from .verbs.help import run

        return run(session(), verb=verb)

    def __repr__(self) -> str:
        return overview().replace("%nix ", "nix.")


nix = Nix()
