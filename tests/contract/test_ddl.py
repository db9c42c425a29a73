"""Statements of the DDL and DML reference through Google's client: what is told afterwards, and errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

import bqsim

pytestmark = pytest.mark.fidelity(
    "statement:CREATE TABLE, statement:ALTER TABLE, fields:Job: status", "exact"
)


@pytest.fixture(scope="module")
def client() -> Iterator[bigquery.Client]:
    with bqsim.start(project="p") as running:
        client = running.client()
        client.create_dataset("d")
        yield client
        client.close()


@pytest.fixture
def fresh(client: bigquery.Client) -> bigquery.Client:
    """The client of a project whose only dataset is an empty ``d``."""
    for dataset in client.list_datasets():
        client.delete_dataset(dataset.reference, delete_contents=True)
    client.create_dataset("d")
    return client


def run(client: bigquery.Client, *statements: str) -> bigquery.QueryJob:
    for sql in statements:
        job = client.query(sql)
        job.result()
    return job


def rows(client: bigquery.Client, sql: str) -> list[list[Any]]:
    return [list(row.values()) for row in client.query_and_wait(sql)]


def resource(client: bigquery.Client, name: str = "t") -> dict[str, Any]:
    found: dict[str, Any] = client.get_table(f"p.d.{name}").to_api_repr()
    return found


def at(tree: Any, path: str) -> Any:
    """A member of a resource: ``schema.fields.0.name``."""
    for key in path.split("."):
        tree = tree[int(key)] if isinstance(tree, list) else tree.get(key)
        if tree is None:
            return None
    return tree


T = "CREATE TABLE d.t (a INT64, b STRING)"
NESTED = "CREATE TABLE d.t (a INT64, s STRUCT<x INT64, y ARRAY<STRUCT<z STRING>>>)"
DAYS = "CREATE TABLE d.t (a INT64, day DATE) PARTITION BY day"

# (statements before, the statement, the table, member of its resource -> value)
TOLD: list[tuple[list[str], str, str, dict[str, Any]]] = [
    # CREATE TABLE
    ([], T, "t", {"type": "TABLE", "numRows": "0", "schema.fields.1.type": "STRING"}),
    (
        [],
        "CREATE TABLE d.t (a INT64 NOT NULL OPTIONS (description='k'))",
        "t",
        {"schema.fields.0.mode": "REQUIRED", "schema.fields.0.description": "k"},
    ),
    (
        [],
        "CREATE TABLE d.t (a STRING(5), n NUMERIC(10, 2), b BYTES(3))",
        "t",
        {
            "schema.fields.0.maxLength": "5",
            "schema.fields.1.precision": "10",
            "schema.fields.1.scale": "2",
            "schema.fields.2.maxLength": "3",
        },
    ),
    (
        [],
        "CREATE TABLE d.t (a TIMESTAMP DEFAULT CURRENT_TIMESTAMP(), b STRING DEFAULT 'x')",
        "t",
        {
            "schema.fields.0.defaultValueExpression": "CURRENT_TIMESTAMP()",
            "schema.fields.1.defaultValueExpression": "'x'",
        },
    ),
    ([], "CREATE TABLE d.t (a STRING COLLATE 'und:ci')", "t", {"schema.fields.0.collation": "und:ci"}),
    (
        [],
        "CREATE TABLE d.t (a STRING) DEFAULT COLLATE 'und:ci'",
        "t",
        {"defaultCollation": "und:ci", "schema.fields.0.collation": "und:ci"},
    ),
    ([], DAYS, "t", {"timePartitioning.type": "DAY", "timePartitioning.field": "day"}),
    (
        [],
        "CREATE TABLE d.t (m TIMESTAMP) PARTITION BY TIMESTAMP_TRUNC(m, HOUR)",
        "t",
        {"timePartitioning.type": "HOUR"},
    ),
    (
        [],
        "CREATE TABLE d.t (m DATE) PARTITION BY DATE_TRUNC(m, MONTH) CLUSTER BY m",
        "t",
        {"timePartitioning.type": "MONTH", "clustering.fields": ["m"]},
    ),
    (
        [],
        "CREATE TABLE d.t (m DATETIME) PARTITION BY DATETIME_TRUNC(m, YEAR)",
        "t",
        {"timePartitioning.type": "YEAR"},
    ),
    (
        [],
        "CREATE TABLE d.t (a INT64) PARTITION BY _PARTITIONDATE",
        "t",
        {"timePartitioning.type": "DAY", "timePartitioning.field": None},
    ),
    (
        [],
        "CREATE TABLE d.t (a INT64) PARTITION BY RANGE_BUCKET(a, GENERATE_ARRAY(0, 100, 10))",
        "t",
        {
            "rangePartitioning.field": "a",
            "rangePartitioning.range": {"start": "0", "end": "100", "interval": "10"},
        },
    ),
    (
        [],
        f"{DAYS} OPTIONS (partition_expiration_days=3, require_partition_filter=true)",
        "t",
        {"timePartitioning.expirationMs": "259200000", "requirePartitionFilter": True},
    ),
    (
        [],
        f"{T} OPTIONS (friendly_name='f', description='d', labels=[('k', 'v')])",
        "t",
        {"friendlyName": "f", "description": "d", "labels": {"k": "v"}},
    ),
    (
        [],
        f"{T} OPTIONS (expiration_timestamp=TIMESTAMP '2999-01-01 00:00:00 UTC')",
        "t",
        {"expirationTime": "32472144000000"},
    ),
    (
        [],
        "CREATE TABLE d.t (a INT64, PRIMARY KEY (a) NOT ENFORCED)",
        "t",
        {"tableConstraints.primaryKey.columns": ["a"]},
    ),
    (
        ["CREATE TABLE d.o (k INT64 PRIMARY KEY NOT ENFORCED)"],
        "CREATE TABLE d.t (a INT64, CONSTRAINT f FOREIGN KEY (a) REFERENCES d.o (k) NOT ENFORCED)",
        "t",
        {
            "tableConstraints.foreignKeys.0.name": "f",
            "tableConstraints.foreignKeys.0.referencedTable.tableId": "o",
        },
    ),
    (
        [],
        "CREATE TABLE d.t AS SELECT 1 AS a, 'x' AS b",
        "t",
        {"numRows": "1", "schema.fields.0.type": "INTEGER"},
    ),
    (
        [],
        "CREATE TABLE d.t (a NUMERIC NOT NULL) AS SELECT 1 AS a",
        "t",
        {"numRows": "1", "schema.fields.0.mode": "REQUIRED"},
    ),
    ([T], "CREATE OR REPLACE TABLE d.t (c BOOL)", "t", {"schema.fields.0.name": "c"}),
    ([T], "CREATE TABLE IF NOT EXISTS d.t (c BOOL)", "t", {"schema.fields.0.name": "a"}),
    # LIKE, COPY, CLONE, SNAPSHOT
    (
        [f"{DAYS} CLUSTER BY a OPTIONS (description='x')"],
        "CREATE TABLE d.u LIKE d.t",
        "u",
        {"timePartitioning.field": "day", "clustering.fields": ["a"], "description": "x", "numRows": "0"},
    ),
    (
        [DAYS, "INSERT d.t VALUES (1, '2024-01-01')"],
        "CREATE TABLE d.u COPY d.t",
        "u",
        {"timePartitioning.field": "day", "numRows": "1"},
    ),
    (
        [f"{DAYS} CLUSTER BY a", "INSERT d.t VALUES (1, '2024-01-01')"],
        "CREATE TABLE d.u CLONE d.t",
        "u",
        {
            "type": "TABLE",
            "cloneDefinition.baseTableReference.tableId": "t",
            "clustering.fields": ["a"],
            "numRows": "1",
        },
    ),
    (
        [T, "INSERT d.t VALUES (1, 'x')"],
        "CREATE SNAPSHOT TABLE d.u CLONE d.t OPTIONS (description='s')",
        "u",
        {
            "type": "SNAPSHOT",
            "snapshotDefinition.baseTableReference.tableId": "t",
            "description": "s",
            "numRows": "1",
        },
    ),
    (
        [T, "INSERT d.t VALUES (1, 'x')", "CREATE SNAPSHOT TABLE d.s CLONE d.t", "DELETE d.t WHERE TRUE"],
        "CREATE OR REPLACE TABLE d.t CLONE d.s",
        "t",
        {"type": "TABLE", "numRows": "1"},
    ),
    # ALTER TABLE
    (
        [T],
        "ALTER TABLE d.t ADD COLUMN c BOOL, ADD COLUMN e ARRAY<INT64>",
        "t",
        {"schema.fields.2.name": "c", "schema.fields.3.mode": "REPEATED"},
    ),
    ([T], "ALTER TABLE d.t ADD COLUMN IF NOT EXISTS a INT64", "t", {"schema.fields.1.name": "b"}),
    ([T], "ALTER TABLE d.t DROP COLUMN a", "t", {"schema.fields.0.name": "b"}),
    ([T], "ALTER TABLE d.t DROP COLUMN IF EXISTS zzz", "t", {"schema.fields.0.name": "a"}),
    (
        [T],
        "ALTER TABLE d.t RENAME COLUMN a TO x, RENAME COLUMN b TO y",
        "t",
        {"schema.fields.0.name": "x", "schema.fields.1.name": "y"},
    ),
    ([T], "ALTER TABLE d.t RENAME TO u", "u", {"schema.fields.0.name": "a"}),
    ([T], "ALTER TABLE d.t ALTER COLUMN a SET DATA TYPE NUMERIC", "t", {"schema.fields.0.type": "NUMERIC"}),
    ([T], "ALTER TABLE d.t ALTER COLUMN a SET DATA TYPE FLOAT64", "t", {"schema.fields.0.type": "FLOAT"}),
    (
        ["CREATE TABLE d.t (a STRING(3))"],
        "ALTER TABLE d.t ALTER COLUMN a SET DATA TYPE STRING(9)",
        "t",
        {"schema.fields.0.maxLength": "9"},
    ),
    (
        [NESTED],
        "ALTER TABLE d.t ALTER COLUMN s SET DATA TYPE STRUCT<x NUMERIC, y ARRAY<STRUCT<z STRING>>>",
        "t",
        {"schema.fields.1.fields.0.type": "NUMERIC", "schema.fields.1.fields.1.mode": "REPEATED"},
    ),
    (
        [T],
        "ALTER TABLE d.t ALTER COLUMN a SET OPTIONS (description='k')",
        "t",
        {"schema.fields.0.description": "k"},
    ),
    (
        [T],
        "ALTER TABLE d.t ALTER COLUMN a SET DEFAULT 5",
        "t",
        {"schema.fields.0.defaultValueExpression": "5"},
    ),
    (
        ["CREATE TABLE d.t (a INT64 DEFAULT 5)"],
        "ALTER TABLE d.t ALTER COLUMN a DROP DEFAULT",
        "t",
        {"schema.fields.0.defaultValueExpression": None},
    ),
    (
        ["CREATE TABLE d.t (a INT64 NOT NULL)"],
        "ALTER TABLE d.t ALTER COLUMN a DROP NOT NULL",
        "t",
        {"schema.fields.0.mode": "NULLABLE"},
    ),
    (
        [T],
        "ALTER TABLE d.t SET OPTIONS (description='x', labels=[('a', 'b')])",
        "t",
        {"description": "x", "labels": {"a": "b"}},
    ),
    (
        [f"{T} OPTIONS (description='x')"],
        "ALTER TABLE d.t SET OPTIONS (description=NULL)",
        "t",
        {"description": None},
    ),
    ([T], "ALTER TABLE d.t SET DEFAULT COLLATE 'und:ci'", "t", {"defaultCollation": "und:ci"}),
    (
        [T],
        "ALTER TABLE d.t ADD PRIMARY KEY (a) NOT ENFORCED",
        "t",
        {"tableConstraints.primaryKey.columns": ["a"]},
    ),
    (
        ["CREATE TABLE d.t (a INT64 PRIMARY KEY NOT ENFORCED)"],
        "ALTER TABLE d.t DROP PRIMARY KEY",
        "t",
        {"tableConstraints": None},
    ),
    ([T], "ALTER TABLE d.t DROP PRIMARY KEY IF EXISTS", "t", {"tableConstraints": None}),
    (
        [T, "CREATE TABLE d.o (k INT64 PRIMARY KEY NOT ENFORCED)"],
        "ALTER TABLE d.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES d.o (k) NOT ENFORCED",
        "t",
        {"tableConstraints.foreignKeys.0.columnReferences.0.referencedColumn": "k"},
    ),
    ([T], "ALTER TABLE d.t DROP CONSTRAINT IF EXISTS f", "t", {"tableConstraints": None}),
    (
        [DAYS],
        "ALTER TABLE d.t SET OPTIONS (partition_expiration_days=1, require_partition_filter=true)",
        "t",
        {"timePartitioning.expirationMs": "86400000", "requirePartitionFilter": True},
    ),
    # Views
    (
        [T],
        "CREATE VIEW d.v AS SELECT a FROM d.t",
        "v",
        {"type": "VIEW", "view.query": "SELECT a FROM d.t", "view.useLegacySql": False},
    ),
    (
        [T],
        "CREATE VIEW d.v (x OPTIONS (description='first')) AS SELECT a FROM d.t",
        "v",
        {"schema.fields.0.name": "x", "schema.fields.0.description": "first"},
    ),
    (
        [T, "CREATE VIEW d.v AS SELECT a FROM d.t"],
        "CREATE OR REPLACE VIEW d.v AS SELECT b FROM d.t",
        "v",
        {"schema.fields.0.name": "b"},
    ),
    (
        [T, "CREATE VIEW d.v AS SELECT a FROM d.t"],
        "CREATE VIEW IF NOT EXISTS d.v AS SELECT b FROM d.t",
        "v",
        {"schema.fields.0.name": "a"},
    ),
    (
        [T, "CREATE VIEW d.v AS SELECT a FROM d.t"],
        "ALTER VIEW d.v SET OPTIONS (description='x', friendly_name='y')",
        "v",
        {"description": "x", "friendlyName": "y"},
    ),
    (
        [T, "CREATE VIEW d.v AS SELECT a FROM d.t"],
        "ALTER VIEW d.v ALTER COLUMN a SET OPTIONS (description='q')",
        "v",
        {"schema.fields.0.description": "q"},
    ),
    (
        [T],
        "CREATE MATERIALIZED VIEW d.v AS SELECT b, SUM(a) AS s FROM d.t GROUP BY b",
        "v",
        {
            "type": "MATERIALIZED_VIEW",
            "materializedView.query": "SELECT b, SUM(a) AS s FROM d.t GROUP BY b",
            "materializedView.enableRefresh": True,
            "materializedView.refreshIntervalMs": "1800000",
        },
    ),
    (
        [T],
        "CREATE MATERIALIZED VIEW d.v OPTIONS (enable_refresh=false,"
        " refresh_interval_minutes=60, max_staleness=INTERVAL 4 HOUR) AS SELECT SUM(a) AS s FROM d.t",
        "v",
        {
            "materializedView.enableRefresh": False,
            "materializedView.refreshIntervalMs": "3600000",
            "maxStaleness": "0-0 0 4:0:0",
        },
    ),
    (
        [T, "CREATE MATERIALIZED VIEW d.v AS SELECT SUM(a) AS s FROM d.t"],
        "ALTER MATERIALIZED VIEW d.v SET OPTIONS (refresh_interval_minutes=20, description='m')",
        "v",
        {"materializedView.refreshIntervalMs": "1200000", "description": "m"},
    ),
    (
        [f"{DAYS}"],
        "CREATE MATERIALIZED VIEW d.v PARTITION BY day CLUSTER BY a AS SELECT day, a,"
        " COUNT(*) AS n FROM d.t GROUP BY day, a",
        "v",
        {"timePartitioning.field": "day", "clustering.fields": ["a"]},
    ),
]


@pytest.mark.parametrize(
    ("before", "sql", "table", "told"), TOLD, ids=[f"{i}-{t[1][:60]}" for i, t in enumerate(TOLD)]
)
def test_what_tables_get_tells(
    fresh: bigquery.Client, before: list[str], sql: str, table: str, told: dict[str, Any]
) -> None:
    run(fresh, *before, sql)
    found = resource(fresh, table)
    assert {path: at(found, path) for path in told} == told


NAME = "p:d.t"
# (statements before, the statement, the message)
ERRORS: list[tuple[list[str], str, str]] = [
    ([T], "CREATE TABLE d.t (a INT64)", "Already Exists: Table p:d.t"),
    ([], "CREATE OR REPLACE TABLE IF NOT EXISTS d.t (a INT64)", "cannot"),
    ([], "CREATE TABLE nowhere.t (a INT64)", "Not found: Dataset p:nowhere was not found in location US"),
    ([], "CREATE TABLE d.t (a INT64, A STRING)", "Duplicate column name A in CREATE TABLE"),
    ([], "CREATE TABLE d.t (a INT64) OPTIONS (shape='x')", "Unknown option: shape"),
    ([], "CREATE TABLE d.t (a INT64) OPTIONS (description=5)", "cannot be coerced"),
    ([], "CREATE TABLE d.t (a INT64) OPTIONS (description='a', description='b')", "Duplicate option"),
    ([], "CREATE TABLE d.t (a INT64) OPTIONS (partition_expiration_days=1)", "partition"),
    ([], "CREATE TABLE d.t (a INT64 PRIMARY KEY)", "NOT ENFORCED"),
    ([], "CREATE TABLE d.t (a INT64) PARTITION BY a", "PARTITION BY expression must be"),
    ([], "CREATE TABLE d.t (a ARRAY<ARRAY<INT64>>)", "array"),
    ([], "DROP TABLE d.t", "Not found: Table p:d.t"),
    ([], "DROP TABLE nowhere.t", "Not found: Dataset p:nowhere was not found in location US"),
    ([T], "DROP VIEW d.t", "p:d.t is not allowed for this operation because it is currently a TABLE."),
    (
        [T],
        "DROP MATERIALIZED VIEW d.t",
        "p:d.t is not allowed for this operation because it is currently a TABLE.",
    ),
    (
        [T],
        "DROP SNAPSHOT TABLE d.t",
        "p:d.t is not allowed for this operation because it is currently a TABLE.",
    ),
    (
        [T],
        "DROP EXTERNAL TABLE d.t",
        "p:d.t is not allowed for this operation because it is currently a TABLE.",
    ),
    (
        [T, "CREATE VIEW d.v AS SELECT 1 AS x"],
        "DROP TABLE d.v",
        "p:d.v is not allowed for this operation because it is currently a VIEW.",
    ),
    ([T, "CREATE VIEW d.v AS SELECT 1 AS x"], "ALTER TABLE d.v ADD COLUMN y INT64", "currently a VIEW."),
    ([T], "ALTER VIEW d.t SET OPTIONS (description='x')", "currently a TABLE."),
    ([T, "CREATE VIEW d.v AS SELECT 1 AS x"], "CREATE OR REPLACE TABLE d.v (a INT64)", "currently a VIEW."),
    ([T], "CREATE OR REPLACE VIEW d.t AS SELECT 1 AS x", "currently a TABLE."),
    ([T], "ALTER TABLE d.t ADD COLUMN a INT64", "Column already exists: a"),
    ([T], "ALTER TABLE d.t ADD COLUMN c INT64 NOT NULL", "Cannot add required columns to an existing schema"),
    (
        [T],
        "ALTER TABLE d.t ADD COLUMN c INT64 DEFAULT 1",
        "ALTER TABLE ADD COLUMN with DEFAULT expression is not supported",
    ),
    ([NESTED], "ALTER TABLE d.t ADD COLUMN s.q INT64", "Syntax error"),
    ([NESTED], "ALTER TABLE d.t DROP COLUMN s.x", "Syntax error"),
    (
        [NESTED],
        "ALTER TABLE d.t ALTER COLUMN s SET DATA TYPE STRUCT<x INT64, y ARRAY<STRUCT<z STRING>>, w BOOL>",
        "is assignable to the new type",
    ),
    ([T], "ALTER TABLE d.t DROP COLUMN zzz", "Column not found: zzz"),
    ([T], "ALTER TABLE d.t RENAME COLUMN a TO b", "Column already exists: b"),
    ([T, "CREATE TABLE d.u (x INT64)"], "ALTER TABLE d.t RENAME TO u", "Already Exists: Table p:d.u"),
    ([], "ALTER TABLE d.t ADD COLUMN a INT64", "Not found: Table p:d.t"),
    (
        [T],
        "ALTER TABLE d.t ALTER COLUMN b SET DATA TYPE INT64",
        "ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type"
        " (STRING) is assignable to the new type (INT64)",
    ),
    ([T], "ALTER TABLE d.t ALTER COLUMN a DROP NOT NULL", "Column a is already nullable"),
    ([T], "ALTER TABLE d.t ALTER COLUMN zzz SET DEFAULT 1", "Column not found: zzz"),
    ([T], "ALTER TABLE d.t SET OPTIONS (shape=1)", "Unknown option: shape"),
    ([T], "ALTER TABLE d.t DROP PRIMARY KEY", "Not found"),
    ([T], "ALTER TABLE d.t DROP CONSTRAINT f", "Not found"),
    (
        ["CREATE TABLE d.t (a INT64 PRIMARY KEY NOT ENFORCED)"],
        "ALTER TABLE d.t ADD PRIMARY KEY (a) NOT ENFORCED",
        "Already Exists",
    ),
    ([DAYS], "ALTER TABLE d.t DROP COLUMN day", "partitioning column"),
    ([DAYS], "ALTER TABLE d.t RENAME COLUMN day TO x", "partitioning column"),
    ([f"{T} CLUSTER BY a"], "ALTER TABLE d.t DROP COLUMN a", "clustering column"),
    ([T], "CREATE SNAPSHOT TABLE d.t CLONE d.t", "Already Exists: Table p:d.t"),
    ([T], "CREATE TABLE d.u CLONE d.t FOR SYSTEM_TIME AS OF TIMESTAMP '2001-01-01'", "Invalid snapshot time"),
    ([T], "CREATE TABLE d.u COPY d.none", "Not found: Table p:d.none was not found in location US"),
    ([T], "CREATE SCHEMA d", "Already Exists: Dataset p:d"),
    ([T], "DROP SCHEMA d", "Dataset p:d is still in use"),
    ([T], "DROP SCHEMA d RESTRICT", "Dataset p:d is still in use"),
    ([], "DROP SCHEMA nowhere", "Not found: Dataset p:nowhere"),
    ([], "UNDROP SCHEMA nowhere", "Not found: Dataset p:nowhere"),
    ([], "UNDROP SCHEMA d", "Already Exists: Dataset p:d"),
    ([], "ALTER SCHEMA nowhere SET OPTIONS (description='x')", "Not found: Dataset p:nowhere"),
    (
        [],
        "ALTER SCHEMA d ADD REPLICA `r` OPTIONS (location='eu')",
        "ALTER SCHEMA with cross-region replicas is not supported",
    ),
    ([], "ALTER SCHEMA d SET OPTIONS (shape=1)", "Unknown option: shape"),
    # DML
    ([T], "INSERT d.t (a) VALUES (1, 2)", "Inserted row has wrong column count; Has 2, expected 1"),
    ([T], "INSERT d.t VALUES (1)", "Inserted row has wrong column count; Has 1, expected 2"),
    ([T], "INSERT d.t (zzz) VALUES (1)", "Column zzz is not present in table p.d.t"),
    ([T], "INSERT d.t (a, a) VALUES (1, 2)", "INSERT has columns with duplicate name: a"),
    (
        [T],
        "INSERT d.t (a) VALUES ('x')",
        "Value has type STRING which cannot be inserted into column a, which has type INT64",
    ),
    (["CREATE TABLE d.t (a INT64 NOT NULL)"], "INSERT d.t VALUES (NULL)", "Required field a cannot be null"),
    (["CREATE TABLE d.t (a STRING(2))"], "INSERT d.t VALUES ('abc')", "maximum length 2"),
    (
        ["CREATE TABLE d.t (a NUMERIC(3, 1))"],
        "INSERT d.t VALUES (NUMERIC '123.4')",
        "not in range of [-99.9, 99.9]",
    ),
    ([T], "UPDATE d.t SET a = 1", "UPDATE must have a WHERE clause"),
    ([T], "DELETE FROM d.t", "DELETE must have a WHERE clause"),
    ([T], "UPDATE d.t SET a = 1, a = 2 WHERE TRUE", "Update item a assigned more than once"),
    (
        [T, "INSERT d.t VALUES (1, 'x')"],
        "MERGE d.t USING (SELECT 1 AS k UNION ALL SELECT 1) AS s ON t.a = s.k WHEN MATCHED THEN DELETE",
        "UPDATE/MERGE must match at most one source row for each target row",
    ),
    ([T, "CREATE VIEW d.v AS SELECT a FROM d.t"], "INSERT d.v VALUES (1)", "currently a VIEW."),
    (
        [f"{DAYS} OPTIONS (require_partition_filter=true)"],
        "SELECT a FROM d.t",
        "Cannot query over table 'p.d.t' without a filter over column(s) 'day' that can be"
        " used for partition elimination",
    ),
]


@pytest.mark.parametrize(
    ("before", "sql", "message"), ERRORS, ids=[f"{i}-{e[1][:60]}" for i, e in enumerate(ERRORS)]
)
def test_errors(fresh: bigquery.Client, before: list[str], sql: str, message: str) -> None:
    if before:
        run(fresh, *before)
    with pytest.raises(GoogleAPICallError) as caught:
        run(fresh, sql)
    assert message in str(caught.value)


# (statements before, the statement, type, operation, target)
JOBS: list[tuple[list[str], str, str, str | None, str | None]] = [
    ([], T, "CREATE_TABLE", "CREATE", "t"),
    ([T], "CREATE OR REPLACE TABLE d.t (a INT64)", "CREATE_TABLE", "REPLACE", "t"),
    ([T], "CREATE TABLE IF NOT EXISTS d.t (a INT64)", "CREATE_TABLE", "SKIP", "t"),
    ([], "CREATE TABLE d.t AS SELECT 1 AS a", "CREATE_TABLE_AS_SELECT", "CREATE", "t"),
    ([T], "ALTER TABLE d.t ADD COLUMN c INT64", "ALTER_TABLE", "ALTER", "t"),
    ([], "ALTER TABLE IF EXISTS d.t ADD COLUMN c INT64", "ALTER_TABLE", "SKIP", "t"),
    ([T], "DROP TABLE d.t", "DROP_TABLE", "DROP", "t"),
    ([], "DROP TABLE IF EXISTS d.t", "DROP_TABLE", "SKIP", "t"),
    ([], "CREATE VIEW d.t AS SELECT 1 AS a", "CREATE_VIEW", "CREATE", "t"),
    (["CREATE VIEW d.t AS SELECT 1 AS a"], "DROP VIEW d.t", "DROP_VIEW", "DROP", "t"),
    (
        [T],
        "CREATE MATERIALIZED VIEW d.v AS SELECT SUM(a) AS s FROM d.t",
        "CREATE_MATERIALIZED_VIEW",
        "CREATE",
        "v",
    ),
    ([T], "CREATE SNAPSHOT TABLE d.s CLONE d.t", "CREATE_SNAPSHOT_TABLE", "CREATE", "s"),
    ([], "CREATE SCHEMA e", "CREATE_SCHEMA", "CREATE", None),
    ([], "DROP SCHEMA IF EXISTS e", "DROP_SCHEMA", "SKIP", None),
    ([], "DROP SCHEMA d CASCADE", "DROP_SCHEMA", "DROP", None),
    ([], "CREATE FUNCTION d.f(x INT64) AS (x + 1)", "CREATE_FUNCTION", "CREATE", None),
    ([], "DROP FUNCTION IF EXISTS d.f", "DROP_FUNCTION", "SKIP", None),
    ([T], "TRUNCATE TABLE d.t", "TRUNCATE_TABLE", None, None),
]


@pytest.mark.parametrize(
    ("before", "sql", "kind", "operation", "target"),
    JOBS,
    ids=[f"{i}-{j[1][:50]}" for i, j in enumerate(JOBS)],
)
def test_job_statistics(
    fresh: bigquery.Client, before: list[str], sql: str, kind: str, operation: str | None, target: str | None
) -> None:
    if before:
        run(fresh, *before)
    job = run(fresh, sql)
    assert (job.statement_type, job.ddl_operation_performed) == (kind, operation)
    if target is not None:
        assert job.ddl_target_table is not None
        assert job.ddl_target_table.table_id == target


def test_dml_stats(fresh: bigquery.Client) -> None:
    run(fresh, T)

    def stats(sql: str) -> tuple[int, int, int]:
        found = run(fresh, sql).dml_stats
        return (found.inserted_row_count, found.updated_row_count, found.deleted_row_count)

    assert stats("INSERT d.t VALUES (1, 'x'), (2, 'y'), (DEFAULT, DEFAULT)") == (3, 0, 0)
    assert stats("UPDATE d.t SET b = DEFAULT WHERE a = 1") == (0, 1, 0)
    assert stats(
        "MERGE d.t USING (SELECT 2 AS k UNION ALL SELECT 7) AS s ON t.a = s.k"
        " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (a, b) VALUES (k, DEFAULT)"
    ) == (1, 0, 1)
    assert stats("DELETE d.t WHERE a IS NULL") == (0, 0, 1)
    assert stats("TRUNCATE TABLE d.t") == (0, 0, 2)


SCHEMA_OPTIONS: list[tuple[str, str, Any]] = [
    ("description='x'", "description", "x"),
    ("friendly_name='x'", "friendlyName", "x"),
    ("labels=[('a', 'b')]", "labels", {"a": "b"}),
    ("default_table_expiration_days=1.5", "defaultTableExpirationMs", "129600000"),
    ("default_partition_expiration_days=2", "defaultPartitionExpirationMs", "172800000"),
    ("max_time_travel_hours=48", "maxTimeTravelHours", "48"),
    ("storage_billing_model='physical'", "storageBillingModel", "PHYSICAL"),
    ("is_case_insensitive=true", "isCaseInsensitive", True),
    ("default_rounding_mode='ROUND_HALF_EVEN'", "defaultRoundingMode", "ROUND_HALF_EVEN"),
    ("location='EU'", "location", "EU"),
]


@pytest.mark.parametrize(("option", "member", "value"), SCHEMA_OPTIONS, ids=[o[1] for o in SCHEMA_OPTIONS])
def test_schema_options(fresh: bigquery.Client, option: str, member: str, value: Any) -> None:
    run(fresh, f"CREATE SCHEMA e OPTIONS ({option})")
    found = fresh.get_dataset("e").to_api_repr()
    assert found[member] == value


def test_undrop_schema(fresh: bigquery.Client) -> None:
    run(fresh, T, "INSERT d.t VALUES (1, 'x')", "DROP SCHEMA d CASCADE", "UNDROP SCHEMA d")
    assert rows(fresh, "SELECT * FROM d.t") == [[1, "x"]]


def test_a_refreshed_view_tells_when(fresh: bigquery.Client) -> None:
    run(fresh, T, "CREATE MATERIALIZED VIEW d.v AS SELECT SUM(a) AS s FROM d.t")
    run(fresh, "INSERT d.t VALUES (4, 'x')", "CALL BQ.REFRESH_MATERIALIZED_VIEW('p.d.v')")
    found = resource(fresh, "v")
    assert int(found["materializedView"]["lastRefreshTime"]) >= int(found["creationTime"])
    assert found["numRows"] == "1"
    assert rows(fresh, "SELECT s FROM d.v") == [[4]]
    told = rows(
        fresh, "SELECT table_name, last_refresh_time IS NOT NULL FROM d.INFORMATION_SCHEMA.MATERIALIZED_VIEWS"
    )
    assert told == [["v", True]]


def test_views_are_refreshed_as_time_goes() -> None:
    with bqsim.start(project="p") as running:
        client = running.client()
        client.create_dataset("d")
        run(client, T, "CREATE MATERIALIZED VIEW d.v AS SELECT SUM(a) AS s FROM d.t")
        run(client, "INSERT d.t VALUES (5, 'x')")
        before = int(resource(client, "v")["materializedView"]["lastRefreshTime"])
        running.clock.advance("3h")
        assert int(resource(client, "v")["materializedView"]["lastRefreshTime"]) > before
        assert rows(client, "SELECT s FROM d.v") == [[5]]
        client.close()


def test_materialized_views_outlive_the_server(tmp_path: Path) -> None:
    with bqsim.start(project="p", data_dir=tmp_path) as running:
        client = running.client()
        client.create_dataset("d")
        run(client, "CREATE TABLE d.t AS SELECT 'ab' AS k, 1 AS a UNION ALL SELECT 'ab', 2")
        run(client, "CREATE MATERIALIZED VIEW d.v AS SELECT SUM(a) AS s FROM d.t")
        run(client, "CALL BQ.REFRESH_MATERIALIZED_VIEW('p.d.v')")
        before = resource(client, "v")
        client.close()
    with bqsim.start(project="p", data_dir=tmp_path) as running:
        client = running.client()
        job = run(client, "SELECT s FROM d.v")
        assert [list(r.values()) for r in job.result()] == [[3]]
        assert job.total_bytes_processed == 8
        statistics = job._properties["statistics"]["query"]
        assert statistics["materializedViewStatistics"]["materializedView"] == [
            {"tableReference": {"projectId": "p", "datasetId": "d", "tableId": "v"}, "chosen": True}
        ]
        assert resource(client, "v")["materializedView"] == before["materializedView"]
        client.close()


@pytest.mark.parametrize("call", ["BQ.JOBS.CANCEL('x')", "BQ.CANCEL_INDEX_ALTERATION('d', 't', 'i')"])
def test_procedures_that_are_refused_by_name(fresh: bigquery.Client, call: str) -> None:
    with pytest.raises(GoogleAPICallError, match=call.partition("(")[0]):
        run(fresh, f"CALL {call}")
