from __future__ import annotations

from bqsim.storage.write.convert.matching import Matcher, Source
from bqsim.storage.write.convert.numbers import same
from bqsim.storage.write.convert.scope import Converter
from bqsim.types import Field, TypeKind


def scalar(kind: TypeKind) -> Converter | None:
    return same if kind is TypeKind.INT64 else None


def source(name: str, index: int, *children: Source, repeated: bool = False) -> Source:
    return Source(name, index, f"Row.{name}", "int64", repeated, scalar, children or None)


def test_a_part_for_each_field_of_the_table() -> None:
    matcher = Matcher("proto")
    parts = matcher.parts([Field("a", TypeKind.INT64), Field("B", TypeKind.INT64)], [source("b", 0)])
    assert [(p.path, p.index, p.convert) for p in parts] == [("a", None, None), ("B", 0, same)]
    assert matcher.failure("t") is None


def test_extra_fields_are_told_before_others() -> None:
    matcher = Matcher("proto")
    matcher.parts([Field("a", TypeKind.STRING)], [source("a", 0), source("X", 1)])
    failure = matcher.failure("t")
    assert failure is not None
    assert (failure.code, failure.entity) == ("SCHEMA_MISMATCH_EXTRA_FIELDS", "t")
    assert failure.message == "Input schema has more fields than BigQuery schema, extra fields: 'x'"
    assert len(matcher.wrong) == 1
