"""Functions whose bodies the engine cannot read: JavaScript, and remote functions behind an HTTP endpoint.

A statement that calls one registers the call (:data:`CALLS`) and calls the engine function of its result's
type with the id: ``bq_js_int64('<id>', argument, …)``. The engine hands over whole batches.
"""

from __future__ import annotations

from .functions import CALLS, FUNCTIONS, JAVASCRIPT, REMOTE, Argument, Call, Function
from .supplied import SUPPLIED, SuppliedCall

__all__ = [
    "CALLS",
    "FUNCTIONS",
    "JAVASCRIPT",
    "REMOTE",
    "SUPPLIED",
    "Argument",
    "Call",
    "Function",
    "SuppliedCall",
]
