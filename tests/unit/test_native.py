"""The module of nixos-rebuild is found by looking at files, and only where it can be trusted."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from luminous_nix_ipy import NixBackend, NixOperation, OperationType
from luminous_nix_ipy.errors import NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.tools import native, native_search
from luminous_nix_ipy.tools.native_search import VARIABLE, locate, writable_by_others
from luminous_nix_ipy.tools.native_worker import FORMS, compare, parts
from tests import fake_system
from tests.nixos_rebuild_stand_ins import (
    compiled_wrapper,
    make_era,
    make_module,
    python_program,
    shell_wrapper,
)

BASH_VERSION = (
    "#!/bin/sh\nset -e\n# nixos-rebuild --help\nexec ${EDITOR:-nano} $p/bin/nixos-rebuild\n"
)


@pytest.fixture(autouse=True)
def own_files() -> Iterator[None]:
    """Files that only their owner can write, whatever the machine's habit is."""
    old = os.umask(0o022)
    yield
    os.umask(old)


class System:
    """A machine whose PATH is one folder, with a nixos-rebuild as nixpkgs builds it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir(parents=True)
        self.machine = fake_system.make_machine(root, env={"PATH": str(self.bin)})
        self.package_root = root / "store/0123-nixos-rebuild-ng-26.05"
        self.site_packages = self.package_root / "lib/python3.13/site-packages"
        self.interpreter = self.write(root / "store/4567-python3-3.13.8/bin/python3.13", "ELF")

    def write(self, path: Path, text: str | bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(0o755)
        return path

    def add_ng(self, wrapper: str = "shell", name: str = "nixos-rebuild") -> Path:
        """Add nixos-rebuild-ng behind a wrapper; returns its module's folder."""
        program = self.package_root / f"bin/{name}"
        wrapped = program.with_name(f".{name}-wrapped")
        text = python_program(str(self.interpreter), self.site_packages, self.root / "gone")
        self.write(wrapped, text)
        if wrapper == "shell":
            self.write(program, shell_wrapper(wrapped))
        elif wrapper == "compiled":
            self.write(program, compiled_wrapper(wrapped))
        else:
            wrapped.rename(program)
        (self.bin / name).symlink_to(program)
        return make_era(self.site_packages, "2026-09")


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path / "machine")


@pytest.mark.parametrize("wrapper", ["shell", "compiled", "none"])
def test_the_module_is_found_behind_every_wrapper(system: System, wrapper: str) -> None:
    package = system.add_ng(wrapper)
    module = locate(system.machine)
    assert module.package == str(package)
    assert module.interpreter == str(system.interpreter)
    assert module.search_path == (str(system.site_packages),), "folders that are gone are left out"
    assert module.program == str(system.bin / "nixos-rebuild")


def test_a_wrapper_of_a_wrapper_is_followed(system: System) -> None:
    system.add_ng()
    (system.bin / "nixos-rebuild").unlink()
    own = f'#!/bin/sh\nexec {system.package_root}/bin/nixos-rebuild --fast "$@"\n'
    system.write(system.bin / "nixos-rebuild", own)
    assert locate(system.machine).interpreter == str(system.interpreter)


def test_wrappers_that_name_each_other_end(system: System) -> None:
    for name, other in (
        ("nixos-rebuild", "nixos-rebuild-ng"),
        ("nixos-rebuild-ng", "nixos-rebuild"),
    ):
        system.write(system.bin / name, f"#!/bin/sh\nexec {system.bin / other}\n")
    with pytest.raises(NotFound, match="It is a shell script, not nixos-rebuild-ng"):
        locate(system.machine)


def test_the_shell_version_has_no_module(system: System) -> None:
    program = system.write(system.bin / "nixos-rebuild", BASH_VERSION)
    with pytest.raises(NotFound) as caught:
        locate(system.machine)
    assert str(caught.value) == (
        f"{program} has no Python module. It is a shell script, not nixos-rebuild-ng."
    )
    assert native.find(system.machine) is None


def test_ng_beside_the_shell_version_is_taken(system: System) -> None:
    system.write(system.bin / "nixos-rebuild", BASH_VERSION)
    package = system.add_ng(name="nixos-rebuild-ng")
    assert locate(system.machine).package == str(package)


def test_a_compiled_program_that_names_no_other(system: System) -> None:
    system.write(system.bin / "nixos-rebuild", b"\x7fELF" + bytes(100))
    with pytest.raises(NotFound, match="compiled program, and names no Python program"):
        locate(system.machine)


