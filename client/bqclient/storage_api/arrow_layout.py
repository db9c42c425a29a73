"""Arrow types as the service takes them: other layouts of the same values are changed to these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from bqclient.errors import UsageError

_T = pa.types
_MICROS, _TIME = pa.timestamp("us"), pa.time64("us")


def _timestamp(type_: Any) -> Any:
    return pa.timestamp("us", "UTC" if type_.tz else None)


def _decimal(type_: Any) -> Any:
    return pa.decimal128(type_.precision, type_.scale)


def _list(type_: Any) -> Any:
    return pa.list_(pa.field(type_.value_field.name, plain_type(type_.value_type)))


def _struct(type_: Any) -> Any:
    return pa.struct([pa.field(f.name, plain_type(f.type), f.nullable) for f in type_])


def _fixed(type_: Any) -> Callable[[Any], Any]:
    return lambda _: type_


# What a type is, and what becomes of it. Others stay as they are.
_PLAIN: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (_T.is_dictionary, lambda t: plain_type(t.value_type)),
    (_T.is_run_end_encoded, lambda t: plain_type(t.value_type)),
    (_T.is_large_string, _fixed(pa.string())),
    (_T.is_string_view, _fixed(pa.string())),
    (_T.is_large_binary, _fixed(pa.binary())),
    (_T.is_binary_view, _fixed(pa.binary())),
    (_T.is_fixed_size_binary, _fixed(pa.binary())),
    (_T.is_float16, _fixed(pa.float32())),
    (_T.is_date64, _fixed(pa.date32())),
    (_T.is_time, _fixed(_TIME)),
    (_T.is_timestamp, _timestamp),
    (lambda t: _T.is_decimal(t) and t.bit_width < 128, _decimal),
    (_T.is_map, lambda t: pa.list_(_struct([t.key_field, t.item_field]))),
    (_T.is_list, _list),
    (_T.is_large_list, _list),
    (_T.is_fixed_size_list, _list),
    (_T.is_list_view, _list),
    (_T.is_large_list_view, _list),
    (_T.is_struct, _struct),
)


def plain_type(type_: Any) -> Any:
    """The type that is sent for a type."""
    if isinstance(type_, pa.BaseExtensionType):
        return plain_type(type_.storage_type)
    for test, made in _PLAIN:
        if test(type_):
            return made(type_)
    return type_


class Layout:
    """How batches of a schema are sent. Columns of Arrow's type ``null`` are left out: their values are
    missing. Instants finer than a microsecond are not cut: UsageError."""

    def __init__(self, given: pa.Schema) -> None:
        self._taken = [i for i, f in enumerate(given) if not _T.is_null(f.type)]
        fields = [given.field(i) for i in self._taken]
        self.schema = pa.schema([pa.field(f.name, plain_type(f.type), f.nullable) for f in fields])
        if not self._taken:
            raise UsageError("Data to append has no column with a type.")
        self._casts = [i for i, f in enumerate(fields) if not f.type.equals(self.schema.field(i).type)]
        self._same = not self._casts and len(self._taken) == len(given)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """A batch as it is sent."""
        if self._same:
            return batch
        columns = [batch.column(i) for i in self._taken]
        for i in self._casts:
            field = self.schema.field(i)
            try:
                columns[i] = _cast(columns[i], field.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                # Arrow's texts hold values.
                raise UsageError(
                    f"Column {field.name} of type {columns[i].type} cannot be sent as {field.type}: "
                    f"{type(error).__name__}."
                ) from None
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _cast(array: Any, type_: Any) -> Any:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if _T.is_dictionary(array.type):
        array = array.dictionary_decode()
    elif _T.is_run_end_encoded(array.type):
        import pyarrow.compute as pc

        array = pc.run_end_decode(array)
    return array if array.type.equals(type_) else array.cast(type_)
