"""What became of a schema."""

from __future__ import annotations

import pytest

from bqclient.models.schema import Field, Schema
from bqclient.storage_api.schema_changes import (
    COMPATIBILITY,
    Compatibility,
    Kind,
    SchemaComparison,
    compare_schemas,
)


def compared(then: list[Field], now: list[Field]) -> SchemaComparison:
    return compare_schemas(Schema.of(then), Schema.of(now))


INT = Field("a", "INT64")

CASES: list[tuple[Field, Field | None, Kind, str]] = [
    (INT, Field("A", "INT64"), Kind.RENAMED, "a renamed (a -> A)"),
    (Field("a", "INT64", "REQUIRED"), INT, Kind.RELAXED, "a relaxed (REQUIRED -> NULLABLE)"),
    (
        Field("a", "STRING", max_length=10),
        Field("a", "STRING", max_length=20),
        Kind.WIDENED,
        "a widened (STRING(10) -> STRING(20))",
    ),
    (
        Field("a", "STRING", max_length=10),
        Field("a", "STRING"),
        Kind.WIDENED,
        "a widened (STRING(10) -> STRING)",
    ),
    (
        Field("a", "NUMERIC", precision=10, scale=2),
        Field("a", "NUMERIC", precision=12, scale=2),
        Kind.WIDENED,
        "a widened (NUMERIC(10, 2) -> NUMERIC(12, 2))",
    ),
    (
        Field("a", "NUMERIC", precision=10),
        Field("a", "NUMERIC"),
        Kind.WIDENED,
        "a widened (NUMERIC(10) -> NUMERIC)",
    ),
    (
        Field("a", "NUMERIC"),
        Field("a", "NUMERIC", precision=30, scale=9),
        Kind.NARROWED,
        "a narrowed (NUMERIC -> NUMERIC(30, 9))",
    ),
    (
        Field("a", "NUMERIC", precision=10, scale=2),
        Field("a", "NUMERIC", precision=10, scale=4),
        Kind.NARROWED,
        "a narrowed (NUMERIC(10, 2) -> NUMERIC(10, 4))",
    ),
    (INT, None, Kind.REMOVED, "a removed (INT64)"),
    (INT, Field("a", "FLOAT64"), Kind.RETYPED, "a retyped (INT64 -> FLOAT64)"),
    (
        Field("a", "RANGE", element="DATE"),
        Field("a", "RANGE", element="TIMESTAMP"),
        Kind.RETYPED,
        "a retyped (RANGE<DATE> -> RANGE<TIMESTAMP>)",
    ),
    (INT, Field("a", "INT64", "REQUIRED"), Kind.REQUIRED, "a required (NULLABLE -> REQUIRED)"),
    (INT, Field("a", "INT64", "REPEATED"), Kind.REPEATED, "a repeated (NULLABLE -> REPEATED)"),
]


@pytest.mark.parametrize(("then", "now", "kind", "text"), CASES, ids=[case[3] for case in CASES])
def test_each_change_is_told(then: Field, now: Field | None, kind: Kind, text: str) -> None:
    found = compared([then, Field("z", "STRING")], [*([now] if now else []), Field("z", "STRING")])
    assert [change.kind for change in found.changes] == [kind]
    assert str(found) == text
    assert found.compatibility is COMPATIBILITY[kind]
    assert bool(found.breaking) is (found.compatibility is Compatibility.INCOMPATIBLE)


@pytest.mark.parametrize(("then", "now", "kind", "text"), CASES, ids=[case[3] for case in CASES])
def test_changes_in_structs_are_told_with_their_path(
    then: Field, now: Field | None, kind: Kind, text: str
) -> None:
    rest = Field("z", "STRING")
    found = compared(
        [Field("s", "STRUCT", "REPEATED", (then, rest))],
        [Field("s", "STRUCT", "REPEATED", (*([now] if now else []), rest))],
    )
    assert str(found) == f"s.{text}"


def test_schemas_without_changes_are_identical() -> None:
    plain = [Field("a", "INTEGER"), Field("s", "RECORD", fields=(Field("b", "NUMERIC", precision=9),))]
    told = [Field("a", "INT64", description="x", default="1", more={"policyTags": {}}), plain[1]]
    found = compared(plain, told)
    assert (found.identical, found.changes, str(found)) == (True, (), "no changes")
    assert found.compatibility is Compatibility.IDENTICAL


def test_columns_that_are_added_or_moved_are_compatible() -> None:
    found = compared([INT, Field("b", "STRING")], [Field("c", "DATE"), Field("b", "STRING"), INT])
    assert str(found) == "columns moved; c added (NULLABLE DATE)"
    assert found.compatibility is Compatibility.COMPATIBLE
    assert found.breaking == ()


def test_the_worst_change_counts() -> None:
    found = compared([INT, Field("b", "STRING")], [Field("b", "BYTES"), Field("c", "DATE")])
    assert [change.kind for change in found.changes] == [Kind.REMOVED, Kind.RETYPED, Kind.ADDED]
    assert [change.path for change in found.breaking] == ["a", "b"]
    assert found.compatibility is Compatibility.INCOMPATIBLE
