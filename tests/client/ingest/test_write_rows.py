"""``write_rows``: which way is taken and why, rows of every form, refused rows, lost answers."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bqclient import BigQueryClient
from bqclient.errors import NotFoundError, TransportError, UsageError
from bqclient.ingest import IncompleteWriteError, Thresholds
from bqclient.ingest.methods import choose
from tests.client.running import run

from .tables import INSERT_ALL, INSERT_JOB, LOST, REFUSED, SCHEMA, TABLE, column, make, rows

SMALL = Thresholds(load=10, storage=50)
APPEND = "google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows"
COMMIT = "google.cloud.bigquery.storage.v1.BigQueryWrite.BatchCommitWriteStreams"
CREATE = "google.cloud.bigquery.storage.v1.BigQueryWrite.CreateWriteStream"


@pytest.mark.parametrize(
    ("count", "method"),
    [(1, "stream"), (99, "stream"), (100, "load"), (9_999, "load"), (10_000, "storage"), (None, "storage")],
)
def test_the_number_of_rows_tells_the_method(count: int | None, method: str) -> None:
    found = choose(count, "auto", Thresholds())
    assert found.method == method
    assert count is None or f"{count:,}" in found.why


def test_keys_and_changes_tell_the_method() -> None:
    assert choose(5, "auto", Thresholds(), keys=["a", "b"]).method == "merge"
    assert "a, b" in choose(5, "auto", Thresholds(), keys=["a", "b"]).why
    assert choose(5, "auto", Thresholds(), changes=True).method == "dml"
    assert choose(5, "storage", Thresholds()) == choose(5_000, "storage", Thresholds())
    assert choose(20, "auto", SMALL).method == "load"


@pytest.mark.parametrize(
    "given",
    [
        {"method": "csv"},
        {"method": "merge"},
        {"method": "dml"},
        {"method": "stream", "keys": ["n"]},
        {"keys": "n"},
        {"writers": 0},
        {"changes": [], "rows": [{"n": 1}]},
        {"changes": [], "method": "load"},
        {"rows": "text"},
        {"rows": 7},
    ],
)
def test_what_does_not_go_together_is_told(bqsim: Any, given: dict[str, Any]) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        with pytest.raises(UsageError):
            await client.ingest.write_rows(TABLE, **given)

    run(bqsim, work)


def test_thresholds_grow() -> None:
    with pytest.raises(UsageError, match="load"):
        Thresholds(load=100, storage=50)
    with pytest.raises(UsageError, match="unnest"):
        Thresholds(unnest=501)


@pytest.mark.parametrize(
    ("count", "method"), [(0, "none"), (9, "stream"), (10, "load"), (49, "load"), (50, "storage")]
)
def test_rows_are_written_by_each_method(bqsim: Any, count: int, method: str) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        report = await client.ingest.write_rows(TABLE, rows(count), thresholds=SMALL)
        assert (report.method, report.rows, report.written, report.refused) == (method, count, count, ())
        assert report.why
        assert len(report.jobs) == (method == "load")
        assert len(report.streams) == (method == "storage")
        assert await column(client) == list(range(count))

    run(bqsim, work)


def _generator(count: int) -> Iterator[dict[str, Any]]:
    yield from rows(count)


async def _async_generator(count: int) -> AsyncIterator[dict[str, Any]]:
    for row in rows(count):
        yield row


def _table(count: int) -> pa.Table:
    return pa.table({"n": range(count), "s": [f"row {n}" for n in range(count)]})


FORMS: dict[str, Any] = {
    "list": rows,
    "generator": _generator,
    "async": _async_generator,
    "table": _table,
    "batch": lambda n: _table(n).to_batches()[0],
    "reader": lambda n: _table(n).to_reader(max_chunksize=7),
    "batches": lambda n: iter(_table(n).to_batches(max_chunksize=7)),
    "pandas": lambda n: pd.DataFrame(rows(n)),
    "polars": lambda n: pl.DataFrame(rows(n)),
}


@pytest.mark.parametrize("method", ["stream", "load", "storage", "merge"])
@pytest.mark.parametrize("form", FORMS)
def test_rows_may_be_of_any_form(bqsim: Any, form: str, method: str) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        given: dict[str, Any] = {"keys": ["n"]} if method == "merge" else {"method": method}
        report = await client.ingest.write_rows(TABLE, FORMS[form](30), **given)
        assert (report.method, report.written, report.refused) == (method, 30, ())
        assert await column(client, "CONCAT(n, s)") == sorted(f"{n}row {n}" for n in range(30))

    run(bqsim, work)


def test_rows_that_come_one_after_another_are_counted_up_to_the_threshold(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        few = await client.ingest.write_rows(TABLE, _async_generator(5))
        assert (few.method, few.written) == ("stream", 5)
        many = await client.ingest.write_rows(TABLE, _generator(12_000), writers=2)
        assert (many.method, many.written, many.rows) == ("storage", 12_000, 12_000)
        assert "at least 10,000" in many.why
        assert (await column(client, "COUNT(*)"), await column(client, "MAX(n)")) == ([12_005], [11_999])

    run(bqsim, work)


def test_single_rows_and_rows_of_results_are_taken(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        await client.ingest.write_rows(TABLE, {"n": 1})
        found = await client.queries.execute("SELECT 2 AS n, 'b' AS s")
        assert (await client.ingest.write_rows(TABLE, found.rows)).written == 1
        assert await column(client) == [1, 2]

    run(bqsim, work)


WRONG = [
    {"n": 1, "s": "good"},
    {"s": "no n"},
    {"n": "many", "s": "wrong"},
    {"n": 4, "extra": 1},
    {"n": 5, "at": datetime.datetime(2026, 1, 1)},
    {"n": 6, "tags": [None]},
    {"n": 7, "S": "other case"},
]


@pytest.mark.parametrize("method", ["stream", "load", "storage", "merge"])
def test_rows_that_do_not_fit_are_refused_and_the_rest_is_written(bqsim: Any, method: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        given: dict[str, Any] = {"keys": ["n"]} if method == "merge" else {"method": method}
        report = await client.ingest.write_rows(TABLE, WRONG, **given)
        assert (report.rows, report.written) == (7, 2)
        assert [refused.index for refused in report.refused] == [1, 2, 3, 4, 5]
        assert [refused.row for refused in report.refused] == WRONG[1:6]
        for refused, name in zip(report.refused, ("n", "n", "extra", "at", "tags"), strict=True):
            assert name in refused.error
        assert await column(client, "CONCAT(n, s)") == ["1good", "7other case"]
        with pytest.raises(IncompleteWriteError, match=r"5 of 7 rows were refused; row 1: .* n"):
            report.raise_for_refused()

    run(bqsim, work)


@pytest.mark.parametrize("method", ["stream", "load", "storage"])
def test_where_no_row_fits_nothing_is_written(bqsim: Any, method: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        report = await client.ingest.write_rows(TABLE, [{"s": "x"}] * 3, method=method)
        assert (report.written, len(report.refused)) == (0, 3)
        assert await column(client) == []

    run(bqsim, work)


@pytest.mark.parametrize("method", ["stream", "load", "storage"])
def test_wrong_rows_of_arrow_data_are_split_out(bqsim: Any, method: Any) -> None:
    table = pa.table({"n": [1, None, 3], "s": ["a", "b", "c"]})

    async def work(client: BigQueryClient) -> None:
        await make(client)
        report = await client.ingest.write_rows(TABLE, table, method=method)
        assert (report.written, [r.index for r in report.refused]) == (2, [1])
        assert await column(client) == [1, 3]

    run(bqsim, work)


@pytest.mark.parametrize("method", ["load", "storage"])
def test_arrow_data_with_other_columns_is_not_begun(bqsim: Any, method: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        with pytest.raises(UsageError, match="no column other"):
            await client.ingest.write_rows(TABLE, pa.table({"n": [1], "other": [2]}), method=method)
        assert await column(client) == []

    run(bqsim, work)


@pytest.mark.parametrize("method", ["stream", "storage"])
def test_rows_that_only_the_service_refuses_are_told(bqsim: Any, method: Any) -> None:
    """The schema that is given is an older one."""
    from bqclient import Schema

    async def work(client: BigQueryClient) -> None:
        await make(client, [{"name": "g", "type": "GEOGRAPHY"}, {"name": "n", "type": "INT64"}])
        schema = Schema.of([{"name": "g", "type": "GEOGRAPHY"}, {"name": "n", "type": "INT64"}])
        given = [{"g": "POINT(1 2)", "n": 0}, {"g": "PUNKT(1 2)", "n": 1}, {"g": "POINT(3 4)", "n": 2}]
        report = await client.ingest.write_rows(TABLE, given, method=method, schema=schema)
        assert (report.written, [r.index for r in report.refused]) == (2, [1])
        assert report.refused[0].row["n"] == 1
        assert await column(client) == [0, 2]

    run(bqsim, work)


def test_a_missing_table_is_told_before_anything_is_written(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        with pytest.raises(NotFoundError):
            await client.ingest.write_rows("d.nowhere", rows(1))

    run(bqsim, work)


@pytest.mark.parametrize("method", ["stream", "load", "storage"])
def test_columns_that_rows_lack_take_their_defaults(bqsim: Any, method: Any) -> None:
    schema = [
        {"name": "n", "type": "INT64"},
        {"name": "s", "type": "STRING", "defaultValueExpression": "'none'"},
    ]

    async def work(client: BigQueryClient) -> None:
        await make(client, schema)
        await client.ingest.write_rows(TABLE, [{"n": 1}, {"n": 2}], method=method)
        await client.ingest.write_rows(TABLE, [{"n": 3, "s": "some"}], method=method)
        assert await column(client, "CONCAT(n, s)") == ["1none", "2none", "3some"]

    run(bqsim, work)


# --- lost answers ---


@pytest.mark.parametrize(
    ("method", "effect", "what"),
    [
        ("stream", LOST, INSERT_ALL),
        ("load", LOST, INSERT_JOB),
        ("storage", {"grpc": {"status": "UNAVAILABLE", "applied": True}}, APPEND),
        ("merge", LOST, INSERT_JOB),
    ],
)
def test_lost_answers_repeat_and_lose_nothing(
    bqsim: Any, method: str, effect: dict[str, Any], what: str
) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        bqsim.faults.add(effect, method=what, times=2)
        given: dict[str, Any] = {"keys": ["n"]} if method == "merge" else {"method": method}
        report = await client.ingest.write_rows(TABLE, rows(60), **given)
        assert report.written == 60
        assert await column(client) == list(range(60))

    run(bqsim, work)
    bqsim.verify_exactly_once()


@pytest.mark.parametrize("what", [CREATE, COMMIT])
def test_streams_are_committed_once_though_answers_about_them_are_lost(bqsim: Any, what: str) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        lost = {"grpc": {"status": "UNAVAILABLE", "applied": True}}
        bqsim.faults.add(lost, method=what, times=2)
        assert (await client.ingest.write_rows(TABLE, rows(60), method="storage")).written == 60
        assert await column(client) == list(range(60))

    run(bqsim, work)


def test_what_was_written_before_a_failure_is_told(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        bqsim.faults.add(REFUSED, method=INSERT_ALL, nth=list(range(2, 12)))
        with pytest.raises(IncompleteWriteError, match="500 of 600 rows were written") as raised:
            await client.ingest.write_rows(TABLE, rows(600), method="stream")
        assert (raised.value.report.written, raised.value.retryable) == (500, True)
        assert not raised.value.report.atomic
        assert await column(client) == list(range(500))

    run(bqsim, work)


def test_a_failed_commit_writes_nothing(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        bqsim.faults.add({"grpc": {"status": "UNAVAILABLE"}}, method=COMMIT)
        with pytest.raises(TransportError):
            await client.ingest.write_rows(TABLE, rows(60), method="storage")
        assert await column(client) == []

    run(bqsim, work)


def test_the_schema_given_is_not_asked_for(bqsim: Any) -> None:
    from bqclient import Schema

    async def work(client: BigQueryClient) -> None:
        await make(client)
        before = len(bqsim.journal.calls("bigquery.tables.get"))
        await client.ingest.write_rows(TABLE, rows(3), schema=Schema.of(SCHEMA))
        assert len(bqsim.journal.calls("bigquery.tables.get")) == before

    run(bqsim, work)


@pytest.mark.parametrize("method", ["stream", "load", "storage", "merge"])
def test_arrow_data_of_many_types_is_the_same_by_every_way(bqsim: Any, method: Any) -> None:
    from decimal import Decimal

    noon = datetime.datetime(2026, 1, 2, 12, 0, 0, 5)
    values: dict[str, tuple[str, Any]] = {
        "n": ("INT64", 1),
        "f": ("FLOAT64", 1.5),
        "b": ("BOOL", True),
        "by": ("BYTES", b"\0\xff"),
        "d": ("DATE", noon.date()),
        "t": ("TIME", noon.time()),
        "dt": ("DATETIME", noon),
        "ts": ("TIMESTAMP", noon.replace(tzinfo=datetime.UTC)),
        "nu": ("NUMERIC", Decimal("1.5")),
        "none": ("STRING", None),
    }
    table = pa.Table.from_pylist([{name: value for name, (_, value) in values.items()}])

    async def work(client: BigQueryClient) -> None:
        schema = [{"name": name, "type": type_} for name, (type_, _) in values.items()]
        await make(client, [*schema, {"name": "tags", "type": "STRING", "mode": "REPEATED"}])
        given = table.append_column("tags", pa.array([["a", "b"]]))
        options: dict[str, Any] = {"keys": ["n"]} if method == "merge" else {"method": method}
        report = await client.ingest.write_rows(TABLE, given, **options)
        assert report.refused == ()
        (row,) = (await client.queries.execute("SELECT * FROM d.t")).rows
        assert row.as_dict() == {**{name: value for name, (_, value) in values.items()}, "tags": ["a", "b"]}

    run(bqsim, work)
