"""A note is shown with its generation, and finds it."""

from __future__ import annotations

import asyncio

from luminous_nix_ipy import playground
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType


def test_a_note_is_listed_at_once_and_found_by_its_words() -> None:
    machine = asyncio.run(playground.start(real=False))
    try:
        backend = NixBackend(machine)

        def ask(kind: OperationType, dry_run: bool = False, **options: object) -> NixResult:
            return asyncio.run(backend.execute(NixOperation(kind, [], dry_run, options)))

        before = ask(OperationType.LIST_GENERATIONS).data["generations"]
        assert {generation.note for generation in before} == {None}
        assert ask(OperationType.NOTE, generation=4, note="before the new kernel").success
        after = ask(OperationType.LIST_GENERATIONS).data["generations"]
        assert {g.number: g.note for g in after if g.note} == {4: "before the new kernel"}
        plan = ask(OperationType.ROLLBACK, dry_run=True, description="the new kernel").data["plan"]
        assert plan.target.number == 4
    finally:
        asyncio.run(playground.stop())
