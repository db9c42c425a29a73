"""Small JSON files that are replaced as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None without a readable one."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a file; its folders are made. Who reads meanwhile sees the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}%")
    beside.write_text(json.dumps(value), encoding="utf-8")
    beside.replace(path)
