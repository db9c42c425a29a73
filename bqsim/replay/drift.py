"""How the service answers otherwise than it was recorded: values that every run has anew left aside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# What differs from run to run, or from caller to caller.
_VOLATILE = frozenset(
    [
        "creationTime",
        "startTime",
        "endTime",
        "lastModifiedTime",
        "expirationTime",
        "etag",
        "selfLink",
        "id",
        "jobId",
        "queryId",
        "pageToken",
        "nextPageToken",
        "totalSlotMs",
        "finalExecutionDurationMs",
        "timeline",
        "queryPlan",
        "user_email",
        "principal_subject",
        "jobCreationReason",
        "sessionId",
        "transactionId",
        "cacheHit",
        "projectId",
        "labels",
        "reservation_id",
        "access",
    ]
)
_SHOWN = 10
_LONG = 80


def differences(recorded: Any, live: Any) -> list[str]:
    """The differences between two answers, field by field, in words; at most ten."""
    found = []
    for difference in _compared(recorded, live, ""):
        found.append(difference)
        if len(found) == _SHOWN:
            break
    return found


def _compared(was: Any, now: Any, path: str) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        if str(was.get("datasetId", "")).startswith("_") and str(now.get("datasetId", "")).startswith("_"):
            return
        for name in dict.fromkeys([*was, *now]):
            if name in _VOLATILE:
                continue
            place = f"{path}.{name}" if path else name
            if name not in now:
                yield f"{place}: recorded {_shown(was[name])}, not told any more"
            elif name not in was:
                yield f"{place}: not recorded, told now: {_shown(now[name])}"
            else:
                yield from _compared(was[name], now[name], place)
    elif isinstance(was, list) and isinstance(now, list):
        if len(was) != len(now):
            yield f"{path}: {len(was)} items recorded, {len(now)} now"
        for number, (one, other) in enumerate(zip(was, now, strict=False)):
            yield from _compared(one, other, f"{path}[{number}]")
    elif was != now and str(was) != str(now):
        yield f"{path}: recorded {_shown(was)}, now {_shown(now)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"
