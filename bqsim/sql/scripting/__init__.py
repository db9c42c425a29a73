"""Scripts, statement by statement."""

from __future__ import annotations

from bqsim.sql.googlesql.script_tree import ScriptKind

from .checks import check_script
from .control import CONTROL
from .dry_run import dry_run
from .dynamic import DYNAMIC
from .run import ChildStatement, Frame, Handler, OnStart, Return, Run
from .transaction import TRANSACTIONS

HANDLERS: dict[ScriptKind, Handler] = {**CONTROL, **DYNAMIC, **TRANSACTIONS}

__all__ = [
    "HANDLERS",
    "TRANSACTIONS",
    "ChildStatement",
    "Frame",
    "OnStart",
    "Return",
    "Run",
    "check_script",
    "dry_run",
]
