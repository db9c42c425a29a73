"""Logical requests: which calls are attempts at the same thing."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .events import CallEvent

# A call like one that failed longer ago is a new request, not another attempt: clients give up after this.
WINDOW_S = 3600.0


@dataclass(frozen=True, slots=True)
class LogicalRequest:
    """The attempts at one request, oldest first. All but the last have failed."""

    attempts: tuple[CallEvent, ...]

    @property
    def waits_s(self) -> tuple[float, ...]:
        """Seconds from the end of each attempt to the start of the next."""
        pairs = itertools.pairwise(self.attempts)
        return tuple((later.time_us - earlier.end_us) / 1e6 for earlier, later in pairs)


def logical_requests(events: Iterable[CallEvent]) -> list[LogicalRequest]:
    """Calls grouped into logical requests, in the order of their first attempts.

    Attempts share their fingerprint, or their request id. Calls of several threads that ask the same
    are told apart by request ids and job ids as far as these stay constant.
    """
    groups: dict[tuple[str, ...], list[CallEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda e: e.time_us):
        groups[_group(event)].append(event)
    found = [LogicalRequest(tuple(chain)) for group in groups.values() for chain in _chains(group)]
    found.sort(key=lambda request: request.attempts[0].time_us)
    return found


def _group(event: CallEvent) -> tuple[str, ...]:
    # Without a fingerprint, only ids tell which calls belong together.
    what = event.fingerprint or event.request_id or event.job_id or event.id
    return (event.scope, event.caller, event.transport, event.method, event.resource, what)


def _chains(events: Sequence[CallEvent]) -> list[list[CallEvent]]:
    """Chains of failed calls, each with the call that ended it."""
    known: dict[str, list[CallEvent]] = defaultdict(list)
    for event in events:
        # The first id that a client keeps for a request: its own request id, else the job's.
        known[event.request_id or event.job_id or f"#{id(event)}"].append(event)
    parts = [part for same in known.values() for part in _parts(same)]
    parts.sort(key=lambda part: part[0].time_us)
    return _joined(parts)


def _parts(events: Sequence[CallEvent]) -> list[list[CallEvent]]:
    """``events`` cut after each success, and where a call began before the last had ended."""
    parts: list[list[CallEvent]] = []
    for event in events:
        if parts and _follows(parts[-1][-1], event):
            parts[-1].append(event)
        else:
            parts.append([event])
    return parts


def _joined(parts: list[list[CallEvent]]) -> list[list[CallEvent]]:
    """Chains whose ids changed on the way: a chain that failed goes on with the next that fits."""
    chains: list[list[CallEvent]] = []
    waiting: list[list[CallEvent]] = []
    for part in parts:
        before = next((chain for chain in waiting if _continues(chain[-1], part[0])), None)
        if before is None:
            before = []
            chains.append(before)
        else:
            waiting.remove(before)
        before.extend(part)
        if not before[-1].outcome.ok:
            waiting.append(before)
    return chains


def _follows(earlier: CallEvent, later: CallEvent) -> bool:
    if earlier.outcome.ok:
        return False
    return 0 <= later.time_us - earlier.end_us <= WINDOW_S * 1e6


def _continues(earlier: CallEvent, later: CallEvent) -> bool:
    """:func:`_follows` for a call with other ids."""
    # That it exists is an answer to the question: a call with another id is about another thing.
    return earlier.outcome.reason != "duplicate" and _follows(earlier, later)
