"""What statements touch."""

from __future__ import annotations

import pytest

from bqsim.workload.touched import touched


@pytest.mark.parametrize(
    ("sql", "writes", "reads"),
    [
        ("CREATE SCHEMA d", {"p.d"}, set()),
        ("CREATE TABLE d.t AS SELECT * FROM d.u", {"p.d.t"}, {"p.d.u", "p.d"}),
        ("INSERT d.t (a) SELECT 1 FROM q.x.y", {"p.d.t"}, {"q.x.y", "q.x", "p.d"}),
        ("MERGE d.t USING d.s ON FALSE WHEN NOT MATCHED THEN INSERT ROW", {"p.d.t"}, {"p.d.s", "p.d"}),
        ("DROP TABLE `q.d.t`", {"q.d.t"}, {"q.d"}),
        ("TRUNCATE TABLE d.t", {"p.d.t"}, {"p.d"}),
        ("CREATE FUNCTION d.f(x INT64) AS (x)", {"p.d"}, set()),
        ("SELECT d.f(1)", set(), {"p.d"}),
        ("CALL d.p()", set(), {"p.d"}),
        ("WITH a AS (SELECT 1) SELECT * FROM a JOIN d.t USING (x)", set(), {"p.d.t", "p.d"}),
        ("SELECT * FROM d.INFORMATION_SCHEMA.TABLES", set(), {"p.d"}),
        ("EXPORT DATA OPTIONS(uri='gs://b/x') AS SELECT * FROM d.t", set(), {"p.d.t", "p.d"}),
        ("INSERT INTO d.t VALUES (1); SELECT * FROM d.u", {"p.d.t"}, {"p.d.u", "p.d"}),
        ("SELECT FROM WHERE", set(), set()),
        ("", set(), set()),
    ],
)
def test_touched(sql: str, writes: set[str], reads: set[str]) -> None:
    found = touched(sql, "p")
    assert (set(found.writes), set(found.reads)) == (writes, reads)
