from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.sql.warehouse import Warehouse, clear, new_warehouse


@pytest.fixture(scope="session")
def shared_warehouse() -> Iterator[Warehouse]:
    warehouse = new_warehouse()
    yield warehouse
    warehouse.session.close()
    warehouse.engine.close()
    warehouse.googlesql.close()


@pytest.fixture
def warehouse(shared_warehouse: Warehouse) -> Warehouse:
    """A SQL stack with an empty dataset ``p.d``."""
    clear(shared_warehouse)
    return shared_warehouse
