"""Rows of every type, in every form in which rows are recorded."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from bqsim.types import Field
from bqsim.types.api_schema import fields_from_api
from bqsim.types.text import TimestampFormat
from bqsim.types.values import table_from_rows
from bqsim.types.wire import WireOptions, encode_rows

_UTC = dt.UTC
_STAMPS = [
    dt.datetime(1, 1, 1, tzinfo=_UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=_UTC),
    dt.datetime(2020, 1, 1, 1, 1, 1, 123456, tzinfo=_UTC),
]
VALUES: dict[str, list[Any]] = {
    "INTEGER": [0, -(2**63), 2**63 - 1],
    "FLOAT": [0.0, float("nan"), float("inf"), -float("inf"), 1e-300, 1.5e17, -0.0],
    "NUMERIC": [
        Decimal("1.5"),
        Decimal("-99999999999999999999999999999.999999999"),
        Decimal("0.000000001"),
    ],
    "BIGNUMERIC": [
        Decimal("1.5"),
        Decimal(f"{2**255 - 1}e-38"),
        Decimal(f"-{2**255}e-38"),
        Decimal("1e-38"),
    ],
    "BOOLEAN": [True, False],
    "STRING": ["", 'a"\\\n\u2028}],{"f":[é', "x"],
    "BYTES": [b"", b"\0\xff", b"abc"],
    "DATE": [dt.date(1, 1, 1), dt.date(9999, 12, 31)],
    "TIME": [dt.time(0), dt.time(23, 59, 59, 999999), dt.time(1, 2, 3)],
    "DATETIME": [s.replace(tzinfo=None) for s in _STAMPS],
    "TIMESTAMP": _STAMPS,
    "INTERVAL": [
        pa.MonthDayNano([14, -3, 3600 * 10**9 + 5000]),
        pa.MonthDayNano([-120000, 3660000, 0]),
    ],
    "JSON": ['{"b":1,"a":[null]}', '"x"'],
    "GEOGRAPHY": ["POINT(1 2)", "GEOMETRYCOLLECTION EMPTY"],
}
RANGES = ("DATE", "DATETIME", "TIMESTAMP")


def _schema() -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = []
    for kind in VALUES:
        fields.append({"name": f"n_{kind}", "type": kind})
        fields.append({"name": f"r_{kind}", "type": kind, "mode": "REPEATED"})
        fields.append({"name": f"q_{kind}", "type": kind, "mode": "REQUIRED"})
    for kind in RANGES:
        bound = {"type": "RANGE", "rangeElementType": {"type": kind}}
        fields.append({"name": f"g_{kind}", **bound})
        fields.append({"name": f"gr_{kind}", "mode": "REPEATED", **bound})
    deep = [{"name": "x", "type": "TIMESTAMP"}, {"name": "y", "type": "STRING", "mode": "REPEATED"}]
    inner = [
        {"name": "a", "type": "INTEGER"},
        {"name": "t", "type": "RECORD", "mode": "REPEATED", "fields": deep},
    ]
    return [*fields, {"name": "s", "type": "RECORD", "fields": inner}]


SCHEMA: dict[str, Any] = {"fields": _schema()}
FIELDS: tuple[Field, ...] = fields_from_api(SCHEMA["fields"])


def rows(count: int) -> pa.Table:
    """Canonical rows of SCHEMA: NULLs, extremes, empty lists."""
    made = []
    for i in range(count):
        row: list[Any] = []
        for values in VALUES.values():
            value = values[i % len(values)]
            row += [None if i % 4 == 1 else value, [] if i % 3 else values, value]
        for kind in RANGES:
            low, high = VALUES[kind][:2]
            some = [{"start": a, "end": b} for a, b in ((low, high), (None, high), (low, None), (None, None))]
            row += [None if i % 5 == 2 else some[i % 4], some[: i % 4]]
        nested = [[_STAMPS[i % 3], ["p", "q"][: i % 3]], [None, []]]
        row.append(None if i % 6 == 0 else [i, nested[: i % 3]])
        made.append(row)
    return table_from_rows(FIELDS, made)


class Store:
    """Blobs in memory."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}
        self.reads = 0

    def put(self, data: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        self._data[digest] = data
        return {"$blob": digest, "size": len(data), "media": "", "preview": []}

    def blob(self, reference: dict[str, Any]) -> bytes:
        self.reads += 1
        return self._data[reference["$blob"]]


FORMS = ("float", "int64", "iso", "arrow", "avro")
_SPELLINGS = {
    "float": TimestampFormat.FLOAT64,
    "int64": TimestampFormat.INT64,
    "iso": TimestampFormat.ISO8601_STRING,
}


def stretch(
    store: Store, table: pa.Table, form: str, start: int = 0, fields: Sequence[Field] = FIELDS
) -> dict[str, Any]:
    """Canonical rows as a stretch of one of FORMS."""
    head = {"start": start, "count": table.num_rows}
    if form == "arrow":
        return {**head, "format": "arrow", "data": store.put(arrow_stream(table, fields))}
    if form == "avro":
        from bqsim.storage.read.avro_format import AvroFormat

        format_ = AvroFormat(fields)
        data = b"".join(bytes(part) for part, _ in format_.payloads(table))
        return {**head, "format": "avro", "schema": format_.schema, "data": store.put(data)}
    text = encode_rows(fields, table, WireOptions(_SPELLINGS[form]))
    return {**head, "format": "json", "data": store.put(text)}


def arrow_stream(table: pa.Table, fields: Sequence[Field] = FIELDS) -> bytes:
    """Canonical rows as an IPC stream in the schema of the service."""
    from bqsim.storage.read.arrow_format import declared, service_schema

    schema, sink = service_schema(fields), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in declared(table, fields).to_batches():
            writer.write_batch(pa.ipc.read_record_batch(batch.serialize(), schema))
    data: bytes = sink.getvalue().to_pybytes()
    return data


def cells(table: pa.Table) -> list[list[Any]]:
    """Values column by column, NaN equal to itself."""
    return [json.loads(json.dumps([repr(v) for v in c.to_pylist()])) for c in table.columns]
