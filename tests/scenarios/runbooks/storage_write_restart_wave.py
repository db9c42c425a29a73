"""Connections that end: offsets make appends that are sent again harmless."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import exceptions as storage_exceptions
from google.cloud.bigquery_storage_v1 import types, writer

from bqsim.sim.journal.ledger import LedgerError
from tests.scenarios.harness import Runbook, World
from tests.storage import F, ProtoMessage, table_path

APPEND = "google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows"
ROW = ProtoMessage([("n", F.TYPE_INT64, False, None)])
BATCHES = 12
SIZE = 5
ENDED = (
    exceptions.Aborted,
    exceptions.ServiceUnavailable,
    exceptions.Unknown,
    exceptions.InternalServerError,
    exceptions.Cancelled,
    storage_exceptions.StreamClosedError,
)


def prepare(world: World) -> None:
    world.table()


@contextmanager
def writing(world: World, stream: str) -> Iterator[Any]:
    """Google's writer on a stream; it opens a new connection when one has ended."""
    template = types.AppendRowsRequest(write_stream=stream)
    template.proto_rows.writer_schema.proto_descriptor = ROW.descriptor
    made = writer.AppendRowsStream(world.storage.write, template)
    try:
        yield made
    finally:
        if made.is_active:
            made.close()


def request(stream: str, batch: int, *, offset: bool) -> types.AppendRowsRequest:
    made = types.AppendRowsRequest(write_stream=stream)
    rows = [{"n": n} for n in range(batch * SIZE, (batch + 1) * SIZE)]
    made.proto_rows.rows.serialized_rows.extend(ROW.rows(rows))
    if offset:
        made.offset = batch * SIZE
    return made


def answer(future: Any) -> Any:
    """What comes of an append. Its thread is waited for by the wall's clock: no retry sleeps here."""
    end = time.monotonic() + 20
    while not future.done() and time.monotonic() < end:
        time.sleep(0.002)
    return future.result(timeout=0)


def sent(world: World, appends: Any, message: types.AppendRowsRequest) -> int:
    """How many tries it took until an append was acknowledged."""
    for attempt in range(1, 10):
        try:
            answer(appends.send(message))
        except exceptions.AlreadyExists:
            return attempt
        except ENDED:
            world.wait(min(0.1 * 2**attempt, 10))
        else:
            return attempt
    raise AssertionError("never acknowledged")


def good(world: World) -> None:
    parent = table_path(world.project, "t")
    made = world.storage.write.create_write_stream(
        parent=parent, write_stream=types.WriteStream(type_="COMMITTED")
    )
    with writing(world, made.name) as appends:
        tries = [sent(world, appends, request(made.name, batch, offset=True)) for batch in range(BATCHES)]
    assert max(tries) > 1
    failed = world.sim.verify(APPEND, {"ok": False}, times=(4, None))
    fired = {decision.rule for call in failed for decision in call.decisions}
    assert fired >= {"answer-lost", "restart"}
    world.sim.verify(APPEND, {"rule": ["going-away"]}, times=1)
    world.sim.verify_backoff(APPEND)
    world.sim.verify_exactly_once(in_doubt=True)
    world.over()
    assert world.numbers() == list(range(BATCHES * SIZE))


def bad(world: World) -> None:
    """The same without offsets, and a second one that never sends anything again."""
    stream = f"{table_path(world.project, 't')}/streams/_default"
    with writing(world, stream) as appends:
        for batch in range(BATCHES // 2):
            sent(world, appends, request(stream, batch, offset=False))
    with pytest.raises(LedgerError, match="more than once"):
        world.sim.verify_exactly_once()
    with writing(world, stream) as appends:
        for batch in range(BATCHES // 2, BATCHES):
            try:
                answer(appends.send(request(stream, batch, offset=False)))
            except ENDED:
                continue
    world.over()
    found = world.numbers()
    first = BATCHES // 2 * SIZE
    assert len([n for n in found if n < first]) > first
    assert len([n for n in found if n >= first]) < first


RUNBOOK = Runbook(
    "storage-write-restart-wave",
    good,
    bad,
    asks=(
        (
            {"method": APPEND},
            (
                "'answer-lost' .*does not fire: nth",
                "'going-away' .*does not fire",
                "'restart' .*does not fire",
            ),
        ),
        ({"method": "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows"}, ("does not fire: method",)),
    ),
    prepare=prepare,
)
