"""What goes wrong here, as users read it."""

from __future__ import annotations


class CostError(Exception):
    """Wrong input: a file, an option, a price that nobody told. Its text names what to change."""


class NoPrice(CostError):
    """A price that no table has, with what is known."""
