"""Write streams: what the service knows of each, in memory and in the engine's durable records."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bqsim.catalog.persistence import from_record, to_record
from bqsim.catalog.resources import Table
from bqsim.engine.protocol import Session
from bqsim.storage.errors import StorageFailure, not_found
from bqsim.storage.names import WriteStreamName
from bqsim.types import Field

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws

STREAM_RECORD = "write_stream"
STAGING_RECORD = "write_staging"

_HOUR_US = 3600 * 1_000_000


class StreamType(StrEnum):
    """When the rows of a stream become visible: at once, at the commit, or as they are flushed."""

    COMMITTED = "COMMITTED"
    PENDING = "PENDING"
    BUFFERED = "BUFFERED"


class StreamState(StrEnum):
    OPEN = "open"
    FINALIZED = "finalized"
    COMMITTED = "committed"


# How long a stream is kept after it was last written to; a PENDING one counts from its creation (page
# *BigQuery Storage Write API*, stream life times).
_LIFE_US = {
    StreamType.COMMITTED: 4 * 24 * _HOUR_US,
    StreamType.PENDING: 24 * _HOUR_US,
    StreamType.BUFFERED: 7 * 24 * _HOUR_US,
}


@dataclass(frozen=True, slots=True)
class Staging:
    """Rows of a stream that are not in its table yet: an engine table of their own.

    ``columns`` hold ``fields`` and are named as those of the engine table ``base``, the table's storage at
    that time. The row of offset ``first`` has rowid 0.
    """

    engine_table: str
    base: str
    columns: tuple[str, ...]
    fields: tuple[Field, ...]
    first: int


@dataclass(frozen=True, slots=True)
class WriteStream:
    """A stream made by CreateWriteStream. Times are epoch microseconds.

    ``table_created_ms`` tells its table from another of the same name. ``key`` is unique in the data
    directory. ``next_offset`` is the number of its rows, ``flushed`` how many of them are in the table.
    """

    name: WriteStreamName
    key: str
    type: StreamType
    created_us: int
    used_us: int
    table_created_ms: int
    location: str
    state: StreamState = StreamState.OPEN
    committed_us: int = 0
    next_offset: int = 0
    flushed: int = 0
    staging: Staging | None = None

    @property
    def lock_key(self) -> tuple[str, str]:
        """What to lock in the catalog while the stream changes."""
        return (STREAM_RECORD, self.name.path)

    def expires_us(self) -> int:
        """When the stream is forgotten."""
        last = self.created_us if self.type is StreamType.PENDING else self.used_us
        return last + _LIFE_US[self.type]


class StreamRegistry:
    """The streams by name. Thread-safe; a stream is changed with its lock held, by :meth:`save`."""

    def __init__(self, catalog: Catalog, clock: Clock, draws: Draws) -> None:
        self._catalog = catalog
        self._clock = clock
        self._draws = draws
        self._streams: dict[str, WriteStream] = {}
        self._mutex = threading.Lock()

    def new(self, table: Table, type_: StreamType) -> WriteStream:
        """A new stream of a table, not saved yet."""
        now = self._clock.now_us()
        while True:
            uuid = self._draws.uuid("write_stream")
            name = WriteStreamName(table.ref, _stream_id(uuid))
            # A restarted server with the same seed draws the ids of its last run again.
            if name.path not in self._streams:
                break
        return WriteStream(
            name=name,
            key=uuid.replace("-", ""),
            type=type_,
            created_us=now,
            used_us=now,
            table_created_ms=table.created_ms,
            location=table.location.lower(),
        )

    def find(self, name: WriteStreamName) -> WriteStream | None:
        """The stream; None when there is none, when it has expired or its table is gone."""
        stream = self._streams.get(name.path)
        return None if stream is None or self._is_dead(stream) else stream

    def get(self, name: WriteStreamName) -> WriteStream:
        """The stream, or NOT_FOUND."""
        stream = self.find(name)
        if stream is None:
            raise stream_not_found(name)
        return stream

    def all(self) -> dict[str, WriteStream]:
        """All streams by name, dead ones too."""
        with self._mutex:
            return dict(self._streams)

    def dead(self) -> list[WriteStream]:
        """Streams to forget."""
        with self._mutex:
            streams = list(self._streams.values())
        return [s for s in streams if self._is_dead(s)]

    def save(self, session: Session, stream: WriteStream) -> None:
        """Write the stream's records in the open transaction; memory follows after its commit."""
        path = stream.name.path
        before = self._streams.get(path)
        session.put_metadata(STREAM_RECORD, path, to_record(replace(stream, staging=None)))
        if stream.staging != (before.staging if before else None):
            record = None if stream.staging is None else to_record(stream.staging)
            session.put_metadata(STAGING_RECORD, path, record)
        session.on_commit(lambda: self._set(stream))

    def forget(self, session: Session, stream: WriteStream) -> None:
        """Delete the stream with its staged rows, in the open transaction."""
        path = stream.name.path
        if stream.staging is not None:
            session.drop_table(stream.staging.engine_table)
            session.put_metadata(STAGING_RECORD, path, None)
        session.put_metadata(STREAM_RECORD, path, None)
        session.on_commit(lambda: self._remove(path))

    def load(self, records: Iterable[tuple[str, str, str]]) -> None:
        """Read the engine's metadata records, at start-up."""
        staging: dict[str, Staging] = {}
        streams: dict[str, WriteStream] = {}
        for kind, key, value in records:
            if kind == STREAM_RECORD:
                streams[key] = from_record(WriteStream, value)
            elif kind == STAGING_RECORD:
                staging[key] = from_record(Staging, value)
        with self._mutex:
            for path, stream in streams.items():
                self._streams[path] = replace(stream, staging=staging.get(path))

    def _is_dead(self, stream: WriteStream) -> bool:
        table = self._catalog.find_table(stream.name.table)
        if table is None or table.created_ms != stream.table_created_ms:
            return True
        return stream.expires_us() <= self._clock.now_us()

    def _set(self, stream: WriteStream) -> None:
        with self._mutex:
            self._streams[stream.name.path] = stream

    def _remove(self, path: str) -> None:
        with self._mutex:
            self._streams.pop(path, None)


def stream_not_found(name: WriteStreamName) -> StorageFailure:
    return not_found(
        f"Requested entity was not found. Entity: {name.path}", code="STREAM_NOT_FOUND", entity=name.path
    )


def _stream_id(uuid: str) -> str:
    """A stream id in the service's form: base64 of a message with the id of a resource."""
    text = f"{uuid}:s0".encode()
    return base64.urlsafe_b64encode(b"\n" + bytes([len(text)]) + text).decode().rstrip("=")
