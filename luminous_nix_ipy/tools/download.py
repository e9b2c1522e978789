"""Fetch one file over HTTP: whole or not at all, going on where a transfer broke off.

What came of an unfinished transfer stays beside the file as `<file>.part`, with what the server
called it, so that the next try asks for the rest alone (RFC 9110, 14: Range; 13.1.5: If-Range). A
finished file has a note beside it, `<file>.origin`, by which the next fetch asks whether there is a
newer one at all (13.1.2: If-None-Match).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit

import msgspec

from ..errors import DownloadFailed, Refused
from .http import Response, Stop, Stopped, in_daemon_thread, open_url, seconds_to_wait
from .origin import Origin, origin_of, read_note, state, write_note

Tell = Callable[[int, int | None], None]
"""Called in another thread with the bytes that there are, and how many there will be."""

_log = logging.getLogger(__name__)

_CHUNK = 1 << 16
_SLOWEST = 64
"""Bytes a second; a transfer that is slower for as long as the patience lasts has stalled."""
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 60.0
_NO_REQUEST = 416
_DISK = {errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EROFS}


class Patience(msgspec.Struct, frozen=True):
    """How long a download waits, and how often it tries."""

    stalled: float = 30.0
    """Seconds without a byte, or nearly so."""
    tries: int = 5
    pause: float = 1.0
    """Seconds before the second try; each pause is twice the one before."""


async def download(
    url: str,
    file: str,
    *,
    sha256: str | None = None,
    tell: Tell | None = None,
    patience: Patience | None = None,
) -> bool:
    """Fetch `url` (http, https or file) to `file`, whose folder is there.

    Args:
        sha256: of what is to come, in hexadecimal digits.

    Returns:
        Whether there was something newer than what `file` holds.

    Raises:
        Refused: the URL is of another kind.
        DownloadFailed: it cannot be had. What `file` held is still there, and so is what came of
            the new one where that can be gone on with.
        asyncio.CancelledError: what came is kept in the same way.
    """
    stop = Stop()
    transfer = _Transfer(url, file, sha256, tell, patience or Patience(), stop)
    return await in_daemon_thread(transfer.run, stop)


class _Broken(Exception):
    """A transfer that ended early or wrongly, and may be tried again."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


