"""Lists of ids in their order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


def page_of(ids: list[str], after: str, limit: int | None) -> list[str]:
    """Up to ``limit`` ids above ``after``."""
    start = bisect_right(ids, after) if after else 0
    return ids[start:] if limit is None else ids[start : start + limit]


def contains(ids: list[str], name: str) -> bool:
    i = bisect_left(ids, name)
    return i < len(ids) and ids[i] == name


def remove(ids: list[str], name: str) -> None:
    """Take ``name`` out, if it is there."""
    i = bisect_left(ids, name)
    if i < len(ids) and ids[i] == name:
        del ids[i]
