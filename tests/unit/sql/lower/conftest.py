from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bqsim.sql.plan import Route
from tests.unit.sql.warehouse import Warehouse, values_of

Rows = Callable[..., list[list[Any]]]


@pytest.fixture
def rows(warehouse: Warehouse) -> Rows:
    """Rows of a query that the engine must compute."""

    def run(sql: str, **more: Any) -> list[list[Any]]:
        result = warehouse.run(sql, **more)
        assert result.route is Route.ENGINE, result.route_reason
        return values_of(result)

    return run


@pytest.fixture
def value(rows: Rows) -> Callable[..., Any]:
    """The value of one expression, computed by the engine."""

    def run(expression: str, **more: Any) -> Any:
        [[found]] = rows(f"SELECT {expression}", **more)
        return found

    return run
