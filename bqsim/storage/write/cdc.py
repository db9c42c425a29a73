"""Change data capture: rows of a default stream that replace or delete the row with their primary key.

A change applies when no change with a higher ``_CHANGE_SEQUENCE_NUMBER`` has been applied to its key; among
equal numbers the later arrival wins, and a change without a number comes before all that have one. The
numbers applied so far, also those of deleted keys, are kept in an engine table beside the rows (see
:class:`~bqsim.catalog.resources.ChangeLog`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.catalog.resources import ChangeLog, Table
from bqsim.engine.protocol import VERSION_BEGIN, Session
from bqsim.sql.lower.types import engine_type
from bqsim.sql.statements import checks
from bqsim.sql.statements.storage import live, storage_of
from bqsim.sql.statements.writes import Writer
from bqsim.storage.errors import StorageFailure, invalid_argument
from bqsim.types import Field, TypeKind
from bqsim.types.arrow import from_numpy, table_of, to_numpy

if TYPE_CHECKING:
    from .rows import ReadRows

CHANGE_TYPE = "_CHANGE_TYPE"

MAX_KEY_COLUMNS = 16
# How long the number of a deleted key is kept (page *Change data capture*, deleted data considerations).
DELETED_US = 2 * 24 * 3600 * 1_000_000

_ROWS = "_bq_change_rows"
_CHANGES = "_bq_key_changes"
_NUMBER = r"\A[0-9A-Fa-f]{1,16}(/[0-9A-Fa-f]{1,16}){0,3}\z"
_SECTIONS = 4


class ChangeMode(StrEnum):
    """What a connection's rows are: rows to append, or changes of rows by their keys."""

    INSERT = "insert"
    UPSERT = "upsert"


_TYPES: dict[ChangeMode, frozenset[str | None]] = {
    ChangeMode.INSERT: frozenset((None, "", "INSERT")),
    ChangeMode.UPSERT: frozenset(("UPSERT", "DELETE")),
}
_KNOWN = frozenset().union(*_TYPES.values())


def change_mode(rows: ReadRows) -> ChangeMode | None:
    """The mode that the first rows of a default stream's connection set; None without rows."""
    if not rows.num_rows:
        return None
    types = rows.change_types
    return ChangeMode.UPSERT if types and types[0] in _TYPES[ChangeMode.UPSERT] else ChangeMode.INSERT


def check_upserts(table: Table) -> None:
    """Raise INVALID_ARGUMENT when ``table`` cannot take upserts."""
    if not table.primary_key:
        raise invalid_argument(
            "The primary keys and clustering keys of the table are required to create an upsert stream."
        )
    if len(table.primary_key) > MAX_KEY_COLUMNS:
        raise invalid_argument(f"Primary keys cannot have more than {MAX_KEY_COLUMNS} columns.")


def arrow_refused() -> StorageFailure:
    """The failure of changes that come in Arrow format."""
    return invalid_argument(f"{CHANGE_TYPE} is not supported when rows are appended in Arrow format.")


def change_errors(rows: ReadRows, mode: ChangeMode) -> list[tuple[int, str]]:
    """What is wrong with the pseudo columns of rows: (row index, message), in the order of the rows."""
    found = _type_errors(rows.change_types or [], mode)
    if mode is ChangeMode.UPSERT and rows.sequence_numbers is not None:
        found += _number_errors(rows.sequence_numbers)
    return sorted(found)


def _type_errors(types: Sequence[str | None], mode: ChangeMode) -> list[tuple[int, str]]:
    allowed = _TYPES[mode]
    if allowed.issuperset(types):
        return []
    return [(i, _type_error(t, mode)) for i, t in enumerate(types) if t not in allowed]


def _type_error(given: str | None, mode: ChangeMode) -> str:
    text = "The given value is not a valid CHANGE_TYPE"
    return f"{text} in {mode} mode: {given or 'UNSPECIFIED'}" if given in _KNOWN else f"{text}: {given}"


def _number_errors(numbers: Sequence[str | None]) -> list[tuple[int, str]]:
    valid = to_numpy(pc.match_substring_regex(_texts(numbers), _NUMBER), True)
    return [
        (
            int(i),
            f"The given value is not a valid CHANGE_SEQUENCE_NUMBER: {numbers[i]}. It must have one to four"
            " sections separated by '/', each of one to 16 hexadecimal characters.",
        )
        for i in (~valid).nonzero()[0]
    ]


