"""The body of an insertAll request, and the limits that hold for it whatever the quotas are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.errors import BigQueryError, invalid
from bqsim.jobs.reading import boolean, required

# Page "Quotas and limits", streaming inserts.
MAX_ROWS = 50_000
MAX_ID_CHARS = 128
MAX_ROW_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class InsertRequest:
    """Rows to insert: the ``json`` and the ``insertId`` of each, which is empty for rows without one."""

    bodies: list[Mapping[str, Any]]
    ids: list[str]
    suffix: str | None = None
    skip_invalid: bool = False
    ignore_unknown: bool = False


def parse_insert(body: Mapping[str, Any]) -> InsertRequest:
    """Read a ``TableDataInsertAllRequest``. Raises the service's error for one that cannot be."""
    rows = body.get("rows")
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        raise BigQueryError("invalid", "No rows present in the request.")
    if len(rows) > MAX_ROWS:
        raise invalid(f"too many rows present in the request, limit: {MAX_ROWS} row count: {len(rows)}.")
    bodies: list[Mapping[str, Any]] = []
    ids: list[str] = []
    for row in rows:
        if not isinstance(row, Mapping) or not isinstance(row.get("json"), Mapping):
            raise required("rows.json")
        bodies.append(row["json"])
        given = row.get("insertId")
        ids.append("" if given is None else str(given))
    longest = max(map(len, ids))
    if longest > MAX_ID_CHARS:
        raise invalid(f"insertId of {longest} characters exceeds the limit: {MAX_ID_CHARS} characters.")
    suffix = body.get("templateSuffix")
    return InsertRequest(
        bodies,
        ids,
        str(suffix) if suffix else None,
        boolean(body, "skipInvalidRows", False),
        boolean(body, "ignoreUnknownValues", False),
    )
