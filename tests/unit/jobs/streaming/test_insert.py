"""What a simulation asks for, templates and partitions, on a whole stack."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.errors import BigQueryError
from bqsim.sim.clock import SimulationClock
from bqsim.sim.gate import Call, served, serving
from tests.unit.jobs.conftest import Play, Stack, play, settings  # noqa: F401

pytestmark = [
    pytest.mark.fidelity(
        "streaming:visibility",
        "approximated",
        "Rows are seen at once unless a rule holds them back.",
        tests="test_rows_may_be_seen*",
    ),
    pytest.mark.fidelity(
        "streaming:partitions and decorators",
        "exact",
        tests="test_rows_far* test_decorators*",
    ),
    pytest.mark.fidelity("effect:insert_errors", "exact", tests="test_rows_fail_*"),
]

REF = TableRef("p", "d", "t")
ASKED = {"reason": "internalError", "location": "", "debugInfo": "", "message": "asked"}


@pytest.fixture
def observer() -> None:
    return None


class Asked:
    def __init__(self, *indexes: int) -> None:
        self._indexes = indexes

    def indexes(self, count: int) -> Mapping[int, dict[str, Any]]:
        return {i: ASKED for i in self._indexes if i < count}


async def stream(
    s: Stack,
    *bodies: dict[str, Any],
    ref: TableRef = REF,
    notes: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Any, dict[str, Any]]:
    """The insertErrors of a request, and what the call was told."""
    call = Call("rest", "bigquery.tabledata.insertAll", "", "", notes=dict(notes or {}))
    token = serving(call)
    try:
        rows = [{"json": body, "insertId": body.get("id")} for body in bodies]
        return await s.tabledata.insert_all(ref, {"rows": rows, **options}), call.notes
    finally:
        served(token)


def told(notes: dict[str, Any]) -> tuple[Any, ...]:
    return notes["rows"], notes["repeats"], notes["deduplicated"]


def test_the_call_is_told_what_was_stored(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64)")
        for ids, expected in (([1, 2], (2, 0, False)), ([2, 3], (1, 1, False)), ([1, 3], (0, 2, True))):
            errors, notes = await stream(s, *({"id": i} for i in ids))
            assert (errors, told(notes)) == ([], expected)
        errors, notes = await stream(s, {"id": 4}, {"id": "x"})
        assert told(notes) == (0, 0, False)
        assert await s.rows("SELECT id FROM d.t ORDER BY id") == [(1,), (2,), (3,)]

    play(body)


def test_rows_fail_when_that_is_asked_for(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64)")
        rows = [{"id": 1}, {"id": 2}, {"id": 3}]
        errors, notes = await stream(s, *rows, notes={"insert_errors": Asked(1)})
        assert [[e["reason"] for e in row["errors"]] for row in errors] == [
            ["stopped"],
            ["internalError"],
            ["stopped"],
        ]
        assert told(notes) == (0, 0, False)
        errors, notes = await stream(s, *rows, notes={"insert_errors": Asked(1)}, skipInvalidRows=True)
        assert errors == [{"index": 1, "errors": [ASKED]}]
        assert told(notes) == (2, 0, False)
        assert await s.rows("SELECT id FROM d.t ORDER BY id") == [(1,), (3,)]
        errors, _ = await stream(s, *rows, notes={"insert_errors": Asked(0, 1, 2)}, skipInvalidRows=True)
        assert [row["index"] for row in errors] == [0, 1, 2]
        # A row that failed is no repeat.
        assert (await stream(s, *rows))[0] == []
        assert await s.rows("SELECT id FROM d.t ORDER BY id") == [(1,), (2,), (3,)]

    play(body)


def test_rows_may_be_seen_later(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        clock = SimulationClock(rate=0)
        s.tabledata._clock = clock
        await s.ok("CREATE TABLE d.t (id INT64)")
        errors, notes = await stream(s, {"id": 1}, notes={"visible_after_s": 30.0})
        assert (errors, told(notes)) == ([], (1, 0, False))
        assert told((await stream(s, {"id": 1}))[1]) == (0, 1, True)
        await stream(s, {"id": 2}, notes={"visible_after_s": 90.0})
        await clock.advance_async("29s")
        assert await s.rows("SELECT id FROM d.t") == []
        await clock.advance_async("2s")
        assert await s.rows("SELECT id FROM d.t") == [(1,)]
        await s.tabledata.close()
        assert await s.rows("SELECT id FROM d.t ORDER BY id") == [(1,), (2,)]

    play(body)


def test_held_rows_go_with_their_table(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64)")
        await stream(s, {"id": 1}, notes={"visible_after_s": 900.0})
        await s.ok("DROP TABLE d.t")
        await s.tabledata.close()
        await s.ok("CREATE TABLE d.t (id INT64)")
        await stream(s, {"id": 1}, notes={"visible_after_s": 900.0})
        await s.ok("CREATE OR REPLACE TABLE d.t (id INT64)")
        await s.tabledata.close()
        assert await s.rows("SELECT id FROM d.t") == []
        await stream(s, {"id": 1}, notes={"visible_after_s": 900.0})
        s.tabledata.forget_since(0)
        await s.tabledata.close()
        assert await s.rows("SELECT id FROM d.t") == []
        assert told((await stream(s, {"id": 1}))[1]) == (1, 0, False)

    play(body)


def test_what_a_template_gives(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        await s.ok(
            "CREATE TABLE d.t (id INT64, day DATE) PARTITION BY day CLUSTER BY id "
            "OPTIONS (description = 'base', labels = [('a', 'b')],"
            " expiration_timestamp = TIMESTAMP '2999-01-01')"
        )
        await stream(s, {"id": 1}, templateSuffix="_x")
        made, base = s.table("t_x"), s.table("t")
        assert (made.fields, made.time_partitioning) == (base.fields, base.time_partitioning)
        assert (made.clustering, made.num_rows) == (("id",), 1)
        assert (made.description, dict(made.labels), made.expiration_ms) == (None, {}, None)
        await s.ok("ALTER TABLE d.t ADD COLUMN more STRING")
        errors, _ = await stream(s, {"id": 2, "more": "a"}, templateSuffix="_x")
        assert errors[0]["errors"][0]["message"] == "no such field: more."
        assert (await stream(s, {"id": 2, "more": "a"}, templateSuffix="_y"))[0] == []

    play(body)


def test_templates_that_cannot_be(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        await s.ok("CREATE VIEW d.t AS SELECT 1 AS id")
        for options, message in (
            ({"templateSuffix": "-x"}, 'Invalid template suffix "-x"'),
            (
                {"templateSuffix": "_x"},
                "p:d.t is not allowed for this operation because it is currently a VIEW.",
            ),
            ({}, "p:d.t is not allowed for this operation because it is currently a VIEW."),
            ({"ref": TableRef("p", "d", "u")}, "Not found: Table p:d.u"),
        ):
            with pytest.raises(BigQueryError) as caught:
                await stream(s, {"id": 1}, **options)  # type: ignore[arg-type]
            assert caught.value.message == message
            assert caught.value.location in (None, "templateSuffix")

    play(body)


def day(offset: int) -> str:
    return f"{dt.datetime.now(dt.UTC).date() + dt.timedelta(offset):%Y%m%d}"


def test_rows_far_from_today(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64, ts TIMESTAMP) PARTITION BY TIMESTAMP_TRUNC(ts, MONTH)")
        rows = [{"id": 1, "ts": "2024-05-05 00:00:00"}, {"id": 2, "ts": "1999-12-31 23:00:00"}, {"id": 3}]
        errors, _ = await stream(s, *rows, skipInvalidRows=True)
        assert (errors[0]["index"], errors[0]["errors"][0]["message"]) == (
            1,
            "Value 946681200000000 for field ts of the destination table p:d.t is outside the allowed "
            "bounds. "
            "You can only stream to date range within 3650 days in the past and 366 days in the future "
            "relative to the current date.",
        )
        assert await s.rows("SELECT id FROM d.t ORDER BY id") == [(1,), (3,)]
        with pytest.raises(BigQueryError, match=r"column based partitioning table p:d.t is disallowed"):
            await stream(s, {"id": 1}, ref=TableRef("p", "d", "t$20240101"))

    play(body)


def test_decorators_of_days(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64) PARTITION BY _PARTITIONDATE")
        await s.ok("CREATE TABLE d.plain (id INT64)")
        await stream(s, {"id": 1}, ref=TableRef("p", "d", f"t${day(0)}"))
        await stream(s, {"id": 2}, ref=TableRef("p", "d", f"t${day(-2)}"))
        assert await s.rows("SELECT id FROM d.t WHERE _PARTITIONTIME IS NULL ORDER BY id") == [(1,), (2,)]
        s.clock.advance(dt.timedelta(hours=1), settle=False)
        query = "SELECT id, FORMAT_DATE('%Y%m%d', _PARTITIONDATE) FROM d.t ORDER BY id"
        assert await s.rows(query) == [(1, day(0)), (2, day(-2))]
        for name, message in (
            (f"t${day(-40)}", "within 31 days in the past and 16 days in the future"),
            (f"t${day(20)}", "is outside the allowed bounds"),
            ("t$2024", "Invalid partition decorator"),
            (f"plain${day(0)}", "only tables that are partitioned by day take decorators"),
        ):
            with pytest.raises(BigQueryError, match=message):
                await stream(s, {"id": 1}, ref=TableRef("p", "d", name))

    play(body)


def test_concurrent_requests_with_the_same_ids_store_them_once(play: Play) -> None:  # noqa: F811
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64)")
        answers = await asyncio.gather(*(stream(s, {"id": 1}, {"id": 2}) for _ in range(8)))
        assert sum(notes["rows"] for _, notes in answers) == 2
        assert await s.rows("SELECT id FROM d.t ORDER BY id") == [(1,), (2,)]

    play(body)
