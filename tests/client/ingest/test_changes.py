"""Updates and deletes by key."""

from __future__ import annotations

from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.ingest import Delete, Update
from bqclient.ingest.report import Change
from tests.client.running import run

from .tables import INSERT_JOB, LOST, TABLE, column, make, rows


def test_rows_are_changed_in_the_order_of_changes(bqsim: Any) -> None:
    changes: list[Change] = [
        Update({"n": 1}, {"s": "first"}),
        Update({"N": 1}, {"S": "second"}),
        Update({"n": 2}, {"s": None}),
        Delete({"n": 3}),
        Delete({"n": 99}),
        Update({"n": 3}, {"s": "gone already"}),
    ]

    async def work(client: BigQueryClient) -> None:
        await make(client)
        await client.loading.from_rows(rows(5), TABLE)
        report = await client.ingest.write_rows(TABLE, changes=changes)
        assert (report.method, report.rows, report.written) == ("dml", 6, 6)
        assert (report.updated, report.deleted, report.inserted, report.duplicates) == (2, 1, 0, 1)
        assert (len(report.jobs), report.atomic) == (3, False)
        assert await column(client, "CONCAT(n, IFNULL(s, '-'))") == ["0row 0", "1second", "2-", "4row 4"]
        again = await client.ingest.write_rows(TABLE, changes=changes)
        assert (again.updated, again.deleted) == (2, 0)
        assert await column(client) == [0, 1, 2, 4]

    run(bqsim, work)


def test_keys_may_be_several_columns(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        await client.loading.from_rows(rows(5), TABLE)
        changes: list[Change] = [
            Update({"s": "row 1", "n": 1}, {"tags": ["a", "b"]}),
            Update({"n": 2, "s": "row 1"}, {"tags": ["c"]}),
            Delete({"n": 3, "s": "row 3"}),
        ]
        report = await client.ingest.write_rows(TABLE, changes=changes)
        assert (report.updated, report.deleted) == (1, 1)
        assert await column(client, "CONCAT(n, ARRAY_TO_STRING(tags, ''))") == ["0", "1ab", "2", "4"]

    run(bqsim, work)


def test_many_changes_are_few_statements(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        await client.loading.from_rows(rows(1_200), TABLE)
        changes: list[Change] = [Update({"n": n}, {"s": f"new {n}"}) for n in range(1_200)]
        report = await client.ingest.write_rows(TABLE, changes=changes)
        assert (report.updated, len(report.jobs)) == (1_200, 3)
        assert await column(client, "COUNTIF(s = CONCAT('new ', n))") == [1_200]

    run(bqsim, work)


def test_wrong_changes_are_refused_and_the_others_made(bqsim: Any) -> None:
    changes: list[Any] = [
        Update({"n": None}, {"s": "x"}),
        Update({"n": 1}, {"n": 2}),
        Update({"n": 1}, {}),
        Update({"n": 1}, {"nothing": 1}),
        Update({"n": "many"}, {"s": "x"}),
        Update({"s": "row 1"}, {"n": None}),
        Delete({}),
        Delete({"tags": ["a"]}),
        "delete",
        Delete({"n": 0}),
    ]

    async def work(client: BigQueryClient) -> None:
        await make(client)
        await client.loading.from_rows(rows(3), TABLE)
        report = await client.ingest.write_rows(TABLE, changes=changes, dead_letters="d.letters")
        assert [refused.index for refused in report.refused] == list(range(9))
        assert (report.deleted, report.dead_letters) == (1, 9)
        assert report.refused[1].row == {"key": {"n": 1}, "set": {"n": 2}}
        assert await column(client) == [1, 2]
        none = await client.ingest.write_rows(TABLE, changes=[])
        assert (none.method, none.rows) == ("none", 0)

    run(bqsim, work)


@pytest.mark.parametrize("change", [Update({"n": 1}, {"s": "x"}), Delete({"n": 1})])
def test_lost_answers_make_no_second_change(bqsim: Any, change: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        await client.loading.from_rows(rows(3), TABLE)
        bqsim.faults.add(LOST, method=INSERT_JOB, times=2)
        report = await client.ingest.write_rows(TABLE, changes=[change])
        assert report.updated + report.deleted == 1

    run(bqsim, work)
    bqsim.verify_exactly_once()


def test_columns_may_be_named_as_they_like(bqsim: Any) -> None:
    names = ["t", "s", "rows", "select", "bqclient_new_t"]

    async def work(client: BigQueryClient) -> None:
        await make(client, [{"name": name, "type": "INT64"} for name in names])
        await client.ingest.merge(TABLE, [dict.fromkeys(names, 1)], ["t"])
        await client.ingest.merge(TABLE, [{**dict.fromkeys(names, 1), "s": 2}], ["t", "select"])
        changes: list[Change] = [Update({"s": 2}, {"t": 3, "rows": 4}), Delete({"select": 9, "t": 1})]
        assert (await client.ingest.write_rows(TABLE, changes=changes)).updated == 1
        (row,) = (await client.queries.execute("SELECT x.* FROM d.t AS x")).rows
        assert row.as_dict() == {"t": 3, "s": 2, "rows": 4, "select": 1, "bqclient_new_t": 1}

    run(bqsim, work)
