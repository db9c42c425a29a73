"""Tables as files: checks, making what is missing, differences, migrations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bqclient import BigQueryClient, Schema
from bqclient.errors import NotFoundError
from bqclient.ingest import MigrationReport
from bqclient.ingest.drift import compare
from bqclient.ingest.schema_files import FileError, TableFile
from bqclient.models.references import TableReference
from bqclient.models.schema import Field
from bqclient.models.table import RangePartitioning, Table, TimePartitioning
from tests.client.running import run

from .tables import LOST

ORDERS: dict[str, Any] = {
    "table_name": "orders",
    "schema": [
        {"name": "id", "type": "INTEGER", "mode": "REQUIRED"},
        {"name": "at", "type": "TIMESTAMP"},
        {"name": "who", "type": "RECORD", "fields": [{"name": "name", "type": "STRING"}]},
        {"name": "amount", "type": "NUMERIC", "precision": 10, "scale": 2},
    ],
    "clustering": ["id"],
    "partitioning": {"field": "at", "type": "DAY", "expiration_days": 30, "require_filter": True},
    "description": "Orders",
    "labels": {"team": "a"},
}
PLAIN = {"table_name": "plain", "schema": [{"name": "n", "type": "INT64"}]}


def _write(folder: Path, **tables: Any) -> None:
    for name, data in tables.items():
        text = data if isinstance(data, str) else json.dumps(data)
        (folder / f"{name}.json").write_text(text, "utf-8")


def _but(table: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**table, **changes}


# --- files ---


def test_files_are_read(bqsim: Any, tmp_path: Path) -> None:
    ranged = {"field": "n", "range": {"start": 0, "end": 100, "interval": 10}}
    _write(tmp_path, orders=ORDERS)
    (tmp_path / "more").mkdir()
    _write(tmp_path / "more", several=[PLAIN, _but(PLAIN, table_name="ranged", partitioning=ranged)])

    async def work(client: BigQueryClient) -> None:
        several, more, orders = client.ingest.schema_files(tmp_path).load()
        assert (several.name, more.name, orders.name) == ("plain", "ranged", "orders")
        assert more.range_partitioning == RangePartitioning("n", 0, 100, 10)
        assert orders.time_partitioning == TimePartitioning("DAY", "at", 30 * 86_400_000)
        assert orders.require_partition_filter
        assert orders.schema.fields[2].fields == (Field("name", "STRING"),)
        assert orders.schema.fields[3].precision == 10

    run(bqsim, work)


WRONG: list[tuple[Any, str]] = [
    ("{", "wrong.json:1:2: no JSON"),
    ('{"table_name": "t", "table_name": "u"}', "'table_name' is given twice"),
    (["text"], "wrong.json: [0]: a table is an object"),
    ({}, "wrong.json: table_name: None is no name"),
    (_but(PLAIN, schema=[]), "wrong.json: schema: a list of at least one field"),
    (_but(PLAIN, other=1), "wrong.json: other: not known"),
    (_but(PLAIN, table_name="a.b"), "table_name: 'a.b' is no name of a table"),
    (_but(PLAIN, schema=["n"]), "schema[0]: a field is an object"),
    (
        _but(PLAIN, schema=[{"name": "n", "type": "INTEGR"}]),
        "wrong.json: schema[0].type: 'INTEGR' is no type",
    ),
    (_but(PLAIN, schema=[{"name": "n", "type": "INT64", "mode": "NULL"}]), "schema[0].mode: 'NULL'"),
    (_but(PLAIN, schema=[{"name": "n`", "type": "INT64"}]), "schema[0].name"),
    (_but(PLAIN, schema=[{"name": "n", "type": "INT64", "typo": 1}]), "schema[0].typo: not known"),
    (_but(PLAIN, schema=[{"name": "n", "type": "INT64", "precision": "x"}]), "schema[0].precision"),
    (_but(PLAIN, schema=[{"name": "n", "type": "RANGE"}]), "schema[0].rangeElementType"),
    (_but(PLAIN, schema=[{"name": "n", "type": "STRUCT"}]), "schema[0].fields: a list"),
    (_but(PLAIN, schema=[{"name": "n", "type": "INT64", "fields": [1]}]), "schema[0].fields: INT64 has no"),
    (
        _but(PLAIN, schema=[{"name": "s", "type": "STRUCT", "fields": [{"name": "x", "type": "Y"}]}]),
        "schema[0].fields[0].type",
    ),
    (
        _but(PLAIN, schema=[*PLAIN["schema"], {"name": "N", "type": "INT64"}]),
        "schema[1].name: N is there twice",
    ),
    (_but(PLAIN, clustering="n"), "clustering: a list"),
    (_but(PLAIN, clustering=["m"]), "clustering[0]: there is no column m"),
    (_but(PLAIN, clustering=["n"] * 5), "clustering: 5 columns are given"),
    (
        _but(PLAIN, schema=[{"name": "f", "type": "FLOAT64"}], clustering=["f"]),
        "clustering[0]: f of type FLOAT64",
    ),
    (_but(PLAIN, partitioning="m"), "partitioning.field: there is no column m"),
    (_but(PLAIN, partitioning="n"), "partitioning.field: n of type INT64"),
    (_but(PLAIN, partitioning=7), "partitioning: the name of a column"),
    (_but(PLAIN, partitioning={"type": "WEEK"}), "partitioning.type: 'WEEK'"),
    (_but(PLAIN, partitioning={"expiration_days": 0}), "partitioning.expiration_days"),
    (_but(PLAIN, partitioning={"expiration_days": 1, "expiration_ms": 1}), "beside expiration_days"),
    (_but(PLAIN, partitioning={"require_filter": 1}), "partitioning.require_filter"),
    (_but(PLAIN, partitioning={"field": "n", "range": {"start": 1}}), "partitioning.range: integers"),
    (
        _but(PLAIN, partitioning={"field": "n", "range": {"start": 1, "end": 1, "interval": 1}}),
        "partitioning.range: start must be below end",
    ),
    (_but(PLAIN, description=1), "description: a text"),
    (_but(PLAIN, labels={"a": 1}), "labels: labels are an object of texts"),
]


@pytest.mark.parametrize(("data", "told"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_mistakes_are_told_with_file_and_path(bqsim: Any, tmp_path: Path, data: Any, told: str) -> None:
    _write(tmp_path, wrong=data)

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(FileError) as raised:
            client.ingest.schema_files(tmp_path).load()
        assert any(told in problem for problem in raised.value.problems), raised.value.problems

    run(bqsim, work)


def test_all_mistakes_are_told_at_once(bqsim: Any, tmp_path: Path) -> None:
    _write(tmp_path, a=PLAIN, b=PLAIN, c="[", d=_but(PLAIN, table_name="", schema=None))

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(FileError, match="4 mistakes") as raised:
            client.ingest.schema_files(tmp_path).load()
        assert "b.json: table plain is also in a.json" in raised.value.problems
        with pytest.raises(FileError, match="no such folder"):
            client.ingest.schema_files(tmp_path / "nowhere").load()

    run(bqsim, work)


# --- the service ---


def test_missing_tables_are_made(bqsim: Any, tmp_path: Path) -> None:
    _write(tmp_path, orders=ORDERS, plain=PLAIN)

    async def work(client: BigQueryClient) -> None:
        files = client.ingest.schema_files(tmp_path)
        with pytest.raises(NotFoundError):
            await files.drift("d")
        bqsim.faults.add(LOST, method="bigquery.tables.insert", times=1)
        assert await files.bootstrap("d") == ("orders", "plain")
        assert await files.bootstrap("d") == ()
        table = await client.tables.get("d.orders")
        assert (table.clustering, table.description, table.labels) == (("id",), "Orders", {"team": "a"})
        assert table.require_partition_filter
        assert table.time_partitioning == TimePartitioning("DAY", "at", 30 * 86_400_000)
        report = await files.drift("d")
        assert (report.differences, report.unknown, str(report)) == ((), (), "No differences.")
        assert not report
        assert await files.migrate("d") == MigrationReport()

    run(bqsim, work)
    bqsim.verify_exactly_once()


def test_what_is_safe_is_done_and_the_rest_refused(bqsim: Any, tmp_path: Path) -> None:
    _write(tmp_path, orders=ORDERS)
    changed = _but(
        ORDERS,
        schema=[
            {"name": "id", "type": "NUMERIC", "description": "Number"},
            {"name": "at", "type": "TIMESTAMP", "defaultValueExpression": "CURRENT_TIMESTAMP()"},
            {
                "name": "who",
                "type": "STRUCT",
                "fields": [{"name": "name", "type": "STRING"}, {"name": "mail", "type": "STRING"}],
            },
            {"name": "amount", "type": "NUMERIC", "precision": 12, "scale": 2},
            {"name": "new", "type": "STRING", "mode": "REPEATED"},
            {"name": "needed", "type": "STRING", "mode": "REQUIRED"},
        ],
        clustering=["new_c"],
        partitioning={"field": "at", "expiration_days": 60},
        description="All orders",
        labels={"env": "test"},
    )
    changed["schema"].append({"name": "new_c", "type": "STRING"})

    async def work(client: BigQueryClient) -> None:
        files = client.ingest.schema_files(tmp_path)
        await files.bootstrap("d")
        await client.queries.execute(
            "INSERT INTO d.orders (id, `at`, who, amount) "
            "VALUES (1, CURRENT_TIMESTAMP(), STRUCT('Ann'), NUMERIC '1.50')"
        )
        await client.tables.create("d.unknown", [{"name": "n", "type": "INT64"}])
        _write(tmp_path, orders=changed, plain=PLAIN)
        report = await files.drift("d")
        assert report.unknown == ("unknown",)
        found = {(d.place, d.kind): d.remedy for d in report.differences}
        assert found == {
            ("id", "type"): "in_place",
            ("id", "mode"): "in_place",
            ("id", "description"): "in_place",
            ("at", "default"): "in_place",
            ("who.mail", "missing_column"): "in_place",
            ("amount", "type"): "in_place",
            ("new", "missing_column"): "in_place",
            ("new_c", "missing_column"): "in_place",
            ("needed", "missing_column"): "new_table",
            ("", "clustering"): "in_place",
            ("", "require_partition_filter"): "in_place",
            ("", "partition_expiration"): "in_place",
            ("", "description"): "in_place",
            ("", "labels"): "in_place",
            ("", "missing_table"): "in_place",
        }
        dry = await files.migrate("d", dry_run=True)
        assert (dry.dry_run, dry.done, len(dry.refused)) == (True, report.of("in_place"), 1)
        assert (await files.drift("d")).differences == report.differences
        done = await files.migrate("d")
        assert done.done == report.of("in_place")
        assert "REQUIRED" in str(done)
        left = await files.drift("d")
        assert [(d.place, d.kind) for d in left.differences] == [("needed", "missing_column")]
        again = await files.migrate("d")
        assert (again.done, len(again.refused)) == ((), 1)
        table = await client.tables.get("d.orders")
        assert table.labels == {"env": "test"}
        (row,) = (await client.queries.execute("SELECT * FROM d.orders")).rows
        assert (str(row["id"]), row["who"], row["new"]) == ("1", {"name": "Ann", "mail": None}, [])

    run(bqsim, work)


def test_an_expiration_is_cleared(bqsim: Any, tmp_path: Path) -> None:
    _write(tmp_path, orders=ORDERS)

    async def work(client: BigQueryClient) -> None:
        files = client.ingest.schema_files(tmp_path)
        await files.bootstrap("d")
        _write(tmp_path, orders=_but(ORDERS, partitioning="at", clustering=None))
        await files.migrate("d")
        table = await client.tables.get("d.orders")
        assert (table.time_partitioning, table.clustering) == (TimePartitioning("DAY", "at"), ())
        assert not await files.drift("d")

    run(bqsim, work)


def test_views_in_the_place_of_tables_are_left_to_people(bqsim: Any, tmp_path: Path) -> None:
    _write(tmp_path, plain=PLAIN)

    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        await client.tables.create("d.plain", view_query="SELECT 1 AS n")
        (found,) = (await client.ingest.schema_files(tmp_path).migrate("d")).refused
        assert (found.kind, found.found, found.remedy) == ("kind", "VIEW", "by_hand")

    run(bqsim, work)


def test_changes_of_others_meanwhile_are_kept(bqsim: Any, tmp_path: Path) -> None:
    _write(tmp_path, plain=PLAIN)

    async def work(client: BigQueryClient) -> None:
        files = client.ingest.schema_files(tmp_path)
        await files.bootstrap("d")
        _write(tmp_path, plain=_but(PLAIN, schema=[*PLAIN["schema"], {"name": "b", "type": "STRING"}]))
        original, times = client.tables.get, 0

        async def interfered(name: Any, **options: Any) -> Table:
            nonlocal times
            found = await original(name, **options)
            times += 1
            if times == 2:
                other = [*found.schema, Field("other", "STRING")]
                await client.tables.update(name, schema=other)
            return found

        client.tables.get = interfered  # type: ignore[method-assign]
        await files.migrate("d")
        assert (await original("d.plain")).schema.names == ("n", "other", "b")

    run(bqsim, work)


# --- what can be done about differences ---

REFERENCE = TableReference("p", "d", "t")


def _remedy(wanted: dict[str, Any], found: dict[str, Any]) -> list[tuple[str, str]]:
    file = TableFile("t", Schema.of([{"name": "x", **wanted}]))
    table = Table(REFERENCE, Schema.of([{"name": "x", **found}]))
    return [(d.kind, d.remedy) for d in compare(file, table)]


@pytest.mark.parametrize(
    ("wanted", "found", "remedy"),
    [
        ({"type": "NUMERIC"}, {"type": "INT64"}, "in_place"),
        ({"type": "FLOAT64"}, {"type": "INT64"}, "in_place"),
        ({"type": "INT64"}, {"type": "NUMERIC"}, "new_table"),
        ({"type": "BIGNUMERIC"}, {"type": "NUMERIC"}, "in_place"),
        ({"type": "STRING"}, {"type": "INT64"}, "new_table"),
        ({"type": "STRING"}, {"type": "STRING", "maxLength": "5"}, "in_place"),
        ({"type": "STRING", "maxLength": 9}, {"type": "STRING", "maxLength": "5"}, "in_place"),
        ({"type": "STRING", "maxLength": 4}, {"type": "STRING", "maxLength": "5"}, "new_table"),
        ({"type": "STRING", "maxLength": 4}, {"type": "STRING"}, "new_table"),
        ({"type": "NUMERIC"}, {"type": "NUMERIC", "precision": "5"}, "in_place"),
        ({"type": "NUMERIC", "precision": 5}, {"type": "NUMERIC"}, "new_table"),
        (
            {"type": "NUMERIC", "precision": 7, "scale": 4},
            {"type": "NUMERIC", "precision": "5", "scale": "1"},
            "new_table",
        ),
        ({"type": "TIMESTAMP"}, {"type": "DATETIME"}, "new_table"),
        (
            {"type": "NUMERIC", "mode": "REPEATED"},
            {"type": "INT64", "mode": "REPEATED"},
            "new_table",
        ),
    ],
)
def test_types_can_be_widened(wanted: dict[str, Any], found: dict[str, Any], remedy: str) -> None:
    assert _remedy(wanted, found) == [("type", remedy)]


@pytest.mark.parametrize(
    ("wanted", "found", "remedy"),
    [
        ("NULLABLE", "REQUIRED", "in_place"),
        ("REQUIRED", "NULLABLE", "new_table"),
        ("REPEATED", "NULLABLE", "new_table"),
        ("NULLABLE", "REPEATED", "new_table"),
    ],
)
def test_modes_can_be_relaxed(wanted: str, found: str, remedy: str) -> None:
    assert _remedy({"type": "INT64", "mode": wanted}, {"type": "INT64", "mode": found}) == [("mode", remedy)]


def test_columns_are_never_dropped() -> None:
    file = TableFile("t", Schema.of([{"name": "a", "type": "INT64"}]))
    table = Table(REFERENCE, Schema.of([{"name": "A", "type": "INT64"}, {"name": "b", "type": "INT64"}]))
    (found,) = compare(file, table)
    assert (found.kind, found.place, found.remedy) == ("extra_column", "b", "by_hand")
    assert "t.b: extra column: INT64, wanted nothing (its values would be lost" in str(found)


def test_partitions_are_neither_changed_nor_dropped() -> None:
    schema = Schema.of([{"name": "at", "type": "DATE"}])
    daily = Table(REFERENCE, schema, time_partitioning=TimePartitioning("DAY", "at", 100))
    for partitioning, remedies in (
        (TimePartitioning("MONTH", "at"), ["new_table"]),
        (None, ["new_table"]),
        (TimePartitioning("DAY", "AT", 50), ["by_hand"]),
        (TimePartitioning("DAY", "at", 200), ["in_place"]),
    ):
        file = TableFile("t", schema, time_partitioning=partitioning)
        assert [d.remedy for d in compare(file, daily)] == remedies
