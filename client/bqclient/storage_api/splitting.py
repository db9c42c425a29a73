"""More streams than the service gave: streams split in parts of equal size."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bqclient.runtime import Deadline

    from .read_session import ReadSession

# Streams smaller than this are not worth the calls.
SPLIT_BYTES = 16 << 20


def shares(streams: int, wanted: int) -> list[int]:
    """Into how many parts each stream is split so that there are ``wanted``."""
    if not streams:
        return []
    each, more = divmod(max(wanted, streams), streams)
    return [each + (number < more) for number in range(streams)]


async def split_streams(
    session: ReadSession, wanted: int, *, split_bytes: int = SPLIT_BYTES, deadline: Deadline | None = None
) -> list[str]:
    """The names of streams that have all rows of a session in its order, ``wanted`` where it can be.

    Streams of fewer than ``split_bytes`` stay whole. The same session of the same rows is split in the same
    way again.
    """
    count = len(session.streams)
    if count and split_bytes:
        wanted = min(wanted, max(count, session.estimated_bytes // split_bytes))
    parts = await asyncio.gather(
        *(
            split_stream(session, name, share, deadline=deadline)
            for name, share in zip(session.streams, shares(count, wanted), strict=True)
        )
    )
    return [name for names in parts for name in names]


async def split_stream(
    session: ReadSession, name: str, parts: int, *, deadline: Deadline | None = None
) -> list[str]:
    """A stream as up to ``parts`` streams of about equal size, in order."""
    found = []
    while parts > 1:
        both = await session.split(name, 1 / parts, deadline=deadline)
        if not both:
            break
        found.append(both[0])
        name = both[1]
        parts -= 1
    return [*found, name]
