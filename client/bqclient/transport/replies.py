"""Answers of the REST API, and errors made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from bqclient import errors as e
from bqclient.resilience.policies import rule_of


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: HTTP code, headers by lower-case name, decoded body, and whether an earlier sending may have
    been carried out (``unsure``)."""

    code: int
    headers: Mapping[str, str]
    data: dict[str, Any] = field(default_factory=dict)
    unsure: bool = False


def error_of(
    operation: str,
    code: int,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    request_id: str | None = None,
) -> e.BigQueryError:
    """The error that an answer of 4xx or 5xx is."""
    envelope = _envelope(body)
    items = [item for item in envelope.get("errors") or () if isinstance(item, dict)]
    first = items[0] if items else {}
    message = str(envelope.get("message") or first.get("message") or _plain(code, body))
    return make_error(
        operation,
        message,
        reason=str(first.get("reason") or ""),
        code=code,
        location=first.get("location"),
        details=items,
        request_id=request_id,
        retry_after=retry_after(headers.get("retry-after"), now),
    )


def make_error(operation: str, message: str, **known: Any) -> e.BigQueryError:
    """The error of the tree that a reason, code or status stands for."""
    plain = e.BigQueryError(message, **known)
    rule = rule_of(operation, plain)
    kind = rule.error
    if kind is e.StreamingBufferError and "streaming buffer" not in message:
        # The reason badRequest stands for other refusals, too, which time does not mend.
        kind = e.BigQueryError
    if kind is e.BytesBilledLimitError or _OVER_LIMIT.search(message):
        limit, needed = bytes_of_limit(message)
        return e.BytesBilledLimitError(message, estimate=needed, limit=limit, **known)
    return kind(message, ambiguous=rule.ambiguous, **known)


_OVER_LIMIT = re.compile(r"exceeded limit for bytes billed: (\d+)\.\s+(\d+) or higher required")


def bytes_of_limit(message: str) -> tuple[int | None, int | None]:
    """(limit, bytes needed) of a refusal for bytes billed, as far as its text says them."""
    found = _OVER_LIMIT.search(message)
    return (int(found[1]), int(found[2])) if found else (None, None)


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds of a ``Retry-After`` header: a number, or a date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    error = data.get("error") if isinstance(data, dict) else None
    return error if isinstance(error, dict) else {}


def _plain(code: int, body: bytes) -> str:
    """A text for an answer without an error in it: proxies answer pages."""
    text = " ".join(re.sub(r"<[^>]*>", " ", body[:2000].decode("utf-8", "replace")).split())[:200]
    return f"The service answered {code}: {text}" if text else f"The service answered {code}."
