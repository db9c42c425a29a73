"""From the requests of a connection to rows: what each writes to, and whether it is well formed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bqsim.catalog.resources import Table
from bqsim.errors import BigQueryError
from bqsim.jobs.streaming.partitions import day_partition
from bqsim.sql.statements.writes import writable
from bqsim.storage.errors import StorageFailure, from_bigquery, invalid_argument, not_found
from bqsim.storage.names import WriteStreamName, table_path, write_stream_of
from bqsim.storage.v1 import write_pb2
from bqsim.types import Field

from .appends import Append
from .cdc import ChangeMode, arrow_refused, change_errors, change_mode, check_upserts
from .missing import interpretation
from .readers import Readers, RowFormat, Source, WriterSchema, payload, writer_schema
from .streams import StreamRegistry
from .wire import parse_request

if TYPE_CHECKING:
    from bqsim.catalog.refs import TableRef
    from bqsim.catalog.store import Catalog

    from .rows import ReadRows

# Page *Quotas and limits*, AppendRows: the size of one request.
MAX_REQUEST_BYTES = 20 * 1024 * 1024

_Interpretation = write_pb2.AppendRowsRequest.MissingValueInterpretation


@dataclass(slots=True)
class Destination:
    """A stream that a connection writes to. ``seen`` are the fields of its table that the writer knows of."""

    name: WriteStreamName
    location: str
    seen: Sequence[Field]
    schema: WriterSchema | None = None
    readers: Readers = field(default_factory=Readers)
    mode: ChangeMode | None = None


class Intake:
    """The state of one connection that its requests build on: used by one thread, in their order."""

    def __init__(self, catalog: Catalog, streams: StreamRegistry) -> None:
        self._catalog = catalog
        self._streams = streams
        self._destinations: dict[str, Destination] = {}
        self._current: Destination | None = None
        self._switched = False
        self._format: RowFormat | None = None
        self._default = False

    @property
    def stream(self) -> WriteStreamName | None:
        """The stream of the last request."""
        return self._current.name if self._current else None

    def first(self, raw: bytes) -> Append:
        """The first request. Raises StorageFailure, which ends the connection, for one that opens none."""
        request, batch = parse_request(raw)
        if not request.write_stream:
            raise invalid_argument("The write_stream field is required in the first request of a connection.")
        self._current = self._open(write_stream_of(request.write_stream))
        format_ = _format_of(request)
        if format_ is None or writer_schema(request, format_) is None:
            raise _entity_failure(
                self._current.name, "The first request of a connection must have a writer schema."
            )
        return self._append(request, batch, len(raw))

    def next(self, raw: bytes) -> Append:
        """A further request, with its rows or the failure that it is answered with."""
        assert self._current is not None
        try:
            request, batch = parse_request(raw)
            self._switch(request.write_stream)
        except StorageFailure as failure:
            return Append(self._current.name, len(raw), failure=failure)
        return self._append(request, batch, len(raw))

    def changed_fields(self, name: WriteStreamName) -> Sequence[Field] | None:
        """The fields of a stream's table when they are news to the writer, who knows them from then on."""
        destination = self._destinations[name.path]
        table = self._catalog.find_table(name.table)
        if table is None or table.fields is destination.seen or table.fields == destination.seen:
            return None
        destination.seen = table.fields
        return table.fields

    def read_again(self, append: Append) -> None:
        """Read the rows of a request again, for its table as it is now."""
        assert append.source is not None
        self._read(self._destinations[append.name.path], append, append.source)

    def table(self, name: WriteStreamName) -> Table:
        """The table of a stream; StorageFailure when it is not there or not a table, or has no partition to
        stream to that is called as its decorator."""
        table = find_table(self._catalog, name.table, name.path)
        if name.partition:
            try:
                day_partition(self._catalog, table, name.partition)
            except BigQueryError as error:
                raise from_bigquery(error) from None
        return table

    def _append(self, request: write_pb2.AppendRowsRequest, batch: memoryview | None, size: int) -> Append:
        destination = self._current
        assert destination is not None
        append = Append(destination.name, size)
        try:
            if size > MAX_REQUEST_BYTES:
                raise invalid_argument(f"AppendRows request too large: {size} limit {MAX_REQUEST_BYTES}")
            source = self._source(request, batch, destination)
            if request.default_missing_value_interpretation:
                self._default = request.default_missing_value_interpretation == _Interpretation.DEFAULT_VALUE
            append.missing = interpretation(request, self._default)
            if request.HasField("offset"):
                append.offset = _offset(request, destination)
            append.source = source
            self._read(destination, append, source)
        except StorageFailure as failure:
            append.failure = failure
        return append

    def _source(
        self, request: write_pb2.AppendRowsRequest, batch: memoryview | None, destination: Destination
    ) -> Source:
        format_ = _format_of(request)
        if format_ is None:
            raise invalid_argument("Rows must be specified.")
        if format_ is not (self._format or format_):
            raise invalid_argument("Proto rows and Arrow rows cannot be mixed on one connection.")
        self._format = format_
        given = writer_schema(request, format_)
        if given is not None and given != destination.schema:
            destination.schema = given
        if destination.schema is None:
            raise invalid_argument("The writer schema is required in the first request for a write stream.")
        rows = payload(request, format_) if batch is None else batch
        if not rows and given is None:
            raise invalid_argument("Rows must be specified.")
        return Source(destination.schema, rows)

    def _read(self, destination: Destination, append: Append, source: Source) -> None:
        """Read the rows of a request; sets its failure when some are bad."""
        try:
            table = self.table(destination.name)
            rows = destination.readers.read(table, source)
            append.fields = table.fields
            append.rows = rows
            if rows is None:
                return
            defaulted = [f.name for f in rows.fields if append.missing.takes_default(f)]
            errors = [
                *rows.required_errors(defaulted),
                *self._change_errors(destination, table, rows, append),
            ]
        except StorageFailure as failure:
            append.failure = failure
            return
        if errors:
            append.refuse_rows(sorted(errors))

    def _change_errors(
        self, destination: Destination, table: Table, rows: ReadRows, append: Append
    ) -> list[tuple[int, str]]:
        if rows.change_types is None and rows.sequence_numbers is None:
            append.mode = ChangeMode.INSERT
            return []
        if self._format is RowFormat.ARROW:
            raise arrow_refused()
        if destination.mode is None and destination.name.is_default:
            destination.mode = change_mode(rows)
        append.mode = destination.mode or ChangeMode.INSERT
        if append.mode is ChangeMode.UPSERT:
            check_upserts(table)
        return change_errors(rows, append.mode)

    def _switch(self, path: str) -> None:
        """Make the request's stream the current one."""
        current = self._current
        assert current is not None
        if not path:
            if self._switched:
                raise invalid_argument(
                    "The write_stream field is required in every request once the destination has changed."
                )
            return
        name = write_stream_of(path)
        if name == current.name:
            return
        if not (name.is_default and current.name.is_default):
            raise _entity_failure(
                name,
                f"Only default streams can share a connection. This one is for {current.name.path}.",
            )
        found = self._destinations.get(name.path)
        self._current = found or self._open(name, current.location)
        self._switched = True

    def _open(self, name: WriteStreamName, location: str | None = None) -> Destination:
        table = self.table(name)
        if location is not None and table.location != location:
            raise _entity_failure(
                name, f"The table is in location {table.location}, the connection in {location}."
            )
        if not name.is_default:
            self._streams.get(name)
        destination = Destination(name, table.location, table.fields)
        self._destinations[name.path] = destination
        return destination


