"""The parts of a world other than its tables, one by one."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.store import Catalog
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.storage.names import WriteStreamName
from bqsim.storage.write.streams import Staging, StreamRegistry, StreamType, WriteStream
from bqsim.worlds.parts import ReadSessions, Since, WriteStreams

CLOCK = SimulationClock()
STAGING = Staging("s1", "t1", ("c1",), (), 0)


class Session:
    """Records by key; changes of memory happen at once."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], str | None] = {}
        self.dropped: list[str] = []

    def put_metadata(self, kind: str, key: str, value: str | None) -> None:
        self.records[kind, key] = value

    def on_commit(self, callback: Any) -> None:
        callback()

    def drop_table(self, name: str) -> None:
        self.dropped.append(name)

    def transaction(self) -> Any:
        return nullcontext()


def stream(name: str, **values: Any) -> WriteStream:
    ref = TableRef("p", "d", "t")
    made = WriteStream(WriteStreamName(ref, name), name, StreamType.COMMITTED, 1, 1, 1, "us")
    return replace(made, **values)


def service(*streams: WriteStream) -> tuple[Any, StreamRegistry, Any]:
    registry = StreamRegistry(Catalog(CLOCK, Draws(1)), CLOCK, Draws(1))
    session: Any = Session()
    for one in streams:
        registry.save(session, one)
    return SimpleNamespace(write_if_made=SimpleNamespace(streams=registry)), registry, session


def test_write_streams_have_the_offsets_that_they_had() -> None:
    first, staged = stream("a", next_offset=3), stream("b", staging=STAGING, next_offset=1)
    untouched = stream("c", staging=STAGING)
    storage, registry, session = service(first, staged, untouched)
    part = WriteStreams(storage, CLOCK.now_us)
    state = part.snapshot()
    now = CLOCK.now_us()
    for changed in (
        replace(first, next_offset=5, used_us=now),
        replace(staged, next_offset=2, used_us=now),
        stream("d", created_us=now, used_us=now, staging=replace(STAGING, engine_table="s9")),
    ):
        registry.save(session, changed)
    part.restore(state, session)
    left = registry.all()
    assert {s.key: s.next_offset for s in left.values()} == {"a": 3, "c": 0}
    assert session.dropped == ["s1", "s9"]
    assert session.records["write_stream", staged.name.path] is None


def test_write_streams_that_were_not_loaded_at_the_snapshot() -> None:
    part = WriteStreams(SimpleNamespace(write_if_made=None), CLOCK.now_us)  # type: ignore[arg-type]
    state, session = part.snapshot(), Session()
    part.restore(state, session)  # type: ignore[arg-type]
    now = CLOCK.now_us()
    storage, registry, made = service(stream("old"), stream("new", created_us=now, used_us=now))
    WriteStreams(storage, CLOCK.now_us).restore(state, made)
    assert [s.key for s in registry.all().values()] == ["old"]


def test_read_sessions_are_kept_by_name() -> None:
    kept: list[Any] = []
    read = SimpleNamespace(session_names=lambda: frozenset("ab"), keep_sessions=kept.append)
    session: Any = Session()
    part = ReadSessions(SimpleNamespace(read_if_made=read))  # type: ignore[arg-type]
    part.restore(part.snapshot(), session)
    assert kept == [frozenset("ab")]
    absent = ReadSessions(SimpleNamespace(read_if_made=None))  # type: ignore[arg-type]
    absent.restore(absent.snapshot(), session)


def test_what_only_grows_is_cut() -> None:
    times: list[int] = []
    part = Since(lambda: 7, times.append)
    part.restore(part.snapshot())
    assert times == [7]
