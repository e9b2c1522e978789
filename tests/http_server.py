"""A real HTTP server on loopback that serves files, and misbehaves as it is told."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One file, and how the next requests for it go wrong."""

    body: bytes
    etag: str | None = '"1"'
    modified: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    """One a request, first come first served: a status ("503"), "truncate", "reset", "stall",
    "trickle", "redirect URL", "ignore range", "wrong part"; then all is well."""
    chunked: bool = False
    conditional: bool = True


@dataclass
class Server:
    url: str
    files: dict[str, Served] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    """The headers of every request, in order, with its path as ":path"."""
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, path: str, body: bytes, **facts: object) -> str:
        """Serve this from now on; its URL."""
        self.files[path] = Served(body, **facts)  # type: ignore[arg-type]
        return f"{self.url}/{path}"


@contextmanager
def serving(encrypted: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server on a free port of 127.0.0.1, over TLS where it is given how."""
    server = Server("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            server.asked.append({**dict(self.headers.items()), ":path": path})
            file = server.files.get(path)
            if file is None:
                self.send_error(404)
                return
            with contextlib.suppress(ConnectionError):
                _answer(self, server, file)
            self.close_connection = True

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    if encrypted is not None:
        http.socket = encrypted.wrap_socket(http.socket, server_side=True)
    server.url = f"http{'s' if encrypted else ''}://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        http.shutdown()
        http.server_close()


def _answer(handler: BaseHTTPRequestHandler, server: Server, file: Served) -> None:
    fault, _, word = (file.faults.pop(0) if file.faults else "").partition(" ")
    if fault.isdecimal():
        handler.send_response(int(fault))
        for name, value in file.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    if fault == "redirect":
        handler.send_response(302)
        handler.send_header("Location", word)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    asked = handler.headers
    same = file.etag is not None and asked.get("If-None-Match") == file.etag
    if file.conditional and (same or asked.get("If-Modified-Since") == (file.modified or "-")):
        handler.send_response(304)
        handler.end_headers()
        return
    start = _start(handler, file) if fault != "ignore" else 0
    body = file.body[start:]
    if start > len(file.body):
        handler.send_response(416)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    handler.send_response(206 if start else 200)
    if start:
        shown = start + 1 if fault == "wrong" else start
        end, whole = len(file.body) - 1, len(file.body)
        handler.send_header("Content-Range", f"bytes {shown}-{end}/{whole}")
    if file.etag:
        handler.send_header("ETag", file.etag)
    if file.modified:
        handler.send_header("Last-Modified", file.modified)
    for name, value in file.headers.items():
        handler.send_header(name, value)
    if file.chunked:
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        pieces = [body[i : i + 1000] for i in range(0, len(body), 1000)]
        for piece in pieces[: len(pieces) // 2 if fault == "truncate" else None]:
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if fault != "truncate":
            handler.wfile.write(b"0\r\n\r\n")
        return
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    half = len(body) // 2
    if fault == "truncate":
        handler.wfile.write(body[:half])
    elif fault == "reset":
        handler.wfile.write(body[:half])
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        handler.connection.close()
    elif fault == "stall":
        handler.wfile.write(body[:half])
        handler.wfile.flush()
        server.over.wait(30)
    elif fault == "trickle":
        for i in range(len(body)):
            handler.wfile.write(body[i : i + 1])
            handler.wfile.flush()
            if server.over.wait(0.05):
                return
    else:
        handler.wfile.write(body)


def _start(handler: BaseHTTPRequestHandler, file: Served) -> int:
    """Where the part that is asked for begins, of the same state of the file; else 0."""
    match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    condition = handler.headers.get("If-Range")
    if match is None or condition not in (None, file.etag, file.modified):
        return 0
    return int(match[1])
