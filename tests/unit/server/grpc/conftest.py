"""A gRPC server over stand-ins of the storage services, and raw calls to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from bqsim.server.grpc.server import GrpcServer
from bqsim.server.identity import OpenAuth
from bqsim.settings import Settings
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.gate import Call, Gate
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2
from bqsim.storage.write import responses
from bqsim.storage.write.refusal import Refused
from tests.gates import Hooks

READ = "google.cloud.bigquery.storage.v1.BigQueryRead"
WRITE = "google.cloud.bigquery.storage.v1.BigQueryWrite"


class Read:
    """A read service that notes what it is asked; ``rows`` are the messages of every stream."""

    def __init__(self) -> None:
        self.sessions: list[tuple[Any, str]] = []
        self.rows: Callable[[Any, Callable[[], bool]], Iterable[bytes]] = lambda request, cancelled: ()
        self.failure: Exception | None = None
        self.during: Callable[[], None] = lambda: None

    def create_session(self, request: Any, caller: str) -> Any:
        self.during()
        self.sessions.append((request, caller))
        if self.failure is not None:
            raise self.failure
        return stream_pb2.ReadSession(name="s", table=request.read_session.table)

    def read_rows(
        self, request: Any, cancelled: Callable[[], bool], plan: Any = None, caller: str = ""
    ) -> Iterator[bytes]:
        yield from self.rows(request, cancelled)

    def split_stream(self, request: Any) -> Any:
        return read_pb2.SplitReadStreamResponse()


class Write:
    """A write service that answers each request with its size as the offset."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str | None]] = []
        self.taken = 0
        self.before_answer: Callable[[int], None] = lambda taken: None

    def append_rows(self, requests: Iterator[bytes], caller: str, routed: str | None) -> Iterator[bytes]:
        self.opened.append((caller, routed))
        for data in requests:
            self.taken += 1
            self.before_answer(self.taken)
            if isinstance(data, Refused):
                yield responses.failed("s", data.failure)
                continue
            answer = write_pb2.AppendRowsResponse()
            answer.append_result.offset.value = len(data)
            yield answer.SerializeToString()


class Hook:
    """A hook of the gate that notes calls; ``refuse`` raises in place of a call."""

    def __init__(self) -> None:
        self.before_calls: list[Call] = []
        self.after_calls: list[tuple[Call, Any]] = []
        self.refuse: Callable[[Call], None] = lambda call: None
        self.change: Callable[[Any], Any] = lambda answer: answer

    async def before(self, call: Call) -> None:
        self.before_calls.append(call)
        await asyncio.sleep(0)
        self.refuse(call)

    async def after(self, call: Call, answer: Any) -> Any:
        await asyncio.sleep(0)
        self.after_calls.append((call, answer))
        return self.change(answer)


class Bench:
    """The server with its stand-ins."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        *,
        front: bool = False,
        scope: str = "",
    ) -> None:
        self.loop = loop
        self.clock = SimulationClock()
        self.read, self.write = Read(), Write()
        draws = Draws(1)
        self.gate = Gate()
        core: Any = SimpleNamespace(
            settings=settings,
            draws=draws,
            gate=self.gate,
            storage=SimpleNamespace(read=self.read, write=self.write),
            authenticator=OpenAuth(settings.caller),
            clock=self.clock,
        )
        self.server = GrpcServer(core, loop, scope)
        self.port = self.server.start("127.0.0.1", 0, front)
        self.channel = self.connect()

    def connect(self, **options: int) -> Any:
        given = {"max_receive_message_length": -1, "max_send_message_length": -1, **options}
        return grpc.insecure_channel(
            f"127.0.0.1:{self.port}", options=[(f"grpc.{name}", value) for name, value in given.items()]
        )

    def hook(self) -> Hook:
        hook = Hook()
        self.gate.simulation = Hooks(hook)
        return hook

    def create(self, table: str = "t", metadata: Any = ()) -> bytes:
        """One CreateReadSession."""
        request = read_pb2.CreateReadSessionRequest(read_session=stream_pb2.ReadSession(table=table))
        return self.unary(f"/{READ}/CreateReadSession", request.SerializeToString(), metadata)

    def unary(self, path: str, data: bytes, metadata: Any = ()) -> bytes:
        answer: bytes = self.channel.unary_unary(path)(data, metadata=metadata, timeout=20)
        return answer

    def rows(self, data: bytes = b"", metadata: Any = ()) -> Any:
        """The messages of one ReadRows call."""
        return self.channel.unary_stream(f"/{READ}/ReadRows")(data, metadata=metadata, timeout=60)

    def append(self, requests: Iterable[bytes], metadata: Any = ()) -> Any:
        """The answers of one AppendRows connection."""
        return self.channel.stream_stream(f"/{WRITE}/AppendRows")(
            iter(requests), metadata=metadata, timeout=60
        )

    def stop(self) -> None:
        self.server.stop(lambda: None)
        self.clock.close()


@contextmanager
def running(settings: Settings, **options: Any) -> Iterator[Bench]:
    """A server on an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = Bench(loop, settings, **options)
    try:
        yield made
    finally:
        made.channel.close()
        made.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def settings() -> Settings:
    return Settings(seed=1)


@pytest.fixture
def bench(settings: Settings) -> Iterator[Bench]:
    with running(settings) as made:
        yield made


@pytest.fixture
def fronted(settings: Settings) -> Iterator[Bench]:
    """A server behind the front."""
    with running(settings, front=True) as made:
        yield made
