"""Aggregate functions."""

from __future__ import annotations

from bqsim.sql.lower.registry import aggregate
from bqsim.types import BOOL, INT64, NUMERIC

AGGREGATES = [
    aggregate("$count_star", (), "count", wrap="CAST({0} AS BIGINT)"),
    aggregate("count", (None,), "count"),
    aggregate("sum", (INT64,), "sum", wrap="CAST({0} AS BIGINT)"),
    aggregate("sum", (NUMERIC,), "sum"),
    aggregate("min", (None,), "min"),
    aggregate("max", (None,), "max"),
    aggregate("countif", (BOOL,), "count_if", wrap="CAST({0} AS BIGINT)"),
]
