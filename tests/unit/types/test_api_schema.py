"""Schemas of the API: accepted spellings, answered spellings, refusals in the service's words."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.api_schema import api_type, fields_from_api, fields_to_api


def field(**body: Any) -> dict[str, Any]:
    return {"name": "x", "type": "STRING", **body}


@pytest.mark.parametrize(
    ("given", "kind", "answered"),
    [
        ("INT64", TypeKind.INT64, "INTEGER"),
        ("integer", TypeKind.INT64, "INTEGER"),
        ("FLOAT64", TypeKind.FLOAT64, "FLOAT"),
        ("FLOAT", TypeKind.FLOAT64, "FLOAT"),
        ("BOOL", TypeKind.BOOL, "BOOLEAN"),
        ("DECIMAL", TypeKind.NUMERIC, "NUMERIC"),
        ("BIGDECIMAL", TypeKind.BIGNUMERIC, "BIGNUMERIC"),
        ("JSON", TypeKind.JSON, "JSON"),
    ],
)
def test_type_names(given: str, kind: TypeKind, answered: str) -> None:
    (parsed,) = fields_from_api([field(type=given)])
    assert parsed == Field("x", kind)
    assert fields_to_api([parsed]) == [{"name": "x", "type": answered, "mode": "NULLABLE"}]


def test_struct_is_answered_as_record() -> None:
    body = {
        "name": "s",
        "type": "STRUCT",
        "mode": "repeated",
        "fields": [field(), field(name="y", type="INT64")],
    }
    (parsed,) = fields_from_api([body])
    assert parsed.mode is Mode.REPEATED and [f.name for f in parsed.fields] == ["x", "y"]
    assert fields_to_api([parsed])[0]["type"] == "RECORD"
    assert api_type(TypeKind.STRUCT) == "RECORD"


def test_everything_given_is_given_back() -> None:
    body = [
        field(mode="REQUIRED", description="d", maxLength="5", collation="und:ci", policyTags={"names": []}),
        field(
            name="n",
            type="NUMERIC",
            mode="NULLABLE",
            precision="5",
            scale="2",
            roundingMode="ROUND_X",
        ),
        field(name="d", type="DATE", mode="NULLABLE", defaultValueExpression="CURRENT_DATE()"),
        field(name="r", type="RANGE", mode="NULLABLE", rangeElementType={"type": "DATETIME"}),
        {"name": "s", "type": "RECORD", "mode": "NULLABLE", "fields": [field(mode="REPEATED")]},
    ]
    parsed = fields_from_api(body)
    assert (parsed[0].max_length, parsed[1].precision, parsed[1].scale) == (5, 5, 2)
    assert parsed[3].range_element is TypeKind.DATETIME
    assert fields_to_api(parsed) == body
    assert fields_from_api(fields_to_api(parsed)) == parsed


def nested(levels: int) -> list[dict[str, Any]]:
    fields = [field()]
    for _ in range(levels - 1):
        fields = [field(type="RECORD", fields=fields)]
    return fields


def test_fifteen_levels_are_allowed_sixteen_not() -> None:
    fields_from_api(nested(15))
    with pytest.raises(BigQueryError, match="maximum nesting depth of 15"):
        fields_from_api(nested(16))


CHARACTERS = (
    "Fields must contain the allowed characters, and be at most 300 characters long. For allowed characters, "
    "please refer to https://cloud.google.com/bigquery/docs/schemas#column_names"
)


@pytest.mark.parametrize(
    ("bodies", "reason", "message"),
    [
        ([field(name="a.b")], "invalid", f'Invalid field name "a.b". {CHARACTERS}'),
        ([field(name="a" * 301)], "invalid", f'Invalid field name "{"a" * 301}". {CHARACTERS}'),
        (
            [field(name="_table_x")],
            "invalid",
            'Invalid field name "_table_x". Field names are not allowed to start with the (case-insensitive) '
            "prefixes _PARTITION, _TABLE_, _FILE_, _ROW_TIMESTAMP, __ROOT__, _COLIDENTIFIER and _CHANGE_",
        ),
        ([field(), field(name="X")], "invalid", "Field X already exists in schema"),
        ([field(type="FOO")], "invalid", "Invalid value for type: FOO is not a valid value"),
        ([field(mode="OPTIONAL")], "invalid", "Invalid value for mode: OPTIONAL is not a valid value"),
        ([field(type="RECORD")], "invalid", "Field x is type RECORD but has no schema"),
        ([field(type=None)], "required", "Required field type is missing for field x"),
        ([{"type": "STRING"}], "required", "Required field name is missing in the schema"),
        ([field(type="RANGE")], "invalid", "Field x is type RANGE but has no range element type"),
        (
            [field(type="RANGE", rangeElementType={"type": "INT64"})],
            "invalid",
            "Invalid range element type INT64 for field x",
        ),
        ([field(type="INT64", maxLength="3")], "invalid", "Invalid maxLength 3 for field x of type INTEGER"),
        (
            [field(type="NUMERIC", precision="30", scale="0")],
            "invalid",
            "In NUMERIC(P, 0), P must be between 1 and 29, in field x: 30",
        ),
        (
            [field(type="NUMERIC", precision="30", scale="10")],
            "invalid",
            "In NUMERIC(P, S), S must be between 0 and 9, in field x: 10",
        ),
        (
            [field(type="STRING", precision="3")],
            "invalid",
            "Precision and scale are not allowed for field x of type STRING",
        ),
    ],
)
def test_refusals(bodies: list[dict[str, Any]], reason: str, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        fields_from_api(bodies)
    assert (caught.value.reason.name, caught.value.message) == (reason, message)


@pytest.mark.parametrize("name", ["_x", "été", "a b", "50%", "a-b", "名前", "x" * 300, "1st"])
def test_flexible_column_names(name: str) -> None:
    assert fields_from_api([field(name=name)])[0].name == name
