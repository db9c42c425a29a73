"""The engine work of appends: the requests of a group go into one table or stream in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError
from bqsim.jobs.streaming.partitions import day_partition
from bqsim.sql.statements.buffered import streamed
from bqsim.sql.statements.writes import Writer, writable, writing
from bqsim.storage.errors import StorageFailure, invalid_argument
from bqsim.types import Field

from .cdc import ChangeMode, apply_changes, joined, upserted
from .failures import stream_finalized, wrong_offset
from .missing import NULLS, Batch, Interpretation, insert
from .responses import ROW_ERRORS
from .staging import staging_writer
from .streams import StreamRegistry, StreamState, StreamType

if TYPE_CHECKING:
    from bqsim.catalog.resources import Table
    from bqsim.catalog.store import Catalog
    from bqsim.sql.executor import Executor
    from bqsim.storage.names import WriteStreamName

    from .readers import Source
    from .rows import ReadRows

# Row errors that the engine finds are looked for so often in one request, and so many are told.
MAX_PROBES = 500
MAX_ROW_ERRORS = 100


@dataclass(slots=True, eq=False)
class Append:
    """One request with its rows, and its outcome: ``failure``, or the ``result_offset`` that they got.

    ``source`` is what the rows were read from; ``offset`` is where the writer wants them; ``fields``
    are those of the table that the rows were read for.
    """

    name: WriteStreamName
    size: int
    source: Source | None = None
    offset: int | None = None
    fields: tuple[Field, ...] = ()
    rows: ReadRows | None = None
    missing: Interpretation = NULLS
    mode: ChangeMode = ChangeMode.INSERT
    failure: StorageFailure | None = None
    row_errors: Sequence[tuple[int, str]] = ()
    result_offset: int | None = None

    @property
    def num_rows(self) -> int:
        return self.rows.num_rows if self.rows is not None else 0

    @property
    def batch(self) -> Batch:
        assert self.rows is not None
        return Batch(self.rows, self.missing)

    def refuse_rows(self, errors: Sequence[tuple[int, str]]) -> None:
        """Let the request fail for its rows ``errors``: (index, message)."""
        self.failure = invalid_argument(ROW_ERRORS)
        self.row_errors = errors


@dataclass(slots=True)
class Group:
    """Requests for one stream whose rows were read for the same fields of its table, in order."""

    name: WriteStreamName
    fields: tuple[Field, ...]
    appends: list[Append] = field(default_factory=list)


class Reshaped(Exception):
    """The table's fields are no longer those that the rows were read for."""


class _Refused(Exception):
    """A value may not be stored."""

    def __init__(self, error: BigQueryError) -> None:
        super().__init__(error.message)
        self.error = error


