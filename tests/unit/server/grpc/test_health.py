from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bqsim.server.grpc.methods import service_names
from tests.waiting import until

from .conftest import Bench

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("service", ["", *service_names()])
def test_every_service_is_serving(bench: Bench, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(bench.channel)
    assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status == SERVING


def test_another_service_is_unknown(bench: Bench) -> None:
    stub = health_pb2_grpc.HealthStub(bench.channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="other"), timeout=10)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("kind", ["Check", "Watch"])
def test_undecodable_requests_are_invalid(bench: Bench, kind: str) -> None:
    path = f"/grpc.health.v1.Health/{kind}"
    with pytest.raises(grpc.RpcError) as caught:
        list(bench.channel.unary_stream(path)(b"\xff\xff", timeout=10))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_watch_that_is_given_up_gives_its_thread_back(bench: Bench) -> None:
    for _ in range(20):
        watching = health_pb2_grpc.HealthStub(bench.channel).Watch(health_pb2.HealthCheckRequest())
        next(watching)
        watching.cancel()
    server: Any = bench.server
    threads = server._direct.threads
    until(lambda: threads._free == threads._threads)


def test_watchers_learn_of_the_stop(bench: Bench) -> None:
    watching = health_pb2_grpc.HealthStub(bench.channel).Watch(health_pb2.HealthCheckRequest(), timeout=20)
    assert next(watching).status == SERVING
    stopping = threading.Thread(target=bench.stop)
    stopping.start()
    assert next(watching).status == NOT_SERVING
    stopping.join(10)
    assert not stopping.is_alive()
