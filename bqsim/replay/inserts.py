"""Requests of ``tabledata.insertAll`` as recorded operations have them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .rest import Asked

_OPTIONS = ("skipInvalidRows", "ignoreUnknownValues", "templateSuffix")


def insert_request(asked: Asked) -> dict[str, Any]:
    """The request of an ``insert`` operation that a call makes."""
    path, body = asked.path, asked.body
    rows = [row for row in body.get("rows") or () if isinstance(row, dict)]
    texts = (json.dumps(row.get("json"), ensure_ascii=False, separators=(",", ":")) for row in rows)
    data = "".join(f"{text}\n" for text in texts).encode("utf-8", "surrogatepass")
    request: dict[str, Any] = {
        "table": "projects/{projectId}/datasets/{datasetId}/tables/{tableId}".format_map(path),
        "options": {name: body[name] for name in _OPTIONS if body.get(name)},
        "count": len(rows),
        "rows": [{"data": {"digest": hashlib.sha256(data).hexdigest()}}],
    }
    if any("insertId" in row for row in rows):
        request["ids"] = True
    return request
