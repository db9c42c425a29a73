"""Rows: tuples that also know the names of their columns, from the REST API's JSON and from Arrow."""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from bqclient.errors import BigQueryError
from bqclient.models.schema import Field, Schema

from .types import Interval, Range

if TYPE_CHECKING:
    import pyarrow as pa


class Row(tuple[Any, ...]):
    """One row: a tuple of values that also goes by names.

    ``row[0]``, ``row["name"]``, ``row.name``, ``dict(row)``; names match whatever their case, as in SQL.
    Equal to any tuple of equal values.
    """

    __slots__ = ()
    names: ClassVar[tuple[str, ...]] = ()
    _index: ClassVar[Mapping[str, int]] = {}

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            at = self._at(key)
            if at is None:
                raise KeyError(key)
            return tuple.__getitem__(self, at)
        return tuple.__getitem__(self, key)

    def __getattr__(self, name: str) -> Any:
        at = None if name.startswith("__") else self._at(name)
        if at is None:
            raise AttributeError(f"The row has no column {name}: its columns are {', '.join(self.names)}.")
        return tuple.__getitem__(self, at)

    def _at(self, name: str) -> int | None:
        found = self._index.get(name)
        return self._index.get(name.casefold()) if found is None else found

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a column, ``default`` where there is no such column."""
        at = self._at(name)
        return default if at is None else tuple.__getitem__(self, at)

    def keys(self) -> KeysView[str]:
        """The names of the columns, in order."""
        return self.as_dict().keys()

    def values(self) -> ValuesView[Any]:
        """The values in order."""
        return self.as_dict().values()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of name and value, in order."""
        return self.as_dict().items()

    def as_dict(self) -> dict[str, Any]:
        """The row as a dictionary."""
        return dict(zip(self.names, self, strict=True))

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{n}={v!r}' for n, v in zip(self.names, self, strict=True))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.names, tuple(self))


def _restored(names: tuple[str, ...], values: tuple[Any, ...]) -> Row:
    return row_type(names)(values)


@lru_cache(maxsize=256)
def row_type(names: tuple[str, ...]) -> type[Row]:
    """The class of rows with those columns."""
    index: dict[str, int] = {}
    for at, name in enumerate(names):
        index.setdefault(name.casefold(), at)
    index |= {name: at for at, name in reversed(tuple(enumerate(names)))}
    return type("Row", (Row,), {"__slots__": (), "names": names, "_index": index})


def rows_of_columns(columns: Sequence[Sequence[Any]], names: tuple[str, ...], count: int) -> list[Row]:
    """Rows of columns of values."""
    made = row_type(names)
    if not columns:
        return [made() for _ in range(count)]
    return list(map(made, zip(*columns, strict=True)))


def rows_of_arrow(data: pa.Table | pa.RecordBatch, schema: Schema) -> list[Row]:
    """Rows of an Arrow table or record batch of the Storage API."""
    from .arrow_values import columns_of

    return rows_of_columns(columns_of(data, schema), schema.names, data.num_rows)


# --- the REST API's JSON: {"f": [{"v": …}, …]} ---

Cells = Sequence[Any]
Column = Callable[[Cells], list[Any]]


def rows_of_json(rows: Iterable[Mapping[str, Any]], schema: Schema) -> list[Row]:
    """Rows of an answer of the REST API.

    Raises BigQueryError naming the column when a value is not of its type.
    """
    found = list(rows)
    return rows_of_columns(_columns(found, schema.fields), schema.names, len(found))


def arrow_of_json(rows: Iterable[Mapping[str, Any]], schema: Schema) -> pa.Table:
    """Rows of an answer of the REST API as the Storage API would give them; Arrow reads the values.

    Raises BigQueryError naming the column when a value is not of its type.
    """
    from .json_columns import table

    return table(rows if isinstance(rows, Sequence) else list(rows), schema)


def _columns(rows: Sequence[Mapping[str, Any]], fields: Sequence[Field]) -> list[list[Any]]:
    if not fields:
        return []
    if not rows:
        return [[] for _ in fields]
    cells = [row["f"] for row in rows]
    if set(map(len, cells)) != {len(fields)}:
        raise BigQueryError("The answer's rows do not have the columns of its schema.")
    return [column_of(f)([c[i]["v"] for c in cells]) for i, f in enumerate(fields)]


def column_of(field: Field) -> Column:
    """What turns a column of the API's JSON into Python values."""
    column = _structs(field) if field.type == "STRUCT" else _scalars(field)
    return _arrays(column) if field.repeated else column


