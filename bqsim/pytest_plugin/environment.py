"""Environment variables of tests, and names of their projects."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# Ids of projects have 6 to 30 characters.
_NAME_CHARS = 21


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs; what they were comes back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class ProjectNames:
    """Ids of projects for tests: the same in every run, whichever tests run before or beside.

    ``salt`` keeps runs apart that share a server.
    """

    def __init__(self, salt: str = "") -> None:
        self._salt = salt
        self._counts: dict[str, int] = {}

    def __call__(self, node_id: str) -> str:
        """A project id; another one each time that the same test runs again."""
        count = self._counts[node_id] = self._counts.get(node_id, 0) + 1
        key = "\0".join((node_id, str(count), self._salt))
        name = re.sub(r"[^a-z0-9]+", "-", node_id.rpartition("::")[2].rpartition("/")[2].lower())
        name = re.sub(r"^[^a-z]+", "", name)[:_NAME_CHARS].strip("-") or "test"
        return f"{name}-{hashlib.blake2b(key.encode(), digest_size=4).hexdigest()}"
