from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.models import ModelRef
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity(
        "statement:CREATE MODEL",
        "approximated",
        "Metadata is kept; nothing is trained.",
        tests="test_create* test_remote*",
    ),
    pytest.mark.fidelity("statement:ALTER MODEL", "exact", tests="test_alter*"),
    pytest.mark.fidelity("statement:DROP MODEL", "exact", tests="test_drop*"),
]
REF = ModelRef("p", "d", "m")
QUERY = "AS SELECT 1 AS x, 2.5 AS label"


def create(warehouse: Warehouse, options: str = "model_type='linear_reg'", query: str = QUERY) -> Any:
    warehouse.run(f"CREATE OR REPLACE MODEL d.m OPTIONS ({options}) {query}")
    return warehouse.catalog.models.model(REF)


def column(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": {"typeKind": kind}}


@pytest.mark.parametrize(
    ("options", "query", "kind", "features", "labels"),
    [
        ("model_type='linear_reg'", QUERY, "LINEAR_REGRESSION", ["x"], ["label"]),
        ("model_type='LOGISTIC_REG', input_label_cols=['X']", QUERY, "LOGISTIC_REGRESSION", ["label"], ["x"]),
        ("model_type='kmeans', num_clusters=3", QUERY, "KMEANS", ["x", "label"], []),
    ],
)
def test_create(
    warehouse: Warehouse, options: str, query: str, kind: str, features: list[str], labels: list[str]
) -> None:
    model = create(warehouse, options, query)
    assert model.body["modelType"] == kind
    assert [c["name"] for c in model.body.get("featureColumns", [])] == features
    assert [c["name"] for c in model.body.get("labelColumns", [])] == labels


def test_create_with_transform(warehouse: Warehouse) -> None:
    sql = "TRANSFORM (x * 2 AS doubled, label) OPTIONS (model_type='linear_reg', l1_reg=0.5)"
    warehouse.run(f"CREATE MODEL d.m {sql} {QUERY}")
    model = warehouse.catalog.models.model(REF)
    assert model.body["transformColumns"] == [column("doubled", "INT64")]
    assert model.body["featureColumns"] == [column("x", "INT64")]
    assert model.options == {"model_type": "linear_reg", "l1_reg": 0.5}


def test_create_modes(warehouse: Warehouse) -> None:
    create(warehouse)
    assert warehouse.error(f"CREATE MODEL d.m OPTIONS (model_type='kmeans') {QUERY}") == (
        "Already Exists: Model p:d.m"
    )
    skipped = warehouse.run(f"CREATE MODEL IF NOT EXISTS d.m OPTIONS (model_type='kmeans') {QUERY}")
    assert (skipped.statement_type, skipped.ddl_operation) == ("CREATE_MODEL", "SKIP")
    replaced = warehouse.run(f"CREATE OR REPLACE MODEL d.m OPTIONS (model_type='kmeans') {QUERY}")
    assert replaced.ddl_operation == "REPLACE"


def test_remote(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE MODEL d.m INPUT (a INT64) OUTPUT (b FLOAT64) REMOTE WITH CONNECTION `us.c` "
        "OPTIONS (endpoint='https://x')"
    )
    body = warehouse.catalog.models.model(REF).body
    assert body["remoteModelInfo"]["endpoint"] == "https://x"
    assert body["featureColumns"] == [column("a", "INT64")]
    assert body["labelColumns"] == [column("b", "FLOAT64")]


@pytest.mark.parametrize(
    ("options", "query", "text"),
    [
        ("l1_reg=0.5", QUERY, "Option model_type is required"),
        ("model_type='magic'", QUERY, "Invalid model type: magic"),
        ("model_type='linear_reg'", "", "CREATE MODEL with model_type LINEAR_REG requires a query"),
        (
            "model_type='linear_reg'",
            "AS SELECT 1 AS x",
            "Unable to identify the label column. Input label columns must be specified using the "
            "input_label_cols option, or the query must have a column named 'label'",
        ),
        (
            "model_type='linear_reg', input_label_cols=['y']",
            QUERY,
            "Unable to identify the label column(s). Column 'y' is not found in the query",
        ),
        (
            "model_type='onnx'",
            "",
            "A model of type ONNX is imported: it needs the option model_path and no query",
        ),
        ("model_type='kmeans', model_type='pca'", QUERY, "Duplicate option specified for 'model_type'."),
    ],
)
def test_create_errors(warehouse: Warehouse, options: str, query: str, text: str) -> None:
    assert warehouse.error(f"CREATE MODEL d.m OPTIONS ({options}) {query}") == text


def test_alter(warehouse: Warehouse) -> None:
    create(warehouse, "model_type='kmeans', description='old', labels=[('a', 'b')]")
    warehouse.run(
        "ALTER MODEL d.m SET OPTIONS (description=NULL, friendly_name='F', "
        "expiration_timestamp=TIMESTAMP '2100-01-01 00:00:00 UTC')"
    )
    model = warehouse.catalog.models.model(REF)
    assert "description" not in model.body
    assert (model.body["friendlyName"], model.body["labels"]) == ("F", {"a": "b"})
    assert model.expiration_ms == 4_102_444_800_000
    assert warehouse.error("ALTER MODEL d.m SET OPTIONS (l1_reg=1.0)") == "Unknown option: l1_reg"
    assert warehouse.error("ALTER MODEL d.x SET OPTIONS (description='x')") == "Not found: Model p:d.x"
    assert warehouse.run("ALTER MODEL IF EXISTS d.x SET OPTIONS (description='x')").ddl_operation == "SKIP"


def test_drop(warehouse: Warehouse) -> None:
    create(warehouse)
    assert warehouse.run("DROP MODEL d.m").ddl_operation == "DROP"
    assert warehouse.catalog.models.find(REF) is None
    assert warehouse.error("DROP MODEL d.m") == "Not found: Model p:d.m"
    assert warehouse.run("DROP MODEL IF EXISTS d.m").ddl_operation == "SKIP"


def test_models_come_back_with_their_dataset(warehouse: Warehouse) -> None:
    warehouse.run("CREATE SCHEMA e")
    warehouse.run(f"CREATE MODEL e.m OPTIONS (model_type='kmeans') {QUERY}")
    ref = ModelRef("p", "e", "m")
    warehouse.run("DROP SCHEMA e CASCADE")
    assert warehouse.catalog.models.find(ref) is None
    warehouse.run("UNDROP SCHEMA e")
    assert warehouse.catalog.models.model(ref).body["modelType"] == "KMEANS"
