"""Messages of the Storage API as exchanges hold them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

ARROW_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_ARROW = "application/vnd.apache.arrow.stream"


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


def redacted(redactor: Any, method: str, way: str, data: bytes) -> bytes:
    """A message without secrets; what is of no known method is kept by its text only."""
    message = message_of(method, way, data)
    if message is None:
        kept: bytes = redactor.content(data, "application/octet-stream")
        return kept
    _texts(redactor, message)
    out: bytes = message.SerializeToString()
    return out


def _texts(redactor: Any, message: Any) -> None:
    """Redact the texts of a message and of those inside it."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            if field.is_repeated:
                value[:] = [redactor.text(item) for item in value]
            else:
                setattr(message, field.name, redactor.text(value))
        elif field.type == field.TYPE_MESSAGE:
            if field.message_type.GetOptions().map_entry:
                continue
            for item in value if field.is_repeated else (value,):
                _texts(redactor, item)
