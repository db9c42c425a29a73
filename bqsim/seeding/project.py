"""A real project as its exports show it: datasets, tables with their statistics, views, routines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bqsim.catalog.shadow import WHOLE, ShadowBlock, ShadowStatistics
from bqsim.errors import BigQueryError
from bqsim.types.api_schema import fields_from_api

from .columns import api_field
from .exports import Exports, Row
from .literals import (
    MS_PER_DAY,
    labels_literal,
    partitioning_of_ddl,
    partitioning_of_ids,
    text_literal,
)
from .statistics import Told, statistics_of

Key = tuple[str, str, str]
_FIGURES = (
    "active_logical_bytes", "long_term_logical_bytes", "total_physical_bytes", "active_physical_bytes",
    "long_term_physical_bytes", "time_travel_physical_bytes", "fail_safe_physical_bytes",
    "current_physical_bytes", "total_partitions",
)  # fmt: skip
# What documents of tables call the columns of TABLE_STORAGE.
_DOCUMENT_FIGURES: Mapping[str, str] = {
    "numRows": "total_rows",
    "numBytes": "total_logical_bytes",
    "numActiveLogicalBytes": "active_logical_bytes",
    "numLongTermBytes": "long_term_logical_bytes",
    "numTotalPhysicalBytes": "total_physical_bytes",
    "numActivePhysicalBytes": "active_physical_bytes",
    "numLongTermPhysicalBytes": "long_term_physical_bytes",
    "numTimeTravelPhysicalBytes": "time_travel_physical_bytes",
    "numCurrentPhysicalBytes": "current_physical_bytes",
    "numPartitions": "total_partitions",
}
_NONE = frozenset({None, "", "NULL", "null"})
# Options of TABLE_OPTIONS: the member of the resource, and how its value is read.
_OPTIONS: Mapping[str, tuple[str, Any]] = {
    "description": ("description", text_literal),
    "friendly_name": ("friendlyName", text_literal),
    "labels": ("labels", labels_literal),
    "require_partition_filter": ("requirePartitionFilter", lambda v: str(v).lower() == "true"),
}
# Members of API documents that a simulator takes.
_KEPT = (
    "schema", "description", "friendlyName", "labels", "timePartitioning", "rangePartitioning", "clustering",
    "requirePartitionFilter", "tableConstraints", "defaultCollation",
)  # fmt: skip
_OF_DATASETS = ("description", "friendlyName", "labels", "location", "defaultCollation")


@dataclass(slots=True)
class ImportedTable:
    """``body`` are members of the API's resource; no ``statistics``: it has no rows of its own."""

    body: dict[str, Any]
    statistics: ShadowStatistics | None = None


