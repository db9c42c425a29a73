"""The insertAll request as a whole: checked, freed of repeats, stored."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.catalog.refs import TableRef
from bqsim.engine.protocol import Session
from bqsim.sql.statements.buffered import streamed
from bqsim.sql.statements.writes import writing
from bqsim.types.arrow import table_of

from .partitions import outside_rows, without_decorator
from .repeats import InsertIds
from .request import InsertRequest
from .rows import Parsed, insert_errors, parse_rows, take
from .target import streamable
from .template import from_template

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.resources import Table
    from bqsim.sql.executor import Executor


class AskedErrors(Protocol):
    """Errors of rows that a simulation asks for."""

    def indexes(self, count: int) -> Mapping[int, dict[str, Any]]:
        """An ErrorProto (``reason``, ``location``, ``debugInfo``, ``message``) for each of ``count`` rows
        that is to fail."""
        ...


@dataclass(slots=True)
class Outcome:
    """``errors`` are the insertErrors of the reply; ``stored`` and ``repeats`` count rows.

    ``later`` stores the rows when they were not to be stored at once; ``size`` are the bytes of all good
    rows of the request, as they were read.
    """

    errors: list[dict[str, Any]] = field(default_factory=list)
    stored: int = 0
    repeats: int = 0
    later: Callable[[Session], None] | None = None
    size: int = 0


def insert_rows(
    executor: Executor,
    session: Session,
    ref: TableRef,
    request: InsertRequest,
    ids: InsertIds,
    *,
    asked: AskedErrors | None = None,
    hold: bool = False,
) -> Outcome:
    """Insert the rows of a request into the table ``ref``, or the one of its template suffix beside it.

    When a row is bad nothing goes in, and good rows say ``stopped``, unless bad ones are to be skipped. With
    ``hold`` nothing is stored yet. Raises what fails the whole request.
    """
    catalog = executor.catalog
    ref, partition = without_decorator(catalog, ref)
    if request.suffix is not None:
        ref = from_template(catalog, session, ref, request.suffix)
    table = streamable(catalog.table(ref))
    count = len(request.bodies)
    parsed = parse_rows(table.fields, request.bodies, request.ignore_unknown)
    if table.time_partitioning is not None:
        outside = outside_rows(catalog, table, parsed.rows)
        indexes = parsed.indexes
        parsed.refuse(outside if indexes is None else {indexes[p]: e for p, e in outside.items()})
    if asked is not None:
        parsed.refuse({index: [dict(error)] for index, error in asked.indexes(count).items()})
    outcome = Outcome(insert_errors(parsed.errors, count, request.skip_invalid), size=parsed.rows.nbytes)
    if not parsed.rows.num_rows or (parsed.errors and not request.skip_invalid):
        return outcome
    stream = (table.storage and table.storage.engine_table, request.suffix is not None, partition)
    _store(executor, session, table, request, parsed, ids, stream, outcome, hold, partition)
    return outcome


def _store(
    executor: Executor,
    session: Session,
    table: Table,
    request: InsertRequest,
    parsed: Parsed,
    ids: InsertIds,
    stream: Hashable,
    outcome: Outcome,
    hold: bool,
    partition: str | None,
) -> None:
    """Store the good rows that are no repeats."""
    rows, indexes = parsed.rows, parsed.indexes
    names: Sequence[str] = request.ids if indexes is None else [request.ids[i] for i in indexes]
    fresh = ids.claim(stream, names)
    if fresh is not None:
        outcome.repeats = len(names) - len(fresh)
        rows, names = take(rows, fresh), [names[p] for p in fresh]
        indexes = fresh if indexes is None else [indexes[p] for p in fresh]
    outcome.stored = rows.num_rows
    if not outcome.stored:
        return
    bodies = request.bodies if indexes is None else [request.bodies[i] for i in indexes]

    def store(session: Session) -> None:
        try:
            # Rows that waited do not go into another table that has the name now.
            if not hold or executor.catalog.table(table.ref).created_ms == table.created_ms:
                append(executor, session, table, rows, bodies, partition)
        except BaseException:
            ids.release(stream, names)
            raise

    if hold:
        outcome.later = store
    else:
        store(session)


def append(
    executor: Executor,
    session: Session,
    table: Table,
    rows: pa.Table,
    bodies: Sequence[Mapping[str, Any]],
    partition: str | None = None,
) -> None:
    """Append the rows of ``bodies`` in one commit, into the table's streaming buffer; columns that a body
    leaves out get their defaults. ``partition`` is where they go once they leave it, else where they came."""
    fields = table.fields
    defaulted = [f for f in fields if f.default is not None]
    expressions = executor.defaults(session, table, defaulted) if defaulted else {}
    with writing(executor.catalog, executor.claims, session, table.ref) as writer:
        writer.partition = partition
        if not defaulted:
            writer.append(rows, fields)
        else:
            for missing, indexes in _by_missing([f.name for f in defaulted], bodies).items():
                kept = [i for i, f in enumerate(fields) if f.name not in missing]
                columns = table_of(rows.take(indexes).select(kept).columns)
                filled = {name: expressions[name] for name in missing}
                writer.append(columns, [fields[i] for i in kept], defaults=filled)
        streamed(executor.catalog.buffers, writer)


def _by_missing(
    defaulted: Sequence[str], bodies: Sequence[Mapping[str, Any]]
) -> dict[frozenset[str], list[int]]:
    """Rows by which of the columns with defaults they leave out."""
    groups: dict[frozenset[str], list[int]] = {}
    for index, body in enumerate(bodies):
        given = {str(name).casefold() for name in body}
        missing = frozenset(name for name in defaulted if name.casefold() not in given)
        groups.setdefault(missing, []).append(index)
    return groups
