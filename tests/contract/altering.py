"""A server in front of another that alters its answers: an emulator that is not quite right."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

# Method and path, status, JSON body (else its bytes) -> status, body.
Alter = Callable[[str, int, Any], tuple[int, Any]]


@contextmanager
def altered(url: str, alter: Alter) -> Iterator[str]:
    """The address of a server that answers what the one at ``url`` does, altered."""
    place = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *told: Any) -> None:
            """Nothing is told."""

        def _answer(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")}
            connection = http.client.HTTPConnection(place, timeout=30)
            connection.request(self.command, self.path, data, sent)
            response = connection.getresponse()
            status, body = response.status, response.read()
            connection.close()
            media = response.getheader("Content-Type") or "application/json"
            if body:
                plain = not media.startswith("application/json")
                status, told = alter(
                    f"{self.command} {self.path}", status, body if plain else json.loads(body)
                )
                body = told if plain else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", media)
            for name in ("Location", "Range"):
                if value := response.getheader(name):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
