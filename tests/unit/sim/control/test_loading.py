from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bqsim.sim.clock import SimulationClock
from bqsim.sim.control.control import Scope
from bqsim.sim.control.loading import clock_of, scenario_of, together
from bqsim.sim.control.parts import Parts
from bqsim.sim.scenario.load import parse
from bqsim.sim.scenario.model import ClockSetup, Scenario
from bqsim.sim.scenario.tree import ScenarioError
from tests.unit.sim.clocks import NOON_US, S

from .conftest import Ask

SCENARIOS = Path(__file__).resolve().parents[4] / "scenarios"
INSERT = "bigquery.jobs.insert"
STORM = """
name: storm
seed: 7
machines: {region: up}
rules:
  - id: down
    match: {method: bigquery.jobs.*, machine: {region: up}}
    effect: {error: backendError}
    set: {region: down}
latency: {rules: [{latency: 20ms, phase: before}]}
"""


def test_what_stands_for_a_scenario(tmp_path: Path) -> None:
    file = tmp_path / "storm.yaml"
    file.write_text(STORM)
    found = scenario_of(STORM)
    assert scenario_of(found) is not None and scenario_of(found).rules[0].source == "scenario:6"
    assert found.rules[0].id == "down"
    for given in (file, str(file), found, {"name": "storm", "seed": 7}, "{name: storm, seed: 7}"):
        assert scenario_of(given).seed == 7
    with pytest.raises(ScenarioError, match=r"nowhere.yaml: cannot be read"):
        scenario_of("nowhere.yaml")
    with pytest.raises(ScenarioError, match="unknown key 'sed' of a scenario; did you mean 'seed'"):
        scenario_of({"sed": 1})


def test_a_scenario_in_force(sim: Scope, ask: Ask) -> None:
    sim.faults.add("blocked", id="before")
    assert sim.load(STORM).name == "storm"
    assert (sim.seed, sim.machines["region"]) == (7, "up")
    assert ask(INSERT) == ["down"] and ask(INSERT) == []
    assert sim.machines["region"] == "down" and [s.rule.id for s in sim.faults] == ["down"]
    assert len(sim.parts.simulation.latencies) == 1
    sim.clear()
    assert sim.scenario is None and not len(sim.faults) and not len(sim.parts.simulation.latencies)


def test_names_are_checked(sim: Scope) -> None:
    with pytest.raises(ScenarioError) as refused:
        sim.load("rules:\n  - match: {method: bigquery.jobs.insrt}\n    effect: {error: backendErorr}\n")
    assert [str(p) for p in refused.value.problems] == [
        "scenario:2:21: no API method matches 'bigquery.jobs.insrt'; did you mean 'bigquery.jobs.insert'?",
        "scenario:3:21: unknown error reason 'backendErorr'; did you mean 'backendError'?",
    ]


def test_the_clock_moves_on_and_never_back(sim: Scope, clock: SimulationClock) -> None:
    sim.load("clock: {mode: manual, start: '2026-03-02T12:00:00Z', offset: 1h}")
    assert clock.mode == "manual" and clock.now_us() - NOON_US >= 25 * 3600 * S
    sim.faults.add("blocked")
    with pytest.raises(ScenarioError, match=r"clock.start: the clock is at 2026-03-02T13:00:00"):
        sim.load("clock: {start: '2026-03-02T12:00:00Z'}")
    with pytest.raises(ScenarioError, match=r"clock.offset: .*time does not go back"):
        sim.load("clock: {offset: -1h}")
    assert len(sim.faults) == 1
    sim.load("clock: {mode: scaled, scale: 60}")
    assert clock.rate == 60
    sim.load("clock: real")
    assert clock.rate == 1
    clock.freeze()


def test_clocks_that_begin_as_a_scenario_says() -> None:
    clock = clock_of(ClockSetup("manual", start_us=NOON_US, offset_s=-3600))
    assert clock.mode == "manual" and 0 <= clock.now_us() - (NOON_US - 3600 * S) < S
    assert clock_of(ClockSetup("scaled", 10)).rate == 10
    assert clock_of(None).mode == "real"


def test_a_scenario_for_a_scope(sim: Scope, ask: Ask, clock: SimulationClock) -> None:
    a, b = sim.scope("a"), sim.scope("b")
    text = STORM
    clock.advance("1h")
    a.load(text)
    b.load(text.replace("{region: up}}", "{region: up}, window: {until: 1m}}"))
    assert ask(INSERT, "a") == ["down@a"] and ask(INSERT, "a") == []
    assert (dict(a.machines), dict(b.machines)) == ({"region": "down"}, {"region": "up"})
    assert ask(INSERT, "b") == ["down@b"] and ask(INSERT, "c") == []
    matches = [rule.match.scope for rule in sim.parts.simulation.latencies.rules]
    assert matches == [("a",), ("b",)]
    a.load("rules: []")
    assert [s.rule.id for s in sim.faults] == ["down@b"]
    b.clear()
    assert not len(sim.faults) and not len(sim.parts.simulation.latencies)


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.yaml")), ids=lambda file: file.stem)
def test_files_of_incidents_within_a_scope(sim: Scope, file: Path) -> None:
    found, before = scenario_of(file), sim.seed
    if any(part is not None for part in (found.clock, found.limits, found.capacity)):
        with pytest.raises(ScenarioError, match="the scope 'a' has no"):
            sim.scope("a").load(file)
        return
    sim.scope("a").load(file)
    assert sim.seed == before and {s.rule.match.scope for s in sim.faults} <= {("a",)}
    sim.scope("a").clear()
    assert not len(sim.faults)


