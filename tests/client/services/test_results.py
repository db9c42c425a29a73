"""Results: what they tell, and how their rows come."""

from __future__ import annotations

from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.errors import BigQueryError, ServiceUnavailableError, UsageError
from bqclient.services.job_errors import may_be_script, only_reads
from bqclient.services.results import is_ordered
from tests.client.running import run

RESULTS = "bigquery.jobs.getQueryResults"
ROWS = "SELECT x FROM UNNEST(GENERATE_ARRAY(1, 3000)) AS x ORDER BY x"


def test_a_page_that_fails_is_asked_for_again(bqsim: Any) -> None:
    bqsim.faults.add("backendError", method=RESULTS, times=3)
    result = run(bqsim, lambda c: c.queries.execute(ROWS, page_size=1000))
    assert [r.x for r in result] == list(range(1, 3001))


def test_rows_that_could_not_be_fetched_can_be_fetched_later(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        result = await client.queries.execute(ROWS, page_size=1000, fetch_all=False)
        with (
            bqsim.faults.add("backendError", method=RESULTS, nth=[2, 3, 4, 5]),
            pytest.raises(ServiceUnavailableError),
        ):
            await result.fetch()
        assert not result.complete
        assert [r.x for r in (await result.fetch()).rows] == list(range(1, 3001))

    run(bqsim, work)


def test_the_storage_api_when_it_is_asked_for(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        result = await client.queries.execute(ROWS, page_size=1000, fetch_all=False)
        await result.fetch(storage_api=True)
        assert [r.x for r in result.rows] == list(range(1, 3001))
        with bqsim.faults.add("PERMISSION_DENIED", method="*.CreateReadSession"):
            other = await client.queries.execute(ROWS, page_size=999, fetch_all=False)
            with pytest.raises(BigQueryError):
                await other.fetch(storage_api=True)

    run(bqsim, work)


def test_rows_and_arrow_are_the_same_by_either_way(bqsim: Any) -> None:
    sql = """SELECT x, CAST(x AS STRING) AS s, CAST(x AS NUMERIC) / 2 AS n, [x, x + 1] AS a,
        STRUCT(x AS y, DATE '2026-01-02' AS d) AS st, TIMESTAMP_SECONDS(x) AS ts, IF(x = 2, NULL, x) AS maybe,
        JSON '{"k": 1}' AS j, b'ab' AS b
        FROM UNNEST(GENERATE_ARRAY(1, 2000)) AS x ORDER BY x"""

    async def work(client: BigQueryClient) -> None:
        pages = await client.queries.execute(sql, page_size=700)
        stored = await client.queries.execute(sql, page_size=700, fetch_all=False)
        await stored.fetch(storage_api=True)
        assert pages.rows == stored.rows
        assert pages.to_arrow().equals(stored.to_arrow())
        assert pages.to_arrow().schema.names == list(pages.schema.names)

    run(bqsim, work)


def test_the_rows_of_a_script_are_those_of_its_last_statement(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        sql = f"DECLARE n INT64 DEFAULT 5; SELECT 'no'; {ROWS}"
        result = await client.queries.execute(sql, page_size=1000)
        assert [r.x for r in result] == list(range(1, 3001))
        assert result.statement_type == "SCRIPT"
        assert result.job is not None
        assert len(await client.jobs.children(result.job)) >= 2

    run(bqsim, work)


def test_a_statement_without_rows(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        made = await client.queries.execute("CREATE SCHEMA d")
        assert (made.rows, made.total_rows, made.scalar(), len(made)) == ([], 0, None, 0)
        assert made.schema.names == () and made.to_arrow().num_rows == 0
        assert (made.statement_type, bool(made)) == ("CREATE_SCHEMA", True)
        none = await client.queries.execute("SELECT 1 AS x LIMIT 0")
        assert none.rows == [] and none.to_arrow().schema.names == ["x"]

    run(bqsim, work)


@pytest.mark.parametrize(
    ("sql", "script", "reads"),
    [
        ("SELECT 1", False, True),
        ("  select 1; ", False, True),
        ("WITH a AS (SELECT 1) SELECT * FROM a", False, True),
        ("(SELECT 1) UNION ALL SELECT 2", False, True),
        ("-- a; b\nSELECT 1", True, False),
        ("/* DECLARE */\n# x\n-- y\n (SELECT 1)", False, True),
        ("SELECT '#'; DELETE FROM d.t WHERE TRUE", True, False),
        ("SELECT 1; SELECT 2", True, False),
        ("SELECT ';'", True, False),
        ("INSERT d.t VALUES (1)", False, False),
        ("BEGIN SELECT 1; END", True, False),
        ("-- x\nDECLARE x INT64", True, False),
        ("CALL p()", True, False),
        ("begin transaction", True, False),
        ("MERGE d.t USING s ON FALSE WHEN NOT MATCHED THEN INSERT ROW", False, False),
    ],
)
def test_what_may_be_begun_again(sql: str, script: bool, reads: bool) -> None:
    assert (may_be_script(sql), only_reads(sql)) == (script, reads)


def test_order() -> None:
    assert is_ordered("SELECT 1 Order\n By x")
    assert not is_ordered("SELECT order_by FROM t")


def test_rows_that_are_not_here_are_not_given(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        result = await client.queries.execute(ROWS, page_size=1000, fetch_all=False)
        for ask in (result.to_arrow, result.to_dicts, lambda: list(result), lambda: len(result)):
            with pytest.raises(UsageError, match=r"await result\.fetch"):
                ask()

    run(bqsim, work)
