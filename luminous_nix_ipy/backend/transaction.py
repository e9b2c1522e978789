"""A change is a transaction: the only place from which a profile or a system is changed.

The steps are the supervisor's (`supervisor.sh`): journal the intent → keep what is current →
activate without moving the profile (`test`) → health → move the profile with nix-env → boot loader
(`boot`) → verify → journal the outcome. Here it is given what it needs, the health of the machine
is looked at; `change_report.py` makes a report of what it has told. If a step fails, or nobody is
left to confirm, it puts back the exact generation that was current and the exact system that ran.

home-manager's `activate` compares with the profile's generation to find stale links, so it runs
before the profile is moved; the generation that it may add for itself is deleted again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from ..errors import NixError, Refused
from ..records import Check, Command, JournalEntry
from ..store.generations import list_generations
from ..store.links import read_link
from ..store.system import own_unit, running_path
from ..tools import commands
from ..tools.elevated import Elevated
from . import journal
from .change_report import Account, machine_changed, nothing_to_do, refuse
from .charge import Charge
from .context import Context
from .expectations import failed_now, watch
from .lock import lock_file
from .model import ChangeReport, Plan
from .planning import fingerprint
from .roots import root_path
from .shield import protect
from .supervisor import Health, Renew, Told, command_line, new_token, supervise
from .units import failed_units, unit_changes, with_logs

_WORDS = {
    "intent": "writing down what will be done",
    "keep": "keeping what is current",
    "activate": "activating",
    "health": "looking whether all is well",
    "move": "moving the profile",
    "boot": "writing the boot loader's entries",
    "verify": "verifying",
    "restore-running": "putting back what ran",
    "restore-profile": "putting back the profile's generation",
    "restore-generations": "putting back what was there",
    "restore-boot": "putting back the boot loader's entries",
    "outcome": "writing down what came of it",
}


async def carry_out(context: Context, plan: Plan) -> ChangeReport:
    """Carry out a plan; the report of a change that succeeded, or of nothing to do.

    Raises:
        Refused: a check of the plan is red, root cannot be had, or another change is under way.
        MachineChanged: the machine is no longer as it was when the plan was made.
        ChangeFailed: a step failed; says whether everything was put back. Its `report` attribute
            holds the ChangeReport.
        NixError: the intent could not be journalled, or the backup not be made.
    """
    started = datetime.now().astimezone()
    if plan.nothing_to_do:
        return nothing_to_do(plan, started)
    if plan.refused:
        raise Refused(
            f"The {plan.operation} to generation {plan.target.number} is refused.",
            "\n".join(f"{check.name}: {check.reason}" for check in plan.refused),
            ["Nothing was changed."],
        )
    if fingerprint(context.machine, plan.profile, plan.target) != plan.fingerprint:
        raise machine_changed(context.machine, plan)
    change = _Change(context, plan, started)
    await change.prepare()
    # From here on an interrupt must not leave the machine between two states.
    return await protect(change.carry_out(), f"{plan.operation} of {plan.profile.name}")


async def charged(
    context: Context,
    charge: Charge,
    elevated: Elevated | None,
    *,
    on_step: Callable[[str], None],
    health: Health,
) -> Told:
    """Let a supervisor carry out what it is charged with; what it told.

    Raises:
        NixError: it could not be started; nothing was changed.
    """
    token = new_token()
    argv, environment = command_line(
        context.machine,
        charge.kind,
        charge.name,
        charge.variables(context.machine, token),
        None if elevated is None else elevated.argv,
    )
    return await supervise(
        argv,
        environment,
        token,
        elevated=elevated,
        on_step=on_step,
        on_line=context.progress.update,
        health=health,
    )


class _Change:
    """One change under way."""

    def __init__(self, context: Context, plan: Plan, started: datetime) -> None:
        self.context = context
        self.plan = plan
        self.id = journal.new_id(started)
        self.started = started
        self.clock = time.monotonic()
        machine, before = context.machine, plan.before
        self.as_root = context.needs_root(plan.profile)
        self.kept = before.path if before is not None else None
        path, self.direct = root_path(machine, self.id, as_root=self.as_root)
        self.root = path if self.kept is not None else None
        self.system = plan.profile.kind == "system"
        self.running = running_path(machine) if self.system else None
        known = list_generations(machine, plan.profile, details=False)
        self.newest = max((g.number for g in known), default=0)
        self.steps = _steps(plan, self.running, None if self.direct else path)
        self.checks: tuple[Check, ...] = ()
        """What was seen of the machine's health after the activation."""

    async def prepare(self) -> None:
        """Look at what must be known before; nothing is changed."""
        self.elevated = await self.context.elevate() if self.as_root else None
        self.failed_before = await failed_now(self.context.machine) if self.system else None

    async def carry_out(self) -> ChangeReport:
        """Let the supervisor do it; the report of a change that succeeded.

        Raises: as the function `carry_out`.
        """
        charge = self._charge()
        told = await charged(
            self.context, charge, self.elevated, on_step=self._tell, health=self._health
        )
        refuse(told, lock_file(self.context.machine, charge.kind))
        account = await self._account(told)
        if told.outcome == "done":
            return account.done(await self._target_is_there())
        raise account.failure()

    def _charge(self) -> Charge:
        machine, plan, before = self.context.machine, self.plan, self.plan.before
        unit = own_unit()
        first = self.steps.get("first-profile")
        return Charge(
            id=self.id,
            intent=self._intent(),
            kind=plan.profile.kind,
            mode=plan.mode,
            profile=plan.profile.path,
            before_link=read_link(plan.profile.path),
            before_number=before.number if before else None,
            before_path=self.kept,
            running=self.running,
            target_path=plan.target.path or "",
            target_number=plan.target.number if plan.target.link else None,
            newest=self.newest,
            activated=plan.activated,
            root=self.root,
            root_is_direct=self.direct,
            activation_words=_environment_words(plan, "test"),
            boot_words=_environment_words(plan, "boot"),
            own_unit_stops=unit is not None
            and machine.playground is None
            and any(c.unit == unit and c.action in ("stop", "restart") for c in plan.units or ()),
            first_profile=first.argv[0] if first is not None else None,
            safety=plan.safety,
        )

    def _intent(self) -> JournalEntry:
        plan, before = self.plan, self.plan.before
        planned = [
            str(self.steps[name])
            for name in ("keep", "activate", "first-profile", "move", "boot")
            if name in self.steps
        ]
        return JournalEntry(
            id=self.id,
            started=self.started,
            user=journal.acting_user(),
            host=journal.acting_host(),
            operation=plan.operation if plan.mode == "switch" else f"{plan.operation} {plan.mode}",
            profile=plan.profile.path,
            from_number=before.number if before else None,
            from_path=self.kept,
            to_number=plan.target.number if plan.target.link or plan.mode != "test" else None,
            to_path=plan.target.path,
            commands=(*map(str, plan.prepared), *planned),
            backup=self.root,
            steps={name: str(command) for name, command in self.steps.items()},
            running=self.running,
            mode=plan.mode,
            activated=plan.activated,
            newest=self.newest,
            checks=plan.checks,
        )

    async def _health(self, told: Told, renew: Renew) -> str | None:
        """Whether all is well after the activation; else why not."""
        code = next((ran.code for ran in told.ran if ran.step == "activate"), 0)
        failed = failed_units(told.output("activate"))
        self.checks = await watch(
            self.context, self.plan.safety, self.failed_before, renew, told=failed
        )
        bad = [check for check in self.checks if check.verdict == "failed"]
        if bad:
            return "; ".join(f"{check.name}: {check.reason}" for check in bad)
        if code == 4 and self.failed_before is None and not failed:
            return "units failed: the activation ended with 4, and does not say which"
        return None

    async def _target_is_there(self) -> Check:
        path = self.plan.target.path or ""
        try:
            valid = await self.context.read(lambda reader: reader.is_valid(path))
        except NixError as error:
            return Check("target in the store", "unknown", str(error))
        if valid:
            return Check("target in the store", "ok", "valid.")
        return Check("target in the store", "failed", "not valid.")

    async def _account(self, told: Told) -> Account:
        units = unit_changes(told.output("activate"))
        return Account(
            machine=self.context.machine,
            plan=self.plan,
            told=told,
            id=self.id,
            started=self.started,
            duration=time.monotonic() - self.clock,
            running=self.running,
            root=self.root,
            steps=self.steps,
            checks=self.checks,
            units=await with_logs(self.context.machine, units),
        )

    def _tell(self, step: str) -> None:
        names = list(_WORDS)
        done = names.index(step) if step in names else 0
        self.context.progress.update(_WORDS.get(step, step), min(done / 7, 1.0))