class _Transfer:
    """One file to be fetched, in as many tries as it takes."""

    def __init__(
        self,
        url: str,
        file: str,
        sha256: str | None,
        tell: Tell | None,
        patience: Patience,
        stop: Stop,
    ) -> None:
        self._url, self._file, self._stop = url, file, stop
        self._part = f"{file}.part"
        self._sha256 = sha256.lower() if sha256 else None
        self._tell = tell or (lambda done, total: None)
        self._patience = patience

    def run(self) -> bool:
        kind = urlsplit(self._url).scheme.lower()
        if kind not in ("http", "https", "file"):
            raise Refused(
                f"{self._url} cannot be fetched.", "Only http, https and file addresses can."
            )
        if self._sha256 is not None and _sha256(self._file) == self._sha256:
            return False
        try:
            return self._copy() if kind == "file" else self._fetch()
        except OSError as error:
            raise DownloadFailed(
                f"{self._url} cannot be kept in {self._file}.", f"{error.strerror or error}."
            ) from error

    def _copy(self) -> bool:
        source = unquote(urlsplit(self._url).path)
        try:
            known = Origin(url=self._url, etag=state(source))
            before = origin_of(self._file)
            if before is not None and (before.url, before.etag) == (known.url, known.etag):
                self._note(known)
                return False
            shutil.copyfile(source, self._part)
        except OSError as error:
            raise DownloadFailed(
                f"{self._url} cannot be read.", f"{error.strerror or error}."
            ) from error
        self._finish(known)
        return True

    def _fetch(self) -> bool:
        for number in range(1, self._patience.tries + 1):
            try:
                return self._try()
            except Stopped:
                raise
            except _Broken as error:
                reason, wait = str(error), error.wait
            except HTTPError as error:
                if error.code not in _TRY_AGAIN:
                    raise self._failed(f"The server said: {error.code} {error.reason}.") from None
                reason = f"the server said {error.code} {error.reason}"
                wait = seconds_to_wait(error.headers)
            except (OSError, HTTPException) as error:
                if isinstance(error, OSError) and _is_of_disk(error):
                    raise
                reason, wait = _words(error, self._patience.stalled), 0.0
                if "certificate verify failed" in reason:
                    raise self._failed(f"{_sentence(reason)}") from None
            _log.info("try %d of %s: %s", number, self._url, reason)
            if number < self._patience.tries:
                pause = max(self._patience.pause * 2.0 ** (number - 1), wait)
                self._stop.sleep(min(pause, _LONGEST_WAIT))
        raise self._failed(f"Tried {self._patience.tries} times; at last: {_sentence(reason)}")

    def _try(self) -> bool:
        """Ask for the file, or for what it lacks; whether there was anything new.

        Raises:
            _Broken, HTTPError, OSError, HTTPException: it did not come.
        """
        newest, begun = origin_of(self._file), self._begun()
        headers = {}
        if begun is not None:
            headers = {"Range": f"bytes={self._have()}-", "If-Range": begun.validator}
        elif newest is not None and newest.url == self._url and newest.etag:
            headers = {"If-None-Match": newest.etag}
        elif newest is not None and newest.url == self._url and newest.modified:
            headers = {"If-Modified-Since": newest.modified}
        try:
            with open_url(self._url, headers, self._patience.stalled, self._stop) as response:
                origin = self._receive(response, begun)
        except HTTPError as error:
            if error.code == 304 and newest is not None:
                self._note(newest)
                return False
            if error.code == _NO_REQUEST and begun is not None:
                self._forget()
                raise _Broken("the server has no such part of it any more") from None
            raise
        self._finish(origin)
        return True

    def _begun(self) -> Origin | None:
        """What the part of an earlier transfer is of, where it can be gone on with."""
        begun = read_note(f"{self._part}.origin")
        good = begun is not None and begun.url == self._url and begun.validator and self._have() > 0
        return begun if good else None

    def _have(self) -> int:
        try:
            return os.path.getsize(self._part)
        except FileNotFoundError:
            return 0

    def _receive(self, response: Response, begun: Origin | None) -> Origin:
        """Add what comes to the part; where the whole of it is from."""
        headers = response.headers
        origin = Origin(
            url=self._url,
            etag=headers.get("ETag", ""),
            modified=headers.get("Last-Modified", ""),
            encoding=headers.get("Content-Encoding", ""),
        )
        length = headers.get("Content-Length", "")
        coming = int(length) if length.isdecimal() else None
        have = 0
        if response.status == 206:
            have = self._have()
            if begun is None or not self._continues(headers.get("Content-Range", ""), origin):
                self._forget()
                raise _Broken("the server sent another part than was asked for")
            origin = msgspec.structs.replace(begun, size=None)
        total = None if coming is None else have + coming
        write_note(f"{self._part}.origin", origin)
        with open(self._part, "ab" if have else "wb") as part:
            part.truncate(have)
            self._read(response, part.write, have, total)
        if total is not None and self._have() != total:
            raise _Broken(f"it ended after {self._have()} of {total} bytes")
        return origin

    def _continues(self, content_range: str, origin: Origin) -> bool:
        """Whether a part is the one that was asked for, of the same state of the file."""
        begun = self._begun()
        same = begun is not None and (not origin.etag or origin.etag == begun.etag)
        return same and content_range.startswith(f"bytes {self._have()}-")

    def _read(
        self, response: Response, write: Callable[[bytes], int], have: int, total: int | None
    ) -> None:
        since, before = time.monotonic(), have
        self._tell(have, total)
        while data := response.read1(_CHUNK):
            self._stop.check()
            write(data)
            have += len(data)
            self._tell(have, total)
            passed = time.monotonic() - since
            if passed > self._patience.stalled:
                if have - before < _SLOWEST * passed:
                    raise _Broken(f"only {have - before} bytes came in {passed:.0f} s")
                since, before = time.monotonic(), have
        self._stop.check()

    def _finish(self, origin: Origin) -> None:
        """Put the whole part in the place of the file."""
        if self._sha256 is not None:
            found = _sha256(self._part)
            if found != self._sha256:
                self._forget()
                raise DownloadFailed(
                    f"What came from {self._url} is not what was expected.",
                    f"Its sha256 is {found}, not {self._sha256}.",
                    ["Check the address and the checksum; what was there before is kept."],
                )
        size = self._have()
        with open(self._part, "rb") as part:
            os.fsync(part.fileno())
        os.replace(self._part, self._file)
        self._note(msgspec.structs.replace(origin, size=size))
        self._forget()

    def _note(self, origin: Origin) -> None:
        write_note(f"{self._file}.origin", msgspec.structs.replace(origin, checked=time.time()))

    def _forget(self) -> None:
        for name in (self._part, f"{self._part}.origin"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)

    def _failed(self, why: str) -> DownloadFailed:
        have = self._have()
        todo = [f"Go on later: the {have:,} bytes that came are kept."] if have else []
        return DownloadFailed(f"{self._url} cannot be fetched.", why, todo)


def _is_of_disk(error: OSError) -> bool:
    return error.errno in _DISK or error.filename is not None


def _words(error: Exception, stalled: float) -> str:
    """What went wrong, as people say it."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return f"nothing came for {stalled:g} s"
    if isinstance(reason, OSError):
        return str(reason.strerror or reason)
    if isinstance(reason, HTTPException):
        return f"the server broke off ({type(reason).__name__})"
    return str(reason)


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def _sha256(file: str) -> str | None:
    try:
        with open(file, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return None
