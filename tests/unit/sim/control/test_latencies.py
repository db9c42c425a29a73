from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bqsim.sim.control.control import Scope
from bqsim.sim.scenario.latency import Fixed, Latency, Uniform
from bqsim.sim.scenario.model import LatencyRule, LatencySetup, Match
from bqsim.sim.scenario.tree import ScenarioError

FIXED = LatencyRule(Latency(Fixed(0.2)))


@pytest.mark.parametrize(
    ("given", "setup"),
    [
        ("200ms", LatencySetup(rules=(FIXED,))),
        (0.2, LatencySetup(rules=(FIXED,))),
        (timedelta(milliseconds=200), LatencySetup(rules=(FIXED,))),
        ("bigquery-2026-08", LatencySetup("bigquery-2026-08")),
        (Fixed(0.2), LatencySetup(rules=(FIXED,))),
        (Latency(Fixed(0.2)), LatencySetup(rules=(FIXED,))),
        ({"uniform": {"low": 1, "high": 2}}, LatencySetup(rules=(LatencyRule(Latency(Uniform(1, 2))),))),
        ("uniform: {low: 1, high: 2}", LatencySetup(rules=(LatencyRule(Latency(Uniform(1, 2))),))),
        ({"latency": "200ms", "phase": "after"}, LatencySetup(rules=(LatencyRule(FIXED.latency, "after"),))),
        ([FIXED, {"latency": 0.2}], LatencySetup(rules=(FIXED, FIXED))),
        (LatencySetup(scale=2, rules=(FIXED,)), LatencySetup(scale=2, rules=(FIXED,))),
        ("{preset: bigquery-2026-08, scale: 0.5}", LatencySetup("bigquery-2026-08", 0.5)),
    ],
)
def test_what_stands_for_latencies(sim: Scope, given: Any, setup: LatencySetup) -> None:
    sim.latency.set(given)
    assert sim.latency.setup == setup


def test_conditions_phase_and_scale(sim: Scope) -> None:
    sim.latency.set("200ms", scale=3, phase="after", match={"nth": 1}, method="bigquery.jobs.*")
    rule = LatencyRule(FIXED.latency, "after", Match(method=("bigquery.jobs.*",), nth=(1,)))
    assert sim.latency.setup == LatencySetup(scale=3, rules=(rule,))
    sim.latency.add("1s")
    assert sim.latency.setup.rules == (LatencyRule(Latency(Fixed(1.0))), rule)
    assert len(sim.parts.simulation.latencies) == 2
    sim.latency.clear()
    assert sim.latency.setup is None and not len(sim.parts.simulation.latencies)


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        ("uniform: {low: 2, high: 1}", {}, "'high' must not be less than 'low'"),
        ("200mss", {}, "latency.set: "),
        ("1s", {"phase": "befor"}, "unknown phase 'befor'; did you mean 'before'?"),
        ("1s", {"method": "bigquery.job.*"}, "no API method matches"),
        ("1s", {"scale": 0}, "expected a number above 0, not 0"),
        ("bigquery-2026-08", {"phase": "after"}, "'phase' is for a single latency; write it in each rule"),
    ],
)
def test_wrong_latencies_are_refused(sim: Scope, given: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        sim.latency.set(given, **more)
    assert message in str(refused.value) and sim.latency.setup is None


def test_scopes_have_latencies_of_their_own(sim: Scope) -> None:
    sim.latency.set("1s")
    sim.scope("a").latency.set("2s")
    rules = sim.parts.simulation.latencies.rules
    assert [rule.match.scope for rule in rules] == [("a",), ()]
    with pytest.raises(ScenarioError, match="a preset is for the whole simulator"):
        sim.scope("a").latency.set("bigquery-2026-08")
