"""Data of callers as payloads of requests: Arrow in any of its forms, dictionaries, messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.schema import Schema

from .payloads import MAX_REQUEST_BYTES, TARGET_BYTES, Payload, WriterSchema, arrow_parts, check_size
from .proto_rows import CHANGE_NUMBER, CHANGE_TYPE, Encoder, ProtoRows

if TYPE_CHECKING:
    import pyarrow as pa

# Rows of dictionaries that are encoded at a time.
DICT_ROWS = 5_000
# What is not rows in a request: the names of stream and columns, the schema is measured.
_HEAD_BYTES = 8_192
_CHANGE_NAMES = {CHANGE_TYPE.casefold(), CHANGE_NUMBER.casefold()}


class ArrowCutter:
    """Cuts record batches of one schema into payloads.

    ``keep``: payloads can leave rows out later (they hold on to the batch).
    """

    def __init__(self, schema: pa.Schema, target: int = TARGET_BYTES, *, keep: bool = False) -> None:
        from .arrow_layout import Layout

        self.given = schema
        self._layout = Layout(schema)
        self.schema = WriterSchema.of_arrow(self._layout.schema.serialize().to_pybytes())
        self._keep = keep
        self.limit = MAX_REQUEST_BYTES - len(self.schema.encoded) - _HEAD_BYTES
        self._target = min(target, self.limit)

    def cut(
        self, batch: pa.RecordBatch, first: int = 0, kept: Sequence[int] | None = None
    ) -> Iterator[Payload]:
        """The payloads of a batch in order; ``first`` is the index of its first row. Raises LimitError."""
        return self._cut(self._layout.apply(batch), first, kept)

    def _cut(self, batch: pa.RecordBatch, first: int, kept: Sequence[int] | None) -> Iterator[Payload]:
        rows = batch.num_rows
        if not rows:
            return
        import pyarrow as pa

        size = pa.ipc.get_record_batch_size(batch)
        if size <= self._target:
            yield self._payload(batch, first, kept)
            return
        # Rows may differ in size: what is still too large is cut again.
        step = max(1, rows * self._target // size)
        if step >= rows:
            step = (rows + 1) // 2
        if rows == 1:
            check_size(size + MAX_REQUEST_BYTES - self.limit, f"Row {kept[0] if kept else first}")
            yield self._payload(batch, first, kept)
            return
        for start in range(0, rows, step):
            part = batch.slice(start, step)
            yield from self._cut(part, first + start, kept[start : start + step] if kept else None)

    def _payload(self, batch: pa.RecordBatch, first: int, kept: Sequence[int] | None) -> Payload:
        serialized = batch.serialize()
        without = self._without(batch, first, kept) if self._keep else None
        parts = arrow_parts(serialized, batch.num_rows)
        return Payload(self.schema, parts, batch.num_rows, first, kept=kept, without=without)

    def _without(
        self, batch: pa.RecordBatch, first: int, kept: Sequence[int] | None
    ) -> Callable[[frozenset[int]], Iterable[Payload]]:
        def made(refused: frozenset[int]) -> Iterable[Payload]:
            left = [i for i in range(batch.num_rows) if i not in refused]
            indices = [kept[i] if kept is not None else first + i for i in left]
            return self._cut(batch.take(left), first, indices) if left else ()

        return made


class Source:
    """Data as payloads, piece by piece. ``schema`` gives the table's schema where rows need one."""

    def __init__(
        self,
        schema: Callable[[], Schema],
        *,
        target: int = TARGET_BYTES,
        keep: bool = False,
        format: str = "auto",
    ) -> None:
        self._schema = schema
        self._target, self._keep, self._format = target, keep, format
        self._cutter: ArrowCutter | None = None
        self._encoder: Encoder | None = None
        # Rows that could not be encoded and were left out: (index, why), where that was asked for.
        self.refused: list[tuple[int, str]] = []

    def payloads(self, piece: Any, first: int = 0) -> Iterator[Payload]:
        """The payloads of a piece of data; ``first`` is the index of its first row. Raises LimitError for
        too large a row, UsageError for a wrong one."""
        if isinstance(piece, ProtoRows):
            yield from piece.payloads(self._target, first=first, keep=self._keep)
        elif isinstance(piece, list):
            yield from self._of_dicts(piece, first)
        else:
            yield from self._cutter_of(piece.schema).cut(piece, first)

    def unknown(self, piece: Any) -> bool:
        """Whether rows have columns that the table is not known to have."""
        if not isinstance(piece, list):
            return False
        names = {f.name.casefold() for f in self._schema()} | _CHANGE_NAMES
        return any(name.casefold() not in names for row in piece for name in row)

    def _of_dicts(self, rows: list[Mapping[str, Any]], first: int) -> Iterator[Payload]:
        try:
            yield from list(self._encoded(rows, first))
        except UsageError as error:
            if not self._keep:
                raise
            if len(rows) == 1:
                self.refused.append((first, error.message))
                return
            half = len(rows) // 2
            yield from self._of_dicts(rows[:half], first)
            yield from self._of_dicts(rows[half:], first + half)

    def _encoded(self, rows: list[Mapping[str, Any]], first: int) -> Iterator[Payload]:
        if self._format == "proto" or (self._format == "auto" and _changes(rows)):
            schema = self._schema()
            if self._encoder is None or self._encoder.table != schema:
                self._encoder = Encoder(schema)
            encoded = self._encoder.encode(rows, first)
            yield from encoded.payloads(self._target, first=first, keep=self._keep)
            return
        from bqclient.values.arrow import batch_of_dicts

        batch = batch_of_dicts(rows, _only(self._schema(), rows))
        yield from self._cutter_of(batch.schema).cut(batch, first)

    def _cutter_of(self, schema: pa.Schema) -> ArrowCutter:
        if self._cutter is None or not self._cutter.given.equals(schema):
            self._cutter = ArrowCutter(schema, self._target, keep=self._keep)
        return self._cutter


