"""Whether all is well after an activation: real commands, a real server, units of a stand-in."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from luminous_nix_ipy.backend.context import Context
from luminous_nix_ipy.backend.expectations import check_health, failed_now, watch
from luminous_nix_ipy.backend.model import Expectation, Safety
from luminous_nix_ipy.backend.progress import Progress
from luminous_nix_ipy.machine import Machine
from luminous_nix_ipy.records import Check
from tests.stand_in_systemd import Systemd

NONE: frozenset[str] = frozenset()
CERTIFICATE = Path(__file__).parents[1] / "fixtures" / "localhost.pem"
"""A key and a certificate that nobody but these tests trusts, for the name localhost."""


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    return Systemd(tmp_path)


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A machine that systemd does not run."""
    return Machine(run_dir=str(tmp_path / "run"))


class Server:
    """What a real server on loopback answers from now on."""

    def __init__(self) -> None:
        self.status = 200
        self.paths: list[str] = []
        self.over = threading.Event()
        self.url = ""


@contextmanager
def serving(port: int = 0, *, certificate: bool = False) -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            told.paths.append(self.path)
            if told.status == 0:  # it hangs
                told.over.wait(30)
                return
            self.send_response(told.status)
            if told.status == 302:
                self.send_header("Location", "http://127.0.0.1:1/nowhere")
            self.end_headers()

    http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    http.daemon_threads = True
    if certificate:
        proof = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        proof.load_cert_chain(CERTIFICATE)
        http.socket = proof.wrap_socket(http.socket, server_side=True)
    told.url = f"http://127.0.0.1:{http.server_port}"
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield told
    finally:
        told.over.set()
        http.shutdown()
        http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as told:
        yield told


def safety(
    *expectations: tuple[str, str],
    settle: float = 0.0,
    expect_timeout: float = 5.0,
    confirm_timeout: float = 30.0,
) -> Safety:
    return Safety(
        expectations=tuple(Expectation(kind, what) for kind, what in expectations),  # type: ignore[arg-type]
        settle=settle,
        expect_timeout=expect_timeout,
        confirm_timeout=confirm_timeout,
    )


def context(machine: Machine) -> Context:
    return Context(machine, Progress(), direct=True)


def look(
    machine: Machine,
    *expectations: tuple[str, str],
    before: frozenset[str] | None = NONE,
    told: frozenset[str] = NONE,
    patient: bool = False,
    expect_timeout: float = 5.0,
) -> tuple[Check, ...]:
    wanted = safety(*expectations, expect_timeout=expect_timeout)
    return asyncio.run(check_health(context(machine), wanted, before, told=told, patient=patient))


def one(machine: Machine, kind: str, what: str, **options: float) -> tuple[str, str]:
    """The verdict on one expectation, and its reason."""
    _, row = look(machine, (kind, what), **options)  # type: ignore[arg-type]
    return row.verdict, row.reason


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# units


def test_a_unit_that_newly_failed_is_told_with_the_end_of_its_journal(systemd: Systemd) -> None:
    systemd.unit("well.service", "active", "running")
    systemd.unit("long-ill.service", "failed", "failed")
    before = asyncio.run(failed_now(systemd.machine))
    assert before == {"long-ill.service"}
    assert look(systemd.machine, before=before) == (
        Check("units", "ok", "none has newly failed, as 1 had before."),
    )
    systemd.journal["nginx.service"] = [
        "old",
        "starting",
        "",
        "bind() to port 80 failed",
        "exiting",
        "ended",
    ]
    systemd.unit("nginx.service", "failed", "failed", Result="exit-code")
    (row,) = look(systemd.machine, before=before)
    assert row.verdict == "failed"
    assert row.reason == (
        "the unit nginx.service has failed. Its journal ends: "
        "starting / bind() to port 80 failed / exiting / ended"
    )


def test_of_many_failed_units_a_few_are_told_wholly(systemd: Systemd) -> None:
    for number in range(8):
        systemd.unit(f"u{number}.service", "failed", "failed")
    rows = look(systemd.machine)
    assert [row.reason for row in rows] == [
        *(f"the unit u{number}.service has failed." for number in range(5)),
        "these failed too: u5.service, u6.service, u7.service.",
    ]
    assert {row.verdict for row in rows} == {"failed"}


