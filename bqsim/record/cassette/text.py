"""Operations as text: a line that names each, and its members as JSON that a reviewer can read.

::

    === query 4f1c0a22b3d4e5f6.1
    {
     "request": {
      "sql": {"$lines": ["SELECT name", "FROM people"]},
    ...
"""

from __future__ import annotations

import json
import re
from typing import Any

from bqsim.record.model import KINDS, Operation

LINES = "$lines"
HEAD = re.compile(rb"^=== (" + "|".join(KINDS).encode() + rb") ([0-9a-f]{16})\.(\d+)$", re.MULTILINE)


def operation_text(operation: Operation) -> str:
    """The text of an operation; its measures are kept elsewhere."""
    members: dict[str, Any] = {"request": operation.request, "result": operation.result}
    if operation.order:
        members["order"] = operation.order
    if operation.changes:
        members["changes"] = sorted(operation.changes)
    members["exchanges"] = operation.exchanges
    body = json.dumps(_lined(members), indent=1, ensure_ascii=False, sort_keys=False)
    return f"=== {operation.kind} {operation.name}\n{body}\n"


def operation_of(kind: str, key: str, occurrence: int, body: str | bytes) -> Operation:
    """The operation whose JSON is ``body``. ValueError when it is none."""
    members = _unlined(json.loads(body))
    if not isinstance(members, dict):
        raise ValueError("an operation is a JSON object")
    return Operation(
        kind,
        key,
        occurrence,
        members.get("request", {}),
        members.get("result", {}),
        members.get("order", {}),
        tuple(members.get("changes", ())),
        members.get("exchanges", []),
    )


def _lined(value: Any) -> Any:
    """``value`` with its texts of many lines as lists."""
    if isinstance(value, str):
        return {LINES: value.split("\n")} if "\n" in value else value
    if isinstance(value, dict):
        return {name: _lined(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_lined(item) for item in value]
    return value


def _unlined(value: Any) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and LINES in value:
            return "\n".join(value[LINES])
        return {name: _unlined(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_unlined(item) for item in value]
    return value
