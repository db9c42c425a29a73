"""One number for a whole run: equal for runs in which every request got the same answers."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from bqsim.sim.rules.fingerprint import stable_resource

from .events import CallEvent, ControlEvent, Event, JobEvent, LedgerEntry, members

# Of a call: neither when, nor how long, nor ids that clients and the service make anew in each run.
_CALL = ("occurrence", "attempt")


def canonical_hash(events: Iterable[Event]) -> str:
    """64 hex digits. They depend on neither wall time nor the timing of threads.

    Events count in their order among those of the same request, job or write, by occurrence where calls
    have one; how different requests mixed does not count. Generated ids count only as far as they tell
    which events belong together.
    """
    threads: dict[tuple[str, ...], list[tuple[int, str]]] = defaultdict(list)
    for event in events:
        thread, order, content = _part(event)
        threads[thread].append((order, content))
    digests = []
    for thread, parts in threads.items():
        if thread[0] == "ledger":
            # Equal writes of several threads have no order among themselves.
            parts.sort()
        else:
            parts.sort(key=lambda part: part[0])
        # The last part of the key is the id that tells like threads apart; it is not hashed.
        text = "\n".join(("\0".join(thread[:-1]), *(content for _, content in parts)))
        digests.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _part(event: Event) -> tuple[tuple[str, ...], int, str]:
    """The thread of events that this one belongs to, its rank in there, and what it says."""
    thread: tuple[str, ...]
    if isinstance(event, CallEvent):
        resource = stable_resource(event.resource)
        thread = (
            "call",
            event.scope,
            event.caller,
            event.transport,
            event.method,
            resource,
            event.fingerprint,
        )
        said = {name: getattr(event, name) for name in _CALL}
        said["outcome"] = _without(members(event.outcome), "message")
        said["decisions"] = [_without(members(d), "why") for d in event.decisions]
        said["labels"] = dict(event.labels)
        return (*thread, event.resource), event.occurrence, _text(said)
    if isinstance(event, JobEvent):
        thread = ("job", event.scope, event.project, event.location, event.fingerprint)
        said = {"moved": [event.before, event.after], "reason": event.reason}
        said["decisions"] = [_without(members(d), "why") for d in event.decisions]
        return (*thread, event.job_id), 0, _text(said)
    if isinstance(event, LedgerEntry):
        thread = ("ledger", event.scope, event.method, stable_resource(event.resource), event.write)
        said = {"did": [event.applied, event.acknowledged, event.deduplicated, event.rows]}
        return (*thread, event.resource), 0, _text(said)
    return ("control", event.scope, event.source, ""), 0, _text(_control(event))


def _control(event: ControlEvent) -> dict[str, Any]:
    return _without(members(event), "time_us")


def _without(given: dict[str, Any], name: str) -> dict[str, Any]:
    given.pop(name, None)
    return given


def _text(said: dict[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"), default=str)
