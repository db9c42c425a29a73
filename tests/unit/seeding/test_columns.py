from __future__ import annotations

import pytest

from bqsim.seeding.columns import api_field


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INT64", {"name": "c", "type": "INTEGER", "mode": "NULLABLE"}),
        ("string(10) not null", {"name": "c", "type": "STRING", "mode": "REQUIRED", "maxLength": "10"}),
        (
            "NUMERIC(10, 2)",
            {"name": "c", "type": "NUMERIC", "mode": "NULLABLE", "precision": "10", "scale": "2"},
        ),
        ("ARRAY<DATE>", {"name": "c", "type": "DATE", "mode": "REPEATED"}),
    ],
)
def test_types_as_ddl_writes_them(text: str, expected: dict[str, object]) -> None:
    assert api_field("c", text) == expected


def test_structs_have_fields() -> None:
    field = api_field("s", "ARRAY<STRUCT<a INT64, b ARRAY<STRING(5)>>>")
    assert (field["type"], field["mode"]) == ("RECORD", "REPEATED")
    assert [(f["name"], f["type"], f["mode"]) for f in field["fields"]] == [
        ("a", "INTEGER", "NULLABLE"),
        ("b", "STRING", "REPEATED"),
    ]


def test_what_is_no_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="'TEXT' is not a type"):
        api_field("c", "TEXT")
