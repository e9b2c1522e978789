"""Changes on a playground without Nix: done wholly, or everything put back and said."""

from __future__ import annotations

import asyncio
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import playground
from luminous_nix_ipy.backend import supervisor, transaction
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.backend.model import ChangeReport, NixOperation, NixResult, OperationType
from luminous_nix_ipy.backend.roots import list_backups
from luminous_nix_ipy.errors import ChangeFailed, MachineChanged, NixError, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import JournalEntry
from luminous_nix_ipy.tools import systemd

ROLLBACK, UNDO = OperationType.ROLLBACK, OperationType.UNDO


@pytest.fixture
def machine() -> Iterator[Machine]:
    yield asyncio.run(playground.start(real=False))
    asyncio.run(playground.stop())


@pytest.fixture
def backend(machine: Machine) -> NixBackend:
    return NixBackend(machine)


def execute(backend: NixBackend, kind: OperationType, **options: Any) -> NixResult:
    return asyncio.run(backend.execute(NixOperation(kind, options=options)))


def facts(machine: Machine) -> dict[str, Any]:
    """Everything that a change may move."""
    entries = Path(machine.boot_dir, "loader", "loader.conf")
    return {
        "profile": os.readlink(machine.system_profile),
        "running": os.readlink(machine.current_system),
        "boot": entries.read_text() if entries.exists() else None,
        "roots": sorted(os.listdir(machine.gcroots_dir)),
        "links": sorted(os.listdir(machine.profiles_dir)),
    }


def current(machine: Machine) -> int:
    return int(os.readlink(machine.system_profile).split("-")[1])


def path_of(machine: Machine, number: int) -> str:
    return os.readlink(f"{machine.system_profile}-{number}-link")


def journal(machine: Machine) -> list[JournalEntry]:
    return read_journal(machine)[0]


def replace_script(machine: Machine, number: int, text: str) -> None:
    """Give a generation another switch-to-configuration: the fault that a test needs."""
    script = Path(path_of(machine, number), "bin", "switch-to-configuration")
    for path in (script.parent, script):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    original = script.with_name("switch-to-configuration.original")
    script.rename(original)
    script.write_text("#!/bin/sh\n" + text.replace("ORIGINAL", f'"{original}"'))
    script.chmod(0o755)


def failure(result: NixResult) -> NixError:
    assert not result.success
    error = result.data["exception"]
    assert isinstance(error, NixError), error
    return error


def test_a_switch_moves_profile_running_system_and_boot_entry(
    machine: Machine, backend: NixBackend
) -> None:
    before = current(machine)
    result = execute(backend, ROLLBACK)
    assert result.success, result.error
    report: ChangeReport = result.data["report"]
    assert current(machine) == before - 1
    assert os.readlink(machine.current_system) == path_of(machine, before - 1)
    assert f"generation-{before - 1}" in str(facts(machine)["boot"])
    assert os.readlink(machine.system_profile) == f"system-{before - 1}-link", "relative"
    assert {check.name: check.verdict for check in report.verified} == {
        "units": "ok",
        "profile": "ok",
        "running system": "ok",
        "boot entry": "ok",
        "target in the store": "ok",
    }
    assert [str(command).split()[-1] for command in report.commands] == [
        "test",
        str(before - 1),
        "boot",
    ]
    (entry,) = journal(machine)
    assert (entry.outcome, entry.from_number, entry.to_number) == ("done", before, before - 1)
    assert entry.commands == tuple(map(str, report.commands))


def test_boot_changes_nothing_now(machine: Machine, backend: NixBackend) -> None:
    running, before = os.readlink(machine.current_system), current(machine)
    assert execute(backend, ROLLBACK, mode="boot").success
    assert current(machine) == before - 1
    assert os.readlink(machine.current_system) == running
    assert f"generation-{before - 1}" in str(facts(machine)["boot"])


def test_test_moves_no_profile(machine: Machine, backend: NixBackend) -> None:
    before = facts(machine)
    number = current(machine)
    assert execute(backend, ROLLBACK, mode="test").success
    after = facts(machine)
    assert after["profile"] == before["profile"] and after["boot"] == before["boot"]
    assert after["running"] == path_of(machine, number - 1)


def test_nothing_to_do_does_nothing(machine: Machine, backend: NixBackend) -> None:
    before = facts(machine)
    result = execute(backend, ROLLBACK, generation=current(machine))
    assert result.success and "Nothing to do" in result.message
    assert facts(machine) == before and journal(machine) == []