def joined(parts: Sequence[ReadRows]) -> ReadRows:
    """Rows for the same fields as one batch: no change between them could be seen anyway."""
    if len(parts) == 1:
        return parts[0]
    flagged = {name for part in parts for name in part.missing}
    numbered = any(part.sequence_numbers is not None for part in parts)
    none: list[str | None] = [None]
    return replace(
        parts[0],
        columns=pa.concat_tables([part.columns for part in parts]),
        missing={
            name: np.concatenate([part.missing.get(name, np.zeros(part.num_rows, bool)) for part in parts])
            for name in flagged
        },
        change_types=[t for part in parts for t in part.change_types or none * part.num_rows],
        sequence_numbers=[n for part in parts for n in part.sequence_numbers or none * part.num_rows]
        if numbered
        else None,
        num_rows=sum(part.num_rows for part in parts),
    )


def upserted(rows: ReadRows) -> ReadRows:
    """The rows that are not deletes, to be checked as inserted rows are."""
    kept = np.fromiter((t != "DELETE" for t in rows.change_types or ()), bool, rows.num_rows)
    return _taken(rows, kept.nonzero()[0])


def apply_changes(
    writer: Writer,
    rows: ReadRows,
    *,
    defaults: Mapping[str, str],
    insert: Callable[[Writer, ReadRows], object],
) -> None:
    """Apply checked changes to the writer's table, in its transaction.

    Rows that they replace or delete end; ``insert`` is called with the rows that are to be there instead.
    ``defaults`` are engine expressions by name of the columns whose missing values are their defaults.
    Raises BigQueryError for a key that its columns cannot hold.
    """
    if not rows.num_rows:
        return
    session = writer.session
    log = _open_log(writer)
    _register(session, writer.table, rows)
    try:
        keys = _key_expressions(writer.table, rows, defaults)
        labels = [f"k{i}" for i in range(1, len(keys) + 1)]
        named = "".join(f", {k} AS {label}" for k, label in zip(keys, labels, strict=True))
        position = len(rows.fields)
        session.execute(
            f"CREATE OR REPLACE TEMP TABLE {_CHANGES} AS SELECT * FROM (SELECT c{position + 1} AS n,"
            f" c{position + 2} AS deleted, {_number(f'c{position + 3}')} AS number{named} FROM {_ROWS})"
            f" QUALIFY row_number() OVER (PARTITION BY {', '.join(labels)}"
            " ORDER BY number DESC NULLS LAST, n DESC) = 1"
        )
    finally:
        session.unregister(_ROWS)
    compared = _comparisons(session, labels)
    if rows.sequence_numbers is not None or session.scalar(f"SELECT count(*) FROM {log.engine_table}"):
        _settle(writer, log, compared)
    storage = storage_of(writer.table)
    same = _matching("t", log.columns, compared)
    writer.remove(
        f"SELECT t.rowid FROM {storage.engine_table} AS t JOIN {_CHANGES} AS c ON {same}"
        f" WHERE {live(storage)}"
    )
    chosen = session.query(f"SELECT n FROM {_CHANGES} WHERE NOT deleted ORDER BY n", [_ROW_NUMBER])
    session.execute(f"DROP TABLE {_CHANGES}")
    if chosen.num_rows:
        insert(writer, _taken(rows, to_numpy(chosen.column(0).combine_chunks(), 0)))


_ROW_NUMBER = Field("n", TypeKind.INT64)
_EXTRA = (_ROW_NUMBER, Field("deleted", TypeKind.BOOL), Field("number", TypeKind.STRING))


def _open_log(writer: Writer) -> ChangeLog:
    """The change log of the writer's table and its key, created where it is not there."""
    table, storage = writer.table, storage_of(writer.table)
    fields = _key_fields(table)
    columns = tuple(storage.columns[table.fields.index(f)] for f in fields)
    if storage.changes is not None and storage.changes.columns == columns:
        return storage.changes
    log = ChangeLog(f"{storage.engine_table}_changes", columns)
    kept = [(f"k{i}", f) for i, f in enumerate(fields, 1)]
    kept += [("number", Field("number", TypeKind.BYTES)), ("deleted", Field("deleted", TypeKind.BOOL))]
    writer.session.drop_table(log.engine_table)
    writer.session.create_table(log.engine_table, kept)
    writer.table = replace(table, storage=replace(storage, changes=log))
    return log


def _key_fields(table: Table) -> list[Field]:
    names = [name.casefold() for name in table.primary_key]
    by_name = {f.name.casefold(): f for f in table.fields}
    return [by_name[name] for name in names]


