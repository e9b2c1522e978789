"""What provides the tests' needs: decisions, formats of apt's sources, locks, and the skips."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from tests.provide import apt, nix, sid, things
from tests.provide.__main__ import main
from tests.provide.apt import CannotProvide, Source
from tests.provide.cache import cache_dir, locked
from tests.provide.things import Thing
from tests.require import require

DEB822 = """\
# comment
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
"""
ONE_LINE = """\
# deb http://off.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://tools.example/linux/debian bookworm stable
deb http://mirror.example/debian bookworm main contrib # ours
deb-src http://mirror.example/debian bookworm main
deb nonsense
"""


def fake_program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/h"}, "/h/.cache/luminous-nix-tests"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "/c/luminous-nix-tests"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c", "LUMINOUS_NIX_TEST_CACHE": "/t"}, "/t"),
    ],
)
def test_the_cache_is_outside_the_checkout(environ: dict[str, str], folder: str) -> None:
    assert cache_dir(environ) == Path(folder)


def test_two_runs_never_provide_the_same_thing_at_once(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path, "nix-new"):
            order.append("second")

    with locked(tmp_path, "nix-new"):
        thread = threading.Thread(target=second)
        thread.start()
        with locked(tmp_path, "apt"):
            time.sleep(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_os_release_is_read_with_its_quotes(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text('# a comment = none\nID=ubuntu\nID_LIKE="debian"\nNAME="Ubuntu Linux"\n')
    assert apt.os_release(file) == {"ID": "ubuntu", "ID_LIKE": "debian", "NAME": "Ubuntu Linux"}
    assert apt.os_release(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("release", "user", "apt_get", "words"),
    [
        ({"ID": "debian"}, 0, "/usr/bin/apt-get", ""),
        ({"ID": "ubuntu"}, 0, "/usr/bin/apt-get", ""),
        ({"ID": "mint", "ID_LIKE": "ubuntu debian"}, 0, "/usr/bin/apt-get", ""),
        ({"ID": "debian"}, 1000, "/usr/bin/apt-get", "Only root"),
        ({"ID": "nixos", "NAME": "NixOS"}, 0, None, "This is NixOS without apt-get"),
        ({"ID": "debian", "NAME": "Debian"}, 0, None, "This is Debian without apt-get"),
        ({}, 0, "/usr/bin/apt-get", "a system without apt-get"),
    ],
)
def test_packages_are_installed_by_root_on_debian_and_its_family_only(
    release: dict[str, str], user: int, apt_get: str | None, words: str
) -> None:
    reason = apt.why_not(release, user, apt_get)
    assert words in reason and bool(reason) == bool(words)


def test_both_formats_of_sources_are_read(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    (tmp_path / "sources.list.d/old.sources.disabled").write_text(DEB822)
    assert apt.read_sources(tmp_path) == [
        Source("http://tools.example/linux/debian", ("bookworm",), ("stable",), "/k.gpg"),
        Source("http://mirror.example/debian", ("bookworm",), ("main", "contrib")),
        Source(
            "http://mirror.example/debian",
            ("bookworm", "bookworm-updates"),
            ("main",),
            "/usr/share/keyrings/debian-archive-keyring.gpg",
        ),
        Source("http://mirror.example/debian-security", ("bookworm-security",), ("main",)),
    ]


def test_the_archive_is_neither_a_third_partys_nor_the_security_one() -> None:
    sources = [
        Source("http://tools.example/linux/debian", ("bookworm",), ("stable",)),
        Source("http://mirror.example/debian-security", ("bookworm-security",), ("main",)),
        Source("http://mirror.example/debian", ("bookworm",), ("main",)),
    ]
    assert apt.debian_archive(sources, "bookworm") is sources[2]
    assert apt.debian_archive(sources[:2], "bookworm") is None
    assert apt.debian_archive([Source("u", ("stable",), ("main",))], "bookworm") is not None


def test_sid_comes_from_the_mirror_in_use_and_its_signature_is_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keyring = tmp_path / "keyring.gpg"
    keyring.touch()
    fake_program(tmp_path / "bin/dpkg", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    sources = [Source("http://mirror.example/debian", ("stable",), ("main",), str(keyring))]
    chosen = sid.choose_mirror(sources, {})
    assert chosen == ("http://mirror.example/debian", str(keyring))
    line = sid.source_line(*chosen)
    assert line == f"deb [signed-by={keyring}] http://mirror.example/debian sid main\n"
    other = sid.choose_mirror(sources, {sid.MIRROR: "http://other.example/debian"})
    assert other[0] == "http://other.example/debian"


def test_without_a_mirror_or_keys_the_new_nix_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(CannotProvide, match=f"No mirror of Debian.*set {sid.MIRROR}"):
        sid.choose_mirror([], {})
    fake_program(tmp_path / "bin/dpkg", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sid, "KEYRINGS", (str(tmp_path / "none"),))
    with pytest.raises(CannotProvide, match="install debian-archive-keyring"):
        sid.choose_mirror([Source("http://m.example", ("stable",), ("main",), "")], {})


@pytest.mark.parametrize(
    ("said", "exit_code", "words"),
    [("nix (Nix) 2.8.0", 0, "too old"), ("", 1, "does not run here"), ("2.34.8", 0, "cannot")],
)
def test_a_new_nix_that_is_old_or_builds_nothing_is_not_taken(
    said: str, exit_code: int, words: str, tmp_path: Path
) -> None:
    fake_program(tmp_path / "bin/nix", f"echo '{said}'; exit {exit_code}")
    fake_program(tmp_path / "bin/nix-build", "echo no builder >&2; exit 1")
    with pytest.raises(CannotProvide, match=words):
        sid._try(tmp_path / "bin", tmp_path / "trial")


def test_apts_lists_are_fetched_only_where_they_do_not_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_TEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(apt, "why_not", lambda *_: "")
    log = tmp_path / "log"
    fake_program(
        tmp_path / "bin/apt-get",
        f'for word; do :; done; echo "$word $DEBIAN_FRONTEND" >> {log}\n'
        f'[ "$word" = update ] && touch {tmp_path}/lists\n[ -e {tmp_path}/lists ]',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    apt.install(["nix-bin"])
    apt.install(["tmux"])
    told = [line.split() for line in log.read_text().splitlines()]
    assert [word for word, _ in told] == ["nix-bin", "update", "nix-bin", "tmux"]
    assert {frontend for _, frontend in told} == {"noninteractive"}


def test_a_failing_apt_is_told_with_its_own_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_program(tmp_path / "bin/apt-get", "echo E: no network; exit 100")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    with pytest.raises(CannotProvide, match="gave 100: E: no network"):
        apt.apt_get("update")


def test_packages_are_not_installed_by_an_ordinary_user(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(apt, "os_release", lambda: {"ID": "debian"})
    assert main(["python3-venv"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("python3-venv: missing. ")
    assert "root" in told or "apt-get" in told


@pytest.mark.parametrize("required", ["", "all"])
def test_what_is_missing_is_told_and_ends_the_run_only_where_all_is_required(
    required: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"made": False}

    def cannot() -> None:
        raise CannotProvide("There is no network.")

    wanted = {
        "here": Thing(lambda: True, cannot, ""),
        "made": Thing(lambda: state["made"], lambda: state.update(made=True), ""),
        "lost": Thing(lambda: False, lambda: None, "Install it."),
        "barred": Thing(lambda: False, cannot, ""),
    }
    monkeypatch.setenv("LUMINOUS_NIX_TEST_REQUIRE", required)
    assert main([], wanted) == (1 if required else 0)
    assert capsys.readouterr().out.splitlines() == [
        "here: there",
        "made: provided in 0 s",
        "lost: missing, though it was provided. Install it.",
        "barred: missing. There is no network.",
    ]
    assert main([], {"here": wanted["here"]}) == 0


def test_a_nix_that_does_not_run_is_not_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LUMINOUS_NIX_TEST_CACHE", str(tmp_path))
    assert nix.find("new") is None
    program = fake_program(tmp_path / "nix-new/bin/nix-env", "exit 127")
    assert nix.find("new") is None
    fake_program(program, "echo nix-env '(Nix) 2.33.9'")
    assert nix.find("new") is None
    fake_program(program, "echo nix-env '(Nix) 2.34.0pre20260101_abcdef'")
    found = nix.find("new")
    assert found is not None
    assert (found.version, found.bin_dir) == ((2, 34, 0), str(tmp_path / "nix-new/bin"))
    assert found.env == {"NIX_CONFIG": "build-hook ="}


def test_every_thing_tells_how_to_get_it() -> None:
    for thing in things.THINGS.values():
        assert thing.sentence.endswith(".") and (
            "install" in thing.sentence or "make test" in thing.sentence
        )
    with pytest.raises(KeyError):
        things.is_there("perpetual motion")


def test_require_skips_with_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(things, "is_there", lambda name: name == "tmux")
    require("tmux")
    with pytest.raises(pytest.skip.Exception, match="run `make test`"):
        require("nix-new")


SKIPPING = """
import pytest

