"""Packed files, read as they unpack."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
import zstandard

from luminous_nix_ipy.errors import Refused
from luminous_nix_ipy.tools.unpack import UnpackError, open_unpacked

DATA = b"a line that comes again\n" * 40_000 + random.Random(1).randbytes(100_000)

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".br": lambda data: brotli.compress(data, quality=3),
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".gz": lambda data: gzip.compress(data, 1),
    ".bz2": lambda data: bz2.compress(data, 1),
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
    "": bytes,
}


@pytest.mark.parametrize("ending", PACKERS)
def test_what_was_packed_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"file.json{ending}"
    path.write_bytes(PACKERS[ending](DATA))
    with open_unpacked(str(path)) as stream:
        assert stream.read(7) == DATA[:7]
        assert stream.read() == DATA[7:]
        assert stream.read() == b""


@pytest.mark.parametrize("ending", [".xz", ".gz", ".bz2", ".zst"])
def test_several_streams_are_one_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"file{ending}"
    path.write_bytes(PACKERS[ending](b"one") + PACKERS[ending](b"two"))
    with open_unpacked(str(path)) as stream:
        assert stream.read() == b"onetwo"


@pytest.mark.parametrize("ending", [e for e in PACKERS if e])
def test_damage_is_told(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"file{ending}"
    packed = PACKERS[ending](DATA)
    path.write_bytes(packed[: len(packed) // 2])
    with open_unpacked(str(path)) as stream, pytest.raises(UnpackError, match="in the middle"):
        stream.read()
    path.write_bytes(b"this was never packed by anything that is known here" * 9)
    with open_unpacked(str(path)) as stream, pytest.raises(UnpackError, match="damaged"):
        stream.read()


def test_the_name_of_the_address_and_the_header_tell_too(tmp_path: Path) -> None:
    path = tmp_path / "download"
    path.write_bytes(PACKERS[".br"](DATA))
    for named in ({"name": "packages.json.br"}, {"encoding": "br"}):
        with open_unpacked(str(path), **named) as stream:
            assert stream.read() == DATA


def test_a_missing_library_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "file.zst").write_bytes(b"")
    with pytest.raises(Refused, match="zstd"):
        open_unpacked(str(tmp_path / "file.zst"))


SCRIPT = """
import resource, sys
from luminous_nix_ipy.tools.unpack import open_unpacked
resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))
with open_unpacked(sys.argv[1]) as stream:
    print(sum(len(piece) for piece in iter(lambda: stream.read(1 << 16), b"")))
"""


@pytest.mark.parametrize("ending", [e for e in PACKERS if e])
def test_memory_stays_small(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"large{ending}"
    path.write_bytes(PACKERS[ending](bytes(250 << 20)))
    done = subprocess.run([sys.executable, "-c", SCRIPT, path], capture_output=True, text=True)
    assert done.stdout.strip() == str(250 << 20), done.stderr
