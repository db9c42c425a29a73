"""What a view of INFORMATION_SCHEMA is: its columns, what its rows are about, how it may be qualified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Dataset, Routine, Table
from bqsim.sql.lower.pushdown import ANY, Condition
from bqsim.types import BOOL, FLOAT64, INT64, JSON, STRING, TIMESTAMP, Field, Type, array_of, field_of

from .arrays import array_from, constant_array

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.sql.statements.sizes import ColumnSizes

    from .partitions import PartitionSizes
    from .sources import Sources


class Form(Flag):
    """What may qualify a view."""

    DATASET = auto()
    REGION = auto()
    # Neither: the project's default region, or all that there is.
    PROJECT = auto()


EVERYWHERE = Form.DATASET | Form.REGION | Form.PROJECT
REGIONAL = Form.REGION | Form.PROJECT


@dataclass(slots=True)
class Scope:
    """What one use of a view is about.

    ``datasets`` are those of its qualifier, hidden ones left out. ``region`` is a location in lower case,
    None for all. ``conditions`` are what the query asks of columns, by name; rows that they refuse may be
    left out.
    """

    catalog: Catalog
    sizes: ColumnSizes
    partitions: PartitionSizes
    sources: Sources
    session: Session
    project: str
    region: str | None
    found: Sequence[Dataset]
    caller: str = ""
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict)

    @property
    def now_us(self) -> int:
        return self.catalog.clock.now_us()

    def asked(self, column: str) -> Condition:
        """What the query asks of a column."""
        return self.conditions.get(column, ANY)

    def only(self, items: Iterable[Any], **columns: Callable[[Any], Any]) -> list[Any]:
        """The items whose values in some columns the query may want."""
        kept = list(items)
        for name, value in columns.items():
            condition = self.conditions.get(name)
            if condition is not None:
                kept = [item for item in kept if condition.admits(value(item))]
        return kept

    def datasets(self, column: str = "table_schema") -> list[Dataset]:
        """The datasets, without those that the query does not want by the name in ``column``."""
        return self.only(self.found, **{column: lambda d: d.ref.dataset})

    def tables(self, schema: str = "table_schema", name: str = "table_name") -> list[Table]:
        """The tables and views in the datasets."""
        names = self.asked(name).values
        tables: list[Table] = []
        for dataset in self.datasets(schema):
            if names is None:
                tables += self.catalog.tables(dataset.ref)
                continue
            refs = [TableRef(dataset.ref.project, dataset.ref.dataset, n) for n in sorted(names)]
            tables += [t for ref in refs if (t := self.catalog.find_table(ref)) is not None]
        return tables

    def routines(self) -> list[Routine]:
        """The routines in the datasets."""
        found: list[Routine] = []
        for dataset in self.datasets("specific_schema"):
            found += self.catalog.routines(dataset.ref)
        return self.only(found, specific_name=lambda r: r.ref.routine)

    def in_region(self, location: str) -> bool:
        return self.region is None or location.casefold() == self.region


Values = Callable[[Sequence[Any], Scope], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Constant:
    """The value that a column has in every row."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``values`` computes it for all items at once, in the forms of ``array_from``."""

    name: str
    type: Type
    values: Values | Constant

    def array(self, items: Sequence[Any], scope: Scope) -> pa.Array:
        if isinstance(self.values, Constant):
            return constant_array(self.values.value, len(items), self.type)
        return array_from(self.values(items, scope), self.type)


_TYPES = {
    "S": STRING,
    "I": INT64,
    "F": FLOAT64,
    "T": TIMESTAMP,
    "B": BOOL,
    "J": JSON,
    "S[]": array_of(STRING),
    "I[]": array_of(INT64),
}


def each(name: str, value: Callable[[Any], Any], type_: str | Type = "S") -> Column:
    """A column of one value of each item. Types may be given by letter: S, I, F, T, B, J, ``[]`` after it."""
    return Column(name, _type(type_), lambda items, scope: [value(item) for item in items])


def whole(name: str, values: Values, type_: str | Type = "S") -> Column:
    """A column that is computed as a whole."""
    return Column(name, _type(type_), values)


def always(name: str, value: Any = None, type_: str | Type = "S") -> Column:
    """A column with one value in all rows, NULL unless it is given."""
    return Column(name, _type(type_), Constant(value))


def nulls(text: str) -> tuple[Column, ...]:
    """Columns without values, from ``name`` or ``name:T``."""
    parts = (item.partition(":") for item in text.split())
    return tuple(always(name, None, kind or "S") for name, _, kind in parts)


def _type(type_: str | Type) -> Type:
    return _TYPES[type_] if isinstance(type_, str) else type_


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A view: ``items`` are what its rows are about, one each, and ``columns`` make the rows of them.

    ``needs`` are the permissions that reading it takes, on what qualifies it.
    """

    name: str
    columns: tuple[Column, ...]
    items: Callable[[Scope], Sequence[Any]]
    form: Form = EVERYWHERE
    needs: tuple[str, ...] = ("bigquery.tables.get", "bigquery.tables.list")
    fields: tuple[Field, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(field_of(c.name, c.type) for c in self.columns))

    def table(self, scope: Scope, wanted: frozenset[int] | None = None) -> pa.Table:
        """The rows; with ``wanted`` other columns (by position) are NULL."""
        import pyarrow as pa

        from bqsim.types.arrow import arrow_schema

        schema = arrow_schema(self.fields)
        items = self.items(scope)
        arrays = [
            column.array(items, scope)
            if wanted is None or position in wanted
            else pa.nulls(len(items), schema.types[position])
            for position, column in enumerate(self.columns)
        ]
        return pa.Table.from_arrays(arrays, schema=schema)


def nothing(scope: Scope) -> Sequence[Any]:
    """The items of a view that never has rows."""
    return ()


def micros(epoch_ms: int | None) -> int | None:
    """Epoch microseconds of epoch milliseconds."""
    return None if epoch_ms is None else epoch_ms * 1000


def yes(value: object) -> str:
    return "YES" if value else "NO"
