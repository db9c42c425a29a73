"""Tables as the API's JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.layout import check_layout
from bqsim.catalog.resources import Table, TableKind
from bqsim.catalog.shadow import rows_shown
from bqsim.errors import invalid
from bqsim.jobs.config import check_labels, range_partitioning, time_partitioning
from bqsim.sql.statements.storage_figures import Figures
from bqsim.types.api_schema import fields_to_api

from .request import Request

if TYPE_CHECKING:
    from bqsim.sql.statements.buffered import Buffered

_TEXTS = {
    "friendlyName": "friendly_name",
    "description": "description",
    "defaultCollation": "default_collation",
}
# Members that tables.insert, update and patch handle by themselves or that a client cannot set.
_HANDLED = frozenset(
    """kind etag id selfLink tableReference schema labels timePartitioning rangePartitioning clustering
    requirePartitionFilter expirationTime view numBytes numPhysicalBytes numLongTermBytes numRows creationTime
    lastModifiedTime type location streamingBuffer snapshotDefinition cloneDefinition materializedViewStatus
    numTimeTravelPhysicalBytes numTotalLogicalBytes numActiveLogicalBytes numLongTermLogicalBytes
    numTotalPhysicalBytes numActivePhysicalBytes numLongTermPhysicalBytes numCurrentPhysicalBytes
    numPartitions""".split()  # noqa: SIM905
)
_SIZES = {
    "numBytes": "total",
    "numTotalLogicalBytes": "total",
    "numActiveLogicalBytes": "active",
    "numLongTermBytes": "long_term",
    "numLongTermLogicalBytes": "long_term",
}
_PHYSICAL_SIZES = {
    "numTotalPhysicalBytes": "total_physical",
    "numActivePhysicalBytes": "active_physical",
    "numLongTermPhysicalBytes": "long_term_physical",
    "numTimeTravelPhysicalBytes": "time_travel",
    "numCurrentPhysicalBytes": "current_physical",
}
# The settings that lists of tables show.
_LISTED = frozenset(("timePartitioning", "rangePartitioning", "clustering", "requirePartitionFilter"))
EMPTY = Figures()


def attributes_from_json(table: Table, body: Mapping[str, Any], now_ms: int) -> Table:
    """``table`` with all but schema and view taken from ``body``; what the body leaves out is cleared."""
    check_labels(body.get("labels"))
    partitioning = body.get("timePartitioning") or {}
    clustering = tuple((body.get("clustering") or {}).get("fields") or ())
    constraints = body.get("tableConstraints") or {}
    changes: dict[str, Any] = {attribute: body.get(name) for name, attribute in _TEXTS.items()}
    kept = {k: v for k, v in body.items() if k not in _HANDLED and k not in _TEXTS and not k.startswith("_")}
    hidden = {k: v for k, v in table.metadata.items() if k.startswith("_")}
    out = replace(
        table,
        labels=dict(body.get("labels") or {}),
        expiration_ms=_expiration(table, body, now_ms),
        time_partitioning=time_partitioning(body.get("timePartitioning")),
        range_partitioning=range_partitioning(body.get("rangePartitioning")),
        require_partition_filter=bool(
            body.get("requirePartitionFilter") or partitioning.get("requirePartitionFilter")
        ),
        clustering=clustering,
        primary_key=tuple((constraints.get("primaryKey") or {}).get("columns") or ()),
        metadata={**kept, **hidden},
        **changes,
    )
    if out.kind is not TableKind.MATERIALIZED_VIEW:
        check_layout(out)
    for column in out.primary_key:
        if out.fields and out.field_index(column.partition(".")[0]) is None:
            raise invalid(f"The field specified for a key cannot be found in the schema. Field: {column}")
    return out


def _expiration(table: Table, body: Mapping[str, Any], now_ms: int) -> int | None:
    given = body.get("expirationTime")
    if given is None:
        return None
    value = int(given)
    if value != table.expiration_ms and 0 < value <= now_ms:
        raise invalid("Invalid value: expirationTime must be in the future", "expirationTime")
    return value or None


def table_to_json(
    table: Table,
    request: Request,
    figures: Figures | None = None,
    view: str | None = None,
    held: Buffered | None = None,
) -> dict[str, Any]:
    """The ``Table`` resource; ``view`` BASIC leaves out what describes the storage, its ``figures``.

    The rows ``held`` in the streaming buffer are told apart from the others.
    """
    ref = table.ref
    out: dict[str, Any] = {
        "kind": "bigquery#table",
        "etag": table.etag,
        "id": ref.api_name,
        "selfLink": request.link(f"projects/{ref.project}/datasets/{ref.dataset}/tables/{ref.table}"),
        "tableReference": ref.to_json(),
    }
    for name, attribute in _TEXTS.items():
        if getattr(table, attribute) is not None:
            out[name] = getattr(table, attribute)
    if table.labels:
        out["labels"] = dict(table.labels)
    if table.fields:
        out["schema"] = {"fields": fields_to_api(table.fields)}
    out.update(settings_json(table))
    given = table.metadata.items()
    out.update((k, v) for k, v in given if not k.startswith("_") and k != "materializedView")
    if table.primary_key:
        constraints = dict(out.get("tableConstraints") or {})
        out["tableConstraints"] = {**constraints, "primaryKey": {"columns": list(table.primary_key)}}
    if view != "BASIC":
        num_rows = rows_shown(table)
        figures = figures or EMPTY
        if held is not None:
            num_rows, figures = num_rows - held.rows, replace(figures, active=figures.active - held.bytes)
            out["streamingBuffer"] = {
                "estimatedRows": str(held.rows),
                "estimatedBytes": str(held.bytes),
                "oldestEntryTime": str(held.oldest_us // 1000),
            }
        out.update((name, str(getattr(figures, attribute))) for name, attribute in _SIZES.items())
        if table.storage is not None:
            out.update((n, str(getattr(figures, attribute))) for n, attribute in _PHYSICAL_SIZES.items())
        if figures.partitions is not None:
            out["numPartitions"] = str(figures.partitions)
        out["numRows"] = str(num_rows)
    out["creationTime"] = str(table.created_ms)
    if table.expiration_ms is not None:
        out["expirationTime"] = str(table.expiration_ms)
    out["lastModifiedTime"] = str(table.modified_ms)
    out["type"] = table.kind.value
    out["location"] = table.location
    return out


def settings_json(table: Table) -> dict[str, Any]:
    """Partitioning, clustering, the view's text and the base of a snapshot."""
    out: dict[str, Any] = {}
    if table.time_partitioning is not None:
        time = table.time_partitioning
        out["timePartitioning"] = {"type": time.type}
        if time.field:
            out["timePartitioning"]["field"] = time.field
        if time.expiration_ms is not None:
            out["timePartitioning"]["expirationMs"] = str(time.expiration_ms)
        if table.require_partition_filter:
            out["timePartitioning"]["requirePartitionFilter"] = True
    if table.range_partitioning is not None:
        ranged = table.range_partitioning
        bounds = {"start": str(ranged.start), "end": str(ranged.end), "interval": str(ranged.interval)}
        out["rangePartitioning"] = {"field": ranged.field, "range": bounds}
    if table.time_partitioning is not None or table.range_partitioning is not None:
        out["requirePartitionFilter"] = table.require_partition_filter
    if table.clustering:
        out["clustering"] = {"fields": list(table.clustering)}
    if table.kind is TableKind.VIEW:
        out["view"] = {"query": table.view_query or "", "useLegacySql": False}
    if table.kind is TableKind.MATERIALIZED_VIEW:
        out.update(_materialized_json(table))
    if table.base_table is not None:
        name, time_name = ("snapshotDefinition", "snapshotTime")
        if table.kind is not TableKind.SNAPSHOT:
            name, time_name = ("cloneDefinition", "cloneTime")
        out[name] = {"baseTableReference": table.base_table.to_json()}
        if table.snapshot_ms is not None:
            out[name][time_name] = rfc3339(table.snapshot_ms)
    return out


