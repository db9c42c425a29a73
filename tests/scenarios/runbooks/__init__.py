"""The runbooks: a module each, with its ``RUNBOOK``."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from tests.scenarios.harness import Runbook

RUNBOOKS: list[Runbook] = [
    import_module(f"{__name__}.{module.name}").RUNBOOK for module in iter_modules(__path__)
]
