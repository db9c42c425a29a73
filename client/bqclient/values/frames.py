"""Data frames of pandas and polars, from Arrow and to it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema

from .arrow import element_type, schema_of_arrow
from .arrow_columns import column_of_values
from .arrow_values import values_of
from .conform import column_as, conform

if TYPE_CHECKING:
    import pyarrow as pa

# Types that frames have nothing for: their values are kept as Python objects (pandas) or as text (polars).
_OBJECTS = frozenset({"INTERVAL", "RANGE"})


def _extra(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(
            f"Data frames of {name} need the extra '{name}': pip install 'bqclient[{name}]'."
        ) from error


def to_pandas(table: pa.Table, schema: Schema | None = None, *, arrow_types: bool = False) -> Any:
    """A pandas DataFrame.

    INT64 and BOOL become pandas' nullable types, NUMERIC Decimal, DATE and TIME those of datetime, JSON stays
    text; INTERVAL and RANGE (which only a schema tells) become :class:`Interval` and :class:`Range`.
    ``arrow_types``: every column keeps its Arrow type instead. Raises UsageError without pandas.
    """
    pd = _extra("pandas")
    import pyarrow as pa

    if arrow_types:
        return table.to_pandas(types_mapper=pd.ArrowDtype)
    known = schema or schema_of_arrow(table.schema)
    special = {
        f.name: values_of(table.column(i), f)
        for i, f in enumerate(known)
        if f.type in _OBJECTS and not f.repeated
    }
    kinds = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    plain = table.select([n for n in table.column_names if n not in special])
    frame = plain.replace_schema_metadata(None).to_pandas(types_mapper=kinds.get)
    if special:
        index = frame.index if plain.num_columns else pd.RangeIndex(table.num_rows)
        made = {name: pd.Series(v, dtype=object, index=index) for name, v in special.items()}
        frame = pd.DataFrame(
            {name: made.get(name) if name in made else frame[name] for name in table.column_names},
            index=index,
        )
    return frame


def to_polars(table: pa.Table, schema: Schema | None = None) -> Any:
    """A polars DataFrame. BIGNUMERIC and INTERVAL become text, which polars has no types for.

    Raises UsageError without polars.
    """
    pl = _extra("polars")
    import pyarrow as pa

    known = schema or schema_of_arrow(table.schema)
    columns = [_for_polars(table.column(i), f) for i, f in enumerate(known)]
    return pl.from_arrow(pa.Table.from_arrays(columns, names=table.column_names))


def _for_polars(column: Any, field: Field) -> Any:
    import pyarrow as pa

    if not _foreign(field):
        return column
    chunks = [_texts(chunk, field) for chunk in column.chunks]
    return pa.chunked_array(chunks, _polars_type(field))


def _foreign(field: Field) -> bool:
    return field.type in ("BIGNUMERIC", "INTERVAL") or any(map(_foreign, field.fields))


def _polars_type(field: Field) -> Any:
    import pyarrow as pa

    if field.type == "STRUCT":
        value = pa.struct([pa.field(f.name, _polars_type(f)) for f in field.fields])
    else:
        value = pa.string() if _foreign(field) else element_type(field)
    return pa.list_(pa.field("item", value)) if field.repeated else value


def _texts(array: Any, field: Field) -> Any:
    """The array with text for values that polars has no type for."""
    import pyarrow as pa

    if field.repeated:
        one = Field(field.name, field.type, fields=field.fields, element=field.element)
        lengths = [n or 0 for n in array.value_lengths().to_pylist()]
        offsets = [0]
        for length in lengths:
            offsets.append(offsets[-1] + length)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), _texts(array.flatten(), one))
    if field.type == "STRUCT":
        children = [_texts(array.field(i), f) for i, f in enumerate(field.fields)]
        parts = list(_polars_type(field))
        return pa.StructArray.from_arrays(children, fields=parts, mask=array.is_null())
    if not _foreign(field):
        return array
    text: Callable[[Any], str] = "{:f}".format if field.type == "BIGNUMERIC" else str
    return pa.array([None if v is None else text(v) for v in values_of(array, field)], pa.string())


# --- to Arrow ---


def arrow_of_frame(frame: Any, schema: Schema | None = None) -> pa.Table:
    """A DataFrame of pandas or polars as Arrow data of BigQuery's types.

    With a schema, columns get its types and go by name; without one the frame's types tell. The index of a
    pandas frame is left out. Raises UsageError naming the column.
    """
    module = type(frame).__module__.partition(".")[0]
    convert = _FRAMES.get(module)
    if convert is None:
        raise UsageError(f"{type(frame).__name__} is no DataFrame of pandas or polars.")
    return convert(frame, schema)


def _of_polars(frame: Any, schema: Schema | None) -> pa.Table:
    found = frame.collect() if hasattr(frame, "collect") else frame
    return conform(found.to_arrow(), schema)


def _of_pandas(frame: Any, schema: Schema | None) -> pa.Table:
    import pyarrow as pa

    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        raise UsageError("Two columns of the DataFrame have one name.")
    fields = {f.name.casefold(): f for f in schema} if schema is not None else {}
    columns = [_series(frame.iloc[:, i], name, fields.get(name.casefold())) for i, name in enumerate(names)]
    return conform(pa.Table.from_arrays(columns, names=names), schema)


def _series(series: Any, name: str, field: Field | None) -> Any:
    """A pandas column; objects are taken one by one where a schema tells their type."""
    import pyarrow as pa

    if field is not None and series.dtype == object:
        missing = series.isna().tolist() if not field.repeated else [False] * len(series)
        values = [None if gone else v for v, gone in zip(series.tolist(), missing, strict=True)]
        return column_of_values(values, field)
    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        raise UsageError(
            f"Column {name} of the DataFrame holds values of no one type: give a schema, or convert it."
        ) from None
    if field is not None and not (pa.types.is_null(array.type) and field.repeated):
        return column_as(array, field)
    return array


_FRAMES: Mapping[str, Callable[[Any, Schema | None], Any]] = {"pandas": _of_pandas, "polars": _of_polars}
