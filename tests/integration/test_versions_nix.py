"""Names and versions compared with what real Nix says of some thousand of them."""

from __future__ import annotations

import json
import random
from pathlib import Path

from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store.versions import compare_versions, parse_name
from tests.private_nix import run

PIECES = [*"012.-_+~abZé", "10", "007", "2147483647", "2147483648", "99999999999"]
PIECES += ["..", "pre", "prea", "rc", "git"]


def _made_up(count: int) -> list[str]:
    chance = random.Random(2)
    return ["".join(chance.choices(PIECES, k=chance.randint(0, 7))) for _ in range(count)]


def _evaluate(machine: Machine, folder: Path, expression: str) -> object:
    file = folder / "expression.nix"
    file.write_text(expression)
    return json.loads(run(machine, "nix-instantiate", "--eval", "--strict", "--json", str(file)))


def _calls(function: str, arguments: list[tuple[str, ...]]) -> str:
    quoted = (" ".join(json.dumps(a, ensure_ascii=False) for a in each) for each in arguments)
    return f"[ {' '.join(f'(builtins.{function} {each})' for each in quoted)} ]"


def test_compares_as_this_nix_does(private_machine: Machine, tmp_path: Path) -> None:
    made = _made_up(4000)
    pairs = list(zip(made[::2], made[1::2], strict=True))
    expected = _evaluate(private_machine, tmp_path, _calls("compareVersions", [*pairs]))
    assert [compare_versions(a, b) for a, b in pairs] == expected


def test_parses_as_this_nix_does(private_machine: Machine, tmp_path: Path) -> None:
    names = [f"name{text}" for text in _made_up(2000)] + _made_up(1000)
    parsed = _evaluate(private_machine, tmp_path, _calls("parseDrvName", [(n,) for n in names]))
    assert [dict(zip(("name", "version"), parse_name(n), strict=True)) for n in names] == parsed
