"""Rows given as Arrow record batches."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from bqsim.catalog.resources import Table
from bqsim.storage.errors import StorageFailure, invalid_argument
from bqsim.types import Field, TypeKind
from bqsim.types.arrow import to_numpy

from .arrow_messages import check_record_batch
from .convert.arrows import LAYOUT, LAYOUTS, converter, is_list
from .convert.matching import Source
from .convert.scope import Converter
from .reading import Plan, ReadRows

_MAX_DEPTH = 32
_ERRORS = (pa.ArrowException, OSError, ValueError, KeyError, TypeError, NotImplementedError)


class _ArrowReader:
    def __init__(self, table: Table, serialized_schema: bytes) -> None:
        try:
            schema = pa.ipc.read_schema(pa.py_buffer(serialized_schema))
            self._schema = pa.schema([_plain_field(f, 0) for f in schema])
        except _ERRORS:
            raise invalid_argument(
                "Failed to parse the Arrow schema: it is not a serialized schema"
            ) from None
        sources = [_source(f, i, "") for i, f in enumerate(self._schema)]
        self._plan = Plan(table, sources, "arrow", _missing)

    @property
    def fields(self) -> tuple[Field, ...]:
        return self._plan.fields

    def read(self, payload: bytes) -> ReadRows:
        most_rows = check_record_batch(payload)
        try:
            batch = pa.ipc.read_record_batch(pa.py_buffer(payload), self._schema)
        except (*_ERRORS, MemoryError):
            raise _no_batch() from None
        if batch.num_rows > most_rows:
            raise _no_batch()
        try:
            batch.validate(full=True)
        except _ERRORS:
            raise _no_batch() from None
        return self._plan.rows(batch.columns, batch.num_rows, {})


def arrow_reader(table: Table, serialized_schema: bytes) -> _ArrowReader:
    """The reader of record batches of a serialized schema into ``table``.

    Its payload is one encapsulated record batch message. Raises ``StorageFailure`` INVALID_ARGUMENT for what
    is no schema, or one that does not fit the table.
    """
    return _ArrowReader(table, serialized_schema)


def _no_batch() -> StorageFailure:
    text = "Failed to parse the Arrow record batch: it is not a serialized record batch of the writer schema"
    return invalid_argument(text)


def _missing(array: pa.Array, _: bool) -> Any:
    """A NULL is a value that is missing."""
    return to_numpy(array.is_null(), True) if array.null_count else None


def _plain_field(field: pa.Field, depth: int) -> pa.Field:
    """The field without extension types and metadata; some types as others of equal layout."""
    name = str(field.type)
    if name in LAYOUTS:
        return pa.field(field.name, LAYOUTS[name][0], metadata={LAYOUT: name.encode()})
    return pa.field(field.name, _plain_type(field.type, depth))


def _plain_type(type_: Any, depth: int) -> pa.DataType:
    if depth > _MAX_DEPTH:
        raise ValueError("too many levels")
    if isinstance(type_, pa.BaseExtensionType):
        return _plain_type(type_.storage_type, depth)
    if pa.types.is_struct(type_):
        return pa.struct([_plain_field(f, depth + 1) for f in type_])
    if not is_list(type_):
        return type_
    item = _plain_field(type_.value_field, depth + 1)
    if pa.types.is_fixed_size_list(type_):
        return pa.list_(item, type_.list_size)
    return pa.large_list(item) if pa.types.is_large_list(type_) else pa.list_(item)


def _source(field: pa.Field, index: int, prefix: str) -> Source:
    type_ = field.type
    repeated = is_list(type_) and not (pa.types.is_fixed_size_list(type_) and type_.list_size == 0)
    value = type_.value_field if repeated else field
    place = prefix + field.name
    children = None
    if pa.types.is_struct(value.type) and value.type.num_fields:
        children = tuple(_source(f, i, f"{place}.") for i, f in enumerate(value.type))

    def scalar(kind: TypeKind) -> Converter | None:
        found: Converter | None = converter(kind, value.type, value.metadata)
        return found

    name = (value.metadata or {}).get(LAYOUT)
    shown = name.decode() if name else "struct" if children else str(value.type)
    return Source(field.name, index, place, shown, repeated, scalar, children)
