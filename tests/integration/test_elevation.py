"""Root for a user who has it through real sudo and doas, and a password that is left nowhere."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.journal import read_journal
from luminous_nix_ipy.backend.model import NixOperation, OperationType
from luminous_nix_ipy.machine import Machine
from tests.provide.nix import NixPrograms
from tests.throwaway_user import (
    NAME,
    PASSWORD,
    UID,
    WITH_PASSWORD,
    WITHOUT_PASSWORD,
    ThrowawayUser,
    numbers,
    system_of_root,
    throwaway_user,
)

NewUser = Callable[..., ThrowawayUser]

old_nix = pytest.mark.parametrize("nix_programs", ["old"], indirect=True)

BEGIN = f"""
import asyncio, os, sys
import msgspec
from luminous_nix_ipy.backend.backend import NixBackend
from luminous_nix_ipy.backend.model import NixOperation, OperationType
from luminous_nix_ipy.errors import NixError
from luminous_nix_ipy.machine import Machine, local
from luminous_nix_ipy.tools import elevation
from luminous_nix_ipy.tools.elevated import Password
from luminous_nix_ipy.tools.process import run

machine = msgspec.json.decode(os.environ.get("MACHINE", "{{}}"), type=Machine)
backend = NixBackend(machine)

def elevate(password=None):
    return asyncio.run(elevation.elevate(machine, password and Password(password)))

def execute(kind, dry_run=False, **options):
    operation = NixOperation(OperationType[kind], dry_run=dry_run, options=options)
    result = asyncio.run(backend.execute(operation))
    if not result.success:
        raise result.data["exception"]
    return result.data

def tell(code):
    try:
        print(code())
    except NixError as error:
        print("\\n".join(error.lines()))

assert os.geteuid() == {UID}
"""
KNOWING = f"{BEGIN}\nPASSWORD = {PASSWORD!r}\n"


@pytest.fixture
def new_user() -> Iterator[NewUser]:
    with ExitStack() as users:
        yield lambda *rules: users.enter_context(throwaway_user(*rules))


def said(user: ThrowawayUser, code: str, **variables: str) -> list[str]:
    """What code prints when that user runs it, knowing the password."""
    done = user.python(KNOWING + code, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


NEEDED = "PasswordNeeded: Root is needed. Nothing was changed."
REFUSED = "Refused: Root is needed and cannot be had. Nothing was changed."
DOAS = f"permit nopass {NAME} as root\n"
WAYS = {
    # sudoers, doas.conf, the setting, what is said
    "sudo without": (WITHOUT_PASSWORD, "", "sudo,doas", ["sudo (no password)"]),
    "doas without": ("", DOAS, "sudo,doas", ["doas (no password)"]),
    "without before with": (WITH_PASSWORD, DOAS, "sudo,doas", ["doas (no password)"]),
    "in that order": (WITHOUT_PASSWORD, DOAS, "doas,sudo", ["doas (no password)"]),
    "only what is wanted": (WITH_PASSWORD, DOAS, "sudo", [NEEDED]),
    "sudo with": (WITH_PASSWORD, "", "sudo,doas,run0", [NEEDED]),
    "doas with": (
        "",
        f"permit {NAME} as root\n",
        "doas",
        [
            REFUSED,
            "doas would ask for a password, or does not let you: from here only sudo can be given "
            "one.",
        ],
    ),
    "none": (WITHOUT_PASSWORD, DOAS, "none", [REFUSED, "the setting elevation is none."]),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_needs_no_password_goes_first(new_user: NewUser, way: str) -> None:
    sudoers, doas, setting, words = WAYS[way]
    found = said(new_user(sudoers, doas), "tell(elevate)", LUMINOUS_NIX_ELEVATION=setting)
    assert found[: len(words)] == words


def test_sudo_says_whether_a_password_is_right(new_user: NewUser) -> None:
    code = """
tell(lambda: elevate("wrong"))
as_root = elevate(PASSWORD)
print(repr(as_root))
for stdin in (None, "for the program\\n"):
    done = asyncio.run(run(("sh", "-c", "id -u; cat"), elevated=as_root, stdin=stdin))
    print(repr(done.stdout))
