"""Tenants: ids, datasets, limits of tiers, the gate before a query, places."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.errors import (
    AccessDeniedError,
    BytesBilledLimitError,
    QueryTimeoutError,
    RateLimitError,
    UsageError,
)
from bqclient.ingest import Tier
from bqclient.ingest.tenants import KINDS, TIERS, check_tenant
from tests.client.running import run

from .tables import make, rows

QUERY = "bigquery.jobs.query"


def test_tiers_and_kinds_are_what_is_promised() -> None:
    found = [(t.concurrent, t.timeout_s, t.max_bytes) for t in TIERS.values()]
    assert found == [(2, 60, 10 * 10**9), (5, 180, 100 * 10**9), (10, 300, None), (20, 600, None)]
    assert list(KINDS.values()) == [30, 60, 120]


@pytest.mark.parametrize("id", ["abc", "a_1", "0" * 50])
def test_ids_of_tenants(id: str) -> None:
    assert check_tenant(id) == id


@pytest.mark.parametrize("id", ["ab", "a" * 51, "Abc", "a-b", "a b", "abc\n", "", "äbc", "a.b", "١٢٣", None])
def test_other_texts_are_no_ids(id: Any) -> None:
    with pytest.raises(UsageError, match="no id of a tenant"):
        check_tenant(id)


def test_tenants_have_datasets_of_their_own(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        tenants = client.ingest.tenants("org")
        acme = tenants.tenant("acme", "basic")
        assert acme is tenants.tenant("acme", "basic")
        assert str(acme.dataset) == f"{client.project}.org_acme"
        made = await acme.ensure_dataset()
        assert (made.labels, await acme.ensure_dataset()) == ({"tenant": "acme"}, made)
        assert str(acme.table("t")) == f"{client.project}.org_acme.t"
        with pytest.raises(UsageError, match="no table of tenant acme"):
            acme.table("org_other.t")
        assert repr(acme) == f"Tenant('acme', tier='basic', dataset='{client.project}.org_acme')"
        assert tenants.tenant("acme", "free").tier.name == "free"
        for wrong in (lambda: client.ingest.tenants("a-b"), lambda: tenants.tenant("acme", "gold")):
            with pytest.raises(UsageError):
                wrong()

    run(bqsim, work)


def test_queries_have_the_dataset_the_label_and_the_limits(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        acme = client.ingest.tenants().tenant("acme")
        await acme.ensure_dataset()
        await make(client, name="tenant_acme.t")
        assert (await acme.write_rows("t", rows(3))).written == 3
        result = await acme.query("SELECT n FROM t ORDER BY n", labels={"team": "a"}, job_id_prefix="x")
        assert [row["n"] for row in result.rows] == [0, 1, 2]
        assert result.job is not None
        job = await client.jobs.get(result.job)
        assert job.labels == {"tenant": "acme", "tier": "free", "team": "a"}
        assert job.configuration["query"]["maximumBytesBilled"] == str(10 * 10**9)
        assert job.configuration["jobTimeoutMs"] == "30000"
        found = await acme.query("SELECT COUNT(*) AS c FROM t WHERE n < @n", {"n": 2}, kind="report")
        assert [row["c"] for row in found.rows] == [2]
        for wrong in ({"kind": "huge"}, {"timeout": 3}, {"default_dataset": "d"}):
            with pytest.raises(UsageError):
                await acme.query("SELECT 1", **wrong)

    run(bqsim, work)


def test_the_lower_limit_of_tier_and_kind_holds(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        tenants = client.ingest.tenants()
        assert tenants.tenant("acme").seconds("report") == 60
        assert tenants.tenant("acme", "enterprise").seconds("report") == 120
        assert tenants.tenant("acme", "enterprise").seconds("interactive") == 30

    run(bqsim, work)


def test_too_large_queries_are_refused_before_they_run(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        acme = client.ingest.tenants().tenant("acme", Tier("tiny", 1, 10.0, 20))
        await acme.ensure_dataset()
        await make(client, name="tenant_acme.t")
        await client.loading.from_rows(rows(10), "tenant_acme.t")
        before = len(bqsim.journal.calls(QUERY))
        with pytest.raises(BytesBilledLimitError, match="would read 80 bytes; tier tiny") as raised:
            await acme.query("SELECT n FROM t")
        assert (raised.value.estimate, raised.value.limit) == (80, 20)
        assert len(bqsim.journal.calls(QUERY)) == before
        assert acme.running == 0
        acme.set_tier(Tier("larger", 1, 10.0, 20 * 10**6))
        assert (await acme.query("SELECT n FROM t")).total_rows == 10

    run(bqsim, work)


def test_queries_stay_in_the_tenants_dataset(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        tenants = client.ingest.tenants(shared=["common"])
        acme = tenants.tenant("acme")
        for name in ("tenant_acme.t", "tenant_other.t", "common.t"):
            await make(client, name=name)
        assert (await acme.query("SELECT n FROM t JOIN common.t AS c USING (n)")).total_rows == 0
        for sql in (
            "SELECT n FROM tenant_other.t",
            "SELECT (SELECT COUNT(*) FROM tenant_other.t) FROM t",
            "DECLARE x INT64; SET x = (SELECT COUNT(*) FROM tenant_other.t); SELECT x",
        ):
            with pytest.raises(AccessDeniedError):
                await acme.query(sql)
        assert (await acme.query("SELECT n FROM tenant_other.t", everywhere=True)).total_rows == 0

    run(bqsim, work)


def test_as_many_queries_run_at_a_time_as_the_tier_allows(bqsim: Any) -> None:
    most = 0

    async def work(client: BigQueryClient) -> None:
        nonlocal most
        tenants = client.ingest.tenants()
        acme, other = tenants.tenant("acme"), tenants.tenant("other")
        await acme.ensure_dataset()
        await other.ensure_dataset()
        original = client.queries.execute

        async def watched(*given: Any, **options: Any) -> Any:
            nonlocal most
            most = max(most, acme.running)
            await asyncio.sleep(0)
            return await original(*given, **options)

        client.queries.execute = watched  # type: ignore[method-assign]
        results = await asyncio.gather(*(acme.query(f"SELECT {n} AS n") for n in range(8)))
        assert [r.rows[0]["n"] for r in results] == list(range(8))
        assert (most, acme.running) == (2, 0)

    run(bqsim, work)


def test_a_full_tenant_does_not_hold_up_others(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        tenants = client.ingest.tenants()
        acme = tenants.tenant("acme", Tier("one", 1, 5.0))
        other = tenants.tenant("other")
        for tenant in (acme, other):
            await tenant.ensure_dataset()
        acme.running = 1
        with pytest.raises(RateLimitError, match="1 queries of tenant acme are running"):
            await acme.query("SELECT 1", wait=False)
        assert (await other.query("SELECT 1")).total_rows == 1
        waiting = [asyncio.ensure_future(acme.query("SELECT 1")) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        acme.running = 0
        acme.set_tier(acme.tier)
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert [r.total_rows for r in found[1:]] == [1, 1]  # type: ignore[union-attr]

    run(bqsim, work)


def test_waiting_ends_with_the_time_of_the_query(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        acme = client.ingest.tenants().tenant("acme", Tier("short", 1, 0.05))
        await acme.ensure_dataset()
        acme.running = 1
        with pytest.raises(QueryTimeoutError, match="No place"):
            await acme.query("SELECT 1")

    run(bqsim, work)


def test_limits_of_tiers_are_above_zero() -> None:
    for wrong in ((0, 1.0, None), (1, 0.0, None), (1, 1.0, 0)):
        with pytest.raises(UsageError):
            Tier("x", *wrong)