def test_body():
    pytest.skip("no Nix here")

@pytest.mark.skip(reason="marked")
def test_marked():
    pass

@pytest.fixture
def nix():
    pytest.importorskip("a_module_that_nobody_has")

def test_fixture(nix):
    pass

@pytest.mark.xfail(reason="known")
def test_known():
    assert False

def test_good():
    pass
"""


def test_a_skip_is_a_failure_where_all_is_required(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LUMINOUS_NIX_TEST_REQUIRE", raising=False)
    pytester.makepyfile(
        test_inside=SKIPPING,
        test_module='import pytest\npytest.skip("none here", allow_module_level=True)',
    )
    arguments = ("-p", "tests.strict", "-p", "no:cacheprovider")
    free = pytester.runpytest(*arguments)
    free.assert_outcomes(passed=1, skipped=4, xfailed=1)
    monkeypatch.setenv("LUMINOUS_NIX_TEST_REQUIRE", "all")
    strict = pytester.runpytest(*arguments, "--continue-on-collection-errors")
    outcomes = strict.parseoutcomes()
    assert outcomes["passed"] == 1 and outcomes["xfailed"] == 1 and "skipped" not in outcomes
    assert outcomes["failed"] + outcomes.get("errors", 0) == 4
    strict.stdout.fnmatch_lines(["*LUMINOUS_NIX_TEST_REQUIRE=all, yet: Skipped: no Nix here*"])
    assert strict.ret == pytest.ExitCode.TESTS_FAILED


SLOW = """
import asyncio, ctypes, os, subprocess, sys, threading, time, pytest

