"""Avro object container files."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from bqsim.codecs.avro import RowEncoder, avro_schema
from bqsim.codecs.wire import varint
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import from_numpy, to_numpy

from .printed import printed
from .writing import Sink

MAGIC = b"Obj\x01"
_BLOCK_ROWS = 50_000
# Kinds that are texts in exports that do not ask for logical types.
_TEXTS = frozenset({TypeKind.DATE, TypeKind.TIME, TypeKind.DATETIME})


class AvroWriter:
    """Writes rows as blocks of a file; without ``logical_types`` DATE, TIME and DATETIME are strings."""

    def __init__(
        self,
        fields: Sequence[Field],
        out: Sink,
        compression: str = "NONE",
        *,
        logical_types: bool = False,
    ) -> None:
        self._given = fields
        self._texts = not logical_types
        self._fields = fields if logical_types else [_text_field(f) for f in fields]
        self._encoder = RowEncoder(self._fields)
        self._out = out
        schema = json.loads(avro_schema(fields, "Root"))
        if self._texts:
            schema = _with_texts(schema)
        codec, self._pack = CODECS[compression]
        self._sync = hashlib.md5(json.dumps(schema).encode(), usedforsecurity=False).digest()
        header = {
            "avro.schema": json.dumps(schema, separators=(",", ":")).encode(),
            "avro.codec": codec.encode(),
        }
        out.write(MAGIC + long_bytes(len(header)))
        for key, value in header.items():
            out.write(_bytes(key.encode()) + _bytes(value))
        out.write(long_bytes(0) + self._sync)

    def write(self, rows: pa.Table) -> None:
        for start in range(0, rows.num_rows, _BLOCK_ROWS):
            part = rows.slice(start, _BLOCK_ROWS)
            if self._texts and part.num_columns:
                part = _printed_columns(part, self._given)
            data = self._encoder.encode(part)[0] if self._fields else b""
            self._out.write(long_bytes(part.num_rows) + _bytes(self._pack(data)) + self._sync)

    def close(self) -> None:
        return None


def _printed_columns(rows: pa.Table, fields: Sequence[Field]) -> pa.Table:
    columns = [
        pa.chunked_array([_array(c, f) for c in column.chunks], type=None if column.chunks else column.type)
        for column, f in zip(rows.columns, fields, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=rows.column_names)


def long_bytes(value: int) -> bytes:
    """A number as Avro writes it."""
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _bytes(value: bytes) -> bytes:
    return long_bytes(len(value)) + value


def _deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _snappy(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, "snappy", asbytes=True)
    return packed + zlib.crc32(data).to_bytes(4, "big")


CODECS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "NONE": ("null", lambda data: data),
    "DEFLATE": ("deflate", _deflate),
    "SNAPPY": ("snappy", _snappy),
}


# -- without logical types

_LOGICAL = {"date": "DATE", "time-micros": "TIME", "datetime": "DATETIME"}


def _with_texts(schema: Any) -> Any:
    """The schema with strings in place of dates and times."""
    if isinstance(schema, list):
        return [_with_texts(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("logicalType") in _LOGICAL:
        return {"type": "string", "sqlType": _LOGICAL[schema["logicalType"]]}
    return {k: _with_texts(v) if k in ("type", "items", "fields") else v for k, v in schema.items()}


def _text_field(field: Field) -> Field:
    if field.kind is TypeKind.STRUCT:
        return replace(field, fields=tuple(map(_text_field, field.fields)))
    return replace(field, kind=TypeKind.STRING) if field.kind in _TEXTS else field


def _array(array: Any, field: Field) -> Any:
    if field.mode is Mode.REPEATED:
        values = _array(array.flatten(), replace(field, mode=Mode.REQUIRED))
        offsets = np.zeros(len(array) + 1, np.int32)
        np.cumsum(to_numpy(array.value_lengths(), 0), out=offsets[1:])
        return pa.ListArray.from_arrays(from_numpy(offsets), values)
    if field.kind is TypeKind.STRUCT and field.fields:
        children = [_array(array.field(i), f) for i, f in enumerate(field.fields)]
        names = [f"_{i}" for i in range(1, len(children) + 1)]
        return pa.StructArray.from_arrays(children, names=names, mask=array.is_null())
    return printed(array, field.value_type) if field.kind in _TEXTS else array
