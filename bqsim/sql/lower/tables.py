"""Which function lowers which node: filled by the modules of this package when they are imported.

Keys are GoogleSQL's node names (``ResolvedFilterScan``). A scan's function takes (lowering, node) and
returns a :class:`~bqsim.sql.lower.relation.Relation`; an expression's returns an engine expression.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SCANS: dict[str, Callable[[Any, Any], Any]] = {}
EXPRESSIONS: dict[str, Callable[[Any, Any], Any]] = {}
