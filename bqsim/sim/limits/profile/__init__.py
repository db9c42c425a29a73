"""The limits of BigQuery by profile: every figure of the page *Quotas and limits*, one row each."""

from __future__ import annotations

from bqsim.sim.limits.model import Limit

from .api import API
from .dml import DML
from .queries import QUERIES
from .storage import STORAGE
from .streaming import STREAMING
from .tables import TABLES
from .transfers import TRANSFERS

BIGQUERY: tuple[Limit, ...] = (*API, *TABLES, *STREAMING, *QUERIES, *DML, *TRANSFERS, *STORAGE)

PROFILES: dict[str, tuple[Limit, ...]] = {"bigquery": BIGQUERY, "off": ()}

__all__ = ["BIGQUERY", "PROFILES"]
