"""Arrow columns of the Storage API as Python values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bqclient.errors import BigQueryError
from bqclient.models.schema import Field, Schema

from .types import Interval, Range

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def columns_of(data: pa.Table | pa.RecordBatch, schema: Schema) -> list[list[Any]]:
    """The columns of ``schema`` as lists of Python values. Raises BigQueryError for missing ones."""
    found: list[list[Any]] = []
    names = data.schema.names
    for at, field in enumerate(schema):
        index = at if at < len(names) and names[at] == field.name else data.schema.get_field_index(field.name)
        if index < 0:
            raise BigQueryError(f"The rows have no column {field.name}.")
        found.append(values_of(data.column(index), field))
    return found


def values_of(array: Any, field: Field) -> list[Any]:
    """A column's values: an Arrow array, or one in chunks."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in values_of(chunk, field)]
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if field.repeated:
        return _lists(array, field)
    if field.type == "STRUCT":
        return _structs(array, field)
    if field.type == "RANGE" and pa.types.is_struct(array.type):
        return _ranges(array, field)
    convert = _CONVERTERS.get(field.type)
    return array.to_pylist() if convert is None else convert(array)


def _lists(array: Any, field: Field) -> list[Any]:
    element = Field(field.name, field.type, fields=field.fields, element=field.element)
    flat = values_of(array.flatten(), element)
    found: list[Any] = []
    start = 0
    for length in array.value_lengths().to_pylist():
        end = start + (length or 0)
        found.append(flat[start:end])
        start = end
    return found


def _structs(array: Any, field: Field) -> list[Any]:
    names = [f.name for f in field.fields]
    children = [values_of(array.field(i), f) for i, f in enumerate(field.fields)]
    if children:
        made = [dict(zip(names, values, strict=True)) for values in zip(*children, strict=True)]
    else:
        made = [{} for _ in range(len(array))]
    return _masked(array, made)


def _masked(array: Any, values: list[Any]) -> list[Any]:
    if not array.null_count:
        return values
    valid = array.is_valid().to_pylist()
    return [value if there else None for value, there in zip(values, valid, strict=True)]


def _ranges(array: Any, field: Field) -> list[Any]:
    element = field.element or "DATE"
    bound = Field("bound", element)
    # A NULL range may have anything below it.
    valid = array.is_valid().to_pylist()
    ends = [values_of(array.field(i), bound) for i in (0, 1)]
    return [
        Range(start, end, element) if there else None for there, start, end in zip(valid, *ends, strict=True)
    ]


def _timestamps(array: Any) -> list[Any]:
    import pyarrow as pa

    if not pa.types.is_timestamp(array.type):
        return array.to_pylist()  # type: ignore[no-any-return]
    if array.type.unit != "us":
        array = array.cast(pa.timestamp("us", "UTC"), safe=False)
    return _moments(array, _EPOCH)


def _datetimes(array: Any) -> list[Any]:
    import pyarrow as pa

    if not pa.types.is_timestamp(array.type):
        return array.to_pylist()  # type: ignore[no-any-return]
    if array.type.unit != "us":
        array = array.cast(pa.timestamp("us"), safe=False)
    return _moments(array, _EPOCH.replace(tzinfo=None))


def _moments(array: Any, epoch: datetime) -> list[Any]:
    import pyarrow as pa

    make = timedelta
    return [None if n is None else epoch + make(0, 0, n) for n in array.view(pa.int64()).to_pylist()]


def _dates(array: Any) -> list[Any]:
    import pyarrow as pa

    if not pa.types.is_date32(array.type):
        return array.to_pylist()  # type: ignore[no-any-return]
    make, first = date.fromordinal, _EPOCH.toordinal()
    return [None if n is None else make(n + first) for n in array.view(pa.int32()).to_pylist()]


def _times(array: Any) -> list[Any]:
    import pyarrow as pa

    if array.type != pa.time64("us"):
        return array.to_pylist()  # type: ignore[no-any-return]
    return [None if moment is None else moment.time() for moment in _moments(array, _EPOCH)]


def _intervals(array: Any) -> list[Any]:
    values: Sequence[Any] = array.to_pylist()
    return [
        None if v is None else Interval.parse(v) if isinstance(v, str) else Interval(v[0], v[1], v[2])
        for v in values
    ]


def _jsons(array: Any) -> list[Any]:
    parse = json.loads
    return [None if text is None else parse(text) for text in array.to_pylist()]


_CONVERTERS: Mapping[str, Callable[[Any], list[Any]]] = {
    "DATE": _dates,
    "TIME": _times,
    "TIMESTAMP": _timestamps,
    "DATETIME": _datetimes,
    "INTERVAL": _intervals,
    "JSON": _jsons,
}
