"""Copies of projects have the rows, the partitions and the metadata of the original, and their own life."""

from __future__ import annotations

import pytest

from bqsim.catalog.refs import DatasetRef
from bqsim.errors import BigQueryError
from bqsim.worlds.fork import fork

from .conftest import Ground


def values(ground: Ground, sql: str) -> list[object]:
    return [next(iter(row.values())) for row in ground.run(sql)]


def test_a_fork_holds_all_that_is_shown(ground: Ground) -> None:
    for sql in (
        "CREATE TABLE d.t (n INT64, s STRING) PARTITION BY _PARTITIONDATE OPTIONS (description = 'x')",
        "INSERT INTO d.t VALUES (1, 'a'), (2, 'b')",
        "ALTER TABLE d.t DROP COLUMN s",
        "CREATE SNAPSHOT TABLE d.s CLONE d.t",
        "CREATE VIEW d.v AS SELECT SUM(n) AS n FROM d.t",
        "CREATE FUNCTION d.f(x INT64) AS (x + 1)",
        "CREATE SCHEMA empty",
    ):
        ground.run(sql)
    ground.clock.freeze()
    ground.clock.advance("30d")
    assert fork(ground.catalog, ground.session, "p", "q") == 3
    catalog = ground.catalog
    assert [d.ref.dataset for d in catalog.datasets("q")] == ["d", "empty"]
    old, new = (catalog.table(DatasetRef(project, "d").table("t")) for project in "pq")
    assert (new.etag, new.created_ms, new.description, new.fields) == (
        old.etag, old.created_ms, old.description, old.fields
    )  # fmt: skip
    assert new.storage != old.storage
    snapshot = catalog.table(DatasetRef("q", "d").table("s"))
    assert snapshot.base_table == DatasetRef("q", "d").table("t")
    assert values(ground, "SELECT n FROM q.d.v") == [3]
    assert values(ground, "SELECT q.d.f(1)") == [2]
    days = "SELECT DISTINCT _PARTITIONDATE FROM {}.d.t"
    assert values(ground, days.format("q")) == values(ground, days.format("p"))


def test_a_fork_has_no_past(ground: Ground) -> None:
    ground.run("CREATE TABLE d.t AS SELECT 1 AS n")
    ground.run("DELETE FROM d.t WHERE TRUE")
    fork(ground.catalog, ground.session, "p", "q")
    assert values(ground, "SELECT COUNT(*) FROM q.d.t") == [0]
    assert ground.catalog.history.past(DatasetRef("q", "d").table("t")) == ()


@pytest.mark.parametrize(
    ("project", "into", "message"),
    [
        ("p", "p", "A copy of project p needs another project id."),
        ("x", "q", "Not found: Project x"),
        ("p", "taken", "Already Exists: Dataset taken:e"),
    ],
)
def test_what_cannot_be_forked(ground: Ground, project: str, into: str, message: str) -> None:
    ground.run("CREATE SCHEMA taken.e")
    with pytest.raises(BigQueryError) as caught:
        fork(ground.catalog, ground.session, project, into)
    assert caught.value.message == message