def _arrays(column: Column) -> Column:
    def convert(cells: Cells) -> list[Any]:
        flat = column([item["v"] for cell in cells if cell for item in cell])
        found: list[Any] = []
        start = 0
        for cell in cells:
            end = start + len(cell or ())
            found.append(flat[start:end])
            start = end
        return found

    return convert


def _structs(field: Field) -> Column:
    names = tuple(f.name for f in field.fields)

    def convert(cells: Cells) -> list[Any]:
        present = [cell for cell in cells if cell is not None]
        columns = _columns(present, field.fields)
        if columns:
            made: Iterator[Any] = iter([dict(zip(names, v, strict=True)) for v in zip(*columns, strict=True)])
        else:
            made = iter([{} for _ in present])
        return [None if cell is None else next(made) for cell in cells]

    return convert


def _scalars(field: Field) -> Column:
    if field.type == "RANGE":
        element = field.element or "DATE"
        return _each(lambda text: range_of_text(text, element), field)
    if field.type in _TEXTS:
        return list
    fast = _FAST.get(field.type)
    general = _each(_VALUES[field.type], field)
    if fast is None:
        return general

    def convert(cells: Cells) -> list[Any]:
        try:
            return fast(cells)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return general(cells)

    return convert


def _each(value: Callable[[Any], Any], field: Field) -> Column:
    def convert(cells: Cells) -> list[Any]:
        try:
            return [None if cell is None else value(cell) for cell in cells]
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            # Not its text: that may be a value.
            raise BigQueryError(
                f"The answer has a value in column {field.name} that is no {field.type}."
            ) from None

    return convert


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOOLS: Mapping[Any, bool] = {"true": True, "false": False, True: True, False: False}
_TEXTS = frozenset({"STRING", "GEOGRAPHY"})


def timestamp_of(cell: Any) -> datetime | str:
    """A TIMESTAMP of the API: microseconds, seconds with a fraction, or ISO 8601.

    Text finer than microseconds stays text: that of columns of picoseconds.
    """
    text = str(cell)
    if text.lstrip("-").isdecimal():
        return _EPOCH + timedelta(microseconds=int(text))
    if "T" in text or ":" in text:
        fraction = text.partition(".")[2].rstrip("Z").partition("+")[0]
        if len(fraction) > 6 and fraction[6:].strip("0"):
            return text
        found = datetime.fromisoformat(text.removesuffix(" UTC"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    seconds = Decimal(text)
    # A float of today's seconds has about microseconds: rounded to the nearest.
    return _EPOCH + timedelta(microseconds=int((seconds * 1_000_000).to_integral_value()))


def range_of_text(text: str, element: str) -> Range:
    """A RANGE from ``[start, end)``."""
    if not (text.startswith("[") and text.endswith(")")):
        raise ValueError("no range")
    bound = _VALUES[element]
    start, end = text[1:-1].split(", ")
    ends = [None if part in ("UNBOUNDED", "NULL") else bound(part) for part in (start, end)]
    return Range(ends[0], ends[1], element)


_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "INT64": int,
    "FLOAT64": float,
    "BOOL": lambda v: _BOOLS[v.lower() if isinstance(v, str) else v],
    "BYTES": lambda v: binascii.a2b_base64(v, strict_mode=True),
    "DATE": date.fromisoformat,
    "DATETIME": datetime.fromisoformat,
    "TIME": time.fromisoformat,
    "TIMESTAMP": timestamp_of,
    "NUMERIC": Decimal,
    "BIGNUMERIC": Decimal,
    "INTERVAL": Interval.parse,
    "JSON": json.loads,
}


def _ints(cells: Cells) -> list[Any]:
    return [None if cell is None else int(cell) for cell in cells]


def _floats(cells: Cells) -> list[Any]:
    return [None if cell is None else float(cell) for cell in cells]


def _bools(cells: Cells) -> list[Any]:
    return [None if cell is None else _BOOLS[cell] for cell in cells]


def _timestamps(cells: Cells) -> list[Any]:
    epoch, make = _EPOCH, timedelta
    return [None if cell is None else epoch + make(0, 0, int(cell)) for cell in cells]


# Loops without a call for each value, for the usual form of frequent types.
_FAST: Mapping[str, Column] = {"INT64": _ints, "FLOAT64": _floats, "BOOL": _bools, "TIMESTAMP": _timestamps}
