"""Sessions: what is asked for, what comes, and what can be done with their streams."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient import errors as e
from bqclient.storage_api.read_session import SessionOptions
from tests.client.running import ClockTime, HeldTime, run

from .reads import numbers, seen

CREATE = "google.cloud.bigquery.storage.v1.BigQueryRead.CreateReadSession"


def test_a_session_tells_what_it_is(bqsim: Any) -> None:
    numbers(bqsim, 10_000)

    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.numbers", max_streams=3)
        assert session.name.startswith(f"projects/{bqsim.project}/locations/us/sessions/")
        assert len(session.streams) == 3
        assert session.estimated_rows == 10_000
        # 8 bytes for each number, 102 for each text.
        assert session.estimated_bytes == 10_000 * (8 + 102 + 8)
        assert session.expire_time > datetime.now(UTC) + timedelta(hours=5)
        assert session.asked_at <= session.made_at
        assert session.schema is not None
        assert session.schema.names == ["n", "s", "f"]
        assert str(session.table) == f"{bqsim.project}.d.numbers"
        assert session.streams[0] not in repr(session)
        with pytest.raises(AttributeError):
            session.name = "x"  # type: ignore[misc]

    run(bqsim, work)


def test_a_session_reads_the_table_as_it_was(bqsim_own: Any) -> None:
    bqsim_own.clock.freeze()
    numbers(bqsim_own, 1000)
    bqsim_own.clock.advance(60)
    clock = ClockTime(bqsim_own)
    then = clock.now()
    bqsim_own.clock.advance(60)
    bqsim_own.client().query_and_wait("DELETE FROM d.numbers WHERE n > 10")

    async def work(client: BigQueryClient, **options: Any) -> list[int]:
        session = await client.storage_read.create_session("d.numbers", **options)
        return [
            n for i in range(len(session.streams)) for n in seen([r.batch async for r in session.stream(i)])
        ]

    assert run(bqsim_own, work, runtime=clock) == list(range(11))
    assert run(bqsim_own, lambda c: work(c, snapshot_time=then), runtime=clock) == list(range(1000))


def test_fields_of_structs_and_restrictions(bqsim: Any) -> None:
    client = bqsim.client()
    client.create_dataset("d")
    client.query_and_wait(
        "CREATE TABLE d.t AS SELECT n, STRUCT(n AS a, 'x' AS b) AS s FROM UNNEST(GENERATE_ARRAY(1, 5)) AS n"
    )

    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session(
            "d.t", selected_fields=["s.a"], row_restriction="n > 3", trace_id="trace"
        )
        rows = [row for r in [r async for r in session.stream(0)] for row in r.batch.to_pylist()]
        assert rows == [{"s": {"a": 4}}, {"s": {"a": 5}}]

    run(bqsim, work)


def test_sessions_are_asked_for_again_when_the_service_is_away(bqsim: Any) -> None:
    numbers(bqsim, 10)
    bqsim.faults.add("UNAVAILABLE", method=CREATE, times=3)
    clock = HeldTime()
    run(bqsim, lambda client: client.storage_read.create_session("d.numbers"), runtime=clock)
    assert clock.waits == [0.0, 1.25, 2.5]
    bqsim.faults.add("RESOURCE_EXHAUSTED", method=CREATE, times=1)
    with pytest.raises(e.QuotaError):
        run(bqsim, lambda client: client.storage_read.create_session("d.numbers"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "CSV"}, "format"),
        ({"compression": "gzip"}, "compression"),
        ({"format": "AVRO", "compression": "zstd"}, "buffers"),
        ({"max_streams": -1}, "max_streams"),
        ({"max_streams": 1001}, "max_streams"),
        ({"max_streams": 2, "preferred_min_streams": 3}, "preferred_min_streams"),
        ({"sample_percentage": 0}, "sample_percentage"),
        ({"snapshot_time": datetime(2026, 1, 1)}, "time zone"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_options_are_refused(bqsim: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(e.UsageError, match=message):
        run(bqsim, lambda client: client.storage_read.create_session("d.t", **options))
    assert not bqsim.journal.calls(CREATE)


def test_conditions_on_rows_are_not_shown() -> None:
    from bqclient.models.references import TableReference

    options = SessionOptions(TableReference("p", "d", "t"), row_restriction="name = 'secret'")
    assert "secret" not in repr(options)


def test_rows_before_the_first_are_refused(bqsim: Any) -> None:
    numbers(bqsim, 10)

    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.numbers")
        with pytest.raises(e.UsageError, match="no row -1"):
            session.stream(0, -1)

    run(bqsim, work)