def test_a_service_that_is_started_again_because_it_failed_has_failed(systemd: Systemd) -> None:
    systemd.unit("crashes.service", "activating", "auto-restart", ExecMainStatus="3")
    systemd.unit("killed.service", "activating", "auto-restart", Result="signal")
    systemd.unit("getty@tty1.service", "activating", "auto-restart")
    assert asyncio.run(failed_now(systemd.machine)) == {"crashes.service", "killed.service"}


def test_what_is_not_known_of_units_is_said(systemd: Systemd) -> None:
    systemd.unit("ill.service", "failed", "failed")
    (row,) = look(systemd.machine, before=None)
    assert (row.verdict, row.reason) == (
        "unknown",
        "which had failed before is not known; failed now: ill.service.",
    )
    systemd.fail("Failed to list units: Connection timed out")
    (row,) = look(systemd.machine)
    assert row.verdict == "unknown" and "Connection timed out" in row.reason
    assert asyncio.run(failed_now(systemd.machine)) is None
    systemd.fail("")
    systemd.units.clear()
    systemd.tell()
    assert look(systemd.machine, before=None)[0].verdict == "ok"


def test_where_systemd_does_not_run_what_the_activation_said_counts(
    systemd: Systemd, bare: Machine
) -> None:
    playground = msgspec.structs.replace(systemd.machine, playground="/somewhere")
    systemd.unit("ill.service", "failed", "failed")
    for machine, why in (
        (playground, "a playground has no units"),
        (bare, "systemd does not run this machine"),
    ):
        assert asyncio.run(failed_now(machine)) is None
        assert look(machine) == (Check("units", "ok", f"{why}: none can have failed."),)
        (row,) = look(machine, told=frozenset({"b.service", "a.service"}))
        assert row.verdict == "failed"
        assert row.reason == "the activation said that these failed: a.service, b.service."
    assert one(playground, "unit", "nginx.service") == (
        "unknown",
        "the unit nginx.service is not looked at: a playground has no units.",
    )
    assert one(bare, "unit", "nginx.service")[0] == "failed"
    # The units of the real machine are nobody's business in a playground.
    assert systemd.asked() == []


def test_an_expected_unit(systemd: Systemd) -> None:
    systemd.unit("nginx.service", "active", "running")
    systemd.unit("dbus.service", "reloading", "reload")
    systemd.unit("backup.service", "inactive", "dead")
    systemd.unit("web.service", "failed", "failed", Result="exit-code")
    machine = systemd.machine
    assert one(machine, "unit", "nginx.service") == (
        "ok",
        "the unit nginx.service is active (running).",
    )
    assert one(machine, "unit", "dbus.service") == (
        "ok",
        "the unit dbus.service is reloading (reload).",
    )
    assert one(machine, "unit", "backup.service") == (
        "failed",
        "the unit backup.service is inactive (dead).",
    )
    assert one(machine, "unit", "nignx.service") == ("failed", "there is no unit nignx.service.")
    _, row = look(machine, ("unit", "web.service"), before=frozenset({"web.service"}))
    assert row == Check(
        "expected unit", "failed", "the unit web.service is failed (failed, exit-code)."
    )
    systemd.fail("Failed to get properties: Connection timed out")
    verdict, reason = one(machine, "unit", "nginx.service")
    assert verdict == "failed" and "it is not known whether nginx.service is active" in reason


def test_an_expected_unit_may_still_be_starting(systemd: Systemd) -> None:
    systemd.unit("slow.service", "activating", "start")
    assert one(systemd.machine, "unit", "slow.service")[0] == "failed"
    threading.Timer(0.6, systemd.unit, ("slow.service", "active", "running")).start()
    assert one(systemd.machine, "unit", "slow.service", patient=True)[0] == "ok"
    systemd.unit("slow.service", "activating", "start")
    assert one(systemd.machine, "unit", "slow.service", patient=True, expect_timeout=0.5) == (
        "failed",
        "the unit slow.service is activating (start).",
    )


# commands


