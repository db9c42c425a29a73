"""Scenarios put in force: all of them at once, for everything or for one scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bqsim.sim.clock import SimulationClock
from bqsim.sim.effects.delays import scaled
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.kinds import TIME
from bqsim.sim.scenario.load import NOTHING, Known, from_dict, load, parse
from bqsim.sim.scenario.model import ClockSetup, LatencyRule, LatencySetup, LimitSetup, Scenario
from bqsim.sim.scenario.tree import Place, Problem, ScenarioError
from bqsim.sim.simulation import latency_rules

from .given import match_within, owned, plain, within
from .parts import Parts
from .supplied import answer_of

# A scenario, its JSON object, its file, or its text.
Scenarios = Scenario | Mapping[str, Any] | Path | str

_MICROS = 1_000_000


def scenario_of(given: Scenarios, known: Known = NOTHING) -> Scenario:
    """The scenario that is meant. A text of one line that is no mapping names a file.

    Raises :class:`ScenarioError` with all that is wrong, by line and column.
    """
    if isinstance(given, Scenario):
        checked = from_dict(to_dict(given), given.name, known)
        pairs = zip(given.rules, checked.rules, strict=True)
        return replace(given, rules=tuple(replace(rule, id=named.id) for rule, named in pairs))
    if isinstance(given, Mapping):
        return from_dict(plain(given), "scenario", known)
    if isinstance(given, Path) or _is_path(given):
        return load(given, known)
    return parse(given, "scenario", known)


def _is_path(text: str) -> bool:
    line = text.strip()
    return "\n" not in line and not line.startswith("{") and ": " not in line and not line.endswith(":")


def together(scenarios: Sequence[Scenario]) -> Scenario:
    """Several scenarios as one: their rules, plans and latencies together, the limits of all; of the rest the
    last one counts. Rules and plans stand one after another, latencies of a later one before the others'.

    Raises :class:`ScenarioError` for rules of two with the same id, or machines with other first states.
    """
    whole = scenarios[0]
    for other in scenarios[1:]:
        twice = sorted({r.id for r in whole.rules} & {r.id for r in other.rules})
        problems = [Problem(Place(other.name), f"another scenario has a rule '{id}' as well") for id in twice]
        problems += [
            Problem(
                Place(other.name), f"another scenario has the machine '{name}' in '{whole.machines[name]}'"
            )
            for name, state in other.machines.items()
            if whole.machines.get(name, state) != state
        ]
        if problems:
            raise ScenarioError(problems)
        whole = Scenario(
            name=f"{whole.name}+{other.name}",
            description="\n".join(filter(None, (whole.description, other.description))),
            seed=whole.seed if other.seed is None else other.seed,
            clock=other.clock or whole.clock,
            machines={**whole.machines, **other.machines},
            rules=(*whole.rules, *other.rules),
            latency=_latencies(whole.latency, other.latency),
            jobs=(*whole.jobs, *other.jobs),
            capacity=other.capacity or whole.capacity,
            slot_work=(*whole.slot_work, *other.slot_work),
            limits=_limits(whole.limits, other.limits),
            iam=other.iam or whole.iam,
            answers=(*whole.answers, *other.answers),
        )
    return whole


def _latencies(first: LatencySetup | None, second: LatencySetup | None) -> LatencySetup | None:
    """The latencies of both; the first that matches counts, and the second's stand first."""
    if first is None or second is None:
        return second or first
    # A preset keeps its scale: the rules of the other are brought to that.
    whole = first if second.preset is None and first.preset is not None else second
    rules = [
        LatencyRule(scaled(one.latency, setup.scale / whole.scale), one.phase, one.match)
        for setup in (second, first)
        for one in setup.rules
    ]
    return replace(whole, rules=tuple(rules))


def _limits(first: LimitSetup | None, second: LimitSetup | None) -> LimitSetup | None:
    """The limits of both; where they differ those of the second."""
    if first is None or second is None or second.profile == "off":
        return second or first
    tenants = {
        name: {**first.tenants.get(name, {}), **second.tenants.get(name, {})}
        for name in (*first.tenants, *second.tenants)
    }
    return replace(second, values={**first.values, **second.values}, tenants=tenants)


def put_in_force(parts: Parts, scenario: Scenario, scope: str = "", *, clock: bool = True) -> None:
    """Put a scenario in place of what is in force, within a scope in place of that scope's.

    ``clock`` False leaves the clock alone. Raises :class:`ScenarioError`, and changes nothing, for what
    cannot be while the simulator runs.
    """
    if scope:
        _within(parts, scenario, scope)
        return
    moves = _moves(parts.simulation.clock, scenario.clock) if clock and scenario.clock else None
    before = parts.simulation.scenario
    parts.simulation.load(scenario)
    parts.plans = {"": scenario.jobs}
    parts.latencies = {} if scenario.latency is None else {"": scenario.latency}
    configure(parts)
    if parts.jobs is not None:
        parts.jobs.provide(scenario.capacity, scenario.slot_work)
    if parts.answers is not None:
        for supply in scenario.answers:
            parts.answers.put(answer_of(supply))
    if parts.limits is not None:
        if scenario.limits is not None:
            parts.limits.load(scenario.limits)
        elif before is not None and before.limits is not None:
            parts.limits.off()
    if moves is not None and scenario.clock is not None:
        set_clock(parts.simulation.clock, scenario.clock, moves)


