"""Requests to the control interface of a simulator."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bqsim.sim.scenario.tree import Place, Problem, ScenarioError

PREFIX = "/bqsim/v1"
TIMEOUT_S = 60.0


class RemoteError(RuntimeError):
    """The simulator refused a request, or did not answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Wire:
    """Control requests to ``url`` about a scope ('' is everything). Safe for threads."""

    def __init__(self, url: str, scope: str = "") -> None:
        """``ValueError`` for a URL that is not ``http://host:port``."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"the address of a simulator is like http://127.0.0.1:9050, not '{url}'")
        self.url = f"http://{parts.netloc}"
        self.scope = scope
        self._address = (parts.hostname, parts.port or 80)
        self._local = threading.local()

    def within(self, scope: str) -> Wire:
        """The same about another scope."""
        return Wire(self.url, scope)

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, None, **query)

    def call(self, verb: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON answer to a request; ``body`` is JSON.

        Raises :class:`ScenarioError` for what is wrong in a rule or a scenario, else :class:`RemoteError`.
        """
        asked = {name: value for name, value in query.items() if value is not None}
        if self.scope:
            asked["scope"] = self.scope
        target = f"{PREFIX}/{quote(path, safe='/@')}" + (f"?{urlencode(asked)}" if asked else "")
        data = None if body is None else json.dumps(body).encode()
        status, text = self._send(verb, target, data)
        try:
            answer = json.loads(text) if text.strip() else {}
        except ValueError:
            raise RemoteError(f"{self.url} is no simulator: {text[:200]!r}", status) from None
        if status >= 400:
            raise _refusal(answer, status)
        return answer

    def _send(self, verb: str, target: str, data: bytes | None) -> tuple[int, bytes]:
        # A connection that was kept may have been closed meanwhile; a new one that fails says so.
        kept = getattr(self._local, "connection", None)
        for connection in (kept, None) if kept is not None else (None,):
            if connection is None:
                connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_S)
            try:
                connection.request(verb, target, data, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                problem = error
                # What may have been done is not done again.
                if verb != "GET" and not isinstance(error, http.client.RemoteDisconnected):
                    break
                continue
            self._local.connection = connection
            return answer.status, text
        raise RemoteError(f"the simulator at {self.url} does not answer: {problem}") from problem

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


def _refusal(answer: Any, status: int) -> Exception:
    problems = answer.get("problems")
    if problems:
        return ScenarioError([_problem(one) for one in problems])
    message = (answer.get("error") or {}).get("message") or f"HTTP status {status}"
    return RemoteError(message, status)


def _problem(found: Mapping[str, Any]) -> Problem:
    place = Place("request", found.get("line", 0), found.get("column", 0), found.get("path", ""))
    return Problem(place, found["message"])
