from __future__ import annotations

from collections.abc import Iterator

import pytest

import bqsim
from bqsim.simulator import Simulator

pytest.register_assert_rewrite("tests.client.journeys")


@pytest.fixture(scope="package")
def simulator() -> Iterator[Simulator]:
    with bqsim.start(seed=1) as running:
        yield running