async def wait(blocking):
    (time.sleep if blocking else (lambda s: None))(0.7)
    await asyncio.sleep(0.7)

def test_blocking():
    asyncio.run(wait(True))

@pytest.mark.slow_callbacks
def test_on_purpose():
    asyncio.run(wait(True))

def test_awaiting():
    asyncio.run(wait(False))

async def compute(seconds):
    began, end = time.monotonic(), time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return time.monotonic() - began

def test_computing():
    asyncio.run(compute(0.7))

def test_on_a_busy_machine():
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    forever = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(forever) for _ in range(4)]
    try:
        assert asyncio.run(compute(0.3)) > 0.5
    finally:
        os.sched_setaffinity(0, processors)
        for other in others:
            other.kill()
            other.wait()

async def be_kept():
    began = time.monotonic()
    keeping = threading.Thread(target=ctypes.PyDLL(None).usleep, args=(700_000,))
    keeping.start()
    while keeping.is_alive():
        time.sleep(0.001)
    return time.monotonic() - began

def test_kept_by_who_lets_nobody_go_on():
    assert asyncio.run(be_kept()) > 0.6
"""


@pytest.mark.slow_callbacks
def test_holding_the_loop_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SLOW)
    pytester.makeini("[pytest]\nmarkers = slow_callbacks: on purpose")
    outcome = pytester.runpytest("-p", "tests.conftest", "-p", "no:cacheprovider")
    outcome.assert_outcomes(passed=6, errors=2)
    for test, place in {"test_blocking": "wait", "test_computing": "compute"}.items():
        outcome.stdout.fnmatch_lines(
            [f"*ERROR at *{test}*", "*was held for more than 0.5 s*", f"*, in {place}"]
        )


def test_text_that_is_not_utf8_comes_back_from_a_worker(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import logging

        def test_it():
            logging.warning("caf\\udce9")
            assert "caf\\udce9" == "coffee"
    """)
    outcome = pytester.runpytest("-p", "tests.conftest", "-p", "no:cacheprovider", "-n", "1")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*WARNING*caf*udce9*"])