as_root.forget()
print(asyncio.run(run(("id",), elevated=as_root, check=False)).returncode)
"""
    assert said(new_user(WITH_PASSWORD), code) == [
        "WrongPassword: sudo does not take that password. Nothing was changed.",
        "<Elevated: sudo (with a password)>",
        repr("0\n"),
        repr("0\nfor the program\n"),
        "1",
    ]


def test_a_user_whom_sudo_does_not_know(new_user: NewUser) -> None:
    found = said(new_user(), "tell(lambda: elevate(PASSWORD))")
    assert found[:2] == [REFUSED, f"sudo says: {NAME} is not in the sudoers file."]


def test_a_password_that_was_not_needed_is_not_read_by_the_program(new_user: NewUser) -> None:
    """The rules may need none for one program only, which nothing tells beforehand."""
    rules = f"{WITH_PASSWORD}{NAME} ALL=(ALL) NOPASSWD: /usr/bin/sh\n"
    code = """
as_root = elevate(PASSWORD)
print(repr(as_root), repr(asyncio.run(run(("sh", "-c", "cat"), elevated=as_root)).stdout))
"""
    assert said(new_user(rules), code) == ["<Elevated: sudo (with a password)> ''"]


@pytest.mark.parametrize("rules", [WITHOUT_PASSWORD, WITH_PASSWORD], ids=["without", "with"])
@pytest.mark.parametrize("pty", ["", "Defaults use_pty\n"], ids=["same group", "pty"])
def test_what_runs_as_root_ends_when_it_is_cancelled(
    new_user: NewUser, rules: str, pty: str
) -> None:
    code = """
import contextlib, time
from pathlib import Path

def there(mark):
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in file.read_bytes().split(b"\\0"):
                return True
    return False

async def main():
    mark = f"300.{os.getpid()}"
    work = asyncio.create_task(run(("sh", "-c", "sleep $0; true", mark), elevated=as_root))
    while not there(mark):
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    before = time.monotonic()
    work.cancel()
    try:
        await work
    except asyncio.CancelledError:
        print("cancelled", time.monotonic() - before < 2.5, there(mark))
"""
    password = "PASSWORD" if rules == WITH_PASSWORD else "None"
    code += f"as_root = elevate({password})\nasyncio.run(main())\n"
    assert said(new_user(pty + rules), code) == ["cancelled True False"]


@pytest.fixture
def system(nix_programs: NixPrograms) -> Iterator[Machine]:
    with system_of_root(nix_programs) as machine:
        yield machine


DELETE = 'tell(lambda: execute("DELETE_GENERATIONS", generations=[1])["report"].message)\n'


def test_a_user_deletes_and_collects_through_sudo(system: Machine, new_user: NewUser) -> None:
    user = new_user(WITHOUT_PASSWORD)
    code = """
dry = execute("DELETE_GENERATIONS", dry_run=True, generations=[1])["plan"]
print([c.root for c in dry.commands], dry.checks[0].reason)
print(execute("DELETE_GENERATIONS", generations=[1])["report"].message)
report = execute("GARBAGE_COLLECT", keep=1)["report"]
print(report.outcome, [c.root for c in report.commands], report.deleted_paths > 0)
print(execute("STATUS")["status"].elevation, backend.credentials.elevated)
"""
    assert said(user, code, MACHINE=user.machine(system)) == [
        "[True, True] changing the system needs root, which is had through sudo or doas.",
        "1 generation deleted.",
        "done [True, True, True] True",
        "through sudo or doas (not tried) None",
    ]
    assert numbers(system) == [3]
    assert Path(system.boot_dir, "asked").read_text() == "boot by 0\nboot by 0\n"
    journal = Path(system.system_journal_dir, "journal.jsonl")
    entries, problems = read_journal(system)
    assert problems == []
    assert [(e.operation, e.outcome, e.user) for e in entries] == [
        ("delete", "done", NAME),
        ("collect", "done", NAME),
    ]
    assert (journal.stat().st_uid, oct(journal.stat().st_mode)) == (0, "0o100644")
    assert oct(journal.parent.stat().st_mode) == "0o40755"
    assert Path(system.system_journal_dir, "change.lock").read_text() == ""


@old_nix
def test_where_a_password_is_needed_nothing_is_done_without(
    system: Machine, new_user: NewUser
) -> None:
    user = new_user(WITH_PASSWORD)
    given = """
