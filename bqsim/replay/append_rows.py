"""Rows of appends as texts that are the same for rows that mean the same, whichever form they came in."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from bqsim.errors import StorageFailure
from bqsim.storage.errors import invalid_argument
from bqsim.storage.v1 import write_pb2


def row_texts(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The texts of rows: members in order, without those that have no value; numbers as texts."""
    return [json.dumps(_plain(row), sort_keys=True, separators=(",", ":")) for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        members = ((str(name).casefold(), _plain(item)) for name, item in value.items())
        return {name: item for name, item in members if item not in (None, [], {})}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def recorded_texts(blobs: Any, stretches: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """The texts of recorded rows by their place. ``CassetteError`` for damaged blobs."""
    found: dict[int, str] = {}
    for stretch in stretches:
        if stretch["format"] not in ("arrow", "ndjson"):
            continue
        data = blobs.blob(stretch["data"])
        if stretch["format"] == "arrow":
            from .row_blocks import read_stream

            rows = read_stream(data).to_pylist()
        else:
            rows = [json.loads(line) for line in data.splitlines() if line.strip()]
        skip, start = int(stretch.get("skip") or 0), int(stretch["start"])
        found.update(enumerate(row_texts(rows[skip:]), start))
    return found


class Writer:
    """Reads the rows of one connection: the schema that it sent last is that of its rows."""

    def __init__(self) -> None:
        self._proto: bytes = b""
        self._reader: Any = None
        self._arrow: bytes = b""

    def rows(self, request: write_pb2.AppendRowsRequest) -> tuple[int, list[str]]:
        """How many rows a request has, and their texts. INVALID_ARGUMENT when they cannot be read."""
        if request.WhichOneof("rows") == "arrow_rows":
            return self._arrow_rows(request.arrow_rows)
        return self._proto_rows(request.proto_rows)

    def _proto_rows(self, given: Any) -> tuple[int, list[str]]:
        from bqsim.record.fold.appends import row_reader

        if given.HasField("writer_schema"):
            schema = given.writer_schema.proto_descriptor.SerializeToString()
            if schema != self._proto or self._reader is None:
                self._reader, self._proto = row_reader(schema), schema
        rows = list(given.rows.serialized_rows)
        if not rows:
            return 0, []
        if self._reader is None:
            raise invalid_argument("Schema must be set before the first rows: writer_schema is missing")
        return len(rows), row_texts(map(self._reader, rows))

    def _arrow_rows(self, given: Any) -> tuple[int, list[str]]:
        from bqsim.storage.write.arrow_messages import check_record_batch

        self._arrow = given.writer_schema.serialized_schema or self._arrow
        batch = given.rows.serialized_record_batch
        if not batch:
            return 0, []
        if not self._arrow:
            raise invalid_argument("Schema must be set before the first rows: writer_schema is missing")
        import pyarrow as pa

        check_record_batch(batch)
        try:
            schema = pa.ipc.read_schema(pa.py_buffer(self._arrow))
            found = pa.ipc.read_record_batch(pa.py_buffer(batch), schema)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise StorageFailure("INVALID_ARGUMENT", f"Failed to parse the Arrow rows: {error}") from None
        return found.num_rows, row_texts(found.to_pylist())
