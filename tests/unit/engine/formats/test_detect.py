from __future__ import annotations

from typing import Any

import pytest

from bqsim.engine.formats.detect import detect_json, joined, text_kind
from bqsim.types import Field, TypeKind

pytestmark = pytest.mark.fidelity("load:schema autodetection", "exact")


def shape(fields: tuple[Field, ...]) -> list[Any]:
    return [(f.name, f.kind.value, f.mode.value, *([shape(f.fields)] if f.fields else [])) for f in fields]


def test_json_fields_come_in_reverse_order() -> None:
    rows = [{"id": 1, "info": {"age": 30, "city": "X"}, "tags": ["a"], "items": [{"sku": "s", "qty": 2}]}]
    assert shape(detect_json(rows)) == [
        ("items", "STRUCT", "REPEATED", [("qty", "INT64", "NULLABLE"), ("sku", "STRING", "NULLABLE")]),
        ("tags", "STRING", "REPEATED"),
        ("info", "STRUCT", "NULLABLE", [("city", "STRING", "NULLABLE"), ("age", "INT64", "NULLABLE")]),
        ("id", "INT64", "NULLABLE"),
    ]


def test_json_values_of_several_rows_are_joined() -> None:
    fields = detect_json([{"a": None, "b": 1}, {"a": 1, "b": 1.5}, {"a": "x", "b": 2}])
    assert {f.name: f.kind.value for f in fields} == {"a": "STRING", "b": "FLOAT64"}


def test_only_nulls_are_text() -> None:
    assert shape(detect_json([{"a": None}])) == [("a", "STRING", "NULLABLE")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("12", TypeKind.INT64),
        ("99999999999999999999", TypeKind.FLOAT64),
        ("9223372036854775808", TypeKind.FLOAT64),
        ("1.5e3", TypeKind.FLOAT64),
        ("TRUE", TypeKind.BOOL),
        ("2026-01-02", TypeKind.DATE),
        ("2026-01-02T03:04:05Z", TypeKind.TIMESTAMP),
        ("2026-01-02 03:04:05+01:00", TypeKind.TIMESTAMP),
        ("10:11:12", TypeKind.TIME),
        ("1,5", TypeKind.STRING),
        ("", TypeKind.STRING),
    ],
)
def test_text_kinds(text: str, kind: TypeKind) -> None:
    assert text_kind(text) is kind


def test_kinds_that_do_not_go_together_are_text() -> None:
    assert joined(TypeKind.INT64, TypeKind.BOOL) is TypeKind.STRING
    assert joined(TypeKind.INT64, None) is TypeKind.INT64
    assert joined(None, None) is None
