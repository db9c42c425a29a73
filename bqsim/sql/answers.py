"""Rows that users supply for functions, as relations of a query."""

from __future__ import annotations

import base64
import datetime
import decimal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError, invalid_query
from bqsim.sim.answers import Answer, Asked
from bqsim.sql.values import python_value
from bqsim.types import Field, Type, field_of
from bqsim.types.values import parse_row

if TYPE_CHECKING:
    import pyarrow as pa


def rows_of_answer(
    session: Any,
    answer: Answer,
    subject: str,
    fields: Sequence[Field],
    values: Sequence[tuple[str, str, Type]],
    source: tuple[str, Sequence[Field]] | None,
) -> pa.Table:
    """The canonical rows of ``fields`` that an answer gives to a call.

    ``values`` are the arguments (name, engine expression, type), ``source`` is the input as an engine SELECT.
    What the user's function raises becomes the error of the query.
    """
    import pyarrow as pa

    from bqsim.types.arrow import arrow_type, column_names

    table = None if source is None else session.query(*source)
    inputs = [] if source is None else _dictionaries(table, source[1])
    arguments: dict[str, Any] = {}
    if values and answer.compute is not None:
        listed = [field_of(name, type_) for name, _, type_ in values]
        found = session.query(f"SELECT {', '.join(sql for _, sql, _ in values)}", listed)
        [arguments] = _dictionaries(found, listed)
    try:
        given = answer.of(Asked(answer.function, subject, arguments, inputs))
    except BigQueryError:
        raise
    except Exception as error:
        raise invalid_query(f"The supplied answer of {answer.function} failed: {error}") from error
    own = fields[: len(answer.columns)]
    if answer.keeps_input and len(given) != len(inputs):
        raise invalid_query(
            f"The supplied answer of {answer.function} has {len(given)} rows for {len(inputs)} rows of input"
        )
    parsed = [_row(row, own, answer.function) for row in given]
    columns = [pa.array([row[i] for row in parsed], arrow_type(f.type)) for i, f in enumerate(own)]
    if answer.keeps_input and table is not None:
        columns += list(table.columns)
    return pa.Table.from_arrays(columns, names=column_names(len(columns)))


def _dictionaries(rows: pa.Table, fields: Sequence[Field]) -> list[dict[str, Any]]:
    columns = [
        [_named(python_value(v, f.type), f.type) for v in c.to_pylist()]
        for c, f in zip(rows.columns, fields, strict=True)
    ]
    names = [f.name for f in fields]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _named(value: Any, type_: Type) -> Any:
    """A Python value with STRUCTs as dictionaries."""
    if value is None:
        return None
    if type_.is_array and type_.element is not None:
        return [_named(v, type_.element) for v in value]
    if type_.is_struct:
        return {f.name: _named(v, f.type) for f, v in zip(type_.fields, value, strict=True)}
    return value


def _row(row: Any, fields: Sequence[Field], function: str) -> list[Any]:
    body = row if isinstance(row, Mapping) else dict(zip((f.name for f in fields), row, strict=False))
    try:
        return parse_row(_plain(body), fields)
    except BigQueryError as error:
        raise invalid_query(f"The supplied answer of {function} has a bad row: {error.message}") from None


def _plain(value: Any) -> Any:
    """A Python value as JSON has it."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value) if isinstance(value, decimal.Decimal) else value
