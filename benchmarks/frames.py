"""DataFrames of records: what they add to reading, and that they grow with their rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from luminous_nix_ipy import frames
from luminous_nix_ipy.records import ClosureDiff, Generation, PackageChange

from .harness import median_seconds, report

_MILLISECONDS = 1e-3


def main() -> None:
    generations = _generations(10_000)
    seconds = {}
    for count in (10, 100, 1_000, 10_000):
        make = partial(frames.generations, generations[:count], sizes=True, all_columns=True)
        seconds[count] = median_seconds(make, 31)
    report("10 generations, all columns, as a DataFrame", seconds[10])
    report("100 generations", seconds[100], limit=2 * _MILLISECONDS)
    report("1,000 generations", seconds[1_000])
    report("10,000 generations against 10 times 1,000", seconds[10_000], 10 * seconds[1_000], 1.2)

    diff = _diff(300)
    made = median_seconds(partial(frames.diff, diff, all_columns=True), 31)
    report("300 package changes as a DataFrame", made, limit=2 * _MILLISECONDS)

    shown = frames.generations(generations[:100])
    shown._repr_html_()
    report("100 generations shown as text", median_seconds(partial(repr, shown), 31))
    report("100 generations shown as HTML", median_seconds(shown._repr_html_, 31))


def _generations(count: int) -> list[Generation]:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return [
        Generation(
            number=number,
            date=start + timedelta(hours=number),
            current=number == count,
            running=number == count,
            booted=number == count - 1,
            nixos_version=f"25.11.{number}.abcdef1",
            kernel_version=f"6.12.{number % 60}",
            configuration_revision=f"{number:040x}",
            specialisations=("gaming",) if number % 10 == 0 else (),
            description=f"NixOS 25.11.{number}",
            note="before the kernel upgrade" if number % 20 == 0 else None,
            path=f"/nix/store/{number:032d}-nixos-system-host-25.11.{number}",
            link=f"/nix/var/nix/profiles/system-{number}-link",
            closure_bytes=3_000_000_000 + number,
            unique_bytes=number,
        )
        for number in range(1, count + 1)
    ]


def _diff(count: int) -> ClosureDiff:
    changes = tuple(
        PackageChange(
            name=f"package-{number}",
            change="upgraded",
            old_versions=(f"1.{number}",),
            new_versions=(f"1.{number + 1}",),
            selected_before=number < 30,
            selected_after=number < 30,
            old_bytes=100_000 * number,
            new_bytes=101_000 * number,
        )
        for number in range(count)
    )
    return ClosureDiff(
        before="/nix/store/a",
        after="/nix/store/b",
        changes=changes,
        rebuilt=120,
        paths_before=1523,
        paths_after=1530,
        paths_added=27,
        paths_removed=20,
        bytes_before=3_300_000_000,
        bytes_after=3_357_000_000,
        source="database",
    )