def _register(session: Session, table: Table, rows: ReadRows) -> None:
    """Make the rows readable with their number, whether they delete, their sequence number, and which have
    no value for a key column."""
    count = rows.num_rows
    deleted = np.fromiter((t == "DELETE" for t in rows.change_types or ()), bool, count)
    given = rows.sequence_numbers
    numbers = pa.nulls(count, pa.string()) if given is None else _texts(given)
    missing = [from_numpy(rows.missing[f.name]) for f in _key_fields(table) if f.name in rows.missing]
    columns = [*rows.columns.columns, from_numpy(np.arange(count)), from_numpy(deleted), numbers, *missing]
    flags = [Field("missing", TypeKind.BOOL)] * len(missing)
    session.register(_ROWS, table_of(columns), [*rows.fields, *_EXTRA, *flags])


def _texts(values: Sequence[str | None]) -> pa.Array:
    encoded = [b"" if v is None else v.encode() for v in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    valid = from_numpy(np.fromiter((v is not None for v in values), bool, len(values))).buffers()[1]
    return pa.Array.from_buffers(
        pa.string(), len(values), [valid, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    )


def _key_expressions(table: Table, rows: ReadRows, defaults: Mapping[str, str]) -> list[str]:
    """Engine expressions of the key columns' values as they are stored."""
    given = {f.name: f"c{i}" for i, f in enumerate(rows.fields, 1)}
    flag = len(rows.fields) + len(_EXTRA)
    found = []
    for field in _key_fields(table):
        type_ = engine_type(field.type)
        default = defaults.get(field.name)
        value = given.get(field.name)
        if value is None:
            value = default or f"CAST({checks.missing(field)} AS {type_})"
        else:
            if field.name in rows.missing:
                flag += 1
                if default is not None:
                    value = f"CASE WHEN c{flag} THEN {default} ELSE {value} END"
            value = value if checks.plain(field) else f"CAST({checks.stored(field, value)} AS {type_})"
        found.append(value)
    return found


def _number(text: str) -> str:
    """The engine expression of a sequence number as 32 bytes that compare as the numbers do."""
    sections = " || ".join(f"lpad(split_part({text}, '/', {i}), 16, '0')" for i in range(1, _SECTIONS + 1))
    return f"unhex({sections})"


def _settle(writer: Writer, log: ChangeLog, compared: Mapping[str, str]) -> None:
    """Leave out changes that came too late, and keep the numbers of the others."""
    session, same = writer.session, _matching("l", list(compared), compared)
    session.execute(
        f"DELETE FROM {log.engine_table} WHERE deleted AND {VERSION_BEGIN} < {writer.version - DELETED_US}"
    )
    session.execute(
        f"DELETE FROM {_CHANGES} AS c USING {log.engine_table} AS l"
        f" WHERE {same} AND (c.number IS NULL OR c.number < l.number)"
    )
    session.execute(f"DELETE FROM {log.engine_table} AS l USING {_CHANGES} AS c WHERE {same}")
    columns = ", ".join((*compared, "number", "deleted"))
    session.execute(
        f"INSERT INTO {log.engine_table} ({columns}, {VERSION_BEGIN})"
        f" SELECT {columns}, {writer.version} FROM {_CHANGES} WHERE number IS NOT NULL"
    )


def _comparisons(session: Session, labels: Sequence[str]) -> dict[str, str]:
    """How each column of the changes' keys is compared: NULL is equal to NULL, but a join by plain equality
    reads much less."""
    flags = ", ".join(f"CAST(bool_or({k} IS NULL) AS INTEGER)" for k in labels)
    found = session.scalar(f"SELECT concat({flags}) FROM {_CHANGES}")
    return {k: _EQUAL[flag] for k, flag in zip(labels, str(found), strict=True)}


_EQUAL = {"0": "=", "1": "IS NOT DISTINCT FROM"}


def _matching(relation: str, columns: Sequence[str], compared: Mapping[str, str]) -> str:
    """The condition that the key in ``columns`` of a relation is that of the change ``c``."""
    pairs = zip(columns, compared.items(), strict=True)
    return " AND ".join(f"{relation}.{column} {equal} c.{label}" for column, (label, equal) in pairs)


def _taken(rows: ReadRows, indexes: Any) -> ReadRows:
    """The rows at ``indexes``, without what change data capture reads."""
    if len(indexes) == rows.num_rows:
        return replace(rows, change_types=None, sequence_numbers=None)
    return replace(
        rows,
        columns=rows.columns.take(from_numpy(indexes)),
        missing={name: flags[indexes] for name, flags in rows.missing.items()},
        change_types=None,
        sequence_numbers=None,
        num_rows=len(indexes),
    )
