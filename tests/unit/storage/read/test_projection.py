from __future__ import annotations

from typing import Any

import pytest

from .conftest import Reader

Z = "ARRAY<STRUCT<t BOOL, u INT64>>"
ROWS = f"""
SELECT 1 AS a, STRUCT('s' AS name, STRUCT(1.5 AS f, [1, 2] AS l) AS deep) AS st,
  ARRAY<STRUCT<x INT64, y STRING, z {Z}>>
    [(1, 'p', {Z}[(TRUE, 7)]), (2, 'q', {Z}[])] AS li, 'end' AS b
UNION ALL SELECT 2, NULL, [], NULL
UNION ALL SELECT 3, STRUCT(CAST(NULL AS STRING), CAST(NULL AS STRUCT<f FLOAT64, l ARRAY<INT64>>)),
  ARRAY<STRUCT<x INT64, y STRING, z {Z}>>[(NULL, 'r', {Z}[(FALSE, NULL)])], 'x'
"""


@pytest.fixture(params=["table", "result"])
def table(reader: Reader, request: pytest.FixtureRequest) -> str:
    if request.param == "result":
        return reader.result(f"SELECT * FROM ({ROWS}) ORDER BY a")
    reader.warehouse.run(f"CREATE TABLE d.t AS SELECT * FROM ({ROWS}) ORDER BY a")
    return "t"


def plain(rows: list[tuple[Any, ...]]) -> list[Any]:
    return [row if len(row) > 1 else row[0] for row in rows]


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        (["b", "a"], [(1, "end"), (2, None), (3, "x")]),
        (["A", "a"], [1, 2, 3]),
        (["st.NAME"], [{"name": "s"}, None, {"name": None}]),
        (["st.deep.l", "st.name"], [
            {"name": "s", "deep": {"l": [1, 2]}}, None, {"name": None, "deep": None}
        ]),
        (["li.y"], [[{"y": "p"}, {"y": "q"}], [], [{"y": "r"}]]),
        (["li.z.u", "li.x"], [
            [{"x": 1, "z": [{"u": 7}]}, {"x": 2, "z": []}], [], [{"x": None, "z": [{"u": None}]}]
        ]),
        (["st.deep", "st.deep.f"], [{"deep": {"f": 1.5, "l": [1, 2]}}, None, {"deep": None}]),
        (["st.deep.f", "st"], [
            {"name": "s", "deep": {"f": 1.5, "l": [1, 2]}}, None, {"name": None, "deep": None}
        ]),
    ],
)  # fmt: skip
def test_selected_fields(reader: Reader, table: str, selected: list[str], expected: list[Any]) -> None:
    session = reader.session(table, selected_fields=selected)
    rows = plain(reader.rows(session))
    assert rows == expected
    avro = reader.session(table, "AVRO", selected_fields=selected)
    assert plain([tuple(r.values()) for r in reader.avro(avro, avro.streams[0].name)]) == plain(
        reader.rows(session)
    )


@pytest.mark.parametrize("name", ["nope", "st.nope", "a.x", "li.z.nope", "", "st.", ".a", "st.deep.f.x"])
def test_unknown_fields(reader: Reader, table: str, name: str) -> None:
    error = reader.failure(table, selected_fields=["a", name])
    assert error.status == "INVALID_ARGUMENT"
    text = "request failed: The following selected fields do not exist in the table schema: "
    assert error.message == text + name


def test_all_unknown_fields_are_named(reader: Reader, table: str) -> None:
    error = reader.failure(table, selected_fields=["x", "a", "st.y", "st.deep.q"])
    assert error.message.endswith(": x, st.y, st.deep.q")
    below_whole = reader.failure(table, selected_fields=["st", "st.nope"])
    assert below_whole.message.endswith(": st.nope")


def test_the_bytes_of_selected_fields(reader: Reader, table: str) -> None:
    def nbytes(*selected: str) -> int:
        return reader.session(table, selected_fields=list(selected)).estimated_total_bytes_scanned

    assert nbytes("a") == 24
    assert nbytes("a", "b") == 24 + 5 + 3
    assert nbytes("li.x") == 16
    assert nbytes("st.name", "li.z.t") == 3 + 2


def test_pseudo_columns_exist_only_where_partitions_are_by_time_of_arrival(
    reader: Reader, table: str
) -> None:
    assert reader.failure(table, selected_fields=["_PARTITIONTIME"]).status == "INVALID_ARGUMENT"
    reader.warehouse.run("CREATE TABLE d.hourly (x INT64) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)")
    reader.warehouse.run("INSERT INTO d.hourly (x) VALUES (1)")
    assert reader.rows(reader.session("hourly", selected_fields=["_PARTITIONTIME"]))[0][0].minute == 0
    assert reader.failure("hourly", selected_fields=["_PARTITIONDATE"]).status == "INVALID_ARGUMENT"
