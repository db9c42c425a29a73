from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.types import DATE, INT64, range_of

from .catalogs import context
from .conftest import World

RANGES = "(SELECT 1 AS k, RANGE(DATE '2024-01-01', NULL) AS r)"


def columns(world: World, sql: str) -> list[tuple[str, object]]:
    return [(name, type_) for name, _, type_ in world.googlesql.analyze(sql, context()).output_columns()]


def error(world: World, sql: str) -> str:
    with pytest.raises(BigQueryError) as caught:
        world.googlesql.analyze(sql, context())
    return caught.value.message


def test_columns_follow_from_the_arguments(world: World) -> None:
    sql = f"SELECT * FROM RANGE_SESSIONIZE({RANGES}, 'r', ['k'])"
    assert columns(world, sql) == [("k", INT64), ("r", range_of(DATE)), ("session_range", range_of(DATE))]


def test_several_calls_in_a_statement_and_in_each_other(world: World) -> None:
    inner = f"range_sessionize({RANGES}, 'r', [])"
    sql = (
        f"SELECT a.k, b.s FROM {inner} AS a JOIN RANGE_SESSIONIZE((SELECT k, session_range AS s FROM {inner})"
    )
    assert columns(world, f"{sql}, 's', ['k'], 'OVERLAPS') AS b USING (k)") == [
        ("k", INT64),
        ("s", range_of(DATE)),
    ]


def test_functions_may_call_them(world: World) -> None:
    body = f"SELECT * FROM RANGE_SESSIONIZE({RANGES}, 'r', [])"
    world.catalog.add_routine(
        "sessions", f"CREATE TABLE FUNCTION d.sessions(x INT64) AS ({body} WHERE k = x)"
    )
    assert len(columns(world, "SELECT * FROM d.sessions(1)")) == 3


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            "RANGE_SESSIONIZE({}, 'r', [],\n 'Y')",
            'Could not cast literal "Y" to type RANGE_SESSIONIZE_MODE at [3:2]',
        ),
        ("RANGE_SESSIONIZE({}, 'x', [])", "Unrecognized name: x at [2:1]"),
        (
            "RANGE_SESSIONIZE({}, 'r')",
            "Required argument partitioning_columns is missing in the call of table-valued function "
            "RANGE_SESSIONIZE at [2:1]",
        ),
        (
            "GAP_FILL({}, ts => 'r')",
            "Named argument ts not found in signature for call to function GAP_FILL at [2:64]",
        ),
        ("RANGE_SESSIONIZE({}, 'r', []) WHERE zz", "Unrecognized name: zz at [2:87]"),
    ],
)
def test_errors_have_the_places_of_the_users_text(world: World, call: str, text: str) -> None:
    assert error(world, f"SELECT * FROM\n{call.format(RANGES)}") == text


def test_a_piece_of_the_text_as_it_was(world: World) -> None:
    query = f"SELECT * FROM RANGE_SESSIONIZE({RANGES}, 'r', [])"
    analyzed = world.googlesql.analyze(f"CREATE VIEW d.v AS {query}", context())
    assert analyzed.expansion is not None
    assert analyzed.expansion.restored(analyzed.expansion.prepared.sql[len("CREATE VIEW d.v AS ") :]) == query
