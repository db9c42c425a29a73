"""."""

from __future__ import annotations
from typing import Any

EXPRESSIONS: dict[str, Any] = {}
