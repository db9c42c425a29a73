from __future__ import annotations

import pytest

from tests.unit.sql.lower.test_pruning import dry
from tests.unit.sql.warehouse import Warehouse, new_warehouse

pytestmark = [pytest.mark.fidelity("bytes:fields of STRUCT columns", "exact", tests="test_fields_*")]

SETUP = (
    """CREATE TABLE d.t AS
    SELECT 1 AS id, STRUCT(1 AS a, 'xyz' AS b, STRUCT(TRUE AS x, 2.5 AS y) AS c) AS s,
      [STRUCT(1 AS k, 'v' AS v), STRUCT(2, 'ww')] AS r, STRUCT([1, 2, 3] AS many, 'one' AS one) AS h
    UNION ALL SELECT 2, NULL, [], NULL""",
    "CREATE TABLE d.parts PARTITION BY d AS SELECT DATE '2024-01-01' + x AS d, STRUCT(x AS a, 'b' AS b) AS s"
    " FROM UNNEST([0, 1, 2]) AS x",
    "CREATE VIEW d.v AS SELECT id, s AS renamed, r FROM d.t",
)
# s.a 8, s.b 5, s.c.x 1, s.c.y 8; r.k 16, r.v 7; h.many 24, h.one 5; id 16
S, R = 8 + 5 + 1 + 8, 16 + 7


@pytest.fixture(scope="module")
def nested() -> Warehouse:
    found = new_warehouse()
    for statement in SETUP:
        found.run(statement)
    return found


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        ("SELECT s FROM d.t", S),
        ("SELECT s.a FROM d.t", 8),
        ("SELECT S.B, s.c.y FROM d.t", 5 + 8),
        ("SELECT s.c FROM d.t", 9),
        ("SELECT s.c, s.c.x FROM d.t", 9),
        ("SELECT s, s.a FROM d.t", S),
        ("SELECT s.* FROM d.t", S),
        ("SELECT id FROM d.t WHERE s.a = 1", 16 + 8),
        ("SELECT COUNT(s.b) FROM d.t GROUP BY s.c.x", 5 + 1),
        ("SELECT x.a FROM (SELECT s AS x FROM d.t)", 8),
        ("SELECT x.x FROM (SELECT s.c AS x FROM d.t LIMIT 5)", 1),
        ("WITH w AS (SELECT s FROM d.t) SELECT s.a FROM w", 8),
        ("WITH w AS (SELECT s FROM d.t) SELECT p.s.a, q.s.b FROM w AS p, w AS q", 13),
        ("SELECT s.a FROM (SELECT s FROM d.t UNION ALL SELECT s FROM d.t)", 8),
        ("SELECT s.a FROM (SELECT s, id FROM d.t)", 8),
        ("SELECT e.k FROM d.t, UNNEST(r) AS e", 16),
        ("SELECT k FROM d.t, t.r", 16),
        ("SELECT e FROM d.t, UNNEST(r) AS e", R),
        ("SELECT (SELECT SUM(k) FROM UNNEST(r)) FROM d.t", 16),
        ("SELECT (SELECT STRING_AGG(e.v) FROM UNNEST(t.r) AS e WHERE e.k = 1) FROM d.t", R),
        ("SELECT EXISTS(SELECT 1 FROM UNNEST(r) WHERE v = 'v') FROM d.t", 7),
        ("SELECT r[OFFSET(0)].v FROM d.t WHERE id = 1", 16 + 7),
        ("SELECT r[SAFE_OFFSET(0)].k FROM d.t", 16),
        ("SELECT ARRAY_LENGTH(h.many) FROM d.t", 24),
        ("SELECT x FROM d.t, UNNEST(h.many) AS x", 24),
        ("SELECT h.one FROM d.t", 5),
        ("SELECT TO_JSON_STRING(s) FROM d.t", S),
        ("SELECT renamed.b FROM d.v", 5),
        ("SELECT e.v FROM d.v, UNNEST(r) AS e", 7),
        ("SELECT * FROM d.v", 16 + S + R),
        ("SELECT s.a FROM d.parts WHERE d = '2024-01-02'", 16),
        ("SELECT s.a FROM d.parts WHERE d = '2024-01-02' UNION ALL SELECT s.a FROM d.parts", 24 + 8),
        ("INSERT d.t (id) SELECT s.a FROM d.t", 8),
        ("CREATE TABLE d.new AS SELECT s.a FROM d.t", 8),
    ],
)  # fmt: skip
def test_fields_are_read_by_themselves(nested: Warehouse, sql: str, size: int) -> None:
    assert dry(nested, sql).bytes_processed == size


def test_fields_are_counted_as_rows_come(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT STRUCT('abc' AS a, 1 AS b) AS s")
    for sql, size in (
        ("INSERT t VALUES (('defgh', 2))", 12),
        ("DELETE t WHERE s.b = 1", 7),
        ("INSERT t VALUES (NULL)", 7),
        ("UPDATE t SET s.a = 'z' WHERE s.b = 2", 3),
    ):
        warehouse.run(sql)
        assert warehouse.run("SELECT s.a FROM t").bytes_processed == size


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        ("SELECT id FROM (SELECT * FROM d.t)", 16),
        ("SELECT COUNT(*) FROM (SELECT * FROM d.t)", 0),
        ("SELECT id FROM d.v", 16),
        ("SELECT COUNT(*) FROM d.v", 0),
        ("WITH w AS (SELECT * FROM d.t) SELECT id FROM w", 16),
        ("SELECT id FROM (SELECT id, UPPER(s.b) AS u FROM d.t)", 16),
        ("SELECT n FROM (SELECT s.a, COUNT(*) AS n, MAX(id) AS m FROM d.t GROUP BY s.a)", 8),
        ("SELECT id FROM (SELECT id, s FROM d.t ORDER BY s.a LIMIT 1)", 16 + 8),
        ("SELECT x.id FROM d.t AS x JOIN (SELECT * FROM d.t) AS y ON x.id = y.s.a", 16 + 8),
        ("SELECT id FROM d.t WHERE EXISTS(SELECT 1 FROM d.parts)", 16),
        ("SELECT id FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY s.a) AS n FROM d.t) WHERE n = 1", 16 + 8),
        ("SELECT COUNT(*) FROM (SELECT id, s.a FROM d.t UNION DISTINCT SELECT id, s.a FROM d.t)", 24),
        ("SELECT COUNT(*) FROM d.t, UNNEST(r)", R),
        ("SELECT COUNT(r.k) FROM d.t, UNNEST(r) AS r", 16),
        ("SELECT AS STRUCT id, s.a FROM d.t", 24),
        ("SELECT ARRAY(SELECT AS STRUCT k FROM UNNEST(r)) FROM d.t", 16),
        ("SELECT (SELECT AS STRUCT id, s.b).id FROM d.t", 16 + 5),
    ],
)  # fmt: skip
def test_columns_that_nobody_uses_are_not_read(nested: Warehouse, sql: str, size: int) -> None:
    assert dry(nested, sql).bytes_processed == size
