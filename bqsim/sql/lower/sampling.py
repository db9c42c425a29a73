"""TABLESAMPLE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bqsim.sql.googlesql.resolved import has, node_name, unwrap

from . import nodes, policies
from .registry import Unsupported
from .relation import Relation

if TYPE_CHECKING:
    from .lowering import Lowering

PERCENT = 1


def sample_scan(low: Lowering, node: Any) -> Relation:
    """TABLESAMPLE SYSTEM (n PERCENT): each row with that chance, and so much of the bytes."""
    if node.unit != PERCENT or has(node, "repeatable_argument") or node.HasField("weight_column"):
        raise Unsupported("TABLESAMPLE other than SYSTEM (n PERCENT)")
    scan = unwrap(node.input_scan)
    if node_name(scan) == "ResolvedTableScan":
        policies.refuse_sampling(low, scan)
        low.sampled = _share(low, node.size)
    relation = low.simple(low.relation(node.input_scan))
    low.sampled = 1.0
    low.shared.deterministic = False
    relation.where.append(nodes.template("(random() * 100 < {0})", low.expression(node.size)))
    return relation


def _share(low: Lowering, percent: Any) -> float:
    """The share that a percentage is; all when it is no constant, or NULL."""
    try:
        value = low.constant(percent)
    except Unsupported:
        return 1.0
    return 1.0 if value is None else min(max(float(value) / 100, 0.0), 1.0)


SCANS = {"ResolvedSampleScan": sample_scan}
