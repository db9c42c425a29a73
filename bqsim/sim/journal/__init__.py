"""The journal of a simulation, and what can be proved from it.

A :class:`Journal` holds what happened as typed events; :class:`Verification` checks which calls were made,
:func:`verify_backoff` how clients tried again, and :func:`verify_exactly_once` what their writes truly did.
"""

from __future__ import annotations

from .events import (
    CallEvent,
    ControlEvent,
    Decision,
    Event,
    JobEvent,
    LedgerEntry,
    Outcome,
    explain_id,
    from_json,
    to_json,
)

# isort: split
from .backoff import (
    GOOGLE_CLIENT,
    SLA,
    BackoffError,
    BackoffPolicy,
    Finding,
    backoff_findings,
    verify_backoff,
)
from .book import Journal
from .explain import describe, explain
from .follow import Follower
from .hash import canonical_hash
from .ledger import LedgerError, LedgerReport, Write, reconcile, verify_exactly_once
from .verify import Step, UnexpectedCalls, Verification, VerificationError, verify

__all__ = [
    "GOOGLE_CLIENT",
    "SLA",
    "BackoffError",
    "BackoffPolicy",
    "CallEvent",
    "ControlEvent",
    "Decision",
    "Event",
    "Finding",
    "Follower",
    "JobEvent",
    "Journal",
    "LedgerEntry",
    "LedgerError",
    "LedgerReport",
    "Outcome",
    "Step",
    "UnexpectedCalls",
    "Verification",
    "VerificationError",
    "Write",
    "backoff_findings",
    "canonical_hash",
    "describe",
    "explain",
    "explain_id",
    "from_json",
    "reconcile",
    "to_json",
    "verify",
    "verify_backoff",
    "verify_exactly_once",
]
