"""Which specialisation runs, and which is to run after a change."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, OperationType, Plan
from luminous_nix_ipy.backend.specialising import choose_specialisation
from luminous_nix_ipy.errors import NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Generation
from luminous_nix_ipy.store.specialisations import running_specialisation
from tests.fake_system import add_path, add_system, make_machine
from tests.playground import simulated

ON_BATTERY = "on-battery"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with simulated(6) as made:
        yield made


def generation(number: int, path: str, *names: str, current: bool = False) -> Generation:
    return Generation(number=number, date=None, current=current, specialisations=names, path=path)


class TestRunning:
    @pytest.fixture
    def fake(self, tmp_path: Path) -> Machine:
        return make_machine(tmp_path)

    def test_a_generations_own_system_is_none(self, fake: Machine) -> None:
        special = add_path(fake, "special")
        old = add_system(fake, "1", **{"specialisation/a": f"-> {special}"})
        found = [generation(2, special), generation(1, old, "a")]
        assert running_specialisation(old, found) is None
        assert running_specialisation(special, found) is None, "it is generation 2 itself"
        assert running_specialisation(special, found[1:]) == "a"
        assert running_specialisation(None, found) is None

    def test_the_current_generations_name_goes_first(self, fake: Machine) -> None:
        special = add_path(fake, "special")
        one = add_system(fake, "1", **{"specialisation/a": f"-> {special}"})
        two = add_system(fake, "2", **{"specialisation/b": f"-> {special}"})
        found = [generation(2, two, "b"), generation(1, one, "a", current=True)]
        assert running_specialisation(special, found) == "a"

    def test_what_is_of_no_generation_may_tell_its_name(self, fake: Machine) -> None:
        named = add_path(fake, "named", {"etc/specialisation": "gaming\n"})
        assert running_specialisation(named, []) == "gaming"
        for content in ("", b"\xff"):
            Path(named, "etc/specialisation").write_bytes(
                content if isinstance(content, bytes) else content.encode()
            )
            assert running_specialisation(named, []) is None
        assert running_specialisation(add_path(fake, "nameless"), []) is None


class TestChoice:
    TARGET = generation(1, "/nix/store/x", "gaming", "quiet")

    @pytest.mark.parametrize(
        ("active", "wanted", "mode", "name", "verdicts"),
        [
            (None, None, "switch", None, []),
            (None, "", "switch", None, []),
            (None, "quiet", "switch", "quiet", ["ok"]),
            ("gaming", None, "switch", "gaming", ["ok"]),
            ("gaming", None, "test", "gaming", ["ok"]),
            ("gaming", None, "boot", None, []),
            ("gaming", "", "switch", None, ["ok"]),
            ("gaming", "", "boot", None, []),
            ("gaming", "quiet", "switch", "quiet", ["ok"]),
            ("other", None, "switch", None, ["warning"]),
        ],
    )
    def test_it_is_kept_unless_another_is_asked_for(
        self, active: Any, wanted: Any, mode: Any, name: Any, verdicts: list[str]
    ) -> None:
        chosen, rows = choose_specialisation(self.TARGET, mode, active=active, wanted=wanted)
        assert chosen == name
        assert [row.verdict for row in rows] == verdicts
        assert all(row.name == "specialisation" and row.reason.endswith(".") for row in rows)

    def test_there_is_no_such_one(self) -> None:
        with pytest.raises(NotFound) as caught:
            choose_specialisation(self.TARGET, "switch", active=None, wanted="gamming")
        assert caught.value.todo == ("Did you mean gaming?",)
        with pytest.raises(NotFound) as caught:
            plain = generation(1, "/nix/store/x")
            choose_specialisation(plain, "switch", active=None, wanted="gaming")
        assert (caught.value.why, caught.value.todo) == ("It has none.", ())

    def test_none_is_chosen_for_a_boot(self) -> None:
        with pytest.raises(Refused, match="next boot"):
            choose_specialisation(self.TARGET, "boot", active=None, wanted="gaming")


class TestPlan:
    """Of six generations the newest two have one, and another before them has none."""

    @pytest.fixture
    def running(self, machine: Machine) -> Iterator[str]:
        """The newest generation's specialisation runs."""
        before = os.readlink(machine.current_system)
        special = os.path.realpath(f"{before}/specialisation/{ON_BATTERY}")
        lead(machine, special)
        yield special
        lead(machine, before)

    def plan(self, machine: Machine, generation: int, **options: Any) -> Plan:
        asked = {"generation": generation, **options}
        operation = NixOperation(OperationType.ROLLBACK, options=asked)
        found: Plan = asyncio.run(NixBackend(machine).plan(operation))
        return found

    def test_the_one_that_runs_is_kept(self, machine: Machine, running: str) -> None:
        found = self.plan(machine, 5)
        assert found.specialisation == ON_BATTERY
        assert f"/specialisation/{ON_BATTERY}" not in found.activated, "its real path"
        activate, _, boot = found.commands
        assert activate.argv[0].startswith(found.activated)
        assert boot.argv[0].startswith(found.target.path or "?")
        (check,) = [c for c in found.checks if c.name == "specialisation"]
        assert check.verdict == "ok"
        assert any("starts the system itself" in notice for notice in found.notices)
        assert not any("not the profile's current" in notice for notice in found.notices)
        assert self.plan(machine, 6).nothing_to_do, "it runs already"

    def test_where_the_target_has_none_the_system_itself_is_to_run(
        self, machine: Machine, running: str
    ) -> None:
        found = self.plan(machine, 1)
        assert found.specialisation is None
        assert found.activated == found.target.path
        (check,) = [c for c in found.checks if c.name == "specialisation"]
        assert (check.verdict, "none of that name" in check.reason) == ("warning", True)

    def test_another_is_asked_for_or_none(self, machine: Machine, running: str) -> None:
        found = self.plan(machine, 6, specialisation="")
        assert (found.specialisation, found.nothing_to_do) == (None, False)
        assert found.activated == found.target.path
        lead(machine, os.path.realpath(machine.system_profile))
        found = self.plan(machine, 6, specialisation=ON_BATTERY)
        assert (found.specialisation, found.nothing_to_do) == (ON_BATTERY, False)
        assert self.plan(machine, 6).nothing_to_do
        with pytest.raises(NotFound, match="no specialisation"):
            self.plan(machine, 6, specialisation="on-batteri")
        with pytest.raises(Refused, match="next boot"):
            self.plan(machine, 6, specialisation=ON_BATTERY, mode="boot")

    def test_the_next_boot_is_told_of(self, machine: Machine, running: str) -> None:
        found = self.plan(machine, 5, mode="boot")
        assert found.specialisation is None
        assert any("not its specialisation on-battery" in notice for notice in found.notices)


def lead(machine: Machine, path: str) -> None:
    os.unlink(machine.current_system)
    os.symlink(path, machine.current_system)
