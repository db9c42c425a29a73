from __future__ import annotations

from collections.abc import Iterator

import pytest

from bqsim.catalog.refs import DatasetRef
from bqsim.errors import BigQueryError
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity("statement:CREATE SCHEMA", "exact", tests="test_create_*"),
    pytest.mark.fidelity("statement:ALTER SCHEMA", "exact", tests="test_alter"),
    pytest.mark.fidelity("statement:DROP SCHEMA", "exact", tests="test_drop_*"),
    pytest.mark.fidelity("statement:UNDROP SCHEMA", "exact", tests="test_undrop_*"),
]

REF = DatasetRef("p", "e")


@pytest.fixture
def w(warehouse: Warehouse) -> Iterator[Warehouse]:
    yield warehouse
    warehouse.run("DROP SCHEMA IF EXISTS e CASCADE")


def test_create_with_options(w: Warehouse) -> None:
    result = w.run(
        "CREATE SCHEMA e OPTIONS (description='x', friendly_name='f', labels=[('a', 'b')], location='EU',"
        " default_table_expiration_days=2, default_partition_expiration_days=0.5, max_time_travel_hours=72)"
    )
    assert (result.statement_type, result.ddl_operation, result.ddl_target_dataset) == (
        "CREATE_SCHEMA",
        "CREATE",
        REF,
    )
    dataset = w.catalog.dataset(REF)
    assert (dataset.description, dataset.friendly_name, dataset.location) == ("x", "f", "EU")
    assert dict(dataset.labels) == {"a": "b"}
    assert dataset.default_table_expiration_ms == 172_800_000
    assert dataset.default_partition_expiration_ms == 43_200_000
    assert dataset.metadata["maxTimeTravelHours"] == "72"


def test_who_creates_a_schema_owns_it(warehouse: Warehouse) -> None:
    warehouse.run("CREATE SCHEMA mine")
    access = warehouse.catalog.dataset(DatasetRef("p", "mine")).metadata["access"]
    assert {"role": "OWNER", "userByEmail": "user@example.com"} in access


def test_create_modes(w: Warehouse) -> None:
    w.run("CREATE SCHEMA e")
    assert w.error("CREATE SCHEMA e") == "Already Exists: Dataset p:e"
    assert w.run("CREATE SCHEMA IF NOT EXISTS e").ddl_operation == "SKIP"
    assert w.error("CREATE SCHEMA `a-b`").startswith('Invalid dataset ID "a-b"')


def test_alter(w: Warehouse) -> None:
    w.run("CREATE SCHEMA e OPTIONS (description='x')")
    etag = w.catalog.dataset(REF).etag
    result = w.run("ALTER SCHEMA e SET OPTIONS (description=NULL, labels=[('k', 'v')])")
    assert (result.statement_type, result.ddl_operation) == ("ALTER_SCHEMA", "ALTER")
    dataset = w.catalog.dataset(REF)
    assert (dataset.description, dict(dataset.labels)) == (None, {"k": "v"})
    assert dataset.etag != etag
    w.run("ALTER SCHEMA e SET DEFAULT COLLATE 'und:ci'")
    assert w.catalog.dataset(REF).default_collation == "und:ci"
    assert w.run("ALTER SCHEMA IF EXISTS nope SET OPTIONS (description='x')").ddl_operation == "SKIP"
    assert w.error("ALTER SCHEMA nope SET OPTIONS (description='x')").startswith("Not found: Dataset p:nope")


def test_drop_of_a_used_dataset_needs_cascade(w: Warehouse) -> None:
    w.run("CREATE SCHEMA e")
    w.run("CREATE TABLE e.t (a INT64)")
    with pytest.raises(BigQueryError) as caught:
        w.run("DROP SCHEMA e")
    assert caught.value.message == "Dataset p:e is still in use"
    assert caught.value.reason.name == "resourceInUse"
    assert w.run("DROP SCHEMA e CASCADE").ddl_operation == "DROP"
    assert w.run("DROP SCHEMA IF EXISTS e").ddl_operation == "SKIP"
    assert w.error("DROP SCHEMA e").startswith("Not found: Dataset p:e")


def test_undrop_restores_tables_and_routines(w: Warehouse) -> None:
    w.run("CREATE SCHEMA e")
    w.run("CREATE TABLE e.t AS SELECT 1 AS a")
    w.run("CREATE FUNCTION e.f(x INT64) AS (x + 1)")
    w.run("DROP SCHEMA e CASCADE")
    assert w.run("UNDROP SCHEMA e").statement_type == "UNDROP_SCHEMA"
    assert w.rows("SELECT e.f(a) FROM e.t") == [[2]]
    assert w.run("UNDROP SCHEMA IF NOT EXISTS e").ddl_operation == "SKIP"
    assert w.error("UNDROP SCHEMA e") == "Already Exists: Dataset p:e"
