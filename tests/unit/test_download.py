"""Downloads from a real server that fails, stalls, truncates and changes its mind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from luminous_nix_ipy.errors import DownloadFailed, Refused
from luminous_nix_ipy.tools.download import Patience, download
from luminous_nix_ipy.tools.origin import origin_of, remove_download
from tests.http_server import Server, serving

BODY = random.Random(5).randbytes(200_000)
SOON = Patience(stalled=0.3, tries=3, pause=0.01)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder / "packages.json.br"


def fetch(url: str, file: Path, **options: Any) -> bool:
    options.setdefault("patience", SOON)
    return asyncio.run(download(url, str(file), **options))


def names(file: Path) -> set[str]:
    return {name.name.removeprefix(file.name) for name in file.parent.iterdir()}


def test_a_file_is_fetched_once_and_then_only_asked_for(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY)
    told: list[tuple[int, int | None]] = []
    assert fetch(url, file, tell=lambda done, total: told.append((done, total))) is True
    assert file.read_bytes() == BODY
    assert told[0] == (0, len(BODY)) and told[-1] == (len(BODY), len(BODY))
    first = origin_of(str(file))
    assert first is not None and (first.url, first.etag, first.size) == (url, '"1"', len(BODY))
    assert fetch(url, file) is False
    assert server.asked[1]["If-None-Match"] == '"1"'
    second = origin_of(str(file))
    assert second is not None and second.checked > first.checked
    assert names(file) == {"", ".origin"}


def test_a_newer_one_replaces_it(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY)
    fetch(url, file)
    server.serve("a.br", BODY[::-1], etag='"2"')
    assert fetch(url, file) is True
    assert file.read_bytes() == BODY[::-1]


def test_another_address_is_never_taken_for_the_same(server: Server, file: Path) -> None:
    fetch(server.serve("a.br", BODY), file)
    assert fetch(server.serve("b.br", b"other"), file) is True
    assert "If-None-Match" not in server.asked[1]
    assert file.read_bytes() == b"other"


def test_a_date_serves_where_there_is_no_etag(server: Server, file: Path) -> None:
    date = "Mon, 02 Nov 2026 10:00:00 GMT"
    url = server.serve("a.br", BODY, etag=None, modified=date)
    assert fetch(url, file) is True
    assert fetch(url, file) is False
    assert server.asked[1]["If-Modified-Since"] == date


@pytest.mark.parametrize("fault", ["truncate", "reset", "stall"])
def test_a_broken_transfer_goes_on_where_it_ended(server: Server, file: Path, fault: str) -> None:
    url = server.serve("a.br", BODY, faults=[fault])
    assert fetch(url, file) is True
    assert file.read_bytes() == BODY
    # A reset may take with it what was still under way.
    start = int(server.asked[1].get("Range", "bytes=0-")[6:-1])
    assert (0 if fault == "reset" else 100_000) <= start <= 100_000
    assert fault == "reset" or server.asked[1]["If-Range"] == '"1"'


@pytest.mark.parametrize("fault", ["truncate", "stall"])
def test_another_kernel_goes_on_with_what_came(server: Server, file: Path, fault: str) -> None:
    url = server.serve("a.br", BODY, faults=[fault])
    with pytest.raises(DownloadFailed) as failure:
        fetch(url, file, patience=Patience(stalled=0.2, tries=1))
    assert "100,000 bytes that came are kept" in failure.value.todo[0]
    assert not file.exists()
    assert fetch(url, file) is True
    assert server.asked[1]["Range"] == "bytes=100000-"
    assert file.read_bytes() == BODY
    assert names(file) == {"", ".origin"}


def test_a_file_that_changed_meanwhile_comes_whole(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY, faults=["truncate"])
    with pytest.raises(DownloadFailed):
        fetch(url, file, patience=Patience(tries=1))
    server.serve("a.br", BODY[::-1], etag='"2"')
    assert fetch(url, file) is True
    assert server.asked[1]["If-Range"] == '"1"'
    assert file.read_bytes() == BODY[::-1]
    origin = origin_of(str(file))
    assert origin is not None and origin.etag == '"2"'


@pytest.mark.parametrize("fault", ["ignore range", "wrong part"])
def test_a_server_that_cannot_send_parts_is_asked_for_all(
    server: Server, file: Path, fault: str
) -> None:
    url = server.serve("a.br", BODY, faults=["truncate", fault])
    assert fetch(url, file) is True
    assert file.read_bytes() == BODY


def test_a_part_of_a_file_that_shrank_is_dropped(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY, faults=["truncate"])
    with pytest.raises(DownloadFailed):
        fetch(url, file, patience=Patience(tries=1))
    server.serve("a.br", b"short")  # the server keeps the ETag, as it should not
    assert fetch(url, file) is True
    assert file.read_bytes() == b"short"


def test_without_a_strong_validator_nothing_is_pieced_together(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY, etag='W/"1"', faults=["truncate"])
    assert fetch(url, file) is True
    assert "Range" not in server.asked[1]
    assert file.read_bytes() == BODY


@pytest.mark.parametrize("fault", [[], ["truncate"]])
def test_chunks_are_read_to_their_end(server: Server, file: Path, fault: list[str]) -> None:
    url = server.serve("a.br", BODY, chunked=True, faults=fault)
    assert fetch(url, file) is True
    assert file.read_bytes() == BODY


def test_a_trickle_is_a_stall(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY, faults=["trickle"] * 2)
    started = time.monotonic()
    with pytest.raises(DownloadFailed, match="bytes came in"):
        fetch(url, file, patience=Patience(stalled=0.3, tries=2, pause=0.01))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("status", ["500", "502", "503", "429"])
def test_a_server_in_trouble_is_asked_again(server: Server, file: Path, status: str) -> None:
    url = server.serve("a.br", BODY, faults=[status, status])
    assert fetch(url, file) is True
    assert len(server.asked) == 3


def test_the_server_says_how_long_to_wait(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY, faults=["503"], headers={"Retry-After": "1"})
    started = time.monotonic()
    fetch(url, file)
    assert 0.9 < time.monotonic() - started < 5


def test_what_is_not_there_is_asked_for_once(server: Server, file: Path) -> None:
    with pytest.raises(DownloadFailed, match="404"):
        fetch(f"{server.url}/nothing", file)
    assert len(server.asked) == 1
    assert names(file) == set()


def test_what_was_there_stays_when_nothing_newer_can_be_had(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY)
    fetch(url, file)
    server.serve("a.br", b"new", etag='"2"', faults=["500"] * 9)
    with pytest.raises(DownloadFailed, match="500"):
        fetch(url, file)
    assert file.read_bytes() == BODY


def test_nobody_listening_is_a_sentence(file: Path) -> None:
    with pytest.raises(DownloadFailed, match="Connection refused"):
        fetch("http://127.0.0.1:9/a", file)


def test_a_checksum_is_checked(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY)
    right = hashlib.sha256(BODY).hexdigest()
    with pytest.raises(DownloadFailed, match="not what was expected") as failure:
        fetch(url, file, sha256="0" * 64)
    assert right in failure.value.why
    assert names(file) == set()
    assert fetch(url, file, sha256=right.upper()) is True
    asked = len(server.asked)
    assert fetch(url, file, sha256=right) is False
    assert len(server.asked) == asked, "what is known to be right is not asked for"


def test_redirects_are_followed_to_http_alone(server: Server, file: Path) -> None:
    target = server.serve("there", BODY)
    url = server.serve("a.br", b"", faults=[f"redirect {target}", "redirect file:///etc/passwd"])
    assert fetch(url, file) is True
    assert file.read_bytes() == BODY
    server.files["a.br"].conditional = False
    with pytest.raises(DownloadFailed, match="not allowed"):
        fetch(url, file, patience=Patience(tries=1))
    assert file.read_bytes() == BODY


def test_only_known_authorities_are_believed(
    server: Server, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    encrypted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(encrypted)
    with serving(encrypted) as other:
        url = other.serve("a.br", BODY, faults=["truncate", "", f"redirect {server.url}/plain"])
        server.serve("plain", BODY)
        with pytest.raises(DownloadFailed, match="certificate verify failed"):
            fetch(url, file)
        with authority.cert_pem.tempfile() as known:
            monkeypatch.setenv("NIX_SSL_CERT_FILE", known)
            assert fetch(url, file) is True
            assert file.read_bytes() == BODY
            with pytest.raises(DownloadFailed, match="not followed"):
                fetch(url, file, patience=Patience(tries=1))
    assert server.asked == [], "what was encrypted stays so"


def test_a_loop_of_redirects_ends(server: Server, file: Path) -> None:
    url = f"{server.url}/a.br"
    server.serve("a.br", b"", faults=[f"redirect {url}"] * 30)
    with pytest.raises(DownloadFailed):
        fetch(url, file)
    assert len(server.asked) < 15


@pytest.mark.parametrize("url", ["ftp://x/y", "x/y", "", "javascript:alert(1)", "data:,x"])
def test_other_addresses_are_refused(file: Path, url: str) -> None:
    with pytest.raises(Refused):
        fetch(url, file)


def test_a_file_of_this_machine_is_copied_when_it_changed(tmp_path: Path, file: Path) -> None:
    source = tmp_path / "with space.json"
    source.write_bytes(b"one")
    url = source.as_uri()
    assert fetch(url, file) is True
    assert fetch(url, file) is False
    source.write_bytes(b"three")
    assert fetch(url, file) is True
    assert file.read_bytes() == b"three"
    with pytest.raises(DownloadFailed, match="cannot be read"):
        fetch((tmp_path / "gone").as_uri(), file)
    assert file.read_bytes() == b"three"


def test_a_folder_that_cannot_be_written_is_told(server: Server, tmp_path: Path) -> None:
    url = server.serve("a.br", BODY)
    with pytest.raises(DownloadFailed, match="cannot be kept"):
        fetch(url, tmp_path / "missing" / "a.br")
    assert len(server.asked) == 1


def test_a_cancelled_download_ends_at_once_and_is_gone_on_with(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY, faults=["stall"])

    async def cancelled() -> float:
        task = asyncio.create_task(download(url, str(file), patience=Patience(stalled=60)))
        while not os.path.exists(f"{file}.part") or os.path.getsize(f"{file}.part") < 65536:
            await asyncio.sleep(0.01)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert asyncio.run(cancelled()) < 1
    assert fetch(url, file) is True
    assert "Range" in server.asked[1]
    assert file.read_bytes() == BODY


def test_nothing_is_left_of_what_is_removed(server: Server, file: Path) -> None:
    url = server.serve("a.br", BODY, faults=["", "truncate"])
    fetch(url, file)
    server.files["a.br"].etag = '"2"'
    with pytest.raises(DownloadFailed):
        fetch(url, file, patience=Patience(tries=1))
    assert len(names(file)) == 4
    remove_download(str(file))
    assert names(file) == set()