def find_table(catalog: Catalog, ref: TableRef, entity: str = "") -> Table:
    """A table that can be written to; NOT_FOUND or INVALID_ARGUMENT otherwise."""
    entity = entity or table_path(ref)
    if "$" in ref.table:
        raise invalid_argument(
            f"Only default streams can write to a partition by its decorator. Entity: {entity}",
            entity=entity,
        )
    try:
        return writable(catalog.table(ref))
    except BigQueryError as error:
        if error.reason.name == "notFound":
            raise not_found(
                f"Requested entity was not found. Entity: {entity}", code="TABLE_NOT_FOUND", entity=entity
            ) from None
        raise from_bigquery(error) from None


def _format_of(request: write_pb2.AppendRowsRequest) -> RowFormat | None:
    which = request.WhichOneof("rows")
    return RowFormat(which) if which else None


def _offset(request: write_pb2.AppendRowsRequest, destination: Destination) -> int:
    if destination.name.is_default:
        raise invalid_argument("Offset cannot be specified for the default stream.")
    offset: int = request.offset.value
    if offset < 0:
        raise invalid_argument(f"Offset must not be negative: {offset}")
    return offset


def _entity_failure(name: WriteStreamName, text: str) -> StorageFailure:
    return invalid_argument(f"{text} Entity: {name.path}", entity=name.path)
