"""What makes staged rows visible: FlushRows and BatchCommitWriteStreams."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import TableRef
from bqsim.engine.protocol import Session
from bqsim.sql.statements.buffered import streamed
from bqsim.sql.statements.writes import writing
from bqsim.storage.errors import invalid_argument
from bqsim.storage.names import WriteStreamName, table_path
from bqsim.storage.status import storage_error
from bqsim.storage.v1 import status_pb2

from .failures import flush_beyond, not_committable
from .staging import move_rows
from .streams import StreamRegistry, StreamState, StreamType, WriteStream

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.sql.executor import Executor

# Streams of one BatchCommitWriteStreams call.
MAX_STREAMS = 10_000

# What the service calls the types of streams where it refuses to commit them.
_SHOWN_TYPES = {
    StreamType.COMMITTED: "WRITE_OPTIMIZED",
    StreamType.BUFFERED: "BUFFERED",
    StreamType.PENDING: "PENDING",
}


@dataclass(frozen=True, slots=True)
class Committed:
    """The outcome of a commit: its time (epoch microseconds), or what is wrong with streams."""

    time_us: int
    errors: Sequence[status_pb2.StorageError]


class Committer:
    """Brings staged rows into tables. Thread-safe."""

    def __init__(self, catalog: Catalog, executor: Executor, streams: StreamRegistry) -> None:
        self._catalog = catalog
        self._executor = executor
        self._streams = streams

    def finalize(self, session: Session, name: WriteStreamName) -> int:
        """Close a stream to further appends; the number of its rows. Idempotent."""
        with self._catalog.lock(("write_stream", name.path)):
            stream = self._streams.get(name)
            if stream.state is StreamState.OPEN:
                now = self._catalog.clock.now_us()
                with session.transaction():
                    self._streams.save(session, replace(stream, state=StreamState.FINALIZED, used_us=now))
            return stream.next_offset

    def flush(self, session: Session, name: WriteStreamName, offset: int) -> int:
        """Make the rows of a BUFFERED stream up to and with ``offset`` visible; the last visible offset."""
        with self._catalog.lock(("write_stream", name.path)):
            stream = self._streams.get(name)
            if stream.type is not StreamType.BUFFERED:
                text = f"Stream must be created in buffered mode, actual: {stream.type}. Entity: {name.path}"
                raise invalid_argument(text, code="INVALID_STREAM_TYPE", entity=name.path)
            if offset >= stream.next_offset:
                raise flush_beyond(name, offset, stream.next_offset)
            if offset < stream.flushed:
                return stream.flushed - 1
            with writing(self._catalog, self._executor.claims, session, name.table) as writer:
                moved = move_rows(session, stream, writer, offset + 1)
                streamed(self._catalog.buffers, writer, open_=True)
                self._streams.save(session, replace(moved, used_us=writer.version))
            return offset

    def commit(self, session: Session, ref: TableRef, names: Sequence[WriteStreamName]) -> Committed:
        """Commit PENDING streams of one table in one version of it; nothing when one of them cannot be."""
        with ExitStack() as held:
            held.enter_context(self._catalog.lock(*(("write_stream", n.path) for n in names)))
            found = [(name, self._streams.find(name)) for name in names]
            errors = [e for name, stream in found if (e := _error(name, stream)) is not None]
            if errors:
                return Committed(0, errors)
            with writing(self._catalog, self._executor.claims, session, ref) as writer:
                for _, stream in found:
                    assert stream is not None
                    moved = move_rows(session, stream, writer, stream.next_offset)
                    done = replace(moved, state=StreamState.COMMITTED, committed_us=writer.version)
                    self._streams.save(session, done)
            return Committed(writer.version, ())


def check_names(ref: TableRef, names: Sequence[WriteStreamName]) -> list[WriteStreamName]:
    """The streams to commit, each once. Raises INVALID_ARGUMENT for none, too many, or those of another
    table."""
    if not names:
        raise invalid_argument("At least one write stream must be specified.")
    if len(names) > MAX_STREAMS:
        raise invalid_argument(f"Too many write streams: {len(names)}, limit: {MAX_STREAMS}")
    for name in names:
        if name.table != ref:
            raise invalid_argument(
                f"The write stream does not belong to the table {table_path(ref)}. Entity: {name.path}",
                entity=name.path,
            )
    return list(dict.fromkeys(names))


def _error(name: WriteStreamName, stream: WriteStream | None) -> status_pb2.StorageError | None:
    """Why a stream cannot be committed."""
    if stream is None and not name.is_default:
        return storage_error("STREAM_NOT_FOUND", name.path, "Requested entity was not found.")
    type_ = StreamType.COMMITTED if stream is None else stream.type
    state = StreamState.OPEN if stream is None else stream.state
    return not_committable(
        name,
        _SHOWN_TYPES[type_],
        committed=state is StreamState.COMMITTED,
        finalized=state is not StreamState.OPEN,
    )
