"""What a group became, before operations have their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Made:
    """An operation in the making: its JSON with the texts as they came, and what it touched.

    ``reads`` and ``changes`` name resources (``table:p.d.t``), ``adds`` those whose changes go together with
    others of their kind in any order (rows that are appended, tables that are created in a dataset).
    ``done_s`` is when its changes were known to be done, ``at`` are its measures.
    """

    kind: str
    request: dict[str, Any]
    result: dict[str, Any]
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    adds: set[str] = field(default_factory=set)
    done_s: float = 0.0
    at: dict[str, Any] = field(default_factory=dict)
    # Figures that are not in its JSON, by where they stood.
    measures: dict[str, Any] = field(default_factory=dict)
    # Whether the same, asked again with nothing changed meanwhile, is the same operation.
    repeatable: bool = False


def table_name(project: Any, dataset: Any, table: Any) -> str:
    """The resource of a table."""
    return f"table:{project}.{dataset}.{str(table).partition('$')[0].partition('@')[0]}"


def table_of(reference: Any) -> str:
    """The resource of a table reference; '' for what is none."""
    if not isinstance(reference, dict) or "tableId" not in reference:
        return ""
    return table_name(reference.get("projectId", ""), reference.get("datasetId", ""), reference["tableId"])


def dataset_of(reference: Any) -> str:
    """The resource of the dataset that a reference tells."""
    if not isinstance(reference, dict) or "datasetId" not in reference:
        return ""
    return f"dataset:{reference.get('projectId', '')}.{reference['datasetId']}"
