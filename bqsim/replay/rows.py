"""Recorded rows in any form that a client asks for, whichever form they were recorded in."""

from __future__ import annotations

import json
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.types import Field, Mode
from bqsim.types.api_schema import fields_from_api, fields_to_api
from bqsim.types.text import TimestampFormat
from bqsim.types.wire import DEFAULT, WireOptions

if TYPE_CHECKING:
    import pyarrow as pa

# Decoded rows that are kept at most, in bytes, of all results of a process.
KEPT_BYTES = 128 * 1024 * 1024
FORMATS = frozenset({"json", "arrow", "avro", "ndjson"})


class Missing(LookupError):
    """Rows (or columns of them) that were not recorded: ``start`` is the first of them, ``stop`` the place
    after the last."""

    def __init__(self, start: int, stop: int, why: str = "") -> None:
        self.start, self.stop = start, stop
        rows = f"row {start} was" if stop == start + 1 else f"rows {start} to {stop - 1} were"
        super().__init__(f"{rows} not recorded{': ' + why if why else ''}")


class Blobs(Protocol):
    """What has the bytes of references: a cassette."""

    def blob(self, reference: dict[str, Any]) -> bytes: ...


class Kept:
    """Values by key, the least recently used given up beyond ``most`` bytes. Thread-safe."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self.most, self.size = most, 0
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable) -> Any:
        """The value; None when it is not kept."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Keep a value of ``size`` bytes, unless it is larger than all that may be kept."""
        with self._lock:
            self.size -= self._values.pop(key, (None, 0))[1]
            if size > self.most:
                return
            self._values[key] = (value, size)
            self.size += size
            while self.size > self.most:
                self.size -= self._values.popitem(last=False)[1][1]


_KEPT = Kept()


