from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from bqsim.datagen import SpecError
from bqsim.jobs.filling import as_json
from bqsim.pytest_plugin.handle import TestSimulator

NOON = dt.datetime(2026, 1, 2, 12)
ROW = {
    "i": 1,
    "f": 1.5,
    "b": True,
    "n": Decimal("9.99"),
    "s": "2026-01-01",
    "y": b"\x00\xff",
    "d": NOON.date(),
    "dt": NOON,
    "ts": NOON.replace(tzinfo=dt.UTC),
    "t": NOON.time(),
    "r": [1, 2],
    "o": {"x": 1, "l": ["a"]},
}
TYPES = [
    "INTEGER",
    "FLOAT",
    "BOOLEAN",
    "NUMERIC",
    "STRING",
    "BYTES",
    "DATE",
    "DATETIME",
    "TIMESTAMP",
    "TIME",
    "INTEGER",
    "RECORD",
]


def test_columns_are_of_the_kinds_that_the_values_have(bqsim: TestSimulator, bqsim_client: Any) -> None:
    assert bqsim.data({"d.t": [ROW, {"i": None}]}) == {"d.t": 2}
    table = bqsim_client.get_table("d.t")
    assert [field.field_type for field in table.schema] == TYPES
    first, second = bqsim_client.list_rows(table)
    assert dict(first) == ROW
    assert {value for name, value in second.items() if name != "r"} == {None}
    assert table.num_rows == 2


def test_rows_are_appended_with_the_columns_of_the_table(bqsim: TestSimulator, bqsim_client: Any) -> None:
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait("CREATE TABLE d.t (day DATE, n INT64 DEFAULT 7, note STRING)")
    bqsim.data({"d.t": [{"day": "2026-01-01", "n": 1}]})
    bqsim.data({"d.t": {"rows": [{"day": dt.date(2026, 1, 2), "note": "x"}]}})
    found = [tuple(row) for row in bqsim_client.query_and_wait("SELECT * FROM d.t ORDER BY day")]
    assert found == [(dt.date(2026, 1, 1), 1, None), (dt.date(2026, 1, 2), None, "x")]


def test_generated_rows_refer_to_each_other_and_repeat(bqsim: TestSimulator, bqsim_client: Any) -> None:
    number = [{"name": "id", "type": "INTEGER"}]
    for dataset in ("a", "b"):
        tables = {
            f"{dataset}.users": {"schema": number, "rows": 20, "columns": {"id": {"sequence": {}}}},
            f"{dataset}.visits": {
                "schema": [{"name": "user", "type": "INTEGER"}, {"name": "s", "type": "STRING"}],
                "rows": 500,
                "columns": {"user": {"references": "users.id"}},
            },
        }
        assert bqsim.data(tables, seed=3) == {f"{dataset}.users": 20, f"{dataset}.visits": 500}
    sql = "SELECT COUNT(*) FROM a.visits JOIN a.users ON user = id"
    assert next(iter(bqsim_client.query_and_wait(sql)))[0] == 500
    rows = [sorted(map(tuple, bqsim_client.list_rows(f"{d}.visits"))) for d in ("a", "b")]
    assert rows[0] == rows[1]


DAY = [{"name": "x", "type": "DATE"}]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"t": []}, "t: a table is named dataset.table"),
        ({"d.t": []}, "d.t: 'schema' is missing"),
        ({"d.t": [{"x": None}]}, "d.t.x: has nothing but NULL: give the table a 'schema'"),
        ({"d.t": [{"x": 1}, {"x": "a"}]}, "d.t.x: has INT64 and STRING"),
        ({"d.t": [{"x": object()}]}, "d.t.x: has a object"),
        ({"d.t": [1]}, r"d.t\[0\]: a row is an object"),
        ({"d.t": "rows"}, "d.t: a list of rows is wanted"),
        ({"d.t": {"rwos": []}}, "did you mean 'rows'"),
        ({"d.t": {"rows": 5}}, "'schema' is missing"),
        (
            {"d.t": {"schema": [{"name": "x", "type": "DATE"}], "rows": [{"x": "soon"}]}},
            "Invalid date: 'soon'",
        ),
        (
            {"d.t": {"schema": [{"name": "x", "type": "DATE"}], "rows": [], "columns": {}}},
            "'columns' is for rows",
        ),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(bqsim: TestSimulator, data: Any, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        bqsim.data({"d.ok": [{"n": 1}], **data})
    assert list(bqsim.client().list_datasets()) == []


def test_the_same_in_json() -> None:
    found = as_json(
        {"d.t": [{"day": dt.date(2026, 1, 1), "n": Decimal("1.5")}], "d.u": {"rows": []}, "d.v": []}
    )
    assert found["d.t"]["rows"] == [{"day": "2026-01-01", "n": "1.5"}]
    assert [field["type"] for field in found["d.t"]["schema"]] == ["DATE", "NUMERIC"]
    assert (found["d.u"], found["d.v"]) == ({"rows": []}, {})
    with pytest.raises(SpecError, match="set"):
        as_json({"d.t": {"rows": [{"x": {1}}]}})
