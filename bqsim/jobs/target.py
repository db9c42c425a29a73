"""Rows of a job into its destination table: dispositions, schema updates, one atomic commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bqsim.catalog.layout import check_layout
from bqsim.catalog.names import check_table_id
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import RowAccessPolicy, Table, TableKind
from bqsim.engine.protocol import Interrupted, Session
from bqsim.errors import already_exists, invalid, not_found
from bqsim.jobs.config import Target
from bqsim.jobs.schema_updates import updated
from bqsim.jobs.target_partition import check_partition, check_partitioning, in_target
from bqsim.sql.statements.fields import check_names
from bqsim.sql.statements.storage import storage_of, with_storage
from bqsim.sql.statements.writes import Writer, known_bytes, note_bytes, touched
from bqsim.types import Field

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog
    from bqsim.sql.executor import Executor

# Inserts the rows of a job through a writer; their number.
Insert = Callable[[Writer], int]


def write_table(
    executor: Executor,
    session: Session,
    target: Target,
    fields: tuple[Field, ...],
    insert: Insert,
    *,
    query: bool,
    exact: bool = True,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Table, int]:
    """Write rows of ``fields`` into the target in one commit; the table as it is then, and the rows inserted.

    ``query`` words schema mismatches as query jobs do (else as load jobs do) and ignores modes of ``fields``.
    With ``exact`` false the fields of an existing table win over ``fields``, which only name what is written.
    """
    ref, catalog = target.table, executor.catalog
    check_table_id(ref.table)
    if query:
        # Results may have names that tables may not, such as _PARTITIONTIME.
        check_names(fields)
    try:
        with _locked(executor, ref, cancelled), catalog.change(session) as change:
            table = _protected(_prepare(catalog, session, target, fields, query, exact), target)
            writer = Writer(session, table, change.time_us, bytes=known_bytes(catalog, table))
            with in_target(writer, target):
                inserted = insert(writer)
            table = touched(catalog, table, change, inserted - writer.removed)
            note_bytes(change, writer, table, inserted)
            change.put_table(table)
    except InterruptedError:
        raise Interrupted from None
    return table, inserted


def _protected(table: Table, target: Target) -> Table:
    """``table`` with the row access policies that it has after the job: its own, unless its rows and schema
    are replaced, and those that come with the rows (page *Introduction to row-level security*)."""
    found: dict[str, RowAccessPolicy] = {}
    replaced = target.write == "WRITE_TRUNCATE" and target.partition is None
    kept = () if replaced else table.row_access_policies
    for policy in (*kept, *target.policies):
        collect_policy(found, policy)
    return replace(table, row_access_policies=tuple(found.values()))


def collect_policy(found: dict[str, RowAccessPolicy], policy: RowAccessPolicy) -> None:
    """Add a policy to those of a table, by folded name; raises 400 ``invalid`` when the name is taken."""
    name = policy.policy_id.casefold()
    if name in found:
        raise invalid(f"Row access policy {policy.policy_id} is defined by more than one table")
    found[name] = policy


@contextmanager
def _locked(executor: Executor, ref: TableRef, cancelled: Callable[[], bool] | None) -> Iterator[None]:
    """Hold the write lock of a table that no open transaction has changed."""
    with ExitStack() as held:
        while True:
            executor.claims.wait_for(ref, cancelled)
            held.enter_context(executor.catalog.lock(ref, cancelled=cancelled))
            if not executor.claims.taken(ref):
                break
            held.close()
        yield


def insert_arrow(executor: Executor, fields: Sequence[Field], rows: pa.Table) -> Insert:
    """Inserts ``rows`` (canonical, by position of ``fields``, which name columns of the table).

    Other columns of the table get their default values.
    """

    def insert(writer: Writer) -> int:
        named = named_as(writer.table, fields)
        known = {f.name for f in named}
        others = [f for f in writer.table.fields if f.name not in known]
        defaults = executor.defaults(writer.session, writer.table, others)
        return writer.append(rows, named, defaults=defaults)

    return insert


def named_as(table: Table, fields: Sequence[Field]) -> list[Field]:
    """``fields`` with the table's own spelling of their names."""
    spelling = {f.name.casefold(): f.name for f in table.fields}
    return [replace(f, name=spelling[f.name.casefold()]) for f in fields]


def check_target(catalog: Catalog, target: Target) -> Table | None:
    """The table to write to, None when it is to be created. Raises what the target refuses whatever the rows
    are."""
    table = catalog.find_table(target.table)
    if table is None:
        catalog.dataset(target.table.dataset_ref)
        if target.create == "CREATE_NEVER":
            raise not_found("Table", target.table.api_name)
        return None
    if table.kind is not TableKind.TABLE:
        storage_of(replace(table, storage=None))
    check_partition(table, target)
    check_partitioning(table, target)
    if target.write == "WRITE_EMPTY" and target.partition is None and table.num_rows:
        raise already_exists("Table", target.table.api_name)
    return table


def _prepare(
    catalog: Catalog, session: Session, target: Target, fields: tuple[Field, ...], query: bool, exact: bool
) -> Table:
    """The table to insert into, created or changed as the target says, without its old rows when it
    truncates."""
    table = check_target(catalog, target)
    if table is None:
        return _create(catalog, session, target, fields)
    if target.partition is not None:
        # Its rows alone are replaced.
        return updated(session, table, fields, target, query=query) if exact else table
    if target.write == "WRITE_TRUNCATE":
        shaped = _shaped(table, target, fields if exact else table.fields)
        return with_storage(session, catalog.next_engine_table(), replace(shaped, num_rows=0))
    if target.write == "WRITE_TRUNCATE_DATA":
        table = with_storage(session, catalog.next_engine_table(), replace(table, num_rows=0))
    return updated(session, table, fields, target, query=query) if exact else table


def _create(catalog: Catalog, session: Session, target: Target, fields: tuple[Field, ...]) -> Table:
    ref = target.table
    dataset = catalog.dataset(ref.dataset_ref)
    now_ms = catalog.clock.now_us() // 1000
    expiration = target.expiration_ms
    if expiration is None and dataset.default_table_expiration_ms:
        expiration = now_ms + dataset.default_table_expiration_ms
    table = Table(
        ref=ref,
        kind=TableKind.TABLE,
        fields=fields,
        created_ms=now_ms,
        modified_ms=now_ms,
        etag="",
        location=dataset.location,
        friendly_name=target.friendly_name,
        description=target.description,
        labels=dict(target.labels),
        expiration_ms=expiration,
        default_collation=dataset.default_collation,
        metadata=dict(target.metadata),
    )
    shaped = _shaped(table, target, fields)
    check_partition(shaped, target)
    return with_storage(session, catalog.next_engine_table(), shaped)


def _shaped(table: Table, target: Target, fields: tuple[Field, ...]) -> Table:
    """``table`` with these fields and the target's partitioning and clustering (its own where the target has
    none)."""
    time, range_ = target.time_partitioning, target.range_partitioning
    if time is None and range_ is None:
        time, range_ = table.time_partitioning, table.range_partitioning
    clustering = target.clustering or table.clustering
    shaped = replace(
        table,
        fields=fields,
        time_partitioning=time,
        range_partitioning=range_,
        clustering=clustering,
        require_partition_filter=target.require_partition_filter or table.require_partition_filter,
    )
    check_layout(shaped)
    return shaped
