from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import BigQueryError
from bqsim.jobs.schema_updates import merge_fields
from bqsim.jobs.target import named_as
from bqsim.types import Field, Mode, TypeKind

INT = TypeKind.INT64
TABLE = Table(
    TableRef("p", "d", "t"),
    TableKind.TABLE,
    (
        Field("id", INT, Mode.REQUIRED),
        Field("name", TypeKind.STRING, description="kept"),
        Field("tags", TypeKind.STRING, Mode.REPEATED),
        Field("r", TypeKind.STRUCT, fields=(Field("x", INT, Mode.REQUIRED), Field("y", INT))),
    ),
    1,
    1,
    "e",
    "US",
)
ADD, RELAX = frozenset({"ALLOW_FIELD_ADDITION"}), frozenset({"ALLOW_FIELD_RELAXATION"})


def merge(*fields: Field, allowed: frozenset[str] = frozenset(), query: bool = False) -> tuple[Field, ...]:
    return merge_fields(TABLE, fields, allowed, query=query)


def refusal(*fields: Field, allowed: frozenset[str] = frozenset(), query: bool = False) -> str:
    with pytest.raises(BigQueryError) as caught:
        merge(*fields, allowed=allowed, query=query)
    assert caught.value.reason.name == "invalid"
    return caught.value.message


ID = Field("ID", INT, Mode.REQUIRED)


def test_the_same_fields_change_nothing() -> None:
    assert merge(*TABLE.fields) == TABLE.fields


def test_nullable_fields_may_be_missing_and_names_differ_in_case() -> None:
    assert merge(ID) == TABLE.fields


def test_new_fields_are_added_at_the_end_as_nullable() -> None:
    merged = merge(ID, Field("z", INT, Mode.REQUIRED), allowed=ADD)
    assert merged == (*TABLE.fields, Field("z", INT))


def test_required_fields_are_relaxed() -> None:
    merged = merge(Field("id", INT), allowed=RELAX)
    assert merged[0].mode is Mode.NULLABLE
    merged = merge(Field("name", TypeKind.STRING), allowed=RELAX)
    assert merged[0].mode is Mode.NULLABLE
    nested = Field("r", TypeKind.STRUCT, fields=(Field("x", INT),))
    assert merge(ID, nested, allowed=RELAX)[3].fields == (Field("x", INT), Field("y", INT))


def test_mismatches_of_a_load() -> None:
    prefix = "Provided Schema does not match Table p:d.t. "
    assert refusal(ID, Field("z", INT)) == f"{prefix}Cannot add fields (field: z)"
    assert refusal(Field("name", INT), ID) == f"{prefix}Field name has changed type from STRING to INTEGER"
    assert refusal(Field("id", INT)) == f"{prefix}Field id has changed mode from REQUIRED to NULLABLE"
    assert refusal() == f"{prefix}Field id is missing in new schema"
    assert refusal(ID, Field("tags", TypeKind.STRING)) == (
        f"{prefix}Field tags has changed mode from REPEATED to NULLABLE"
    )
    nested = Field("r", TypeKind.STRUCT, fields=(Field("y", TypeKind.STRING),))
    assert refusal(ID, nested) == f"{prefix}Field r.y has changed type from INTEGER to STRING"
    nested = Field("r", TypeKind.STRUCT, fields=(Field("q", INT),))
    assert refusal(ID, nested) == f"{prefix}Cannot add fields (field: r.q)"


def test_mismatches_of_a_query() -> None:
    assert refusal(ID, Field("z", INT), query=True) == "Invalid schema update. Cannot add fields (field: z)"


def test_fields_take_the_tables_spelling() -> None:
    assert [f.name for f in named_as(TABLE, [ID])] == ["id"]