def test_an_expected_command(bare: Machine) -> None:
    assert one(bare, "command", "echo 'all is' well") == (
        "ok",
        "`echo 'all is' well` succeeded: all is well",
    )
    assert one(bare, "command", "true") == ("ok", "`true` succeeded.")
    complain = f"{sys.executable} -c 'import sys; print(1); sys.exit(\"\\x1b[31mno\\x1b[0m good\")'"
    verdict, reason = one(bare, "command", complain)
    assert verdict == "failed" and reason.endswith("ended with 1: no good")
    assert one(bare, "command", "false") == ("failed", "`false` ended with 1.")
    assert one(bare, "command", "sh -c 'kill -9 $$'")[1].endswith("was ended by signal 9.")
    assert one(bare, "command", "echo $HOME; false")[1].endswith(": $HOME; false")
    verdict, reason = one(bare, "command", "no-such-program --now")
    assert verdict == "failed" and "`no-such-program --now` could not be started." in reason


def test_a_command_that_takes_too_long_is_ended(bare: Machine) -> None:
    started = time.monotonic()
    verdict, reason = one(bare, "command", "sleep 60", expect_timeout=0.3)
    assert verdict == "failed" and "`sleep 60` took longer than 0.3 s and was ended." in reason
    assert time.monotonic() - started < 5


def test_a_command_has_the_variables_of_its_machine(tmp_path: Path) -> None:
    machine = Machine(run_dir=str(tmp_path), env={"NIX_STORE_DIR": "/a/store"})
    assert one(machine, "command", "printenv NIX_STORE_DIR")[1].endswith(": /a/store")


# URLs


@pytest.mark.parametrize("status", [200, 204, 302])
def test_a_url_that_answers_well(bare: Machine, server: Server, status: int) -> None:
    server.status = status
    url = f"{server.url}/a b/ü?q=1 2#top"
    assert one(bare, "url", url) == ("ok", f"asked {url}: it answers {status}.")
    # Where it leads on to is not asked.
    assert server.paths == ["/a%20b/%C3%BC?q=1%202"]


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_url_that_answers_badly(bare: Machine, server: Server, status: int) -> None:
    server.status = status
    started = time.monotonic()
    assert one(bare, "url", server.url, patient=True) == (
        "failed",
        f"asked {server.url}: it answers {status}.",
    )
    assert time.monotonic() - started < 2


def test_a_url_that_hangs(bare: Machine, server: Server) -> None:
    server.status = 0
    assert one(bare, "url", server.url, expect_timeout=0.4) == (
        "failed",
        f"asked {server.url}: no answer within 0.4 s.",
    )


def test_a_url_where_nothing_listens(bare: Machine) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    assert one(bare, "url", url) == ("failed", f"asked {url}: no answer: Connection refused.")
    assert one(bare, "url", url, patient=True, expect_timeout=0.4) == (
        "failed",
        f"asked {url}: no answer: Connection refused, for 0.4 s.",
    )
    assert one(bare, "url", "http://no-such-host.invalid/")[0] == "failed"


def test_a_server_that_is_not_there_yet_is_waited_for(bare: Machine, server: Server) -> None:
    server.status = 503
    threading.Timer(0.5, setattr, (server, "status", 200)).start()
    assert one(bare, "url", server.url, patient=True) == (
        "ok",
        f"asked {server.url}: it answers 200.",
    )
    assert len(server.paths) > 1
    server.status = 502
    assert one(bare, "url", server.url)[0] == "failed"