def _steps(plan: Plan, running: str | None, root: str | None) -> dict[str, Command]:
    """Every command that the supervisor may run, by the name of its step.

    Args:
        root: the indirect root that Nix is asked for; None where a link does.
    """
    profile, before = plan.profile, plan.before
    steps = {}
    for command in plan.commands:
        steps[_step_of(command)] = command
    prefix = commands.delete_generations(profile.path, ())
    steps["delete"] = Command(prefix, "delete the generation that was not there before")
    if before is None or before.path is None:
        return steps
    back = commands.switch_generation(profile.path, before.number)
    steps["restore-profile"] = Command(back, "put back the profile's generation")
    anew = commands.set_profile(profile.path, before.path)
    steps["restore-profile-anew"] = Command(anew, "put back what was current, as a new generation")
    if root is not None:
        kept = {"keep": before.path, "keep-running": running, "keep-target": plan.target.path}
        for name, path in kept.items():
            if path is not None:
                link = root + name.removeprefix("keep")
                argv = commands.add_indirect_root(link, path)
                steps[name] = Command(argv, "keep it from the garbage collector")
    if profile.kind == "home-manager":
        argv = (f"{before.path}/activate",)
        steps["restore-running"] = Command(argv, "put back the home's files")
    elif running is not None:
        argv = commands.switch_to_configuration(running, "test", no_check=True)
        steps["restore-running"] = Command(argv, "put back the system that ran")
        argv = commands.switch_to_configuration(before.path, "boot")
        steps["restore-boot"] = Command(argv, "put back what the boot loader starts")
    return steps


def _step_of(command: Command) -> str:
    """The step that runs a command of a plan (`planning.change_commands`, and the place of a
    user's first profile)."""
    match command.argv[-1]:
        case "test":
            return "activate"
        case "boot":
            return "boot"
        case "--query":
            return "first-profile"
    return "activate" if command.argv[0].endswith("/activate") else "move"


def _environment_words(plan: Plan, action: str) -> tuple[str, ...]:
    """The variables that a system's program is given in front of it, NAME=VALUE each."""
    for command in plan.commands:
        if command.argv[-1] == action and command.argv[0] == "env":
            return tuple(word for word in command.argv[1:-2] if "=" in word)
    return ()
