"""``tabledata.insertAll``: rows of JSON into a table, with the service's errors for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.names import check_table_id
from bqsim.catalog.refs import TableRef
from bqsim.engine.formats.json_rows import parse_row
from bqsim.engine.formats.objects import columns_of
from bqsim.engine.protocol import Session
from bqsim.errors import invalid
from bqsim.sql.statements.writes import created, finish_creation, writable, writing
from bqsim.types import Field
from bqsim.types.arrow import table_of
from bqsim.types.values import table_from_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.resources import Table
    from bqsim.catalog.store import Catalog
    from bqsim.sql.executor import Executor

# Page "Quotas and limits": rows of one insertAll request.
MAX_ROWS = 50_000


@dataclass(slots=True)
class _Batch:
    """Rows parsed so far: canonical values by field, and what is wrong with rows by their index."""

    fields: tuple[Field, ...]
    ignore_unknown: bool
    errors: dict[int, list[dict[str, str]]] = field(default_factory=dict)
    rows: list[list[Any]] = field(default_factory=list)

    def add(self, index: int, body: Mapping[str, Any]) -> None:
        found: list[dict[str, str]] = []

        def report(path: str, message: str) -> None:
            found.append(_error("invalid", path, message))

        values = parse_row(self.fields, body, self.ignore_unknown, report)
        if found:
            self.errors[index] = found
        else:
            self.rows.append(values)


def insert_rows(
    executor: Executor,
    session: Session,
    ref: TableRef,
    rows: Sequence[Mapping[str, Any]],
    *,
    suffix: str | None,
    skip_invalid: bool,
    ignore_unknown: bool,
) -> list[dict[str, Any]]:
    """Insert the ``json`` of each row; ``insertErrors`` of the reply.

    When a row is bad nothing goes in, and good rows say ``stopped``, unless ``skip_invalid``. With ``suffix``
    rows go into the table of that name beside ``ref``, made with its schema when it does not exist.
    """
    catalog = executor.catalog
    if len(rows) > MAX_ROWS:
        raise invalid(f"too many rows present in the request, limit: {MAX_ROWS} row count: {len(rows)}.")
    if suffix is not None:
        ref = _from_template(catalog, session, ref, suffix)
    table = writable(catalog.table(ref))
    usual = columns_of(table.fields, [row["json"] for row in rows])
    if usual is not None:
        _append(executor, session, table, usual, [row["json"] for row in rows])
        return []
    batch = _Batch(table.fields, ignore_unknown)
    for index, row in enumerate(rows):
        batch.add(index, row["json"])
    if not batch.errors or (skip_invalid and batch.rows):
        arrow = table_from_rows(table.fields, batch.rows)
        good = [row["json"] for i, row in enumerate(rows) if i not in batch.errors]
        _append(executor, session, table, arrow, good)
    return _insert_errors(batch, len(rows), skip_invalid)


def _insert_errors(batch: _Batch, count: int, skip_invalid: bool) -> list[dict[str, Any]]:
    if not batch.errors:
        return []
    stopped = [_error("stopped", "", "")]
    return [
        {"index": i, "errors": batch.errors.get(i, stopped)}
        for i in range(count)
        if i in batch.errors or not skip_invalid
    ]


def _append(
    executor: Executor, session: Session, table: Table, rows: pa.Table, bodies: Sequence[Mapping[str, Any]]
) -> None:
    """Append the rows of ``bodies`` in one commit; columns that a body leaves out get their defaults."""
    fields = table.fields
    defaulted = [f for f in fields if f.default is not None]
    if not defaulted:
        executor.append_rows(session, table.ref, rows, fields)
        return
    expressions = executor.defaults(session, table, defaulted)
    groups: dict[frozenset[str], list[int]] = {}
    for index, body in enumerate(bodies):
        given = {str(name).casefold() for name in body}
        missing = frozenset(f.name for f in defaulted if f.name.casefold() not in given)
        groups.setdefault(missing, []).append(index)
    with writing(executor.catalog, executor.claims, session, table.ref) as writer:
        for missing, indexes in groups.items():
            kept = [i for i, f in enumerate(fields) if f.name not in missing]
            columns = table_of(rows.take(indexes).select(kept).columns)
            filled = {name: expressions[name] for name in missing}
            writer.append(columns, [fields[i] for i in kept], defaults=filled)


def _from_template(catalog: Catalog, session: Session, base: TableRef, suffix: str) -> TableRef:
    """The table ``<base><suffix>``, created with the schema of ``base`` when it does not exist."""
    if not all(c.isalnum() or c == "_" for c in suffix):
        raise invalid(f'Invalid template suffix "{suffix}"', "templateSuffix")
    ref = replace(base, table=base.table + suffix)
    check_table_id(ref.table)
    template = writable(catalog.table(base))
    with catalog.lock(ref), catalog.change(session) as change:
        if catalog.find_table(ref) is None:
            now_ms = change.time_us // 1000
            table = replace(
                template, ref=ref, created_ms=now_ms, modified_ms=now_ms, etag=catalog.new_etag(), num_rows=0
            )
            finish_creation(change, created(catalog, session, change, table))
    return ref


def _error(reason: str, location: str, message: str) -> dict[str, str]:
    return {"reason": reason, "location": location, "debugInfo": "", "message": message}
