"""bqsim: a fake BigQuery, faithful and controllable.

>>> import bqsim
>>> with bqsim.start() as sim:          # doctest: +SKIP
...     client = sim.client()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

__all__ = ["Settings", "Simulator", "__version__", "start"]

if TYPE_CHECKING:
    from .settings import Settings
    from .simulator import Simulator, start

_LAZY = {"Simulator": "simulator", "start": "simulator", "Settings": "settings"}


def __getattr__(name: str) -> Any:
    """Public names are imported on first use, so that ``import bqsim`` stays light."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
