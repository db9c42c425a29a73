"""Window functions that are not aggregates."""

from __future__ import annotations

from bqsim.sql.lower.registry import Window

WINDOWS: list[Window] = []
