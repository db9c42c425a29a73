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
    """TABLESAMPLE SYSTEM (n PERCENT): each row with that chance."""
    if node.unit != PERCENT or has(node, "repeatable_argument") or node.HasField("weight_column"):
        raise Unsupported("TABLESAMPLE other than SYSTEM (n PERCENT)")
    scan = unwrap(node.input_scan)
    if node_name(scan) == "ResolvedTableScan":
        policies.refuse_sampling(low, scan)
    relation = low.simple(low.relation(node.input_scan))
    low.shared.deterministic = False
    relation.where.append(nodes.template("(random() * 100 < {0})", low.expression(node.size)))
    return relation


SCANS = {"ResolvedSampleScan": sample_scan}
