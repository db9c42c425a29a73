"""From rules, plans and latencies to what one job waits for and fails with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bqsim.errors import BigQueryError
from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws
from bqsim.sim.effects.delays import model_of, scaled, uniforms_of
from bqsim.sim.effects.texts import job_text
from bqsim.sim.journal.events import Decision
from bqsim.sim.latency.base import Latency
from bqsim.sim.rules.book import Hit, RuleBook
from bqsim.sim.rules.classes import events_of
from bqsim.sim.rules.facts import Facts
from bqsim.sim.rules.matchers import compile_rule
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.model import Delay, Effect, Error, JobPlan, JobState, LatencySetup, Rule
from bqsim.sim.scenario.progression import Immediate, Step

from .life import Life
from .waits import Progress, Wait, is_sampled, latency_in, steps_of

_PHASES = {"RUNNING": "queue", "DONE": "run"}
_PRESET = "latency-preset"
PLAN = "plan"
_NO_TIME = described.Latency(described.Fixed(0.0))


class Effects:
    """The plans and latencies of a scenario, and what rules do to jobs.

    Of plans, and of the latencies of each phase, the first that matches a job counts; the preset comes last.
    A plan takes the place of the latencies.
    """

    def __init__(
        self, clock: Clock, draws: Draws, plans: Sequence[JobPlan], latency: LatencySetup | None
    ) -> None:
        self.plans = tuple(plans)
        self.preset = latency.preset if latency is not None else None
        self.since_us = clock.now_us()
        self._draws = draws
        self._scale = latency.scale if latency is not None else 1.0
        self._by_rule = {f"plan-{n}": plan for n, plan in enumerate(self.plans, 1)}
        self._book = RuleBook(clock, draws)
        self._book.add(
            Rule(id_, JobState("progress", progression=plan.progression), plan.match, source=PLAN)
            for id_, plan in self._by_rule.items()
        )
        self._rules = self._book.rules
        self._latencies = RuleBook(clock, draws, group=lambda effect: getattr(effect, "phase", None))
        if latency is not None:
            self._latencies.add(_latency_rules(latency))

    def __bool__(self) -> bool:
        return bool(self._rules) or len(self._latencies) > 0

    def has(self, rule: Rule) -> bool:
        """Whether ``rule`` stands for a plan that is among these, too."""
        if rule.source != PLAN:
            return False
        return any(rule.effect == own.effect and rule.match == own.match for own in self._rules)

    def begin(self, life: Life, facts: Facts, hits: Iterable[Hit]) -> None:
        """Decide how the job of ``facts``, which is PENDING, goes on."""
        for hit in self._book.match(facts):
            life.plan = self._by_rule[hit.rule.id]
            life.deferments = life.plan.deferments
            self.give(life, hit)
            life.decisions.append(decision(hit))
        for hit in hits:
            self.give(life, hit)

    def give(self, life: Life, hit: Hit) -> None:
        """Let the job go on as the rule says, when it says so."""
        effect = hit.effect
        if isinstance(effect, JobState) and effect.outcome == "progress":
            life.progress = Progress(
                effect.progression or Immediate(), hit.rule, hit.fingerprint, hit.occurrence
            )

    def usual(self, life: Life, facts: Facts, state: str) -> Iterator[Wait]:
        """What the job waits for before ``state`` by its progression, else by the latencies of all jobs."""
        progress = life.progress
        if progress is None:
            yield from self._latency(facts)
            return
        how = f"{progress.rule.id}: {progress.progression.kind}"
        made = Decision(progress.rule.id, progress.progression.kind, progress.rule.source)
        latency = latency_in(progress.progression, state)
        uniforms = self._draws.keyed(f"{progress.rule.id}/{state}", progress.fingerprint, progress.occurrence)
        if latency is not None:
            yield Wait(
                how,
                made,
                progress.rule,
                model=model_of(latency),
                uniforms=uniforms,
                needs_load=needs_load(latency),
            )
        if is_sampled(progress.progression):
            from bqsim.sim.latency.presets import preset

            part = preset(progress.progression.preset).parts[_PHASES[state]]
            model = times(part, progress.progression.scale)
            yield Wait(how, made, progress.rule, model=model, uniforms=uniforms, needs_load=True)
        for step in steps_of(progress.progression, state):
            yield _step_wait(step, how, made, progress.rule)

    def _latency(self, facts: Facts) -> Iterator[Wait]:
        for hit in self._latencies.match(facts):
            effect = hit.effect
            assert isinstance(effect, Delay)
            uniforms = hit.uniforms(self._draws)
            made = decision(hit)
            if not hit.rule.id.startswith(_PRESET):
                yield _delay(hit, effect, self._draws)
                continue
            assert self.preset is not None
            from bqsim.sim.latency.presets import preset

            model = times(preset(self.preset).parts[effect.phase], self._scale)
            why = f"{self.preset}: {effect.phase}"
            yield Wait(why, made, model=model, uniforms=uniforms, needs_load=True)

    def wait(self, hit: Hit, *, lasting: bool) -> Wait | None:
        """What a rule lets the job wait for; ``lasting`` for a rule that cannot be removed."""
        effect = hit.effect
        if isinstance(effect, Delay):
            return _delay(hit, effect, self._draws)
        if not isinstance(effect, JobState) or effect.outcome not in ("hold", "stuck"):
            return None
        rule = None if lasting else hit.rule
        why = f"rule {hit.rule.id}: {effect.outcome}"
        if effect.outcome == "stuck":
            return Wait(why, decision(hit), rule)
        return Wait(why, decision(hit), rule, seconds=effect.for_s, polls=effect.polls)


def _latency_rules(setup: LatencySetup) -> Iterator[Rule]:
    for n, one in enumerate(setup.rules, 1):
        if one.phase in _PHASES.values():
            yield Rule(
                f"latency-{n}",
                Delay(scaled(one.latency, setup.scale), one.phase),
                one.match,
                source="latency",
            )
    if setup.preset is not None:
        for phase in _PHASES.values():
            yield Rule(f"{_PRESET}-{phase}", Delay(_NO_TIME, phase), source="latency")


def _delay(hit: Hit, effect: Delay, draws: Draws) -> Wait:
    model = model_of(effect.latency)
    return Wait(
        f"rule {hit.rule.id}: delay",
        decision(hit),
        model=model,
        uniforms=uniforms_of(hit, model, draws),
        needs_load=needs_load(effect.latency),
    )


def _step_wait(step: Step | None, how: str, made: Decision, rule: Rule) -> Wait:
    if step is None:
        return Wait(how, made, rule)
    return Wait(
        how,
        made,
        rule,
        seconds=step.for_s,
        polls=step.polls,
        deferments=step.deferments,
        done=step.done,
    )


def needs_load(latency: described.Latency) -> bool:
    """Whether a latency depends on the size of the work."""
    return bool(latency.per_mib_s or latency.per_row_s or latency.per_slot_s)


def times(model: Latency, factor: float) -> Latency:
    """``model``, ``factor`` times as long."""
    from bqsim.sim.latency.combine import Times
    from bqsim.sim.latency.distributions import Fixed

    return Times(model, Fixed(factor))


def failure_of(effect: Effect, resource: str) -> BigQueryError | None:
    """What a job fails with by an effect; None when it does not fail."""
    if isinstance(effect, Error):
        message = effect.message or job_text(effect.reason, resource=resource)
        return BigQueryError(effect.reason, message, location=effect.location, http=effect.http)
    if isinstance(effect, JobState) and effect.outcome == "fail":
        reason = effect.reason or "backendError"
        return BigQueryError(reason, effect.message or job_text(reason, resource=resource))
    return None


def alone(rules: Iterable[Rule], facts: Facts) -> list[Hit]:
    """The rules that are for one job alone, as far as they are for this event."""
    return [
        Hit(rule, 1, 1, fingerprint=facts.fingerprint)
        for rule in rules
        if facts.event in events_of(rule) and compile_rule(rule).missed(facts) is None
    ]


def decision(hit: Hit) -> Decision:
    """How the journal tells of a rule that fired."""
    effect: Any = hit.effect
    name = f"{effect.kind} {effect.outcome}" if isinstance(effect, JobState) else effect.kind
    return Decision(hit.rule.id, name, hit.rule.source, hit.draw, why=hit.why)
