"""Legacy SQL: the plain subset that has an exact translation to GoogleSQL."""

from __future__ import annotations

from .sources import Tables
from .translate import translate

__all__ = ["Tables", "translate"]
