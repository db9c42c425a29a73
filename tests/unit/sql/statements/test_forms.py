"""Forms of DDL, each as documented: what it does, or why it is refused."""

from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

CREATE = (
    "CREATE TABLE t (id INT64 NOT NULL, s STRUCT<a INT64, b STRING>, n NUMERIC(10, 2), z STRING,"
    " PRIMARY KEY (id) NOT ENFORCED)"
)

# Statements on the table above, with the operation that they report, or their error.
FORMS: list[tuple[str, str]] = [
    (
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS z INT64, ADD COLUMN w STRING OPTIONS (description='w')",
        "ALTER",
    ),
    ("ALTER TABLE t ADD COLUMN s.c INT64", 'Syntax error: Unexpected "." at [1:27]'),
    (
        "ALTER TABLE t ADD COLUMN w INT64 NOT NULL",
        "Cannot add required columns to an existing schema (Field: w)",
    ),
    ("ALTER TABLE t RENAME COLUMN z TO y", "ALTER"),
    (
        "ALTER TABLE t RENAME COLUMN z TO _FILE_y",
        'Invalid field name "_FILE_y". Field names are not allowed to start with the'
        " (case-insensitive)"
        " prefixes _PARTITION, _TABLE_, _FILE_, _ROW_TIMESTAMP, __ROOT__, _COLIDENTIFIER and _CHANGE_",
    ),
    ("ALTER TABLE t DROP COLUMN IF EXISTS none, DROP COLUMN z", "ALTER"),
    ("ALTER TABLE t ALTER COLUMN n SET DATA TYPE NUMERIC(12, 3)", "ALTER"),
    ("ALTER TABLE t ALTER COLUMN n SET DATA TYPE BIGNUMERIC", "ALTER"),
    (
        "ALTER TABLE t ALTER COLUMN z SET DATA TYPE INT64",
        "ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type (STRING) is assignable"
        " to the new type (INT64) at [1:15]",
    ),
    ("ALTER TABLE t ALTER COLUMN id DROP NOT NULL", "ALTER"),
    ("ALTER TABLE t ALTER COLUMN z DROP NOT NULL", "Column z is already nullable"),
    ("ALTER TABLE t ALTER COLUMN IF EXISTS none DROP NOT NULL", "ALTER"),
    ("ALTER TABLE IF EXISTS none DROP COLUMN z", "SKIP"),
    ("ALTER TABLE t ALTER COLUMN z SET DEFAULT 'k'", "ALTER"),
    ("ALTER TABLE t SET DEFAULT COLLATE 'und:ci'", "ALTER"),
    ("ALTER TABLE t DROP PRIMARY KEY", "ALTER"),
    ("ALTER TABLE t ADD PRIMARY KEY (id) NOT ENFORCED", "Already Exists: Constraint primary key on p:d.t"),
    ("ALTER TABLE t ADD PRIMARY KEY (id)", "Primary keys must be declared as NOT ENFORCED"),
    ("ALTER TABLE t RENAME TO u", "ALTER"),
    ("CREATE TABLE u (a INT64, PRIMARY KEY (a))", "Primary keys must be declared as NOT ENFORCED"),
    ("CREATE TABLE u (a INT64 REFERENCES t (id) NOT ENFORCED)", "CREATE"),
    ("CREATE TABLE u LIKE t", "CREATE"),
    ("CREATE TABLE u COPY t", "CREATE"),
    ("CREATE TABLE u CLONE t", "CREATE"),
    ("CREATE SNAPSHOT TABLE u CLONE t OPTIONS (expiration_timestamp=TIMESTAMP '2090-01-01')", "CREATE"),
    (
        "CREATE TABLE u AS SELECT 1 AS _PARTITIONTIME",
        'Invalid field name "_PARTITIONTIME". Field names are not allowed to start with the'
        " (case-insensitive)"
        " prefixes _PARTITION, _TABLE_, _FILE_, _ROW_TIMESTAMP, __ROOT__, _COLIDENTIFIER and _CHANGE_",
    ),
    ("CREATE VIEW u (a OPTIONS (description='A')) AS SELECT id FROM d.t", "CREATE"),
    ("CREATE MATERIALIZED VIEW u OPTIONS (enable_refresh=TRUE) AS SELECT id FROM d.t", "CREATE"),
    (
        "CREATE MATERIALIZED VIEW u AS REPLICA OF d.t",
        "CREATE MATERIALIZED VIEW AS REPLICA OF is not supported by bqsim",
    ),
    (
        "ALTER SCHEMA d ADD REPLICA `eu` OPTIONS (location='eu')",
        "ALTER SCHEMA with cross-region replicas is not supported by bqsim",
    ),
    (
        "ALTER SCHEMA d SET OPTIONS (primary_replica='eu')",
        "ALTER SCHEMA with cross-region replicas is not supported by bqsim",
    ),
    ("UNDROP TABLE t", "Syntax error: Unexpected keyword TABLE at [1:8]"),
    ("SHOW TABLES", "Statement not supported: ShowStatement at [1:1]"),
    ("DESCRIBE TABLE t", "Statement not supported: DescribeStatement at [1:1]"),
    ("EXPLAIN SELECT 1", "Statement not supported: ExplainStatement at [1:1]"),
    ("RENAME TABLE t TO u", "Statement not supported: RenameStatement at [1:1]"),
    ("CREATE DATABASE x", "Statement not supported: CreateDatabaseStatement at [1:1]"),
]


@pytest.mark.parametrize(("sql", "outcome"), FORMS, ids=[sql for sql, _ in FORMS])
def test_form(warehouse: Warehouse, sql: str, outcome: str) -> None:
    warehouse.run(CREATE)
    if outcome.isupper():
        assert warehouse.run(sql).ddl_operation == outcome
    else:
        assert warehouse.error(sql) == outcome
