"""Views about stored rows: partitions, sizes, ``__TABLES__``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bqsim.catalog.names import project_number
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import LONG_TERM_MS, Table, TableKind
from bqsim.catalog.shadow import WHOLE, rows_shown, shadow_of
from bqsim.sql.statements.clone_figures import billed
from bqsim.sql.statements.deleted import Deleted, deleted_figures, deleted_tables
from bqsim.sql.statements.storage_figures import Figures, described_us, many_figures
from bqsim.types import DATE

from .partitions import Partition, is_partitioned, with_buffered
from .tables import table_name, table_type
from .view import Column, Form, Scope, View, always, each, micros, whole

_TYPE_NUMBERS = {
    TableKind.TABLE: 1,
    TableKind.VIEW: 2,
    TableKind.EXTERNAL: 3,
    TableKind.MATERIALIZED_VIEW: 4,
    TableKind.SNAPSHOT: 5,
}
_MIB = 1024 * 1024
_DAY_S = 24 * 3600
# How far back the timeline of storage goes (page *TABLE_STORAGE_USAGE_TIMELINE view*).
_USAGE_DAYS = 90


@dataclass(frozen=True, slots=True)
class _Partition:
    """A partition of a table, None for the whole of one that has none."""

    table: Table
    of: Partition | None


def _stored(scope: Scope) -> list[Table]:
    return [table for table in scope.tables() if table.storage is not None]


def _known_partitions(tables: Sequence[Table], scope: Scope) -> Mapping[TableRef, Sequence[Partition]]:
    """The partitions of tables; of shadow tables those that were told."""
    own = [table for table in tables if shadow_of(table) is None]
    buffers = scope.catalog.buffers
    known = dict(scope.partitions.of(scope.session, own))
    for table in own:
        if table.ref in known:
            known[table.ref] = with_buffered(scope.session, buffers, table, known[table.ref])
    for table in tables:
        shadow = shadow_of(table)
        if shadow is not None:
            told = ((id_, part) for id_, part in sorted(shadow.parts.items()) if id_ != WHOLE)
            known[table.ref] = tuple(Partition(id_, *part) for id_, part in told)
    return known


def _partitions(scope: Scope) -> Sequence[Any]:
    tables = [t for t in _stored(scope) if t.kind is TableKind.TABLE]
    known = _known_partitions(tables, scope)
    return [
        _Partition(table, partition)
        for table in tables
        for partition in (known[table.ref] if is_partitioned(table) else (None,))
    ]


def sizes(tables: Sequence[Table], scope: Scope) -> list[int]:
    """The logical bytes of tables, computed once for a use of a view."""
    known: dict[Any, int] = scope.memo.setdefault("sizes", {})
    missing = [t for t in tables if t.ref not in known]
    if missing:
        known |= zip((t.ref for t in missing), scope.sizes.tables(scope.session, missing), strict=True)
    return [known[t.ref] for t in tables]


def _partition_sizes(items: Sequence[Any], scope: Scope) -> list[int]:
    whole_ = iter(sizes([item.table for item in items if item.of is None], scope))
    return [next(whole_) if item.of is None else item.of.size for item in items]


def _changed_us(item: Any) -> int:
    return int(item.table.modified_ms * 1000 if item.of is None else item.of.changed_us // 1000 * 1000)


def _untouched_us(item: Any) -> int:
    """Since when nothing of a partition has changed, its table's description included."""
    return max(_changed_us(item), described_us(item.table))


def figures(tables: Sequence[Table], scope: Scope) -> list[Figures]:
    """What tables take up, computed once for a use of a view."""
    known: dict[Any, Figures] = scope.memo.setdefault("figures", {})
    missing = [t for t in tables if t.ref not in known]
    if missing:
        parts = scope.partitions.of(scope.session, [t for t in missing if shadow_of(t) is None])
        found = many_figures(scope.catalog, scope.sizes, scope.session, missing, sizes(missing, scope), parts)
        known |= zip((t.ref for t in missing), found, strict=True)
    return [known[t.ref] for t in tables]


@dataclass(frozen=True, slots=True)
class _Held:
    """A table that holds rows, or one that did until it was ``deleted``."""

    table: Table
    deleted: Deleted | None = None


def _held(scope: Scope) -> Sequence[Any]:
    found = [_Held(table) for table in _stored(scope)]
    wanted = scope.only(deleted_tables(scope.catalog), **_NAMES)
    gone = [one for one in wanted if _is_within(one.table, scope)]
    sized = deleted_figures(scope.catalog, scope.sizes, scope.session, gone)
    held = [(_Held(d.table, d), figure) for d, figure in zip(gone, sized, strict=True) if figure != Figures()]
    scope.memo["deleted"] = {id(one.deleted): figure for one, figure in held}
    return [*found, *(one for one, _ in held)]