with backend.credentials.given(elevate(PASSWORD)):
    print(execute("DELETE_GENERATIONS", generations=[1])["report"].message)
    print(execute("DELETE_GENERATIONS", generations=[2])["report"].message)
print(backend.credentials.elevated)
"""
    assert said(user, DELETE, MACHINE=user.machine(system))[0] == NEEDED
    assert numbers(system) == [1, 2, 3] and not os.path.exists(system.system_journal_dir)
    found = said(user, given, MACHINE=user.machine(system))
    assert found == ["1 generation deleted.", "1 generation deleted.", "None"]
    assert numbers(system) == [3]
    assert [e.outcome for e in read_journal(system)[0]] == ["done", "done"]


@old_nix
def test_one_change_at_a_time(system: Machine, new_user: NewUser) -> None:
    user = new_user(WITHOUT_PASSWORD)
    lock = Path(system.system_journal_dir, "change.lock")
    lock.parent.mkdir(parents=True)
    lock.write_text("4321 other\n")
    script = 'exec 9<>"$0" && flock 9 && echo held && read -r _'
    with subprocess.Popen(
        ["sh", "-c", script, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        found = said(user, DELETE, MACHINE=user.machine(system))
        holder.stdin.close()
    assert found[:2] == [
        "Refused: Another change is under way.",
        "Process 4321 is making it. Nothing was changed.",
    ]
    assert numbers(system) == [1, 2, 3]
    assert said(user, DELETE, MACHINE=user.machine(system)) == ["1 generation deleted."]


@old_nix
def test_without_a_journal_nothing_is_done(system: Machine, new_user: NewUser) -> None:
    user = new_user(WITHOUT_PASSWORD)
    journal = Path(system.system_journal_dir, "journal.jsonl")
    journal.mkdir(parents=True)
    found = said(user, DELETE, MACHINE=user.machine(system))
    assert found[0] == f"NixError: The journal {journal} cannot be written."
    assert numbers(system) == [1, 2, 3]


@old_nix
@pytest.mark.parametrize("rules", [WITHOUT_PASSWORD, WITH_PASSWORD], ids=["without", "with"])
def test_a_user_rolls_back_through_sudo(system: Machine, new_user: NewUser, rules: str) -> None:
    user = new_user(rules)
    code = f"""
password = PASSWORD if {rules == WITH_PASSWORD} else None
with backend.credentials.given(elevate(password)):
    report = execute("ROLLBACK", generation=2)["report"]
print(report.message, report.backup is not None)
print(execute("UNDO", dry_run=True)["plan"].target.number)
"""
    found = said(user, code, MACHINE=user.machine(system))
    assert found == ["Generation 2 is current and running. True", "3"]
    assert os.readlink(system.system_profile) == "system-2-link"
    assert Path(system.boot_dir, "asked").read_text() == "test by 0\nboot by 0\n"
    assert [(e.outcome, e.user) for e in read_journal(system)[0]] == [("done", NAME)]


@old_nix
def test_root_lets_go_when_it_is_interrupted(system: Machine, new_user: NewUser) -> None:
    """A collection that takes long; Nix lets one be interrupted at any time."""
    user = new_user(WITHOUT_PASSWORD)
    slow = user.home / "bin/nix-store"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\ntouch {slow}.begun\nsleep 300.54321\n")
    slow.chmod(0o755)
    code = f"""
async def main():
    operation = NixOperation(OperationType.GARBAGE_COLLECT, options=dict(keep=1))
    work = asyncio.create_task(backend.execute(operation))
    while not os.path.exists("{slow}.begun"):
        await asyncio.sleep(0.05)
    work.cancel()
    await asyncio.wait({{work}})
    print(work.cancelled())
