"""Deleted tables: what of them is kept for time travel and fail-safe, and for how long.

Page "Data retention with time travel and fail-safe": the rows of a deleted table can be had back for as long
as the time travel window says, and are kept for seven days more. TABLE_STORAGE shows such tables as deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bqsim.catalog.resources import Table
from bqsim.catalog.shadow import shadow_of
from bqsim.catalog.stored_bytes import Sized
from bqsim.engine.protocol import Session

from .storage_figures import FAIL_SAFE_US, Figures, kept_bytes, window_us

if TYPE_CHECKING:
    from bqsim.catalog.history import TableVersion
    from bqsim.catalog.store import Catalog, Change

    from .sizes import ColumnSizes

# Why a table was deleted, as ``table_deletion_reason`` has it.
EXPIRED, WITH_DATASET, BY_USER = "TABLE_EXPIRATION", "DATASET_DELETION", "USER_DELETED"


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted table as it was, when that was (epoch microseconds) and why."""

    table: Table
    at_us: int
    reason: str
    version: TableVersion


def deleted_tables(catalog: Catalog) -> list[Deleted]:
    """The stored tables that were deleted and are not past fail-safe, in the order of their names."""
    now_us = catalog.clock.now_us()
    found = [_deleted(catalog, version) for version in catalog.history.deleted()]
    for version in (catalog.history.current(t.ref) for t in catalog.expired_tables()):
        if version is not None and version.table.storage is not None:
            found.append(_deleted(catalog, replace(version, end_us=now_us)))
    kept = [one for one in found if one.at_us > now_us - _window_us(catalog, one.table) - FAIL_SAFE_US]
    return sorted(kept, key=lambda one: (one.table.ref.sql_name, one.at_us))


def _deleted(catalog: Catalog, version: TableVersion) -> Deleted:
    table, at_us = version.table, version.end_us or 0
    dropped = catalog.history.dropped(table.ref.dataset_ref)
    if table.expiration_ms is not None and table.expiration_ms * 1000 <= at_us:
        return Deleted(table, table.expiration_ms * 1000, EXPIRED, version)
    reason = WITH_DATASET if any(d.dropped_us == at_us for d in dropped) else BY_USER
    return Deleted(table, at_us, reason, version)


def _window_us(catalog: Catalog, table: Table) -> int:
    """The window of the dataset, or of the one that was dropped last."""
    ref = table.ref.dataset_ref
    dropped = catalog.history.dropped(ref)
    return window_us(catalog.find_dataset(ref) or (dropped[-1].dataset if dropped else None))


def deleted_figures(
    catalog: Catalog, sizes: ColumnSizes, session: Session, deleted: Sequence[Deleted]
) -> list[Figures]:
    """What deleted tables take up: nothing but what is kept of them."""
    now_us, found = catalog.clock.now_us(), []
    buried = {id(version) for version in catalog.history.buried()}
    stored = [one.table for one in deleted if id(one.version) not in buried and shadow_of(one.table) is None]
    sizes.ended.look(session, stored)
    counted = dict(zip(map(id, stored), sizes.tables(session, stored), strict=True))
    for one in deleted:
        table = one.table
        if id(table) in counted:
            entries = [*sizes.ended.of(session, table), (one.at_us, counted[id(table)])]
        else:
            entries = [(one.at_us, _buried_bytes(one.version) if id(one.version) in buried else 0)]
        travel, safe = kept_bytes(entries, now_us, _window_us(catalog, table))
        found.append(Figures(time_travel=travel, fail_safe=safe))
    return found


def _buried_bytes(version: TableVersion) -> int:
    return 0 if version.sized is None else sum(version.sized.columns.values())


def bury_deleted(catalog: Catalog, session: Session, change: Change, before_us: int) -> None:
    """Note how much the tables that were deleted before a time held, which are about to be forgotten, and
    let go of those that are past fail-safe.
    """
    from .sizes import ColumnSizes

    if catalog.marks:
        return
    for version in outlived(catalog):
        change.unbury(version)
    buried: Collection[int] = {id(version) for version in catalog.history.buried()}
    sizes = ColumnSizes(catalog.stored_bytes)
    for one in deleted_tables(catalog):
        version, table = one.version, one.table
        storage = table.storage
        stays = version.end_us is None or version.end_us >= before_us or id(version) in buried
        if stays or storage is None or not table.num_rows:
            continue
        columns = {
            column: sizes.columns(session, table, [f.name])
            for f, column in zip(table.fields, storage.columns, strict=True)
        }
        change.bury(replace(version, sized=Sized(table.version, table.num_rows, columns)))


def outlived(catalog: Catalog) -> list[TableVersion]:
    """What is kept of deleted tables that are past fail-safe."""
    now_us = catalog.clock.now_us()
    return [
        version
        for version in catalog.history.buried()
        if (version.end_us or 0) <= now_us - _window_us(catalog, version.table) - FAIL_SAFE_US
    ]
