"""The health service that load balancers and tools ask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2

from .decoding import decoding


class Health:
    """Says SERVING for the server (the empty name) and each service until :meth:`shut_down`."""

    def __init__(self, services: Iterable[str]) -> None:
        self._servicer = health.HealthServicer(experimental_non_blocking=False)
        for name in services:
            self._servicer.set(name, health_pb2.HealthCheckResponse.SERVING)

    def handler(self) -> Any:
        """The generic handler of ``grpc.health.v1.Health``."""
        kinds = {
            "Check": grpc.unary_unary_rpc_method_handler,
            "Watch": grpc.unary_stream_rpc_method_handler,
        }
        methods = {
            name: make(
                decoding(health_pb2.HealthCheckRequest, getattr(self._servicer, name)),
                response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
            )
            for name, make in kinds.items()
        }
        return grpc.method_handlers_generic_handler(health.SERVICE_NAME, methods)

    def shut_down(self) -> None:
        """Say NOT_SERVING from now on, also to those who watch."""
        self._servicer.enter_graceful_shutdown()
