"""Tables made from templates: ``templateSuffix`` of insertAll."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bqsim.catalog.names import check_table_id
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.engine.protocol import Session
from bqsim.errors import invalid
from bqsim.sql.statements.writes import created, finish_creation

from .target import streamable

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog


def from_template(catalog: Catalog, session: Session, base: TableRef, suffix: str) -> TableRef:
    """The table ``<base><suffix>``, created when it does not exist.

    It gets the schema, the partitioning and the clustering that ``base`` has then, and what its dataset gives
    to new tables; descriptions, labels and the expiration are not the template's.
    """
    if not all(c.isascii() and (c.isalnum() or c == "_") for c in suffix):
        raise invalid(f'Invalid template suffix "{suffix[:200]}"', "templateSuffix")
    ref = replace(base, table=base.table + suffix)
    check_table_id(ref.table)
    template = streamable(catalog.table(base))
    if catalog.find_table(ref) is not None:
        return ref
    with catalog.lock(ref), catalog.change(session) as change:
        if catalog.find_table(ref) is None:
            table = _made(catalog, template, ref, change.time_us // 1000)
            finish_creation(change, created(catalog, session, change, table))
    return ref


def _made(catalog: Catalog, template: Table, ref: TableRef, now_ms: int) -> Table:
    dataset = catalog.dataset(ref.dataset_ref)
    lives_ms = dataset.default_table_expiration_ms
    time = template.time_partitioning
    if time is not None and time.expiration_ms is None:
        time = replace(time, expiration_ms=dataset.default_partition_expiration_ms)
    return Table(
        ref=ref,
        kind=template.kind,
        fields=template.fields,
        created_ms=now_ms,
        modified_ms=now_ms,
        etag=catalog.new_etag(),
        location=template.location,
        expiration_ms=None if lives_ms is None else now_ms + lives_ms,
        time_partitioning=time,
        range_partitioning=template.range_partitioning,
        require_partition_filter=template.require_partition_filter,
        clustering=template.clustering,
        default_collation=template.default_collation,
    )
