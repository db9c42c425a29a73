"""Functions that the engine lacks: vectorised kernels and SQL macros, by family.

Each module of this package named in :data:`FAMILIES` may define ``KERNELS: tuple[Kernel, ...]`` and
``MACROS: tuple[str, ...]`` (``CREATE MACRO bq_name(a, b) AS ...`` statements; a macro may use other macros
and kernels of any family). Family modules import heavy libraries inside their functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from .kernel import PREFIX, Kernel

FAMILIES: tuple[str, ...] = (
    "arithmetic",
    "casts",
    "date_parts",
    "dates",
    "errors",
    "intervals",
    "ranges",
    "text",
    "zones",
    "json",
    "json_edit",
    "math",
    "arrays",
    "buckets",
    "bytes",
    "hashing",
    "regexp",
    "parsing",
    "formatting",
    "stored",
    "net",
    "byte_formats",
    "bits",
    "bignumeric",
    "statistics",
    "sparse",
    "geography",
    "sketches",
    "encryption",
    "search",
    "preprocessing",
    "supplied",
    "collation",
    "external",
)

_NAME = re.compile(rf"\b{PREFIX}\w+")
_CREATE = re.compile(rf"\s*CREATE\s+(?:OR\s+REPLACE\s+)?MACRO\s+({PREFIX}\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Macro:
    """One macro: ``sql`` creates it in the session's temporary catalog; ``uses`` names what its body
    calls.
    """

    name: str
    sql: str
    uses: frozenset[str]


def names_in(sql: str) -> frozenset[str]:
    """The macros and kernels that a statement may call (names inside its string literals included)."""
    return frozenset(_NAME.findall(sql)) if PREFIX in sql else frozenset()


def macro(sql: str) -> Macro:
    """The macro that a CREATE MACRO statement defines."""
    match = _CREATE.match(sql)
    if match is None:
        raise ValueError(f"not a CREATE MACRO {PREFIX}… statement: {sql[:60]}")
    body = sql[match.end() :]
    return Macro(match[1], f"CREATE OR REPLACE TEMP MACRO {match[1]}{body}", names_in(body) - {match[1]})


@cache
def kernels() -> Mapping[str, Kernel]:
    """All kernels by name."""
    found: dict[str, Kernel] = {}
    for family in FAMILIES:
        for kernel in getattr(import_module(f".{family}", __name__), "KERNELS", ()):
            if kernel.name in found or not kernel.name.startswith(PREFIX):
                raise ValueError(f"kernel {kernel.name}: not {PREFIX}… or defined twice")
            found[kernel.name] = kernel
    return found


@cache
def macros() -> Mapping[str, Macro]:
    """All macros by name."""
    found: dict[str, Macro] = {}
    for family in FAMILIES:
        for sql in getattr(import_module(f".{family}", __name__), "MACROS", ()):
            one = macro(sql)
            if one.name in found:
                raise ValueError(f"macro {one.name} is defined twice")
            found[one.name] = one
    return found


def macros_for(names: frozenset[str], installed: frozenset[str] | set[str]) -> list[Macro]:
    """The macros to create before a statement that calls ``names``, callees first; those installed are
    left out.
    """
    every = macros()
    order: list[Macro] = []
    seen = set(installed)

    def visit(name: str) -> None:
        one = every.get(name)
        if one is None or name in seen:
            return
        seen.add(name)
        for used in sorted(one.uses):
            visit(used)
        order.append(one)

    for name in sorted(names):
        visit(name)
    return order


__all__ = ["FAMILIES", "PREFIX", "Kernel", "Macro", "kernels", "macro", "macros", "macros_for", "names_in"]
