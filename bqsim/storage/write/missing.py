"""Values that rows do not have: NULL, or the default of their column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.sql.statements.writes import Writer
from bqsim.storage.errors import invalid_argument
from bqsim.storage.v1 import write_pb2
from bqsim.types import Field, TypeKind
from bqsim.types.arrow import from_numpy, table_of

if TYPE_CHECKING:
    from bqsim.sql.executor import Executor

    from .rows import ReadRows

_Interpretation = write_pb2.AppendRowsRequest.MissingValueInterpretation
_ROWS = "_bq_appended"
_FLAG = Field("missing", TypeKind.BOOL)


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How one request's missing values are read: ``columns`` by folded name, ``default`` for the others."""

    columns: Mapping[str, bool]
    default: bool

    def takes_default(self, field: Field) -> bool:
        """Whether a missing value of the column is the column's default value."""
        return field.default is not None and self.columns.get(field.name.casefold(), self.default)


NULLS = Interpretation({}, False)


def interpretation(request: write_pb2.AppendRowsRequest, default: bool) -> Interpretation:
    """The interpretation that a request asks for; ``default`` is what the connection has said before."""
    columns: dict[str, bool] = {}
    for name, value in request.missing_value_interpretations.items():
        if value not in (_Interpretation.NULL_VALUE, _Interpretation.DEFAULT_VALUE):
            raise invalid_argument(f"Invalid missing value interpretation for field '{name}'.")
        columns[name.casefold()] = value == _Interpretation.DEFAULT_VALUE
    return Interpretation(columns, default)


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one request with the interpretation of their missing values."""

    rows: ReadRows
    missing: Interpretation


def insert(executor: Executor, writer: Writer, batches: Sequence[Batch]) -> int:
    """Insert the rows of batches of one reader, in order and checked; their number.

    A column that the writer does not have at all gets its default; one that it has, but not in every row,
    what the interpretation says. Raises BigQueryError when a value may not be stored.
    """
    import pyarrow as pa

    fields = batches[0].rows.fields
    parts = [b.rows.columns for b in batches]
    # The engine takes rows in one piece at little more than half the cost of as many pieces.
    columns = parts[0] if len(parts) == 1 else pa.concat_tables(parts).combine_chunks()
    given = {f.name for f in fields}
    absent = [f for f in writer.table.fields if f.default is not None and f.name not in given]
    flags = _flags(fields, batches)
    if not absent and not flags:
        return writer.append(columns, fields)
    flagged = [f for f in fields if f.name in flags]
    defaults = executor.defaults(writer.session, writer.table, [*absent, *flagged])
    if not flags:
        return writer.append(columns, fields, defaults=defaults)
    return _insert_flagged(writer, columns, fields, flags, defaults)


def _flags(fields: Sequence[Field], batches: Sequence[Batch]) -> dict[str, Any]:
    """Which rows take the default of a column, by the names of the columns for which some do."""
    import numpy as np

    found: dict[str, Any] = {}
    for field in fields:
        if field.default is None:
            continue
        parts = [b.rows.missing.get(field.name) if b.missing.takes_default(field) else None for b in batches]
        if any(p is not None for p in parts):
            sized = zip(parts, batches, strict=True)
            found[field.name] = np.concatenate(
                [np.zeros(b.rows.num_rows, bool) if p is None else p for p, b in sized]
            )
    return found


def _insert_flagged(
    writer: Writer, columns: Any, fields: Sequence[Field], flags: dict[str, Any], defaults: Mapping[str, str]
) -> int:
    """Insert rows of which some take defaults, without changing their order."""
    given = {f.name: i for i, f in enumerate(fields, 1)}
    flag_columns = {name: f"c{len(fields) + i}" for i, name in enumerate(flags, 1)}
    rows = table_of([*columns.columns, *(from_numpy(f) for f in flags.values())])
    writer.session.register(_ROWS, rows, [*fields, *(_FLAG for _ in flags)])
    try:
        targets, values = [], []
        for field in writer.table.fields:
            default, position = defaults.get(field.name), given.get(field.name)
            if position is not None:
                flag = flag_columns.get(field.name)
                value = (
                    f"c{position}"
                    if flag is None
                    else f"CASE WHEN {flag} THEN {default} ELSE c{position} END"
                )
            elif default is not None:
                value = default
            else:
                continue
            targets.append(field)
            values.append(f"{value} AS v{len(targets)}")
        return writer.insert(targets, f"SELECT {', '.join(values)} FROM {_ROWS}")
    finally:
        writer.session.unregister(_ROWS)