class RecordedRows:
    """The rows of a recorded result or table.

    ``stretches`` are those of :mod:`bqsim.record.shapes`; a stretch of ``json`` may have ``"options"``, the
    ``formatOptions`` that were asked for; the first ``"skip"`` rows of its data are not of it.
    ``schema`` is the API's TableSchema; without one (or without fields) Arrow or Avro stretches tell it. Each
    stretch is decoded when rows of it are asked for first. Thread-safe. What was asked for and not recorded
    raises :class:`Missing`; damaged blobs raise ``CassetteError``.
    """

    def __init__(
        self,
        cassette: Blobs,
        stretches: Sequence[Mapping[str, Any]],
        schema: Mapping[str, Any] | None = None,
        *,
        kept: Kept | None = None,
    ) -> None:
        self._cassette = cassette
        self._stretches = sorted(
            (dict(s) for s in stretches if s["count"] and s["format"] in FORMATS),
            key=lambda s: int(s["start"]),
        )
        self._starts = [int(s["start"]) for s in self._stretches]
        self._schema = schema
        self._kept = _KEPT if kept is None else kept
        self._me = object()
        self._fields: tuple[Field, ...] | None = None

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns. ``ValueError`` when nothing recorded tells them."""
        if self._fields is None:
            self._fields = self._find_fields()
        return self._fields

    @property
    def schema(self) -> dict[str, Any]:
        """The columns as the API's TableSchema: what was recorded, or what the rows tell."""
        if self._schema and self._schema.get("fields"):
            return dict(self._schema)
        return {"fields": fields_to_api(self.fields)}

    @property
    def recorded(self) -> int:
        """How many rows were recorded."""
        return sum(int(s["count"]) for s in self._stretches)

    @property
    def end(self) -> int:
        """The place after the last recorded row."""
        return max((int(s["start"]) + int(s["count"]) for s in self._stretches), default=0)

    def missing(self, start: int, count: int) -> list[tuple[int, int]]:
        """What was not recorded of some rows, as (first, place after the last) in order."""
        gaps, at, stop = [], start, start + count
        for stretch in self._stretches:
            first, last = int(stretch["start"]), int(stretch["start"]) + int(stretch["count"])
            if last <= at:
                continue
            if first >= stop:
                break
            if first > at:
                gaps.append((at, first))
            at = max(at, last)
        if at < stop:
            gaps.append((at, stop))
        return gaps

    def json(
        self, start: int, count: int, *, options: WireOptions | None = None, selected: str | None = None
    ) -> bytes:
        """Rows as the JSON array of the REST API. What was recorded as JSON keeps its texts, with columns
        ``selected`` (``selectedFields``), if TIMESTAMP is to be spelled as it was; ``options`` None: as it
        was."""
        parts = [
            self._json(i, first, n, options, selected)[1:-1] for i, first, n in self._pieces(start, count)
        ]
        return b"[" + b",".join(part for part in parts if part) + b"]"

    def table(self, start: int, count: int, fields: Sequence[Field] | None = None) -> pa.Table:
        """Rows as canonical columns (:mod:`bqsim.types.arrow`) of ``fields`` (top-level ones of the schema,
        None: all)."""
        import pyarrow as pa

        from bqsim.types.arrow import empty_table

        wanted = self.fields if fields is None else tuple(fields)
        parts = [self._rows(i, wanted).slice(first, n) for i, first, n in self._pieces(start, count)]
        return pa.concat_tables(parts) if parts else empty_table(wanted)

    def arrow(self, start: int, count: int) -> list[pa.RecordBatch]:
        """Rows in the Arrow schema in which the service gives them, in batches of their stretches."""
        import pyarrow as pa

        from bqsim.storage.read.arrow_format import declared, service_schema

        rows = declared(self.table(start, count), self.fields)
        schema = service_schema(self.fields)
        if not schema.names:
            return []
        # The layout is the same; names, nullability and metadata are the schema's.
        return [_named(batch, schema, pa) for batch in rows.to_batches() if batch.num_rows]

    # Stretches

    def _pieces(self, start: int, count: int) -> Iterator[tuple[int, int, int]]:
        """The stretches that hold some rows: (its index, the first row in it, rows)."""
        gaps = self.missing(start, count)
        if gaps:
            raise Missing(*gaps[0])
        at, stop = start, start + count
        while at < stop:
            i = bisect_right(self._starts, at) - 1
            first = at - self._starts[i]
            n = min(int(self._stretches[i]["count"]) - first, stop - at)
            yield i, first + self._skip(i), n
            at += n

    def _json(
        self, index: int, first: int, count: int, options: WireOptions | None, selected: str | None
    ) -> bytes:
        from bqsim.types.wire import encode_rows, project

        from .row_texts import narrowed_text, rows_text

        stretch = self._stretches[index]
        if stretch["format"] == "json" and self._same_spelling(index, options):
            data, starts, ends = self._texts(index)
            found = rows_text(data, starts, ends, first, count)
            return narrowed_text(json.loads(found), self.fields, selected) if selected else found
        fields: Sequence[Field] = self.fields
        rows = self._rows(index, self.fields).slice(first, count)
        if selected:
            fields, rows = project(fields, rows, selected)
        return encode_rows(fields, rows, options or DEFAULT)

    def _same_spelling(self, index: int, options: WireOptions | None) -> bool:
        """Whether TIMESTAMP is spelled in a stretch of JSON as ``options`` want it."""
        from .row_texts import has_timestamps

        if options is None or (self._known and not has_timestamps(self.fields)):
            return True
        if not self._known:
            return True
        found = self._spelling(index)
        return found is None or found is options.timestamps

    def _spelling(self, index: int) -> TimestampFormat | None:
        from .row_texts import timestamps_of

        key = (self._me, index, "spelling")
        found = self._kept.get(key)
        if found is None:
            data, starts, ends = self._texts(index)
            rows = (data[int(a) : int(b)] for a, b in zip(starts, ends, strict=True))
            found = (timestamps_of(rows, self.fields, _asked(self._stretches[index])),)
            self._kept.put(key, found, 64)
        spelled: TimestampFormat | None = found[0]
        return spelled

    @property
    def _known(self) -> bool:
        """Whether the columns are known, which exact texts do not need."""
        if self._fields is not None or (self._schema and self._schema.get("fields")):
            return True
        return any(s["format"] in ("arrow", "avro") for s in self._stretches)

    def _texts(self, index: int) -> tuple[bytes, Any, Any]:
        """A stretch of JSON and where its rows are."""
        from .row_texts import row_ends

        key = (self._me, index, "texts")
        found = self._kept.get(key)
        if found is None:
            data = self._data(index)
            starts, ends = row_ends(data)
            self._check(index, len(starts))
            found = (data, starts, ends)
            self._kept.put(key, found, len(data) + 16 * len(starts))
        data, starts, ends = found
        return data, starts, ends

    def _rows(self, index: int, fields: tuple[Field, ...]) -> pa.Table:
        """The canonical rows of a stretch."""
        key = (self._me, index, tuple(f.name for f in fields))
        rows = self._kept.get(key)
        if rows is None:
            rows = self._decoded(index, fields)
            self._check(index, rows.num_rows)
            self._kept.put(key, rows, rows.nbytes + 256)
        return rows

    def _decoded(self, index: int, fields: tuple[Field, ...]) -> pa.Table:
        stretch, data = self._stretches[index], self._data(index)
        try:
            if stretch["format"] == "json":
                from .row_texts import table_of_json

                rows = table_of_json(data, self.fields, _asked(stretch))
                return _columns(rows, self.fields, fields)
            if stretch["format"] == "arrow":
                from .row_blocks import read_stream, table_of_arrow

                return table_of_arrow(read_stream(data), fields)
            if stretch["format"] == "avro":
                from .row_blocks import table_of_avro

                count = int(stretch["count"]) + self._skip(index)
                return table_of_avro(stretch["schema"], data, count, fields)
            return _objects(data, fields)
        except KeyError as error:
            start = self._starts[index]
            stop = start + int(stretch["count"])
            raise Missing(start, stop, f"they were read without column {error.args[0]}") from None

    def _skip(self, index: int) -> int:
        return int(self._stretches[index].get("skip") or 0)

    def _data(self, index: int) -> bytes:
        return self._cassette.blob(self._stretches[index]["data"])

    def _check(self, index: int, count: int) -> None:
        told = int(self._stretches[index]["count"])
        count -= self._skip(index)
        if count != told:
            raise ValueError(f"the stretch from row {self._starts[index]} has {count} rows, not {told}")

    def _find_fields(self) -> tuple[Field, ...]:
        if self._schema and self._schema.get("fields"):
            return tuple(_told(f) for f in fields_from_api(self._schema["fields"]))
        for index, stretch in enumerate(self._stretches):
            if stretch["format"] == "arrow":
                from .row_blocks import fields_of_arrow, read_stream

                return fields_of_arrow(read_stream(self._data(index)).schema)
            if stretch["format"] == "avro":
                from .row_blocks import fields_of_avro

                return fields_of_avro(stretch["schema"])
        if not self._stretches:
            return ()
        raise ValueError("no schema was recorded for these rows")


