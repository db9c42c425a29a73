"""How faithful each part is: ``manifest.json``, which the tests make, and its reader."""

from __future__ import annotations

from .manifest import STATUSES, Entry, Manifest, load

__all__ = ["STATUSES", "Entry", "Manifest", "load"]
