"""BigQueryWrite, free of transport."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from bqsim.engine.protocol import Interrupted, Session
from bqsim.errors import BigQueryError
from bqsim.sim.gate import note
from bqsim.storage.errors import StorageFailure, from_bigquery, invalid_argument
from bqsim.storage.names import WriteStreamName, table_of, write_stream_of
from bqsim.storage.table_schema import table_schema
from bqsim.storage.v1 import status_pb2, stream_pb2, write_pb2

from .appends import Append, Appender
from .commit import Committer, check_names
from .connection import Connection
from .failures import application_stream, no_offset, no_type
from .intake import Intake, find_table
from .streams import StreamRegistry, StreamState, StreamType, WriteStream

if TYPE_CHECKING:
    from google.protobuf import timestamp_pb2

    from bqsim.catalog.resources import Table
    from bqsim.catalog.store import Catalog
    from bqsim.engine.pool import EnginePool
    from bqsim.settings import Settings
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws
    from bqsim.sql.executor import Executor

T = TypeVar("T")

# Dead streams are looked for when a stream is created, at most so often.
SWEEP_US = 60 * 1_000_000

_PB = stream_pb2.WriteStream
_TYPES = {
    _PB.COMMITTED: StreamType.COMMITTED,
    _PB.PENDING: StreamType.PENDING,
    _PB.BUFFERED: StreamType.BUFFERED,
}
_PB_TYPES = {ours: theirs for theirs, ours in _TYPES.items()}


class WriteService:
    """Write streams and the rows that they bring. Thread-safe; calls block until the engine is done.

    Failures are raised as StorageFailure.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        pool: EnginePool,
        executor: Executor,
        clock: Clock,
        draws: Draws,
        settings: Settings,
    ) -> None:
        self._catalog = catalog
        self._pool = pool
        self._clock = clock
        self._settings = settings
        self.streams = StreamRegistry(catalog, clock, draws)
        self._appender = Appender(catalog, executor, self.streams)
        self._committer = Committer(catalog, executor, self.streams)
        self._connections: set[Connection] = set()
        # The connection that appends to an application-created stream, by the stream's name.
        self._owners: dict[str, Connection] = {}
        self._mutex = threading.Lock()
        self._swept_us = clock.now_us()

    def load(self, records: Iterable[tuple[str, str, str]]) -> None:
        """Read the engine's metadata records, once at start-up, after the catalog has."""
        self.streams.load(records)

    def close(self) -> None:
        """End all connections."""
        with self._mutex:
            connections = list(self._connections)
        for connection in connections:
            text = (
                "Closing the stream because server is restarted."
                " This is expected and client is advised to reconnect."
            )
            connection.abort(StorageFailure("ABORTED", text))

    @property
    def connected(self) -> bool:
        """Whether a stream of appends is open."""
        with self._mutex:
            return bool(self._connections)

    # Streams

    def create_stream(self, request: write_pb2.CreateWriteStreamRequest, caller: str) -> _PB:
        """A new stream of a table, with the table's schema."""
        ref = table_of(request.parent, "parent")
        type_ = _TYPES.get(request.write_stream.type)
        if type_ is None:
            raise no_type(request.parent)
        table = find_table(self._catalog, ref)
        self._sweep_now_and_then()
        stream = self.streams.new(table, type_)

        def work(session: Session) -> None:
            with session.transaction():
                self.streams.save(session, stream)

        self._run(work)
        return _message(stream, table, full=True)

    def get_stream(self, request: write_pb2.GetWriteStreamRequest) -> _PB:
        """A stream; with the table's schema when the view is FULL."""
        name = write_stream_of(request.name)
        table = find_table(self._catalog, name.table, name.path)
        full = request.view == stream_pb2.FULL
        if name.is_default:
            return _default_message(name, table, full)
        return _message(self.streams.get(name), table, full)

    def finalize_stream(
        self, request: write_pb2.FinalizeWriteStreamRequest
    ) -> write_pb2.FinalizeWriteStreamResponse:
        """Close a stream to appends; tells the number of its rows."""
        name = application_stream(request.name, "finalized")
        if self.streams.get(name).state is not StreamState.OPEN:
            # It was done before: nothing is done again.
            note(deduplicated=True)
        rows = self._run(lambda session: self._committer.finalize(session, name))
        return write_pb2.FinalizeWriteStreamResponse(row_count=rows)

    def flush_rows(self, request: write_pb2.FlushRowsRequest) -> write_pb2.FlushRowsResponse:
        """Make rows of a BUFFERED stream visible, up to and with the one at the offset."""
        name = application_stream(request.write_stream, "flushed")
        if not request.HasField("offset"):
            raise no_offset(name)
        offset = request.offset.value
        if offset < 0:
            raise invalid_argument(
                f"The offset must not be negative: {offset}. Entity: {name.path}", entity=name.path
            )
        if offset < self.streams.get(name).flushed:
            note(deduplicated=True)
        flushed = self._run(lambda session: self._committer.flush(session, name, offset))
        return write_pb2.FlushRowsResponse(offset=flushed)

    def batch_commit(
        self, request: write_pb2.BatchCommitWriteStreamsRequest
    ) -> write_pb2.BatchCommitWriteStreamsResponse:
        """Make the rows of finalized PENDING streams of one table visible, all or none."""
        ref = table_of(request.parent, "parent")
        names = check_names(ref, [write_stream_of(n) for n in request.write_streams])
        find_table(self._catalog, ref)
        outcome = self._run(lambda session: self._committer.commit(session, ref, names))
        response = write_pb2.BatchCommitWriteStreamsResponse(stream_errors=outcome.errors)
        if outcome.errors:
            codes = [status_pb2.StorageError.StorageErrorCode.Name(e.code) for e in outcome.errors]
            note(not_done=", ".join(sorted(set(codes))))
            if codes == ["STREAM_ALREADY_COMMITTED"] * len(names):
                note(deduplicated=True)
        else:
            _set_time(response.commit_time, outcome.time_us)
        return response

    # Rows

    def append_rows(self, requests: Iterator[bytes], caller: str, routed: str | None) -> Iterator[bytes]:
        """Handle one AppendRows call: serialised requests in, serialised answers out.

        Ends when the requests end and all are answered. Raises StorageFailure to end the call with a status.
        """
        opened: list[str] = []
        connection = Connection(
            pool=self._pool,
            appender=self._appender,
            intake=Intake(self._catalog, self.streams),
            clock=self._clock,
            queue_bytes=self._settings.append_queue_bytes,
            opened=lambda name: self._own(connection, name, opened),
            answered=self._count,
        )
        with self._mutex:
            self._connections.add(connection)
        try:
            yield from connection.run(requests)
        finally:
            with self._mutex:
                self._connections.discard(connection)
                for path in opened:
                    if self._owners.get(path) is connection:
                        del self._owners[path]

    def _count(self, appends: Sequence[Append]) -> None:
        """Count requests for WRITE_API_TIMELINE."""
        for append in appends:
            name, failure = append.name, append.failure
            stream = None if name.is_default else self.streams.find(name)
            type_ = "DEFAULT" if name.is_default else None if stream is None else stream.type.value
            code = None if failure is None else failure.status
            self._catalog.written.add(name.table, code, rows=append.num_rows, size=append.size, stream=type_)

    def _own(self, connection: Connection, name: WriteStreamName, opened: list[str]) -> None:
        """Make a connection the one that appends to its stream; one that did so before is ended."""
        if name.is_default:
            return
        opened.append(name.path)
        with self._mutex:
            before = self._owners.get(name.path)
            self._owners[name.path] = connection
        if before is not None and before is not connection:
            text = f"Closing the connection because a newer one uses the stream. Entity: {name.path}"
            before.abort(StorageFailure("ABORTED", text))

    def sweep(self) -> None:
        """Forget expired streams and those of tables that are gone, with their staged rows."""
        dead = self.streams.dead()
        if not dead:
            return

        def work(session: Session) -> None:
            for stream in dead:
                with self._catalog.lock(stream.lock_key), session.transaction():
                    # One that was written to meanwhile lives on.
                    if self.streams.find(stream.name) is None:
                        self.streams.forget(session, stream)

        self._run(work)

    def _sweep_now_and_then(self) -> None:
        now = self._clock.now_us()
        with self._mutex:
            if now - self._swept_us < SWEEP_US:
                return
            self._swept_us = now
        self.sweep()

    def _run(self, work: Callable[[Session], T]) -> T:
        """Do engine work; its errors as statuses."""
        try:
            return self._pool.submit(work).result()
        except BigQueryError as error:
            raise from_bigquery(error) from None
        except Interrupted:
            raise StorageFailure("ABORTED", "The request was interrupted.") from None


def _message(stream: WriteStream, table: Table, full: bool) -> _PB:
    message = _PB(
        name=stream.name.path,
        type=_PB_TYPES[stream.type],
        write_mode=_PB.INSERT,
        location=stream.location,
    )
    _set_time(message.create_time, stream.created_us)
    if stream.type is StreamType.COMMITTED:
        _set_time(message.commit_time, stream.created_us)
    elif stream.state is StreamState.COMMITTED:
        _set_time(message.commit_time, stream.committed_us)
    if full:
        message.table_schema.CopyFrom(table_schema(table.fields))
    return message


def _default_message(name: WriteStreamName, table: Table, full: bool) -> _PB:
    message = _PB(name=name.path, type=_PB.COMMITTED, write_mode=_PB.INSERT, location=table.location.lower())
    _set_time(message.create_time, table.created_ms * 1000)
    if full:
        message.table_schema.CopyFrom(table_schema(table.fields))
    return message


def _set_time(field: timestamp_pb2.Timestamp, time_us: int) -> None:
    field.FromMicroseconds(time_us)