@dataclass(slots=True)
class Project:
    """What is imported, by (project, dataset, name). ``notes`` tell what is not as it is there."""

    datasets: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    tables: dict[Key, ImportedTable] = field(default_factory=dict)
    views: dict[Key, dict[str, Any]] = field(default_factory=dict)
    routines: dict[Key, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def assemble(exports: Exports, generate: int | None = None) -> Project:
    """The project that exports are of. ``generate`` is how many rows its tables make when they are read."""
    return _Assembly(exports, generate).project()


class _Assembly:
    def __init__(self, exports: Exports, generate: int | None) -> None:
        self._exports = exports
        self._generate = generate
        self._found = Project()
        self._options = self._by_table("TABLE_OPTIONS")
        self._columns = self._by_table("COLUMNS")
        self._paths = self._by_table("COLUMN_FIELD_PATHS")
        self._partitions = self._by_table("PARTITIONS")
        self._storage = {key: rows[-1] for key, rows in self._by_table("TABLE_STORAGE").items()}
        self._bytes = self._by_table("COLUMN_BYTES")
        self._blocks = self._by_table("BLOCKS")
        self._keys = self._by_table("KEY_COLUMN_USAGE")
        for row in exports.get("__TABLES__", ()):
            key = (str(row.get("project_id") or ""), str(row["dataset_id"]), str(row["table_id"]))
            told = {"total_rows": row["row_count"], "total_logical_bytes": row["size_bytes"]}
            self._storage.setdefault(key, told)

    def _by_table(self, view: str) -> dict[Key, list[Row]]:
        found: dict[Key, list[Row]] = {}
        for row in self._exports.get(view, ()):
            found.setdefault(_key(row), []).append(row)
        return found

    def project(self) -> Project:
        given = self._exports.get("SCHEMATA_OPTIONS", ())
        for row in self._exports.get("SCHEMATA", ()):
            body = _with_options(o for o in given if o["schema_name"] == row["schema_name"])
            body["location"] = row["location"]
            self._found.datasets[_text(row, "catalog_name"), str(row["schema_name"])] = body
        for document in self._exports.get("dataset", ()):
            reference = document["datasetReference"]
            body = {name: document[name] for name in _OF_DATASETS if name in document}
            self._found.datasets[reference.get("projectId", ""), reference["datasetId"]] = body
        for document in self._exports.get("table", ()):
            self._document(document)
        types = {_key(row): row for row in self._exports.get("TABLES", ())}
        views = {_key(row): row for row in self._exports.get("VIEWS", ())}
        for key in sorted(types.keys() | self._columns.keys()):
            if key in self._found.tables or key in self._found.views:
                continue
            row = types.get(key, {})
            kind = str(row.get("table_type") or ("VIEW" if key in views else "BASE TABLE"))
            if kind == "VIEW":
                self._view(key, row, views.get(key))
            else:
                self._table(key, row, kind)
        for row in self._exports.get("ROUTINES", ()):
            name = (_text(row, "routine_catalog"), str(row["routine_schema"]), str(row["routine_name"]))
            self._found.routines[name] = str(row["ddl"])
        if self._exports.get("routine"):
            self._found.notes.append("routines come from the view ROUTINES; their documents were passed over")
        return self._found

    # Tables

    def _table(self, key: Key, row: Row, kind: str) -> None:
        ddl = str(row.get("ddl") or "")
        columns = sorted(self._columns.get(key, ()), key=lambda c: _integer(c.get("ordinal_position")))
        shown = [c for c in columns if str(c.get("is_hidden")).upper() not in ("YES", "TRUE")]
        if not shown:
            self._found.notes.append(f"{_name(key)} was left out: COLUMNS has no columns of it")
            return
        body: dict[str, Any] = {"schema": {"fields": [self._field(key, c) for c in shown]}}
        body |= _with_options(self._options.get(key, ()))
        body |= self._partitioning(key, columns, ddl)
        clustered = [c for c in shown if c.get("clustering_ordinal_position") not in _NONE]
        clustered.sort(key=lambda c: _integer(c["clustering_ordinal_position"]))
        if clustered:
            body["clustering"] = {"fields": [str(c["column_name"]) for c in clustered]}
        keys = self._primary_key(key)
        if keys:
            body["tableConstraints"] = {"primaryKey": {"columns": keys}}
        expiration = _option(self._options.get(key, ()), "partition_expiration_days")
        if expiration is not None and "timePartitioning" in body:
            body["timePartitioning"]["expirationMs"] = str(round(float(expiration) * MS_PER_DAY))
        if kind not in ("BASE TABLE", "CLONE", "SNAPSHOT"):
            self._found.notes.append(f"{_name(key)} is a table here, there it is of the type {kind}")
        self._add(key, body, kind != "EXTERNAL")

    def _add(self, key: Key, body: dict[str, Any], stored: bool, document: Row | None = None) -> None:
        try:
            fields = fields_from_api(body["schema"]["fields"])
        except BigQueryError as error:
            self._found.notes.append(f"{_name(key)} was left out: {error.message}")
            return
        statistics = None
        told = self._told(key, document) if stored else None
        if told is not None:
            partitioned = "timePartitioning" in body or "rangePartitioning" in body
            statistics = statistics_of(fields, told, partitioned=partitioned)
        elif stored:
            text = f"{_name(key)} has no statistics: neither TABLE_STORAGE nor PARTITIONS has it"
            self._found.notes.append(text)
        self._found.tables[key] = ImportedTable(body, statistics)

    def _field(self, key: Key, column: Row) -> dict[str, Any]:
        name = str(column["column_name"])
        body = api_field(name, str(column["data_type"]))
        if str(column.get("is_nullable")).upper() == "NO" and body.get("mode") != "REPEATED":
            body["mode"] = "REQUIRED"
        for view, member in (("column_default", "defaultValueExpression"), ("collation_name", "collation")):
            if column.get(view) not in _NONE:
                body[member] = str(column[view])
        for path in self._paths.get(key, ()):
            if path["column_name"] == name:
                _describe(body, str(path["field_path"]).split("."), path)
        return body

    def _partitioning(self, key: Key, columns: Iterable[Row], ddl: str) -> dict[str, Any]:
        found = partitioning_of_ddl(ddl)
        if found:
            return found
        ids = [str(p["partition_id"]) for p in self._partitions.get(key, ())]
        for column in columns:
            if str(column.get("is_partitioning_column")).upper() in ("YES", "TRUE"):
                return partitioning_of_ids(str(column["column_name"]), str(column["data_type"]), ids)
        return {}

    def _primary_key(self, key: Key) -> list[str]:
        rows = [r for r in self._keys.get(key, ()) if str(r["constraint_name"]).endswith("pk$")]
        rows.sort(key=lambda r: _integer(r["ordinal_position"]))
        return [str(r["column_name"]) for r in rows]

    def _told(self, key: Key, document: Row | None = None) -> Told | None:
        """What is known of the size of a table; None when nothing is."""
        storage = self._storage.get(key)
        parts = [p for p in self._partitions.get(key, ()) if p.get("partition_id") not in _NONE]
        whole = [p for p in self._partitions.get(key, ()) if p.get("partition_id") in _NONE]
        if storage is None and whole:
            storage = whole[0]
        if storage is None and document is not None and "numBytes" in document:
            storage = {view: document.get(member) for member, view in _DOCUMENT_FIGURES.items()}
        if storage is None and not parts:
            return None
        storage = storage or {}
        partitions = {
            str(p["partition_id"]): (
                _integer(p.get("total_rows")),
                _integer(p.get("total_logical_bytes")),
                _micros(p.get("last_modified_time")),
            )
            for p in parts
        }
        return Told(
            rows=_maybe(storage.get("total_rows")),
            bytes=_maybe(storage.get("total_logical_bytes")),
            columns={str(c["column_name"]): _integer(c["logical_bytes"]) for c in self._bytes.get(key, ())},
            partitions=partitions or None,
            figures={name: _integer(storage[name]) for name in _FIGURES if storage.get(name) not in _NONE},
            changed_us=_micros(storage.get("storage_last_modified_time")),
            generate=self._generate,
            blocks=_blocks(self._blocks.get(key, ())),
        )

    # Documents of the API

    def _document(self, document: Row) -> None:
        reference = document["tableReference"]
        key = (str(reference.get("projectId") or ""), str(reference["datasetId"]), str(reference["tableId"]))
        body = {name: document[name] for name in _KEPT if name in document}
        kind = str(document.get("type") or "TABLE")
        if kind == "VIEW":
            view = document["view"]
            query = {"query": view["query"], "useLegacySql": view.get("useLegacySql", False)}
            described = ("description", "friendlyName", "labels")
            self._found.views[key] = {"view": query, **{n: body[n] for n in described if n in body}}
            return
        if not (document.get("schema") or {}).get("fields"):
            self._found.notes.append(f"{_name(key)} was left out: its document has no schema")
            return
        if kind not in ("TABLE", "SNAPSHOT"):
            self._found.notes.append(f"{_name(key)} is a table here, there it is of the type {kind}")
        self._add(key, body, kind != "EXTERNAL", document)

    def _view(self, key: Key, row: Row, view: Row | None) -> None:
        if view is None or view.get("view_definition") in _NONE:
            self._found.notes.append(f"{_name(key)} was left out: VIEWS has no definition of it")
            return
        legacy = str(view.get("use_standard_sql") or "YES").upper() in ("NO", "FALSE")
        body = {"view": {"query": str(view["view_definition"]), "useLegacySql": legacy}}
        self._found.views[key] = body | _with_options(self._options.get(key, ()))


def _blocks(rows: Iterable[Row]) -> dict[str, list[ShadowBlock]]:
    """The blocks of a table, of rows of each column of each of them."""
    found: dict[tuple[str, int], dict[str, tuple[Any, Any, int]]] = {}
    sizes: dict[tuple[str, int], int] = {}
    for row in rows:
        id_ = row.get("partition_id")
        block = WHOLE if id_ in _NONE else str(id_), _integer(row["block_number"])
        low, high = (None if row[end] in _NONE else row[end] for end in ("min_value", "max_value"))
        found.setdefault(block, {})[str(row["column_name"])] = low, high, _integer(row.get("null_count"))
        sizes[block] = _integer(row["logical_bytes"])
    blocks: dict[str, list[ShadowBlock]] = {}
    for id_number in sorted(found):
        blocks.setdefault(id_number[0], []).append(ShadowBlock(sizes[id_number], found[id_number]))
    return blocks


def _describe(body: dict[str, Any], path: list[str], row: Row) -> None:
    """Add the description and policy tags of a column or a field in it."""
    for name in path[1:]:
        inner = next((f for f in body.get("fields", ()) if f["name"] == name), None)
        if inner is None:
            return
        body = inner
    if row.get("description") not in _NONE:
        body["description"] = str(row["description"])
    tags = row.get("policy_tags")
    if isinstance(tags, list) and tags:
        body["policyTags"] = {"names": [str(t) for t in tags]}


def _with_options(options: Iterable[Row]) -> dict[str, Any]:
    given = {str(o["option_name"]): o["option_value"] for o in options}
    return {
        member: read(given[name])
        for name, (member, read) in _OPTIONS.items()
        if name in given and given[name] not in _NONE
    }


def _option(options: Iterable[Row], name: str) -> str | None:
    return next((str(o["option_value"]) for o in options if o["option_name"] == name), None)


def _key(row: Row) -> Key:
    project = _text(row, "table_catalog") or _text(row, "project_id")
    return project, str(row["table_schema"]), str(row["table_name"])


def _name(key: Key) -> str:
    return f"{key[1]}.{key[2]}"


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value in _NONE else str(value)


def _integer(value: Any) -> int:
    return 0 if value in _NONE else int(value)


def _maybe(value: Any) -> int | None:
    return None if value in _NONE else int(value)


def _micros(value: Any) -> int:
    """Epoch microseconds of a time as exports write it: a text, seconds, or a datetime."""
    if value in _NONE:
        return 0
    if isinstance(value, int | float):
        return int(value * 1_000_000)
    if not isinstance(value, dt.datetime):
        text = str(value).replace(" UTC", "+00:00")
        try:
            value = dt.datetime.fromisoformat(text)
        except ValueError:
            return int(float(text) * 1_000_000) if text.replace(".", "", 1).isdigit() else 0
    moment: dt.datetime = value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
