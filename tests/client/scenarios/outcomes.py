"""What a program has to wait for in scenarios, and what it cannot have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from bqclient import errors as e
from bqclient.resilience.policies import Resilience, RetryPolicy
from tests.scenarios.runbooks import slot_starvation

from .world import Patience

# What passes, but not within the time for which a client tries again by itself.
PATIENCE: Mapping[str, Patience] = {
    # Grants are known everywhere after minutes.
    "flaky-permissions": Patience(e.AccessDeniedError, seconds=250, times=6),
    # Rows stay in the streaming buffer for an hour and a half.
    "streaming-buffer-dml": Patience(e.StreamingBufferError, seconds=900, times=8),
    # The day's quota is there again on the next day.
    "month-end": Patience(e.QuotaExceededError, seconds=24 * 3600, times=3),
    # What was made or changed just now is read as it was before: it is looked at again after minutes.
    "slow-metadata": Patience(
        e.NotFoundError, e.PreconditionFailedError, AssertionError, seconds=250, times=2
    ),
    "eventual-consistency": Patience(e.NotFoundError, e.PreconditionFailedError, seconds=250, times=2),
}
# Settings of clients that know what they have to live with.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    # Failures come in clusters: of those that are longer than three retries take, more of them get out.
    "correlated-degradation": {
        "timeout": 600.0,
        "resilience": Resilience({"backend": RetryPolicy(retries=12)}, breaker_failures=20),
    },
}
# What somebody else does meanwhile.
OTHERS: Mapping[str, Callable[[Any], AbstractContextManager[None]]] = {
    "slot-starvation": slot_starvation.backfill,
}
# Where jobs wait for minutes: seconds that pass at a time while the service makes a caller wait.
STRIDES: Mapping[str, float] = {"slot-starvation": 90.0, "stuck-job": 10.0, "month-end": 1.0}


@dataclass(frozen=True)
class Failure:
    """The error that a journey ends with, its reason, and why it has to."""

    error: type[e.BigQueryError]
    reason: str
    why: str


FAILURES: Mapping[tuple[str, str], Failure] = {
    ("raw_load", "poisoned-load"): Failure(
        e.JobFailedError, "invalid", "the file is wrong, however often it is loaded"
    ),
}
