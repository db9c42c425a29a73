from __future__ import annotations

from typing import Any

import pytest

from bqsim.jobs.streaming import rows as module
from bqsim.jobs.streaming.rows import insert_errors, parse_rows, row_error
from bqsim.types import Field, Mode, TypeKind

pytestmark = pytest.mark.fidelity("streaming:row errors", "exact")

FIELDS = (
    Field("id", TypeKind.INT64, Mode.REQUIRED),
    Field("n", TypeKind.INT64, Mode.REPEATED),
    Field(
        "r",
        TypeKind.STRUCT,
        Mode.REPEATED,
        fields=(Field("x", TypeKind.INT64, Mode.REQUIRED), Field("y", TypeKind.STRING)),
    ),
)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"id": "x"}, [("id", "Cannot convert value to integer (bad value): x")]),
        ({"id": 1, "n": ["x"]}, [("n[0]", "Cannot convert value to integer (bad value): x")]),
        (
            {"id": 1, "n": [1, None]},
            [("n[1]", "Only optional fields can be set to NULL. Field: n; Value: NULL")],
        ),
        (
            {"id": 1, "r": [{"x": 1}, {"x": 1, "y": [2]}]},
            [("r[1].y", "Array specified for non-repeated field: y.")],
        ),
        ({"id": 1, "r": [{"x": 1, "z": 0}]}, [("r[0].z", "no such field: r.z.")]),
        ({"id": 1, "r": [5]}, [("r[0]", "This field: r is not a record.")]),
        ({}, [("", "Missing required field: Msg_0_CLOUD_QUERY_TABLE.id.")]),
        (
            {"q": 1, "r": [{}]},
            [
                ("q", "no such field: q."),
                ("", "Missing required fields: Msg_0_CLOUD_QUERY_TABLE.id, Msg_0_CLOUD_QUERY_TABLE.r.x."),
            ],
        ),
    ],
    ids=["scalar", "element", "null", "array", "unknown", "record", "missing", "several"],
)
def test_messages(body: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    parsed = parse_rows(FIELDS, [{"id": 1}, body], False)
    assert sorted((e["location"], e["message"]) for e in parsed.errors[1]) == sorted(errors)
    assert {(e["reason"], e["debugInfo"]) for e in parsed.errors[1]} == {("invalid", "")}
    assert (parsed.indexes, parsed.rows.num_rows) == ([0], 1)


def test_good_rows() -> None:
    parsed = parse_rows(FIELDS, [{"id": 1}, {"ID": "2"}], False)
    assert (parsed.indexes, parsed.errors) == (None, {})
    assert parsed.rows.column(0).to_pylist() == [1, 2]


def test_unknown_values_are_ignored_when_asked() -> None:
    assert parse_rows(FIELDS, [{"id": 1, "q": 1, "r": [{"x": 1, "z": 0}]}], True).errors == {}


def test_rows_are_refused_for_more_reasons() -> None:
    parsed = parse_rows(FIELDS, [{"id": 0}, {"id": "x"}, {"id": 2}, {"id": 3}], False)
    parsed.refuse(
        {1: [row_error("internalError", "", "asked")], 2: [row_error("internalError", "", "asked")]}
    )
    assert (parsed.indexes, parsed.rows.column(0).to_pylist()) == ([0, 3], [0, 3])
    assert [parsed.errors[i][0]["reason"] for i in (1, 2)] == ["invalid", "internalError"]


def test_a_row_may_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROW_BYTES", 500)
    parsed = parse_rows(FIELDS, [{"id": 1}, {"id": 2, "n": list(range(100))}], False)
    (error,) = parsed.errors[1]
    assert error["message"].startswith("Maximum allowed row size exceeded. Allowed: 500 Row size: ")
    assert parsed.rows.column(0).to_pylist() == [1]


def test_the_reply() -> None:
    bad = [row_error("invalid", "a", "b")]
    assert insert_errors({}, 2, False) == []
    assert insert_errors({1: bad}, 2, True) == [{"index": 1, "errors": bad}]
    assert insert_errors({1: bad}, 2, False) == [
        {"index": 0, "errors": [{"reason": "stopped", "location": "", "debugInfo": "", "message": ""}]},
        {"index": 1, "errors": bad},
    ]
