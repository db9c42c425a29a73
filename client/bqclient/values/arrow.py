"""Schemas in Arrow, as the Storage API has them, and rows as record batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema

if TYPE_CHECKING:
    import pyarrow as pa

_NAME, _MORE = b"ARROW:extension:name", b"ARROW:extension:metadata"
_METADATA: Mapping[str, Mapping[bytes, bytes]] = {
    "DATETIME": {_NAME: b"google:sqlType:datetime"},
    "JSON": {_NAME: b"google:sqlType:json"},
    "GEOGRAPHY": {_NAME: b"google:sqlType:geography", _MORE: b'{"encoding": "WKT"}'},
}
_EXTENSIONS: Mapping[bytes, str] = {
    b"google:sqlType:datetime": "DATETIME",
    b"google:sqlType:json": "JSON",
    b"google:sqlType:geography": "GEOGRAPHY",
    b"google:sqlType:interval": "INTERVAL",
    b"google:sqlType:range": "RANGE",
    b"arrow.json": "JSON",
    b"geoarrow.wkt": "GEOGRAPHY",
}
# Digits before and after the point.
NUMERIC_DIGITS: Mapping[str, tuple[int, int]] = {"NUMERIC": (29, 9), "BIGNUMERIC": (39, 38)}


def _scalars() -> Mapping[str, Any]:
    import pyarrow as pa

    return {
        "INT64": pa.int64(),
        "FLOAT64": pa.float64(),
        "BOOL": pa.bool_(),
        "STRING": pa.string(),
        "JSON": pa.string(),
        "GEOGRAPHY": pa.string(),
        "BYTES": pa.binary(),
        "DATE": pa.date32(),
        "TIME": pa.time64("us"),
        "DATETIME": pa.timestamp("us"),
        "TIMESTAMP": pa.timestamp("us", "UTC"),
        "NUMERIC": pa.decimal128(38, 9),
        "BIGNUMERIC": pa.decimal256(76, 38),
        "INTERVAL": pa.month_day_nano_interval(),
    }


_known: dict[str, Any] = {}


def scalar_type(name: str) -> pa.DataType:
    """The Arrow type of a GoogleSQL type without fields or parameters."""
    if not _known:
        _known.update(_scalars())
    return _known[name]


def element_type(field: Field) -> pa.DataType:
    """The Arrow type of a field's values; of one element where it is repeated."""
    import pyarrow as pa

    if field.type == "STRUCT":
        return pa.struct([arrow_field(f) for f in field.fields])
    if field.type == "RANGE":
        bounds = (Field(name, field.element or "DATE") for name in ("start", "end"))
        return pa.struct([arrow_field(f) for f in bounds])
    if field.precision is not None and field.type in NUMERIC_DIGITS:
        make = pa.decimal128 if field.type == "NUMERIC" else pa.decimal256
        return make(field.precision, field.scale or 0)
    return scalar_type(field.type)


def arrow_type(field: Field) -> pa.DataType:
    """The Arrow type in which the Storage Read API gives a field."""
    import pyarrow as pa

    value = element_type(field)
    return pa.list_(pa.field("item", value)) if field.repeated else value


def arrow_field(field: Field) -> pa.Field:
    """A column's Arrow field, with the metadata by which JSON and others are told from texts."""
    import pyarrow as pa

    nullable = not (field.required or field.repeated)
    return pa.field(field.name, arrow_type(field), nullable=nullable, metadata=_METADATA.get(field.type))


