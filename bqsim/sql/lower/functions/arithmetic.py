"""Arithmetic operators."""

from __future__ import annotations

from bqsim.sql.lower.registry import fn
from bqsim.types import FLOAT64, INT64, NUMERIC

FUNCTIONS = [
    fn("$add", (INT64, INT64), sql="({0} + {1})"),
    fn("$subtract", (INT64, INT64), sql="({0} - {1})"),
    fn("$multiply", (INT64, INT64), sql="({0} * {1})"),
    fn("$unary_minus", (INT64,), sql="(- {0})"),
    fn("$add", (NUMERIC, NUMERIC), sql="({0} + {1})"),
    fn("$subtract", (NUMERIC, NUMERIC), sql="({0} - {1})"),
    fn("$unary_minus", (NUMERIC,), sql="(- {0})"),
    fn("$unary_minus", (FLOAT64,), sql="(- {0})"),
]
