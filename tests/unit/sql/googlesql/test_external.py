from __future__ import annotations

import pytest

from bqsim.catalog.refs import DatasetRef
from tests.unit.sql.warehouse import Warehouse

REMOTE = "CREATE FUNCTION d.f({0}) RETURNS {1} REMOTE WITH CONNECTION us.c OPTIONS ({2})"
URL = "endpoint='https://example.com/f'"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "CREATE FUNCTION d.f(x DATETIME) RETURNS INT64 LANGUAGE js AS 'return 1'",
            "Type DATETIME is not supported in JavaScript functions",
        ),
        (
            "CREATE FUNCTION d.f() RETURNS STRUCT<a ARRAY<TIME>> LANGUAGE js AS 'return 1'",
            "Type TIME is not supported in JavaScript functions",
        ),
        (
            "CREATE FUNCTION d.f(x ANY TYPE) RETURNS INT64 LANGUAGE js AS 'return 1'",
            "A function that is not in SQL cannot have an argument of ANY TYPE",
        ),
        (
            "CREATE FUNCTION d.f(x INT64) LANGUAGE js AS 'return 1'",
            "Non-SQL functions must specify a return type at [1:1]",
        ),
        (
            "CREATE FUNCTION d.f() RETURNS INT64 LANGUAGE python AS 'x'",
            "A function in the language python is not supported by bqsim",
        ),
        (
            "CREATE FUNCTION d.f() RETURNS INT64 LANGUAGE js OPTIONS (endpoint='x') AS 'return 1'",
            "Unknown option: endpoint",
        ),
        (
            REMOTE.format("x ARRAY<INT64>", "INT64", URL),
            "Type ARRAY<INT64> is not supported in remote functions",
        ),
        (REMOTE.format("", "GEOGRAPHY", URL), "Type GEOGRAPHY is not supported in remote functions"),
        (REMOTE.format("", "INT64", ""), "The endpoint option is required for remote functions"),
        (REMOTE.format("", "INT64", "endpoint='file:///etc/passwd'"), "Invalid endpoint: file:///etc/passwd"),
        (REMOTE.format("", "INT64", f"{URL}, library=['x']"), "Unknown option: library"),
        (
            REMOTE.format("", "INT64", f"{URL}, max_batching_rows=-1"),
            "The value of max_batching_rows must not be negative",
        ),
        (
            REMOTE.format("", "INT64", f"{URL}, user_defined_context=[('k', '{'v' * 8192}')]"),
            "The size of user_defined_context must be less than 8KB",
        ),
    ],
)
def test_what_is_refused(warehouse: Warehouse, sql: str, message: str) -> None:
    assert warehouse.error(sql) == message


def test_a_remote_function_is_kept(warehouse: Warehouse) -> None:
    options = f"{URL}, max_batching_rows=5, user_defined_context=[('k', 'v')]"
    warehouse.run(REMOTE.format("x INT64", "STRING", options))
    (routine,) = warehouse.catalog.routines(DatasetRef("p", "d"))
    assert "language" not in routine.body
    assert routine.body["remoteFunctionOptions"] == {
        "endpoint": "https://example.com/f",
        "maxBatchingRows": "5",
        "userDefinedContext": {"k": "v"},
        "connection": "projects/p/locations/us/connections/c",
    }
