"""Rows as Arrow columns: whole columns of one Python type are taken by Arrow, others value by value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema

from .arrow import arrow_field, arrow_schema, element_type
from .checks import check_of, is_null, problem
from .types import Interval, Range

if TYPE_CHECKING:
    import pyarrow as pa

# Where the n-th value of a column is: a row's number and what leads to the value inside of it.
Place = Callable[[int], str]


def batch(rows: Iterable[Mapping[str, Any]], schema: Schema) -> pa.RecordBatch:
    """Rows as a record batch. Raises UsageError naming row and field."""
    import pyarrow as pa

    given = list(rows)
    columns = _children(given, schema.fields, lambda i: f"Row {i}", ": ")
    if not columns:
        return pa.RecordBatch.from_struct_array(pa.array(given, pa.struct([])))
    return pa.RecordBatch.from_arrays(columns, schema=arrow_schema(schema))


def column_of_values(values: list[Any], field: Field) -> pa.Array:
    """Python values of one column. Raises UsageError naming row and field."""
    return _column(values, field, lambda i: f"Row {i}: field {field.name}")


def _children(rows: Sequence[Any], fields: Sequence[Field], place: Place, joint: str) -> list[pa.Array]:
    names = {f.name for f in fields}
    rows = [_row(row, names, i, place) for i, row in enumerate(rows)]
    columns = []
    for field in fields:
        where = _below(place, joint + ("field " if joint == ": " else "") + field.name)
        columns.append(_column([row.get(field.name) for row in rows], field, where))
    return columns


def _below(place: Place, more: str) -> Place:
    return lambda i: place(i) + more


def _row(row: Any, names: set[str], at: int, place: Place) -> Mapping[str, Any]:
    """The row with names as the schema has them."""
    if not isinstance(row, Mapping):
        if hasattr(row, "as_dict"):
            row = row.as_dict()
        elif row is None:
            return {}
        else:
            raise UsageError(f"{place(at)}: {type(row).__name__} is given where a mapping is wanted.")
    given: Mapping[str, Any] = row
    if given.keys() <= names:
        return given
    known = {name.casefold(): name for name in names}
    found = {}
    for name, value in given.items():
        if str(name).casefold() not in known:
            raise UsageError(f"{place(at)}: there is no field {name} in the schema: add it, or leave it out.")
        found[known[str(name).casefold()]] = value
    return found


def _column(values: list[Any], field: Field, place: Place) -> pa.Array:
    if field.repeated:
        return _lists(values, field, place)
    if field.required:
        for i, value in enumerate(values):
            if is_null(value):
                raise UsageError(f"{place(i)} is REQUIRED and may not be NULL.")
    return _values(values, field, place)


def _lists(values: list[Any], field: Field, place: Place) -> pa.Array:
    import pyarrow as pa

    offsets, flat, owners = [0], [], []
    for i, value in enumerate(values):
        for item in _items(value, i, place):
            owners.append(i)
            flat.append(item)
        offsets.append(len(flat))

    def inside(at: int) -> str:
        return f"{place(owners[at])}[{at - offsets[owners[at]]}]"

    for at, item in enumerate(flat):
        if is_null(item):
            raise UsageError(f"{inside(at)} is NULL, which an ARRAY cannot hold: leave it out.")
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _values(flat, field, inside))


def _items(value: Any, at: int, place: Place) -> Sequence[Any]:
    if isinstance(value, list | tuple):
        return value
    if is_null(value):
        return ()
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise UsageError(f"{place(at)}: {type(value).__name__} is given where a list is wanted.")
    return list(value)


def _values(values: list[Any], field: Field, place: Place) -> pa.Array:
    import pyarrow as pa

    if field.type == "STRUCT":
        children = _children(values, field.fields, place, ".") if field.fields else []
        missing = [is_null(v) for v in values]
        if not children:
            return pa.array([None if m else {} for m in missing], pa.struct([]))
        parts = [arrow_field(f) for f in field.fields]
        mask = pa.array(missing, pa.bool_()) if any(missing) else None
        return pa.StructArray.from_arrays(children, fields=parts, mask=mask)
    plain = _PLAIN.get(field.type)
    if (
        plain is not None
        and field.precision is None
        and field.max_length is None
        and set(map(type, values)) <= plain
    ):
        zone = _ZONED.get(field.type)
        if zone is None or all(v is None or (v.tzinfo is not None) is zone for v in values):
            try:
                return pa.array(values, element_type(field))
            except (pa.ArrowException, ValueError, OverflowError, TypeError):
                # Found below, with its place.
                pass
    return _checked(values, field, place)


def _checked(values: list[Any], field: Field, place: Place) -> pa.Array:
    import pyarrow as pa

    check = check_of(field)
    found: list[Any] = []
    for i, value in enumerate(values):
        try:
            found.append(None if is_null(value) else check(value))
        except ValueError as error:
            raise UsageError(f"{place(i)}: {problem(error)}.") from None
    type_ = element_type(field)
    if field.type in ("NUMERIC", "BIGNUMERIC"):
        from .wide import decimals

        return decimals(found, type_)
    if field.type == "INTERVAL":
        return pa.array([_month_day_nano(v, i, place) for i, v in enumerate(found)], type_)
    if field.type == "RANGE":
        return _ranges(found, type_)
    return pa.array(found, type_)


def _month_day_nano(value: Interval | None, at: int, place: Place) -> Any:
    import pyarrow as pa

    if value is None:
        return None
    if not -(1 << 63) <= value.nanos < 1 << 63:
        raise UsageError(f"{place(at)}: Arrow has no INTERVAL of more than 292 years of hours: give days.")
    return pa.MonthDayNano([value.months, value.days, value.nanos])


def _ranges(values: list[Range | None], type_: Any) -> Any:
    import pyarrow as pa

    ends = [
        pa.array([None if v is None else getattr(v, name) for v in values], type_.field(i).type)
        for i, name in enumerate(("start", "end"))
    ]
    mask = pa.array([v is None for v in values], pa.bool_())
    return pa.StructArray.from_arrays(ends, fields=list(type_), mask=mask)


# Columns of these Python types alone are what Arrow takes rightly, or refuses.
_NONE = type(None)
_PLAIN: Mapping[str, frozenset[type]] = {
    "INT64": frozenset({int, _NONE}),
    "FLOAT64": frozenset({float, _NONE}),
    "BOOL": frozenset({bool, _NONE}),
    "STRING": frozenset({str, _NONE}),
    "GEOGRAPHY": frozenset({str, _NONE}),
    "BYTES": frozenset({bytes, _NONE}),
    "DATE": frozenset({date, _NONE}),
    "TIME": frozenset({time, _NONE}),
    "DATETIME": frozenset({datetime, _NONE}),
    "TIMESTAMP": frozenset({datetime, _NONE}),
    "NUMERIC": frozenset({Decimal, _NONE}),
}
# Whether values must have a time zone.
_ZONED = {"TIME": False, "DATETIME": False, "TIMESTAMP": True}
