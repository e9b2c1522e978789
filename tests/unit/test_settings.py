"""Settings of numbers and lists: their environment variables, and what is said of a bad one."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from luminous_nix_ipy import settings
from tests.shell import new_shell, run

README = Path(__file__).parents[2] / "README.md"


def test_a_list_in_a_variable_is_one_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.get("expect") == []
    monkeypatch.setenv("LUMINOUS_NIX_EXPECT", "curl -f http://localhost\n\n  [ -e /run/x ]  \n")
    assert settings.get("expect") == ["curl -f http://localhost", "[ -e /run/x ]"]
    monkeypatch.setenv("LUMINOUS_NIX_EXPECT", "")
    assert settings.get("expect") == []


def test_a_number_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_SETTLE", "2.5")
    assert settings.get("settle") == 2.5


@pytest.mark.parametrize(
    ("name", "text"),
    [("settle", "10s"), ("settle", "-1"), ("settle", "nan"), ("confirm_timeout", "inf")],
)
def test_a_bad_number_is_told_and_the_default_holds(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setattr(settings, "_told", set())
    monkeypatch.setenv(f"LUMINOUS_NIX_{name.upper()}", text)
    default = {row[0]: row[3] for row in settings.table()}[name]
    with pytest.warns(UserWarning, match="is not understood: it takes a number, . or more"):
        assert settings.get(name) == default


def test_what_config_says_goes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_EXPECT_UNIT", "nginx")
    with new_shell() as shell:
        assert settings.get("expect_unit") == ["nginx"]
        run(shell, "%config NixMagics.expect_unit = ['sshd', 'postgresql']")
        assert settings.get("expect_unit") == ["sshd", "postgresql"]


def test_a_bad_list_is_told_at_the_next_load() -> None:
    with new_shell(load=False) as shell:
        shell.config.NixMagics.expect_url = 5
        with pytest.warns(UserWarning, match="It takes a list of texts; .* the default, .., holds"):
            shell.extension_manager.load_extension("luminous_nix_ipy")


def test_defaults_are_shown_as_they_are() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = {name: default for name, _, _, default, _ in settings.table()}
    assert shown["expect"] == [] and shown["settle"] == 0.0 and shown["progress"] == "auto"


def test_the_readme_has_every_setting() -> None:
    lines = README.read_text().splitlines()
    for name, variable, *_ in settings.table():
        assert any(line.startswith(f"| `{name}` | `{variable}` |") for line in lines), name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("doas, sudo", ("doas", "sudo")),
        ("RUN0,run0", ("run0",)),
        ("none", ()),
        ("", ()),
    ],
)
def test_a_preference_is_a_text_or_a_list(
    monkeypatch: pytest.MonkeyPatch, text: str, value: tuple[str, ...]
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_ELEVATION", text)
    assert settings.get("elevation") == value
    monkeypatch.setenv("LUMINOUS_NIX_ELEVATION", "run0")
    with new_shell() as shell:
        run(shell, f"%config NixMagics.elevation = {text!r}")
        assert settings.get("elevation") == value
        run(shell, f"%config NixMagics.elevation = {text.split(',')!r}")
        assert settings.get("elevation") == value


def test_the_default_preference_can_be_chosen_over_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LUMINOUS_NIX_ELEVATION")
    assert settings.get("elevation") == ("sudo", "doas", "run0")
    monkeypatch.setenv("LUMINOUS_NIX_ELEVATION", "none")
    with new_shell() as shell:
        run(shell, "%config NixMagics.elevation = 'sudo,doas,run0'")
        assert settings.get("elevation") == ("sudo", "doas", "run0")


@pytest.mark.parametrize("text", ["pkexec", "sudo,none", "sudo doas"])
def test_a_bad_preference_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(settings, "_told", set())
    monkeypatch.setenv("LUMINOUS_NIX_ELEVATION", text)
    with pytest.warns(UserWarning, match="it takes some of sudo, doas, run0 with commas"):
        assert settings.get("elevation") == ("sudo", "doas", "run0")
    with new_shell() as shell, pytest.warns(UserWarning, match="is not understood"):
        monkeypatch.setattr(settings, "_told", set())
        run(shell, f"%config NixMagics.elevation = {text!r}")
        settings.get("elevation")
