"""A web server that says which system it belongs to, until a test wants it to be silent.

It tells systemd when it listens (sd_notify(3)).
"""

import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SILENT = "/var/lib/machine-test/web-is-silent"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        while os.path.exists(SILENT):
            time.sleep(0.05)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{sys.argv[1]}\n".encode())

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("0.0.0.0", 80), Handler)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
server.serve_forever()
