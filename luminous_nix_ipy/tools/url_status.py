"""Whether a URL answers: one GET over a connection of its own, of which only the status is read.

No proxy is asked and no redirect followed: what is meant is the server that the URL names. The
request and the status line are those of RFC 9112; a cancellation ends it at once.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from urllib.parse import quote, urlsplit

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: .*)?\r?\n", re.DOTALL)
_NO_HTTP = "what answers is no HTTP"
_NEXT_ADDRESS_AFTER = 0.25
"""Seconds before the next address of a host is tried too (RFC 8305)."""
_KEPT = "!$&'()*+,;=:@/?%-._~"
"""What stands in a path and a query as it is (RFC 3986)."""


async def url_status(url: str) -> int:
    """The status of the answer to a GET of an http or https URL, without user name or password.

    Raises:
        OSError: nothing answers, or not as the host that its certificate is to prove.
        ValueError: what answers is no HTTP.
    """
    parts = urlsplit(url)
    host, encrypted = parts.hostname or "", parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        host,
        parts.port or (443 if encrypted else 80),
        ssl=_trusted() if encrypted else None,
        happy_eyeballs_delay=_NEXT_ADDRESS_AFTER,
    )
    try:
        named = parts.netloc if host.isascii() else parts.netloc.encode("idna").decode()
        query = f"?{quote(parts.query, _KEPT)}" if parts.query else ""
        target = f"{quote(parts.path or '/', _KEPT)}{query}"
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: {named}\r\nUser-Agent: luminous-nix-ipy\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n".encode()
        )
        return await _status(reader)
    finally:
        writer.transport.abort()


def reason(error: OSError) -> str:
    """What an error of a connection says, less the address that was tried."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or "no reason given"


async def _status(reader: asyncio.StreamReader) -> int:
    while True:
        line = await _line(reader)
        match = _STATUS.fullmatch(line)
        if match is None:
            raise ValueError(_NO_HTTP)
        # An answer of 1xx goes before the answer; 101 never comes unasked.
        if not match[1].startswith(b"1"):
            return int(match[1])
        while (await _line(reader)).strip():
            pass


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readline()
    except ValueError:  # longer than the reader's limit, 64 KiB
        raise ValueError(_NO_HTTP) from None
    if not line:
        raise ConnectionError("the connection was closed without an answer")
    return line


def _trusted() -> ssl.SSLContext:
    # Nix's own variable (nix.conf(5), ssl-cert-file) names the authorities where Python's OpenSSL
    # was built elsewhere.
    own = os.environ.get("SSL_CERT_FILE") or os.environ.get("NIX_SSL_CERT_FILE")
    return ssl.create_default_context(cafile=own or None)