class Appender:
    """Writes groups of appends. Thread-safe."""

    def __init__(self, catalog: Catalog, executor: Executor, streams: StreamRegistry) -> None:
        self._catalog = catalog
        self._executor = executor
        self._streams = streams

    def is_held(self, group: Group) -> bool:
        """Whether a multi-statement transaction has the table that the rows go to."""
        stream = None if group.name.is_default else self._streams.find(group.name)
        if stream is not None and stream.type is not StreamType.COMMITTED:
            return False
        return self._executor.claims.taken(group.name.table)

    def wait(self, group: Group, cancelled: Callable[[], bool]) -> None:
        """Wait for the end of that transaction. Raises ``Interrupted`` once ``cancelled``."""
        self._executor.claims.wait_for(group.name.table, cancelled)

    def write(self, session: Session, group: Group) -> None:
        """Write the rows of a group and set the outcomes of its appends.

        Raises :class:`Reshaped`, with nothing written, when the rows must be read again.
        """
        write = self._write_default if group.name.is_default else self._write_stream
        self._attempt(session, group, write)

    def _attempt(self, session: Session, group: Group, write: _Write) -> None:
        """Write a group in one transaction; one request at a time when one of them spoils it."""
        open_ = [a for a in group.appends if a.failure is None]
        if not open_:
            return
        try:
            write(session, replace(group, appends=open_))
        except _Refused as refused:
            if len(open_) == 1:
                self._locate(session, open_[0], refused.error)
                return
            for append in open_:
                self._attempt(session, replace(group, appends=[append]), write)

    # Default streams

    def _write_default(self, session: Session, group: Group) -> None:
        with self._writing(session, group) as writer, _refusing():
            for part in _runs(group.appends):
                if part[0].mode is ChangeMode.UPSERT:
                    for missing, appends in groupby(part, lambda a: a.missing):
                        self._apply_changes(writer, joined([a.batch.rows for a in appends]), missing)
                else:
                    insert(self._executor, writer, [a.batch for a in part])

    def _apply_changes(self, writer: Writer, rows: ReadRows, missing: Interpretation) -> None:
        columns = {f.name for f in rows.fields}
        wanted = [
            f
            for f in writer.table.fields
            if f.default is not None and (f.name not in columns or missing.takes_default(f))
        ]
        defaults = self._executor.defaults(writer.session, writer.table, wanted) if wanted else {}

        def put(target: Writer, kept: ReadRows) -> int:
            return insert(self._executor, target, [Batch(kept, missing)])

        apply_changes(writer, rows, defaults=defaults, insert=put)

    # Streams with offsets

    def _write_stream(self, session: Session, group: Group) -> None:
        with self._catalog.lock(("write_stream", group.name.path)):
            stream = self._streams.get(group.name)
            if stream.state is not StreamState.OPEN:
                for append in group.appends:
                    append.failure = stream_finalized(group.name)
                return
            accepted, end = _place(group.appends, stream.next_offset)
            if not accepted:
                return
            after = replace(stream, next_offset=end, used_us=self._catalog.clock.now_us())
            try:
                if stream.type is StreamType.COMMITTED:
                    with self._writing(session, group) as writer:
                        self._insert(writer, accepted)
                        self._streams.save(session, replace(after, flushed=end))
                else:
                    with session.transaction():
                        staging, writer = staging_writer(session, stream, self._current(group))
                        self._insert(writer, accepted)
                        self._streams.save(session, replace(after, staging=staging))
            except BaseException:
                for append in group.appends:
                    append.failure = append.result_offset = None
                raise

    def _insert(self, writer: Writer, appends: Sequence[Append]) -> None:
        with _refusing():
            for part in _runs(appends):
                insert(self._executor, writer, [a.batch for a in part])

    @contextmanager
    def _writing(self, session: Session, group: Group) -> Iterator[Writer]:
        catalog = self._catalog
        with writing(catalog, self._executor.claims, session, group.name.table) as writer:
            _check_fields(writer.table, group)
            if group.name.partition:
                writer.partition = day_partition(catalog, writer.table, group.name.partition)
            yield writer
            if writer.inserted:
                streamed(catalog.buffers, writer, open_=True)

    def _current(self, group: Group) -> Table:
        table = writable(self._catalog.table(group.name.table))
        _check_fields(table, group)
        return table

    # Bad rows

    def _locate(self, session: Session, append: Append, error: BigQueryError) -> None:
        """Find the rows of a request that may not be stored."""
        table = writable(self._catalog.table(append.name.table))
        found: list[tuple[int, str]] = []
        probes = 0

        def search(start: int, stop: int, known: BigQueryError | None) -> None:
            nonlocal probes
            if len(found) >= MAX_ROW_ERRORS or probes >= MAX_PROBES:
                return
            if known is None:
                probes += 1
                known = self._probe(session, table, append, start, stop)
            if known is None:
                return
            if stop - start == 1:
                found.append((start, known.message))
                return
            middle = (start + stop) // 2
            before = len(found)
            search(start, middle, None)
            # What is wrong is in the second half when nothing is wrong in the first.
            search(middle, stop, known if len(found) == before and stop - middle == 1 else None)

        search(0, append.num_rows, error)
        append.refuse_rows(found or [(0, error.message)])

    def _probe(
        self, session: Session, table: Table, append: Append, start: int, stop: int
    ) -> BigQueryError | None:
        """Why some rows of a request may not be stored; None when they may. Nothing is stored."""
        rows = append.batch.rows
        part = replace(
            rows,
            columns=rows.columns.slice(start, stop - start),
            missing={n: m[start:stop] for n, m in rows.missing.items()},
            change_types=rows.change_types and rows.change_types[start:stop],
            num_rows=stop - start,
        )
        if append.mode is ChangeMode.UPSERT:
            part = upserted(part)
        try:
            with session.transaction():
                insert(self._executor, Writer(session, table, 0), [Batch(part, append.missing)])
                raise _Undo
        except _Undo:
            return None
        except BigQueryError as error:
            return error


class _Undo(Exception):
    """Rolls a transaction back."""


if TYPE_CHECKING:
    _Write = Callable[[Session, Group], None]


@contextmanager
def _refusing() -> Iterator[None]:
    """Tell failures of the rows from others."""
    try:
        yield
    except BigQueryError as error:
        if error.reason.grpc != "INVALID_ARGUMENT":
            raise
        raise _Refused(error) from None


def _check_fields(table: Table, group: Group) -> None:
    if table.fields is not group.fields and table.fields != group.fields:
        raise Reshaped


def _runs(appends: Iterable[Append]) -> Iterator[list[Append]]:
    """Appends that can be inserted together: one after another, of one mode, with columns of one kind."""
    run: list[Append] = []
    for append in appends:
        if not append.num_rows:
            continue
        if run and (append.mode is not run[0].mode or append.batch.rows.fields != run[0].batch.rows.fields):
            yield run
            run = []
        run.append(append)
    if run:
        yield run


def _place(appends: Sequence[Append], next_offset: int) -> tuple[list[Append], int]:
    """Give each append its offset, or the failure that its own offset is; those that go in, and the next
    offset."""
    accepted = []
    for append in appends:
        if append.offset is not None and append.offset != next_offset:
            append.failure = wrong_offset(append.name, append.offset, next_offset)
            continue
        append.result_offset = next_offset
        next_offset += append.num_rows
        accepted.append(append)
    return accepted, next_offset