def take_out_of_force(parts: Parts, scope: str = "") -> None:
    """Forget the scenario, all rules, latencies and plans, or those of a scope."""
    parts.plans.pop(scope, None)
    parts.latencies.pop(scope, None)
    if scope:
        _remove(parts, scope)
        parts.simulation.draws.reseed_scope(scope, None)
    else:
        before = parts.simulation.scenario
        parts.plans, parts.latencies = {}, {}
        parts.simulation.clear()
        if parts.limits is not None and before is not None and before.limits is not None:
            parts.limits.off()
        if parts.jobs is not None:
            parts.jobs.provide(None)
    configure(parts)


def begin_anew(parts: Parts, scope: str = "") -> None:
    """Let nothing be in force and nothing have happened; data and jobs stay."""
    take_out_of_force(parts, scope)
    if not scope:
        simulation = parts.simulation
        if parts.limits is not None:
            parts.limits.off()
            parts.limits.reset()
        if parts.iam is not None:
            parts.iam.policy = parts.first_policy()
        if parts.answers is not None:
            parts.answers.clear()
        if parts.laboratory is not None:
            for test in parts.laboratory.list():
                parts.laboratory.delete(test.id)
        simulation.clock.resume()
        simulation.draws.reseed(simulation.draws.seed)
        simulation.recorder.reset()
    parts.view(scope).clear()
    parts.verifications.pop(scope, None)


# What only the whole simulator has.
_WHOLE = {
    "clock": "all scopes share one clock",
    "limits": "write 'tenants' in a scenario for the whole simulator",
    "answers": "they are those of the whole simulator",
    "iam": "write the project in its bindings, in a scenario for the whole simulator",
    "capacity": "all scopes share the slots",
    "slot_work": "write the 'project' in 'match', in a scenario for the whole simulator",
}


def _within(parts: Parts, scenario: Scenario, scope: str) -> None:
    found = [
        Problem(Place(scenario.name, path=key), f"a scenario for the scope '{scope}' has no '{key}': {why}")
        for key, why in _WHOLE.items()
        if getattr(scenario, key) not in (None, ())
    ]
    if scenario.latency is not None and scenario.latency.preset is not None:
        text = f"a scenario for the scope '{scope}' has no preset: plan its jobs, 'progression: sampled'"
        found.append(Problem(Place(scenario.name, path="latency.preset"), text))
    if found:
        raise ScenarioError(found)
    rules = [within(rule, scope, scenario.name) for rule in scenario.rules]
    _remove(parts, scope)
    parts.simulation.draws.reseed_scope(scope, scenario.seed)
    for name, state in scenario.machines.items():
        parts.simulation.rules.set_machine(owned(name, scope), state)
    parts.simulation.add(rules, anew=True)
    parts.plans[scope] = scenario.jobs
    parts.latencies.pop(scope, None)
    if scenario.latency is not None:
        parts.latencies[scope] = scenario.latency
    configure(parts)
    details = {"scenario": scenario.name, "rules": len(rules)}
    parts.simulation.control("scenario.load", scope=scope, details=details)


def _remove(parts: Parts, scope: str) -> None:
    rules = parts.simulation.rules.rules
    parts.simulation.remove([rule.id for rule in rules if rule.match.scope == (scope,)])


def configure(parts: Parts) -> None:
    """Put the latencies and the plans of all scopes in force; a scope's own come before those of all."""
    setup = _latency(parts.latencies)
    parts.simulation.latencies.replace(latency_rules(Scenario(latency=setup)))
    parts.simulation.changed()
    if parts.jobs is not None:
        plans = [
            replace(plan, match=match_within(plan.match, scope))
            for scope, plans in _scopes_first(parts.plans)
            for plan in plans
        ]
        parts.jobs.configure(plans=plans, latency=setup)


def _latency(setups: Mapping[str, LatencySetup]) -> LatencySetup | None:
    if not setups:
        return None
    whole = setups.get("", LatencySetup())
    rules: list[LatencyRule] = []
    for scope, setup in _scopes_first(setups):
        if scope:
            factor = setup.scale / whole.scale
            rules += [
                LatencyRule(scaled(one.latency, factor), one.phase, match_within(one.match, scope))
                for one in setup.rules
            ]
        else:
            rules += setup.rules
    return replace(whole, rules=tuple(rules))


def _scopes_first(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(found.items(), key=lambda one: (one[0] == "", one[0]))


# The clock

_RATES = {"real": 1.0, "manual": 0.0}


def clock_of(setup: ClockSetup | None) -> SimulationClock:
    """A clock that begins as a scenario says."""
    if setup is None:
        return SimulationClock()
    start = SimulationClock().now_us() if setup.start_us is None else setup.start_us
    rate = setup.scale if setup.scale is not None else _RATES[setup.mode]
    return SimulationClock(start + round(setup.offset_s * _MICROS), rate)


def _moves(clock: SimulationClock, setup: ClockSetup) -> int:
    """How many microseconds a clock that runs already has to move on, before it is as ``setup`` says."""
    now = clock.now_us()
    start = now if setup.start_us is None else setup.start_us
    moves = start + round(setup.offset_s * _MICROS) - now
    if moves < 0:
        key = "offset" if setup.start_us is None else "start"
        text = (
            f"the clock is at {TIME.write(now)} already, and time does not go back: start a simulator with it"
        )
        raise ScenarioError([Problem(Place("scenario", path=f"clock.{key}"), text)])
    return moves


def set_clock(clock: SimulationClock, setup: ClockSetup, moves_us: int = 0) -> None:
    """Let a clock run as ``setup`` says, once it has moved on."""
    clock.freeze()
    if moves_us:
        clock.advance(moves_us / _MICROS)
    if setup.scale is not None:
        clock.scale(setup.scale)
    elif setup.mode == "real":
        clock.resume()
