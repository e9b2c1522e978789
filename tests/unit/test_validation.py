"""What is refused, and what must not be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.backend.model import NixOperation, OperationType
from luminous_nix_ipy.backend.validation import check_package, validate
from luminous_nix_ipy.errors import Refused

OPTIONS = {"generation": int, "profile": str, "sizes": bool, "mode": str, "side": (str, int)}


@pytest.mark.parametrize(
    "name",
    [
        "hello",
        "terraform",
        "gnome-terminal",
        "mattermost",
        "rmlint",
        "ddrescue",
        "mkfs-tools",
        "add-determinism",
        "_1password-gui",
        "_7zz",
        "python3Packages.requests",
        "nixpkgs#hello",
        ".#host",
        "github:NixOS/nixpkgs/nixos-25.11#hello",
        "nixpkgs#openssl^bin,dev",
        'nixpkgs#legacyPackages.x86_64-linux."foo.bar"',
        "libstdc++5",
    ],
)
def test_names_that_nix_takes_pass(name: str) -> None:
    check_package(name)


@pytest.mark.parametrize(
    "name",
    ["", "  ", "--option", "-e", "$(id)", "; curl x|sh", "rm  -rf /", "a b", "x\ny", "a\0b", 7],
)
def test_what_no_package_is_called_is_refused(name: object) -> None:
    with pytest.raises(Refused, match="not a package name"):
        check_package(name)


@given(st.text())
def test_whatever_passes_is_one_argument_that_no_program_takes_for_an_option(name: str) -> None:
    try:
        check_package(name)
    except Refused:
        return
    assert name and not name.startswith("-")
    assert not set(name) & set(" \t\n\0;|&$`<>(){}\\") - {"&"}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"generaton": 4}, "takes no option"),
        ({"generation": "4"}, "a whole number"),
        ({"generation": True}, "a whole number"),
        ({"generation": 0}, "from 1 up"),
        ({"generation": -1}, "from 1 up"),
        ({"profile": 3}, "text"),
        ({"profile": "a\0b"}, "NUL"),
        ({"mode": "sideways"}, "switch, boot or test"),
        ({"sizes": "yes"}, "True or False"),
        ({"side": 1.5}, "text or a whole number"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], match: str) -> None:
    with pytest.raises(Refused, match=match):
        validate(NixOperation(OperationType.ROLLBACK, options=options), OPTIONS)


def test_a_misspelt_option_gets_the_right_spelling() -> None:
    with pytest.raises(Refused) as caught:
        validate(NixOperation(OperationType.ROLLBACK, options={"generaton": 4}), OPTIONS)
    assert caught.value.why == "Did you mean 'generation'?"


def test_none_means_the_default_and_right_ones_pass() -> None:
    options = {"generation": 98, "profile": None, "sizes": False, "mode": "boot", "side": "booted"}
    validate(NixOperation(OperationType.ROLLBACK, options=options), OPTIONS)


@pytest.mark.parametrize("kind", ["rollback", None, 3])
def test_the_type_must_be_one(kind: object) -> None:
    with pytest.raises(Refused, match="not an operation"):
        validate(NixOperation(kind), OPTIONS)  # type: ignore[arg-type]


def test_dry_run_is_a_truth_value() -> None:
    with pytest.raises(Refused, match="dry_run"):
        validate(NixOperation(OperationType.ROLLBACK, dry_run="no"), OPTIONS)  # type: ignore[arg-type]
