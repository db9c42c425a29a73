"""GoogleSQL: Google's own analyzer and evaluator, hosted in this process."""

from __future__ import annotations

from .analyzer import Analyzed, GoogleSql

__all__ = ["Analyzed", "GoogleSql"]
