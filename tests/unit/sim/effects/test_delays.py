from __future__ import annotations

import pytest

from bqsim.sim.draws import Draws
from bqsim.sim.effects.delays import model_of, scaled, uniforms_of
from bqsim.sim.latency import Load
from bqsim.sim.rules import Hit
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.model import Delay, Rule

TRACE = described.Latency(described.Trace((0.1, 0.2, 0.3)))
CHANCE = described.Latency(described.Exponential(1.0), floor_s=0.1, cap_s=4.0)


def drawn(latency: described.Latency, number: int, fingerprint: str) -> float:
    rule = Rule("r", Delay(latency))
    hit = Hit(rule, number, number, fingerprint=fingerprint)
    model = model_of(latency)
    return model.draw(uniforms_of(hit, model, Draws(1)), Load())


def test_values_that_belong_together_come_in_their_order_whatever_asks() -> None:
    assert [drawn(TRACE, n, f"{n}") for n in (1, 2, 3, 4)] == [0.1, 0.2, 0.3, 0.1]
    assert drawn(TRACE, 1, "b") == drawn(TRACE, 1, "a")


def test_chance_is_by_request() -> None:
    assert drawn(CHANCE, 1, "a") == drawn(CHANCE, 7, "a") != drawn(CHANCE, 1, "b")


def test_a_factor_stretches_draws_and_bounds() -> None:
    assert scaled(CHANCE, 1.0) is CHANCE
    stretched = scaled(CHANCE, 3.0)
    assert (stretched.floor_s, stretched.cap_s) == pytest.approx((0.3, 12.0))
    assert drawn(stretched, 1, "a") == pytest.approx(3 * drawn(CHANCE, 1, "a"))
