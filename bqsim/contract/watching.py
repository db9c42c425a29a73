"""Every answer of the simulators in this process, held to the API's schema as it leaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .api_schema import ApiSchema, Problem, default

if TYPE_CHECKING:
    from bqsim.server.rest.reply import Reply

# Pages of rows that are larger are not looked at, unless all are asked for: they are made by one encoder.
_ROWS_BYTES = 16 * 1024
_API = "bigquery."


class Watch:
    """What was found so far: ``take()`` gives it and forgets it. Thread-safe."""

    def __init__(self, schema: ApiSchema | None = None, every_row: bool = False) -> None:
        self.schema = schema or default()
        self.every_row = every_row
        self.seen = 0
        self._found: list[tuple[str, Problem]] = []
        self._lock = threading.Lock()

    def __call__(self, method: str, reply: Reply) -> None:
        """Look at a reply of an API method; those of other APIs are let pass."""
        if not method.startswith(_API):
            return
        self.seen += 1
        found = self.schema.problems(method, self._body(reply.body), reply.status)
        if found:
            with self._lock:
                self._found += [(method, problem) for problem in found]

    def take(self) -> list[tuple[str, Problem]]:
        """Problems with the methods whose answers have them, in the order in which they were found."""
        with self._lock:
            found, self._found = self._found, []
        return found

    def _body(self, body: Any) -> Any:
        from bqsim.server.rest.reply import Raw

        if body is None or not any(type(value) is Raw for value in body.values()):
            return body
        return {
            name: json.loads(value) if type(value) is Raw else value
            for name, value in body.items()
            if type(value) is not Raw or self.every_row or len(value) <= _ROWS_BYTES
        }


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Show ``watch`` every reply meanwhile."""
    from bqsim.server.rest.app import WATCHERS

    WATCHERS.append(watch)
    try:
        yield watch
    finally:
        WATCHERS.remove(watch)
