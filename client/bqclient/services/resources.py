"""What datasets, tables and routines have in common: done once, also where answers get lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqclient.errors import AlreadyExistsError, NotFoundError, PreconditionFailedError
from bqclient.transport.rest import Rest


async def create(
    rest: Rest,
    operation: str,
    path: Mapping[str, str],
    body: Mapping[str, Any],
    get: str,
    get_path: Mapping[str, str],
    *,
    exists_ok: bool,
) -> dict[str, Any]:
    """Make a resource; what the API says of it.

    Where an answer was lost and the next attempt finds the resource there, it is this call that made it, if
    it is what was asked for. Raises AlreadyExistsError, unless ``exists_ok``.
    """
    try:
        return (await rest.call(operation, path, body=body)).data
    except AlreadyExistsError as taken:
        if not (exists_ok or taken.ambiguous):
            raise
        found = (await rest.call(get, get_path)).data
        if exists_ok or _agrees(body, found):
            return found
        raise


async def change(
    rest: Rest,
    operation: str,
    get: str,
    path: Mapping[str, str],
    body: Mapping[str, Any],
    etag: str | None,
) -> dict[str, Any]:
    """Change a resource, only if its etag is still that one. Raises PreconditionFailedError when it is not.

    Where an answer was lost and the next attempt finds another etag, it is this call that changed the
    resource, if it is now what was asked for.
    """
    headers = {"if-match": etag} if etag else None
    try:
        return (await rest.call(operation, path, body=body, headers=headers)).data
    except PreconditionFailedError as stale:
        if not stale.ambiguous:
            raise
        found = (await rest.call(get, path)).data
        if _agrees(body, found):
            return found
        raise


async def delete(
    rest: Rest,
    operation: str,
    path: Mapping[str, str],
    query: Mapping[str, Any] | None = None,
    *,
    missing_ok: bool,
) -> bool:
    """Delete a resource; whether it was there. Raises NotFoundError, unless ``missing_ok``.

    Where an answer was lost and the next attempt finds nothing, it is this call that deleted it.
    """
    try:
        await rest.call(operation, path, query=query)
    except NotFoundError as missing:
        if missing.ambiguous:
            return True
        if missing_ok:
            return False
        raise
    return True


async def exists(rest: Rest, operation: str, path: Mapping[str, str]) -> bool:
    """Whether a resource is there."""
    try:
        await rest.call(operation, path)
    except NotFoundError:
        return False
    return True


def _agrees(asked: Any, found: Any) -> bool:
    """Whether what is there has all that was asked for; the API adds and spells as it likes."""
    if isinstance(asked, Mapping):
        return isinstance(found, Mapping) and all(
            value is None or _agrees(value, found.get(key)) for key, value in asked.items()
        )
    if isinstance(asked, list):
        return (
            isinstance(found, list)
            and len(asked) == len(found)
            and all(_agrees(a, f) for a, f in zip(asked, found, strict=True))
        )
    return _spelled(asked) == _spelled(found)


_SPELLINGS = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
    "None": "NULLABLE",
    "": "NULLABLE",
}


def _spelled(value: Any) -> str:
    text = str(value)
    return _SPELLINGS.get(text, text)
