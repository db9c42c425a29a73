"""Protobuf messages from bytes, nested as deep as their origin allows.

google.protobuf limits nesting for the whole process or not at all; lifted, bytes of a stranger can overflow
the stack. So the limit is lifted only while bytes of our own making are read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

_lock = threading.Lock()


def parse(message: Any, data: bytes) -> Any:
    """A message of class ``message`` from bytes that a client sent; ``DecodeError`` beyond 100 levels."""
    with _lock:
        return message.FromString(data)


def merge(message: Any, data: bytes) -> None:
    """Read bytes that a client sent into a message, as :func:`parse` does."""
    with _lock:
        message.MergeFromString(data)


def parse_deep(message: Any, data: bytes) -> Any:
    """A message from bytes that we made: a sum of 30 terms has more than 100 levels in the resolved tree."""
    lift = _lifting()
    with _lock:
        lift(True)
        try:
            return message.FromString(data)
        finally:
            lift(False)


def _lifting() -> Callable[[bool], None]:
    """What switches the limit off and on; other implementations than upb have none of these."""
    from google.protobuf.internal import api_implementation

    if api_implementation.Type() != "upb":
        return lambda _: None
    from google._upb import _message

    switch: Callable[[bool], None] = _message.SetAllowOversizeProtos
    return switch
