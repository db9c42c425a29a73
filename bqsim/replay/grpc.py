"""The Storage API of a replay over gRPC, served as the simulator does: calls pass the gate and its journal,
and suffer the faults of a scenario."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from bqsim.errors import StorageFailure
from bqsim.server.grpc.decoding import decode
from bqsim.server.grpc.server import GrpcServer
from bqsim.server.identity import OpenAuth
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2

from .appends import AppendReplay
from .reads import NotHere, ReadReplay
from .sources import Refused, Sources, details_of

if TYPE_CHECKING:
    from bqsim.server.core import Core as ServerCore
    from bqsim.settings import Settings
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws
    from bqsim.sim.effects.streams import StreamPlan
    from bqsim.sim.gate import Gate

    from .book import Book

# Who calls when nobody says who.
CALLER = "replay@bqsim.test"
_SERVICES = "/google.cloud.bigquery.storage.v1."
# Metadata of gRPC itself and of the connection, which is not passed on.
_OWN = ("grpc-", ":", "user-agent", "te", "content-type", "host")

# The metadata of the call that this thread serves.
_METADATA: ContextVar[tuple[tuple[str, Any], ...]] = ContextVar("replay_metadata", default=())
# The channel to who answers a call, of a method ``service/name``, that was not recorded.
Fallback = Callable[[str], Any]


def serve(
    book: Book,
    settings: Settings,
    clock: Clock,
    draws: Draws,
    gate: Gate,
    loop: asyncio.AbstractEventLoop,
    *,
    fallback: Fallback | None = None,
) -> Served:
    """A server of the Storage API that answers from ``book``, started, at the gRPC address of ``settings``.

    ``loop`` is the event loop of the gate; it must run until the server has stopped. ``fallback`` tells
    the channel to who answers what was not recorded; it is the caller's to close. ``OSError`` when the port
    is taken.
    """
    core = _Core(settings, clock, draws, gate, OpenAuth(CALLER), StorageReplay(book, clock, draws, fallback))
    server = _Server(cast("ServerCore", core), loop)
    return Served(server.start(settings.host, settings.grpc_port), server, core.storage)


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its ``port``."""

    port: int
    server: GrpcServer
    storage: StorageReplay

    def stop(self) -> None:
        """Take no more calls; end those that run."""
        self.server.stop(self.storage.close)


@dataclass(frozen=True, slots=True)
class _Core:
    """What the server of the simulator uses of its core."""

    settings: Settings
    clock: Clock
    draws: Draws
    gate: Gate
    authenticator: OpenAuth
    storage: StorageReplay


class _Server(GrpcServer):
    """Keeps the metadata of calls for those that are passed on."""

    def handlers(self, front: Any) -> list[Any]:
        return [_Keeping(handler) for handler in super().handlers(front)]


class _Keeping:
    """Generic handlers whose calls know their metadata."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def service(self, details: Any) -> Any:
        """The handler of a call; None when it is another's."""
        found = self._inner.service(details)
        if found is None or not details.method.startswith("/google."):
            return found
        metadata = tuple(details.invocation_metadata or ())
        kept = [n for n in ("unary_unary", "unary_stream", "stream_stream") if getattr(found, n)]
        return found._replace(**{name: _knowing(getattr(found, name), metadata, name) for name in kept})


def _knowing(serve_: Any, metadata: Any, shape: str) -> Any:
    def one(request: Any, context: Any) -> Any:
        _METADATA.set(metadata)
        return serve_(request, context)

    def many(request: Any, context: Any) -> Iterator[Any]:
        _METADATA.set(metadata)
        yield from serve_(request, context)

    return one if shape == "unary_unary" else many


class StorageReplay:
    """The two services, as the simulator's server calls them."""

    def __init__(self, book: Book, clock: Clock, draws: Draws, fallback: Fallback | None = None) -> None:
        self.elsewhere = _Elsewhere(fallback)
        self.read = _Read(ReadReplay(Sources(book).find, clock, draws), self.elsewhere)
        self.write = _Write(AppendReplay(book, clock, draws), self.elsewhere)

    def close(self) -> None:
        """End what goes on."""
        self.write.close()


