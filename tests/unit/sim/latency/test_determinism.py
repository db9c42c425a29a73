from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from bqsim.sim.draws import Draws
from bqsim.sim.latency import Latency, Load, latency_of
from bqsim.sim.latency.correlate import _scores
from bqsim.sim.scenario.load import rule_from_dict
from bqsim.sim.scenario.model import Delay

PART = {"lognormal": {"p50": "120ms", "p95": "400ms"}}
MODELS = {
    "fixed": "120ms",
    "uniform": {"uniform": {"low": "10ms", "high": "1s"}},
    "normal": {"normal": {"mean": "1s", "deviation": "200ms"}},
    "lognormal": PART,
    "gamma": {"gamma": {"shape": 0.7, "mean": "1s"}},
    "exponential": {"exponential": "1s"},
    "pareto": {"pareto": {"minimum": "1s", "alpha": 2}},
    "quantiles": {"quantiles": [{"at": 0, "value": 0}, {"at": 0.5, "value": "1s"}, {"at": 1, "value": "3s"}]},
    "mixture": {"mixture": [{"weight": 1, "of": PART}, {"weight": 2, "of": {"exponential": 1}}]},
    "trace": {"trace": [1, 2, 3]},
    "correlation": {"distribution": PART, "correlation": 0.9},
    "correlation in time": {"distribution": PART, "correlation": 0.5, "correlated_over": "10s"},
    "all that is added": {
        "distribution": PART,
        "per_mib": 1,
        "ramps": [{"from": 0, "until": "50s", "factor": 4}],
        "floor": "50ms",
        "cap": "9s",
    },
}


def read_latency(written: object) -> Latency:
    effect = rule_from_dict({"effect": {"delay": {"latency": written}}}).effect
    assert isinstance(effect, Delay)
    return latency_of(effect.latency)


KEYS = [(f"fingerprint {n % 5}", n // 5) for n in range(200)]


def value(model: Latency, draws: Draws, key: tuple[str, int]) -> float:
    fingerprint, occurrence = key
    load = Load(bytes=1000 * occurrence, slot_ms=10.0, time_s=float(occurrence))
    return model.draw(draws.keyed("rule", fingerprint, occurrence), load)


@pytest.mark.parametrize("name", MODELS)
def test_same_key_same_value_in_any_order_and_thread(name):
    model = read_latency(MODELS[name])
    expected = {key: value(model, Draws(42), key) for key in KEYS}
    shuffled = random.Random(1).sample(KEYS, len(KEYS))
    _scores.cache_clear()
    draws = Draws(42)
    with ThreadPoolExecutor(16) as pool:
        got = dict(zip(shuffled, pool.map(lambda key: value(model, draws, key), shuffled), strict=True))
    assert got == expected


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("fixed", "trace")])
def test_seed_rule_fingerprint_and_occurrence_each_count(name):
    model = read_latency(MODELS[name])
    load = Load(bytes=10**6, slot_ms=50.0, time_s=5.0)
    keys = [
        (1, "rule", "f", 3),
        (2, "rule", "f", 3),
        (1, "other", "f", 3),
        (1, "rule", "g", 3),
        (1, "rule", "f", 4),
    ]
    values = [
        model.draw(Draws(seed).keyed(rule, fingerprint, occurrence), load)
        for seed, rule, fingerprint, occurrence in keys
    ]
    assert len(set(values)) == len(values)


def test_a_value_is_pinned():
    """A change of the draws changes every recorded run: it must not happen unnoticed."""
    got = read_latency(PART).draw(Draws(42).keyed("rule", "f", 3), Load())
    assert got == pytest.approx(0.11443843369183078, rel=1e-12)
