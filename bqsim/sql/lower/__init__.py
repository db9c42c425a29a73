"""Lowering: the resolved tree of a statement to one engine query, exactly or not at all."""

from __future__ import annotations

from . import (
    aggregate,
    analytic,
    arrays,
    expressions,
    joins,
    sampling,
    scans,
    sets,
    subqueries,
    table_functions,
)
from .lowering import LoweredQuery, Lowering
from .registry import Unsupported
from .tables import EXPRESSIONS, SCANS

for _module in (scans, joins, arrays, aggregate, analytic, sets, sampling, table_functions):
    SCANS.update(_module.SCANS)
for _module in (expressions, subqueries):
    EXPRESSIONS.update(_module.EXPRESSIONS)

__all__ = ["LoweredQuery", "Lowering", "Unsupported"]
