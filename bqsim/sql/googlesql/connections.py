"""Connections that statements name. They need not exist: what they would hold is of no use here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from .catalog import Definition, RoutineSource
from .prepass import PATH, Path

_CONNECTION = re.compile(rf"\bWITH\s+CONNECTION\s+({PATH.pattern})", re.IGNORECASE | re.DOTALL)
_PART = re.compile(r"`([^`]*)`|([^.`\s]+)")


def connections_in(sql: str) -> Iterator[RoutineSource]:
    """The connections named after WITH CONNECTION, as a catalog takes them."""
    for match in _CONNECTION.finditer(sql):
        path = tuple(quoted or plain for quoted, plain in _PART.findall(match[1]))
        if path:
            yield RoutineSource(path, _definition(path))


@lru_cache(256)
def _definition(path: Path) -> Definition:
    from zetasql.wasi._pb2.zetasql.proto import simple_catalog_pb2

    connections = simple_catalog_pb2.SimpleCatalogProto().connection
    return Definition("connection", connections.add(name=path[-1]), frozenset(), frozenset())
