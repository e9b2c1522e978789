"""The migration guide's own test classes: `python3 test_native_backend.py TestNativeNixBackend`.

Every test works on a small playground of its own, made without Nix where none is installed.
"""

from __future__ import annotations

import asyncio
import os
import time
import unittest
from typing import Any
from unittest.mock import patch

from luminous_nix_ipy import (
    EnhancedNativeNixBackend,
    NativeNixBackend,
    NixBackend,
    NixError,
    NixOperation,
    NixResult,
    OperationType,
    playground,
)

LIST = NixOperation(type=OperationType.LIST_GENERATIONS)


class OnPlayground(unittest.TestCase):
    """Starts a playground for each test and removes it afterwards."""

    real: bool | None = False

    def setUp(self) -> None:
        self.machine = asyncio.run(playground.start(real=self.real))
        self.addCleanup(lambda: asyncio.run(playground.stop()))

    def execute(self, backend: NixBackend, kind: OperationType, **fields: Any) -> NixResult:
        return asyncio.run(backend.execute(NixOperation(type=kind, **fields)))

    def numbers(self, backend: NixBackend) -> dict[str, Any]:
        listed = self.execute(backend, OperationType.LIST_GENERATIONS).data["generations"]
        return {
            "all": [g.number for g in listed],
            "current": [g.number for g in listed if g.current],
            "running": [g.number for g in listed if g.running],
        }


class TestNativeNixBackend(OnPlayground):
    """What both backends share: the guide's API."""

    def test_the_names_are_there(self) -> None:
        for name in [
            "UPDATE",
            "ROLLBACK",
            "INSTALL",
            "REMOVE",
            "SEARCH",
            "BUILD",
            "TEST",
            "LIST_GENERATIONS",
            "GARBAGE_COLLECT",
            "REPAIR",
        ]:
            self.assertIsInstance(OperationType[name], OperationType)
        self.assertTrue(issubclass(NativeNixBackend, NixBackend))
        self.assertTrue(issubclass(EnhancedNativeNixBackend, NixBackend))

    def test_the_environment_chooses_the_reader(self) -> None:
        for value, reader in (("true", "direct"), ("1", "direct"), ("false", "command")):
            with patch.dict(os.environ, LUMINOUS_NIX_ENHANCED_BACKEND=value):
                self.assertEqual(NixBackend().reader, reader)
        self.assertEqual(NixBackend().reader, "direct")

    def test_the_explicit_names_ignore_the_environment(self) -> None:
        with patch.dict(os.environ, LUMINOUS_NIX_ENHANCED_BACKEND="false"):
            self.assertEqual(EnhancedNativeNixBackend().reader, "direct")
        with patch.dict(os.environ, LUMINOUS_NIX_ENHANCED_BACKEND="true"):
            self.assertEqual(NativeNixBackend().reader, "command")

    def test_progress_is_told_in_both_forms_to_the_last_word(self) -> None:
        for use_attribute in (True, False):
            backend, heard = NixBackend(), []
            target = 4 if use_attribute else 5
            if use_attribute:
                backend.progress.callback = lambda m, f, heard=heard: heard.append((m, f))
            else:
                backend.set_progress_callback(lambda m, f, heard=heard: heard.append((m, f)))
            options = {"generation": target}
            result = self.execute(backend, OperationType.ROLLBACK, options=options)
            self.assertTrue(result.success, result.error)
            fractions = [fraction for _, fraction in heard]
            self.assertEqual(fractions, sorted(fractions))
            self.assertEqual(fractions[-1], 1.0)
            self.assertGreaterEqual(len(heard), 2)

    def test_a_broken_callback_breaks_nothing(self) -> None:
        backend = NixBackend()
        backend.set_progress_callback(lambda message, fraction: 1 / 0)
        with self.assertLogs("luminous_nix_ipy", "ERROR"):
            self.assertTrue(self.execute(backend, OperationType.ROLLBACK).success)

    def test_everything_is_offered_and_what_is_not_says_so(self) -> None:
        from luminous_nix_ipy.backend.operations import SERVED

        self.assertEqual(set(OperationType), set(SERVED))
        with patch.dict(SERVED):
            del SERVED[OperationType.SEARCH]
            result = self.execute(NixBackend(), OperationType.SEARCH, packages=["hello"])
        self.assertFalse(result.success)
        self.assertIn("does not offer", str(result.error))
        self.assertTrue(result.suggestions)

    def test_errors_come_with_suggestions_and_a_duration(self) -> None:
        result = self.execute(NixBackend(), OperationType.ROLLBACK, options={"generation": 9999})
        self.assertFalse(result.success)
        self.assertIn("no generation 9999", str(result.error))
        self.assertTrue(result.suggestions)
        self.assertGreater(result.duration, 0)

    def test_two_runs_of_asyncio_in_a_row_and_a_backend_made_outside(self) -> None:
        backend = NixBackend()
        self.assertTrue(asyncio.run(backend.execute(LIST)).success)
        self.assertTrue(asyncio.run(backend.execute(LIST)).success)

    def test_refusals_count(self) -> None:
        backend = NixBackend()
        self.execute(backend, OperationType.ROLLBACK, options={"generatoin": 1})
        self.execute(backend, OperationType.LIST_GENERATIONS)
        refused = NixOperation(OperationType.ROLLBACK, options={"generation": 9999})
        with self.assertRaises(NixError):
            asyncio.run(backend.plan(refused))
        metrics = backend.get_metrics()
        self.assertEqual(metrics["total_operations"], 3)
        self.assertEqual(metrics["details"]["operations_failed"], 2)
        self.assertGreater(metrics["average_duration"], 0)

    def test_no_module_of_nixos_rebuild_is_used(self) -> None:
        self.assertIsNone(NixBackend().async_api)


