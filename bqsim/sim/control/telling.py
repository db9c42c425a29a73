"""Scenarios and the verdicts of their rules, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.rules.book import RuleBook, Verdict
from bqsim.sim.rules.classes import events_of, group_of
from bqsim.sim.rules.matchers import any_glob
from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.scenario.kinds import TIME
from bqsim.sim.scenario.load import NOTHING, Known
from bqsim.sim.scenario.model import ClockSetup, Delay, JobState, LatencyRule, Rule, Scenario, Window

from .described import facts_of
from .words import amount, effect_words, latency_words, matched, progression_words, span

# Plans are no rules; this has no state of its own.
_JOB = JobState("cancel_wins")


class Explanation(list[Verdict]):
    """The verdict of every rule, in order; its text has a line for each."""

    @property
    def fires(self) -> list[str]:
        """The ids of the rules that would fire."""
        return [verdict.rule.id for verdict in self if verdict.matches]

    def __str__(self) -> str:
        return "\n".join(map(told, self)) if self else "there are no rules"


def told(verdict: Verdict) -> str:
    """One verdict: ``rule 'a' fires: call 1`` or ``rule 'b' does not fire: method: wants …, got …``."""
    rule = verdict.rule
    source = f" ({rule.source})" if ":" in rule.source else ""
    if verdict.matches:
        return f"rule '{rule.id}'{source} fires: {verdict.why}"
    return f"rule '{rule.id}'{source} does not fire: {verdict.condition}: {verdict.why}"


def verdicts(scenario: Scenario, call: str, known: Known = NOTHING) -> Explanation:
    """What the rules of a scenario say to a call (see :func:`facts_of`), just after it was loaded."""
    clock = SimulationClock(rate=0)
    book = RuleBook(clock, Draws(0 if scenario.seed is None else scenario.seed))
    book.replace(scenario.rules, scenario.machines)
    try:
        return Explanation(book.explain(facts_of(call, known)))
    finally:
        clock.close()


def described(scenario: Scenario, known: Known = NOTHING) -> str:
    """A scenario in words: what is in force, then each rule in order."""
    return "\n".join(_described(scenario, known.methods))


def _described(scenario: Scenario, methods: Collection[str]) -> Iterator[str]:
    seed = "" if scenario.seed is None else f", seed {scenario.seed}"
    yield f"scenario '{scenario.name}'{seed}"
    yield from (f"  {line}" for line in scenario.description.strip().splitlines())
    yield from (f"  {line}" for line in _setting(scenario))
    if not scenario.rules:
        yield "  no rules"
    for number, rule in enumerate(scenario.rules, 1):
        yield ""
        yield f"{number}. {rule.id}" + (f" ({rule.source})" if ":" in rule.source else "")
        yield from (f"   {line}" for line in rule_lines(rule, scenario.rules[: number - 1], methods))


def _setting(scenario: Scenario) -> Iterator[str]:
    if scenario.clock is not None:
        yield f"clock: {_clock(scenario.clock)}"
    for name, state in scenario.machines.items():
        yield f"machine {name}: '{state}' at first"
    if scenario.latency is not None:
        setup = scenario.latency
        times = "" if setup.scale == 1 else f", {setup.scale:g} times as long"
        for rule in setup.rules:
            yield f"latency: {latency_rule_words(rule)}{times}"
        if setup.preset is not None:
            yield f"latency: of jobs by the preset {setup.preset}{times}"
    for plan in scenario.jobs:
        about = matched(Rule("", _JOB, plan.match), "job")
        deferred = f", deferred by {', '.join(plan.deferments)}" if plan.deferments else ""
        yield f"jobs: {about} goes on {progression_words(plan.progression)}{deferred}"
    if scenario.capacity is not None:
        yield f"capacity: {_capacity(scenario.capacity)}"
    for work in scenario.slot_work:
        about = matched(Rule("", _JOB, work.match), "job")
        units = "" if work.units is None else f", on at most {work.units:,} slots"
        yield f"slot work: {about} has slot time of {amount(work.slot_time)}{units}"
    if scenario.limits is not None:
        limits = scenario.limits
        scale = "" if limits.scale == 1 else f", times {limits.scale:g}"
        own = "".join(f", {name} = {value:.12g}" for name, value in limits.values.items())
        tenants = "".join(f", others for projects like {glob}" for glob in limits.tenants)
        yield f"limits: {limits.profile}{scale}{own}{tenants}"
    if scenario.iam is not None:
        policy = scenario.iam.policy or ("as written" if scenario.iam.is_inline else "none")
        yield f"policy: {policy}"


def _capacity(capacity: Capacity) -> str:
    shown = [
        f"{name} {one.slot_capacity:,} slots"
        + (f" and up to {one.autoscale_max_slots:,} scaled" if one.autoscale_max_slots else "")
        + (f" ({one.scaling_mode}, {one.max_slots:,} at most)" if one.max_slots is not None else "")
        for name, one in capacity.reservations.items()
    ]
    demand = capacity.on_demand
    return ", ".join([*shown, f"on demand {demand.project_slots:,} slots for each project"])


def latency_rule_words(rule: LatencyRule) -> str:
    """One latency: ``any call takes longer before it is served: 200ms``."""
    event = events_of(Rule("", Delay(rule.latency, rule.phase), rule.match))[0]
    return f"{matched(Rule('', _JOB, rule.match), event)} {latency_words(rule.latency, rule.phase)}"


def _clock(setup: ClockSetup) -> str:
    speed = f" {setup.scale:g} times as fast as the wall's" if setup.scale is not None else ""
    start = f", from {TIME.write(setup.start_us)}" if setup.start_us is not None else ""
    offset = f", shifted by {span(setup.offset_s)}" if setup.offset_s else ""
    return f"{setup.mode}{speed}{start}{offset}"


def rule_lines(rule: Rule, before: Sequence[Rule] = (), methods: Collection[str] = ()) -> list[str]:
    """A rule in words, a line for each thing: when, what, how often, and which of ``before`` come first."""
    lines = [f"when  {matched(rule)}", f"does  {effect_words(rule.effect)}"]
    if rule.times is not None:
        lines.append("times once" if rule.times == 1 else f"times at most {rule.times}")
    if rule.ttl_s is not None:
        lines.append(f"ends  {span(rule.ttl_s)} after it was added")
    lines += [f"then  the machine {name} goes to '{state}'" for name, state in rule.set.items()]
    first = [one.id for one in before if _excludes(one, rule, methods)]
    if first:
        lines.append(f"but   only if {_none_of(first)}: of these one is done")
    return lines


def _none_of(ids: Iterable[str]) -> str:
    listed = [f"'{id}'" for id in ids]
    if len(listed) == 1:
        return f"{listed[0]} does not fire"
    return f"none of {', '.join(listed[:-1])} and {listed[-1]} fires"


def _excludes(first: Rule, second: Rule, methods: Collection[str]) -> bool:
    """Whether ``first`` may keep ``second`` from being done for the same call or job."""
    group = group_of(first.effect)
    if group is None or group != group_of(second.effect):
        return False
    for name in ("transport", "job_type", "statement_type"):
        ours, theirs = getattr(first.match, name), getattr(second.match, name)
        if ours and theirs and not set(ours) & set(theirs):
            return False
    windows = [rule.match.window or Window() for rule in (first, second)]
    if any(a.until_s is not None and a.until_s <= b.from_s for a, b in (windows, windows[::-1])):
        return False
    # Rules that count the same calls count them alike.
    ordinals = [set(rule.match.nth) for rule in (first, second)]
    alike = replace(first.match, nth=()) == replace(second.match, nth=())
    if alike and all(ordinals) and not ordinals[0] & ordinals[1]:
        return False
    for name, state in first.match.machine.items():
        if second.match.machine.get(name, state) != state:
            return False
    asked = [any_glob(rule.match.method) for rule in (first, second) if rule.match.method]
    return not methods or any(all(test(method) for test in asked) for method in methods)
