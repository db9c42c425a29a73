"""Libraries of the optional extras, loaded when a query first needs one."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from bqsim.errors import invalid_query


@cache
def require(module: str, *, extra: str, what: str) -> Any:
    """The module; without it an error that names the extra to install."""
    try:
        return import_module(module)
    except ImportError:
        text = f"{what} need the extra bqsim[{extra}]: pip install 'bqsim[{extra}]'"
        raise invalid_query(text) from None
