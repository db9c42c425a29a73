"""Rows of tables: canonical Arrow, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bqsim.sim.scenario.spelling import unknown
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_schema, table_of

from .columns import Column, Setting, column_of, fields_by_spec
from .spec import ColumnSpec, DataSpec, SpecError, TableSpec

BATCH_ROWS = 65_536


class DataGenerator:
    """The rows of a specification's tables.

    The same specification gives the same rows; a column's values depend on the seed, on its table and its
    name, and on those it refers to, and not on other columns. More rows begin with the same rows.
    """

    def __init__(self, spec: DataSpec) -> None:
        _check(spec)
        self._spec = spec
        self._tables = {t.name.casefold(): t for t in spec.tables}
        self._parents: dict[tuple[str, str], Any] = {}
        self._open: list[tuple[str, str]] = []

    def batches(self, name: str | None = None, rows: int = BATCH_ROWS) -> Iterator[pa.Table]:
        """The rows of a table (of the first one), ``rows`` at a time. At least one batch, which may be empty.

        Raises :class:`SpecError` before the first when the specification cannot be followed.
        """
        table = self.table(name)
        return self._batches(table, self._columns(table, table.fields), rows)

    def rows(self, name: str | None = None) -> pa.Table:
        """All rows of a table."""
        return pa.concat_tables(self.batches(name))

    def table(self, name: str | None = None) -> TableSpec:
        """The specification of a table; the first one without a name."""
        if name is None:
            return self._spec.tables[0]
        found = self._tables.get(name.casefold())
        if found is None:
            raise SpecError("", unknown("table", name, [t.name for t in self._spec.tables]))
        return found

    def _columns(self, table: TableSpec, fields: Sequence[Field]) -> list[Column]:
        setting = Setting(
            seed=self._spec.seed,
            table=table.name,
            rows=table.rows,
            locale=self._spec.locale,
            null_share=table.null_share,
            parent=self._parent,
        )
        chosen = {f.name for f in fields}
        pairs = fields_by_spec(table.fields, table.columns, table.name)
        return [column_of(f, s, setting) for f, s in pairs if f.name in chosen]

    @staticmethod
    def _batches(table: TableSpec, columns: list[Column], rows: int) -> Iterator[pa.Table]:
        schema = arrow_schema(table.fields)
        left = table.rows
        while True:
            count = min(rows, left)
            yield table_of([c.take(count) for c in columns]).cast(schema)
            left -= count
            if left <= 0:
                return

    def _parent(self, path: str, table: str, column: str, field: Field, aligned: bool) -> Any:
        """The values of a column that another one refers to, without NULLs; ``aligned``: one of each row."""
        target = self._tables.get(table.casefold())
        if target is None:
            raise SpecError(path, "refers to " + unknown("table", table, [t.name for t in self._spec.tables]))
        found = next((f for f in target.fields if f.name.casefold() == column.casefold()), None)
        if found is None:
            names = [f.name for f in target.fields]
            raise SpecError(path, "refers to " + unknown(f"column of {target.name}", column, names))
        if found.mode is Mode.REPEATED or found.value_type != field.value_type or found.fields:
            other = f"{target.name}.{found.name} of type {found.type}"
            raise SpecError(path, f"is of type {field.value_type} and cannot refer to {other}")
        key = (target.name, found.name)
        if key in self._open:
            chain = " → ".join(".".join(k) for k in (*self._open[self._open.index(key) :], key))
            raise SpecError(path, f"refers to itself: {chain}")
        if key not in self._parents:
            self._open.append(key)
            try:
                self._parents[key] = self._values(target, found)
            finally:
                self._open.pop()
        values = self._parents[key]
        if aligned and len(values) != target.rows:
            raise SpecError(path, f"a relation needs a column without NULLs: not {target.name}.{found.name}")
        _check_fit(path, field, found, values)
        return values

    def _values(self, table: TableSpec, field: Field) -> Any:
        (column,) = self._columns(table, [field])
        parts = []
        for start in range(0, table.rows, BATCH_ROWS):
            parts.append(column.take(min(BATCH_ROWS, table.rows - start)).drop_null())
        return pa.concat_arrays(parts) if parts else column.take(0)


def _check(spec: DataSpec) -> None:
    if not spec.tables:
        raise SpecError("tables", "at least one table is wanted")
    names: set[str] = set()
    for table in spec.tables:
        if table.name.casefold() in names:
            raise SpecError(table.name, "there are two tables of this name")
        names.add(table.name.casefold())
        if not table.fields:
            raise SpecError(table.name, "a schema has at least one field")
        if table.rows < 0:
            raise SpecError(table.name, f"0 or more rows are wanted, not {table.rows}")
        if not 0 <= table.null_share <= 1:
            raise SpecError(table.name, f"null_share is from 0 to 1, not {table.null_share}")


def _check_fit(path: str, field: Field, target: Field, values: Any) -> None:
    if field.max_length is not None and len(values):
        length = pc.binary_length if field.kind is TypeKind.BYTES else pc.utf8_length
        longest = pc.max(length(values)).as_py() or 0
        if longest > field.max_length:
            raise SpecError(path, f"a value of {longest} characters does not fit into {field.max_length}")
    if field.precision is not None and (field.precision, field.scale) != (target.precision, target.scale):
        raise SpecError(path, f"refers to a column of another precision or scale: {target.name}")


def generate(
    fields: Sequence[Field],
    rows: int,
    *,
    seed: int = 0,
    columns: Mapping[str, ColumnSpec] | None = None,
    null_share: float = 0.0,
    locale: str = "en_US",
    name: str = "",
) -> pa.Table:
    """Rows of one table as canonical Arrow. Raises :class:`SpecError`."""
    table = TableSpec(name, tuple(fields), rows, columns or {}, null_share)
    return DataGenerator(DataSpec((table,), seed, locale)).rows()