def arrow_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema in which the Storage Read API gives rows of a table."""
    import pyarrow as pa

    return pa.schema([arrow_field(f) for f in schema])


# --- from Arrow ---


def schema_of_arrow(schema: pa.Schema) -> Schema:
    """The BigQuery schema for an Arrow schema.

    A struct of ``start`` and ``end`` is a STRUCT: only metadata tells a RANGE. Raises UsageError naming the
    column of a type that BigQuery has nothing for.
    """
    return Schema(tuple(field_of_arrow(f) for f in schema))


def field_of_arrow(field: pa.Field, path: str = "") -> Field:
    """The BigQuery field for an Arrow field. Raises UsageError."""
    import pyarrow as pa

    name = f"{path}.{field.name}" if path else field.name
    metadata = field.metadata or {}
    type_ = _storage(field.type)
    if _is_list(type_):
        item = pa.field(
            field.name, type_.value_type, metadata={**metadata, **(type_.value_field.metadata or {})}
        )
        inner = field_of_arrow(item, path)
        if inner.repeated:
            raise UsageError(f"Column {name} holds lists of lists: BigQuery has no ARRAY of ARRAYs.")
        return _with(inner, mode="REPEATED")
    mode = "NULLABLE" if field.nullable else "REQUIRED"
    known = _EXTENSIONS.get(metadata.get(_NAME, b"")) or _extension(field.type)
    if known == "RANGE" and pa.types.is_struct(type_):
        return Field(field.name, "RANGE", mode, element=field_of_arrow(type_.field(0), name).type)
    if known is not None and known != "RANGE":
        return Field(field.name, known, mode)
    if pa.types.is_struct(type_):
        return Field(field.name, "STRUCT", mode, tuple(field_of_arrow(f, name) for f in type_))
    if pa.types.is_decimal(type_):
        return _decimal(field.name, mode, type_, name)
    for test, found in _tests():
        if test(type_):
            return Field(field.name, found, mode)
    raise UsageError(f"Column {name} has the Arrow type {type_}, which BigQuery has no type for: cast it.")


def _with(field: Field, **changes: Any) -> Field:
    from dataclasses import replace

    return replace(field, **changes)


def _storage(type_: pa.DataType) -> pa.DataType:
    """The type in which values are kept, below dictionaries and extensions."""
    import pyarrow as pa

    while True:
        if isinstance(type_, pa.BaseExtensionType):
            type_ = type_.storage_type
        elif pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
            type_ = type_.value_type
        else:
            return type_


def _extension(type_: pa.DataType) -> str | None:
    return _EXTENSIONS.get(getattr(type_, "extension_name", "").encode())


def _is_list(type_: pa.DataType) -> bool:
    import pyarrow as pa

    tests = ("is_list", "is_large_list", "is_fixed_size_list", "is_list_view", "is_large_list_view")
    return any(getattr(pa.types, test)(type_) for test in tests)


def _decimal(name: str, mode: str, type_: pa.DataType, path: str) -> Field:
    whole = type_.precision - type_.scale
    for found, (digits, scale) in NUMERIC_DIGITS.items():
        usual = scalar_type(found)
        if (type_.precision, type_.scale) == (usual.precision, usual.scale):
            return Field(name, found, mode)
        if whole <= digits and 0 <= type_.scale <= scale:
            return Field(name, found, mode, precision=type_.precision, scale=type_.scale)
    raise UsageError(f"Column {path} has the Arrow type {type_}, which is beyond BIGNUMERIC: cast it.")


def _tests() -> tuple[tuple[Callable[[Any], bool], str], ...]:
    import pyarrow as pa

    of = pa.types
    return (
        (of.is_boolean, "BOOL"),
        (of.is_integer, "INT64"),
        (of.is_floating, "FLOAT64"),
        (of.is_date, "DATE"),
        (of.is_time, "TIME"),
        (of.is_interval, "INTERVAL"),
        (of.is_duration, "INTERVAL"),
        (of.is_null, "STRING"),
        (lambda t: of.is_timestamp(t) and t.tz is None, "DATETIME"),
        (of.is_timestamp, "TIMESTAMP"),
        (lambda t: of.is_string(t) or of.is_large_string(t) or of.is_string_view(t), "STRING"),
        (
            lambda t: (
                of.is_binary(t) or of.is_large_binary(t) or of.is_fixed_size_binary(t) or of.is_binary_view(t)
            ),
            "BYTES",
        ),
    )


# --- rows ---


def batch_of_dicts(rows: Iterable[Mapping[str, Any]], schema: Schema) -> pa.RecordBatch:
    """Rows as a record batch of a table's schema.

    Names of columns match whatever their case. Raises UsageError naming row and field for wrong values,
    columns that the schema does not have, and NULL in a REQUIRED column.
    """
    from .arrow_columns import batch

    return batch(rows, schema)


def dicts_of_batch(batch: pa.RecordBatch | pa.Table, schema: Schema) -> list[dict[str, Any]]:
    """Rows of a record batch or table as dictionaries of Python values."""
    from .arrow_values import columns_of

    names = schema.names
    columns = columns_of(batch, schema)
    if not columns:
        return [{} for _ in range(batch.num_rows)]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
