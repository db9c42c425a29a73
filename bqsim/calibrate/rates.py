"""Rates of errors with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Failures that befall requests whatever they ask; others follow from what is asked.
BY_CHANCE = frozenset(
    {
        "backendError",
        "internalError",
        "rateLimitExceeded",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
        "quotaExceeded",
        "tableUnavailable",
        "timeout",
        "resourcesExceeded",
        "resourceInUse",
    }
)
# What answers without a reason stand for.
REASON_OF: Mapping[str, str] = {
    "500": "internalError",
    "502": "backendError",
    "503": "backendError",
    "504": "timeout",
    "429": "rateLimitExceeded",
    "INTERNAL": "internalError",
    "UNAVAILABLE": "backendError",
    "DEADLINE_EXCEEDED": "timeout",
    "RESOURCE_EXHAUSTED": "rateLimitExceeded",
}
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Rate:
    """``failed`` of ``asked`` requests of a method (or jobs of a type) had ``reason``; ``low`` and ``high``
    bound the rate with 95 % confidence (Wilson's interval)."""

    subject: str
    reason: str
    failed: int
    asked: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        return self.failed / self.asked if self.asked else 0.0

    @property
    def by_chance(self) -> bool:
        """Whether such a failure can be drawn: others have their cause in the request."""
        return self.known in BY_CHANCE

    @property
    def known(self) -> str:
        """The reason, as BigQuery words it."""
        return REASON_OF.get(self.reason, self.reason)

    def json(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "reason": self.reason,
            "failed": self.failed,
            "asked": self.asked,
            "rate": round(self.rate, 6),
            "interval": [round(self.low, 6), round(self.high, 6)],
            "byChance": self.by_chance,
        }


def rate(subject: str, reason: str, failed: int, asked: int) -> Rate:
    """The rate with its interval. ValueError for counts that are none."""
    if not 0 <= failed <= asked or not asked:
        raise ValueError(f"{failed} of {asked} is no share")
    low, high = wilson(failed, asked)
    return Rate(subject, reason, failed, asked, low, high)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %."""
    share, z2 = hits / count, _Z * _Z
    middle = share + z2 / (2 * count)
    half = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    whole = 1 + z2 / count
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)
