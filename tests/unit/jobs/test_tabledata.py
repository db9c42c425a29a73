from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.errors import BigQueryError
from bqsim.jobs.results import ResultPage

from .conftest import Play, Stack

pytestmark = pytest.mark.fidelity(
    "streaming:ignoreUnknownValues and skipInvalidRows", "exact", tests="test_skip* test_ignore*"
)

REF = TableRef("p", "d", "t")


async def ten(s: Stack) -> None:
    await s.ok(
        "CREATE TABLE d.t AS SELECT n, CAST(n AS STRING) AS s, STRUCT(n * 2 AS x, 'q' AS y) AS r "
        "FROM UNNEST(GENERATE_ARRAY(0, 9)) n ORDER BY n"
    )


def numbers(page: ResultPage) -> list[Any]:
    return page.rows.column(0).to_pylist()


def test_rows_come_in_stored_order(play: Play) -> None:
    async def body(s: Stack) -> None:
        await ten(s)
        page = await s.tabledata.list(REF)
        assert numbers(page) == list(range(10))
        assert (page.total_rows, page.next_page_token, page.etag) == (10, None, s.table("t").etag)

    play(body)


def test_pages(play: Play) -> None:
    async def body(s: Stack) -> None:
        await ten(s)
        page = await s.tabledata.list(REF, start_index=2, max_results=5)
        assert numbers(page) == [2, 3, 4, 5, 6]
        page = await s.tabledata.list(REF, page_token=page.next_page_token, max_results=5)
        assert (numbers(page), page.next_page_token) == ([7, 8, 9], None)
        page = await s.tabledata.list(REF, start_index=99)
        assert (numbers(page), page.next_page_token) == ([], None)
        page = await s.tabledata.list(REF, max_bytes=1)
        assert numbers(page) == [0]
        assert page.next_page_token is not None
        with pytest.raises(BigQueryError, match="Invalid page token"):
            await s.tabledata.list(REF, page_token="abc")

    play(body)


def test_deleted_rows_are_gone(play: Play) -> None:
    async def body(s: Stack) -> None:
        await ten(s)
        await s.ok("DELETE FROM d.t WHERE n < 8")
        page = await s.tabledata.list(REF)
        assert (numbers(page), page.total_rows) == ([8, 9], 2)

    play(body)


def test_selected_fields(play: Play) -> None:
    async def body(s: Stack) -> None:
        await ten(s)
        page = await s.tabledata.list(REF, selected_fields="r.x,n", max_results=2)
        assert [f.name for f in page.fields] == ["n", "r"]
        assert page.rows.to_pylist() == [{"c1": 0, "c2": {"_1": 0}}, {"c1": 1, "c2": {"_1": 2}}]
        with pytest.raises(BigQueryError, match="No such field: z"):
            await s.tabledata.list(REF, selected_fields="z")

    play(body)


