"""Merges by key: staged and as parameters, NULL keys, duplicates, delete marks, lost answers."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from bqclient import BigQueryClient, Schema, TableReference
from bqclient.errors import BigQueryError, UsageError
from bqclient.ingest import Merge
from bqclient.ingest.merge_sql import key_fields, merge_statement, quoted
from tests.client.running import run

from .tables import INSERT_JOB, LOST, REFUSED, TABLE, column, make, rows

HOW = pytest.mark.parametrize("how", ["unnest", "staged"])
PLACES = [
    {"name": "country", "type": "STRING"},
    {"name": "number", "type": "INT64"},
    {"name": "name", "type": "STRING"},
    {"name": "size", "type": "NUMERIC"},
]
SHOWN = "CONCAT(IFNULL(country, '-'), number, ' ', IFNULL(name, '-'), ' ', IFNULL(CAST(size AS STRING), '-'))"


def _place(country: str | None, number: int, name: str, size: Any = None) -> dict[str, Any]:
    return {"country": country, "number": number, "name": name, "size": size}


async def _tables(client: BigQueryClient) -> list[str]:
    return [table.reference.table async for table in client.tables.list("d")]


@HOW
def test_rows_are_updated_and_inserted_and_again_changes_nothing(bqsim: Any, how: str) -> None:
    first = [_place("a", 1, "one"), _place("a", 2, "two"), _place("b", 1, "three", Decimal("1.5"))]
    second = [_place("a", 2, "new"), _place("b", 2, "four")]

    async def work(client: BigQueryClient) -> None:
        await make(client, PLACES)
        keys = ["country", "number"]
        begun = await client.ingest.merge(TABLE, first, keys, how=how)
        assert (begun.method, begun.inserted, begun.updated, begun.written) == ("merge", 3, 0, 3)
        done = await client.ingest.merge(TABLE, second, keys, how=how)
        assert (done.inserted, done.updated, done.deleted, done.atomic) == (1, 1, 0, True)
        expected = ["a1 one -", "a2 new -", "b1 three 1.5", "b2 four -"]
        assert await column(client, SHOWN) == expected
        again = await client.ingest.merge(TABLE, second, keys, how=how)
        assert (again.inserted, again.updated) == (0, 2)
        assert await column(client, SHOWN) == expected
        assert await _tables(client) == ["t"]

    run(bqsim, work)


@HOW
def test_of_rows_with_the_same_keys_the_last_one_counts(bqsim: Any, how: str) -> None:
    given = [_place("a", 1, "first"), _place("b", 1, "b"), {"country": "a", "number": "1", "name": "last"}]

    async def work(client: BigQueryClient) -> None:
        await make(client, PLACES)
        report = await client.ingest.merge(TABLE, given, ["country", "number"], how=how)
        assert (report.rows, report.written, report.duplicates, report.inserted) == (3, 2, 1, 2)
        assert "1 rows had keys of later ones" in report.notes[0]
        assert await column(client, SHOWN) == ["a1 last -", "b1 b -"]

    run(bqsim, work)


def test_keys_are_equal_as_values(bqsim: Any) -> None:
    schema = [
        {"name": "k", "type": "NUMERIC"},
        {"name": "at", "type": "TIMESTAMP"},
        {"name": "s", "type": "STRING"},
    ]
    noon = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    given = [
        {"k": Decimal("1.0"), "at": noon, "s": "first"},
        {"k": 1, "at": "2026-01-01T13:00:00+01:00", "s": "last"},
    ]

    async def work(client: BigQueryClient) -> None:
        await make(client, schema)
        report = await client.ingest.merge(TABLE, given, ["k", "at"])
        assert (report.duplicates, await column(client, "s")) == (1, ["last"])

    run(bqsim, work)


@HOW
def test_rows_with_null_keys_are_refused_or_match(bqsim: Any, how: str) -> None:
    given = [_place(None, 1, "none"), _place("null", 1, "text"), _place("a", 1, "a")]

    async def work(client: BigQueryClient) -> None:
        await make(client, PLACES)
        keys = ["country", "number"]
        refusing = await client.ingest.merge(TABLE, given, keys, how=how)
        assert [(r.index, r.error) for r in refusing.refused] == [
            (0, "The key country is NULL: no row can be found by it.")
        ]
        for inserted, updated in ((1, 2), (0, 3)):
            matching = await client.ingest.merge(TABLE, given, keys, how=how, null_keys="match")
            assert (matching.inserted, matching.updated, matching.refused) == (inserted, updated, ())
        assert await column(client, SHOWN) == ["-1 none -", "a1 a -", "null1 text -"]

    run(bqsim, work)


@HOW
def test_columns_to_update_may_be_named(bqsim: Any, how: str) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client, PLACES)
        keys = ["country", "number"]
        await client.ingest.merge(TABLE, [_place("a", 1, "one", 1)], keys, how=how)
        await client.ingest.merge(TABLE, [_place("a", 1, "other", 2)], keys, how=how, update=["SIZE"])
        assert await column(client, SHOWN) == ["a1 one 2"]
        only_new = [_place("a", 1, "third", 3), _place("a", 2, "new", 3)]
        report = await client.ingest.merge(TABLE, only_new, keys, how=how, update=())
        assert (report.inserted, report.updated) == (1, 0)
        assert await column(client, SHOWN) == ["a1 one 2", "a2 new 3"]

    run(bqsim, work)


@HOW
def test_columns_that_a_row_lacks_stay_as_they_are(bqsim: Any, how: str) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client, PLACES)
        keys = ["country", "number"]
        await client.ingest.merge(TABLE, [_place("a", 1, "one", 1), _place("a", 2, "two", 2)], keys)
        part = [{"country": "a", "number": 1, "size": 9}, {"country": "a", "number": 2, "name": "new"}]
        report = await client.ingest.merge(TABLE, part, keys, how=how)
        assert (report.updated, report.atomic) == (2, False)
        assert await column(client, SHOWN) == ["a1 one 9", "a2 new 2"]

    run(bqsim, work)


@HOW
def test_marked_rows_are_deleted(bqsim: Any, how: str) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        await client.ingest.merge(TABLE, rows(4), ["n"])
        given = [{"n": 1, "gone": True}, {"n": 2, "s": "kept", "gone": False}, {"n": 9, "gone": True}]
        report = await client.ingest.merge(TABLE, given, ["n"], how=how, delete_marker="gone")
        assert (report.inserted, report.updated, report.deleted) == (0, 1, 1)
        assert await column(client, "s") == ["kept", "row 0", "row 3"]
        only = await client.ingest.merge(TABLE, [{"n": 0, "gone": 1}], ["n"], how=how, delete_marker="gone")
        assert (only.deleted, await column(client)) == (1, [2, 3])

    run(bqsim, work)


def test_more_rows_than_fit_one_statement_go_by_a_staging_table(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        few = await client.ingest.merge(TABLE, rows(500), ["n"])
        assert "as parameters" in few.notes[-1]
        many = await client.ingest.merge(TABLE, rows(501), ["n"])
        assert "1 MERGE statement by way of a staging table" in many.notes[-1]
        assert (many.inserted, many.updated, many.atomic) == (1, 500, True)
        several = await client.ingest.merge(TABLE, rows(1_001), ["n"], how="unnest")
        assert (several.inserted, several.updated, several.atomic) == (500, 501, False)
        assert len(several.jobs) == 3
        assert await column(client) == list(range(1_001))

    run(bqsim, work)


def test_values_of_every_type_are_merged(bqsim: Any) -> None:
    kinds: dict[str, Any] = {
        "b": ("BYTES", b"\0\xff"),
        "f": ("FLOAT64", 1.5),
        "x": ("BOOL", True),
        "dt": ("DATETIME", datetime.datetime(2026, 1, 2, 3, 4, 5, 6)),
        "da": ("DATE", datetime.date(2026, 1, 2)),
        "ti": ("TIME", datetime.time(1, 2, 3, 4)),
        "js": ("JSON", {"a": [1, "'; DROP TABLE t"]}),
        "big": ("BIGNUMERIC", Decimal("1e-30")),
    }
    schema = [{"name": "k", "type": "STRING"}, *({"name": n, "type": t} for n, (t, _) in kinds.items())]
    inner = [{"name": "one", "type": "INT64"}, {"name": "two", "type": "STRING", "mode": "REPEATED"}]
    schema.append({"name": "st", "type": "STRUCT", "mode": "REPEATED", "fields": inner})
    given = {"k": "`'\"\\--", "st": [{"ONE": 1, "two": ["x", "y"]}, {"two": []}]}
    given |= {name: value for name, (_, value) in kinds.items()}

    async def work(client: BigQueryClient) -> None:
        for how in ("unnest", "staged"):
            await make(client, schema, f"d.{how}")
            await client.ingest.merge(f"d.{how}", [given], ["k"], how=how)
            again = await client.ingest.merge(f"d.{how}", [given], ["k"], how=how)
            assert (again.inserted, again.updated) == (0, 1)
            (row,) = (await client.queries.execute(f"SELECT * FROM d.{how}")).rows
            found = row.as_dict()
            assert found.pop("st") == [{"one": 1, "two": ["x", "y"]}, {"one": None, "two": []}]
            assert found == {name: value for name, value in given.items() if name != "st"}

    run(bqsim, work)


@HOW
@pytest.mark.parametrize("effect", [LOST, REFUSED])
def test_lost_answers_change_nothing(bqsim: Any, how: str, effect: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        for what in (INSERT_JOB, "bigquery.tables.insert", "bigquery.tables.delete"):
            bqsim.faults.add(effect, method=what, times=2)
        report = await client.ingest.merge(TABLE, rows(20), ["n"], how=how)
        assert (report.inserted, report.updated) == (20, 0)
        assert await column(client) == list(range(20))
        assert await _tables(client) == ["t"]

    run(bqsim, work)
    bqsim.verify_exactly_once()


def test_a_staging_table_is_dropped_when_the_merge_fails(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        await client.datasets.create("stage")
        bqsim.faults.add({"error": {"reason": "invalidQuery"}}, method=INSERT_JOB, nth=2)
        with pytest.raises(BigQueryError):
            await client.ingest.merge(TABLE, rows(3), ["n"], how="staged", staging_dataset="stage")
        assert [table async for table in client.tables.list("stage")] == []
        assert await column(client) == []

    run(bqsim, work)


WRONG_MERGES: list[tuple[dict[str, Any], str]] = [
    ({"keys": ["nothing"]}, "no column"),
    ({"keys": ["n", "n"]}, "named twice"),
    ({"keys": ["tags"]}, "ARRAY cannot be a key"),
    ({"keys": ["n"], "update": ["n"]}, "cannot be updated"),
    ({"keys": ["n"], "update": ["m"]}, "no column"),
    ({"keys": ["n"], "delete_marker": "S"}, "is a column of the table"),
]


@pytest.mark.parametrize(("given", "told"), WRONG_MERGES)
def test_wrong_merges_are_told(bqsim: Any, given: dict[str, Any], told: str) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        with pytest.raises(UsageError, match=told):
            await client.ingest.merge(TABLE, rows(1), **given)

    run(bqsim, work)


def test_settings_of_merges_are_checked() -> None:
    for wrong in ({"how": "fast"}, {"null_keys": "drop"}, {"keys": "n"}, {"update": "s"}):
        with pytest.raises(UsageError):
            Merge(**{"keys": ("n",), **wrong})  # type: ignore[arg-type]


def test_names_are_quoted() -> None:
    table = TableReference("p", "d", "t")
    schema = Schema.of([{"name": "order", "type": "INT64"}, {"name": "se-lect", "type": "STRING"}])
    sql = merge_statement(
        table,
        "`p.d.s`",
        key_fields(schema, ["order"]),
        schema.names,
        update={"se-lect"},
        marked=False,
        null_matches=False,
    )
    assert "ON bqclient_t.`order` = bqclient_s.`order`" in sql
    assert "SET `se-lect` = bqclient_s.`se-lect`" in sql
    with pytest.raises(UsageError):
        quoted("a`; DROP TABLE t")