@pytest.mark.parametrize("code", [1, 2, 3, 4, 100])
def test_an_activation_that_fails_is_put_back(
    machine: Machine, backend: NixBackend, code: int
) -> None:
    before, number = facts(machine), current(machine)
    if code in (1, 100):
        replace_script(machine, number - 1, f'[ "$1" = test ] && exit {code}; exec ORIGINAL "$@"')
    else:
        replace_script(
            machine, number - 1, f'ORIGINAL "$@"; [ "$1" = test ] && exit {code}; exit 0'
        )
    error = failure(execute(backend, ROLLBACK))
    assert isinstance(error, ChangeFailed)
    assert error.report.outcome == "restored"
    if code != 4:
        assert error.why.startswith(f"The activation ended with {code}.\n")
    assert "Everything is as it was" in error.why
    assert facts(machine) == {**before, "roots": before["roots"] + ["luminous-nix"]}
    assert os.listdir(f"{machine.gcroots_dir}/luminous-nix") == []
    (entry,) = journal(machine)
    assert entry.outcome == "failed, restored"
    assert f"ended with {code}" in str(entry.error)


def test_units_that_failed_are_told_with_the_end_of_their_journal(
    machine: Machine, backend: NixBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def last_lines(_: Machine, unit: str) -> tuple[str, ...]:
        return (f"{unit} cannot go on",)

    told = "warning: the following units failed: a.service"
    replace_script(
        machine, 4, f"""[ "$1" != test ] || {{ echo '{told}'; exit 2; }}; exec ORIGINAL "$@\""""
    )
    real = transaction.with_logs

    async def with_logs(_: Machine, units: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(systemd, "runs", lambda machine: True)
            patch.setattr(systemd, "last_lines", last_lines)
            return await real(machine, units)

    monkeypatch.setattr(transaction, "with_logs", with_logs)
    report = failure(execute(backend, ROLLBACK, generation=4)).report
    (unit,) = report.units
    assert (unit.unit, unit.action, unit.log) == (
        "a.service",
        "failed",
        ("a.service cannot go on",),
    )


def test_the_playground_has_generations_that_fail(machine: Machine, backend: NixBackend) -> None:
    before, number = facts(machine), current(machine)
    outcomes = {}
    for target in range(1, number):
        result = execute(backend, ROLLBACK, generation=target)
        outcomes[target] = result.success
        if result.success:
            assert execute(backend, ROLLBACK, generation=number).success
        else:
            after = facts(machine)
            assert (after["profile"], after["running"]) == (before["profile"], before["running"])
    assert sorted(outcomes.values()).count(False) == 2
    assert outcomes[number - 1], "the previous generation of the newest is healthy"


def test_a_boot_loader_that_fails_is_put_back(machine: Machine, backend: NixBackend) -> None:
    number = current(machine)
    execute(backend, ROLLBACK, generation=number - 1)
    execute(backend, ROLLBACK, generation=number)
    before = facts(machine)
    replace_script(machine, number - 1, 'ORIGINAL "$@"; [ "$1" = boot ] && exit 1; exit 0')
    error = failure(execute(backend, ROLLBACK))
    assert error.report.outcome == "restored"
    after = facts(machine)
    assert {k: after[k] for k in ("profile", "running", "boot")} == {
        k: before[k] for k in ("profile", "running", "boot")
    }


def test_what_cannot_be_put_back_is_said(machine: Machine, backend: NixBackend) -> None:
    number = current(machine)
    replace_script(machine, number - 1, 'ORIGINAL "$@"; [ "$1" = test ] && exit 3; exit 0')
    replace_script(machine, number, '[ "$1" = test ] && exit 3; exec ORIGINAL "$@"')
    error = failure(execute(backend, ROLLBACK))
    assert error.report.outcome == "failed"
    assert "could not be put back wholly" in error.why
    assert any("Put it back by hand" in item for item in error.todo)
    assert journal(machine)[0].outcome == "failed"
    assert list_backups(machine), "what was current stays kept"


def test_what_was_not_to_be_put_back_is_not_told_as_a_failure_to(
    machine: Machine, backend: NixBackend
) -> None:
    replace_script(machine, current(machine) - 1, '[ "$1" = test ] && exit 3; exec ORIGINAL "$@"')
    error = failure(execute(backend, ROLLBACK, restore=False))
    assert error.report.outcome == "failed"
    assert "Nothing was put back, as was asked for." in error.why
    assert "could not be" not in error.why


def test_an_activation_that_lies_is_found_out(machine: Machine, backend: NixBackend) -> None:
    before, number = facts(machine), current(machine)
    replace_script(machine, number - 1, "exit 0")
    error = failure(execute(backend, ROLLBACK))
    assert error.why.startswith("Running system: ")
    assert facts(machine)["profile"] == before["profile"]


def test_an_absolute_profile_link_is_refused_with_the_repair(
    machine: Machine, backend: NixBackend
) -> None:
    number = current(machine)
    os.unlink(machine.system_profile)
    os.symlink(f"{machine.system_profile}-{number}-link", machine.system_profile)
    error = failure(execute(backend, ROLLBACK))
    assert isinstance(error, Refused)
    assert f"--switch-generation {number}" in error.why
    assert journal(machine) == []


def test_a_target_that_is_not_whole_is_refused(machine: Machine, backend: NixBackend) -> None:
    sw = os.path.realpath(f"{path_of(machine, current(machine) - 1)}/sw")
    os.rename(sw, sw + ".gone")
    error = failure(execute(backend, ROLLBACK))
    assert isinstance(error, Refused) and "target in the store" in error.why
    os.rename(sw + ".gone", sw)


def test_a_plan_is_void_once_the_machine_has_changed(machine: Machine, backend: NixBackend) -> None:
    operation = NixOperation(ROLLBACK)
    number = current(machine)
    plan = asyncio.run(backend.plan(operation))
    assert execute(backend, ROLLBACK, generation=1).success
    result = asyncio.run(backend.execute(operation, plan=plan))
    error = failure(result)
    assert isinstance(error, MachineChanged)
    assert current(machine) == 1 and number > 2
    assert "system-1-link" in error.why


def test_a_second_change_at_the_same_time_is_refused(machine: Machine, backend: NixBackend) -> None:
    os.makedirs(machine.system_journal_dir, exist_ok=True)
    before = facts(machine)
    with open(f"{machine.system_journal_dir}/change.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("4711")
        held.flush()
        error = failure(execute(backend, ROLLBACK))
    assert "4711" in error.why and facts(machine) == before
    assert execute(backend, ROLLBACK).success


def test_a_second_change_waits_for_the_first_to_end(machine: Machine, backend: NixBackend) -> None:
    path = f"{machine.system_journal_dir}/change.lock"
    os.makedirs(machine.system_journal_dir, exist_ok=True)
    held = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    released = threading.Timer(1.0, os.close, (held,))
    released.start()
    assert execute(backend, ROLLBACK).success
    released.join()


LOCKED_OUT = """
count=$0.count
[ "$1" = ACTION ] && [ "$(cat "$count" 2>/dev/null)" != xx ] && {
    printf x >>"$count"
    echo 'Could not acquire lock' >&2
    exit 1
}
exec ORIGINAL "$@"
"""


@pytest.mark.parametrize("action", ["test", "boot"])
def test_an_activation_that_another_one_locks_out_is_run_again(
    machine: Machine, backend: NixBackend, action: str
) -> None:
    number = current(machine)
    replace_script(machine, number - 1, LOCKED_OUT.replace("ACTION", action))
    assert execute(backend, ROLLBACK).success
    assert current(machine) == number - 1


def test_a_check_that_another_activation_locks_out_is_unknown(
    machine: Machine, backend: NixBackend
) -> None:
    replace_script(machine, current(machine) - 1, LOCKED_OUT.replace("ACTION", "check"))
    plan = asyncio.run(backend.plan(NixOperation(ROLLBACK)))
    assert {c.name: c.verdict for c in plan.checks}["pre-switch check"] == "unknown"


def test_without_a_journal_nothing_is_changed(machine: Machine, backend: NixBackend) -> None:
    before = facts(machine)
    os.makedirs(f"{machine.system_journal_dir}/journal.jsonl")
    error = failure(execute(backend, ROLLBACK))
    assert "journal" in error.what and facts(machine) == before


def test_a_supervisor_that_lacks_a_program_says_which(
    machine: Machine, backend: NixBackend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for folder in ("/bin", "/usr/bin"):
        for program in Path(folder).iterdir():
            link = tmp_path / program.name
            if program.name != "flock" and not os.path.lexists(link):
                link.symlink_to(program)
    before = facts(machine)
    resolved = f"{machine.programs_dir}:{tmp_path}"
    monkeypatch.setattr(supervisor, "_resolved", lambda machine, path: resolved)
    error = failure(execute(backend, ROLLBACK))
    assert "no flock" in error.what and "Nothing was changed" in error.todo[0]
    assert facts(machine) == before and journal(machine) == []


def test_a_kernel_that_knows_no_folder_of_programs_finds_the_systems(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = supervisor._resolved(machine, ":relative:/no/such/folder")
    assert os.path.realpath("/usr/bin") in found.split(":")
    assert "relative" not in found and "/no/such" not in found


def test_without_a_backup_nothing_is_changed(machine: Machine, backend: NixBackend) -> None:
    Path(machine.gcroots_dir, "luminous-nix").write_text("in the way")
    before = facts(machine)
    error = failure(execute(backend, ROLLBACK))
    assert "cannot be kept" in error.what and facts(machine) == before
    assert journal(machine)[0].outcome == "failed, restored"


def test_undo_puts_back_and_can_be_undone(machine: Machine, backend: NixBackend) -> None:
    number = current(machine)
    execute(backend, ROLLBACK)
    result = execute(backend, UNDO)
    assert result.success, result.error
    assert current(machine) == number
    assert execute(backend, UNDO).success
    assert current(machine) == number - 1


def test_undo_with_nothing_to_undo(backend: NixBackend) -> None:
    assert "nothing to undo" in failure(execute(backend, UNDO)).what


def test_undo_of_an_unknown_backup(machine: Machine, backend: NixBackend) -> None:
    execute(backend, ROLLBACK)
    assert "no backup" in failure(execute(backend, UNDO, id="never")).what


def test_undo_of_a_deleted_generation_gives_it_a_new_number(
    machine: Machine, backend: NixBackend
) -> None:
    number = current(machine)
    path = path_of(machine, number)
    execute(backend, ROLLBACK)
    os.unlink(f"{machine.system_profile}-{number}-link")
    result = execute(backend, UNDO)
    assert result.success, result.error
    assert os.path.realpath(machine.system_profile) == path
    assert os.readlink(machine.current_system) == path


def test_a_backup_stays_until_the_third_later_change(machine: Machine, backend: NixBackend) -> None:
    ids = []
    for target in (4, 5, 4, 5):
        result = execute(backend, ROLLBACK, generation=target)
        assert result.success, result.error
        if result.data["backup"]:
            ids.append(result.data["backup"].id)
        assert [b.id for b in list_backups(machine)] == ids[::-1][:3]
    assert len(ids) >= 3


def test_an_interrupt_in_the_middle_is_kept_until_the_end(
    machine: Machine, backend: NixBackend
) -> None:
    number = current(machine)
    replace_script(machine, number - 1, 'echo working; sleep 0.6; exec ORIGINAL "$@"')

    async def interrupted() -> None:
        task = asyncio.create_task(backend.execute(NixOperation(ROLLBACK)))
        while not (journal(machine) and os.path.exists(machine.system_journal_dir)):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        task.cancel()
        assert (await task).success

    asyncio.run(interrupted())
    assert current(machine) == number - 1
    assert os.readlink(machine.current_system) == path_of(machine, number - 1)
    assert journal(machine)[0].outcome == "done"


def test_a_program_that_prints_a_lot_shows_its_lines(machine: Machine, backend: NixBackend) -> None:
    heard: list[str] = []
    backend.set_progress_callback(lambda message, fraction: heard.append(message))
    replace_script(
        machine, current(machine) - 1, 'echo a line of it; sleep 0.3; exec ORIGINAL "$@"'
    )
    assert execute(backend, ROLLBACK).success
    assert "a line of it" in heard


def test_a_user_profile_needs_only_its_link(machine: Machine, backend: NixBackend) -> None:
    listed = execute(backend, OperationType.LIST_GENERATIONS, profile="profile")
    profile = listed.data["profile"]
    before = max(g.number for g in listed.data["generations"])
    result = execute(backend, ROLLBACK, profile="profile")
    assert result.success, result.error
    assert os.readlink(profile.path) == f"{os.path.basename(profile.path)}-{before - 1}-link"
    assert journal(machine)[0].profile == profile.path
    assert result.data["plan"].reboot_reason.endswith(".")
    assert not os.path.exists(f"{machine.system_journal_dir}/journal.jsonl")
    assert failure(execute(backend, ROLLBACK, profile="profile", mode="boot"))


def test_home_manager_is_activated_by_its_own_program(
    machine: Machine, backend: NixBackend
) -> None:
    listed = execute(backend, OperationType.LIST_GENERATIONS, profile="home-manager").data
    numbers = {g.number for g in listed["generations"]}
    before = max(numbers)
    result = execute(backend, ROLLBACK, profile="home-manager")
    assert result.success, result.error
    report: ChangeReport = result.data["report"]
    assert report.commands[0].argv[0].endswith("/activate")
    after = execute(backend, OperationType.LIST_GENERATIONS, profile="home-manager").data
    assert {g.number for g in after["generations"]} == numbers, "no generation is left over"
    assert [g.number for g in after["generations"] if g.current] == [before - 1]


def test_a_system_needs_root(
    machine: Machine, backend: NixBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real machine; the playground is made to look like one for this test."""
    import msgspec

    real = NixBackend(msgspec.structs.replace(machine, playground=None))
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    before = facts(machine)
    error = failure(execute(real, ROLLBACK))
    assert "privileges" in error.why and facts(machine) == before
    dry = asyncio.run(real.execute(NixOperation(ROLLBACK, dry_run=True)))
    assert dry.success and dry.data["plan"].units is None
    monkeypatch.setenv("LUMINOUS_NIX_ALLOW_UNPRIVILEGED", "false")
    assert "privileges" in failure(execute(real, ROLLBACK)).why
    monkeypatch.setenv("LUMINOUS_NIX_ALLOW_UNPRIVILEGED", "true")
    assert "privileges" in failure(execute(real, ROLLBACK)).why, "it is not that user's profile"
