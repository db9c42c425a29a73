from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bqsim.engine.formats.json_rows import parse_row
from bqsim.engine.formats.objects import columns_of
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.values import table_from_rows

INNER = (Field("x", TypeKind.INT64), Field("y", TypeKind.STRING))
FIELDS = (
    Field("i", TypeKind.INT64),
    Field("f", TypeKind.FLOAT64),
    Field("b", TypeKind.BOOL),
    Field("s", TypeKind.STRING),
    Field("n", TypeKind.NUMERIC),
    Field("d", TypeKind.DATE),
    Field("t", TypeKind.TIMESTAMP),
    Field("m", TypeKind.DATETIME),
    Field("l", TypeKind.INT64, Mode.REPEATED),
    Field("r", TypeKind.STRUCT, Mode.NULLABLE, INNER),
    Field("q", TypeKind.STRUCT, Mode.REPEATED, INNER),
)
NUMBER = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=4) | st.sampled_from(
    [
        "1",
        "-5",
        "1.5",
        "true",
        "2026-01-02",
        "2026-01-02 03:04:05",
        "2026-01-02T03:04:05Z",
        "2026-01-02 10",
        "nan",
        "0x1",
    ]
)
SCALAR = st.none() | NUMBER | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
RECORD = st.dictionaries(st.sampled_from("xyz"), SCALAR, max_size=3) | st.none()
ROW = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys("ifbsndtm", SCALAR),
        "l": st.lists(NUMBER | st.none(), max_size=3) | SCALAR,
        "r": RECORD | SCALAR,
        "q": st.lists(RECORD, max_size=2) | SCALAR,
        "zz": SCALAR,
    },
)


@settings(deadline=None)
@example([{"f": "NAN"}])
@given(st.lists(ROW, min_size=1, max_size=4))
def test_what_is_usual_is_the_same_value_by_value(rows: list[dict[str, Any]]) -> None:
    usual = columns_of(FIELDS, rows)
    problems: list[str] = []
    parsed = [parse_row(FIELDS, row, False, lambda _, message: problems.append(message)) for row in rows]
    if usual is not None:
        assert problems == []
        valued = table_from_rows(FIELDS, parsed)
        # By text: NaN does not equal itself.
        assert usual.schema == valued.schema
        assert repr(usual.to_pylist()) == repr(valued.to_pylist())


def test_good_rows_are_usual() -> None:
    row = {
        "i": "5",
        "f": 2,
        "b": True,
        "s": "x",
        "n": "1.5",
        "d": "2026-01-02",
        "t": "2026-01-02T03:04:05Z",
        "m": "2026-01-02 03:04:05",
        "l": [1, 2],
        "r": {"x": 1},
        "q": [{"y": "a"}],
    }
    table = columns_of(FIELDS, [row, {}])
    assert table is not None
    assert table.column(9).to_pylist() == [{"_1": 1, "_2": None}, None]
    assert table.column(8).to_pylist() == [[1, 2], []]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field("v", TypeKind.INT64), 2**63),
        (Field("v", TypeKind.INT64), 1.0),
        (Field("v", TypeKind.INT64), True),
        (Field("v", TypeKind.INT64, Mode.REQUIRED), None),
        (Field("v", TypeKind.STRING), 5),
        (Field("v", TypeKind.STRING), "\ud800"),
        (Field("v", TypeKind.STRING, max_length=2), "x"),
        (Field("v", TypeKind.DATE), "2026-02-30"),
        (Field("v", TypeKind.INT64, Mode.REPEATED), 1),
        (Field("v", TypeKind.INT64, Mode.REPEATED), [1, None]),
        (Field("v", TypeKind.STRUCT, fields=INNER), 1),
        (Field("v", TypeKind.STRUCT, fields=(replace(INNER[0], mode=Mode.REQUIRED),)), None),
    ],
)
def test_unusual_values(field: Field, value: object) -> None:
    assert columns_of((field,), [{"v": value}]) is None
