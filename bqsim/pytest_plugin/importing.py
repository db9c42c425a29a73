"""How the simulator's own modules are imported in a test run: as they are.

pytest rewrites the assertions of every module of a distribution that brings a plugin. The simulator imports
most of its modules when they are first needed, in whatever thread needs them, and some versions of Python
cannot build syntax trees in two threads at once: the call then fails with ``SystemError: AST constructor
recursion depth mismatch``. There are no assertions of tests in these modules, and without rewriting them a
session also starts faster.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_PACKAGE = __name__.partition(".")[0] + "."


class AsWritten(MetaPathFinder):
    """Finds the package's modules where Python does."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, path, target) if fullname.startswith(_PACKAGE) else None


def configure() -> AsWritten:
    """From now on; until :func:`unconfigure`."""
    finder = AsWritten()
    sys.meta_path.insert(0, finder)
    return finder


def unconfigure(finder: AsWritten) -> None:
    """As it was."""
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)