asyncio.run(main())
"""
    path = f"{slow.parent}:{system.env['PATH']}"
    own = msgspec.structs.replace(system, env={**system.env, "PATH": path})
    assert said(user, code, MACHINE=user.machine(own)) == ["True"]
    (entry,) = read_journal(system)[0]
    assert entry.outcome == "interrupted"
    assert "Interrupted. Generations deleted: system 2, system 1;" in str(entry.error)
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "300.54321" not in processes
    again = 'print(execute("GARBAGE_COLLECT", keep=1)["report"].outcome)'
    assert said(user, again, MACHINE=user.machine(system)) == ["done"], "the lock is free"


@old_nix
def test_a_user_updates_the_channels_of_root(system: Machine, new_user: NewUser) -> None:
    user = new_user(WITHOUT_PASSWORD)
    code = """
data = execute("UPDATE", channels=True, inputs_only=True)
print([(str(c), c.root) for c in data["commands"]])
"""
    found = said(user, code, MACHINE=user.machine(system))
    assert found == ["[('nix-channel --update', True)]"]
    assert [(e.operation, e.outcome) for e in read_journal(system)[0]] == [("update", "done")]


@old_nix
def test_a_root_of_root_is_taken_away(system: Machine, new_user: NewUser) -> None:
    kept = asyncio.run(
        NixBackend(system).execute(
            NixOperation(OperationType.NOTE, options={"generation": 1, "keep": True})
        )
    )
    assert kept.data["generation"].kept
    code = """
print(execute("NOTE", generation=1)["generation"].kept)
print(execute("NOTE", generation=1, keep=False)["generation"].kept)
"""
    user = new_user(WITHOUT_PASSWORD)
    assert said(user, code, MACHINE=user.machine(system)) == ["True", "False"]
    assert os.listdir(f"{system.gcroots_dir}/luminous-nix") == []


@old_nix
def test_a_user_repairs_through_sudo(system: Machine, new_user: NewUser) -> None:
    user = new_user(WITHOUT_PASSWORD)
    lost = os.path.realpath(system.system_profile)
    shutil.rmtree(lost)
    code = """
report = execute("REPAIR")["report"]
print(report.message, [(c.argv[1], c.root) for c in report.commands])
"""
    found = said(user, code, MACHINE=user.machine(system))
    assert found == ["1 of 1 repaired. [('--repair-path', True)]"]
    assert os.path.exists(f"{lost}/bin/switch-to-configuration")
    assert [e.operation for e in read_journal(system)[0]] == ["repair"]


@old_nix
def test_reading_never_elevates(system: Machine, new_user: NewUser) -> None:
    """The sudo that is first in PATH tells of being asked."""
    user = new_user(WITHOUT_PASSWORD)
    asked, program = user.home / "asked", user.home / "bin/sudo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {asked}\nexec /usr/bin/sudo "$@"\n')
    program.chmod(0o755)
    code = f"""
for kind in ("STATUS", "LIST_GENERATIONS", "ROOTS"):
    execute(kind)
execute("DIFF", before="1", after="2")
execute("GARBAGE_COLLECT", dry_run=True, keep=1)
execute("ROLLBACK", dry_run=True, generation=2)
print(os.path.exists("{asked}"))
print([f.reason for f in execute("DOCTOR")["findings"] if f.what == "elevation"])
print(os.path.exists("{asked}"))
"""
    path = f"{program.parent}:{system.env['PATH']}"
    own = msgspec.structs.replace(system, env={**system.env, "PATH": path})
    assert said(user, code, MACHINE=user.machine(own)) == [
        "False",
        "['sudo (no password).']",
        "True",
    ]


@pytest.fixture
def seen() -> Iterator[Callable[[], str]]:
    """The arguments and variables of every process there was while the test went on."""
    found: set[bytes] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.005):
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        told = (process / name).read_bytes()
                    except OSError:
                        continue
                    # Tests beside this one say the password in their own source.
                    if b"\nPASSWORD = " not in told:
                        found.add(told)

    watch = threading.Thread(target=look)
    watch.start()
    yield lambda: b"\n".join(found).decode(errors="replace")
    ended.set()
    watch.join()


@old_nix
def test_the_password_is_nowhere(
    system: Machine, new_user: NewUser, seen: Callable[[], str]
) -> None:
    user = new_user(WITH_PASSWORD)
    code = """
