"""What a seed file says: datasets with their tables, rows, views, routines and policies, and SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from bqsim.sim.scenario import kinds as k
from bqsim.sim.scenario.shapes import Free

FORMATS = ("csv", "ndjson", "parquet", "avro", "orc")

Name = Annotated[str, k.NAME]
Text = Annotated[str, k.TEXT]
Labels = Mapping[Name, Text]
Flag = Annotated[bool, k.FLAG]
UNIT = k.word("unit of partitions", ("HOUR", "DAY", "MONTH", "YEAR"))
FORMAT = k.word("format", FORMATS)
LANGUAGE_TYPES = "a type as GoogleSQL writes it: INT64, STRING(10), ARRAY<STRING>, NUMERIC NOT NULL"
_OBJECT: dict[str, Any] = {"type": "object"}
SCHEMA = Free(
    {
        "description": f"Columns by name, each {LANGUAGE_TYPES}; or a list of fields as the API has them.",
        "anyOf": [
            {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, _OBJECT]}},
            {"type": "array", "items": _OBJECT},
        ],
    }
)
ROWS = Free({"type": "array", "items": {"type": "object"}})
OPTIONS = Free({"type": "object", "description": "Members of configuration.load, as the API has them."})
GENERATE = Free(
    {
        "description": "How many rows to make, or {rows, columns, null_share} as bqsim generate takes them.",
        "anyOf": [{"type": "integer", "minimum": 0}, _OBJECT],
    }
)
_BLOCKS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "bytes": {"type": "integer", "minimum": 0},
            "columns": {
                "type": "object",
                "description": "Least and greatest value of clustering columns, and how many are NULL.",
                "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 3},
            },
        },
        "required": ["bytes", "columns"],
        "additionalProperties": False,
    },
}
STATISTICS = Free(
    {
        "type": "object",
        "description": "Makes a shadow table: these sizes, no rows.",
        "properties": {
            "rows": {"type": "integer", "minimum": 0},
            "bytes": {"type": "integer", "minimum": 0},
            "columns": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
            "partitions": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {"rows": {"type": "integer"}, "bytes": {"type": "integer"}},
                    "additionalProperties": False,
                },
            },
            "generate_rows": {"type": "integer", "minimum": 0},
            "blocks": {
                "description": "Blocks of a clustered table, by partition id if it is partitioned.",
                "anyOf": [_BLOCKS, {"type": "object", "additionalProperties": _BLOCKS}],
            },
        },
        "additionalProperties": False,
    }
)


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How a table is partitioned: by a column's time unit, by ingestion time without a column, or by ranges
    of an integer column.
    """

    principal: ClassVar[str] = "field"
    field: Name | None = None
    type: Annotated[str, UNIT] = "DAY"
    expiration_s: Annotated[float, k.SPAN] | None = None
    start: Annotated[int, k.COUNT] | None = None
    end: Annotated[int, k.COUNT] | None = None
    interval: Annotated[int, k.ORDINAL] | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """Files of rows: a path or pattern, relative to the seed file; the format follows from the name."""

    principal: ClassVar[str] = "path"
    path: Name
    format: Annotated[str, FORMAT] | None = None
    options: Annotated[Any, OPTIONS] = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A row access policy: the grantees see the rows for which 'filter' holds."""

    name: Name
    filter: Name
    grantees: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, and where its rows come from."""

    description: Text | None = None
    friendly_name: Text | None = None
    labels: Labels = field(default_factory=dict)
    schema: Annotated[Any, SCHEMA] = None
    partition_by: Partitioning | None = None
    cluster_by: tuple[Name, ...] = ()
    require_partition_filter: Flag = False
    primary_key: tuple[Name, ...] = ()
    expiration_s: Annotated[float, k.SPAN] | None = None
    rows: Annotated[Any, ROWS] = None
    files: tuple[Files, ...] = ()
    generate: Annotated[Any, GENERATE] = None
    statistics: Annotated[Any, STATISTICS] = None
    policies: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A view of a query in GoogleSQL."""

    principal: ClassVar[str] = "query"
    query: Name
    materialized: Flag = False
    description: Text | None = None
    friendly_name: Text | None = None
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Routine:
    """A function or procedure: its whole CREATE statement, which names it relative to the dataset."""

    principal: ClassVar[str] = "sql"
    sql: Name


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset and what is in it."""

    description: Text | None = None
    friendly_name: Text | None = None
    labels: Labels = field(default_factory=dict)
    location: Name | None = None
    default_table_expiration_s: Annotated[float, k.SPAN] | None = None
    default_partition_expiration_s: Annotated[float, k.SPAN] | None = None
    default_collation: Text | None = None
    tables: Mapping[Name, Table] = field(default_factory=dict)
    views: Mapping[Name, View] = field(default_factory=dict)
    routines: Mapping[Name, Routine] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Script:
    """SQL to run at the end: a text, or a file with one."""

    principal: ClassVar[str] = "text"
    text: Name | None = None
    file: Name | None = None


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed file of bqsim."""

    project: Name | None = None
    location: Name | None = None
    datasets: Mapping[Name, Dataset] = field(default_factory=dict)
    sql: tuple[Script, ...] = ()
