from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import BigQueryError
from bqsim.server.rest.table_schema import evolve
from bqsim.types import Field, Mode, TypeKind

INT, TEXT, ROW = TypeKind.INT64, TypeKind.STRING, TypeKind.STRUCT


def table(*fields: Field) -> Table:
    return Table(TableRef("p", "d", "t"), TableKind.TABLE, fields, 0, 0, "e", "US")


BEFORE = table(
    Field("id", INT, Mode.REQUIRED),
    Field("name", TEXT, max_length=10),
    Field("row", ROW, Mode.REPEATED, (Field("a", INT),)),
)


def test_new_fields_follow_and_order_stays() -> None:
    row = Field("row", ROW, Mode.REPEATED, (Field("b", TEXT), Field("a", INT)))
    fields, added = evolve(BEFORE, (Field("new", TEXT), row, Field("NAME", TEXT), Field("id", INT)))
    assert [f.name for f in fields] == ["id", "name", "row", "new"]
    assert fields[0].mode is Mode.NULLABLE
    assert fields[1].max_length is None
    assert [f.name for f in fields[2].fields] == ["a", "b"]
    assert [(a.path, a.name) for a in added] == [((2, 1), "row.b"), ((3,), "new")]


@pytest.mark.parametrize(
    ("wanted", "detail"),
    [
        ((Field("id", INT, Mode.REQUIRED),), "Field name is missing in new schema"),
        (
            (Field("id", TEXT, Mode.REQUIRED), *BEFORE.fields[1:]),
            "Field id has changed type from INTEGER to STRING",
        ),
        (
            (BEFORE.fields[0], Field("name", TEXT, Mode.REPEATED), BEFORE.fields[2]),
            "Field name has changed mode from NULLABLE to REPEATED",
        ),
        (
            (*BEFORE.fields, Field("new", INT, Mode.REQUIRED)),
            "Cannot add required fields to an existing schema. (field: new)",
        ),
        (
            (*BEFORE.fields[:2], Field("row", ROW, Mode.REPEATED, (Field("b", INT),))),
            "Field row.a is missing in new schema",
        ),
        (
            (BEFORE.fields[0], Field("name", TEXT, max_length=5), BEFORE.fields[2]),
            "Field name has changed type parameters to narrower ones",
        ),
    ],
)
def test_refused_changes(wanted: tuple[Field, ...], detail: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        evolve(BEFORE, wanted)
    assert caught.value.message == f"Provided Schema does not match Table p:d.t. {detail}"
