"""Ids that tie together what belongs to one piece of an application's work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ID: ContextVar[str | None] = ContextVar("bqclient_correlation_id", default=None)


@contextmanager
def correlation(id: str) -> Iterator[None]:
    """Everything done within carries that id in log lines and spans, in tasks begun within too."""
    token = _ID.set(id)
    try:
        yield
    finally:
        _ID.reset(token)


def correlation_id() -> str | None:
    """The id of the work at hand."""
    return _ID.get()