def test_proxies_are_not_asked(
    bare: Machine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert one(bare, "url", server.url)[0] == "ok"


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        (b"", "failed", "no answer: the connection was closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "failed", "what answers is no HTTP"),
        (b"HTTP/1.1 " + b"2" * 100_000, "failed", "what answers is no HTTP"),
        (b"HTTP/1.1 100 Continue\r\nX: 1\r\n", "failed", "was closed without an answer"),
        (b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 204 No\r\n\r\n", "ok", "it answers 204"),
        (b"HTTP/1.0 200\n", "ok", "it answers 200"),
    ],
)
def test_whatever_answers(bare: Machine, answer: bytes, verdict: str, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def reply() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        threading.Thread(target=reply, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        said = one(bare, "url", url)
        assert said[0] == verdict and words in said[1]


def test_a_certificate_must_prove_the_host(
    bare: Machine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(certificate=True) as encrypted:
        port = encrypted.url.rpartition(":")[2]
        url = f"https://localhost:{port}/"
        verdict, reason = one(bare, "url", url)
        assert verdict == "failed" and "certificate" in reason
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        assert one(bare, "url", url) == ("ok", f"asked {url}: it answers 200.")
        assert one(bare, "url", f"https://127.0.0.1:{port}/")[0] == "failed"
        assert one(bare, "url", f"http://localhost:{port}/")[0] == "failed"
    assert one(bare, "url", server.url.replace("http:", "https:"))[0] == "failed"


def test_a_name_of_another_alphabet_is_one(bare: Machine) -> None:
    assert one(bare, "url", "http://bücher.invalid/", expect_timeout=2)[0] == "failed"


# watching


def watching(
    machine: Machine, wanted: Safety, before: frozenset[str] | None = NONE
) -> tuple[tuple[Check, ...], list[float], float]:
    """What became of it, when a sign of life was given, and how long it took."""
    renewed: list[float] = []
    started = time.monotonic()

    async def renew() -> None:
        renewed.append(time.monotonic() - started)

    rows = asyncio.run(watch(context(machine), wanted, before, renew))
    return rows, renewed, time.monotonic() - started


def test_without_settling_it_is_looked_once(bare: Machine, server: Server) -> None:
    rows, renewed, took = watching(bare, safety(("url", server.url), ("command", "true")))
    assert [row.verdict for row in rows] == ["ok", "ok", "ok"]
    assert len(server.paths) == 1 and len(renewed) == 1 and took < 2


def test_a_sign_of_life_is_given_while_a_check_runs(bare: Machine) -> None:
    wanted = safety(("command", "sleep 1"), confirm_timeout=0.6)
    rows, renewed, _ = watching(bare, wanted)
    assert rows[-1].verdict == "ok"
    gaps = [later - earlier for earlier, later in pairwise(renewed)]
    assert len(gaps) >= 3 and max(gaps) < 0.5


def test_what_holds_while_it_settles_is_well(bare: Machine, server: Server) -> None:
    rows, _, took = watching(bare, safety(("url", server.url), settle=1.5))
    assert rows[-1].verdict == "ok" and 1.5 <= took < 4
    assert len(server.paths) == 3


def test_a_url_that_stops_answering_while_it_settles(bare: Machine) -> None:
    with serving() as server:
        threading.Timer(0.5, setattr, (server, "status", 500)).start()
        rows, _, took = watching(bare, safety(("url", server.url), settle=30))
    assert rows[-1].verdict == "failed" and took < 5


def test_a_server_that_goes_away_while_it_settles_is_not_waited_for(bare: Machine) -> None:
    port = free_port()

    async def scene() -> tuple[Check, ...]:
        async def renew() -> None: ...

        with serving(port) as server:
            wanted = safety(("url", server.url), settle=30, expect_timeout=20)
            task = asyncio.create_task(watch(context(bare), wanted, NONE, renew))
            while not server.paths:
                await asyncio.sleep(0.02)
        return await asyncio.wait_for(task, 10)

    assert asyncio.run(scene())[-1].reason.endswith("no answer: Connection refused.")


def test_a_unit_that_fails_while_it_settles(systemd: Systemd) -> None:
    systemd.unit("web.service", "active", "running")
    failing = ("web.service", "failed", "failed")
    threading.Timer(1.0, systemd.unit, failing).start()
    rows, _, took = watching(systemd.machine, safety(("unit", "web.service"), settle=30))
    assert [row.verdict for row in rows] == ["failed", "failed"] and took < 8


def test_a_sign_of_life_that_cannot_be_given_ends_it(bare: Machine) -> None:
    async def renew() -> None:
        raise BrokenPipeError("the supervisor is gone")

    wanted = safety(("command", "sleep 60"), expect_timeout=60)
    started = time.monotonic()
    with pytest.raises(BrokenPipeError):
        asyncio.run(watch(context(bare), wanted, NONE, renew))
    assert time.monotonic() - started < 5


def test_a_cancelled_watch_leaves_nothing_running(bare: Machine, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    program = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    line = f'{sys.executable} -c "{program}"'

    async def scene() -> None:
        async def renew() -> None: ...

        wanted = safety(("command", line), expect_timeout=60)
        task = asyncio.create_task(watch(context(bare), wanted, NONE, renew))
        while not (told.exists() and told.read_text()):
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())
    assert not Path(f"/proc/{told.read_text()}").exists()
