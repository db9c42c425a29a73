from __future__ import annotations

import pytest

from bqsim.sql.lower.outputs import fields_of, output_names
from bqsim.types import INT64, array_of, struct_of
from tests.unit.sql.lower.conftest import Rows
from tests.unit.sql.warehouse import Warehouse


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "$col2", "$col3"], ["a", "f0_", "f1_"]),
        (["x", "x", "X"], ["x", "x_1", "X_2"]),
        (["x", "x_1", "x"], ["x", "x_1", "x_2"]),
        ([""], ["f0_"]),
    ],
)
def test_names_of_result_columns(names: list[str], expected: list[str]) -> None:
    assert output_names(names) == expected


def test_unnamed_struct_fields_are_numbered() -> None:
    [field] = fields_of(["s"], [array_of(struct_of(("", INT64), ("b", INT64), ("", struct_of(("", INT64)))))])
    assert [f.name for f in field.fields] == ["_field_1", "b", "_field_3"]
    assert [f.name for f in field.fields[2].fields] == ["_field_1"]


def test_value_tables_of_structs_have_the_fields_as_columns(warehouse: Warehouse, rows: Rows) -> None:
    sql = "SELECT AS STRUCT 1 AS a, 'x' AS b"
    assert rows(sql) == [[1, "x"]]
    assert [f.name for f in warehouse.run(sql).schema] == ["a", "b"]
    assert [f.name for f in warehouse.run("SELECT AS VALUE 1").schema] == ["f0_"]


@pytest.mark.parametrize(
    "expression",
    ["[1, NULL]", "STRUCT([1, NULL] AS a)", "[STRUCT([1] AS a), STRUCT([NULL, 2] AS a)]"],
)
def test_null_elements_fail_when_written(warehouse: Warehouse, expression: str) -> None:
    message = warehouse.error(f"SELECT {expression} AS col")
    assert message.startswith("Array cannot have a null element; error in writing field col")


def test_columns_may_repeat(rows: Rows) -> None:
    assert rows("SELECT x AS a, x AS a, COUNT(*) AS n, COUNT(*) FROM UNNEST([1]) x GROUP BY 1, 2") == [
        [1, 1, 1, 1]
    ]


@pytest.mark.parametrize("expression", ["v", "[v]", "STRUCT(1 AS n, [STRUCT(v AS v)] AS a)"])
def test_intervals_too_long_for_a_result_fail(warehouse: Warehouse, rows: Rows, expression: str) -> None:
    source = "FROM (SELECT MAKE_INTERVAL(hour => h) AS v FROM UNNEST([{}]) AS h)"
    for hours in ("2562047", "-2562047", "3000000"):
        message = warehouse.error(f"SELECT {expression} AS col " + source.format(hours))
        assert message == "An INTERVAL of 2562047 hours or more in field col is not supported by bqsim"
    assert len(rows(f"SELECT {expression} " + source.format("2562046"))) == 1


def test_a_long_interval_may_be_computed_with(rows: Rows) -> None:
    sql = "SELECT v > INTERVAL 1 YEAR, EXTRACT(HOUR FROM v) FROM (SELECT MAKE_INTERVAL(hour => 3000000) AS v)"
    assert rows(sql) == [[True, 3000000]]