def test_query_results_are_listed_without_the_engine(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("SELECT n, n * 2 AS m FROM UNNEST([3, 1, 2]) n ORDER BY n")
        assert job.destination is not None
        page = await s.tabledata.list(job.destination, max_results=2, selected_fields="m")
        assert (numbers(page), page.total_rows) == ([2, 4], 3)
        page = await s.tabledata.list(job.destination, page_token=page.next_page_token)
        assert numbers(page) == [3]
        assert s.catalog.find_dataset(job.destination.dataset_ref) is None

    play(body)


def test_views_and_missing_tables(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE VIEW d.t AS SELECT 1 AS a")
        with pytest.raises(BigQueryError, match="Cannot list a table of type VIEW"):
            await s.tabledata.list(REF)
        for ref, message in (
            (TableRef("p", "d", "nope"), "Not found: Table p:d.nope"),
            (TableRef("p", "nope", "t"), "Not found: Dataset p:nope"),
            (TableRef("p", "_nope", "t"), "Not found: Dataset p:_nope"),
        ):
            with pytest.raises(BigQueryError) as caught:
                await s.tabledata.list(ref)
            assert (caught.value.http, caught.value.message) == (404, message)

    play(body)


# -- insertAll


async def stream(s: Stack, *rows: dict[str, Any], **options: Any) -> Any:
    return await s.tabledata.insert_all(REF, {"rows": [{"json": r} for r in rows], **options})


async def target(s: Stack) -> None:
    await s.ok(
        "CREATE TABLE d.t (id INT64 NOT NULL, name STRING(3), tags ARRAY<STRING>, "
        "info STRUCT<age INT64, city STRING>)"
    )


def test_good_rows_are_visible_at_once(play: Play) -> None:
    async def body(s: Stack) -> None:
        await target(s)
        row = {"id": "1", "name": "ann", "tags": ["a"], "info": {"age": "3"}}
        assert await stream(s, row, {"ID": 2}) == []
        assert await s.rows("SELECT id, name, tags, info FROM d.t ORDER BY id") == [
            (1, "ann", ["a"], {"_1": 3, "_2": None}),
            (2, None, [], None),
        ]

    play(body)


def test_a_bad_row_stops_the_others(play: Play) -> None:
    async def body(s: Stack) -> None:
        await target(s)
        errors = await stream(s, {"id": 1}, {"id": "x"}, {"id": 3, "zzz": 1, "info": {"q": 1}}, {"name": "a"})
        assert [(e["index"], [x["reason"] for x in e["errors"]]) for e in errors] == [
            (0, ["stopped"]),
            (1, ["invalid"]),
            (2, ["invalid", "invalid"]),
            (3, ["invalid"]),
        ]
        assert errors[1]["errors"] == [
            {
                "reason": "invalid",
                "location": "id",
                "debugInfo": "",
                "message": "Cannot convert value to integer (bad value): x",
            }
        ]
        messages = {x["location"]: x["message"] for e in errors[2:] for x in e["errors"]}
        assert messages == {
            "info.q": "no such field: info.q.",
            "zzz": "no such field: zzz.",
            "": "Missing required field: Msg_0_CLOUD_QUERY_TABLE.id.",
        }
        assert s.table("t").num_rows == 0

    play(body)


def test_skip_invalid_rows(play: Play) -> None:
    async def body(s: Stack) -> None:
        await target(s)
        errors = await stream(s, {"id": 1}, {"id": "x"}, {"id": 3}, skipInvalidRows=True)
        assert [e["index"] for e in errors] == [1]
        assert await s.rows("SELECT id FROM d.t ORDER BY id") == [(1,), (3,)]

    play(body)


def test_ignore_unknown_values(play: Play) -> None:
    async def body(s: Stack) -> None:
        await target(s)
        assert await stream(s, {"id": 1, "zzz": 1, "info": {"q": 1}}, ignoreUnknownValues=True) == []

    play(body)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": 1, "tags": "a"}, "field tags is repeated"),
        ({"id": 1, "tags": [None]}, "Only optional fields can be set to NULL. Field: tags; Value: NULL"),
        ({"id": [1]}, "Array specified for non-repeated field: id."),
        ({"id": 1, "info": 5}, "This field: info is not a record."),
        ({"id": 1, "name": "long"}, "maximum length 3"),
    ],
)
def test_messages(play: Play, row: dict[str, Any], message: str) -> None:
    async def body(s: Stack) -> None:
        await target(s)
        (error,) = await stream(s, row)
        assert message in error["errors"][0]["message"]

    play(body)


def test_columns_left_out_get_their_defaults(play: Play) -> None:
    async def body(s: Stack) -> None:
        now = "ts TIMESTAMP DEFAULT CURRENT_TIMESTAMP() NOT NULL"
        await s.ok(f"CREATE TABLE d.t (id INT64, n INT64 DEFAULT 7, {now})")
        assert await stream(s, {"id": 1}, {"id": 2, "N": None}, {"id": 3, "n": 5}) == []
        assert await s.rows("SELECT id, n, ts IS NULL FROM d.t ORDER BY id") == [
            (1, 7, False),
            (2, None, False),
            (3, 5, False),
        ]
        errors = await stream(s, {"id": 4}, {"id": "x"}, skipInvalidRows=True)
        assert [e["index"] for e in errors] == [1]
        assert await s.rows("SELECT n FROM d.t WHERE id = 4") == [(7,)]

    play(body)


def test_a_template_suffix_makes_the_table(play: Play) -> None:
    async def body(s: Stack) -> None:
        await target(s)
        for _ in range(2):
            assert await stream(s, {"id": 1}, templateSuffix="_x") == []
        assert s.table("t_x").num_rows == 2
        assert s.table("t_x").fields == s.table("t").fields
        assert s.table("t").num_rows == 0
        with pytest.raises(BigQueryError, match="Invalid template suffix"):
            await stream(s, {"id": 1}, templateSuffix="-x")

    play(body)


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        ({}, "No rows present in the request."),
        ({"rows": []}, "No rows present in the request."),
        ({"rows": [{}]}, "Required parameter is missing: rows.json"),
        (
            {"rows": [{"json": {}}] * 50_001},
            "too many rows present in the request, limit: 50000 row count: 50001.",
        ),
    ],
)
def test_bad_requests(play: Play, request_body: dict[str, Any], message: str) -> None:
    async def body(s: Stack) -> None:
        await target(s)
        with pytest.raises(BigQueryError) as caught:
            await s.tabledata.insert_all(REF, request_body)
        assert (caught.value.http, caught.value.message) == (400, message)

    play(body)


def test_views_take_no_rows(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE VIEW d.t AS SELECT 1 AS id")
        with pytest.raises(BigQueryError, match="currently a VIEW"):
            await stream(s, {"id": 1})

    play(body)
