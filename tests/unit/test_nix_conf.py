"""Nix's settings come from its files in its order; how many builds run at once from them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.store.nix_conf import max_jobs, read_settings


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", f"{tmp_path}/first:{tmp_path}/second")
    (tmp_path / "etc").mkdir()
    return Machine(conf_dir=str(tmp_path / "etc"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_later_files_win(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "etc/nix.conf", "cores = 1\nmax-jobs = 2 # of them\nsubstituters =\n")
    assert read_settings(machine) == {"cores": "1", "max-jobs": "2", "substituters": ""}
    for number, folder in enumerate(("second", "first", "config"), 3):
        write(tmp_path / folder / "nix/nix.conf", f"max-jobs = {number}")
        assert read_settings(machine)["max-jobs"] == str(number)
    write(tmp_path / "a.conf", "max-jobs = 6\ncores = 6")
    write(tmp_path / "b.conf", "cores = 7")
    monkeypatch.setenv("NIX_USER_CONF_FILES", f"{tmp_path}/a.conf:{tmp_path}/b.conf")
    assert read_settings(machine)["max-jobs"] == "6"
    assert read_settings(machine)["cores"] == "6"
    monkeypatch.setenv("NIX_CONFIG", "max-jobs = 8\nsystem-features = a b")
    assert read_settings(machine)["max-jobs"] == "8"
    assert read_settings(machine)["system-features"] == "a b"


def test_files_include_others(machine: Machine, tmp_path: Path) -> None:
    write(tmp_path / "etc/nix.conf", "include more.conf\n!include missing.conf\nodd line\n= 3\n")
    write(tmp_path / "etc/more.conf", "max-jobs = 3\ninclude nix.conf\n")
    assert read_settings(machine) == {"max-jobs": "3"}


@pytest.mark.parametrize(
    ("conf", "argv", "jobs"),
    [
        ("", (), 1),
        ("max-jobs = 4", (), 4),
        ("max-jobs = auto", (), os.cpu_count()),
        ("max-jobs = many", (), 1),
        ("max-jobs = 4", ("nix-build", "-j", "2"), 2),
        ("max-jobs = 4", ("nix-build", "-j3"), 3),
        ("max-jobs = 4", ("nix", "build", "--max-jobs", "5"), 5),
        ("max-jobs = 4", ("nix", "build", "--option", "max-jobs", "6"), 6),
        ("max-jobs = 4", ("nix", "build", "--option", "cores", "6"), 4),
        ("max-jobs = 4", ("nix", "build", "--max-jobs"), 4),
    ],
)
def test_jobs(
    machine: Machine, tmp_path: Path, conf: str, argv: tuple[str, ...], jobs: int
) -> None:
    write(tmp_path / "etc/nix.conf", conf)
    assert max_jobs(machine, argv) == jobs