# What deleted tables are asked for by.
_NAMES: Mapping[str, Any] = {
    "table_schema": lambda one: one.table.ref.dataset,
    "table_name": lambda one: one.table.ref.table,
}


def _is_within(table: Table, scope: Scope) -> bool:
    ref = table.ref
    here = ref.project == scope.project and not ref.dataset.startswith("_")
    return here and (scope.region is None or table.location.lower() == scope.region)


def _held_figures(items: Sequence[Any], scope: Scope) -> list[Figures]:
    """The figures of tables: looked up once for all columns."""
    known: tuple[Sequence[Any], list[Figures]] | None = scope.memo.get("held")
    if known is None or known[0] is not items:
        live = iter(figures([item.table for item in items if item.deleted is None], scope))
        gone: Mapping[int, Figures] = scope.memo.get("deleted", {})
        found = [next(live) if item.deleted is None else gone[id(item.deleted)] for item in items]
        known = scope.memo["held"] = items, found
    return known[1]


def _figure(name: str, attribute: str) -> Column:
    """A column with one of the figures."""

    def values(items: Sequence[Any], scope: Scope) -> list[int]:
        return [getattr(figure, attribute) for figure in _held_figures(items, scope)]

    return whole(name, values, "I")


def _tiers(items: Sequence[Any], scope: Scope) -> list[str]:
    limit = scope.now_us - LONG_TERM_MS * 1000
    return ["LONG_TERM" if _untouched_us(item) <= limit else "ACTIVE" for item in items]


def _partition_counts(items: Sequence[Any], scope: Scope) -> list[int]:
    known = _known_partitions([item.table for item in items if item.deleted is None], scope)
    counts = [len(known.get(item.table.ref, ())) if item.deleted is None else 0 for item in items]
    told = [shadow_of(item.table) if item.deleted is None else None for item in items]
    return [
        count or (0 if shadow is None else shadow.figures.get("total_partitions", 0))
        for count, shadow in zip(counts, told, strict=True)
    ]


def _held_bytes(items: Sequence[Any], scope: Scope) -> list[int]:
    live = iter(sizes([item.table for item in items if item.deleted is None], scope))
    return [next(live) if item.deleted is None else 0 for item in items]


def _held_rows(held: _Held) -> int:
    return rows_shown(held.table) if held.deleted is None else 0


def _of_deleted(attribute: str) -> Any:
    return lambda held: None if held.deleted is None else getattr(held.deleted, attribute)


def _storage_type(table: Table) -> str:
    return table_type(table) if table.kind is TableKind.TABLE else str(table.kind)


_PROJECT = (
    each("project_id", lambda h: h.table.ref.project),
    each("project_number", lambda h: project_number(h.table.ref.project), "I"),
)
_STORAGE: tuple[Column, ...] = (
    *_PROJECT,
    *table_name(lambda h: h.table),
    each("creation_time", lambda h: micros(h.table.created_ms), "T"),
    each("total_rows", _held_rows, "I"),
    whole("total_partitions", _partition_counts, "I"),
    whole("total_logical_bytes", _held_bytes, "I"),
    _figure("active_logical_bytes", "active"),
    _figure("long_term_logical_bytes", "long_term"),
    _figure("current_physical_bytes", "current_physical"),
    _figure("total_physical_bytes", "total_physical"),
    _figure("active_physical_bytes", "active_physical"),
    _figure("long_term_physical_bytes", "long_term_physical"),
    _figure("time_travel_physical_bytes", "time_travel"),
    each("storage_last_modified_time", lambda h: micros(h.table.modified_ms), "T"),
    each("deleted", lambda h: h.deleted is not None, "B"),
    each("table_type", lambda h: _storage_type(h.table)),
    always("managed_table_type"),
    _figure("fail_safe_physical_bytes", "fail_safe"),
    always("last_metadata_index_refresh_time", None, "T"),
    each("table_deletion_reason", _of_deleted("reason")),
    each("table_deletion_time", _of_deleted("at_us"), "T"),
)


@dataclass(frozen=True, slots=True)
class _Usage:
    """What of a table is charged on a day (US Pacific time is not followed: days are UTC's)."""

    held: _Held
    day: date
    seconds: int
    physical: bool

    @property
    def table(self) -> Table:
        return self.held.table


def _billed(items: Sequence[Any], scope: Scope) -> list[Figures]:
    """The figures of tables, of clones and snapshots those that differ from their base."""
    tables, known = [item.table for item in items], scope.memo.setdefault("differences", {})
    return billed(scope.catalog, scope.session, tables, _held_figures(items, scope), known)


