"""Streams that break: who goes on where they broke has every row once."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1.services.big_query_read import BigQueryReadClient

from bqsim.sim.journal.verify import VerificationError
from tests.scenarios.harness import Runbook, World
from tests.storage import table_path

ROWS = 5_000
API = "google.cloud.bigquery.storage.v1.BigQueryRead"


def prepare(world: World) -> None:
    world.table(rows=ROWS)


def numbers(session: Any, messages: Any) -> tuple[list[int], set[int]]:
    """The rows of messages, and how much they were throttled; ends when the stream does."""
    schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
    found: list[int] = []
    throttled = set()
    try:
        for message in messages:
            batch = pa.py_buffer(message.arrow_record_batch.serialized_record_batch)
            found += pa.ipc.read_record_batch(batch, schema).column("n").to_pylist()
            throttled.add(message.stats.progress and message.throttle_state.throttle_percent)
    except (exceptions.ServiceUnavailable, exceptions.ResourceExhausted):
        pass
    return found, throttled


def good(world: World) -> None:
    before = world.now()
    session = world.storage.session(table_path(world.project, "t"))
    rows = world.storage.read.read_rows(session.streams[0].name)
    found, _ = numbers(session, rows)
    assert found == list(range(ROWS))
    world.sim.verify(f"{API}.ReadRows", {"status": "RESOURCE_EXHAUSTED"}, times=1)
    calls = world.sim.verify(f"{API}.ReadRows", {"rule": "broken"}, times=(5, 9))
    assert all("throttled" in (d.rule for d in call.decisions) for call in calls)
    assert (world.now() - before).total_seconds() >= 5
    world.sim.verify_backoff(f"{API}.*")


def bad(world: World) -> None:
    session = world.storage.session(table_path(world.project, "t"))
    name = session.streams[0].name
    # The client that Google generates, without the part that goes on where a stream broke.
    plain = BigQueryReadClient(transport=world.storage.read.transport)
    short, throttled = numbers(session, plain.read_rows(read_stream=name, offset=0, retry=None))
    assert len(short) == 700
    assert throttled == {70}
    kept = list(short)
    for _ in range(20):
        try:
            again, _ = numbers(session, plain.read_rows(read_stream=name, offset=0, retry=None))
        except (exceptions.ServiceUnavailable, exceptions.ResourceExhausted):
            continue
        kept += again
        if len(again) == ROWS:
            break
    assert len(kept) > ROWS
    assert len(set(kept)) == ROWS
    with pytest.raises(VerificationError, match="at most 9 calls"):
        world.sim.verify(f"{API}.ReadRows", times=(0, 9))


RUNBOOK = Runbook(
    "storage-read-throttling",
    good,
    bad,
    asks=(
        (
            {"method": f"{API}.ReadRows"},
            ("rule 'throttled' .*fires", "rule 'exhausted' .*does not fire: nth", "rule 'broken' .*fires"),
        ),
        ({"method": f"{API}.CreateReadSession"}, ("does not fire: method",)),
    ),
    prepare=prepare,
    rate=50.0,
)