def _materialized_json(table: Table) -> dict[str, Any]:
    """What a materialized view is of, and its last refresh."""
    state: Mapping[str, Any] = table.metadata.get("_refresh") or {}
    view = {"enableRefresh": True, "refreshIntervalMs": "1800000"}
    view |= table.metadata.get("materializedView") or {}
    view["query"] = table.view_query or ""
    view.pop("lastRefreshTime", None)
    error = state.get("error")
    if error is not None:
        return {"materializedView": view, "materializedViewStatus": {"lastRefreshStatus": dict(error)}}
    if not state:
        return {"materializedView": view}
    at_ms = state["at_us"] // 1000
    view["lastRefreshTime"] = str(at_ms)
    return {"materializedView": view, "materializedViewStatus": {"refreshWatermark": rfc3339(at_ms)}}


def rfc3339(ms: int) -> str:
    """A time of epoch milliseconds as the API's Timestamp text."""
    from datetime import UTC, datetime, timedelta

    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def table_to_list_json(table: Table) -> dict[str, Any]:
    """The table as ``tables.list`` shows it."""
    out: dict[str, Any] = {
        "kind": "bigquery#table",
        "id": table.ref.api_name,
        "tableReference": table.ref.to_json(),
        "type": table.kind.value,
        "creationTime": str(table.created_ms),
    }
    if table.friendly_name is not None:
        out["friendlyName"] = table.friendly_name
    if table.labels:
        out["labels"] = dict(table.labels)
    if table.expiration_ms is not None:
        out["expirationTime"] = str(table.expiration_ms)
    out.update((name, value) for name, value in settings_json(table).items() if name in _LISTED)
    if table.kind is TableKind.VIEW:
        out["view"] = {"useLegacySql": False}
    return out
