from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import bqsim
from bqsim.simulator import Simulator
from tests.conftest import Answer, Http


class Control(Http):
    """Control requests to a simulator of its own."""

    def ask(self, verb: str, path: str, body: Any = None, scope: str = "") -> Answer:
        data = body.encode() if isinstance(body, str) else body
        headers = {"x-bqsim-scope": scope} if scope else {}
        return self.raw(verb, f"/bqsim/v1/{path}", data, headers)

    def do(self, verb: str, path: str, body: Any = None, scope: str = "") -> Any:
        """The JSON of an answer that must be 200."""
        answer = self.ask(verb, path, body, scope)
        assert answer.status == 200, answer.data
        return answer.json


@pytest.fixture(scope="package")
def own_simulator() -> Iterator[Simulator]:
    with bqsim.start(project="p") as running:
        yield running


@pytest.fixture
def control(own_simulator: Simulator) -> Iterator[Control]:
    own_simulator.reset()
    made = Control(own_simulator, "p")
    yield made
    own_simulator.reset()
    made.connection.close()
