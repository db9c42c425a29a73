"""Whatever has happened since a mark, rolling back gives the world that there was."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.catalog.refs import DatasetRef
from bqsim.errors import BigQueryError
from bqsim.worlds.rows import roll_back

from .conftest import Ground, build, close

T = DatasetRef("p", "d").table("t")

STATEMENTS = {
    "insert": "INSERT INTO d.t (n) VALUES (1), (2), (3)",
    "update": "UPDATE d.t SET n = n + 1 WHERE MOD(n, 2) = 0",
    "delete": "DELETE FROM d.t WHERE n > 2",
    "merge": "MERGE d.t USING (SELECT 2 AS n) AS s ON t.n = s.n WHEN MATCHED THEN DELETE"
    " WHEN NOT MATCHED THEN INSERT (n) VALUES (9)",
    "truncate": "TRUNCATE TABLE d.t",
    "create": "CREATE TABLE IF NOT EXISTS d.t (n INT64)",
    "replace": "CREATE OR REPLACE TABLE d.t AS SELECT 5 AS n",
    "drop": "DROP TABLE d.t",
    "add column": "ALTER TABLE d.t ADD COLUMN IF NOT EXISTS s STRING",
    "fill column": "UPDATE d.t SET s = 'x' WHERE TRUE",
    "drop column": "ALTER TABLE d.t DROP COLUMN IF EXISTS s",
    "other type": "ALTER TABLE d.t ALTER COLUMN n SET DATA TYPE NUMERIC",
    "rename": "ALTER TABLE d.t RENAME TO u",
    "rename back": "ALTER TABLE d.u RENAME TO t",
    "insert other": "INSERT INTO d.u (n) VALUES (7)",
    "drop other": "DROP TABLE d.u",
    "clone": "CREATE TABLE d.u CLONE d.t",
    "options": "ALTER TABLE d.t SET OPTIONS (description = 'x', labels = [('a', 'b')])",
    "view": "CREATE OR REPLACE VIEW d.v AS SELECT 1 AS n",
    "drop view": "DROP VIEW d.v",
    "function": "CREATE OR REPLACE FUNCTION d.f(x INT64) AS (x + 1)",
    "drop function": "DROP FUNCTION d.f",
    "drop dataset": "DROP SCHEMA d CASCADE",
    "create dataset": "CREATE SCHEMA IF NOT EXISTS d",
    "undrop dataset": "UNDROP SCHEMA d",
    "other project": "CREATE SCHEMA IF NOT EXISTS q.d",
    "nothing": "SELECT 1",
}


def attempt(ground: Ground, name: str) -> None:
    with contextlib.suppress(BigQueryError):
        ground.run(STATEMENTS[name])


@pytest.mark.parametrize("name", STATEMENTS)
def test_each_statement_is_undone(ground: Ground, name: str) -> None:
    for before in ("create", "insert", "add column", "fill column", "view", "function"):
        ground.run(STATEMENTS[before])
    if name in ("rename back", "insert other", "drop other"):
        ground.run(STATEMENTS["clone"])
    world, tables = ground.seen(), ground.engine_tables()
    mark = ground.catalog.mark()
    attempt(ground, name)
    roll_back(ground.catalog, ground.session, mark)
    assert ground.seen() == world
    assert ground.engine_tables() == tables


# The statements of a run; "mark" takes a mark, a number rolls back to the mark of that place.
STEPS = st.lists(
    st.one_of(st.sampled_from([*STATEMENTS]), st.just("mark"), st.integers(0, 3)), min_size=4, max_size=25
)


@pytest.fixture(scope="module")
def shared() -> Any:
    made = build()
    yield made
    close(made)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_random_worlds_come_back(shared: Ground, steps: list[Any]) -> None:
    ground, catalog = shared, shared.catalog
    base = catalog.mark()
    for name in ("create dataset", "create", "insert"):
        ground.run(STATEMENTS[name])
    marks = [(catalog.mark(), ground.seen())]
    for step in steps:
        if step == "mark":
            marks.append((catalog.mark(), ground.seen()))
        elif isinstance(step, str):
            attempt(ground, step)
        else:
            del marks[step + 1 :]
            mark, world = marks[-1]
            roll_back(catalog, ground.session, mark)
            assert ground.seen() == world
    for mark, world in reversed(marks):
        roll_back(catalog, ground.session, mark)
        assert ground.seen() == world
    roll_back(catalog, ground.session, base)
    assert ground.engine_tables() == set()
    catalog.marks.remove(base)
    assert not catalog.marks


def test_only_what_has_changed_is_touched(ground: Ground) -> None:
    for name in "abc":
        ground.run(f"CREATE TABLE d.{name} (n INT64)")
    mark = ground.catalog.mark()
    assert roll_back(ground.catalog, ground.session, mark) == 0
    ground.run("INSERT INTO d.b VALUES (1)")
    ground.run("INSERT INTO d.b VALUES (2)")
    assert roll_back(ground.catalog, ground.session, mark) == 1


def test_a_removed_mark_hands_on_what_it_knows(ground: Ground) -> None:
    ground.run(STATEMENTS["create"])
    world, first = ground.seen(), ground.catalog.mark()
    ground.run(STATEMENTS["insert"])
    second = ground.catalog.mark()
    ground.run(STATEMENTS["drop"])
    ground.catalog.marks.remove(second)
    assert second not in ground.catalog.marks
    roll_back(ground.catalog, ground.session, first)
    assert ground.seen() == world


def test_time_travel_after_a_restore_sees_no_time_in_between(ground: Ground) -> None:
    ground.run("CREATE TABLE d.t AS SELECT 1 AS n")
    mark = ground.catalog.mark()
    ground.run("INSERT INTO d.t VALUES (2)")
    ground.run("DELETE FROM d.t WHERE n = 1")
    between = "SELECT n FROM d.t FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({})"
    moment = ground.clock.now_us()
    assert [list(r.values()) for r in ground.run(between.format(moment))] == [[2]]
    roll_back(ground.catalog, ground.session, mark)
    assert [list(r.values()) for r in ground.run(between.format(moment))] == [[1]]
    ground.run("INSERT INTO d.t VALUES (3)")
    assert [list(r.values()) for r in ground.run("SELECT n FROM d.t ORDER BY n")] == [[1], [3]]
    assert [list(r.values()) for r in ground.run(between.format(moment))] == [[1]]


def test_a_column_added_after_a_restore_is_empty(ground: Ground) -> None:
    ground.run("CREATE TABLE d.t AS SELECT 1 AS n")
    mark = ground.catalog.mark()
    for _ in range(2):
        ground.run(STATEMENTS["add column"])
        ground.run(STATEMENTS["fill column"])
        roll_back(ground.catalog, ground.session, mark)
    ground.run(STATEMENTS["add column"])
    assert ground.run("SELECT s FROM d.t")[0].popitem()[1] is None


def test_what_is_rolled_back_is_so_after_a_restart(tmp_path: Path) -> None:
    ground = build(tmp_path)
    ground.run("CREATE SCHEMA d")
    for name in ("create", "insert", "view", "function", "clone"):
        ground.run(STATEMENTS[name])
    world, mark = ground.seen(), ground.catalog.mark()
    for name in ("add column", "replace", "drop other", "drop view", "drop dataset", "other project"):
        ground.run(STATEMENTS[name])
    roll_back(ground.catalog, ground.session, mark)
    assert ground.seen() == world
    close(ground)
    again = build(tmp_path)
    assert again.seen() == world
    again.run(STATEMENTS["insert"])
    close(again)


def test_marks_keep_what_sweeps_would_forget(ground: Ground) -> None:
    ground.run("CREATE TABLE d.t AS SELECT 1 AS n")
    world, mark = ground.seen(), ground.catalog.mark()
    ground.run("DROP TABLE d.t")
    with ground.catalog.change(ground.session) as change:
        assert change.forget(change.time_us + 1) == []
    roll_back(ground.catalog, ground.session, mark)
    assert ground.seen() == world
    ground.catalog.marks.remove(mark)
    ground.run("DROP TABLE d.t")
    with ground.catalog.change(ground.session) as change:
        assert len(change.forget(change.time_us + 1)) == 1
