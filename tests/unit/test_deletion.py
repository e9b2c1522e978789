"""Deleting as a user sees it: plans, questions, refusals and reports, without Nix."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from msgspec.structs import replace

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.backend import collecting
from luminous_nix_ipy.backend.collect_model import Choice, CollectPlan, CollectReport
from luminous_nix_ipy.backend.collection import Freed, freed
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.errors import ChangeFailed, NoConsent, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Check, Command, Generation, Profile
from luminous_nix_ipy.store.liveness import Garbage
from luminous_nix_ipy.verbs import consent
from luminous_nix_ipy.widgets.collecting import CollectPlanView, CollectReportView
from tests.playground import simulated
from tests.shell import new_shell, run, usage_error

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SYSTEM = Profile("system", "/p/system", "system")


@pytest.fixture(scope="module")
def read_only() -> Iterator[Machine]:
    with simulated() as made:
        yield made


@pytest.fixture
def there(read_only: Machine) -> Machine:
    machine.use(read_only)
    return read_only


@pytest.fixture
def changing() -> Iterator[Machine]:
    with simulated() as made:
        machine.use(made)
        yield made


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with new_shell() as shell:
        run(shell, "%config NixMagics.progress = 'none'")
        yield shell


def links(made: Machine) -> set[str]:
    folder = os.path.dirname(made.system_profile)
    return {name for name in os.listdir(folder) if name.startswith("system-")}


def test_chosen_generations_are_deleted_by_the_stand_in(
    changing: Machine, shell: InteractiveShell
) -> None:
    report = run(shell, "%nix delete 1 3 --yes")
    assert isinstance(report, CollectReportView)
    assert report.report.outcome == "done"
    assert links(changing) == {f"system-{n}-link" for n in (2, 4, 5)}
    assert [c.argv[-1] for c in report.report.commands] == ["3", "boot"]
    (entry,) = read_journal(changing)[0]
    assert (entry.operation, entry.outcome) == ("delete", "done")
    assert run(shell, "%nix journal").outcome.tolist() == ["done"]
    with pytest.raises(NotFound):
        nix.delete(3, yes=True)


def test_a_failing_step_says_what_is_gone(
    changing: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    false = Command(("false",), "fail")
    monkeypatch.setattr(collecting, "_boot_menus", lambda *_: [false])
    with pytest.raises(ChangeFailed) as failure:
        nix.delete(1, yes=True)
    assert "Generations deleted: system 1" in failure.value.why
    assert read_journal(changing)[0][-1].outcome == "failed"
    assert "What went wrong" in repr(CollectReportView(failure.value.report))


def test_collecting_needs_nix(there: Machine, shell: InteractiveShell) -> None:
    view = run(shell, "%nix collect --keep 1 --dry-run")
    assert {choice.generation.number for choice in view.plan.going} == {1, 2, 3, 4}
    assert "has no Nix" in repr(view)
    for attempt in (lambda: nix.collect(keep=1, yes=True), lambda: nix.optimise(yes=True)):
        with pytest.raises(Refused, match="is refused") as refusal:
            attempt()
        assert "%nix delete" in refusal.value.why
    assert len(links(there)) == 5
    assert not read_journal(there)[0]


def test_it_asks_and_says_how_to_agree_beforehand(
    there: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoConsent) as refusal:
        nix.delete([1, 2])
    assert "%nix delete 1 2 --yes" in refusal.value.todo[0]
    asked: list[str] = []
    monkeypatch.setattr(consent, "can_answer", lambda shell: True)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "n")
    with pytest.raises(NoConsent, match="Not agreed"):
        nix.delete([1, 2])
    assert asked == ["Delete 2 generations on the PLAYGROUND? [y/N] "]
    assert len(links(there)) == 5


def test_numbers_of_zero_and_nonsense_are_refused(there: Machine, shell: InteractiveShell) -> None:
    assert "from 1 up" in usage_error(shell, "%nix collect --keep 0")
    assert "from 1 up" in usage_error(shell, "%nix delete 0")
    assert "--keep" in usage_error(shell, "%nix collect --kep 3")
    assert "--yes" in usage_error(shell, "%nix collect --bg")
    for options in ({"older_than": "0d"}, {"max": "0"}, {"keep": 0}):
        with pytest.raises(Refused):
            nix.collect(dry_run=True, **options)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="one profile or of all"):
        nix.collect(profile="system", all_profiles=True, dry_run=True)
    for numbers in ([], [True], ["3"]):
        with pytest.raises(Refused):
            nix.delete(numbers, dry_run=True)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        nix.collect(profile="nobody", dry_run=True)


def test_all_profiles_are_those_that_one_may_change(
    there: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = nix.collect(all_profiles=True, keep=1, dry_run=True)
    assert {p.name for p in view.plan.profiles} >= {"system", "profile", "home-manager"}
    monkeypatch.setattr(os, "access", lambda path, mode: "per-user" not in str(path))
    view = nix.collect(all_profiles=True, keep=1, dry_run=True)
    assert [p.name for p in view.plan.profiles] == ["system"]
    assert "Not yours to change: profile" in repr(view)


def test_a_profile_of_another_user_is_refused(
    there: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(Refused) as refusal:
        nix.delete(1, profile="profile", yes=True)
    assert "not yours to change" in refusal.value.why


def test_a_profile_without_a_current_generation_is_refused(changing: Machine) -> None:
    os.unlink(changing.system_profile)
    os.symlink("elsewhere", changing.system_profile)
    os.unlink(changing.current_system)
    os.unlink(changing.booted_system)
    with pytest.raises(Refused) as refusal:
        nix.delete(1, yes=True)
    assert "which generation is current is not known" in refusal.value.why
    assert not nix.collect(keep=1, dry_run=True).plan.going
    assert len(links(changing)) == 5


def test_a_note_keeps_a_generation(changing: Machine, shell: InteractiveShell) -> None:
    text = run(shell, "%nix note 2 before the upgrade --keep")
    assert "before the upgrade" in text and "nix-collect-garbage -d" in text
    assert run(shell, "%nix list").state.tolist()[3] == "kept"
    assert run(shell, "%nix roots").kind.tolist().count("note") == 1
    with pytest.raises(Refused, match="is not deleted"):
        nix.delete(2, yes=True)
    assert "Not kept now" in run(shell, "%nix note 2 --no-keep")
    assert run(shell, "%nix list").state.tolist()[3] == ""
    assert nix.note(2) == "generation 2 of system: before the upgrade"
    assert "not allowed with" in usage_error(shell, "%nix note 2 --keep --no-keep")


def test_a_generation_that_is_gone_cannot_be_kept(changing: Machine) -> None:
    os.unlink(f"{changing.system_profile}-2-link")
    os.symlink(f"{changing.store_dir}/gone", f"{changing.system_profile}-2-link")
    with pytest.raises(NotFound, match="cannot be kept"):
        nix.note(2, keep=True)


def test_roots_are_a_table(there: Machine, shell: InteractiveShell) -> None:
    frame = run(shell, "%nix roots")
    assert list(frame.columns) == ["kind", "link", "path", "steps", "through"]
    assert {"generation 5 of system", "running system", "booted system"} <= set(frame.kind)
    kept = nix.roots(os.path.realpath(f"{there.current_system}/kernel"))
    assert kept.steps.min() == 1
    with pytest.raises(NotFound):
        nix.roots("/tmp")


def test_another_machine_changed_the_profile(changing: Machine) -> None:
    from luminous_nix_ipy.backend.model import NixOperation, OperationType
    from luminous_nix_ipy.errors import MachineChanged
    from luminous_nix_ipy.verbs.session import session

    operation = NixOperation(OperationType.DELETE_GENERATIONS, options={"generations": [1]})
    plan = session().plan(operation)
    os.unlink(f"{changing.system_profile}-2-link")
    with pytest.raises(MachineChanged, match="has changed") as refusal:
        session().carry_out(operation, plan)
    assert "the generations of system" in refusal.value.why


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("12 store paths deleted, 1.50 MiB freed\n", Freed(12, 3 * 2**19, "1.50 MiB")),
        ("5 store paths deleted, 96.0 KiB freed", Freed(5, 96 * 1024, "96.0 KiB")),
        ("0.00 MiB freed by hard-linking 3 files", Freed(3, 0, "0.00 MiB")),
        ("3 store paths deleted, 700 B freed", Freed(3, 700, "700 B")),
        ("nothing of the kind", None),
    ],
)
def test_what_nix_says_that_it_freed(text: str, told: Freed | None) -> None:
    assert freed(text) == told


def a_plan(**fields: Any) -> CollectPlan:
    going = Generation(number=1, date=NOW, current=False, link="/p/system-1-link")
    staying = Generation(number=2, date=NOW, current=True, link="/p/system-2-link")
    made: dict[str, Any] = {
        "operation": "collect",
        "profiles": (SYSTEM,),
        "choices": (
            Choice(profile=SYSTEM, generation=staying, goes=False, rule="is current"),
            Choice(profile=SYSTEM, generation=going, goes=True, rule="<b>old</b>"),
        ),
        "garbage": Garbage({"/s/\x1b[31ma": 3000, "/s/b": 1}, {"/s/stray": 9}, 7),
        "checks": (Check("link of system", "warning", "absolute"),),
        "commands": (Command(("nix-store", "--gc"), "delete"),),
        "notices": ("something else",),
        "fingerprint": {},
    }
    return CollectPlan(**{**made, **fields})


def test_a_plan_shows_exactly_what_goes() -> None:
    view = CollectPlanView(a_plan(max_bytes=2048))
    text, html = repr(view), view._repr_html_()
    for said in (
        "1 of 2",
        "2 paths, 2.9 KiB, 1 entries unknown",
        "once more than 2.0 KiB is freed",
        "is current",
        "Note: Something else.",
        "$ nix-store --gc",
        "stray",
    ):
        assert said in text, said
    assert "\x1b" not in text + html
    assert "&lt;b&gt;old" in html
    assert view.generations.goes.tolist() == [False, True]
    assert view.paths.bytes.tolist() == [3000, 9, 1]
    assert view.paths.registered.tolist() == [True, False, True]
    assert view.checks.verdict.tolist() == ["warning"]
    assert view.commands.command.tolist() == ["nix-store --gc"]


def test_a_plan_says_what_is_not_known() -> None:
    view = CollectPlanView(a_plan(garbage=None, garbage_problem="the database is busy"))
    assert "unknown: the database is busy" in repr(view)
    with pytest.raises(NotFound, match="not known"):
        _ = view.paths
    many = Garbage({f"/s/{n}": n for n in range(30)}, {}, 0)
    assert "… and 10 more" in repr(CollectPlanView(a_plan(garbage=many)))
    assert "Nothing to do" in repr(CollectPlanView(a_plan(nothing_to_do=True)))
    refused = a_plan(checks=(Check("Nix", "refused", "none"),))
    assert "These checks do not allow it: Nix." in repr(CollectPlanView(refused))
    optimise = a_plan(operation="optimise", profiles=(), choices=(), garbage=None)
    assert "What it saves" in repr(CollectPlanView(replace(optimise, garbage_problem="later")))


def test_a_report_compares_the_plan_with_what_nix_says() -> None:
    report = CollectReport(
        plan=a_plan(),
        outcome="done",
        message="1 generation deleted, 3 paths deleted, 2.5 KiB freed.",
        verified=(Check("deleted paths", "ok", "2 of 2 are gone."),),
        commands=(Command(("nix-store", "--gc"), "delete"),),
        freed_bytes=2560,
        deleted_paths=3,
        journal_id="id",
        started=NOW,
        duration=1.0,
    )
    text = repr(CollectReportView(report))
    for said in ("Done: 1 generation", "Freed, says Nix", "2.5 KiB", "Planned", "2.9 KiB"):
        assert said in text, said
    assert CollectReportView(report).checks.verdict.tolist() == ["ok"]
    assert CollectReportView(report).commands.command.tolist() == ["nix-store --gc"]


def test_a_deletion_goes_on_beside_the_notebook(changing: Machine, shell: InteractiveShell) -> None:
    job = run(shell, "%nix delete 1 --yes --bg")
    assert job.result(60).report.outcome == "done"
    assert len(links(changing)) == 4
    planned = run(shell, "%nix collect --dry-run --bg").result(60)
    assert isinstance(planned, CollectPlanView)
