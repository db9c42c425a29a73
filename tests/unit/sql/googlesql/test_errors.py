from __future__ import annotations

import pytest

from bqsim.sql.googlesql.errors import from_sql_error, from_trap, missing_table, run_time_error
from bqsim.sql.googlesql.host import SqlError, Trapped
from bqsim.sql.googlesql.prepass import prepare


def worded(text: str, sql: str = "SELECT 1") -> str:
    return from_sql_error(SqlError(3, text), prepare(sql, 1000, 10)).message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Unrecognized name: x [at 1:8]", "Unrecognized name: x at [1:8]"),
        (
            "No matching signature for function External_function:F [at 1:8]",
            "No matching signature for function F at [1:8]",
        ),
        (
            "COLLATE has invalid collation name 'und:ci' [at 1:8]",
            "Collation 'und:ci' is not supported by bqsim",
        ),
        (
            "COLLATE has invalid collation name 'en': is invalid [at 1:8]",
            "Collation 'en' in collate function is not supported.",
        ),
        ("Plain", "Plain"),
        (
            "SQL function inliner cannot inline aggregate function MAX_BY with SAFE mode modifier [at 1:8]",
            "Function `MAX_BY` does not support SAFE error mode at [1:8]",
        ),
    ],
)
def test_wording(text: str, expected: str) -> None:
    assert worded(text) == expected


def test_a_run_time_error_has_no_position() -> None:
    error = run_time_error(SqlError(11, "division by zero: 1 / 0 [at 1:8]"))
    assert error.message == "division by zero: 1 / 0"
    assert error.reason.name == "invalidQuery"


@pytest.mark.parametrize(("index", "side"), [("5", "overflow"), ("0", "overflow"), ("-1", "underflow")])
def test_the_side_of_an_array_that_an_index_is_on(index: str, side: str) -> None:
    error = run_time_error(SqlError(11, f"Array index {index} is out of bounds"))
    assert error.message == f"Array index {index} is out of bounds ({side})"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Table not found: d.t [at 1:15]", ("d", "t")),
        ("Table not found: `my-p`.d.t; Did you mean p.d.t? [at 2:1]", ("my-p", "d", "t")),
        ("Table not found: t", ("t",)),
        ("Unrecognized name: t [at 1:1]", None),
    ],
)
def test_missing_tables_are_recognised(text: str, path: tuple[str, ...] | None) -> None:
    assert missing_table(SqlError(3, text)) == path


@pytest.mark.parametrize("timed_out", [True, False])
def test_what_cannot_be_planned_exceeds_resources(timed_out: bool) -> None:
    error = from_trap(Trapped("wasm trap: call stack exhausted", timed_out))
    assert error.reason.name == "resourcesExceeded"
    assert "wasm" not in error.message
