"""Tables filled at once, without a job: rows as Python and JSON have them, or generated ones."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bqsim.catalog.names import check_dataset_id, check_table_id
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Dataset
from bqsim.datagen import ColumnSpec, DataGenerator, DataSpec, SpecError, TableSpec, read_columns, read_schema
from bqsim.engine.formats.ndjson import read_ndjson
from bqsim.engine.protocol import Session
from bqsim.jobs.config import Target
from bqsim.jobs.target import insert_arrow, write_table
from bqsim.sim.scenario.spelling import unknown
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.api_schema import fields_to_api

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.sql.executor import Executor

_KEYS = ("schema", "rows", "columns", "null_share")
# Values of Python by the first class that they are of.
_KINDS: tuple[tuple[type, TypeKind], ...] = (
    (bool, TypeKind.BOOL),
    (int, TypeKind.INT64),
    (float, TypeKind.FLOAT64),
    (Decimal, TypeKind.NUMERIC),
    (str, TypeKind.STRING),
    (bytes, TypeKind.BYTES),
    (dt.datetime, TypeKind.DATETIME),
    (dt.date, TypeKind.DATE),
    (dt.time, TypeKind.TIME),
    (Mapping, TypeKind.STRUCT),
)


@dataclass(frozen=True, slots=True)
class _Filling:
    """What goes into one table: ``rows``, or as many as ``count`` that are made. No fields: not known yet."""

    ref: TableRef
    fields: tuple[Field, ...]
    rows: Sequence[Mapping[str, Any]] = ()
    count: int | None = None
    columns: Mapping[str, ColumnSpec] = field(default_factory=dict)
    null_share: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.ref.dataset}.{self.ref.table}"


def fill(
    executor: Executor, session: Session, project: str, data: Mapping[str, Any], seed: int = 0
) -> dict[str, int]:
    """Append to tables, each in one commit; the number of rows by table. What is not there yet is made.

    ``data`` has by ``dataset.table`` either its rows, a list of objects, or ``{"schema": [...], "rows": …}``
    with rows, or with a number of rows to generate and how their ``columns`` are filled (see
    :mod:`bqsim.datagen`; ``references`` name tables of the same dataset). The columns are those of the table,
    if it is there, else those of the schema, else of the kinds that the values have in Python. Nothing is
    written when ``SpecError`` is raised, for what is wrong with ``data``.
    """
    found = [_filling(name, given, project) for name, given in data.items()]
    found = [_with_fields(executor, one) for one in found]
    generators = _generators(found, seed)
    # All rows are there before the first is written.
    tables = [(one, _rows(one, generators)) for one in found]
    return {
        f"{one.ref.dataset}.{one.ref.table}": _write(executor, session, one, rows) for one, rows in tables
    }


def as_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same in JSON, for :func:`fill` elsewhere. Raises ``SpecError``."""
    found = {}
    for name, given in data.items():
        if isinstance(given, Mapping):
            found[name] = dict(given)
        else:
            rows = _objects(given, name)
            found[name] = {"schema": fields_to_api(_guessed(rows, name)), "rows": rows} if rows else {}
    try:
        return dict(json.loads(json.dumps(found, default=_plain)))
    except (TypeError, ValueError) as error:
        raise SpecError("", f"there is a value that no column takes: {error}") from None


def _filling(name: str, given: Any, project: str) -> _Filling:
    dataset, _, table = name.partition(".")
    if not dataset or not table or "." in table:
        raise SpecError(name, "a table is named dataset.table")
    check_dataset_id(dataset)
    check_table_id(table)
    ref = TableRef(project, dataset, table)
    if not isinstance(given, Mapping):
        return _Filling(ref, (), _objects(given, name))
    for key in given:
        if key not in _KEYS:
            raise SpecError(name, unknown("key", str(key), list(_KEYS)))
    fields = read_schema(given["schema"], f"{name}.schema") if "schema" in given else ()
    rows = given.get("rows", ())
    if isinstance(rows, int):
        columns = read_columns(given.get("columns", {}), f"{name}.columns")
        return _Filling(ref, fields, count=rows, columns=columns, null_share=given.get("null_share", 0.0))
    made = [key for key in ("columns", "null_share") if key in given]
    if made:
        raise SpecError(name, f"'{made[0]}' is for rows that are made: 'rows' is their number then")
    return _Filling(ref, fields, _objects(rows, f"{name}.rows"))