def test_the_running_systems_is_found_when_path_has_none(system: System) -> None:
    package = system.add_ng()
    software = Path(system.machine.current_system, "sw/bin")
    software.mkdir(parents=True)
    (system.bin / "nixos-rebuild").rename(software / "nixos-rebuild")
    assert locate(system.machine).package == str(package)


def test_none_at_all(system: System) -> None:
    with pytest.raises(NotFound, match=r"There is no nixos-rebuild on this machine\. Neither PATH"):
        locate(system.machine)


@pytest.mark.parametrize("line", ["#!/usr/bin/env python3.13", "#!/usr/bin/env -S A=1 python3.13"])
def test_an_interpreter_from_path(system: System, line: str) -> None:
    (system.bin / "python3.13").symlink_to(system.interpreter)
    system.write(system.package_root / "bin/nixos-rebuild", f"{line}\nimport nixos_rebuild\n")
    (system.bin / "nixos-rebuild").symlink_to(system.package_root / "bin/nixos-rebuild")
    package = make_era(system.site_packages, "2026-09")
    module = locate(system.machine)
    assert (module.package, module.interpreter) == (str(package), str(system.bin / "python3.13"))


def test_an_interpreter_that_path_has_not(system: System) -> None:
    system.write(system.bin / "nixos-rebuild", "#!/usr/bin/env python3.99\n")
    with pytest.raises(NotFound, match=r"first line names python3\.99, which is not in PATH"):
        locate(system.machine)


def test_an_interpreter_that_is_gone(system: System) -> None:
    system.add_ng()
    system.interpreter.unlink()
    with pytest.raises(NotFound, match=r"python3\.13 cannot be looked at\. No such file"):
        locate(system.machine)


def test_a_python_program_without_the_module(system: System) -> None:
    text = python_program(str(system.interpreter), system.root / "elsewhere/site-packages")
    program = system.write(system.bin / "nixos-rebuild", text)
    with pytest.raises(NotFound) as caught:
        locate(system.machine)
    assert caught.value.what == f"No Python module nixos_rebuild belongs to {program}."
    assert "elsewhere/site-packages" in caught.value.why


