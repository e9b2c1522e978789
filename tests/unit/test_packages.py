"""Packages without Nix: what is asked for, what is declared, PATH, errors recognised."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from IPython.core.interactiveshell import InteractiveShell

from luminous_nix_ipy import machine, nix
from luminous_nix_ipy.backend.package_tool import flakes_enabled, tool_of
from luminous_nix_ipy.backend.packages import choose_installed, requests, selectors
from luminous_nix_ipy.backend.recovery import suggestions
from luminous_nix_ipy.errors import CommandFailed, NixError, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import FailedBuild, InstalledPackage, Manifest
from luminous_nix_ipy.shell_path import PackageShell, entered
from luminous_nix_ipy.tools import packages as programs
from luminous_nix_ipy.tools.commands import Release
from luminous_nix_ipy.tools.packages import Installation, PackageTool
from tests.playground import simulated
from tests.shell import new_shell, run, usage_error

STORE = Machine().store_dir
HELLO, TREE = (f"{STORE}/{letter * 32}-{name}" for letter, name in (("a", "hello-1"), ("b", "t-2")))
OLD = Installation("", Release("Nix", (2, 8, 0)))
NEW = Installation("/new/bin", Release("Nix", (2, 34, 8)))
LIX = Installation("", Release("Lix", (2, 93, 3)))


@pytest.fixture(scope="module")
def read_only() -> Iterator[Machine]:
    with simulated() as made:
        yield made


@pytest.fixture
def there(read_only: Machine) -> Machine:
    machine.use(read_only)
    return read_only


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    with new_shell() as shell:
        run(shell, "%config NixMagics.progress = 'none'")
        yield shell


@pytest.mark.parametrize(
    ("kind", "asked", "meant"),
    [
        ("nix-env", "hello", "hello"),
        ("nix-env", "nixpkgs.hello", "hello"),
        ("nix-env", "nixos.hello", "hello"),
        ("nix-env", "nixpkgs#hello", "hello"),
        ("nix-env", "python3Packages.requests", "python3Packages.requests"),
        ("nix-env", HELLO, HELLO),
        ("nix profile", "hello", "nixpkgs#hello"),
        ("nix profile", "nixpkgs.hello", "nixpkgs#hello"),
        ("nix profile", ".#tool", ".#tool"),
        ("nix profile", "github:owner/repo", "github:owner/repo"),
        ("nix profile", "./folder", "./folder"),
        ("nix profile", HELLO, HELLO),
    ],
)
def test_what_is_asked_for_is_said_as_the_tool_names_it(
    kind: programs.Kind, asked: str, meant: str
) -> None:
    assert requests(Machine(), kind, [asked, asked]) == [meant]


def test_nix_env_knows_no_flakes() -> None:
    with pytest.raises(Refused, match=r"kept by nix-env"):
        requests(Machine(), "nix-env", [".#tool"])


@pytest.mark.parametrize(
    ("nix", "expected"),
    [
        (OLD, ["nix", "profile", "install"]),
        (NEW, ["/new/bin/nix", "profile", "add"]),
        (LIX, ["nix", "profile", "install"]),
    ],
)
def test_each_nix_is_asked_in_its_own_words(nix: Installation, expected: list[str]) -> None:
    argv = programs.install(PackageTool("nix profile", nix), "/p", ["nixpkgs#hello"])
    words = [word for word in argv if word in expected]
    assert words == expected
    assert argv[-3:] == ("--profile", "/p", "nixpkgs#hello")


def test_the_arguments_of_nix_env() -> None:
    tool = PackageTool("nix-env", OLD)
    by_name = programs.install(tool, "/p", ["hello", "tree"])
    assert by_name == (
        *("nix-env", "--profile", "/p", "--install"),
        *("--file", "<nixpkgs>", "--attr", "hello", "tree"),
    )
    assert programs.install(tool, "/p", [HELLO]) == (
        "nix-env",
        "--profile",
        "/p",
        "--install",
        HELLO,
    )
    assert programs.remove(tool, "/p", [HELLO])[-2:] == ("--uninstall", HELLO)


def test_which_nix_reads_which_manifest() -> None:
    for version, old in ((1, True), (2, True), (3, False)):
        manifest = Manifest(tool="nix profile", version=version, packages=())
        assert (programs.reads(OLD, manifest), programs.reads(NEW, manifest)) == (old, True)
    assert programs.reads(OLD, Manifest(tool="nix-env", version=None, packages=()))


def test_paths_that_were_built_are_read_in_every_form() -> None:
    text = f"""[{{"drvPath": "x.drv", "outputs": {{"out": "{HELLO}", "man": "{TREE}"}}}},
        "{HELLO}", {{"path": "{TREE}"}}]"""
    assert programs.built_paths(text) == [(HELLO, TREE), (HELLO,), (TREE,)]


def installed(name: str, path: str) -> InstalledPackage:
    return InstalledPackage(
        name=name,
        version="1",
        attribute=None,
        origin=None,
        locked=None,
        paths=(path,),
        outputs=(),
        priority=None,
        active=True,
    )


def test_what_to_remove_is_found_by_name_version_or_path() -> None:
    manifest = Manifest(
        tool="nix profile",
        version=3,
        packages=(installed("hello", HELLO), installed("tree", TREE)),
    )
    for wanted in ("hello", "hello-1", HELLO):
        chosen = choose_installed(manifest, [wanted, wanted])
        assert [package.name for package in chosen] == ["hello"]
    tool = PackageTool("nix profile", NEW)
    assert selectors(tool, manifest, chosen) == ["hello"]
    older = Manifest(tool="nix profile", version=2, packages=manifest.packages)
    assert selectors(tool, older, chosen) == [HELLO]
    with pytest.raises(NotFound) as missing:
        choose_installed(manifest, ["helo"])
    assert missing.value.todo[0] == "Did you mean hello?"
    with pytest.raises(NotFound) as missing:
        choose_installed(manifest, ["zzz"])
    assert missing.value.todo[0] == "There is hello, tree."


def test_flakes_are_enabled_by_both_features(tmp_path: Path) -> None:
    conf = tmp_path / "nix.conf"
    for text, enabled in (
        ("", False),
        ("experimental-features = nix-command", False),
        ("experimental-features = flakes nix-command", True),
        ("experimental-features = flakes\nextra-experimental-features = nix-command", True),
    ):
        conf.write_text(text + "\n")
        assert flakes_enabled(Machine(conf_dir=str(tmp_path))) is enabled


COLLISIONS = {
    "old": f"packages '{HELLO}/bin/x' and '{TREE}/bin/x' have the same priority 5; use 'nix-env'",
    "new": "Unable to build profile. There is a conflict for the following files:\n\n"
    f'         "{HELLO}/bin/x"\n         "{TREE}/bin/x"',
    "new profile": "An existing package already provides the following file:\n\n"
    f'  "{HELLO}/bin/x"\n\n'
    f'This is the conflicting file from the new package:\n\n  "{TREE}/bin/x"\n',
}


@pytest.mark.parametrize("said", COLLISIONS.values(), ids=COLLISIONS)
@pytest.mark.parametrize("in_a_log", [False, True])
def test_a_collision_is_recognised_wherever_it_is_said(said: str, in_a_log: bool) -> None:
    error = CommandFailed("nix-env failed.", stderr="" if in_a_log else said)
    if in_a_log:
        coloured = said.replace('"', '\x1b[35;1m"').split("\n")
        error.failed_builds = (FailedBuild("user-environment", "", tuple(coloured)),)
    assert "Both hello-1 and t-2 have that file" in suggestions(error)[0]


def test_a_broken_package_is_recognised() -> None:
    said = "error: Package ‘x-1’ in /nixpkgs/x.nix:3 is marked as broken, refusing to evaluate."
    assert "x-1" in suggestions(CommandFailed("failed.", stderr=said))[0]


def folder(place: Path, name: str) -> str:
    (place / name / "bin").mkdir(parents=True)
    return str(place / name)


def test_a_shell_takes_away_what_it_added_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    one = PackageShell(["one"], [folder(tmp_path, "one")])
    two = PackageShell(["two"], [folder(tmp_path, "two"), str(tmp_path / "none")])
    one.enter()
    one.enter()
    with two:
        assert os.environ["PATH"] == f"{two.path}:{one.path}:/usr/bin:/bin"
        assert entered() == (one, two)
        os.environ["PATH"] += ":/added"
        one.exit()
        one.exit()
        assert os.environ["PATH"] == f"{two.path}:/usr/bin:/bin:/added"
    assert os.environ["PATH"] == "/usr/bin:/bin:/added"
    assert entered() == ()
    assert "not in PATH" in repr(one)


def test_what_is_in_path_goes_when_the_extension_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: InteractiveShell, there: Machine
) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    before = os.environ["PATH"]
    kept = TemporaryDirectory(dir=tmp_path)
    PackageShell(["one"], [folder(tmp_path, "one")], kept).enter()
    run(shell, "%unload_ext luminous_nix_ipy")
    assert os.environ["PATH"] == before
    assert entered() == ()
    assert not os.path.exists(kept.name)


def test_the_shell_verb_shows_and_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: InteractiveShell, there: Machine
) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    before = os.environ["PATH"]
    assert run(shell, "%nix shell --exit") == "Nothing was put into PATH."
    PackageShell(["one"], [folder(tmp_path, "one")]).enter()
    assert "one: " in run(shell, "%nix shell")
    assert run(shell, "%nix shell --exit") == "one: no longer in PATH."
    assert os.environ["PATH"] == before
    assert "not both" in usage_error(shell, "%nix shell hello --exit")


def test_what_is_declared_needs_no_nix(shell: InteractiveShell, there: Machine) -> None:
    told = run(shell, "%nix install --declare hello nixpkgs#python3Packages.requests")
    assert (
        "environment.systemPackages = with pkgs; [\n  hello\n  python3Packages.requests\n]" in told
    )
    assert "home.packages = with pkgs; [" in told
    assert "Why so" in told and "write into configuration.nix" in told
    assert "take out of configuration.nix" in nix.remove("hello", declare=True)
    with pytest.raises(Refused, match="no attribute of nixpkgs"):
        nix.install("github:owner/repo#x", declare=True)


@pytest.mark.parametrize("verb", ["install", "remove", "shell"])
def test_a_playground_without_nix_says_what_it_needs(there: Machine, verb: str) -> None:
    arguments = {} if verb == "shell" else {"yes": True}
    with pytest.raises(NotFound, match="needs Nix") as refused:
        getattr(nix, verb)("hello", **arguments)
    assert any("%nix playground reset" in item for item in refused.value.todo)


def test_installed_reads_a_playgrounds_manifest(shell: InteractiveShell, there: Machine) -> None:
    frame = run(shell, "%nix installed")
    assert len(frame) and "kept by nix-env" in frame.attrs["summary"]
    assert frame.attrs["caption"].startswith("PLAYGROUND")
    assert list(frame.columns) == [
        *("name", "version", "origin", "attribute", "priority", "active"),
    ]
    more = nix.installed(all_columns=True)
    assert all(path.startswith(there.store_dir) for path in more.paths)
    assert '"tool": "nix-env"' in nix.installed(json=True)
    for profile in ("system", "home-manager"):
        with pytest.raises(Refused, match="made from a configuration"):
            nix.installed(profile=profile)
    with pytest.raises(NotFound):
        nix.installed(profile="nowhere")


def test_without_any_nix_it_says_where_to_get_it(
    path_without_nix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_without_nix)
    empty = Manifest(tool=None, version=None, packages=())
    with pytest.raises(NixError, match="needs Nix") as refused:
        asyncio.run(tool_of(Machine(), empty))
    assert "https://nixos.org/download" in refused.value.todo[0]
