"""Which rows that a commit wrote took the place of others, for change histories."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

UPDATES = "updates"

# Rows that a commit wrote, in the order of writing: whether they replace others, and how many.
Segments = Sequence[tuple[bool, int]]
# The commit, and the first and last (from 1) of the rows that it wrote and that replace others.
Run = tuple[int, int, int]


class Updates:
    """By engine table: the runs of rows that replaced others, oldest first."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Run]] = {}

    def of(self, engine_table: str) -> list[Run]:
        return list(self._runs.get(engine_table, ()))

    def add(self, engine_table: str, version: int, segments: Segments) -> None:
        """Note a commit."""
        found, at = [], 0
        for updating, count in segments:
            if updating and count:
                found.append((version, at + 1, at + count))
            at += count
        if found:
            self._runs.setdefault(engine_table, []).extend(found)

    def load(self, records: Iterable[tuple[str, str]]) -> None:
        """Bring durable records (key, value) into memory."""
        for key, value in sorted(records, key=lambda r: _version(r[0])):
            self.add(key.partition("@")[0], _version(key), [(bool(u), int(c)) for u, c in json.loads(value)])


def key_of(engine_table: str, version: int) -> str:
    return f"{engine_table}@{version}"


def _version(key: str) -> int:
    return int(key.partition("@")[2])