@pytest.mark.parametrize("which", ["package", "folder", "link"])
def test_the_variable_names_the_module(
    system: System, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    system.add_ng()
    package = make_era(system.root / "mine", "2025")
    (system.root / "link").symlink_to(package.parent)
    named = {"package": package, "folder": package.parent, "link": system.root / "link"}[which]
    monkeypatch.setenv(VARIABLE, str(named))
    module = locate(system.machine)
    assert module.package == str(package)
    assert module.interpreter == str(system.interpreter), "nixos-rebuild's own, where there is one"
    assert module.search_path == (str(package.parent), str(system.site_packages))
    assert module.program is None


@pytest.mark.parametrize("named", ["/no/such/folder", "/", "two\nlines", "relative"])
def test_a_variable_that_names_no_module_is_told(
    system: System, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    system.add_ng()
    monkeypatch.setenv(VARIABLE, named)
    with pytest.raises(NotFound) as caught:
        locate(system.machine)
    assert caught.value.what == f"There is no Python module nixos_rebuild in {named}."
    assert VARIABLE in caught.value.why


def test_interpreters_for_a_module_without_a_program(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(make_era(system.root / "mine", "2025")))
    assert locate(system.machine).interpreter == sys.executable
    for name in ("python3.2", "python3.11", "python3.12", "python3.x"):
        system.write(system.bin / name, b"\x7fELF")
    system.write(system.bin / "python3.14", "#!/bin/sh\n# a shim that may lead nowhere\n")
    assert locate(system.machine).interpreter == str(system.bin / "python3.12")
    system.write(system.bin / "python3.13", b"\x7fELF")
    assert locate(system.machine).interpreter == str(system.bin / "python3.13")
    of_its_version = make_era(system.root / "lib/python3.12/site-packages", "2025")
    monkeypatch.setenv(VARIABLE, str(of_its_version))
    assert locate(system.machine).interpreter == str(system.bin / "python3.12")


def test_what_others_can_write_is_refused(system: System) -> None:
    package = system.add_ng()
    (package / "data").mkdir()
    for path in (
        package / "nix.py",
        package,
        package / "data",
        system.site_packages,
        system.package_root,
        system.root,
        system.interpreter,
        system.package_root / "bin/.nixos-rebuild-wrapped",
        system.package_root / "bin/nixos-rebuild",
        system.bin,
    ):
        for more in (0o020, 0o002):
            mode = path.stat().st_mode
            path.chmod(mode | more)
            with pytest.raises(Refused) as caught:
                locate(system.machine)
            assert caught.value.why == f"Somebody other than root and you can change {path}."
            assert f"chmod go-w {path}" in caught.value.todo[0]
            assert native.find(system.machine) is None
            path.chmod(mode)
    assert locate(system.machine).package == str(package)


def test_a_sticky_folder_is_not_refused_but_a_sticky_file_is(system: System) -> None:
    package = system.add_ng()
    system.root.chmod(0o1777)
    assert locate(system.machine).package == str(package)
    (package / "nix.py").chmod(0o1666)
    with pytest.raises(Refused):
        locate(system.machine)


def test_what_belongs_to_others_is_refused(system: System) -> None:
    package = system.add_ng()
    real = os.lstat

    def lstat(path: str) -> os.stat_result:
        status = real(path)
        if str(path) == str(package / "models.py"):
            return os.stat_result((*status[:4], os.geteuid() + 4321, *status[5:]))
        return status

    with patch.object(native_search.os, "lstat", lstat), pytest.raises(Refused) as caught:
        locate(system.machine)
    assert str(package / "models.py") in caught.value.why


def test_a_link_on_the_way_counts(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed/file").touch()
    (tmp_path / "open/link").symlink_to("../closed")
    assert writable_by_others(str(tmp_path / "open/link/file")) is None
    (tmp_path / "open").chmod(0o777)
    assert writable_by_others(str(tmp_path / "open/link/file")) == str(tmp_path / "open")
    with pytest.raises(OSError):
        writable_by_others(str(tmp_path / "gone"))


def test_a_named_module_that_others_can_write_is_refused(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make_module(system.root / "mine")
    package.parent.chmod(0o777)
    monkeypatch.setenv(VARIABLE, str(package))
    with pytest.raises(Refused, match=str(package.parent)):
        locate(system.machine)


def test_a_playground_uses_none(system: System) -> None:
    system.add_ng()
    machine = Machine(env=system.machine.env, playground="/p")
    assert native.find(machine) is None
    assert native.describe(machine) == "none: A playground uses no module of nixos-rebuild."


def test_the_backend_has_it_without_starting_anything(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "luminous_nix_ipy.tools.process")
    backend = NixBackend(system.machine)
    assert backend.async_api is None
    package = system.add_ng()
    assert backend.async_api is not None
    assert backend.async_api.module.package == str(package)
    assert repr(backend.async_api) == f"<NativeWorker: {package}>"
    assert not caplog.records
    assert "nixos_rebuild" not in sys.modules


def test_the_status_says_which(system: System) -> None:
    fake_system.add_generation(
        system.machine.system_profile, 1, fake_system.add_system(system.machine, "26.05")
    )
    fake_system.select(system.machine.system_profile, 1)

    def told() -> str:
        operation = NixOperation(OperationType.STATUS)
        result = asyncio.run(NixBackend(system.machine).execute(operation))
        assert result.success, result.error
        return str(result.data["status"].nixos_rebuild_module)

    assert told().startswith("none: There is no nixos-rebuild on this machine.")
    package = system.add_ng()
    assert told() == f"{package}, run by {system.interpreter}"
    package.chmod(0o777)
    assert told().startswith("none: The Python module of nixos-rebuild is not used. Somebody")


def test_every_form_is_written_so_that_it_is_understood() -> None:
    for forms in FORMS.values():
        for form in forms:
            name, arguments, flags = parts(form)
            assert name.startswith(("nix.", "models."))
            assert arguments
            assert f"{name}({', '.join([*arguments, *['**'][:flags]])})" == form


@pytest.mark.parametrize(
    ("signature", "form", "words"),
    [
        ("a, b=1", "f(a, b)", ""),
        ("a, b, c=None", "f(a, b)", ""),
        ("a, *rest, b=1", "f(a, b)", ""),
        ("a, **flags", "f(a, **)", ""),
        ("a", "f(a, b)", "it lacks b"),
        ("a, b, c", "f(a, b)", "it also needs c"),
        ("a, /, b", "f(a, b)", "it lacks a"),
        ("x, b", "f(a, b)", "it lacks a and it also needs x"),
        ("a, **flags", "f(a)", "it takes flags as keywords"),
        ("a", "f(a, **)", "it takes no flags as keywords"),
    ],
)
def test_differences_of_signatures(signature: str, form: str, words: str) -> None:
    import inspect

    scope: dict[str, object] = {}
    exec(f"def f({signature}): ...", scope)
    _, names, flags = parts(form)
    assert " and ".join(compare(inspect.signature(scope["f"]), names, flags)) == words  # type: ignore[arg-type]
