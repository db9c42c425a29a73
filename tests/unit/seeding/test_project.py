from __future__ import annotations

from bqsim.catalog.shadow import Accuracy
from bqsim.seeding.exports import Exports
from bqsim.seeding.project import assemble

_T = {"table_catalog": "p", "table_schema": "d", "table_name": "t"}
_DDL = "CREATE TABLE `p.d.t`\n(\n  id INT64 NOT NULL\n)\nPARTITION BY DATE(at)\nCLUSTER BY id;"
EXPORTS: Exports = {
    "SCHEMATA": [{"catalog_name": "p", "schema_name": "d", "location": "EU"}],
    "SCHEMATA_OPTIONS": [{"schema_name": "d", "option_name": "description", "option_value": '"The data"'}],
    "TABLES": [
        {**_T, "table_type": "BASE TABLE", "ddl": _DDL},
        {**_T, "table_name": "v", "table_type": "VIEW"},
        {**_T, "table_name": "lost", "table_type": "BASE TABLE"},
    ],
    "COLUMNS": [
        {**_T, "column_name": "at", "ordinal_position": "2", "data_type": "TIMESTAMP", "is_nullable": "YES",
         "is_hidden": "NO", "column_default": "CURRENT_TIMESTAMP()"},
        {**_T, "column_name": "id", "ordinal_position": "1", "data_type": "INT64", "is_nullable": "NO",
         "is_hidden": "NO", "clustering_ordinal_position": "1", "column_default": "NULL"},
        {**_T, "column_name": "s", "ordinal_position": "3", "data_type": "STRUCT<a STRING>",
         "is_nullable": "YES", "is_hidden": "NO"},
        {**_T, "column_name": "_PARTITIONTIME", "data_type": "TIMESTAMP", "is_hidden": "YES"},
    ],
    "COLUMN_FIELD_PATHS": [
        {**_T, "column_name": "s", "field_path": "s.a", "data_type": "STRING", "description": "inner",
         "policy_tags": ["tag"]},
        {**_T, "column_name": "id", "field_path": "id", "data_type": "INT64", "description": "The id"},
    ],
    "TABLE_OPTIONS": [
        {**_T, "option_name": "labels", "option_value": '[STRUCT("a", "b")]'},
        {**_T, "option_name": "partition_expiration_days", "option_value": "30.5"},
        {**_T, "option_name": "require_partition_filter", "option_value": "true"},
    ],
    "KEY_COLUMN_USAGE": [{**_T, "constraint_name": "t.pk$", "column_name": "id", "ordinal_position": "1"}],
    "VIEWS": [{**_T, "table_name": "v", "view_definition": "SELECT 1 AS n", "use_standard_sql": "YES"}],
    "ROUTINES": [{"routine_catalog": "p", "routine_schema": "d", "routine_name": "f", "ddl": "CREATE…"}],
    "PARTITIONS": [
        {**_T, "partition_id": "20260101", "total_rows": "10", "total_logical_bytes": "300",
         "last_modified_time": "2026-01-02 00:00:00.5 UTC"},
        {**_T, "partition_id": "__NULL__", "total_rows": 5, "total_logical_bytes": 100,
         "last_modified_time": None},
    ],
    "TABLE_STORAGE": [
        {"project_id": "p", "table_schema": "d", "table_name": "t", "total_rows": "15",
         "total_logical_bytes": "400", "active_logical_bytes": "300", "long_term_logical_bytes": "100"}
    ],
}  # fmt: skip


def test_a_table_of_views_of_information_schema() -> None:
    project = assemble(EXPORTS, generate=9)
    assert project.datasets == {("p", "d"): {"description": "The data", "location": "EU"}}
    table = project.tables["p", "d", "t"]
    assert table.body == {
        "schema": {
            "fields": [
                {"name": "id", "type": "INTEGER", "mode": "REQUIRED", "description": "The id"},
                {
                    "name": "at",
                    "type": "TIMESTAMP",
                    "mode": "NULLABLE",
                    "defaultValueExpression": "CURRENT_TIMESTAMP()",
                },
                {
                    "name": "s",
                    "type": "RECORD",
                    "mode": "NULLABLE",
                    "fields": [
                        {
                            "name": "a",
                            "type": "STRING",
                            "mode": "NULLABLE",
                            "description": "inner",
                            "policyTags": {"names": ["tag"]},
                        }
                    ],
                },
            ]
        },
        "labels": {"a": "b"},
        "requirePartitionFilter": True,
        "timePartitioning": {"type": "DAY", "field": "at", "expirationMs": "2635200000"},
        "clustering": {"fields": ["id"]},
        "tableConstraints": {"primaryKey": {"columns": ["id"]}},
    }
    shadow = table.statistics
    assert shadow is not None
    assert shadow.parts == {"20260101": (10, 300, 1767312000500000), "__NULL__": (5, 100, 0)}
    assert (shadow.rows, shadow.bytes, shadow.generate) == (15, 400, 9)
    assert shadow.figures == {"active_logical_bytes": 300, "long_term_logical_bytes": 100}
    assert shadow.accuracy_of(["id"]) is Accuracy.PRECISE
    assert project.views == {("p", "d", "v"): {"view": {"query": "SELECT 1 AS n", "useLegacySql": False}}}
    assert project.routines == {("p", "d", "f"): "CREATE…"}
    assert project.notes == ["d.lost was left out: COLUMNS has no columns of it"]


