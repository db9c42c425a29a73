"""Arrow data of other layouts as the types of a table's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema

from .arrow import arrow_schema, arrow_type, schema_of_arrow

if TYPE_CHECKING:
    import pyarrow as pa


def conform(data: pa.Table | pa.RecordBatch, schema: Schema | None = None) -> pa.Table:
    """The table with the Arrow types of ``schema``: its columns in its order, those that are missing NULL.

    Without a schema: that of the data itself, so that only layouts change. Nothing is rounded: raises
    UsageError naming the column for values that do not fit.
    """
    import pyarrow as pa

    table = pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data
    if schema is None:
        schema = schema_of_arrow(table.schema)
        return pa.Table.from_arrays(
            [column_as(table.column(i), f) for i, f in enumerate(schema)], schema=arrow_schema(schema)
        )
    given = {name.casefold(): i for i, name in enumerate(table.column_names)}
    unknown = given.keys() - {f.name.casefold() for f in schema}
    if unknown:
        raise UsageError(f"There is no column {min(unknown)} in the schema: add it, or leave it out.")
    columns = []
    for field in schema:
        at = given.get(field.name.casefold())
        columns.append(_missing(field, table.num_rows) if at is None else column_as(table.column(at), field))
    return pa.Table.from_arrays(columns, schema=arrow_schema(schema))


def _missing(field: Field, rows: int) -> Any:
    import pyarrow as pa

    if field.required and rows:
        raise UsageError(f"Column {field.name} is REQUIRED, but the data has no such column.")
    if field.repeated:
        return pa.array([[]] * rows, arrow_type(field))
    return pa.nulls(rows, arrow_type(field))


def column_as(column: Any, field: Field) -> Any:
    """A column with the Arrow type of a field. Raises UsageError naming it."""
    import pyarrow as pa

    wanted = arrow_type(field)
    if column.type == wanted:
        return _checked(column, field)
    if isinstance(column, pa.ChunkedArray):
        chunks = [column_as(chunk, field) for chunk in column.chunks]
        return pa.chunked_array(chunks, wanted)
    try:
        return _checked(_array_as(column, field, wanted), field)
    except (pa.ArrowException, ValueError, OverflowError, TypeError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"Column {field.name} of the Arrow type {column.type} does not fit {field.type}: "
            f"{type(error).__name__}; cast or round it."
        ) from None


def _checked(column: Any, field: Field) -> Any:
    if field.required and column.null_count:
        raise UsageError(f"Column {field.name} is REQUIRED and may not be NULL.")
    return column


def _array_as(array: Any, field: Field, wanted: Any) -> Any:
    import pyarrow as pa

    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_duration(array.type):
        return _intervals(array)
    if field.repeated and (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        element = Field(
            field.name,
            field.type,
            fields=field.fields,
            precision=field.precision,
            scale=field.scale,
            element=field.element,
        )
        values = column_as(array.flatten(), element)
        if values.null_count:
            raise UsageError(f"Column {field.name} has NULL in a list, which an ARRAY cannot hold.")
        lengths = [n or 0 for n in array.value_lengths().to_pylist()]
        offsets = [0]
        for length in lengths:
            offsets.append(offsets[-1] + length)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
    if field.type == "STRUCT" and not field.repeated and pa.types.is_struct(array.type):
        return _struct(array, field, wanted)
    return array.cast(wanted)


def _struct(array: Any, field: Field, wanted: Any) -> Any:
    import pyarrow as pa

    given = {array.type.field(i).name.casefold(): i for i in range(array.type.num_fields)}
    unknown = given.keys() - {f.name.casefold() for f in field.fields}
    if unknown:
        raise UsageError(f"There is no field {field.name}.{min(unknown)} in the schema.")
    # What is below a NULL struct is NULL as well, so no field of it is asked for a value.
    children = []
    for part in field.fields:
        at = given.get(part.name.casefold())
        if at is None:
            children.append(_missing(part, len(array)))
        else:
            inner = (
                Field(**{**_parts(part), "mode": "NULLABLE"}) if part.required and array.null_count else part
            )
            children.append(column_as(array.field(at), inner))
    mask = array.is_null() if array.null_count else None
    return pa.StructArray.from_arrays(children, fields=list(wanted), mask=mask)


def _parts(field: Field) -> dict[str, Any]:
    return {name: getattr(field, name) for name in Field.__dataclass_fields__}


def _intervals(array: Any) -> Any:
    """Arrow's durations: of one unit, as days are not all of one length."""
    import pyarrow as pa

    nanos = array.cast(pa.duration("ns")).view(pa.int64()).to_pylist()
    made = [None if n is None else pa.MonthDayNano([0, 0, n]) for n in nanos]
    return pa.array(made, pa.month_day_nano_interval())
