"""Statements of merges and changes. Names are quoted, values are parameters: no value becomes text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from bqclient.errors import UsageError
from bqclient.models.references import TableReference
from bqclient.models.schema import Field, Schema

# The column of a source that tells which rows are to be deleted.
MARK = "bqclient_deleted"
# What stands before the names of columns of a source that hold new values.
NEW = "bqclient_new_"
# Types whose values can be compared for equality in every way that a merge needs.
KEY_TYPES = frozenset(
    {
        *("BIGNUMERIC", "BOOL", "BYTES", "DATE", "DATETIME", "INT64", "NUMERIC", "STRING", "TIME"),
        "TIMESTAMP",
    }
)
ROWS = "(SELECT * FROM UNNEST(@rows))"
# Names of the table and of the source: no column has them, whose name would stand for the whole row.
_T, _S = "bqclient_t", "bqclient_s"


def quoted(name: str) -> str:
    """A column's name for GoogleSQL. Raises UsageError for one that cannot be quoted."""
    if not name or any(sign in name for sign in "`\\\n"):
        raise UsageError(f"{name!r} is no name of a column.")
    return f"`{name}`"


def key_fields(schema: Schema, keys: Iterable[str]) -> tuple[Field, ...]:
    """The fields of keys. Raises UsageError for columns that are none, or that cannot be keys."""
    known = {f.name.casefold(): f for f in schema}
    found = []
    for name in keys:
        field = known.get(name.casefold())
        if field is None:
            raise UsageError(f"The key {name} is no column of the table.")
        if field.repeated or field.type not in KEY_TYPES:
            kind = "ARRAY" if field.repeated else field.type
            raise UsageError(
                f"The column {name} of type {kind} cannot be a key: {', '.join(sorted(KEY_TYPES))} can."
            )
        found.append(field)
    if not found:
        raise UsageError("There are no keys.")
    if len({f.name for f in found}) != len(found):
        raise UsageError("A key is named twice.")
    return tuple(found)


def same_keys(keys: Sequence[Field], *, null_matches: bool) -> str:
    """The condition that a row of the table and one of the source have the same keys."""
    parts = []
    for field in keys:
        name = quoted(field.name)
        if null_matches and not field.required:
            # Equality of two texts, which the service can join by; that of NULL is 'null', that of the
            # STRING null is '"null"'.
            parts.append(f"TO_JSON_STRING({_T}.{name}) = TO_JSON_STRING({_S}.{name})")
        else:
            parts.append(f"{_T}.{name} = {_S}.{name}")
    return " AND ".join(parts)


def merge_statement(
    table: TableReference,
    source: str,
    keys: Sequence[Field],
    columns: Sequence[str],
    *,
    update: Collection[str],
    marked: bool,
    null_matches: bool,
) -> str:
    """A MERGE of a source (a subquery, or a table's quoted name) with those columns."""
    lines = [
        f"MERGE {table.sql} AS {_T}",
        f"USING {source} AS {_S}",
        f"ON {same_keys(keys, null_matches=null_matches)}",
    ]
    if marked:
        lines.append(f"WHEN MATCHED AND {_S}.{quoted(MARK)} THEN DELETE")
    changed = [c for c in columns if c in update]
    if changed:
        lines.append("WHEN MATCHED THEN UPDATE SET " + _sets(changed))
    names = ", ".join(quoted(c) for c in columns)
    values = ", ".join(f"{_S}.{quoted(c)}" for c in columns)
    condition = f" AND NOT {_S}.{quoted(MARK)}" if marked else ""
    lines.append(f"WHEN NOT MATCHED{condition} THEN INSERT ({names}) VALUES ({values})")
    return "\n".join(lines)


def update_statement(table: TableReference, keys: Sequence[Field], columns: Sequence[str]) -> str:
    """An UPDATE of columns by keys, of rows that are a parameter."""
    return (
        f"UPDATE {table.sql} AS {_T} SET {_sets(columns, NEW)}\n"
        f"FROM {ROWS} AS {_S}\nWHERE {same_keys(keys, null_matches=False)}"
    )


def delete_statement(table: TableReference, keys: Sequence[Field]) -> str:
    """A DELETE by keys, of rows that are a parameter."""
    return (
        f"DELETE FROM {table.sql} AS {_T}\n"
        f"WHERE EXISTS (SELECT 1 FROM UNNEST(@rows) AS {_S} WHERE {same_keys(keys, null_matches=False)})"
    )


def _sets(columns: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f"{quoted(c)} = {_S}.{quoted(prefix + c)}" for c in columns)
