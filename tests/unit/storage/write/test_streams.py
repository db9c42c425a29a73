from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from bqsim.catalog.resources import Table, TableKind
from bqsim.catalog.store import Catalog
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.storage.errors import StorageFailure
from bqsim.storage.names import write_stream_of
from bqsim.storage.write.streams import Staging, StreamRegistry, StreamState, StreamType

from .conftest import FIELDS, TABLE, Stack


def registry_of(stack: Stack) -> StreamRegistry:
    return StreamRegistry(stack.catalog, stack.clock, Draws(7))


def test_ids_look_as_the_services_do(stack: Stack) -> None:
    stream = registry_of(stack).new(stack.catalog.table(TABLE), StreamType.PENDING)
    data = base64.urlsafe_b64decode(stream.name.stream + "==")
    assert data[0] == 0x0A
    assert len(data) == data[1] + 2
    assert data.endswith(b":s0")
    assert stream.key in data.decode().replace("-", "")


def test_records_bring_streams_back(durable: Stack) -> None:
    streams = registry_of(durable)
    made = streams.new(durable.catalog.table(TABLE), StreamType.BUFFERED)
    staging = Staging("w1", "t1", ("c1", "c2"), FIELDS, 5)
    kept = replace(made, next_offset=9, flushed=5, staging=staging, state=StreamState.FINALIZED)

    def save(session: object) -> None:
        with session.transaction():  # type: ignore[attr-defined]
            streams.save(session, kept)  # type: ignore[arg-type]
            assert streams.find(made.name) is None

    durable.work(save)
    assert streams.get(made.name) == kept
    again = registry_of(durable)
    again.load(durable.engine.metadata())
    assert again.get(made.name) == kept

    def forget(session: object) -> None:
        with session.transaction():  # type: ignore[attr-defined]
            streams.forget(session, kept)  # type: ignore[arg-type]

    durable.work(forget)
    assert streams.find(made.name) is None
    empty = registry_of(durable)
    empty.load(durable.engine.metadata())
    assert empty.find(made.name) is None


def test_nothing_is_remembered_of_a_failed_transaction(stack: Stack) -> None:
    streams = registry_of(stack)
    made = streams.new(stack.catalog.table(TABLE), StreamType.COMMITTED)

    def work(session: object) -> None:
        with session.transaction():  # type: ignore[attr-defined]
            streams.save(session, made)  # type: ignore[arg-type]
            raise KeyError

    with pytest.raises(KeyError):
        stack.work(work)
    assert streams.find(made.name) is None


def test_unknown_stream() -> None:
    clock = SimulationClock()
    streams = StreamRegistry(Catalog(clock, Draws(1)), clock, Draws(1))
    name = write_stream_of("projects/p/datasets/d/tables/t/streams/s")
    with pytest.raises(StorageFailure) as caught:
        streams.get(name)
    assert (caught.value.status, caught.value.code) == ("NOT_FOUND", "STREAM_NOT_FOUND")
    assert caught.value.message == f"Requested entity was not found. Entity: {name.path}"


def test_location_is_in_lower_case() -> None:
    clock = SimulationClock()
    streams = StreamRegistry(Catalog(clock, Draws(1)), clock, Draws(1))
    table = Table(TABLE, TableKind.TABLE, FIELDS, 1, 1, "e", "EU")
    assert streams.new(table, StreamType.COMMITTED).location == "eu"
