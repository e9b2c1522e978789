"""Read a packed file as it unpacks, by what its name ends in: .br, .xz, .gz, .bz2, .zst.

Memory stays small whatever the size: nothing is unpacked before it is read.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, Any, Protocol

from ..errors import Refused

_CHUNK = 1 << 16
_ZSTD_CHUNK = 256
"""Packed bytes at once: three of them may be 128 KiB unpacked (RFC 8878, 3.1.1.2)."""


class _Source(Protocol):
    """Gives what is unpacked, about so much at once; nothing at the end."""

    def read(self, size: int, /) -> bytes: ...


class UnpackError(OSError):
    """A packed file is damaged, or ends too early."""


def open_unpacked(path: str, name: str | None = None, encoding: str = "") -> IO[bytes]:
    """A file to be read, unpacked.

    Args:
        name: whose ending tells how it is packed; None is the path's.
        encoding: its Content-Encoding (RFC 9110, 8.4.1), for a name that does not tell.

    Raises:
        OSError: it cannot be opened; `UnpackError`, which is one, when what is read is damaged.
        Refused: what unpacks it is not installed.
    """
    ending = next((e for e in _UNPACKERS if (name or path).endswith(e)), _ENCODINGS.get(encoding))
    file = open(path, "rb")  # noqa: SIM115 - whoever reads closes
    if ending is None:
        return file
    try:
        return io.BufferedReader(_Reader(file, _UNPACKERS[ending](file)), _CHUNK)
    except BaseException:
        file.close()
        raise


class _Reader(io.RawIOBase):
    """What a source gives, its errors as `UnpackError`."""

    def __init__(self, file: IO[bytes], source: _Source) -> None:
        self._file, self._source = file, source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(self._more(len(buffer)))
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

    def _more(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except EOFError:
            raise UnpackError("it ends in the middle") from None
        except Exception as error:  # each library has errors of its own
            raise UnpackError(f"it is damaged ({error})") from error

    def close(self) -> None:
        self._file.close()
        super().close()


class _Brotli:
    def __init__(self, file: IO[bytes]) -> None:
        import brotli

        self._file, self._stream = file, brotli.Decompressor()

    def read(self, size: int, /) -> bytes:
        data = b""
        while not data and not self._stream.is_finished():
            accepts = self._stream.can_accept_more_data()
            packed = self._file.read(_CHUNK) if accepts else b""
            data = self._stream.process(packed, output_buffer_limit=size)
            # It may have the end without having told so.
            if accepts and not packed and not data and not self._stream.is_finished():
                raise EOFError
        return data


class _Zstandard:
    def __init__(self, file: IO[bytes]) -> None:
        try:
            from zstandard import ZstdDecompressor
        except ImportError:
            raise Refused(
                "A file that is packed with zstd cannot be read.",
                "The package zstandard is not installed.",
                ["pip install zstandard"],
            ) from None
        self._file, self._make = file, ZstdDecompressor().decompressobj
        self._stream, self._packed = self._make(), b""

    def read(self, size: int, /) -> bytes:
        data = b""
        while not data:
            packed = self._packed or self._file.read(_ZSTD_CHUNK)
            if self._stream.eof:
                if not packed:
                    break
                self._stream = self._make()  # several frames are one file
            elif not packed:
                raise EOFError
            data = self._stream.decompress(packed)
            self._packed = self._stream.unused_data
        return data


def _xz(file: IO[bytes]) -> _Source:
    import lzma

    return lzma.open(file)


def _gzip(file: IO[bytes]) -> _Source:
    import gzip

    return gzip.open(file)


def _bzip2(file: IO[bytes]) -> _Source:
    import bz2

    return bz2.open(file)


_UNPACKERS: dict[str, Callable[[IO[bytes]], _Source]] = {
    ".br": _Brotli,
    ".xz": _xz,
    ".gz": _gzip,
    ".bz2": _bzip2,
    ".zst": _Zstandard,
}
_ENCODINGS = {"br": ".br", "gzip": ".gz", "x-gzip": ".gz", "zstd": ".zst"}
