"""The functions that the engine computes exactly: every family's rows by name."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import import_module

from bqsim.sql.lower.binding import once
from bqsim.sql.lower.registry import Aggregate, Function, Window
from bqsim.types import Type

FAMILIES: tuple[str, ...] = (
    "statistics",
    "aggregates",
    "math",
    "arithmetic",
    "comparison",
    "likes",
    "dates",
    "intervals",
    "logic",
    "text",
    "windows",
    "percentiles",
    "json",
    "arrays",
    "ranges",
    "generic",
    "bytes",
    "encoding",
    "hashing",
    "regexp",
    "formats",
    "formatting",
    "net",
    "bits",
    "bignumeric",
    "geography",
    "sketches",
    "encryption",
    "search",
    "preprocessing",
    "supplied",
    "collation",
)

# Families whose rows repeat no argument without looking at its size.
OPERATORS = frozenset({"arithmetic", "comparison", "logic", "supplied"})


@cache
def scalar_rows() -> dict[str, tuple[Function, ...]]:
    """Scalar functions by name, rows in the order in which they are tried."""
    found: dict[str, list[Function]] = {}
    for family in FAMILIES:
        rows = getattr(import_module(f".{family}", __name__), "FUNCTIONS", ())
        for row in rows if family in OPERATORS else once(rows):
            found.setdefault(row.name, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


@lru_cache(maxsize=8192)
def scalar_function(name: str, types: tuple[Type, ...]) -> Function | None:
    """The row that computes a call, None when there is none."""
    return next((row for row in scalar_rows().get(name, ()) if row.matches(types)), None)


@cache
def aggregate_rows() -> dict[str, tuple[Aggregate, ...]]:
    found: dict[str, list[Aggregate]] = {}
    for family in FAMILIES:
        for row in getattr(import_module(f".{family}", __name__), "AGGREGATES", ()):
            found.setdefault(row.name, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


@lru_cache(maxsize=4096)
def aggregate_function(name: str, types: tuple[Type, ...]) -> Aggregate | None:
    return next((row for row in aggregate_rows().get(name, ()) if row.matches(types)), None)


@cache
def window_rows() -> dict[str, tuple[Window, ...]]:
    found: dict[str, list[Window]] = {}
    for family in FAMILIES:
        for row in getattr(import_module(f".{family}", __name__), "WINDOWS", ()):
            found.setdefault(row.name, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


@lru_cache(maxsize=4096)
def window_function(name: str, types: tuple[Type, ...]) -> Window | None:
    return next((row for row in window_rows().get(name, ()) if row.matches(types)), None)
