"""Durable metadata: a log of records in the database; the last record of a key is its value."""

from __future__ import annotations

import itertools
from typing import Any

METADATA_TABLE = "_metadata"
INSERT = f"INSERT INTO {METADATA_TABLE} VALUES (?, ?, ?, ?)"
# Records written until the superseded ones are deleted.
COMPACT_EVERY = 20_000

_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {METADATA_TABLE} (seq BIGINT, kind VARCHAR, key VARCHAR, value VARCHAR)"
)
# A deleted key has NULL as its last value.
_LATEST = (
    f"SELECT seq, kind, key, value FROM {METADATA_TABLE} "
    "QUALIFY row_number() OVER (PARTITION BY kind, key ORDER BY seq DESC) = 1"
)
_READ = f"SELECT kind, key, value FROM ({_LATEST}) WHERE value IS NOT NULL ORDER BY seq"
_COMPACT = (
    f"DELETE FROM {METADATA_TABLE} WHERE seq NOT IN (SELECT seq FROM ({_LATEST}) WHERE value IS NOT NULL)"
)


class MetadataLog:
    """The log of an open database; ``connection`` is an engine connection of its own."""

    def __init__(self, connection: Any) -> None:
        connection.execute(_CREATE)
        last = connection.execute(f"SELECT coalesce(max(seq), 0) FROM {METADATA_TABLE}").fetchall()[0][0]
        self._sequence = itertools.count(last + 1)
        self._compacted = last
        self.compact(connection)

    def record(self, kind: str, key: str, value: str | None) -> list[Any]:
        """The values to :data:`INSERT`; the first is the record's number."""
        return [next(self._sequence), kind, key, value]

    def read(self, connection: Any) -> list[tuple[str, str, str]]:
        """(kind, key, value) of all keys, in the order of their last writes."""
        return [(kind, key, value) for kind, key, value in connection.execute(_READ).fetchall()]

    def is_due(self, number: int) -> bool:
        """Whether to compact, now that record ``number`` is committed; true once each time."""
        if number - self._compacted < COMPACT_EVERY:
            return False
        self._compacted = number
        return True

    def compact(self, connection: Any) -> None:
        """Delete the records that later ones have superseded."""
        connection.execute(_COMPACT)
