"""A token server, IAM and a metadata server of the tests' own, on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class TokenServer:
    """Gives ``token-1``, ``token-2``, … and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.fail: int = 0
        self.life_s = 3600
        self._given = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                is_json = "json" in self.headers.get("content-type", "")
                found = json.loads(text) if is_json else {k: v[0] for k, v in parse_qs(text).items()}
                self._answer(found)

            def _answer(self, body: dict[str, Any]) -> None:
                path = urlsplit(self.path).path
                status, answer = outer._reply(path, body)
                data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Metadata-Flavor", "Google")
                plain = isinstance(answer, str)
                self.send_header("Content-Type", "text/plain" if plain else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The base of all addresses."""
        return f"http://{self.address}"

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for path, _ in self.asked]

    def _reply(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.asked.append((path, body))
        if self.fail:
            self.fail -= 1
            return 500, {"error": "internal_failure", "error_description": "canary-description"}
        if path.endswith("/default/email"):
            return 200, "sa@test"
        if path.startswith("/computeMetadata") and not path.endswith("/token"):
            known = {"/computeMetadata/v1/project/project-id": "metadata-project"}
            if path.endswith("/service-accounts/default/"):
                return 200, {"email": "sa@test", "aliases": ["default"], "scopes": []}
            return 200, known.get(path, "")
        self._given += 1
        token = f"token-{self._given}"
        if path.endswith(":generateAccessToken"):
            return 200, {"accessToken": token, "expireTime": "2099-01-01T00:00:00Z"}
        return 200, {
            "access_token": token,
            "expires_in": self.life_s,
            "token_type": "Bearer",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        }


@contextmanager
def token_server() -> Iterator[TokenServer]:
    """A running token server."""
    server = TokenServer()
    server._thread.start()
    try:
        yield server
    finally:
        server._server.shutdown()
        server._server.server_close()
        server._thread.join()
