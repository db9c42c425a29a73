"""Storms: a share of all calls fails, in every way that passes, and all journeys come through."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bqclient.resilience.policies import POLICIES, Resilience, RetryPolicy
from bqsim.simulator import Simulator
from tests.client.journeys import JOURNEYS

from .world import prepared, travel

SEEDS = range(4)
# What may befall calls of each side; each drawn with a share of its own.
WAYS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "rest": (
        {"error": {"reason": "backendError"}},
        {"error": {"reason": "backendError", "applied": True}},
        {"error": {"reason": "internalError", "applied": True}},
        {"error": {"reason": "rateLimitExceeded"}},
        {"error": {"reason": "rateLimitExceeded", "retry_after": "3s"}},
        {"network": {"what": "reset", "applied": False}},
        {"network": {"what": "reset", "applied": True}},
        {"network": {"what": "html", "applied": True}},
        {"network": {"what": "truncate", "at": "body", "applied": True}},
    ),
    "grpc": (
        {"grpc": {"status": "UNAVAILABLE"}},
        {"grpc": {"status": "UNAVAILABLE", "applied": True}},
        {"network": {"what": "reset"}},
    ),
}
# Of streams alone.
APPENDS: tuple[Mapping[str, Any], ...] = (
    {"grpc": {"status": "ABORTED"}},
    {"grpc": {"status": "INTERNAL", "applied": True}},
    {"grpc": {"status": "RESOURCE_EXHAUSTED", "retry_delay": "4s"}},
)
APPEND = "google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows"
# Whoever goes on through a storm tries again more often than others.
STUBBORN = Resilience(
    {
        name: replace(POLICIES[name], retries=12)
        for name in ("backend", "rate", "connection", "unavailable", "new_job", "late")
    }
    | {"commit": RetryPolicy(retries=12, first_s=0.1, growth=1.3)},
    breaker=False,
)


def storm(seed: int) -> dict[str, Any]:
    """A scenario in which 5 to 20 percent of the calls fail."""
    draws = random.Random(seed)
    rules = []
    for side, ways in (*WAYS.items(), ("append", APPENDS)):
        share = draws.uniform(0.05, 0.2) / len(ways)
        for number, effect in enumerate(ways):
            match = {"method": APPEND} if side == "append" else {"transport": side}
            rules.append(
                {
                    "id": f"{side}-{number}",
                    "match": {**match, "probability": round(share * draws.uniform(0.5, 1.5), 4)},
                    "effect": effect,
                }
            )
    return {"name": f"storm-{seed}", "description": "A storm.", "seed": seed, "rules": rules}


@pytest.mark.parametrize("journey", JOURNEYS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_journey_through_a_storm(seed: int, journey: str, simulator: Simulator) -> None:
    made = JOURNEYS[journey]
    with prepared(simulator, f"storm-{seed}-{journey.replace('_', '-')}") as world:
        simulator.load(storm(seed))
        travel(world, made.go, seed=seed, resilience=STUBBORN, timeout=900.0)
        if made.exact:
            world.sim.verify_exactly_once()
        for methods in made.checked:
            world.sim.verify_backoff(methods)
        simulator.clear()
        simulator.clock.resume()
        made.left(world)
