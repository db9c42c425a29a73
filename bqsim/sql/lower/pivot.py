"""."""

from __future__ import annotations
from typing import Any

SCANS: dict[str, Any] = {}
