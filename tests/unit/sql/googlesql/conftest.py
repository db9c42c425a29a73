from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bqsim.settings import Settings
from bqsim.sql.googlesql import GoogleSql

from .catalogs import MemoryCatalog


@dataclass(slots=True)
class World:
    catalog: MemoryCatalog
    googlesql: GoogleSql


@pytest.fixture(scope="session")
def shared_world() -> Iterator[World]:
    catalog = MemoryCatalog()
    googlesql = GoogleSql(catalog, Settings(project="p", analyzers=2))  # type: ignore[arg-type]
    yield World(catalog, googlesql)
    googlesql.close()


@pytest.fixture
def world(shared_world: World) -> World:
    """A catalog with the table ``p.d.t``; the analyzer instances are shared by all tests."""
    catalog = shared_world.catalog
    catalog.found.clear()
    catalog.found_routines.clear()
    shared_world.googlesql.virtual_tables = None
    catalog.add("t")
    return shared_world
