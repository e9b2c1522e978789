"""Doctor and repair on real Nix: what is broken is found, mended through Nix, or truly told."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from luminous_nix_ipy import settings
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.backend.model import NixOperation, NixResult, OperationType
from luminous_nix_ipy.errors import ChangeFailed, NotFound, Refused
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Finding
from luminous_nix_ipy.store.boot_menu import boot_entry
from tests.private_nix import add_generation, build, package, run


def execute(machine: Machine, kind: OperationType, **options: Any) -> NixResult:
    dry_run = options.pop("dry_run", False)
    operation = NixOperation(kind, dry_run=dry_run, options=options)
    return asyncio.run(NixBackend(machine).execute(operation))


def doctor(machine: Machine, **options: Any) -> list[Finding]:
    result = execute(machine, OperationType.DOCTOR, **options)
    assert result.success, result.error
    found: list[Finding] = result.data["findings"]
    return found


def repair(machine: Machine, **options: Any) -> Any:
    result = execute(machine, OperationType.REPAIR, **options)
    assert result.success, result.error
    return result.data


def bad(findings: Any) -> list[tuple[str, str, str]]:
    wrong = [f for f in findings if f.severity in ("warning", "problem")]
    return [(f.what, f.severity, f.where) for f in wrong if f.what != "Nix setting"]


_WRITTEN = {"db", "temproots", ".links"}
"""Written by whatever opens the store."""


def contents(machine: Machine) -> dict[str, str]:
    """Every file and link of a machine's Nix -> what it is; but for SQLite's and its logs."""
    found = {}
    for top in (machine.store_dir, machine.state_dir, machine.boot_dir, machine.conf_dir):
        for folder, folders, files in os.walk(top):
            for name in (*folders, *files):
                path = os.path.join(folder, name)
                if os.path.islink(path):
                    found[path] = os.readlink(path)
                elif os.path.isfile(path) and not _WRITTEN & set(path.split("/")):
                    found[path] = Path(path).read_bytes().hex()
    with closing(sqlite3.connect(machine.database)) as connection:
        rows = connection.execute("select path, hash from ValidPaths order by path").fetchall()
    return found | {f"valid {path}": told for path, told in rows}


def corrupt(path: str) -> None:
    file = Path(path) / "content"
    for each in (Path(path), file):
        each.chmod(0o755)
    file.write_text("not what was built\n")
    file.chmod(0o444)
    Path(path).chmod(0o555)


@pytest.fixture
def machine(private_machine: Machine) -> Machine:
    """A machine with a profile of three generations."""
    all_three = " ".join(package(f"it-{number}.0") for number in (1, 2, 3))
    built = run(private_machine, "nix-build", "--no-out-link", "-E", f"[ {all_three} ]")
    for path in built.splitlines():
        add_generation(private_machine, "mine", path)
    return private_machine


def profile(machine: Machine) -> Path:
    return Path(machine.profiles_dir, "mine")


def test_a_healthy_machine_is_told_to_be_well(machine: Machine) -> None:
    found = doctor(machine, check=True)
    assert bad(found) == []
    well = {f.what for f in found if f.severity == "ok"}
    expected = {"database", "schema", "store paths", "profile", "gc roots", "store contents"}
    assert expected <= well
    report = repair(machine, check=True)["report"]
    assert report.outcome == "nothing to do"
    assert report.commands == ()
    assert read_journal(machine)[0] == []


def test_doctor_changes_nothing_and_does_not_read_contents_unasked(machine: Machine) -> None:
    path = os.path.realpath(profile(machine))
    corrupt(path)
    before = contents(machine)
    assert bad(doctor(machine)) == []
    assert ("store path", "problem", path) in bad(doctor(machine, check=True))
    assert contents(machine) == before


def test_a_changed_path_is_built_anew(machine: Machine) -> None:
    path = os.path.realpath(profile(machine))
    was = contents(machine)
    corrupt(path)
    broken = contents(machine)
    assert broken != was
    plan = repair(machine, check=True, dry_run=True)["plan"]
    assert contents(machine) == broken
    assert [c.argv for c in plan.commands] == [("nix-store", "--repair-path", path)]
    report = repair(machine, check=True)["report"]
    assert report.outcome == "done"
    assert report.commands == plan.commands
    assert [c.verdict for c in report.verified] == ["ok"]
    assert report.left == ()
    assert contents(machine) == was
    (entry,) = read_journal(machine)[0]
    assert (entry.operation, entry.outcome) == ("repair", "done")
    assert entry.commands == (f"nix-store --repair-path {path}",)
    assert bad(doctor(machine, check=True)) == []


def test_a_named_path_alone_is_repaired(machine: Machine) -> None:
    first, second = (os.path.realpath(f"{profile(machine)}-{n}-link") for n in (1, 2))
    corrupt(first)
    corrupt(second)
    report = repair(machine, paths=[f"{profile(machine)}-1-link"])["report"]
    assert [c.argv[-1] for c in report.commands] == [first]
    assert bad(doctor(machine, check=True)) == [("store path", "problem", second)]
    assert repair(machine, paths=[first])["report"].outcome == "nothing to do"


def test_a_path_that_is_gone_is_made_anew(machine: Machine) -> None:
    path = os.path.realpath(profile(machine))
    was = contents(machine)
    os.chmod(path, 0o755)
    shutil.rmtree(path)
    found = doctor(machine)
    assert ("store path", "problem", path) in bad(found)
    assert contents(machine).keys() >= {f"valid {path}"}
    report = repair(machine)["report"]
    assert report.outcome == "done"
    assert contents(machine) == was


def test_what_cannot_be_repaired_is_told_and_the_rest_repaired(machine: Machine) -> None:
    source = Path(machine.home, "content")
    source.write_text("it was here\n")
    added = run(machine, "nix-store", "--add", str(source))
    os.chmod(added, 0o644)
    Path(added).write_text("no derivation makes this\n")
    path = os.path.realpath(profile(machine))
    corrupt(path)
    result = execute(machine, OperationType.REPAIR, check=True)
    assert not result.success
    error = result.data["exception"]
    assert isinstance(error, ChangeFailed)
    assert error.what == "1 of 2 could not be repaired."
    report = result.data["report"]
    assert report.outcome == "failed"
    assert {c.verdict for c in report.verified} == {"ok", "failed"}
    assert bad(report.left) == [("store path", "problem", added)]
    assert added in next(c.reason for c in report.verified if c.verdict == "failed")
    assert read_journal(machine)[0][-1].outcome == "failed"
    assert Path(path, "content").read_text().strip() == ""
    assert os.path.exists(added)


def test_an_interrupted_repair_is_journalled_and_can_be_made_again(
    private_machine: Machine, tmp_path: Path
) -> None:
    machine = private_machine
    slow, started = tmp_path / "slow", tmp_path / "started"
    script = f"if test -e {slow}; then touch {started}; sleep 60; fi"
    path = build(machine, package("slow-1.0", script=script))
    corrupt(path)
    slow.touch()

    async def interrupt() -> None:
        operation = NixOperation(OperationType.REPAIR, options={"paths": [path]})
        task = asyncio.create_task(NixBackend(machine).execute(operation))
        while not started.exists():
            assert not task.done(), task.result()
            await asyncio.sleep(0.05)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupt())
    entry = read_journal(machine)[0][-1]
    assert entry.outcome == "interrupted"
    assert "fetch or build slow-1.0 anew" in str(entry.error)
    slow.unlink()
    assert bad(doctor(machine, check=True)) == [("store path", "problem", path)]
    assert repair(machine, paths=[path])["report"].outcome == "done"
    assert Path(path, "content").read_text().strip() == ""


def test_an_absolute_profile_link_is_written_as_nix_does(machine: Machine) -> None:
    link = profile(machine)
    link.unlink()
    link.symlink_to(f"{link}-2-link")
    assert bad(doctor(machine)) == [("profile", "warning", str(link))]
    assert repair(machine)["report"].outcome == "done"
    assert os.readlink(link) == "mine-2-link"
    assert len(list(link.parent.glob("mine-*-link"))) == 3
    assert bad(doctor(machine)) == []


def test_a_dangling_profile_link_leads_to_the_newest_that_is_whole(machine: Machine) -> None:
    link = profile(machine)
    Path(f"{link}-3-link").unlink()
    found = doctor(machine)
    assert bad(found) == [("profile", "problem", str(link))]
    plan = repair(machine, dry_run=True)["plan"]
    assert os.readlink(link) == "mine-3-link"
    assert plan.commands[0].argv[-2:] == ("--switch-generation", "2")
    repair(machine)
    assert os.readlink(link) == "mine-2-link"


def test_gaps_between_generations_are_noted(machine: Machine) -> None:
    Path(f"{profile(machine)}-2-link").unlink()
    notes = [f.reason for f in doctor(machine) if f.severity == "note" and f.what == "profile"]
    assert notes == ["Between its generations are missing: 2. Deleted ones leave such gaps."]
    assert bad(doctor(machine)) == []


def test_a_generation_whose_path_is_gone_is_reported_and_left(machine: Machine) -> None:
    link = Path(f"{profile(machine)}-1-link")
    link.unlink()
    link.symlink_to(f"{machine.store_dir}/{'0' * 32}-gone")
    assert bad(doctor(machine)) == [("generation", "problem", str(link))]
    report = repair(machine)["report"]
    assert report.outcome == "nothing to do"
    assert bad(report.left) == [("generation", "problem", str(link))]
    assert link.is_symlink()


def stale(machine: Machine) -> int:
    """How many stale gc roots are told of; nix-build has left some of its own."""
    for finding in doctor(machine):
        if finding.what == "stale gc roots":
            assert finding.severity == "note"
            return int(finding.reason.split()[0])
    return 0


def test_stale_gc_roots_are_noted_and_left_to_nix(machine: Machine, tmp_path: Path) -> None:
    result = tmp_path / "result"
    path = build(machine, package("rooted-1.0"))
    run(machine, "nix-store", "--realise", path, "--add-root", str(result), "--indirect")
    others = stale(machine)
    result.unlink()
    assert stale(machine) == others + 1
    before = contents(machine)
    assert repair(machine)["report"].outcome == "nothing to do"
    assert contents(machine) == before


def test_a_damaged_database_is_a_problem(machine: Machine) -> None:
    with closing(sqlite3.connect(machine.database)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    with open(machine.database, "r+b") as file:
        file.seek(0)
        file.write(b"no database at all, this")
    (first, *_) = doctor(machine)
    assert (first.what, first.severity, first.where) == ("database", "problem", machine.database)


def test_only_paths_of_the_store_are_repaired(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = execute(machine, OperationType.REPAIR, paths=[str(tmp_path / "file")])
    assert isinstance(result.data["exception"], NotFound)
    result = execute(machine, OperationType.REPAIR, paths=[machine.store_dir + "/x"], check=True)
    assert isinstance(result.data["exception"], Refused)


SYSTEM_SCRIPT = """\
mkdir -p $out/bin
printf '26.05' > $out/nixos-version
cat > $out/bin/switch-to-configuration <<'EOF'
#!/bin/sh
echo "$1" >> BOOT/asked
rm -f BOOT/loader/entries/nixos-generation-*.conf
for link in PROFILE-*-link; do
  number=${link#PROFILE-}
  echo title NixOS > BOOT/loader/entries/nixos-generation-${number%-link}.conf
done
EOF
chmod +x $out/bin/switch-to-configuration
"""


def test_the_boot_menu_is_written_anew(
    private_machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = private_machine
    # Who may change the system is not what is tested here.
    monkeypatch.setenv("LUMINOUS_NIX_ALLOW_UNPRIVILEGED", "true")
    settings.activate(None)
    script = SYSTEM_SCRIPT.replace("BOOT", machine.boot_dir)
    script = script.replace("PROFILE", machine.system_profile)
    for text in ("one", "two"):
        system = build(machine, package("nixos-system-it-1.0", text, script=script))
        add_generation(machine, "system", system)
    entries = Path(machine.boot_dir, "loader/entries")
    entries.mkdir(parents=True)
    for number in (1, 7):
        (entries / f"nixos-generation-{number}.conf").write_text("title NixOS\n")
    (entries / "other.conf").write_text("title Other\nlinux /nowhere\n")
    (entries / "nixos-generation-1.conf").write_text("title NixOS\nlinux /EFI/nixos/gone.efi\n")
    assert bad(doctor(machine)) == [
        ("boot menu", "problem", f"{entries}/nixos-generation-1.conf"),
        ("boot menu", "problem", str(entries)),
        ("boot menu", "warning", f"{entries}/nixos-generation-7.conf"),
    ]
    plan = repair(machine, dry_run=True)["plan"]
    assert [c.argv[1:] for c in plan.commands] == [("boot",)]
    assert not Path(machine.boot_dir, "asked").exists()
    report = repair(machine)["report"]
    assert report.outcome == "done"
    assert Path(machine.boot_dir, "asked").read_text() == "boot\n"
    assert {e.name for e in entries.iterdir()} == {
        "nixos-generation-1.conf",
        "nixos-generation-2.conf",
        "other.conf",
    }
    assert bad(doctor(machine)) == []


def test_failed_units_are_read_where_systemd_runs(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "systemctl"
    program.write_text(
        '#!/bin/sh\n[ "$*" = "--failed --output=json" ] || exit 9\n'
        'echo \'[{"unit":"ill.service","description":"An ill one"}]\'\n'
    )
    program.chmod(0o755)
    machine.env["PATH"] = f"{folder}:{machine.env['PATH']}"
    assert not [f for f in doctor(machine) if f.what.startswith("unit")]
    os.makedirs(f"{machine.run_dir}/systemd/system")
    assert bad(doctor(machine)) == [("unit", "problem", "ill.service")]
    program.write_text("#!/bin/sh\necho []\n")
    assert ("units", "ok") in [(f.what, f.severity) for f in doctor(machine)]
    program.write_text("#!/bin/sh\necho a table\n")
    assert ("units", "note") in [(f.what, f.severity) for f in doctor(machine)]


GRUB_SCRIPT = """\
mkdir -p $out/bin
printf '26.05' > $out/nixos-version
cat > $out/bin/switch-to-configuration <<EOF
#!/bin/sh
echo "\\$1" >> BOOT/asked
exec > BOOT/grub/grub.cfg
echo 'set default=0'
echo 'menuentry "NixOS - Default" {'
echo '  linux /kernels/bzImage init=$out/init'
echo '}'
echo 'submenu "NixOS - All configurations" {'
for link in PROFILE-*-link; do
  number=\\${link#PROFILE-}
  echo "menuentry \\"NixOS - Configuration \\${number%-link} (2026-01-01 - 26.05)\\" {"
  echo "  linux /kernels/bzImage init=\\$(readlink \\$link)/init"
  echo '}'
done
echo '}'
EOF
chmod +x $out/bin/switch-to-configuration
"""


def test_the_menu_of_grub_is_written_anew(
    private_machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = private_machine
    monkeypatch.setenv("LUMINOUS_NIX_ALLOW_UNPRIVILEGED", "true")
    settings.activate(None)
    boot = Path(machine.boot_dir)
    for folder in ("grub", "kernels"):
        (boot / folder).mkdir(parents=True)
    (boot / "kernels/bzImage").touch()
    script = GRUB_SCRIPT.replace("BOOT", machine.boot_dir)
    script = script.replace("PROFILE", machine.system_profile)
    paths = []
    for text in ("one", "two"):
        paths.append(build(machine, package("nixos-system-it-1.0", text, script=script)))
        add_generation(machine, "system", paths[-1])
    menu = boot / "grub/grub.cfg"
    menu.write_text(
        f'menuentry "NixOS - Default" {{\n linux /kernels/bzImage init={paths[0]}/init\n}}\n'
        'submenu "NixOS - All configurations" {\n'
        'menuentry "NixOS - Configuration 7 (2026-01-01 - 26.05)" {\n linux /kernels/gone\n}\n}\n'
    )
    assert boot_entry(machine) == paths[0]
    assert bad(doctor(machine)) == [
        ("boot menu", "problem", str(menu)),
        ("boot menu", "warning", str(menu)),
    ]
    before = menu.read_text()
    plan = repair(machine, dry_run=True)["plan"]
    assert [c.argv for c in plan.commands] == [(f"{paths[1]}/bin/switch-to-configuration", "boot")]
    assert menu.read_text() == before and not (boot / "asked").exists()
    assert repair(machine)["report"].outcome == "done"
    assert (boot / "asked").read_text() == "boot\n"
    assert boot_entry(machine) == paths[1]
    assert bad(doctor(machine)) == []
