"""Derivations are read as Nix writes them; what is none is a sentence."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminous_nix_ipy.errors import NixError, NotFound, Refused
from luminous_nix_ipy.store.derivations import graph, parse_derivation, read_derivation

HELLO = (
    'Derive([("lib","/nix/store/b-hello-lib","",""),("out","/nix/store/a-hello","","")],'
    '[("/nix/store/x-gcc.drv",["out"]),("/nix/store/y-bash.drv",["lib","out"])],'
    '["/nix/store/z-builder.sh"],"x86_64-linux","/bin/sh",["-c","echo \\"hi\\"\\n"],'
    '[("name","hello-2.12"),("pname","hello"),("text","a\\\\b\\tc")])'
)


def test_reading() -> None:
    drv = parse_derivation("/nix/store/h-hello-2.12.drv", HELLO)
    assert drv.name == "hello-2.12"
    assert drv.outputs == {"lib": "/nix/store/b-hello-lib", "out": "/nix/store/a-hello"}
    assert drv.inputs == {
        "/nix/store/x-gcc.drv": ("out",),
        "/nix/store/y-bash.drv": ("lib", "out"),
    }
    assert drv.sources == ("/nix/store/z-builder.sh",)
    assert (drv.system, drv.builder) == ("x86_64-linux", "/bin/sh")
    assert drv.args == ("-c", 'echo "hi"\n')
    assert drv.env["text"] == "a\\b\tc"


def test_dynamic_derivations() -> None:
    text = (
        'DrvWithVersion("xp-dyn-drv",[("out","","r:sha256","")],'
        '[("/nix/store/x-a.drv",["out"]),("/nix/store/y-b.drv",(["lib"],[("out",["out"])]))],'
        '[],"x","/b",[],[])'
    )
    drv = parse_derivation("/nix/store/h-dyn.drv", text)
    assert drv.inputs == {"/nix/store/x-a.drv": ("out",), "/nix/store/y-b.drv": ("lib",)}
    assert drv.name == "dyn"
    assert drv.outputs == {"out": ""}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Derive",
        "Derive(",
        "Derive()",
        "Derive([],[],[])",
        HELLO[:-1],
        HELLO + "x",
        HELLO.replace("Derive", "Contrive"),
        HELLO.replace('"out"', "out"),
        "not a derivation at all",
        'Derive(7,[],[],"","",[],[])',
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(Refused, match="is not a derivation"):
        parse_derivation("/nix/store/h-x.drv", text)


@given(st.text(alphabet='()[]",\\aDerive', max_size=80))
def test_nothing_else_is_raised(text: str) -> None:
    for candidate in (text, f"Derive({text})"):
        with contextlib.suppress(NixError):
            parse_derivation("/nix/store/h-x.drv", candidate)


def test_files(tmp_path: Path) -> None:
    good, bad = tmp_path / "h-good.drv", tmp_path / "h-bad.drv"
    good.write_bytes(HELLO.replace("a\\\\b", "caf\xe9").encode("latin-1"))
    bad.write_text("no")
    assert read_derivation(str(good)).env["text"] == "caf\udce9\tc"
    with pytest.raises(NotFound, match="cannot be read"):
        read_derivation(str(tmp_path / "missing.drv"))
    assert list(graph([str(good), str(bad), str(tmp_path / "missing.drv")])) == [str(good)]
