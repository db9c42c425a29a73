"""Paging through lists whose order is that of the ids."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from bqsim.errors import BigQueryError, invalid

from .request import Request

T = TypeVar("T")

# BigQuery page "Using pagination": the default and largest page of a list.
DEFAULT_PAGE = 10_000
_TAG = "after:"


def encode_token(last: str) -> str:
    """The token of the page that follows the id ``last``."""
    return base64.urlsafe_b64encode((_TAG + last).encode()).decode().rstrip("=")


def decode_token(token: str | None) -> str:
    """The id after which a page begins, "" for the first page; 400 for what is no token of ours."""
    if not token:
        return ""
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if not text.startswith(_TAG):
        raise _invalid()
    return text[len(_TAG) :]


def _invalid() -> BigQueryError:
    return invalid("Invalid page token", "pageToken")


def page(
    request: Request, fetch: Callable[[str, int], Sequence[T]], id_of: Callable[[T], str]
) -> tuple[list[T], str | None]:
    """One page of ``fetch(after, limit)`` as the request asks, and the token of the next."""
    after = decode_token(request.query.get("pageToken"))
    asked = request.integer("maxResults")
    limit = DEFAULT_PAGE if asked is None else min(asked, DEFAULT_PAGE)
    if limit == 0:
        return [], None
    found = list(fetch(after, limit + 1))
    if len(found) <= limit:
        return found, None
    return found[:limit], encode_token(id_of(found[limit - 1]))


def label_filter(text: str | None) -> Callable[[Mapping[str, str]], bool]:
    """The test of a ``filter=labels.k:v labels.k2`` parameter; its terms must all hold."""
    terms: list[tuple[str, str | None]] = []
    for word in (text or "").split():
        key, colon, value = word.partition(":")
        if not key.startswith("labels.") or len(key) == len("labels."):
            raise invalid(f"Invalid filter: {word[:100]}", "filter")
        terms.append((key.removeprefix("labels."), value if colon else None))

    def matches(labels: Mapping[str, str]) -> bool:
        return all(k in labels and v in (None, "*", labels[k]) for k, v in terms)

    return matches
