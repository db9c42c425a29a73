from __future__ import annotations

import pytest

from bqsim.sim.draws import Draws
from bqsim.sim.latency import Load, latency_of
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.load import rule_from_dict
from bqsim.sim.scenario.model import Delay
from bqsim.sim.scenario.tree import ScenarioError


def rule(latency: object) -> object:
    return rule_from_dict({"effect": {"delay": latency}}, "test")


@pytest.mark.parametrize("name", ["normal", "lognormal", "gamma", "pareto"])
def test_distributions_go_through_two_percentiles(name: str) -> None:
    read = rule_from_dict({"effect": {"delay": {name: {"p50": "1s", "p95": "3s"}}}})
    assert isinstance(read.effect, Delay)
    model, draws = latency_of(read.effect.latency), Draws(3)
    values = sorted(model.draw(draws.keyed("r", "f", n), Load()) for n in range(4000))
    assert values[2000] == pytest.approx(1.0, rel=0.1)
    assert values[3800] == pytest.approx(3.0, rel=0.1)
    assert rule_from_dict(to_dict(read)) == read


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"lognormal": {"median": "1s"}}, "takes median and sigma, or two of p50, p90, p95 and p99"),
        ({"lognormal": {"p50": "1s"}}, "takes median and sigma, or two of p50, p90, p95 and p99"),
        ({"gamma": {"p50": "1s", "p90": "2s", "p99": "3s"}}, "takes mean and shape, or two"),
        ({"normal": {"mean": "1s", "deviation": "1s", "p50": "1s", "p95": "2s"}}, "takes mean and deviation"),
        ({"pareto": {"p50": "2s", "p95": "1s"}}, "the percentiles must ascend from above 0"),
        ({"distribution": "1s", "correlated_over": "10s"}, "'correlated_over' needs a 'correlation'"),
    ],
    ids=["half", "one", "three", "both", "falling", "over nothing"],
)
def test_what_is_neither_is_refused(written: object, told: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        rule(written)
    assert told in str(refused.value)