import logging, pickle
logging.basicConfig(level=0)
logging.getLogger("luminous_nix_ipy").setLevel("DEBUG")
typed = Password(sys.stdin.readline().removesuffix("\\n"))
with backend.credentials.given(asyncio.run(elevation.elevate(machine, typed))):
    print(execute("DELETE_GENERATIONS", generations=[1])["report"])
    tell(lambda: execute("DELETE_GENERATIONS", generations=[3]))
    print(execute("ROLLBACK", generation=2)["report"])
    print(backend.credentials.elevated, vars(backend.credentials.elevated), vars(backend))
print(repr(typed), str(typed), f"{typed}", typed.line())
try:
    pickle.dumps(typed)
except TypeError as error:
    print(error)
"""
    done = user.python(
        BEGIN + code,
        stdin=f"{PASSWORD}\n",
        MACHINE=user.machine(system),
        PYTHONASYNCIODEBUG="1",
        LUMINOUS_NIX_LOG_LEVEL="DEBUG",
    )
    assert done.returncode == 0, done.stderr
    assert numbers(system) == [2, 3]
    assert done.stdout.splitlines()[-2:] == [
        "<password> <password> <password> b''",
        "A password is not copied and not saved.",
    ]
    processes = seen()
    assert "--delete-generations" in processes, "the deed's processes were seen"
    files = [
        f for top in (Path(system.home).parent, user.folder) for f in top.rglob("*") if f.is_file()
    ]
    assert {"journal.jsonl", "luminous-nix.log"} <= {file.name for file in files}
    for form in (PASSWORD, repr(PASSWORD)[1:-1], "correct horse"):
        assert form not in done.stdout + done.stderr + processes
        assert [file for file in files if form.encode() in file.read_bytes()] == []


def test_no_traceback_shows_the_password(new_user: NewUser) -> None:
    """As IPython's verbose mode and debugger would: all variables of every frame."""
    code = """
def frames(error):
    while error is not None:
        entry = error.__traceback__
        while entry is not None:
            if entry.tb_frame.f_code.co_filename.endswith(".py"):
                yield entry.tb_frame.f_locals
            entry = entry.tb_next
        error = error.__context__

async def ended():
    work = asyncio.create_task(run(("sleep", "60"), elevated=as_root))
    await asyncio.sleep(0.5)
    work.cancel()
    await work

as_root = elevate(PASSWORD)
for attempt in (
    lambda: asyncio.run(run(("false",), elevated=as_root)),
    lambda: asyncio.run(run(("sleep", "60"), elevated=as_root, timeout=0.2)),
    lambda: asyncio.run(run(("cat",), elevated=as_root, stdin="text", cwd="/no/such/folder")),
    lambda: asyncio.run(ended()),
    lambda: elevate("not " + PASSWORD),
):
    try:
        attempt()
    except BaseException as error:
        seen = [repr(value) for variables in frames(error) for value in variables.values()]
        print(type(error).__name__, len(seen) > 10, any("correct horse" in text for text in seen))
"""
    assert said(new_user(WITH_PASSWORD), code) == [
        "CommandFailed True False",
        "CommandFailed True False",
        "CommandFailed True False",
        "CancelledError True False",
        "WrongPassword True False",
    ]


@old_nix
def test_a_prompt_waits_for_nobody(system: Machine, new_user: NewUser) -> None:
    """Without a terminal and without a frontend, sudo's question would never be answered."""
    user = new_user(WITH_PASSWORD)
    code = """
from luminous_nix_ipy import machine as machines, nix
machines.use(machine)
tell(lambda: nix.delete(1, yes=True))
tell(lambda: nix.delete(1, yes=True, bg=True))
"""
    before = time.monotonic()
    found = said(user, code, MACHINE=user.machine(system))
    assert [line for line in found if line.startswith("PasswordNeeded")] == [NEEDED, NEEDED]
    assert time.monotonic() - before < 60 and numbers(system) == [1, 2, 3]
