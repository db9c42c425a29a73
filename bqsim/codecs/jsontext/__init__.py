"""Parts of JSON texts, of whole Arrow columns at once."""

from __future__ import annotations

from .reader import AWRY, Elements, Located, canonical, elements, locate, spliced

__all__ = ["AWRY", "Elements", "Located", "canonical", "elements", "locate", "spliced"]
