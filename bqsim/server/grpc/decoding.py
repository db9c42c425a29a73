"""Requests from their bytes: what gRPC itself would end with INTERNAL is the client's fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.message import DecodeError

from bqsim.codecs.messages import parse
from bqsim.storage.errors import StorageFailure, invalid_argument

from .status import status_of


def decode(message: Any, data: bytes) -> Any:
    """A request from its bytes; INVALID_ARGUMENT when they are none."""
    try:
        return parse(message, data)
    except DecodeError:
        name = message.DESCRIPTOR.name
        raise invalid_argument(f"The request is not a valid {name} message.") from None


def decoding(message: Any, serve: Callable[[Any, Any], Any]) -> Callable[[bytes, Any], Any]:
    """A handler of request bytes that gives the request to ``serve``: gRPC itself would end with INTERNAL."""

    def handle(data: bytes, context: Any) -> Any:
        return serve(_decoded(message, data, context), context)

    return handle


def decoding_each(
    message: Any, serve: Callable[[Iterator[Any], Any], Any]
) -> Callable[[Iterator[bytes], Any], Any]:
    """:func:`decoding` for a stream of requests."""

    def handle(requests: Iterator[bytes], context: Any) -> Any:
        return serve((_decoded(message, data, context) for data in requests), context)

    return handle


def _decoded(message: Any, data: bytes, context: Any) -> Any:
    try:
        return decode(message, data)
    except StorageFailure as failure:
        return context.abort_with_status(status_of(failure))
