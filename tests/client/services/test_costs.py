"""Costs before queries run, after they ran, and limits of them."""

from __future__ import annotations

from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.errors import BytesBilledLimitError, InvalidQueryError, UsageError
from bqclient.pricing import MIB, TIB, Pricing
from tests.client.running import run

LEAST = 10 * MIB
READ = "SELECT x FROM d.t"


async def table(client: BigQueryClient) -> None:
    """A table ``d.t`` that bills the least."""
    reference = {"projectId": client.project, "datasetId": "d"}
    path = {"projectId": client.project}
    await client.core.rest.call("datasets.insert", path, body={"datasetReference": reference})
    await client.queries.execute("CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 100)) AS x")


def test_an_estimate(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await table(client)
        found = await client.costs.estimate_query_cost(f"{READ} WHERE x > @n", {"n": 3})
        assert (found.bytes_processed, found.bytes_billed, found.accuracy) == (800, LEAST, "PRECISE")
        assert found.usd == pytest.approx(LEAST / TIB * 6.25)
        assert (found.statement_type, [t.table for t in found.referenced_tables]) == ("SELECT", ["t"])
        assert (await client.costs.estimate_query_cost("SELECT 1")).usd == 0
        with pytest.raises(InvalidQueryError):
            await client.costs.estimate_query_cost("SELECT nothing")
        # It is what is billed then.
        assert (await client.queries.execute(READ)).bytes_billed == found.bytes_billed

    run(bqsim, work)


def test_what_a_job_cost(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await table(client)
        cost = client.costs.get_job_cost
        first = await client.queries.execute(READ, job_id_prefix="p")
        again = await client.queries.execute(READ, job_id_prefix="p")
        assert first.job and again.job
        paid = await cost(first.job)
        assert (paid.bytes_billed, paid.cache_hit) == (LEAST, False)
        assert paid.usd == pytest.approx(LEAST / TIB * 6.25)
        cached = await cost(again.job)
        assert (cached.bytes_billed, cached.cache_hit, cached.usd) == (0, True, 0)

    run(bqsim, work)


def test_a_job_that_is_not_done_has_no_cost_yet(bqsim: Any) -> None:
    bqsim.jobs.plan("manual")

    async def work(client: BigQueryClient) -> None:
        configuration = {"query": {"query": "SELECT 1", "useLegacySql": False}}
        job = await client.jobs.insert(configuration)
        with pytest.raises(UsageError):
            await client.costs.get_job_cost(job)

    run(bqsim, work)


def test_a_query_that_would_cost_too_much_is_not_run(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await table(client)
        before = len(bqsim.journal.calls("bigquery.jobs.query"))
        for call in (client.queries.execute, client.queries.execute_async):
            with pytest.raises(BytesBilledLimitError) as raised:
                await call(READ, max_cost_usd=0.00001)
            assert raised.value.estimate == LEAST
            assert raised.value.limit == int(0.00001 / 6.25 * TIB)
            assert raised.value.cost == pytest.approx(LEAST / TIB * 6.25)
            assert raised.value.reason == "bytesBilledLimitExceeded" and not raised.value.retryable
            assert "Read less" in str(raised.value)
        assert len(bqsim.journal.calls("bigquery.jobs.query")) == before
        assert len((await client.queries.execute(READ, max_cost_usd=1)).rows) == 100

    run(bqsim, work)


def test_a_limit_of_all_queries(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await table(client)
        client.costs.set_cost_limit(0.00001)
        with pytest.raises(BytesBilledLimitError):
            await client.queries.execute(READ)
        assert (await client.queries.execute("SELECT 1")).scalar() == 1
        assert len((await client.queries.execute(READ, max_cost_usd=1)).rows) == 100
        client.costs.set_cost_limit(None)
        assert len((await client.queries.execute(READ)).rows) == 100

    run(bqsim, work)


def test_slot_hours_are_known_afterwards(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        assert (await client.costs.estimate_query_cost("SELECT 1")).usd is None
        with pytest.raises(UsageError, match="maximum_bytes_billed"):
            client.costs.set_cost_limit(1)
        result = await client.queries.execute("SELECT 1", job_id_prefix="p")
        assert result.job
        cost = await client.costs.get_job_cost(result.job)
        assert cost.usd == pytest.approx(cost.slot_ms / 3_600_000 * 0.06)
        with pytest.raises(UsageError):
            await client.queries.execute("SELECT 1", max_cost_usd=-1)

    run(bqsim, work, pricing=Pricing.capacity())
