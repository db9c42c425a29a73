"""Values of options and clauses of DDL, as INFORMATION_SCHEMA writes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from itertools import pairwise
from math import gcd
from typing import Any

_LABEL = re.compile(r'STRUCT\(\s*("(?:[^"\\]|\\.)*")\s*,\s*("(?:[^"\\]|\\.)*")\s*\)')
_PARTITION = re.compile(
    r"\bPARTITION\s+BY\s+(.+?)\s*(?=\bCLUSTER\s+BY\b|\bOPTIONS\s*\(|\bAS\b|;|\Z)", re.DOTALL
)
_TRUNCATED = re.compile(r"(?:TIMESTAMP|DATETIME|DATE)_TRUNC\(\s*`?(\w+)`?\s*,\s*(\w+)\s*\)\Z", re.IGNORECASE)
_BUCKET = re.compile(
    r"RANGE_BUCKET\(\s*`?(\w+)`?\s*,\s*GENERATE_ARRAY\(\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(\d+)\s*\)\s*\)\Z",
    re.IGNORECASE,
)
_DATE_OF = re.compile(r"DATE\(\s*`?(\w+)`?\s*\)\Z", re.IGNORECASE)
_NAME = re.compile(r"`?(\w+)`?\Z")
_ARRIVAL = frozenset({"_partitiontime", "_partitiondate"})
_UNITS = {10: "HOUR", 8: "DAY", 6: "MONTH", 4: "YEAR"}
MS_PER_DAY = 24 * 3600 * 1000


def text_literal(value: object) -> str:
    """The text of a string literal; other texts as they are."""
    given = str(value)
    try:
        found = ast.literal_eval(given)
    except (ValueError, SyntaxError):
        return given
    return found if isinstance(found, str) else given


def labels_literal(value: object) -> dict[str, str]:
    """``[STRUCT("team", "sales"), …]``."""
    return {text_literal(key): text_literal(label) for key, label in _LABEL.findall(str(value))}


def partitioning_of_ddl(ddl: str) -> dict[str, Any]:
    """The members of a table's API resource for the PARTITION BY clause of its DDL; none without one."""
    clause = _PARTITION.search(ddl)
    if clause is None:
        return {}
    text = clause[1].strip()
    bucket = _BUCKET.match(text)
    if bucket is not None:
        bounds = {"start": bucket[2], "end": bucket[3], "interval": bucket[4]}
        return {"rangePartitioning": {"field": bucket[1], "range": bounds}}
    truncated = _TRUNCATED.match(text)
    if truncated is not None:
        return time_partitioning(truncated[1], truncated[2].upper())
    named = _DATE_OF.match(text) or _NAME.match(text)
    return {} if named is None else time_partitioning(named[1], "DAY")


def time_partitioning(column: str | None, unit: str) -> dict[str, Any]:
    """By a column, or by ingestion time."""
    time = {"type": unit}
    if column is not None and column.casefold() not in _ARRIVAL:
        time["field"] = column
    return {"timePartitioning": time}


def partitioning_of_ids(column: str, data_type: str, ids: Mapping[str, Any] | list[str]) -> dict[str, Any]:
    """As far as the partitioning column and the ids of partitions tell: what the least of units fits."""
    numbers = [id_ for id_ in ids if id_.lstrip("-").isdigit()]
    if data_type == "INT64":
        starts = sorted(map(int, numbers)) or [0]
        step = gcd(*(b - a for a, b in pairwise(starts))) or 1
        bounds = {"start": str(starts[0]), "end": str(starts[-1] + step), "interval": str(step)}
        return {"rangePartitioning": {"field": column, "range": bounds}}
    return time_partitioning(column, _UNITS.get(len(numbers[0]) if numbers else 8, "DAY"))
