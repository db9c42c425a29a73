"""Tables, views, materialized views, snapshots and external tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .attributes import Attribute, integer, moment, read, write
from .references import TableReference
from .schema import Schema


@dataclass(frozen=True, slots=True)
class TimePartitioning:
    """Partitions by HOUR, DAY, MONTH or YEAR of a column; of when rows came where ``field`` is ``None``."""

    type: str = "DAY"
    field: str | None = None
    expiration_ms: int | None = None

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> TimePartitioning:
        """From the API's ``TimePartitioning``."""
        expiration = data.get("expirationMs")
        return cls(data.get("type", "DAY"), data.get("field"), int(expiration) if expiration else None)

    def to_api(self) -> dict[str, Any]:
        """As the API has it."""
        found: dict[str, Any] = {"type": self.type}
        if self.field:
            found["field"] = self.field
        if self.expiration_ms is not None:
            found["expirationMs"] = str(self.expiration_ms)
        return found


@dataclass(frozen=True, slots=True)
class RangePartitioning:
    """Partitions of ``interval`` integers each, from ``start`` up to ``end``."""

    field: str
    start: int
    end: int
    interval: int

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> RangePartitioning:
        """From the API's ``RangePartitioning``."""
        span = data["range"]
        return cls(data["field"], int(span["start"]), int(span["end"]), int(span["interval"]))

    def to_api(self) -> dict[str, Any]:
        """As the API has it."""
        span = {"start": str(self.start), "end": str(self.end), "interval": str(self.interval)}
        return {"field": self.field, "range": span}


@dataclass(frozen=True, slots=True)
class StreamingBuffer:
    """Rows that came by streaming and are not in storage yet: the service's estimates."""

    rows: int
    bytes: int
    oldest: datetime | None = None

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> StreamingBuffer:
        """From the API's ``Streamingbuffer``."""
        oldest = read((moment("at", "oldestEntryTime"),), data).get("at")
        return cls(int(data.get("estimatedRows", 0)), int(data.get("estimatedBytes", 0)), oldest)


def _view(query: str) -> dict[str, Any]:
    return {"query": query, "useLegacySql": False}


def _query(view: Mapping[str, Any]) -> str | None:
    return view.get("query")


# What may be given when a table is made or changed.
WRITABLE = (
    Attribute("schema", "schema", Schema.from_api, lambda given: Schema.of(given).to_api()),
    Attribute("friendly_name", "friendlyName"),
    Attribute("description", "description"),
    Attribute("labels", "labels", dict, dict),
    moment("expires", "expirationTime"),
    Attribute("time_partitioning", "timePartitioning", TimePartitioning.from_api, TimePartitioning.to_api),
    Attribute(
        "range_partitioning", "rangePartitioning", RangePartitioning.from_api, RangePartitioning.to_api
    ),
    Attribute(
        "clustering", "clustering", lambda c: tuple(c.get("fields") or ()), lambda c: {"fields": list(c)}
    ),
    Attribute("require_partition_filter", "requirePartitionFilter"),
    Attribute("view_query", "view", _query, _view),
    Attribute("materialized_view_query", "materializedView", _query, lambda query: {"query": query}),
    Attribute("external", "externalDataConfiguration", dict, dict),
    Attribute("encryption", "encryptionConfiguration", dict, dict),
    Attribute("constraints", "tableConstraints", dict, dict),
    Attribute("default_collation", "defaultCollation"),
    Attribute("max_staleness", "maxStaleness"),
)
_READ = (
    *WRITABLE,
    Attribute("kind", "type"),
    Attribute("location", "location"),
    Attribute("etag", "etag"),
    integer("rows", "numRows"),
    integer("bytes", "numBytes"),
    integer("long_term_bytes", "numLongTermBytes"),
    moment("created", "creationTime"),
    moment("modified", "lastModifiedTime"),
    Attribute("streaming_buffer", "streamingBuffer", StreamingBuffer.from_api),
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was read; ``kind`` is the API's type (TABLE, VIEW, …), ``raw`` all that the API said."""

    reference: TableReference
    schema: Schema = field(default_factory=Schema)
    kind: str = "TABLE"
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    expires: datetime | None = None
    time_partitioning: TimePartitioning | None = None
    range_partitioning: RangePartitioning | None = None
    clustering: tuple[str, ...] = ()
    require_partition_filter: bool = False
    view_query: str | None = None
    materialized_view_query: str | None = None
    external: Mapping[str, Any] | None = None
    encryption: Mapping[str, Any] | None = None
    constraints: Mapping[str, Any] | None = None
    default_collation: str | None = None
    max_staleness: str | None = None
    location: str | None = None
    etag: str | None = None
    rows: int | None = None
    bytes: int | None = None
    long_term_bytes: int | None = None
    created: datetime | None = None
    modified: datetime | None = None
    streaming_buffer: StreamingBuffer | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Table:
        """From the API's ``Table``."""
        return cls(TableReference.from_api(data["tableReference"]), **read(_READ, data), raw=data)


def table_body(given: Mapping[str, Any]) -> dict[str, Any]:
    """The API's form of keywords. Raises UsageError for one that is not known."""
    return write(WRITABLE, given, "A table")