def _objects(rows: Any, path: str) -> Sequence[Mapping[str, Any]]:
    if isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
        raise SpecError(path, "a list of rows is wanted, or an object of schema and rows")
    found = list(rows)
    for number, row in enumerate(found):
        if not isinstance(row, Mapping):
            raise SpecError(f"{path}[{number}]", "a row is an object of values by column")
    return found


def _with_fields(executor: Executor, one: _Filling) -> _Filling:
    """With the columns that are meant: those of the table, as given, or those of the rows."""
    table = executor.catalog.find_table(one.ref)
    if table is not None:
        return replace(one, fields=table.fields)
    if one.fields:
        return one
    if one.count is not None or not one.rows:
        raise SpecError(one.name, "'schema' is missing: there is no such table yet")
    return replace(one, fields=_guessed(one.rows, one.name))


def _generators(found: Sequence[_Filling], seed: int) -> dict[str, DataGenerator]:
    """By dataset; tables of given rows have no part in them."""
    specs: dict[str, list[TableSpec]] = {}
    for one in found:
        if one.count is not None:
            spec = TableSpec(one.ref.table, one.fields, one.count, one.columns, one.null_share)
            specs.setdefault(one.ref.dataset, []).append(spec)
    return {dataset: DataGenerator(DataSpec(tuple(tables), seed)) for dataset, tables in specs.items()}


def _rows(one: _Filling, generators: Mapping[str, DataGenerator]) -> pa.Table:
    if one.count is not None:
        return generators[one.ref.dataset].rows(one.ref.table)
    try:
        lines = [json.dumps(row, default=_plain, ensure_ascii=False) for row in one.rows]
    except (TypeError, ValueError) as error:
        raise SpecError(one.name, f"has a value that no column takes: {error}") from None
    parsed = read_ndjson("\n".join(lines).encode(), one.fields)
    if parsed.bad:
        raise SpecError(one.name, parsed.bad[0])
    return parsed.rows


def _write(executor: Executor, session: Session, one: _Filling, rows: pa.Table) -> int:
    catalog, ref = executor.catalog, one.ref.dataset_ref
    with catalog.lock(ref):
        if catalog.find_dataset(ref) is None:
            now_ms = catalog.clock.now_us() // 1000
            with catalog.change(session) as change:
                change.put_dataset(Dataset(ref, catalog.location, now_ms, now_ms, catalog.new_etag()))
    target = Target(one.ref, write="WRITE_APPEND")
    insert = insert_arrow(executor, one.fields, rows)
    _, written = write_table(executor, session, target, one.fields, insert, query=False, exact=False)
    return written


# Columns of values


def _guessed(rows: Iterable[Mapping[str, Any]], path: str) -> tuple[Field, ...]:
    """The columns of rows, by what their values are in Python."""
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.items():
            values.setdefault(str(name), []).append(value)
    return tuple(_guess(name, found, f"{path}.{name}") for name, found in values.items())


def _guess(name: str, values: Iterable[Any], path: str) -> Field:
    told = [value for value in values if value is not None]
    repeated = any(isinstance(value, list | tuple) for value in told)
    if repeated:
        told = [item for value in told for item in (value if isinstance(value, list | tuple) else [value])]
    kinds = {_kind(value, path) for value in told}
    if kinds == {TypeKind.INT64, TypeKind.FLOAT64}:
        kinds = {TypeKind.FLOAT64}
    if len(kinds) != 1:
        what = " and ".join(sorted(kinds)) if kinds else "nothing but NULL"
        raise SpecError(path, f"has {what}: give the table a 'schema'")
    (kind,) = kinds
    nested = _guessed(told, path) if kind is TypeKind.STRUCT else ()
    return Field(name, kind, Mode.REPEATED if repeated else Mode.NULLABLE, nested)


def _kind(value: Any, path: str) -> TypeKind:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return TypeKind.TIMESTAMP
    for kind, found in _KINDS:
        if isinstance(value, kind):
            return found
    raise SpecError(path, f"has a {type(value).__name__}, which is no value of a column")


def _plain(value: Any) -> Any:
    """A value as load files have it."""
    for kind, write in _WRITTEN:
        if isinstance(value, kind):
            return write(value)
    raise TypeError(f"a {type(value).__name__}")


_WRITTEN: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Decimal, str),
    (bytes, lambda value: base64.b64encode(value).decode()),
    ((dt.date, dt.time), lambda value: value.isoformat()),
    (Mapping, dict),
)
