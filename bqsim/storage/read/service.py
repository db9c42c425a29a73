"""BigQueryRead: sessions, streams, rows. Without transport: gRPC hands requests in and answers out."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from bqsim.catalog.shadow import is_empty_shadow
from bqsim.engine.pool import CancelToken
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.sim.effects.streams import StreamPlan
from bqsim.storage.errors import StorageFailure, from_bigquery, invalid_argument, not_found
from bqsim.storage.names import job_stream_of, project_of, session_of, table_of
from bqsim.storage.v1 import read_pb2, stream_pb2

from . import policies, sizes
from .arrow_format import ArrowFormat
from .asking import (
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
from .blocks import BlockMaps, Blocks, block_rows
from .cache import ChunkCache
from .chunks import Counts, Format, StreamReader, chunk_blocks, shutting_down
from .job_streams import FindJob, result_of
from .pacing import Pace
from .projection import Projection, project
from .restriction import Restrictions
from .rows import Reading
from .sampling import sample_of
from .sources import FAILED, ResultRows, Source, find_source
from .streams import Range, Tokens, partition, split, stream_count

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.pool import EnginePool
    from bqsim.engine.protocol import Session
    from bqsim.jobs.results import ResultStore
    from bqsim.settings import Settings
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws
    from bqsim.sql.executor import Executor

T = TypeVar("T")

MAX_TRACE_ID_BYTES = 256


@dataclass(frozen=True, slots=True)
class _Session:
    name: str
    expires_us: int
    reading: Reading
    format: Format
    chunk_blocks: int
    compressed: bool
    key: Hashable
    counts: Counts = field(default_factory=Counts)
    # Who alone may read it: the caller for whom row access policies filter it; None for everybody.
    only_for: str | None = None


class ReadService:
    """The three calls of BigQueryRead. Thread-safe; calls block."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        pool: EnginePool,
        executor: Executor,
        results: ResultStore,
        find_job: FindJob,
        clock: Clock,
        draws: Draws,
        settings: Settings,
    ) -> None:
        self._catalog = catalog
        self._pool = pool
        self._results = results
        self._find_job = find_job
        self._executor = executor
        self._clock = clock
        self._draws = draws
        self._restrictions = Restrictions(executor)
        self._blocks = BlockMaps()
        self._tokens = Tokens(draws.seed)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        # Sessions that the world they read has gone from under.
        self._ended: set[str] = set()
        self._lock = threading.Lock()
        self.cache = ChunkCache(settings.read_cache_bytes)

    # Sessions

    def create_session(
        self, request: read_pb2.CreateReadSessionRequest, caller: str
    ) -> stream_pb2.ReadSession:
        """A session over a snapshot of a table, with its streams."""
        parent = project_of(request.parent)
        if not request.HasField("read_session"):
            raise invalid_argument("read_session is required")
        asked = request.read_session
        _check(asked)
        ref = table_of(asked.table)
        now_us = self._clock.now_us()
        if (table := self._catalog.find_table(ref)) is not None and is_empty_shadow(table):
            self._run(lambda session: self._executor.require_rows(session, ref))
        source = find_source(self._catalog, self._results, ref, snapshot_us(asked), now_us)
        options = asked.read_options
        projection = project(source, options.selected_fields)
        visible = policies.visible(self._executor, source, caller, now_us)
        restriction = self._restrictions.condition(source, options.row_restriction, caller, now_us)
        condition = policies.restricted(visible, restriction)
        nbytes, row_bytes, blocks = self._run(lambda session: self._survey(session, source, projection))
        seed = int(self._draws.hex_id("read.sample", 16), 16)
        percentage = options.sample_percentage if options.HasField("sample_percentage") else 100.0
        sample = sample_of(percentage, seed, blocks)
        count = stream_count(nbytes, request.max_stream_count, request.preferred_min_stream_count)
        reading = Reading(source, projection, blocks, condition, sample)
        expires_us = _expiry(source, now_us)
        session_id = self._tokens.session_id(expires_us, self._draws.hex_id("read.session", 8))
        location = source.table.location.lower()
        session = _Session(
            name=f"projects/{parent}/locations/{location}/sessions/{session_id}",
            expires_us=expires_us,
            reading=reading,
            format=format_of(asked, projection.fields),
            chunk_blocks=chunk_blocks(blocks.size, row_bytes),
            key=(reading.key, count),
            only_for=None if visible is None else caller,
            compressed=is_compressed(options),
        )
        self._keep(session, now_us)
        answer = stream_pb2.ReadSession()
        answer.CopyFrom(asked)
        answer.name = session.name
        answer.expire_time.FromMicroseconds(expires_us)
        if visible is None:
            answer.estimated_row_count = blocks.rows
            answer.estimated_total_bytes_scanned = nbytes
        else:
            # What row access policies hide shows in no figure.
            answer.estimated_row_count = answer.estimated_total_bytes_scanned = 0
        session.format.describe(answer)
        del answer.streams[:]
        if projection.fields:
            for stream in partition(blocks, count):
                answer.streams.add(name=self._stream_name(session, stream))
        return answer

    def split_stream(self, request: read_pb2.SplitReadStreamRequest) -> read_pb2.SplitReadStreamResponse:
        """Two streams with the rows of one; an empty answer when it cannot be split."""
        check_fraction(request)
        session, stream = self._stream(request.name)
        answer = read_pb2.SplitReadStreamResponse()
        parts = split(session.reading.blocks, stream, request.fraction)
        if parts is not None:
            answer.primary_stream.name = self._stream_name(session, parts[0])
            answer.remainder_stream.name = self._stream_name(session, parts[1])
        return answer

    def read_rows(
        self,
        request: read_pb2.ReadRowsRequest,
        cancelled: Callable[[], bool],
        plan: Callable[[], StreamPlan | None] = lambda: None,
        caller: str | None = None,
    ) -> Iterator[bytes]:
        """Serialised ReadRowsResponse messages. What is wrong with the request is raised at the first.

        Rows that were filtered for a caller are read by no other ``caller``, where one is given. ``plan``
        gives, by then, what befalls the messages.
        """
        check_offset(request)
        session, stream = self._job_stream(request.read_stream) or self._stream(request.read_stream)
        if caller is not None:
            _check_reader(session, caller)
        encoding = with_options(session.format, request)
        reader = StreamReader(
            self._pool,
            self.cache,
            session.reading,
            encoding,
            session.chunk_blocks,
            session.counts,
            session.compressed,
            (session.key, encoding.key, session.compressed),
        )
        planned = plan()
        if planned is None:
            for message, _ in self._living(session, reader.messages(stream, request.offset, cancelled)):
                yield message
            return
        pace = Pace(planned, self._clock, request.offset, cancelled)
        pace.check()
        messages = reader.messages(stream, request.offset, cancelled, pace.cut)
        for message, rows in self._living(session, messages):
            yield pace.message(message, rows)
            pace.check()

    def _living(self, session: _Session, messages: Iterator[T]) -> Iterator[T]:
        for message in messages:
            if session.name in self._ended:
                raise StorageFailure("UNAVAILABLE", "The read session has ended with its world.")
            yield message

    def session_names(self) -> frozenset[str]:
        """The names of all sessions."""
        with self._lock:
            return frozenset(self._sessions)

    def keep_sessions(self, names: Set[str]) -> None:
        """Forget all other sessions; their open streams end with UNAVAILABLE."""
        with self._lock:
            gone = self._sessions.keys() - names
            self._ended |= gone
            for name in gone:
                del self._sessions[name]

    def close(self) -> None:
        """Forget all sessions and messages."""
        with self._lock:
            self._sessions.clear()
        self.cache.clear()

    # The registry

    def _keep(self, session: _Session, now_us: int) -> None:
        with self._lock:
            while self._sessions:
                oldest = next(iter(self._sessions.values()))
                if oldest.expires_us > now_us and len(self._sessions) < MAX_SESSIONS:
                    break
                del self._sessions[oldest.name]
            self._sessions[session.name] = session

    def _stream_name(self, session: _Session, stream: Range) -> str:
        return f"{session.name}/streams/{self._tokens.stream_id(_id(session.name), stream)}"

    def _stream(self, name: str) -> tuple[_Session, Range]:
        """The session and the blocks of a stream."""
        session_name, stream_id = session_of(name)
        session_id = _id(session_name)
        failed = f"there was an error operating on '{name}': "
        expires_us = self._tokens.expires_us(session_id)
        if expires_us is not None and expires_us <= self._clock.now_us():
            raise StorageFailure("FAILED_PRECONDITION", f"{failed}session expired at {as_utc(expires_us)}")
        session = self._sessions.get(session_name)
        if session is None:
            raise not_found(f"{failed}session not found")
        stream = self._tokens.blocks(session_id, stream_id)
        if stream is None:
            raise not_found(f"{failed}stream not found")
        return session, stream

    def _job_stream(self, name: str) -> tuple[_Session, Range] | None:
        """A job's result as one stream; None for names of other streams."""
        job = job_stream_of(name)
        if job is None:
            return None
        source = result_of(self._find_job, job)
        projection = project(source, ())
        _, row_bytes, blocks = self._run(lambda session: self._survey(session, source, projection))
        reading = Reading(source, projection, blocks)
        size = chunk_blocks(blocks.size, row_bytes)
        format_ = ArrowFormat(projection.fields)
        session = _Session(name, source.result.expires_us, reading, format_, size, False, (reading.key, 1))
        return session, (0, blocks.count)

    def _survey(self, session: Session, source: Source, projection: Projection) -> tuple[int, float, Blocks]:
        """The bytes to be read, the bytes of a row, and the blocks."""
        nbytes, rows = sizes.projected(session, self._executor.sizes, source, projection)
        row_bytes = nbytes / rows if rows else 0.0
        return nbytes, row_bytes, self._blocks.of(session, source, block_rows(row_bytes))

    def _run(self, work: Callable[[Session], T]) -> T:
        try:
            return self._pool.submit(work, CancelToken()).result()
        except Interrupted:
            raise shutting_down() from None
        except BigQueryError as error:
            raise from_bigquery(error, FAILED) from None


def _id(name: str) -> str:
    return name.rpartition("/")[2]


def _check(asked: stream_pb2.ReadSession) -> None:
    """Refuse what no session can be."""
    check_data_format(asked)
    if len(asked.trace_id.encode()) > MAX_TRACE_ID_BYTES:
        raise invalid_argument(f"trace_id exceeded maximum allowed length: {MAX_TRACE_ID_BYTES} bytes")
    check_compression(asked.read_options)


def _expiry(source: Source, now_us: int) -> int:
    """When a session ends: after its life, or with the result that it reads."""
    expires_us = now_us + SESSION_LIFE_US
    return min(expires_us, source.result.expires_us) if isinstance(source, ResultRows) else expires_us


def _check_reader(session: _Session, caller: str) -> None:
    source = session.reading.source
    if isinstance(source, ResultRows):
        policies.check_reader(source, caller)
    elif session.only_for is not None and session.only_for.casefold() != caller.casefold():
        raise StorageFailure("PERMISSION_DENIED", f"{FAILED}the read session is another caller's")
