"""What Nix's programs print, read back; and what is done where they refuse."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.errors import CommandFailed, NotFound
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Profile
from luminous_nix_ipy.store.generations import list_generations
from luminous_nix_ipy.tools.reader import (
    CommandReader,
    outputs_of,
    parse_generations,
    parse_path_info,
)
from tests.fake_system import (
    add_generation,
    add_path,
    add_program,
    make_machine,
    select,
    store_path,
)


def test_a_listing() -> None:
    listing = "   9   2025-01-01 00:00:00   \n  10   2025-07-01 12:30:00   (current)\n"
    assert parse_generations(listing) == [
        (9, datetime(2025, 1, 1, tzinfo=UTC), False),
        (10, datetime(2025, 7, 1, 12, 30, tzinfo=UTC), True),
    ]


def test_where_nix_env_knows_no_current_one_the_link_tells() -> None:
    listing = "   9   2025-01-01 00:00:00\n  10   2025-07-01 12:30:00\n"
    assert [row[2] for row in parse_generations(listing, current=9)] == [True, False]


def test_a_year_beyond_all_dates_is_a_row_without_one() -> None:
    assert parse_generations("   1   12345-01-01 00:00:00   \n") == [(1, None, False)]


@given(
    st.dictionaries(st.integers(1, 10**9), st.integers(0, 2**33), min_size=1),
    st.data(),
)
def test_every_listing_comes_back(dates: dict[int, int], data: st.DataObject) -> None:
    current = data.draw(st.sampled_from(sorted(dates)))
    listing = "".join(
        f"{number:4d}   {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(date))}   "
        f"{'(current)' if number == current else ''}\n"
        for number, date in sorted(dates.items())
    )
    assert parse_generations(listing) == [
        (number, datetime.fromtimestamp(date, UTC), number == current)
        for number, date in sorted(dates.items())
    ]


def test_path_info_as_a_list_and_as_an_object() -> None:
    known = {"narSize": 120, "references": ["/s/b"], "deriver": "/s/a.drv", "signatures": []}
    listed = [{"path": "/s/a", **known}, {"path": "/s/gone", "valid": False}]
    for text in (json.dumps(listed), json.dumps({"/s/a": known, "/s/gone": None})):
        (found,) = parse_path_info(text).items()
        assert found[0] == "/s/a"
        assert (found[1].narSize, found[1].references) == (120, ["/s/b"])
        assert found[1].deriver == "/s/a.drv"


@pytest.mark.parametrize("text", ["", "null", "{", '{"/s/a": 3}', '["x"]'])
def test_path_info_in_an_unknown_format_is_a_sentence(text: str) -> None:
    with pytest.raises(CommandFailed, match="not understood"):
        parse_path_info(text)


@pytest.mark.parametrize("head", ["Derive(", 'DrvWithVersion("xp-dyn-drv",'])
def test_outputs_of_a_derivation(tmp_path: Path, head: str) -> None:
    derivation = tmp_path / "multi.drv"
    derivation.write_text(
        head + '[("lib","/s/x-multi-lib","",""),("out","/s/x-multi","","")],'
        '[("/s/y.drv",["out"])],[],"x86_64-linux","/bin/sh",[],[("out","/s/x-multi")])'
    )
    assert outputs_of(str(derivation)) == {"/s/x-multi-lib": "lib", "/s/x-multi": "out"}


def test_outputs_of_what_is_no_derivation(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\x00")
    assert outputs_of(str(tmp_path / "x")) == {}
    assert outputs_of(str(tmp_path / "gone")) == {}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    return make_machine(tmp_path / "machine", env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})


@pytest.fixture
def profile(machine: Machine) -> Profile:
    add_generation(machine.system_profile, 1, add_path(machine, "hello-1"), date=1_700_000_000)
    add_generation(machine.system_profile, 2, add_path(machine, "hello-2"), date=1_700_000_060)
    select(machine.system_profile, 2)
    return Profile("system", machine.system_profile, "system")


def test_a_profile_that_may_not_be_locked_is_listed_from_its_links(
    machine: Machine, profile: Profile, tmp_path: Path
) -> None:
    add_program(
        tmp_path / "bin",
        "nix-env",
        f"echo \"error: opening lock file '{profile.path}.lock': Permission denied\" >&2; exit 1",
    )
    reader = CommandReader(machine)
    for _ in range(2):
        found = asyncio.run(reader.generations(profile))
        assert found == list_generations(machine, profile)
    assert len(reader.fallbacks) == 1
    assert "listed from its links" in reader.fallbacks[0]
    assert "Permission denied" in reader.fallbacks[0]


def test_dates_are_asked_in_utc_and_the_programs_word_counts(
    machine: Machine, profile: Profile, tmp_path: Path
) -> None:
    add_program(
        tmp_path / "bin",
        "nix-env",
        'test "$TZ" = UTC0 || exit 1\n'
        "echo '   1   2023-11-14 22:13:20   '\n"
        "echo '   2   2023-11-14 22:14:20   (current)'\n"
        "echo '   3   2023-11-14 22:15:20   '",
    )
    reader = CommandReader(machine)
    assert asyncio.run(reader.generations(profile)) == list_generations(machine, profile)
    assert reader.fallbacks == []


def test_what_is_no_store_path_is_not_valid_and_not_asked_for(machine: Machine) -> None:
    reader = CommandReader(machine)
    for path in ("/nope", machine.store_dir, f"{machine.store_dir}/x/bin", "relative"):
        assert asyncio.run(reader.is_valid(path)) is False
        with pytest.raises(NotFound, match="is not in the store"):
            asyncio.run(reader.closure(path))
        assert asyncio.run(reader.sizes([path])) == {}
        assert asyncio.run(reader.missing(path)) == [path]


def test_without_nix_the_store_cannot_be_asked(tmp_path: Path) -> None:
    machine = make_machine(tmp_path / "machine", env={"PATH": str(tmp_path / "empty")})
    with pytest.raises(CommandFailed):
        asyncio.run(CommandReader(machine).is_valid(store_path(machine, "hello")))
    with pytest.raises(CommandFailed):
        asyncio.run(CommandReader(machine).totals())
