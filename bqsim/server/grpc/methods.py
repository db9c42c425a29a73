"""The methods of the Storage API, one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from bqsim.errors import StorageFailure
from bqsim.sim.effects.streams import StreamPlan
from bqsim.sim.gate import Call, Life
from bqsim.storage.status import storage_error
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2

if TYPE_CHECKING:
    from bqsim.server.core import Core

PACKAGE = "google.cloud.bigquery.storage"
# Equal on the wire as far as both have a field.
VERSIONS = ("v1", "v1beta2")


class Shape(Enum):
    """How many messages go each way."""

    UNARY = "one request, one answer"
    SERVER_STREAM = "one request, a stream of answers"
    BOTH_STREAM = "a stream of requests, a stream of answers"


@dataclass(frozen=True, slots=True)
class Incoming:
    """What comes with a call besides its messages.

    ``caller`` is the principal's e-mail; ``headers`` the metadata; ``params`` the decoded
    ``x-goog-request-params``; ``cancelled`` tells whether nobody waits any more; ``groups`` are the caller's;
    ``life`` ends with the call; ``scope`` names the port. ``plan`` gives what befalls a stream of answers,
    once the call has passed the gate.
    """

    caller: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    cancelled: Callable[[], bool]
    groups: tuple[str, ...] = ()
    life: Life | None = None
    scope: str = ""
    plan: Callable[[], StreamPlan | None] = lambda: None

    def call(self, method: Method, resource: str, body: Any, size: int) -> Call:
        """The call, or one message of it, at the gate."""
        return Call(
            "grpc",
            method.id,
            resource,
            self.caller,
            body,
            self.headers,
            self.groups,
            self.scope,
            size=size,
            life=self.life,
        )


# The service: of one request message, or of the raw requests of a stream; gives a message or raw answers.
Run = Callable[["Core", Any, Incoming], Any]


@dataclass(frozen=True, slots=True)
class Method:
    """One method: ``resource`` is the path of the request's field that names what the call is about.

    ``told`` makes an answer of a failure that the method tells in its answer, not by a status; else None.
    """

    service: str
    name: str
    shape: Shape
    request: Any
    answer: Any
    resource: str
    run: Run
    told: Callable[[Any, StorageFailure], Any] = lambda request, failure: None

    @property
    def id(self) -> str:
        """The API method id, the same for every version."""
        return f"{PACKAGE}.v1.{self.service}.{self.name}"

    def resource_of(self, request: Any) -> str:
        """The resource path in a request message; empty when it has none."""
        value = request
        for name in self.resource.split("."):
            value = getattr(value, name)
        return str(value)


def _commit_errors(request: Any, failure: StorageFailure) -> Any:
    """Streams that cannot be committed: those that the failure is about, or all."""
    if failure.code is None:
        return None
    paths = [failure.entity] if failure.entity else request.write_streams
    errors = [storage_error(failure.code, path, failure.message) for path in paths]
    return write_pb2.BatchCommitWriteStreamsResponse(stream_errors=errors)


METHODS: tuple[Method, ...] = (
    Method(
        "BigQueryRead",
        "CreateReadSession",
        Shape.UNARY,
        read_pb2.CreateReadSessionRequest,
        stream_pb2.ReadSession,
        "read_session.table",
        lambda core, request, call: core.storage.read.create_session(request, call.caller),
    ),
    Method(
        "BigQueryRead",
        "ReadRows",
        Shape.SERVER_STREAM,
        read_pb2.ReadRowsRequest,
        read_pb2.ReadRowsResponse,
        "read_stream",
        lambda core, request, call: core.storage.read.read_rows(
            request, call.cancelled, call.plan, call.caller
        ),
    ),
    Method(
        "BigQueryRead",
        "SplitReadStream",
        Shape.UNARY,
        read_pb2.SplitReadStreamRequest,
        read_pb2.SplitReadStreamResponse,
        "name",
        lambda core, request, call: core.storage.read.split_stream(request),
    ),
    Method(
        "BigQueryWrite",
        "CreateWriteStream",
        Shape.UNARY,
        write_pb2.CreateWriteStreamRequest,
        stream_pb2.WriteStream,
        "parent",
        lambda core, request, call: core.storage.write.create_stream(request, call.caller),
    ),
    Method(
        "BigQueryWrite",
        "AppendRows",
        Shape.BOTH_STREAM,
        write_pb2.AppendRowsRequest,
        write_pb2.AppendRowsResponse,
        "write_stream",
        lambda core, requests, call: core.storage.write.append_rows(
            requests, call.caller, call.params.get("write_stream")
        ),
    ),
    Method(
        "BigQueryWrite",
        "GetWriteStream",
        Shape.UNARY,
        write_pb2.GetWriteStreamRequest,
        stream_pb2.WriteStream,
        "name",
        lambda core, request, call: core.storage.write.get_stream(request),
    ),
    Method(
        "BigQueryWrite",
        "FinalizeWriteStream",
        Shape.UNARY,
        write_pb2.FinalizeWriteStreamRequest,
        write_pb2.FinalizeWriteStreamResponse,
        "name",
        lambda core, request, call: core.storage.write.finalize_stream(request),
    ),
    Method(
        "BigQueryWrite",
        "BatchCommitWriteStreams",
        Shape.UNARY,
        write_pb2.BatchCommitWriteStreamsRequest,
        write_pb2.BatchCommitWriteStreamsResponse,
        "parent",
        lambda core, request, call: core.storage.write.batch_commit(request),
        _commit_errors,
    ),
    Method(
        "BigQueryWrite",
        "FlushRows",
        Shape.UNARY,
        write_pb2.FlushRowsRequest,
        write_pb2.FlushRowsResponse,
        "write_stream",
        lambda core, request, call: core.storage.write.flush_rows(request),
    ),
)


def service_names() -> tuple[str, ...]:
    """The full names of the services, every version of each."""
    services = dict.fromkeys(m.service for m in METHODS)
    return tuple(f"{PACKAGE}.{version}.{service}" for version in VERSIONS for service in services)
