"""One HTTP request that can be ended from another thread."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from email.message import Message
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any, TypeVar, cast
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

T = TypeVar("T")
Response = HTTPResponse

_AGENT = "luminous-nix-ipy"


class Stopped(Exception):
    """The request was ended by `Stop`."""


class Stop:
    """Ends a request: what waits for the network or sleeps in between raises `Stopped` at once."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._socket: socket.socket | None = None

    def __call__(self) -> None:
        self._asked.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def watch(self, connected: socket.socket) -> None:
        """This is the socket that is waited for now."""
        self._socket = connected
        self.check()

    def check(self) -> None:
        """Raises: Stopped: it was asked for."""
        if self._asked.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Raises: Stopped: it was asked for, meanwhile or before."""
        self._asked.wait(seconds)
        self.check()


def open_url(url: str, headers: Mapping[str, str], timeout: float, stop: Stop) -> Response:
    """The response to a GET, its headers read; proxies are those of the environment.

    Args:
        timeout: seconds to wait for a connection, and for each piece of what comes.

    Raises:
        HTTPError: the server answered with another status than 2xx; 304 is one too.
        URLError, OSError, HTTPException: there is no answer.
        Stopped: `stop` was called.
    """
    stop.check()
    request = Request(url, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers})
    opener = build_opener(ProxyHandler(), _Plain(stop), _Encrypted(stop), _Redirects())
    try:
        return cast(Response, opener.open(request, timeout=timeout))
    except Exception:
        stop.check()
        raise


def seconds_to_wait(headers: Mapping[str, str] | Message) -> float:
    """What Retry-After asks for in seconds (RFC 9110, 10.2.3); 0 for a date or nothing."""
    words = headers.get("Retry-After") or ""
    return float(words) if words.isdecimal() and len(words) < 10 else 0.0


async def in_daemon_thread(work: Callable[[], T], stop: Stop) -> T:
    """What `work` returns, run in a thread that neither a cancellation nor the end of the process
    waits long for: a name server may be silent for minutes.

    Raises:
        asyncio.CancelledError: the task was cancelled; `stop` was called.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(cast(T, value))
        else:
            done.set_exception(error)

    def run() -> None:
        value, failed = None, None
        try:
            value = work()
        except BaseException as error:
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(settle, value, failed)

    thread = threading.Thread(target=run, daemon=True, name="luminous-nix download")
    thread.start()
    try:
        return await done
    except asyncio.CancelledError:
        stop()
        raise


class _Watched:
    """A connection whose socket `stop` knows."""

    def __init__(self, *args: Any, stop: Stop, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stop = stop

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._stop.watch(self.sock)  # type: ignore[attr-defined]


class _PlainConnection(_Watched, HTTPConnection):
    pass


class _EncryptedConnection(_Watched, HTTPSConnection):
    pass


class _Plain(HTTPHandler):
    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self._connection = functools.partial(_PlainConnection, stop=stop)

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(cast(Any, self._connection), req)


class _Encrypted(HTTPSHandler):
    def __init__(self, stop: Stop) -> None:
        # Nix's own variable (nix.conf(5), ssl-cert-file) names the authorities where Python's
        # OpenSSL was built elsewhere.
        own = os.environ.get("NIX_SSL_CERT_FILE", "")
        self._trusted = ssl.create_default_context(cafile=own if os.path.isfile(own) else None)
        super().__init__(context=self._trusted)
        self._connection = functools.partial(_EncryptedConnection, stop=stop)

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(cast(Any, self._connection), req, context=self._trusted)


class _Redirects(HTTPRedirectHandler):
    """Follows to http and https, and from https to https alone."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in ("http", "https") or (before == "https" and after == "http"):
            raise URLError(f"it leads on to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
