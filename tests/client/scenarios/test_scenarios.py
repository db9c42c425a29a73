"""Every journey in every scenario: it succeeds, or fails as it has to."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from bqsim.simulator import Simulator
from tests.client.journeys import JOURNEYS
from tests.scenarios.harness import SCENARIOS

from .outcomes import FAILURES, OTHERS, PATIENCE, SETTINGS, STRIDES
from .world import STRIDE_S, prepared, travel

NAMES = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


@pytest.mark.parametrize("journey", JOURNEYS)
@pytest.mark.parametrize("scenario", NAMES)
def test_a_journey(scenario: str, journey: str, simulator: Simulator) -> None:
    made = JOURNEYS[journey]
    failure = FAILURES.get((journey, scenario))
    with prepared(simulator, f"{scenario}-{journey.replace('_', '-')}", PATIENCE.get(scenario)) as world:
        simulator.load(SCENARIOS / f"{scenario}.yaml")
        settings = {
            "behind": 7200.0 if scenario == "clock-skew" else 0.0,
            "stride": STRIDES.get(scenario, STRIDE_S),
            **SETTINGS.get(scenario, {}),
        }
        with OTHERS.get(scenario, nullcontext)(simulator):
            if failure is None:
                travel(world, made.go, **settings)
            else:
                with pytest.raises(failure.error) as raised:
                    travel(world, made.go, **settings)
                assert raised.value.reason == failure.reason
        if made.exact:
            world.sim.verify_exactly_once()
        for methods in made.checked:
            world.sim.verify_backoff(methods)
        simulator.clear()
        simulator.clock.resume()
        if failure is None:
            made.left(world)


def test_the_tables_name_what_there_is() -> None:
    assert {scenario for _, scenario in FAILURES} | set(PATIENCE) | set(SETTINGS) | set(STRIDES) | set(
        OTHERS
    ) <= set(NAMES)
    assert {journey for journey, _ in FAILURES} <= set(JOURNEYS)
