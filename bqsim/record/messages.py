"""Messages of the Storage API as exchanges hold them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

ARROW_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


@lru_cache(maxsize=1)
def _classes() -> dict[str, tuple[Any, Any]]:
    from bqsim.server.grpc.methods import METHODS

    return {method.id: (method.request, method.answer) for method in METHODS}


def message_of(method: str, way: str, data: bytes) -> Any:
    """A message of a method, ``way`` is ``request`` or ``response``; None for what is none."""
    from google.protobuf.message import DecodeError

    from bqsim.codecs.messages import parse

    known = _classes().get(method)
    if known is None:
        return None
    try:
        return parse(known[way == "response"], data)
    except DecodeError:
        return None
