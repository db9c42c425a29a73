from __future__ import annotations

import pytest
from zetasql.wasi._pb2.zetasql.public import type_pb2

from bqsim.errors import BigQueryError
from bqsim.sql.googlesql.types import NUMBER_OF, type_from_proto, type_to_proto
from bqsim.types import DATE, INT64, STRING, Type, TypeKind, array_of, range_of, struct_of

TYPES = [
    *(Type(kind) for kind in TypeKind if kind not in (TypeKind.ARRAY, TypeKind.STRUCT, TypeKind.RANGE)),
    array_of(struct_of(("a", INT64), ("", array_of(STRING)))),
    range_of(DATE),
    struct_of(),
]


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_round_trip(type_: Type) -> None:
    assert type_from_proto(type_to_proto(type_)) == type_


def test_numbers_are_those_of_googlesql() -> None:
    names = {
        TypeKind.FLOAT64: "TYPE_DOUBLE",
        **{k: f"TYPE_{k.value}" for k in TypeKind if k is not TypeKind.FLOAT64},
    }
    assert {kind: type_pb2.TypeKind.Value(name) for kind, name in names.items()} == NUMBER_OF


def test_an_enum_reads_as_its_name() -> None:
    assert type_from_proto(type_pb2.TypeProto(type_kind="TYPE_ENUM")) == STRING


def test_a_type_that_bigquery_lacks_is_refused() -> None:
    with pytest.raises(BigQueryError, match="is not supported by bqsim"):
        type_from_proto(type_pb2.TypeProto(type_kind="TYPE_GRAPH_ELEMENT"))
