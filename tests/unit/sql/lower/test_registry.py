from __future__ import annotations

import pytest

from bqsim.sql.lower.functions import (
    aggregate_function,
    aggregate_rows,
    scalar_function,
    scalar_rows,
    window_function,
)
from bqsim.sql.lower.registry import ANY, aggregate, fn
from bqsim.types import BOOL, FLOAT64, INT64, STRING, TypeKind, array_of


def test_patterns_match_types_kinds_and_anything() -> None:
    row = fn("f", (INT64, TypeKind.ARRAY, (TypeKind.STRING, TypeKind.BYTES), ANY), sql="f()", optional=1)
    assert row.matches((INT64, array_of(BOOL), STRING, FLOAT64))
    assert row.matches((INT64, array_of(BOOL), STRING))
    assert not row.matches((INT64, array_of(BOOL)))
    assert not row.matches((INT64, array_of(BOOL), INT64))
    assert not row.matches((INT64, array_of(BOOL), STRING, FLOAT64, FLOAT64))


def test_repeated_arguments() -> None:
    row = fn("f", (INT64,), sql="f()", repeated=STRING)
    assert row.matches((INT64, STRING, STRING))
    assert not row.matches((INT64, STRING, INT64))


def test_a_row_has_a_template_or_a_builder() -> None:
    with pytest.raises(ValueError, match="f: give one"):
        fn("f", ())
    with pytest.raises(ValueError, match="f: give one"):
        aggregate("f", ())


def test_calls_on_no_row_are_not_found() -> None:
    assert scalar_function("no_such_function", ()) is None
    assert scalar_function("$add", (INT64, STRING)) is None
    assert aggregate_function("sum", (STRING,)) is None
    assert window_function("sum", (INT64,)) is None


def test_every_template_is_closed_against_its_surroundings() -> None:
    """It is a call, a cast, a literal or stands in parentheses, so operators around it cannot split it."""
    for rows in scalar_rows().values():
        for row in rows:
            if row.sql is not None:
                sql = row.sql.strip()
                assert sql.endswith((")", "END", "]", "}")) or sql.replace("_", "").isalnum(), row


def test_every_aggregate_row_computes_one_way() -> None:
    for rows in aggregate_rows().values():
        assert all((row.function is None) != (row.build is None) for row in rows)
