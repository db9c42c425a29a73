"""Rows of partitions that have expired (page *Manage partitioned tables*): gone for whoever reads next."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.engine.protocol import VERSION_BEGIN, Session
from bqsim.errors import BigQueryError

from .claims import Claims
from .partition_ids import UNPARTITIONED_KEY, Partitions, partitions_of
from .storage import live, storage_of
from .writes import writing

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog

    from .sizes import ColumnSizes

log = logging.getLogger(__name__)

US_PER_MS = 1000


def expire_partitions(catalog: Catalog, claims: Claims, sizes: ColumnSizes, session: Session) -> None:
    """Remove the rows of partitions whose time has passed. Rows without a partition never expire, nor do
    rows in the streaming buffer."""
    for ref in catalog.expiring.pending():
        table = catalog.find_table(ref)
        if table is None:
            catalog.expiring.forget(ref)
        elif not claims.taken(ref):
            try:
                _expire(catalog, claims, sizes, session, table)
            except BigQueryError:
                log.exception("the expired partitions of %s were not dropped", ref.api_name)


def _expire(catalog: Catalog, claims: Claims, sizes: ColumnSizes, session: Session, table: Table) -> None:
    ref, time, partitions = table.ref, table.time_partitioning, partitions_of(table)
    if time is None or not time.expiration_ms or partitions is None:
        catalog.expiring.forget(ref)
        return
    lives_us = time.expiration_ms * US_PER_MS
    before_us = catalog.clock.now_us() - lives_us
    keys = [k for k in sizes.statistics.of(session, table).rows if k > UNPARTITIONED_KEY]
    if any(key <= before_us for key in keys):
        # It is looked at again then, as after any change.
        _drop(catalog, claims, session, ref, partitions, before_us)
    held = catalog.buffers.find(storage_of(table).engine_table)
    due = [key + lives_us for key in keys if key > before_us]
    if held is not None:
        due.append(held.oldest_us + round(catalog.buffers.span_s * 1_000_000))
    catalog.expiring.looked_at(table, min(due, default=None))


def _drop(
    catalog: Catalog, claims: Claims, session: Session, ref: TableRef, partitions: Partitions, before_us: int
) -> None:
    with writing(catalog, claims, session, ref) as writer:
        storage = storage_of(writer.table)
        condition = f"{live(storage)} AND {partitions.key} BETWEEN {UNPARTITIONED_KEY + 1} AND {before_us}"
        held = catalog.buffers.find(storage.engine_table)
        if held is not None:
            condition += f" AND NOT {held.holds(VERSION_BEGIN)}"
        writer.remove(f"SELECT rowid FROM {storage.engine_table} WHERE {condition}")
