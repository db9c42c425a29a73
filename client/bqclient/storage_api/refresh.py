"""Another session in place of one that is over, where it is proved that the read can go on in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bqclient import errors as e

from .read_stream import StreamRows

if TYPE_CHECKING:
    from bqclient.runtime import Deadline

    from .read_session import ReadSession
    from .window import Lane

Streams = Callable[["ReadSession"], Awaitable[list[str]]]


def compact(rows: StreamRows | None) -> StreamRows | None:
    return rows


async def refreshed(
    old: ReadSession,
    lanes: list[Lane],
    streams: Streams,
    unary: Callable[[], Deadline],
    error: e.SessionExpiredError,
) -> ReadSession:
    raise error
