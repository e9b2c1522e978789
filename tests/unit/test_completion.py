"""What <tab> offers, where it puts it, and that it never fails, waits or runs anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from luminous_nix_ipy import machine
from luminous_nix_ipy.backend.forcing import FORCEABLE, known_checks
from luminous_nix_ipy.completion import complete
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.verbs import VERBS
from tests.shell import new_shell


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profiles folder with `system` of 12 generations and `test-box` of 3."""
    folder = tmp_path / "var" / "profiles"
    folder.mkdir(parents=True)
    for name, count in (("system", 12), ("test-box", 3)):
        for number in range(1, count + 1):
            (folder / f"{name}-{number}-link").symlink_to("/nowhere")
        (folder / name).symlink_to(f"{name}-{count}-link")
    monkeypatch.setenv("NIX_STATE_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("NIX_STORE_DIR", str(tmp_path / "store"))
    return folder


def offered(text: str) -> list[str]:
    completions = complete(text)
    assert completions is not None, text
    return [word for word, _ in completions.found]


def test_verbs_options_numbers_and_profiles(profiles: Path) -> None:
    assert offered("%nix ") == list(VERBS)
    assert offered("%nix rol") == offered("x = %nix rol") == offered("%%nix rol") == ["rollback"]
    assert offered("  %nix rol") == offered("frames['a'] = %nix rol") == ["rollback"]
    assert offered("%nix rollback --t") == ["--to", "--test"]
    assert offered("%nix rollback --to x --t") == ["--test"]
    assert offered("%nix --j") == ["--json"]
    numbers = [str(number) for number in range(12, 0, -1)]
    assert offered("%nix rollback ")[:12] == numbers
    assert "--dry-run" in offered("%nix rollback ")
    assert offered("%nix rollback 1") == ["12", "11", "10", "1"]
    assert offered("%nix rollback --yes 1") == ["12", "11", "10", "1"]
    assert offered("%nix note ")[:12] == numbers
    assert offered("%nix delete ")[:12] == numbers
    assert offered("%nix delete 12 1") == ["11", "10", "1"]
    assert offered("%nix require --current 1") == ["12", "11", "10", "1"]
    assert offered("%nix diff c") == ["current"]
    assert offered("%nix diff 3 1") == ["12", "11", "10", "1"]
    assert offered("%nix list --profile ") == ["system", "test-box"]
    assert offered("%nix list --profile=t") == ["test-box"]
    assert offered("%nix rollback --profile test-box ")[:3] == ["3", "2", "1"]
    assert offered("%nix rollback --profile=test-box ")[:3] == ["3", "2", "1"]
    assert offered("%nix playground r") == ["reset"]
    assert offered("%nix help rol") == ["rollback"]


def test_what_is_to_be_explained_is_completed_as_it_would_be(profiles: Path) -> None:
    assert offered("%nix explain ") == list(VERBS)
    assert offered("%nix explain rol") == ["rollback"]
    assert offered("%nix explain rollback 1") == ["12", "11", "10", "1"]
    assert offered("%nix explain rollback --t") == ["--to", "--test"]
    assert offered("%nix explain list --profile ") == ["system", "test-box"]
    assert offered("%nix explain --h") == offered("%nix help --h") == ["--help"]


def test_what_is_installed_can_be_removed(
    tmp_path: Path, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, names in ((one, ("hello", "htop", "tree")), (two, ("other",))):
        folder.mkdir()
        elements = {
            name: {"active": True, "storePaths": [f"/nix/store/{'0' * 32}-{name}-1"], "priority": 5}
            for name in names
        }
        manifest = {"version": 3, "elements": elements}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    assert offered("%nix remove h") == []
    for name, folder in (("mine", one), ("box", two)):
        (profiles / f"{name}-1-link").symlink_to(folder)
        (profiles / name).symlink_to(f"{name}-1-link")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.nix-profile").symlink_to(profiles / "mine")
    assert offered("%nix remove h") == ["hello", "htop"]
    assert offered("%nix remove ")[:3] == ["hello", "htop", "tree"]
    assert offered("%nix remove hello h") == ["htop"]
    assert offered("%nix remove --profile box ")[:1] == ["other"]
    assert offered("%nix explain remove t") == ["tree"]
    (two / "manifest.json").write_text("{")
    (profiles / "broken").symlink_to("broken-1-link")
    (profiles / "broken-1-link").symlink_to(tmp_path / "three")
    assert offered("%nix remove --profile broken o") == []


def test_nothing_is_offered_where_nothing_is_known(profiles: Path) -> None:
    assert offered("%nix frobnicate ") == []
    assert offered("%nix rollback --profile nowhere 1") == []
    assert offered("%nix note 3 'words ") == []
    assert offered("%nix rollback 3 4") == []
    assert offered("%nix journal --last ") == []
    for text in ("%nix", "nix ", "%nixos ", "# %nix ", "print('%nix ", "%matplotlib "):
        assert complete(text) is None, text


def test_where_there_is_no_nix_numbers_are_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIX_STATE_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("NIX_STORE_DIR", str(tmp_path / "nowhere"))
    assert offered("%nix rollback 1") == []
    assert offered("%nix list --profile ") == []


def test_units_and_checks(profiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("etc", "run"):
        monkeypatch.setenv(f"LUMINOUS_NIX_{place.upper()}_DIR", str(tmp_path / place))
    assert offered("%nix rollback --expect-unit ") == []
    made = {"etc": ("nginx.service", "nix-gc.timer", "getty@.service", "dbus.service.d"),
            "run": ("nginx.service", "srv.mount", "x.slice")}  # fmt: skip
    for place, names in made.items():
        for name in names:
            (tmp_path / place / "systemd" / "system" / name).mkdir(parents=True)
    units = ["nginx.service", "nix-gc.timer", "srv.mount"]
    assert offered("%nix rollback --expect-unit ") == units
    assert offered("%nix switch --expect-unit=ni") == ["nix-gc.timer"]
    assert offered("%nix undo --expect-unit nginx.service --expect-unit s") == ["srv.mount"]
    machine.use(Machine(etc_dir=str(tmp_path / "etc"), playground="/somewhere"))
    assert offered("%nix rollback --expect-unit ") == []
    machine.use(None)
    assert "disk-space" in offered("%nix rollback --force ")
    assert known_checks(offered("%nix rollback --force ")) == FORCEABLE
    assert offered("%nix switch --force live") == ["live-switch"]


def test_a_new_generation_is_offered_at_once(profiles: Path) -> None:
    assert offered("%nix note 13") == []
    (profiles / "system-13-link").symlink_to("/nowhere")
    os.utime(profiles)
    assert offered("%nix note 13") == ["13"]
    (profiles / "late").symlink_to("late-1-link")
    (profiles / "late-1-link").symlink_to("/nowhere")
    os.utime(profiles)
    assert offered("%nix list --profile la") == ["late"]


@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from([*VERBS, "--profile", "--to", "-", "--", "=", "'", '"', "41", "\\"])
        ).map(lambda words: "%nix " + " ".join(words)),
    )
)
@example("%nix " + "\x00")
@example("%nix list --profile=\x00")
@example("%nix list --profile \x00 ")
@example("%nix rollback --profile ~ ")
@example("%nix rollback --profile '' ")
@example("x = %nix " + "=" * 5000)
@example("'" * 5000 + "=%nix ")
def test_whatever_is_typed(text: str) -> None:
    completions = complete(text)
    if completions is not None:
        assert text.endswith(completions.fragment)
        for word, _ in completions.found:
            assert word.startswith(completions.fragment)


