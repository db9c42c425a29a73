"""A simulator's Storage API as a target of hostile calls: what is called, and what an orderly end is."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc

from bqsim.server.grpc.methods import PACKAGE, VERSIONS, Method, Shape
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2

from .test_hostile_rest import ENGINE_WORDS

COUNT = int(os.environ.get("BQSIM_HOSTILE", "300"))
TIMEOUT_S = 60
# What a client must never see: a defect, a status that nobody chose, a hang.
DISORDER = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED}
WORDS = (*(word.decode() for word in ENGINE_WORDS), "Exception", "ArrowInvalid", "flatbuffer")

INTEGERS = (0, 1, -1, 2, 7, 100, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, -(2**63))
FLOATS = (0.0, 0.5, 1.0, -1.0, 1e308, float("nan"), float("inf"), float("-inf"), 5e-324)


@dataclass(slots=True)
class Target:
    """A simulator's storage port and the names of a table and of streams that exist there."""

    channel: grpc.Channel
    project: str
    names: list[str]
    named: dict[str, list[str]]
    batch: tuple[bytes, bytes]

    @property
    def table(self) -> str:
        return f"projects/{self.project}/datasets/d/tables/t"

    def call(self, method: Method, data: Iterable[bytes], rng: random.Random) -> tuple[grpc.StatusCode, str]:
        """Make one call with the raw messages ``data``; the status it ended with, and its text."""
        path = f"/{PACKAGE}.{rng.choice(VERSIONS)}.{method.service}/{method.name}"
        messages = list(data)
        metadata = [("x-goog-request-params", f"write_stream={self.table}/_default")] * rng.randrange(2)
        try:
            if method.shape is Shape.UNARY:
                self.channel.unary_unary(path)(messages[0], timeout=TIMEOUT_S, metadata=metadata)
            elif method.shape is Shape.SERVER_STREAM:
                for _ in self.channel.unary_stream(path)(messages[0], timeout=TIMEOUT_S, metadata=metadata):
                    pass
            else:
                call = self.channel.stream_stream(path)(iter(messages), timeout=TIMEOUT_S, metadata=metadata)
                for answer in call:
                    response = write_pb2.AppendRowsResponse.FromString(answer)
                    error = response.error
                    assert error.code not in {s.value[0] for s in DISORDER}, error
                    assert_clean(" ".join([error.message, *(e.message for e in response.row_errors)]))
        except grpc.RpcError as error:
            return error.code(), error.details()
        return grpc.StatusCode.OK, ""

    def check(self, method: Method, data: list[bytes], rng: random.Random) -> grpc.StatusCode:
        """Make a call that must end in order."""
        status, text = self.call(method, data, rng)
        assert status not in DISORDER, (method.name, status, text, data)
        assert_clean(text)
        return status


def assert_clean(text: str) -> None:
    assert not any(word in text for word in WORDS), text


def renew(target: Target) -> None:
    """Make a new write stream of each type."""
    streams = []
    for type_ in (1, 2, 3):
        request = write_pb2.CreateWriteStreamRequest(
            parent=target.table, write_stream=stream_pb2.WriteStream(type=type_)
        )
        data = target.channel.unary_unary(f"/{PACKAGE}.v1.BigQueryWrite/CreateWriteStream")(
            request.SerializeToString(), timeout=TIMEOUT_S
        )
        streams.append(stream_pb2.WriteStream.FromString(data).name)
    target.named["write_stream"] = [*target.names[2:4], *streams, *streams]


def session(target: Target, data_format: int, table: str = "t") -> Any:
    request = read_pb2.CreateReadSessionRequest(parent=f"projects/{target.project}")
    request.read_session.table = f"projects/{target.project}/datasets/d/tables/{table}"
    request.read_session.data_format = data_format
    data = target.channel.unary_unary(f"/{PACKAGE}.v1.BigQueryRead/CreateReadSession")(
        request.SerializeToString(), timeout=TIMEOUT_S
    )
    return stream_pb2.ReadSession.FromString(data)


# Random messages