def _only(schema: Schema, rows: list[Mapping[str, Any]]) -> Schema:
    """The fields that rows have: a column that none has is missing, which is not the same as NULL."""
    named = {name.casefold() for row in rows for name in row}
    if all(f.name.casefold() in named for f in schema):
        return schema
    kept = tuple(f for f in schema if f.name.casefold() in named)
    # Unknown names are told by the conversion.
    return Schema(kept) if len(kept) == len(named) else schema


def _changes(rows: list[Mapping[str, Any]]) -> bool:
    """Whether rows are changes (CDC), which the service takes as messages only."""
    return any(CHANGE_TYPE in row for row in rows)


def size_of(piece: Any) -> int:
    """The rows of a piece."""
    if isinstance(piece, ProtoRows):
        return len(piece.rows)
    return len(piece) if isinstance(piece, list) else int(piece.num_rows)


async def pieces_of(data: Any) -> AsyncIterator[Any]:
    """Record batches, lists of dictionaries, or messages. Raises UsageError for what is no data."""
    if not hasattr(data, "__aiter__"):
        for piece in _pieces(data):
            yield piece
        return
    rows: list[Any] = []
    async for item in data:
        rows.append(item)
        if len(rows) >= DICT_ROWS or not isinstance(item, Mapping):
            for piece in _mixed(iter(rows)):
                yield piece
            rows = []
    for piece in _mixed(iter(rows)):
        yield piece


def _pieces(data: Any) -> Iterator[Any]:
    """Record batches, or lists of dictionaries."""
    if isinstance(data, ProtoRows):
        yield data
        return
    if isinstance(data, Mapping):
        yield [data]
        return
    if isinstance(data, (str, bytes)):
        raise UsageError("Rows are Arrow data or dictionaries, not text.")
    if hasattr(data, "to_batches"):
        yield from data.to_batches()
        return
    if type(data).__module__.startswith("pyarrow"):
        if hasattr(data, "num_rows"):
            yield data
            return
        if hasattr(data, "read_next_batch"):
            yield from data
            return
    if hasattr(data, "__arrow_c_stream__"):
        import pyarrow as pa

        yield from pa.RecordBatchReader.from_stream(data)
        return
    try:
        rows = iter(data)
    except TypeError:
        raise UsageError(f"{type(data).__name__} is no data to append.") from None
    yield from _mixed(rows)


def _mixed(rows: Iterator[Any]) -> Iterator[Any]:
    """Dictionaries in lists; batches and tables among them as they are."""
    while True:
        found = list(islice(rows, DICT_ROWS))
        if not found:
            return
        if all(isinstance(row, Mapping) for row in found):
            yield found
            continue
        for item in found:
            if isinstance(item, Mapping):
                yield [item]
            elif isinstance(item, (str, bytes)) or not (hasattr(item, "schema") or hasattr(item, "payloads")):
                raise UsageError(f"{type(item).__name__} is no row: rows are dictionaries.")
            else:
                yield from _pieces(item)