class _Read:
    def __init__(self, replay: ReadReplay, elsewhere: _Elsewhere) -> None:
        self._replay, self._elsewhere = replay, elsewhere

    def create_session(self, request: Any, caller: str) -> Any:
        return self._elsewhere.unary(
            "BigQueryRead/CreateReadSession", request, stream_pb2.ReadSession, self._replay.create_session
        )

    def split_stream(self, request: Any) -> Any:
        return self._elsewhere.unary(
            "BigQueryRead/SplitReadStream",
            request,
            read_pb2.SplitReadStreamResponse,
            self._replay.split_stream,
        )

    def read_rows(
        self,
        request: Any,
        cancelled: Callable[[], bool],
        plan: Callable[[], StreamPlan | None] = lambda: None,
        caller: str | None = None,
    ) -> Iterator[bytes]:
        """Serialised answers; ``plan`` gives what befalls them."""
        answers = self._replay.read_rows(request, cancelled, plan)
        try:
            first = next(answers, None)
        except NotHere:
            if not self._elsewhere.there:
                raise
            yield from self._elsewhere.stream("BigQueryRead/ReadRows", request.SerializeToString(), cancelled)
            return
        if first is not None:
            yield first
            yield from answers


class _Write:
    def __init__(self, replay: AppendReplay, elsewhere: _Elsewhere) -> None:
        self._replay, self._elsewhere = replay, elsewhere
        self._closed = False

    def create_stream(self, request: Any, caller: str) -> Any:
        return self._unary("CreateWriteStream", request, stream_pb2.WriteStream, self._replay.create_stream)

    def get_stream(self, request: Any) -> Any:
        return self._unary("GetWriteStream", request, stream_pb2.WriteStream, self._replay.get_stream)

    def finalize_stream(self, request: Any) -> Any:
        answer = write_pb2.FinalizeWriteStreamResponse
        return self._unary("FinalizeWriteStream", request, answer, self._replay.finalize_stream)

    def batch_commit(self, request: Any) -> Any:
        answer = write_pb2.BatchCommitWriteStreamsResponse
        return self._unary("BatchCommitWriteStreams", request, answer, self._replay.batch_commit)

    def flush_rows(self, request: Any) -> Any:
        return self._unary("FlushRows", request, write_pb2.FlushRowsResponse, self._replay.flush_rows)

    def append_rows(self, requests: Iterator[bytes], caller: str, routed: str | None) -> Iterator[bytes]:
        """Serialised requests in, serialised answers out."""
        connection = self._replay.connection(routed or "")
        answered = False
        for data in requests:
            try:
                answer = connection.append(decode(write_pb2.AppendRowsRequest, data))
            except NotHere:
                if not self._elsewhere.there or answered:
                    raise
                path = "BigQueryWrite/AppendRows"
                yield from self._elsewhere.stream(path, chain((data,), requests), lambda: self._closed)
                return
            answered = True
            yield answer

    def close(self) -> None:
        self._closed = True

    def _unary(self, name: str, request: Any, answer: Any, serve_: Callable[[Any], Any]) -> Any:
        return self._elsewhere.unary(f"BigQueryWrite/{name}", request, answer, serve_)


class _Elsewhere:
    """Who answers what was not recorded."""

    def __init__(self, fallback: Fallback | None) -> None:
        self._fallback = fallback

    @property
    def there(self) -> bool:
        """Whether there is anybody."""
        return self._fallback is not None

    def unary(self, path: str, request: Any, answer: Any, serve_: Callable[[Any], Any]) -> Any:
        """The answer of ``serve_``, or from elsewhere when it has none."""
        from .book import Failed

        try:
            return serve_(request)
        except NotHere:
            if not self.there:
                raise
        except Failed as failed:
            raise _passing(failed) from None
        import grpc

        try:
            data = self._open(path).unary_unary(_SERVICES + path)(
                request.SerializeToString(), metadata=_metadata()
            )
        except grpc.RpcError as error:
            raise _ended(error) from None
        return answer.FromString(data)

    def stream(self, path: str, request: Any, cancelled: Callable[[], bool]) -> Iterator[bytes]:
        """The answers from elsewhere, to a request or to an iterator of them."""
        import grpc

        channel = self._open(path)
        if isinstance(request, bytes):
            call = channel.unary_stream(_SERVICES + path)(request, metadata=_metadata())
        else:
            call = channel.stream_stream(_SERVICES + path)(request, metadata=_metadata())
        try:
            for answer in call:
                if cancelled():
                    break
                yield answer
        except grpc.RpcError as error:
            raise _ended(error) from None
        finally:
            call.cancel()

    def _open(self, path: str) -> Any:
        assert self._fallback is not None
        return self._fallback(path)


def _metadata() -> list[tuple[str, Any]]:
    return [(key, value) for key, value in _METADATA.get() if not key.startswith(_OWN)]


def _ended(error: Any) -> StorageFailure:
    """How a call from elsewhere ended."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    return Refused(error.code().name, error.details() or "", details)


def _passing(failed: Any) -> StorageFailure:
    """A passing failure that was recorded."""
    failure = failed.failure
    if failure.get("code"):
        return Refused(str(failure["code"]), str(failure.get("message") or ""), details_of(failure))
    return StorageFailure("UNAVAILABLE", str(failure.get("reason") or failure.get("broken") or failed))
