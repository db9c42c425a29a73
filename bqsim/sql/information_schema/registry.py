"""All views, by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from .storage import META_TABLES
from .view import View

# Modules that define views, each in VIEWS; loaded with the first query of any.
_GROUPS = (
    "schemata",
    "tables",
    "columns",
    "constraints",
    "storage",
    "routines",
    "indexes",
    "privileges",
    "jobs",
    "jobs_timeline",
    "sessions",
    "ingestion",
    "reservations",
    "capacity",
    "options",
    "recommendations",
)

META: Mapping[str, View] = {v.name: v for v in META_TABLES}


@cache
def views() -> Mapping[str, View]:
    """Every view of INFORMATION_SCHEMA; their names are case-sensitive."""
    package = __name__.rpartition(".")[0]
    return {v.name: v for group in _GROUPS for v in import_module(f"{package}.{group}").VIEWS}


def view_named(name: str) -> View | None:
    """The view of a name; None without one."""
    return views().get(name)
