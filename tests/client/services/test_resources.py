"""Datasets, tables and routines: what they say, and that lost answers change nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.errors import (
    AlreadyExistsError,
    NotFoundError,
    PreconditionFailedError,
    ResourceInUseError,
    ServiceUnavailableError,
    UsageError,
)
from bqclient.models.table import RangePartitioning, TimePartitioning
from tests.client.running import run

FIELDS = [{"name": "id", "type": "INTEGER", "mode": "REQUIRED"}, {"name": "at", "type": "TIMESTAMP"}]


def test_a_dataset_is_made_changed_and_deleted(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        made = await client.datasets.create(
            "shop", description="d", labels={"team": "a"}, default_table_expiration_ms=3_600_000
        )
        assert (made.location, made.description, dict(made.labels)) == ("US", "d", {"team": "a"})
        assert made.default_table_expiration_ms == 3_600_000
        changed = await client.datasets.update("shop", description=None, friendly_name="Shop", etag=made.etag)
        assert (changed.description, changed.friendly_name) == (None, "Shop")
        with pytest.raises(PreconditionFailedError):
            await client.datasets.update("shop", description="late", etag=made.etag)
        names = [d.reference.dataset async for d in client.datasets.list()]
        assert names == ["shop"]
        await client.tables.create("shop.t", FIELDS)
        with pytest.raises(ResourceInUseError):
            await client.datasets.delete("shop")
        assert await client.datasets.delete("shop", delete_contents=True)
        assert not await client.datasets.exists("shop")
        assert not await client.datasets.delete("shop", missing_ok=True)
        with pytest.raises(NotFoundError):
            await client.datasets.delete("shop")

    run(bqsim, work)


def test_a_table_is_what_was_asked_for(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        expires = datetime(2099, 1, 1, tzinfo=UTC)
        await client.tables.create(
            "d.t",
            FIELDS,
            time_partitioning=TimePartitioning("DAY", "at", 86_400_000),
            clustering=["id"],
            require_partition_filter=True,
            expires=expires,
        )
        table = await client.tables.get("d.t")
        assert [(f.name, f.type, f.mode) for f in table.schema] == [
            ("id", "INT64", "REQUIRED"),
            ("at", "TIMESTAMP", "NULLABLE"),
        ]
        assert table.time_partitioning == TimePartitioning("DAY", "at", 86_400_000)
        assert (table.clustering, table.require_partition_filter) == (("id",), True)
        assert (table.expires, table.rows, table.kind) == (expires, 0, "TABLE")
        ranged = RangePartitioning("id", 0, 100, 10)
        await client.tables.create("d.r", FIELDS, range_partitioning=ranged)
        assert (await client.tables.get("d.r")).range_partitioning == ranged
        view = await client.tables.create("d.v", view_query="SELECT 1 AS one")
        assert (view.kind, view.view_query) == ("VIEW", "SELECT 1 AS one")
        listed = [t.reference.table async for t in client.tables.list("d")]
        assert listed == ["r", "t", "v"]
        with pytest.raises(UsageError, match="no attribute 'cluster'"):
            await client.tables.create("d.x", FIELDS, cluster=["id"])

    run(bqsim, work)


def test_a_lost_answer_makes_a_table_once(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        lost = {"error": {"reason": "backendError", "applied": True}}
        bqsim.faults.add(lost, method="bigquery.tables.insert", times=1)
        made = await client.tables.create("d.t", FIELDS)
        assert made.reference.table == "t"
        # Another table under the name is not this call's.
        with pytest.raises(AlreadyExistsError):
            await client.tables.create("d.t", FIELDS)
        bqsim.faults.add(lost, method="bigquery.tables.patch", times=1)
        changed = await client.tables.update("d.t", description="once", etag=made.etag)
        assert changed.description == "once"
        bqsim.faults.add(lost, method="bigquery.tables.delete", times=1)
        assert await client.tables.delete("d.t")

    run(bqsim, work)


def test_a_lost_answer_does_not_take_what_another_made(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        await client.tables.create("d.t", [{"name": "other", "type": "STRING"}])
        failing = {"error": {"reason": "backendError"}}
        bqsim.faults.add(failing, method="bigquery.tables.insert", times=1)
        with pytest.raises(AlreadyExistsError):
            await client.tables.create("d.t", FIELDS)
        assert (await client.tables.create("d.t", FIELDS, exists_ok=True)).schema.names == ("other",)

    run(bqsim, work)


def test_retries_end(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        bqsim.faults.add("backendError", method="bigquery.datasets.insert")
        with pytest.raises(ServiceUnavailableError) as raised:
            await client.datasets.create("d")
        assert raised.value.ambiguous

    run(bqsim, work)


def test_rows_are_listed(bqsim: Any) -> None:
    bqsim.data({"d.t": [{"n": i, "s": "x" * i} for i in range(25)]})

    async def work(client: BigQueryClient) -> None:
        rows = [row async for row in client.tables.rows("d.t", page_size=7)]
        assert sorted(row["n"] for row in rows) == list(range(25))
        some = [row async for row in client.tables.rows("d.t", fields=["s"], limit=3, page_size=2)]
        assert [dict(row).keys() for row in some] == [{"s"}] * 3

    run(bqsim, work)


def test_routines(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        argument = {"name": "x", "dataType": {"typeKind": "INT64"}}
        definition = {
            "routineType": "SCALAR_FUNCTION",
            "language": "SQL",
            "arguments": [argument],
            "definitionBody": "x + 1",
        }
        made = await client.routines.create("d.inc", definition)
        assert (made.name, made.body) == ("inc", "x + 1")
        changed = await client.routines.update(
            "d.inc", {**definition, "definitionBody": "x + 2"}, etag=made.etag
        )
        assert changed.body == "x + 2"
        assert [r.name async for r in client.routines.list("d")] == ["inc"]
        assert await client.routines.delete("d.inc")
        assert not await client.routines.exists("d.inc")

    run(bqsim, work)


def test_copies_and_snapshots(bqsim: Any) -> None:
    bqsim.data({"d.t": [{"n": i} for i in range(5)]})

    async def work(client: BigQueryClient) -> None:
        await client.tables.copy("d.t", "d.c")
        assert (await client.tables.get("d.c")).rows == 5
        until = datetime(2099, 1, 1, tzinfo=UTC)
        await client.tables.copy("d.t", "d.s", operation="SNAPSHOT", expires=until)
        snapshot = await client.tables.get("d.s")
        assert (snapshot.kind, snapshot.expires) == ("SNAPSHOT", until)
        with pytest.raises(UsageError, match="MOVE"):
            await client.tables.copy("d.t", "d.m", operation="MOVE")

    run(bqsim, work)
