"""Quotas and limits of BigQuery: named rows, scaled and overridden per tenant, enforced on a clock."""

from __future__ import annotations

from .limits import Held, Limits
from .model import Exceeded, Facts, Kind, Limit, Moment, Over
from .profile import BIGQUERY, PROFILES
from .tiers import Setup, Tier

__all__ = [
    "BIGQUERY",
    "PROFILES",
    "Exceeded",
    "Facts",
    "Held",
    "Kind",
    "Limit",
    "Limits",
    "Moment",
    "Over",
    "Setup",
    "Tier",
]