def _asked(stretch: Mapping[str, Any]) -> TimestampFormat:
    """In which form TIMESTAMP was asked for."""
    options = stretch.get("options") or {}
    told = str(options.get("timestampOutputFormat") or "")
    if told in TimestampFormat.__members__:
        return TimestampFormat[told]
    micros = str(options.get("useInt64Timestamp", "")).lower() == "true"
    return TimestampFormat.INT64 if micros else TimestampFormat.FLOAT64


def _told(field: Field) -> Field:
    """A field of a result: what answers do not hold is not asked of rows."""
    return replace(field, mode=field.mode or Mode.NULLABLE)


def _columns(rows: pa.Table, have: Sequence[Field], fields: Sequence[Field]) -> pa.Table:
    """Some of the columns of canonical rows."""
    from bqsim.types.arrow import table_of

    if tuple(have) == tuple(fields):
        return rows
    places = {f.name.casefold(): i for i, f in enumerate(have)}
    return table_of([rows.column(places[f.name.casefold()]) for f in fields])


def _objects(data: bytes, fields: tuple[Field, ...]) -> pa.Table:
    """Rows as objects, one a line."""
    from bqsim.engine.formats.ndjson import read_ndjson

    parsed = read_ndjson(data, tuple(replace(f, mode=_loose(f.mode)) for f in fields), ignore_unknown=True)
    if parsed.bad:
        raise ValueError(f"recorded rows cannot be read: {parsed.bad[0]}")
    return parsed.rows


def _loose(mode: Mode) -> Mode:
    return Mode.NULLABLE if mode is Mode.REQUIRED else mode


def _named(batch: pa.RecordBatch, schema: pa.Schema, pa: Any) -> pa.RecordBatch:
    """A canonical batch under the service's schema."""
    message = batch.serialize()
    return pa.ipc.read_record_batch(message, schema)
