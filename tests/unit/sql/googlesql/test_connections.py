from __future__ import annotations

import pytest

from bqsim.sql.googlesql.connections import connections_in


@pytest.mark.parametrize(
    ("sql", "paths"),
    [
        ("SELECT 1", []),
        ("CREATE FUNCTION f() REMOTE WITH CONNECTION `p`.`us`.`c` OPTIONS ()", [("p", "us", "c")]),
        ("EXPORT DATA with  connection us . c OPTIONS ()", [("us", "c")]),
        ("WITH CONNECTION a WITH CONNECTION b.c", [("a",), ("b", "c")]),
    ],
)
def test_connections_in_a_text(sql: str, paths: list[tuple[str, ...]]) -> None:
    found = list(connections_in(sql))
    assert [c.path for c in found] == paths
    assert all(c.definition.kind == "connection" for c in found)
    # Catalogs are told apart by the identity of definitions.
    assert [c.definition for c in connections_in(sql)] == [c.definition for c in found]
