"""GoogleSQL: Google's own analyzer and evaluator, hosted in this process."""

from __future__ import annotations

from .analyzer import Analyzed, GoogleSql
from .catalog import Source
from .script_tree import Argument, Branch, ScriptKind, ScriptNode, Span

__all__ = ["Analyzed", "Argument", "Branch", "GoogleSql", "ScriptKind", "ScriptNode", "Source", "Span"]
