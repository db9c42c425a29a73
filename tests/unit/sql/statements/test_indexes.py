from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity(
        "statement:CREATE SEARCH INDEX, statement:CREATE VECTOR INDEX",
        "approximated",
        "Metadata is kept and options are checked; searches are exact without them.",
        tests="test_search* test_vector* test_create*",
    ),
    pytest.mark.fidelity(
        "statement:DROP SEARCH INDEX, statement:DROP VECTOR INDEX, statement:ALTER INDEX",
        "exact",
        tests="test_drop* test_rebuild*",
    ),
]
COLUMNS = "(n INT64, s STRING, j JSON, v ARRAY<FLOAT64>, g GEOGRAPHY)"


@pytest.fixture
def table(warehouse: Warehouse) -> Warehouse:
    warehouse.run(f"CREATE TABLE t {COLUMNS}")
    return warehouse


def test_search_index(table: Warehouse) -> None:
    result = table.run("CREATE SEARCH INDEX i ON d.t (ALL COLUMNS) OPTIONS (analyzer='NO_OP_ANALYZER')")
    assert (result.statement_type, result.ddl_operation) == ("CREATE_SEARCH_INDEX", "CREATE")
    [index] = table.table("t").indexes
    assert (index.name, index.kind, index.columns, index.all_columns) == ("i", "SEARCH", ("s", "j"), True)
    assert index.options == {"analyzer": "NO_OP_ANALYZER"}


def test_vector_index(table: Warehouse) -> None:
    options = "index_type='IVF', distance_type='COSINE', ivf_options='{\"num_lists\": 2}'"
    table.run(f"CREATE VECTOR INDEX i ON d.t (v) STORING (n, s) OPTIONS ({options})")
    [index] = table.table("t").indexes
    assert (index.kind, index.columns, index.storing) == ("VECTOR", ("v",), ("n", "s"))


def test_create_modes(table: Warehouse) -> None:
    table.run("CREATE SEARCH INDEX i ON d.t (s)")
    assert table.error("CREATE SEARCH INDEX k ON d.t (j)") == "Already Exists: Search index p:d.t.i"
    assert table.run("CREATE SEARCH INDEX IF NOT EXISTS k ON d.t (j)").ddl_operation == "SKIP"
    assert table.run("CREATE OR REPLACE SEARCH INDEX k ON d.t (j)").ddl_operation == "REPLACE"
    assert [i.name for i in table.table("t").indexes] == ["k"]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SEARCH INDEX i ON d.t (n)", "A search index cannot be on column n of type INT64"),
        ("SEARCH INDEX i ON d.t (s) OPTIONS (analyzer='X')", "Invalid analyzer 'X' in CREATE SEARCH INDEX"),
        ("SEARCH INDEX i ON d.t (s) OPTIONS (index_type='IVF')", "Unknown option: index_type"),
        (
            "VECTOR INDEX i ON d.t (s) OPTIONS (index_type='IVF')",
            "A vector index cannot be on column s of type STRING",
        ),
        ("VECTOR INDEX i ON d.t (v)", "Option index_type is required"),
        (
            "VECTOR INDEX i ON d.t (v) OPTIONS (index_type='HNSW')",
            "Invalid index_type 'HNSW' of a vector index",
        ),
        (
            "VECTOR INDEX i ON d.t (v) OPTIONS (index_type='IVF', distance_type='L1')",
            "Invalid distance_type 'L1' of a vector index",
        ),
        (
            "VECTOR INDEX i ON d.t (v) OPTIONS (index_type='IVF', tree_ah_options='{}')",
            "Option tree_ah_options cannot be used with index_type IVF",
        ),
        (
            "VECTOR INDEX i ON d.t (v) OPTIONS (index_type='IVF', ivf_options='1')",
            "Option ivf_options must be a JSON object",
        ),
    ],
)
def test_create_errors(table: Warehouse, sql: str, text: str) -> None:
    assert table.error(f"CREATE {sql}") == text


def test_indexes_only_on_tables(table: Warehouse) -> None:
    table.run("CREATE VIEW w AS SELECT * FROM d.t")
    assert table.error("CREATE SEARCH INDEX i ON d.w (s)") == (
        "Indexes can only be on tables, but p:d.w is a VIEW"
    )


def test_rebuild(table: Warehouse) -> None:
    table.run("CREATE VECTOR INDEX i ON d.t (v) OPTIONS (index_type='TREE_AH')")
    result = table.run("ALTER VECTOR INDEX i ON d.t REBUILD")
    assert (result.statement_type, result.ddl_operation) == ("ALTER_VECTOR_INDEX", "ALTER")
    assert table.error("ALTER VECTOR INDEX k ON d.t REBUILD") == "Not found: Vector index p:d.t.k"
    assert table.run("ALTER VECTOR INDEX IF EXISTS k ON d.t REBUILD").ddl_operation == "SKIP"


def test_drop(table: Warehouse) -> None:
    table.run("CREATE SEARCH INDEX i ON d.t (s)")
    assert table.run("DROP SEARCH INDEX i ON d.t").ddl_operation == "DROP"
    assert table.table("t").indexes == ()
    assert table.error("DROP SEARCH INDEX i ON d.t") == "Not found: Search index p:d.t.i"
    assert table.run("DROP VECTOR INDEX IF EXISTS i ON d.t").ddl_operation == "SKIP"