def test_the_folder_is_listed_once_for_all_keys_pressed(
    profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ten thousand generations listing it is what takes the time."""
    for number in range(13, 10_001):
        (profiles / f"system-{number}-link").symlink_to("/nowhere")
    offered("%nix rollback 99")
    listed: list[object] = []
    for name in ("scandir", "listdir"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda path=".", real=real: (listed.append(path), real(path))[1]
        )
    assert len(offered("%nix rollback 99")) == 111
    assert listed == []


@pytest.fixture
def shell(profiles: Path) -> Iterator[InteractiveShell]:
    with new_shell() as shell:
        yield shell


@pytest.mark.parametrize(
    ("cell", "start", "expected"),
    [
        ("%nix rol", 5, ["rollback"]),
        ("x = %nix rol", 9, ["rollback"]),
        ("a = 1\nx = %nix rollback --te", 24, ["--test"]),
        ("%%nix no", 6, ["note"]),
        ("%nix list --profile=te", 20, ["test-box"]),
        ("%nix rollback 12", 14, ["12"]),
    ],
)
def test_in_ipython_it_replaces_the_word_at_the_cursor(
    shell: InteractiveShell, cell: str, start: int, expected: list[str]
) -> None:
    with provisionalcompleter():
        found = list(shell.Completer.completions(cell, len(cell)))
    assert [completion.text for completion in found] == expected
    assert {(c.start, c.end) for c in found} == {(start, len(cell))}


def test_python_is_completed_as_ever(shell: InteractiveShell) -> None:
    shell.push({"a_long_name": 1})
    assert "a_long_name" in shell.Completer.complete("a_lo")[1]
    assert any("matplotlib" in match for match in shell.Completer.complete("%matpl")[1])


def test_files_are_offered_for_a_path(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "result").symlink_to("/nowhere")
    line = "%nix diff ./res"
    with provisionalcompleter():
        found = [c.text for c in shell.Completer.completions(line, len(line))]
    assert "./result" in found


def test_it_imports_nothing_heavy_and_runs_nothing() -> None:
    code = textwrap.dedent("""
        import sys
        from luminous_nix_ipy.completion import complete
        started = []
        sys.addaudithook(lambda event, args: started.append(event)
                         if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec")
                         else None)
        for text in ("%nix ", "%nix rollback ", "%nix list --profile ", "%nix diff --",
                     "%nix rollback --expect-unit ", "%nix rollback --force "):
            complete(text)
        assert not started, started
        print(*sorted({"pandas", "asyncio", "rich", "sqlite3", "ipywidgets"} & set(sys.modules)))
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
