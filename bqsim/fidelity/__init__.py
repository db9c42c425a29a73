"""How faithful each part is: ``manifest.json``, which the tests make, and its reader."""

from __future__ import annotations

from .manifest import ROUTES, STATUSES, Entry, Manifest, load

__all__ = ["ROUTES", "STATUSES", "Entry", "Manifest", "load"]
