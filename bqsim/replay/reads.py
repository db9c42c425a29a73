"""BigQueryRead from recorded rows: sessions over results and tables, however these were read then."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from bqsim.storage.errors import StorageFailure, not_found
from bqsim.storage.names import project_of, session_of, table_of
from bqsim.storage.read.asking import (
    MAX_SESSIONS,
    SESSION_LIFE_US,
    as_utc,
    check_compression,
    check_data_format,
    check_fraction,
    check_offset,
    format_of,
    is_compressed,
    snapshot_us,
    with_options,
)
from bqsim.storage.read.pacing import Pace
from bqsim.storage.read.streams import Range, Tokens, partition, split, stream_count
from bqsim.storage.v1 import read_pb2, stream_pb2
from bqsim.types import Field

from .rows import Missing, RecordedRows

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws
    from bqsim.sim.effects.streams import StreamPlan
    from bqsim.storage.read.blocks import Blocks
    from bqsim.storage.read.chunks import Format
    from bqsim.storage.read.projection import Projection
    from bqsim.storage.read.sources import Source

# Into so many blocks rows are divided at least, where there are as many: the finest streams.
_BLOCKS = 4096
# Rows that are turned into messages at once.
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Asked:
    """What a session is to read: ``table`` is a resource path, ``snapshot_us`` microseconds since the epoch
    (None: now), ``sample`` a percentage."""

    table: str
    fields: tuple[str, ...] = ()
    restriction: str = ""
    snapshot_us: int | None = None
    sample: float | None = None


@dataclass(frozen=True, slots=True)
class Readable:
    """Recorded rows that answer a session. ``total`` is how many the table or result has; ``streams`` how
    many the recorded session had (0: none was recorded); ``location`` and ``estimates`` (members of
    ReadSession by name) are what it told. ``expires_us`` 0: as long as sessions live."""

    rows: RecordedRows
    total: int
    streams: int = 0
    location: str = "us"
    estimates: Mapping[str, int] = field(default_factory=dict)
    expires_us: int = 0


@dataclass(frozen=True, slots=True)
class _Session:
    name: str
    expires_us: int
    source: Readable
    projection: Projection
    blocks: Blocks
    format: Format
    compressed: bool


# What finds rows. Raises StorageFailure when they were not recorded, or the recorded call was refused.
Find = Callable[[Asked], Readable]


class ReadReplay:
    """The three calls of BigQueryRead. Thread-safe; failures are raised as StorageFailure."""

    def __init__(self, find: Find, clock: Clock, draws: Draws) -> None:
        self._find, self._clock, self._draws = find, clock, draws
        self._tokens = Tokens(draws.seed)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._lock = threading.Lock()

    def create_session(self, request: read_pb2.CreateReadSessionRequest) -> stream_pb2.ReadSession:
        """A session of recorded rows, in as many streams as are asked for; without a number as recorded."""
        parent = project_of(request.parent)
        asked = request.read_session
        check_data_format(asked)
        check_compression(asked.read_options)
        table_of(asked.table)
        source = self._find(_asked(asked))
        projection = _projection(source.rows, asked.read_options.selected_fields)
        blocks = _blocks(source.total)
        count = stream_count(0, request.max_stream_count, request.preferred_min_stream_count)
        if not request.max_stream_count:
            count = max(count, source.streams)
        now_us = self._clock.now_us()
        expires_us = now_us + SESSION_LIFE_US
        if source.expires_us:
            expires_us = min(expires_us, source.expires_us)
        token = self._tokens.session_id(expires_us, self._draws.hex_id("replay.session", 8))
        session = _Session(
            f"projects/{parent}/locations/{source.location}/sessions/{token}",
            expires_us,
            source,
            projection,
            blocks,
            format_of(asked, projection.fields),
            is_compressed(asked.read_options),
        )
        self._keep(session, now_us)
        return self._message(asked, session, partition(blocks, count) if projection.fields else [])

    def split_stream(self, request: read_pb2.SplitReadStreamRequest) -> read_pb2.SplitReadStreamResponse:
        """Two streams with the rows of one; an empty answer when it cannot be split."""
        check_fraction(request)
        session, stream = self._stream(request.name)
        answer = read_pb2.SplitReadStreamResponse()
        parts = split(session.blocks, stream, request.fraction)
        if parts is not None:
            answer.primary_stream.name = self._stream_name(session, parts[0])
            answer.remainder_stream.name = self._stream_name(session, parts[1])
        return answer

    def read_rows(
        self,
        request: read_pb2.ReadRowsRequest,
        cancelled: Callable[[], bool],
        plan: Callable[[], StreamPlan | None] = lambda: None,
    ) -> Iterator[bytes]:
        """Serialised ReadRowsResponse messages from a row of a stream on; ``plan`` is what befalls them."""
        check_offset(request)
        session, stream = self._stream(request.read_stream)
        first, end = session.blocks.span(*stream)
        if request.offset > end - first:
            raise StorageFailure("FAILED_PRECONDITION", f"offset {request.offset} has not been allocated yet")
        format_ = with_options(session.format, request)
        planned = plan()
        pace = None if planned is None else Pace(planned, self._clock, request.offset, cancelled)
        if pace is not None:
            pace.check()
        prefix = format_.schema_field
        cut = None if pace is None else pace.cut
        for message, rows in _messages(session, format_, first, first + request.offset, end, cut):
            if cancelled():
                raise StorageFailure("CANCELLED", "The call was cancelled")
            whole = prefix + message if prefix else message
            prefix = b""
            if pace is None:
                yield whole
                continue
            yield pace.message(whole, rows)
            pace.check()

    # Sessions

    def _message(
        self, asked: stream_pb2.ReadSession, session: _Session, streams: Sequence[Range]
    ) -> stream_pb2.ReadSession:
        answer = stream_pb2.ReadSession()
        answer.CopyFrom(asked)
        answer.name = session.name
        answer.expire_time.FromMicroseconds(session.expires_us)
        answer.estimated_row_count = session.source.total
        for name, value in session.source.estimates.items():
            setattr(answer, name, value)
        session.format.describe(answer)
        del answer.streams[:]
        for stream in streams:
            answer.streams.add(name=self._stream_name(session, stream))
        return answer

    def _keep(self, session: _Session, now_us: int) -> None:
        with self._lock:
            while self._sessions:
                oldest = next(iter(self._sessions.values()))
                if oldest.expires_us > now_us and len(self._sessions) < MAX_SESSIONS:
                    break
                del self._sessions[oldest.name]
            self._sessions[session.name] = session

    def _stream_name(self, session: _Session, stream: Range) -> str:
        token = session.name.rpartition("/")[2]
        return f"{session.name}/streams/{self._tokens.stream_id(token, stream)}"

    def _stream(self, name: str) -> tuple[_Session, Range]:
        session_name, stream_id = session_of(name)
        token = session_name.rpartition("/")[2]
        failed = f"there was an error operating on '{name}': "
        expires_us = self._tokens.expires_us(token)
        if expires_us is not None and expires_us <= self._clock.now_us():
            raise StorageFailure("FAILED_PRECONDITION", f"{failed}session expired at {as_utc(expires_us)}")
        with self._lock:
            session = self._sessions.get(session_name)
        if session is None:
            raise NotHere("NOT_FOUND", f"{failed}session not found")
        stream = self._tokens.blocks(token, stream_id)
        if stream is None:
            raise not_found(f"{failed}stream not found")
        return session, stream


def _asked(asked: stream_pb2.ReadSession) -> Asked:
    options = asked.read_options
    sample = options.sample_percentage if options.HasField("sample_percentage") else None
    fields = tuple(options.selected_fields)
    return Asked(asked.table, fields, options.row_restriction, snapshot_us(asked), sample)


@dataclass(frozen=True, slots=True)
class _Columns:
    """What a projection needs of a source."""

    fields: tuple[Field, ...]
    pseudo: tuple[Field, ...] = ()


def _projection(rows: RecordedRows, selected: Sequence[str]) -> Projection:
    from bqsim.storage.read.projection import project

    try:
        columns = _Columns(rows.fields)
    except ValueError as error:
        raise unrecorded(str(error)) from None
    return project(cast("Source", columns), selected)


def _blocks(total: int) -> Blocks:
    import numpy as np

    from bqsim.storage.read.blocks import Blocks

    size = 1
    while total > size * _BLOCKS:
        size *= 2
    count = -(-total // size)
    return Blocks(size, total, np.minimum(np.arange(1, count + 1, dtype=np.int64) * size, total), True)


def _messages(
    session: _Session,
    format_: Format,
    first: int,
    start: int,
    end: int,
    cut: Callable[[int], Sequence[int]] | None,
) -> Iterator[tuple[bytes, int]]:
    """Messages of the rows from ``start`` to ``end`` of a stream whose first row is ``first``, with how many
    rows they have; ``cut`` gives those of each message that is to carry so many."""
    whole = max(end - first, 1)
    at = start
    while at < end:
        rows = _rows(session, at, min(_ROWS_AT_ONCE, end - at))
        done = 0
        for payload, count in format_.payloads(rows):
            parts = (count,) if cut is None else tuple(cut(count))
            pieces = [(payload, count)]
            if parts != (count,):
                pieces, begin = [], done
                for part in parts:
                    pieces += format_.payloads(rows.slice(begin, part))
                    begin += part
            for piece, n in pieces:
                progress = ((at - first) / whole, (at + n - first) / whole)
                yield _message(format_.rows_tag, piece, n, progress, session.compressed), n
                at += n
            if sum(parts) < count:
                return
            done += count


def _rows(session: _Session, start: int, count: int) -> pa.Table:
    rows = session.source.rows
    recorded = rows.missing(start, count)
    if recorded and recorded[0][0] > start:
        # What comes before the gap is told first.
        count = recorded[0][0] - start
    try:
        wanted = [rows.fields[index] for index, _ in session.projection.places]
        found = rows.table(start, count, wanted)
    except (Missing, ValueError) as error:
        raise unrecorded(str(error)) from None
    from bqsim.jobs.select import select_columns

    places = [(i, nested) for i, (_, nested) in enumerate(session.projection.places)]
    return select_columns(found, places, session.projection.fields)


def _message(tag: bytes, payload: Any, count: int, progress: tuple[float, float], compressed: bool) -> bytes:
    from bqsim.storage.read.messages import NOT_COMPRESSED, rows_message

    if not compressed:
        return rows_message(tag, payload, count, progress)
    import pyarrow as pa

    size = memoryview(payload).nbytes
    packed = pa.compress(payload, codec="lz4_raw")
    if packed.size < size:
        return rows_message(tag, packed, count, progress, size)
    return rows_message(tag, payload, count, progress, NOT_COMPRESSED)


class NotHere(StorageFailure):
    """A call that the cassette has no answer for; clients do not send it again."""


def unrecorded(text: str) -> NotHere:
    """A call that was not recorded."""
    return NotHere("FAILED_PRECONDITION", f"replay: {text}")
