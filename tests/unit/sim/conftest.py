from __future__ import annotations

import pytest

from bqsim.sim.clock import SimulationClock

from .clocks import NOON


@pytest.fixture
def clock() -> SimulationClock:
    """A clock that stands at noon."""
    return SimulationClock(NOON, rate=0)
