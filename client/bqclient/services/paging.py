"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from bqclient.transport.rest import Rest


async def items(
    rest: Rest,
    operation: str,
    path: Mapping[str, str],
    key: str,
    query: Mapping[str, Any] | None = None,
    *,
    page_size: int | None = None,
    limit: int | None = None,
) -> AsyncIterator[dict[str, Any]]:
    """What a list has under ``key``, page after page, ``limit`` of it at most."""
    token: str | None = None
    left = limit
    while left is None or left > 0:
        size = page_size if left is None else min(left, page_size or left)
        reply = await rest.call(
            operation, path, query={**(query or {}), "maxResults": size, "pageToken": token}
        )
        for item in reply.data.get(key) or ():
            yield item
            if left is not None:
                left -= 1
                if left <= 0:
                    return
        token = reply.data.get("nextPageToken") or reply.data.get("pageToken")
        if not token:
            return