def test_the_seed_of_a_scope_is_that_of_its_rules(sim: Scope, ask: Ask) -> None:
    chance = {"rules": [{"id": "r", "match": {"probability": 0.5}, "effect": {"error": "backendError"}}]}

    def drawn(name: str, seed: int | None) -> list[bool]:
        sim.scope(name).load(chance if seed is None else {"seed": seed, **chance})
        return [bool(ask(INSERT, name)) for _ in range(40)]

    first = drawn("a", 3)
    assert drawn("a", 3) == first and drawn("a", 4) != first and 0 < sum(first) < 40
    assert drawn("a", None) not in (first, drawn("a", 4))


@pytest.mark.parametrize("key", ["clock: manual", "limits: bigquery", "latency: bigquery-2026-08"])
def test_what_only_the_whole_has(sim: Scope, key: str) -> None:
    with pytest.raises(ScenarioError, match="the scope 'a' has no"):
        sim.scope("a").load(f"name: x\n{key}\n")


def test_a_scope_keeps_its_pace_when_the_whole_is_scaled(sim: Scope) -> None:
    sim.load("latency: {scale: 10, rules: [{latency: 1s}]}")
    sim.scope("a").load("latency: {scale: 2, rules: [{latency: 1s}]}")
    rules = sim.parts.simulation.latencies.rules
    factors = [[period.factor for period in rule.effect.latency.schedule] for rule in rules]  # type: ignore[union-attr]
    whole = [pytest.approx(2.0), pytest.approx(10.0)]
    found = []
    for row in factors:
        product = 1.0
        for factor in row:
            product *= factor
        found.append(product)
    assert found == whole


def test_several_at_once() -> None:
    one = parse(STORM, "one")
    two = parse("name: two\nrules: [{id: more, effect: {error: blocked}}]\nclock: manual", "two")
    both = together([one, two])
    assert (both.name, both.seed, [r.id for r in both.rules]) == ("storm+two", 7, ["down", "more"])
    assert both.clock == ClockSetup("manual") and both.latency == one.latency
    with pytest.raises(ScenarioError, match="storm: another scenario has a rule 'down' as well"):
        together([one, one])
    with pytest.raises(ScenarioError, match="another scenario has the machine 'region' in 'up'"):
        together([one, Scenario("x", machines={"region": "down"})])


def test_latencies_and_limits_of_scenarios_together() -> None:
    slow = parse(
        "name: slow\nlatency: {scale: 2, rules: [{latency: 1s, match: {method: bigquery.tables.*}}]}"
    )
    all_slow = parse("name: all\nlatency: {preset: bigquery-2026-08, scale: 4, rules: [{latency: 3s}]}")
    for order in ([all_slow, slow], [slow, all_slow]):
        both = together(order).latency
        assert both is not None and (both.preset, both.scale) == ("bigquery-2026-08", 4.0)
        assert [rule.match.method for rule in both.rules] == [
            rule.match.method for one in reversed(order) if one.latency for rule in one.latency.rules
        ]
        factors = [one.factor for rule in both.rules for one in rule.latency.schedule]
        assert factors == [0.5]
    few = parse("limits: {profile: bigquery, values: {a: 1, b: 2}, tenants: {p: {a: 1}}}")
    less = parse("limits: {profile: bigquery, scale: 0.5, values: {a: 3}, tenants: {p: {b: 1}, q: {a: 2}}}")
    limits = together([few, less]).limits
    assert limits is not None and limits.scale == 0.5
    assert limits.values == {"a": 3, "b": 2}
    assert limits.tenants == {"p": {"a": 1, "b": 1}, "q": {"a": 2}}
    assert together([few, parse("limits: off")]).limits == parse("limits: off").limits


def test_reset(sim: Scope, parts: Parts, clock: SimulationClock) -> None:
    sim.load(STORM)
    scope = sim.scope("a")
    scope.faults.add("blocked")
    test = sim.retry_tests.create({"jobs.insert": ["backendError"]})
    first = parts.simulation.draws.uniform("x")
    scope.reset()
    assert len(sim.faults) == 1 and not len(scope.journal) and len(sim.journal)
    sim.reset()
    assert (len(sim.faults), len(sim.journal), clock.mode, sim.seed) == (0, 0, "real", 7)
    assert test not in sim.retry_tests.list() and parts.simulation.draws.uniform("x") == first
    clock.freeze()


def test_plans_and_latencies_reach_jobs(parts: Parts, sim: Scope) -> None:
    told: list[dict[str, Any]] = []

    class Jobs:
        def configure(self, **given: Any) -> None:
            told.append(given)

        def provide(self, capacity: Any, work: Any = ()) -> None:
            provided.append((capacity, work))

    provided: list[Any] = []
    parts.jobs = Jobs()
    sim.load("jobs: [{progression: {polls: {running: 3}}}]\nlatency: bigquery-2026-08")
    assert told[-1]["plans"][0].progression.running == 3 and told[-1]["latency"].preset == "bigquery-2026-08"
    sim.scope("a").load("jobs: [{progression: manual, match: {job_type: LOAD}}]")
    kinds = [(plan.progression.kind, plan.match.scope) for plan in told[-1]["plans"]]
    assert kinds == [("manual", ("a",)), ("polls", ())]
    sim.clear()
    assert told[-1] == {"plans": [], "latency": None}
    assert provided == [(None, ()), (None, ())]
    sim.load("capacity: {reservations: {etl: {slot_capacity: 50}}}\nslot_work: [{slot_time: 3s, units: 2}]")
    capacity, (work,) = provided[-1]
    assert capacity.reservations["etl"].slot_capacity == 50 and work.units == 2
    with pytest.raises(ScenarioError, match="all scopes share the slots"):
        sim.scope("a").load("capacity: {}")
