from __future__ import annotations

import pytest

from bqsim.cost.structure import structure_of
from bqsim.cost.volatile import volatile_functions
from bqsim.sim.rules.sqltext import normal_sql


@pytest.mark.parametrize(
    ("sql", "stars"),
    [
        ("SELECT * FROM d.t", 1),
        ("SELECT t.* FROM d.t AS t", 1),
        ("SELECT COUNT(*) FROM d.t", 0),
        ("SELECT * FROM (SELECT a FROM d.t)", 0),
        ("WITH c AS (SELECT a FROM d.t) SELECT * FROM c", 0),
        ("WITH c AS (SELECT * FROM d.t) SELECT * FROM c", 1),
        ("SELECT * EXCEPT (a) FROM d.t", 1),
    ],
)
def test_stars_that_read_tables(sql: str, stars: int) -> None:
    found = structure_of(sql)
    assert found is not None and found.stars == stars


@pytest.mark.parametrize(
    ("sql", "untied"),
    [
        ("SELECT 1 FROM d.a CROSS JOIN d.b", [True]),
        ("SELECT 1 FROM d.a, d.b", [True]),
        ("SELECT 1 FROM d.a, d.b WHERE a.x = b.x", [False]),
        ("SELECT 1 FROM d.a, d.b WHERE a.x = 5 AND b.x = 6", [True]),
        ("SELECT 1 FROM d.a JOIN d.b ON TRUE", [True]),
        ("SELECT 1 FROM d.a JOIN d.b USING (x)", [False]),
        ("SELECT 1 FROM d.a LEFT JOIN d.b ON a.x > b.x", [False]),
        ("SELECT 1 FROM d.a AS a, a.items AS i", []),
        ("SELECT 1 FROM d.a AS a, UNNEST(a.items) AS i", []),
        ("SELECT 1 FROM d.a CROSS JOIN (SELECT MAX(x) AS m FROM d.b)", []),
        ("SELECT 1 FROM d.a CROSS JOIN (SELECT x FROM d.b LIMIT 1)", []),
    ],
)
def test_joins_and_whether_something_ties_them(sql: str, untied: list[bool]) -> None:
    found = structure_of(sql)
    assert found is not None and [join.untied for join in found.joins] == untied


def test_conditions_by_column() -> None:
    found = structure_of(
        "SELECT 1 FROM d.t WHERE day = '2026-01-01' AND DATE(ts) > '2026-01-01' AND (a = 1 OR b = 2) "
        "AND k IN (SELECT k FROM d.u)"
    )
    assert found is not None
    assert found.columns["day"] == ("day = '2026-01-01'",)
    assert found.wrapped == {"ts"}
    assert found.apart == {"a", "b"}
    assert found.by_query == {"k"}


def test_what_is_read_more_than_once() -> None:
    found = structure_of(
        "WITH t AS (SELECT 1 FROM d.a), n AS (SELECT 1 AS x) SELECT * FROM t UNION ALL SELECT * FROM t "
        "UNION ALL SELECT x FROM n UNION ALL SELECT x FROM n"
    )
    assert found is not None and found.rereads == {"t": 2}
    union = structure_of("SELECT a FROM d.t UNION ALL (SELECT b FROM d.t UNION ALL SELECT c FROM d.u)")
    assert union is not None and union.branches == {"d.t": 2}


def test_limits_wildcards_and_samples() -> None:
    found = structure_of("SELECT 1 FROM `p-x.d.log_*` TABLESAMPLE SYSTEM (1 PERCENT) LIMIT 7")
    assert found is not None
    assert (found.outer_limit, found.wildcards, found.sampled) == (7, ("p-x.d.log_*",), True)


def test_texts_that_cannot_be_read() -> None:
    assert structure_of("SELECT FROM WHERE") is None
    assert structure_of("") is None


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT CURRENT_DATE", ("CURRENT_DATE",)),
        ("SELECT current_timestamp(), RAND()", ("CURRENT_TIMESTAMP", "RAND")),
        ("SELECT 'RAND()' AS text, t.rand FROM t -- CURRENT_DATE()", ()),
        ("SELECT 1 AS rand", ()),
    ],
)
def test_functions_that_differ_from_run_to_run(sql: str, names: tuple[str, ...]) -> None:
    assert volatile_functions(normal_sql(sql)) == names
