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
HEAD_LINE = re.compile(rb"=== (" + "|".join(KINDS).encode() + rb") ([0-9a-f]{16})\.([1-9]\d{0,8})")
# An object of the recording's own that looks like lines of a text has another $ in front.
_LIKE_LINES = re.compile(r"\$+lines")
_SURROGATE = re.compile("[\ud800-\udfff]")


def operation_text(operation: Operation) -> str:
    """The text of an operation; its measures are kept elsewhere."""
    members: dict[str, Any] = {"request": operation.request, "result": operation.result}
    if operation.order:
        members["order"] = operation.order
    if operation.changes:
        members["changes"] = sorted(operation.changes)
    members["exchanges"] = operation.exchanges
    body = json.dumps(_lined(members), indent=1, ensure_ascii=False, sort_keys=False)
    body = _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", body)
    return f"=== {operation.kind} {operation.name}\n{body}\n"


def operation_of(kind: str, key: str, occurrence: int, body: str | bytes) -> Operation:
    """The operation whose JSON is ``body``. ValueError when it is none."""
    members = _unlined(json.loads(body))
    if not isinstance(members, dict):
        raise ValueError("an operation is a JSON object")
    for name, type_ in _MEMBERS.items():
        if name in members and not isinstance(members[name], type_):
            raise ValueError(f"its member {name} is not what it has to be")
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


_MEMBERS = {"request": dict, "result": dict, "order": dict, "changes": list, "exchanges": list}


def _lined(value: Any) -> Any:
    """``value`` with its texts of many lines as lists."""
    if isinstance(value, str):
        return {LINES: value.split("\n")} if "\n" in value else value
    if isinstance(value, dict):
        if len(value) == 1 and _LIKE_LINES.fullmatch(next(iter(value))):
            return {f"${name}": _lined(item) for name, item in value.items()}
        return {name: _lined(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_lined(item) for item in value]
    return value


def _unlined(value: Any) -> Any:
    if isinstance(value, dict):
        if len(value) == 1:
            name = next(iter(value))
            if name == LINES and all(isinstance(line, str) for line in value[LINES]):
                return "\n".join(value[LINES])
            if _LIKE_LINES.fullmatch(name):
                return {name[1:]: _unlined(value[name])}
        return {name: _unlined(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_unlined(item) for item in value]
    return value
