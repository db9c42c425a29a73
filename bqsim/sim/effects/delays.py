"""Delays from their description to what they draw: of calls and of jobs alike."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from bqsim.sim.draws import Draws, Uniforms
from bqsim.sim.latency.base import Latency
from bqsim.sim.rules.book import Hit
from bqsim.sim.scenario import latency as described


@lru_cache(maxsize=4096)
def model_of(latency: described.Latency) -> Latency:
    """The model of a latency; what draws is imported with the first delay."""
    from bqsim.sim.latency.described import latency_of

    return latency_of(latency)


def uniforms_of(hit: Hit, model: Latency, draws: Draws) -> Uniforms:
    """What a delay draws from: by request, or in order where successive values belong together."""
    if model.ordered:
        return draws.keyed(f"{hit.rule.id}/effect", "", hit.number - 1)
    return hit.uniforms(draws)


def scaled(latency: described.Latency, factor: float) -> described.Latency:
    """A latency that is ``factor`` times as long, bounds included."""
    if factor == 1.0:
        return latency
    always = described.Period(0.0, float(2**40), factor)
    cap = None if latency.cap_s is None else latency.cap_s * factor
    return replace(latency, schedule=(*latency.schedule, always), floor_s=latency.floor_s * factor, cap_s=cap)
