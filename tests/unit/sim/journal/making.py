"""Events for tests, with only what a test is about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from bqsim.sim.journal import CallEvent, Journal, LedgerEntry, Outcome

QUERY = "bigquery.jobs.query"
INSERT = "bigquery.jobs.insert"
GET = "bigquery.jobs.get"
RESULTS = "bigquery.jobs.getQueryResults"
READ_ROWS = "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows"
OUTCOMES = {
    "ok": Outcome(http=200),
    "backendError": Outcome("backendError", http=503),
    "rateLimitExceeded": Outcome("rateLimitExceeded", http=403),
    "reset": Outcome(network="reset"),
    "html": Outcome(http=502),
}
_ids = itertools.count(1)


def outcome(name: str, **members: Any) -> Outcome:
    """By a short name, a reason or a gRPC status."""
    if name in OUTCOMES and not members:
        return OUTCOMES[name]
    if name.isupper():
        return Outcome(status=name, **members)
    return Outcome(name, http=400, **members)


def call(method: str = QUERY, at: float = 0.0, ends: str | Outcome = "ok", **members: Any) -> CallEvent:
    """A call at ``at`` seconds."""
    members.setdefault("id", f"c{next(_ids)}")
    members.setdefault("transport", "grpc" if method.startswith("google.") else "rest")
    members.setdefault("resource", "projects/p")
    members.setdefault("fingerprint", "f")
    ended = outcome(ends) if isinstance(ends, str) else ends
    return CallEvent(time_us=round(at * 1e6), method=method, outcome=ended, **members)


def attempts(
    waits: Sequence[float],
    failure: str | Outcome = "backendError",
    *,
    last: str | Outcome = "ok",
    start: float = 0.0,
    **members: Any,
) -> list[CallEvent]:
    """Calls that failed, each tried again after a wait; the last ends with ``last``."""
    members.setdefault("request_id", "r1")
    times = list(itertools.accumulate(waits, initial=start))
    return [call(at=at, ends=failure, **members) for at in times[:-1]] + [
        call(at=times[-1], ends=last, **members)
    ]


def journal(*events: Any, capacity: int = 1000) -> Journal:
    made = Journal(capacity)
    for event in events:
        made.append(event)
    return made


def entry(at: float, applied: bool, acknowledged: bool, **members: Any) -> LedgerEntry:
    members.setdefault("call_id", f"c{next(_ids)}")
    members.setdefault("method", "bigquery.tabledata.insertAll")
    members.setdefault("resource", "projects/p/datasets/d/tables/t")
    members.setdefault("write", "w")
    return LedgerEntry(time_us=round(at * 1e6), applied=applied, acknowledged=acknowledged, **members)