def test_bytes_of_columns_are_taken_as_told() -> None:
    told = [
        {**_T, "column_name": "id", "logical_bytes": "120"},
        {**_T, "column_name": "s", "logical_bytes": "160"},
    ]
    shadow = assemble({**EXPORTS, "COLUMN_BYTES": told}).tables["p", "d", "t"].statistics
    assert shadow is not None
    # Nothing is left of the total: no value of the other column is NULL.
    assert (shadow.columns, shadow.accuracies) == ({"id": 120, "at": 120, "s": 160}, {})


def test_documents_of_the_api() -> None:
    reference = {"projectId": "p", "datasetId": "d"}
    fields = {"fields": [{"name": "id", "type": "INTEGER"}]}
    named = {"tableReference": {**reference, "tableId": "t"}, "schema": fields}
    exports: Exports = {
        "dataset": [{"datasetReference": reference, "location": "US", "etag": "x", "labels": {"a": "b"}}],
        "table": [
            {**named, "type": "TABLE", "numRows": "5", "numBytes": "40", "etag": "x", "description": "T"},
            {
                **named,
                "tableReference": {**reference, "tableId": "m"},
                "type": "MATERIALIZED_VIEW",
                "numBytes": "8",
            },
            {**named, "tableReference": {**reference, "tableId": "e"}, "type": "EXTERNAL", "numBytes": "0"},
            {"tableReference": {**reference, "tableId": "v"}, "type": "VIEW", "view": {"query": "SELECT 1"}},
        ],
    }
    project = assemble(exports)
    assert project.datasets == {("p", "d"): {"labels": {"a": "b"}, "location": "US"}}
    table = project.tables["p", "d", "t"]
    assert table.body == {"schema": fields, "description": "T"}
    assert table.statistics is not None and (table.statistics.rows, table.statistics.bytes) == (5, 40)
    assert project.tables["p", "d", "m"].statistics is not None
    assert project.tables["p", "d", "e"].statistics is None
    assert project.views["p", "d", "v"]["view"] == {"query": "SELECT 1", "useLegacySql": False}
    assert project.notes == [
        "d.m is a table here, there it is of the type MATERIALIZED_VIEW",
        "d.e is a table here, there it is of the type EXTERNAL",
    ]


def test_tables_without_statistics_are_told() -> None:
    exports = {"COLUMNS": [{**_T, "column_name": "id", "data_type": "INT64"}]}
    project = assemble(exports)
    assert project.tables["p", "d", "t"].statistics is None
    assert project.notes == ["d.t has no statistics: neither TABLE_STORAGE nor PARTITIONS has it"]


def test_sizes_of_the_old_view() -> None:
    sizes = {"project_id": "p", "dataset_id": "d", "table_id": "t", "row_count": "3", "size_bytes": "24"}
    exports = {"COLUMNS": [{**_T, "column_name": "id", "data_type": "INT64"}], "__TABLES__": [sizes]}
    shadow = assemble(exports).tables["p", "d", "t"].statistics
    assert shadow is not None and (shadow.rows, shadow.bytes) == (3, 24)


def test_figures_of_a_document() -> None:
    document = {
        "tableReference": {"projectId": "p", "datasetId": "d", "tableId": "t"},
        "schema": {"fields": [{"name": "n", "type": "INTEGER"}]},
        "timePartitioning": {"type": "DAY"},
        "numRows": "10",
        "numBytes": "80",
        "numLongTermBytes": "30",
        "numTimeTravelPhysicalBytes": "4",
        "numPartitions": "7",
    }
    exports: Exports = {"table": [document]}
    statistics = assemble(exports).tables["p", "d", "t"].statistics
    assert statistics is not None
    assert statistics.figures == {
        "long_term_logical_bytes": 30,
        "time_travel_physical_bytes": 4,
        "total_partitions": 7,
    }


def test_blocks_of_clustered_tables() -> None:
    row = {**_T, "partition_id": "20260101", "column_name": "id", "null_count": None}
    blocks = [
        {**row, "block_number": "2", "min_value": "5", "max_value": "9", "logical_bytes": "200"},
        {**row, "block_number": "1", "min_value": "", "max_value": None, "logical_bytes": "100"},
    ]
    statistics = assemble({**EXPORTS, "BLOCKS": blocks}).tables["p", "d", "t"].statistics
    assert statistics is not None
    first, second = statistics.blocks["20260101"]
    assert (first.bytes, first.ends) == (100, {"id": (None, None, 0)})
    assert (second.bytes, second.ends) == (200, {"id": ("5", "9", 0)})
