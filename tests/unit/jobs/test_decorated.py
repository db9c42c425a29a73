"""Table ids with decorators: the rows they name, and the list of partitions."""

from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.errors import BigQueryError
from bqsim.jobs.decorated import (
    SUMMARY,
    SUMMARY_FIELDS,
    decorated,
    delete_partition,
    described,
    summary_rows,
)
from bqsim.jobs.sources import Source
from tests.unit.jobs.conftest import Play, Stack, play, settings  # noqa: F401

pytestmark = pytest.mark.fidelity("fields:Table: clustering and partitioning", "exact")

REF = TableRef("p", "d", "t")
SETUP = (
    "CREATE TABLE d.t (n INT64) PARTITION BY _PARTITIONDATE;"
    "INSERT d.t (_PARTITIONTIME, n) VALUES ('2026-01-02', 1), ('2026-01-02', 2), ('2026-01-03', 3)"
)


@pytest.fixture
def observer() -> None:
    return None


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("t", None),
        ("t$20260102", Source(REF, "20260102")),
        ("t@-5", Source(REF, None, -5000)),
        ("t$__NULL__@7", Source(REF, "__NULL__", 7000)),
        (f"t${SUMMARY}", Source(REF, SUMMARY)),
    ],
)
def test_names(name: str, source: Source | None) -> None:
    assert decorated(TableRef("p", "d", name)) == source


@pytest.mark.parametrize("name", ["t$", "t@x", "t@", "t@99999999999999999999"])
def test_bad_names(name: str) -> None:
    with pytest.raises(BigQueryError):
        decorated(TableRef("p", "d", name))


def test_parts(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        for sql in SETUP.split(";"):
            await s.ok(sql)
        executor = s.service._executor
        ref = TableRef("p", "d", "t$20260102")
        source = Source(REF, "20260102")
        shown, size = await s.pool.run(lambda e: described(executor, e, ref, source))
        assert (shown.ref, shown.num_rows, size) == (ref, 2, 16)
        summary = Source(REF, SUMMARY)
        listed, size = await s.pool.run(lambda e: described(executor, e, ref, summary))
        assert (listed.fields, listed.num_rows, size) == (SUMMARY_FIELDS, 2, 0)
        rows = await s.pool.run(lambda e: summary_rows(executor, e, s.catalog.table(REF)))
        assert rows.column(3).to_pylist() == ["20260102", "20260103"]
        await s.pool.run(lambda e: delete_partition(executor, e, source, ref))
        assert await s.rows("SELECT n FROM d.t") == [(3,)]
        with pytest.raises(BigQueryError, match="Not found"):
            await s.pool.run(lambda e: delete_partition(executor, e, source, ref))

    play(body)