class TestEnhancedNativeNixBackend(OnPlayground):
    """The defects of earlier implementations, each of which some test here would catch."""

    def setUp(self) -> None:
        super().setUp()
        self.backend = EnhancedNativeNixBackend()

    def test_previous_is_older_also_after_a_rollback(self) -> None:
        all_numbers = self.numbers(self.backend)["all"]
        self.assertEqual(all_numbers, sorted(all_numbers, reverse=True))
        newest = all_numbers[0]
        self.execute(self.backend, OperationType.ROLLBACK)
        self.assertEqual(self.numbers(self.backend)["current"], [newest - 1])
        planned = self.execute(self.backend, OperationType.ROLLBACK, dry_run=True).data["plan"]
        self.assertLess(planned.target.number, newest - 1)

    def test_a_rollback_activates(self) -> None:
        result = self.execute(self.backend, OperationType.ROLLBACK)
        self.assertTrue(result.success, result.error)
        after = self.numbers(self.backend)
        self.assertEqual(after["running"], after["current"])
        self.assertEqual(after["current"], [result.data["current"]])

    def test_the_given_generation_is_the_one(self) -> None:
        target = self.numbers(self.backend)["all"][-1]
        result = self.execute(self.backend, OperationType.ROLLBACK, options={"generation": target})
        self.assertTrue(result.success, result.error)
        self.assertEqual(self.numbers(self.backend)["current"], [target])

    def test_a_change_is_seen_by_the_next_list(self) -> None:
        before = self.numbers(self.backend)["current"]
        self.execute(self.backend, OperationType.ROLLBACK)
        self.assertNotEqual(self.numbers(self.backend)["current"], before)

    def test_a_change_by_others_is_seen_by_the_next_list(self) -> None:
        first = self.numbers(self.backend)["current"][0]
        profile = self.machine.system_profile
        os.unlink(profile)
        os.symlink(f"system-{first - 1}-link", profile)
        self.assertEqual(self.numbers(self.backend)["current"], [first - 1])

    def test_a_dry_run_needs_no_privilege_and_changes_nothing(self) -> None:
        before = self.numbers(self.backend)
        result = self.execute(self.backend, OperationType.ROLLBACK, dry_run=True)
        self.assertTrue(result.success, result.error)
        self.assertIn("Nothing was changed", result.message)
        self.assertEqual(self.numbers(self.backend), before)
        self.assertFalse(os.path.exists(f"{self.machine.system_journal_dir}/journal.jsonl"))

    def test_what_was_current_is_kept(self) -> None:
        result = self.execute(self.backend, OperationType.ROLLBACK)
        backup = result.data["backup"]
        self.assertEqual(os.readlink(backup.root), backup.path)
        self.assertEqual(backup.number, result.data["previous"])

    def test_results_are_not_shared(self) -> None:
        first = self.execute(self.backend, OperationType.LIST_GENERATIONS)
        first.data["generations"].clear()
        second = self.execute(self.backend, OperationType.LIST_GENERATIONS)
        self.assertTrue(second.data["generations"])
        self.assertEqual(self.backend.get_metrics()["cache_hit_rate"], 0.5)

    def test_dates_are_those_of_the_links(self) -> None:
        listed = self.execute(self.backend, OperationType.LIST_GENERATIONS).data["generations"]
        for generation in listed:
            self.assertEqual(
                int(generation.date.timestamp()), int(os.lstat(generation.link).st_mtime)
            )

    def test_false_does_not_grant(self) -> None:
        from luminous_nix_ipy import settings

        for value, granted in (
            ("true", True),
            ("1", True),
            ("yes", True),
            ("false", False),
            ("0", False),
            ("no", False),
            ("", False),
        ):
            with patch.dict(os.environ, LUMINOUS_NIX_ALLOW_UNPRIVILEGED=value):
                self.assertIs(settings.get("allow_unprivileged"), granted, value)


class TestPerformance(OnPlayground):
    """The guide's benchmark: what is promised is that a list is remembered, not a time."""

    def test_the_second_list_is_remembered(self) -> None:
        backend = EnhancedNativeNixBackend()
        started = time.perf_counter()
        self.assertTrue(self.execute(backend, OperationType.LIST_GENERATIONS).success)
        self.assertGreater(time.perf_counter(), started)
        self.assertEqual(backend.get_metrics()["cache_hit_rate"], 0.0)
        self.assertTrue(self.execute(backend, OperationType.LIST_GENERATIONS).success)
        self.assertEqual(backend.get_metrics()["cache_hit_rate"], 0.5)
        self.assertEqual(backend.cache.clear_expired(), 0)

    def test_changes_are_never_remembered(self) -> None:
        backend = EnhancedNativeNixBackend()
        for _ in range(2):
            self.execute(backend, OperationType.ROLLBACK, dry_run=True)
        self.assertEqual(backend.get_metrics()["details"]["cache_hits"], 0)
        self.assertEqual(backend.get_metrics()["details"]["cache_misses"], 0)

    def test_a_read_starts_no_program(self) -> None:
        with patch("asyncio.create_subprocess_exec", side_effect=AssertionError("started one")):
            backend = EnhancedNativeNixBackend()
            result = self.execute(backend, OperationType.LIST_GENERATIONS, options={"sizes": True})
        self.assertTrue(result.success, result.error)


if __name__ == "__main__":
    unittest.main()
