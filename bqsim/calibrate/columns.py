"""Bytes of columns: what queries processed, explained by the columns that they name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bqsim.history import JobRecord

ALL_COLUMNS = "*"
_LONGEST_SQL = 20_000


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The bytes of a table's columns; columns that no query tells apart are together (``a+b``). ``error`` is
    the mean relative error of the bytes of ``queries`` sets of columns, ``jobs`` how many told them."""

    table: str
    columns: dict[str, int]
    queries: int
    jobs: int
    error: float

    def json(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "columns": self.columns,
            "columnSets": self.queries,
            "jobs": self.jobs,
            "meanRelativeError": round(self.error, 4),
        }


def columns_of(sql: str) -> frozenset[str] | None:
    """The columns that a query of one table names, ``*`` for all; None where the text does not tell, or where
    a filter may leave partitions out."""
    if len(sql) > _LONGEST_SQL:
        return None
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(sql, dialect="bigquery")
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None
    if not isinstance(tree, exp.Query) or len(list(tree.find_all(exp.Table))) != 1:
        return None
    if tree.find(exp.With) or tree.find(exp.TableSample):
        return None
    aliases = {one.alias.lower() for one in tree.find_all(exp.Alias)}
    table = tree.find(exp.Table)
    named = {table.name.lower(), table.alias.lower()} if table is not None else set()
    found = set()
    for column in tree.find_all(exp.Column):
        parts = [part.name.lower() for part in column.parts]
        if len(parts) > 1 and parts[0] in named:
            parts = parts[1:]
        if column.find(exp.Star):
            found.add(ALL_COLUMNS)
        elif parts[0] not in named:
            found.add(parts[0])
    for star in tree.find_all(exp.Star):
        if not isinstance(star.parent, exp.Count):
            found.add(ALL_COLUMNS)
    if ALL_COLUMNS in found:
        return frozenset({ALL_COLUMNS})
    return frozenset(found - {name for name in aliases if name not in _selected(tree)})


def _selected(tree: Any) -> set[str]:
    """Names of columns that stand under an alias of the same name."""
    from sqlglot import exp

    return {one.this.name.lower() for one in tree.find_all(exp.Alias) if isinstance(one.this, exp.Column)}


def column_bytes(jobs: Iterable[JobRecord], minimum: int = 3) -> list[TableColumns]:
    """The bytes of columns by table, of tables that at least ``minimum`` different sets of columns were read
    of by queries of that table alone."""
    sets: dict[str, dict[frozenset[str], list[int]]] = {}
    known: dict[str, frozenset[str] | None] = {}
    for job in jobs:
        if len(job.tables) != 1 or job.cache_hit or job.error_reason or not job.sql:
            continue
        if job.statement_type not in ("", "SELECT") or not job.bytes_processed:
            continue
        key = job.fingerprint or job.sql
        if key not in known:
            known[key] = columns_of(job.sql)
        columns = known[key]
        if columns:
            sets.setdefault(job.tables[0], {}).setdefault(columns, []).append(job.bytes_processed)
    found = [_solved(table, by_set) for table, by_set in sorted(sets.items()) if len(by_set) >= minimum]
    return [one for one in found if one is not None]


def _solved(table: str, by_set: dict[frozenset[str], list[int]]) -> TableColumns | None:
    # Whoever reads fewer bytes than others of the same columns has read fewer partitions.
    whole = {columns: float(max(sizes)) for columns, sizes in by_set.items()}
    plain = {columns: size for columns, size in whole.items() if ALL_COLUMNS not in columns}
    names = sorted({name for columns in plain for name in columns})
    if not names:
        return None
    groups: dict[tuple[bool, ...], list[str]] = {}
    for name in names:
        groups.setdefault(tuple(name in columns for columns in plain), []).append(name)
    matrix = np.array([list(row) for row in zip(*groups, strict=True)], dtype=float)
    wanted = np.array(list(plain.values()))
    solved = _least(matrix / wanted[:, None], np.ones(len(wanted)))
    off = np.abs(matrix @ solved - wanted) / wanted
    columns = {
        "+".join(group): round(float(size)) for group, size in zip(groups.values(), solved, strict=True)
    }
    for key, size in whole.items():
        if ALL_COLUMNS in key:
            columns[ALL_COLUMNS] = round(size)
    jobs = sum(len(sizes) for sizes in by_set.values())
    return TableColumns(table, columns, len(by_set), jobs, float(off.mean()))


def _least(matrix: Any, wanted: Any) -> Any:
    """The solution of least squares without negative members: those that would be are left out one by one."""
    kept = list(range(matrix.shape[1]))
    while kept:
        solved, *_ = np.linalg.lstsq(matrix[:, kept], wanted, rcond=None)
        if solved.min() >= 0.0:
            found = np.zeros(matrix.shape[1])
            found[kept] = solved
            return found
        kept.pop(int(solved.argmin()))
    return np.zeros(matrix.shape[1])
