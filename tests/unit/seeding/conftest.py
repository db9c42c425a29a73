from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import bqsim
from bqsim.seeding import Api
from bqsim.simulator import Simulator


@pytest.fixture(scope="package")
def own_simulator() -> Iterator[Simulator]:
    with bqsim.start(project="seeds", seed=7) as running:
        yield running


@pytest.fixture
def api(own_simulator: Simulator, request: pytest.FixtureRequest) -> Api:
    """A project of the test's own."""
    name = request.node.name.lower().replace("_", "-").replace("[", "-").replace("]", "")
    return Api(own_simulator.url, name[:30].strip("-"))


class Reading:
    """What a project holds, by queries."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def __call__(self, api: Api, sql: str) -> list[tuple[Any, ...]]:
        with self._simulator.client(project=api.project) as client:
            return [tuple(row) for row in client.query_and_wait(sql)]


@pytest.fixture
def rows(own_simulator: Simulator) -> Reading:
    return Reading(own_simulator)
