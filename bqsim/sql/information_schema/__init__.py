"""INFORMATION_SCHEMA and ``__TABLES__``: tables whose rows are made when they are read."""

from __future__ import annotations

from .find import VirtualRows, VirtualTables
from .registry import views
from .sources import History, Sources

__all__ = ["History", "Sources", "VirtualRows", "VirtualTables", "views"]