def _usage(scope: Scope) -> Sequence[Any]:
    now = datetime.fromtimestamp(scope.now_us // 1_000_000, UTC)
    found = []
    held = _held(scope)
    billed_ = _billed(held, scope)
    for one, figure in zip(held, billed_, strict=True):
        table = one.table
        dataset = scope.catalog.find_dataset(table.ref.dataset_ref)
        physical = dataset is not None and dataset.metadata.get("storageBillingModel") == "PHYSICAL"
        if not (figure.billed_physical if physical else figure.total):
            # Tables without billable bytes are not in the view.
            continue
        first = max(datetime.fromtimestamp(table.created_ms // 1000, UTC), now - timedelta(days=_USAGE_DAYS))
        day = first.date()
        while day <= now.date():
            start = datetime(day.year, day.month, day.day, tzinfo=UTC)
            end = min(start + timedelta(days=1), now)
            seconds = int((end - max(start, first)).total_seconds())
            found.append(_Usage(one, day, seconds, physical))
            day += timedelta(days=1)
    return found


# What physical billing counts of each tier.
_PHYSICAL = {
    "total": "billed_physical",
    "active": "billed_active_physical",
    "long_term": "long_term_physical",
}


def _used(name: str, physical: bool, tier: str) -> Column:
    """MiB-seconds of one tier: ``total``, ``active`` or ``long_term``."""

    def values(items: Sequence[Any], scope: Scope) -> list[int]:
        attribute = _PHYSICAL[tier] if physical else tier
        return [
            getattr(figure, attribute) * usage.seconds // _MIB if usage.physical is physical else 0
            for usage, figure in zip(items, _billed([u.held for u in items], scope), strict=True)
        ]

    return whole(name, values, "I")


_USAGE: tuple[Column, ...] = (
    each("usage_date", lambda u: u.day, DATE),
    each("project_id", lambda u: u.table.ref.project),
    each("table_catalog", lambda u: u.table.ref.project),
    each("project_number", lambda u: project_number(u.table.ref.project), "I"),
    each("table_schema", lambda u: u.table.ref.dataset),
    each("table_name", lambda u: u.table.ref.table),
    *(
        _used(f"billable_{tier}_{kind}_usage", kind == "physical", tier)
        for kind in ("logical", "physical")
        for tier in ("total", "active", "long_term")
    ),
)


VIEWS: tuple[View, ...] = (
    View(
        "PARTITIONS",
        (
            *table_name(lambda p: p.table),
            each("partition_id", lambda p: None if p.of is None else p.of.id),
            each("total_rows", lambda p: rows_shown(p.table) if p.of is None else p.of.rows, "I"),
            whole("total_logical_bytes", _partition_sizes, "I"),
            whole("total_billable_bytes", _partition_sizes, "I"),
            each("last_modified_time", _changed_us, "T"),
            whole("storage_tier", _tiers),
        ),
        _partitions,
        Form.DATASET,
        ("bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.list"),
    ),
    *(
        View(name, _STORAGE, _held, Form.REGION | Form.PROJECT)
        for name in (
            "TABLE_STORAGE",
            "TABLE_STORAGE_BY_PROJECT",
            "TABLE_STORAGE_BY_FOLDER",
            "TABLE_STORAGE_BY_ORGANIZATION",
        )
    ),
    *(
        View(name, _USAGE, _usage, Form.REGION | Form.PROJECT)
        for name in (
            "TABLE_STORAGE_USAGE_TIMELINE",
            "TABLE_STORAGE_USAGE_TIMELINE_BY_PROJECT",
            "TABLE_STORAGE_USAGE_TIMELINE_BY_FOLDER",
            "TABLE_STORAGE_USAGE_TIMELINE_BY_ORGANIZATION",
        )
    ),
)


def _all(scope: Scope) -> Sequence[Any]:
    return scope.tables("dataset_id", "table_id")


_META_NAME = (
    each("project_id", lambda t: t.ref.project),
    each("dataset_id", lambda t: t.ref.dataset),
    each("table_id", lambda t: t.ref.table),
    each("creation_time", lambda t: t.created_ms, "I"),
)
_TYPE = each("type", lambda t: _TYPE_NUMBERS[t.kind], "I")

META_TABLES: tuple[View, ...] = (
    View(
        "__TABLES__",
        (
            *_META_NAME,
            each("last_modified_time", lambda t: t.modified_ms, "I"),
            each("row_count", rows_shown, "I"),
            whole("size_bytes", sizes, "I"),
            _TYPE,
        ),
        _all,
    ),
    View("__TABLES_SUMMARY__", (*_META_NAME, _TYPE), _all),
)
