"""The simulation: all that may befall calls and jobs, on one clock and one seed.

It is the gate's one hook. What it does follows from its parts: rules, latencies, quotas, a policy, a retry
laboratory; each can be changed while calls go on. Without any of them calls are only written down.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from bqsim.errors import invalid
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.effects.calls import Doing
from bqsim.sim.effects.delays import scaled
from bqsim.sim.effects.failures import failure
from bqsim.sim.gate import Call
from bqsim.sim.journal.book import Journal
from bqsim.sim.journal.events import ControlEvent, Decision
from bqsim.sim.methods import STREAMS
from bqsim.sim.recorder import Quiet, Record, Recorder
from bqsim.sim.rules.book import Hit, RuleBook
from bqsim.sim.rules.classes import events_of
from bqsim.sim.rules.facts import CALL, STREAM, Facts, stream_facts
from bqsim.sim.rules.matchers import any_glob, compile_rule
from bqsim.sim.scenario.model import Delay, Effect, Network, Quota, Rule, Scenario
from bqsim.sim.stale import seen_through, view_of

T = TypeVar("T")

# A rule, in YAML or JSON on one line, for the one call that carries it.
FAULT_HEADER = "x-bqsim-fault"
_SECOND = 1_000_000


class Enforcement(Protocol):
    """Who may do what."""

    def check(self, call: Call) -> None:
        """Raise the denial when the caller may not make the call."""
        ...


class Quotas(Protocol):
    """What may be done how often."""

    def entered(self, call: Call) -> Any:
        """Charge a call, or raise what is exceeded."""
        ...

    def left(self, ticket: Any, call: Call, answer_bytes: int | None) -> None:
        """The call is over."""
        ...

    def exhausted(self, effect: Quota, call: Call) -> Exception:
        """What the call is told when that limit is used up."""
        ...


class Laboratory(Protocol):
    """Ordered instructions for the calls of a client."""

    def concerns(self, call: Call) -> bool: ...

    def take(self, call: Call, facts: Facts) -> Rule | None:
        """The next instruction for this call, which is spent by that."""
        ...


class Jobs(Protocol):
    """What befalls jobs."""

    def about(self, project: str, job_id: str) -> Facts | None:
        """The facts of a job, when something concerns it."""
        ...


class Simulation:
    """The parts that decide about calls, and the decisions.

    ``rules`` are the faults, ``latencies`` the delays that hold for all calls; ``enforcement``, ``quotas``
    and ``laboratory`` are None while they are off. ``listeners`` are told of every change of these.
    ``repeatable``: every call is numbered as it comes in, so that ids and draws do not depend on what other
    threads do; else only calls that something befalls are.
    """

    def __init__(
        self,
        clock: SimulationClock,
        draws: Draws,
        journal: Journal | None = None,
        *,
        repeatable: bool = False,
    ) -> None:
        self.clock = clock
        self.draws = draws
        self.journal = Journal() if journal is None else journal
        self.recorder = Recorder(self.journal, clock, draws)
        self.rules = RuleBook(clock, draws)
        self.latencies = RuleBook(clock, draws, group=_phase)
        self.scenario: Scenario | None = None
        self.enforcement: Enforcement | None = None
        self.quotas: Quotas | None = None
        self.laboratory: Laboratory | None = None
        self.jobs: Jobs | None = None
        self.listeners: list[Callable[[], object]] = []
        self.loaded_us = clock.now_us()
        self.repeatable = repeatable
        self._changes = threading.RLock()
        self._concerned: dict[str, bool] = {}
        self._streamed: dict[str, tuple[Rule, ...]] = {}
        self._idle = True

    # What is in force

    def changed(self) -> None:
        """Find out anew which calls are concerned; called after every change of a part."""
        with self._changes:
            self._concerned, self._streamed = {}, {}
            off = self.enforcement is None and self.quotas is None
            self._idle = off and not len(self.rules) and not len(self.latencies)
        for listener in tuple(self.listeners):
            listener()

    def load(self, scenario: Scenario) -> None:
        """Put the rules and latencies of a scenario in place of all others; windows count from now."""
        if scenario.seed is not None:
            self.draws.reseed(scenario.seed)
            self.repeatable = True
            self.recorder.reset()
        self.scenario = scenario
        self.loaded_us = self.clock.now_us()
        self.rules.replace(scenario.rules, scenario.machines)
        self.latencies.replace(latency_rules(scenario))
        self.control("scenario.load", details={"scenario": scenario.name, "rules": len(scenario.rules)})
        self.changed()

    def clear(self) -> None:
        """Forget the scenario and all rules."""
        self.scenario = None
        self.rules.replace(())
        self.latencies.replace(())
        self.control("scenario.clear")
        self.changed()

    def add(self, rules: Iterable[Rule], *, first: bool = False, anew: bool = False) -> None:
        """Add rules, see :meth:`RuleBook.add`; ``ValueError`` for an id that is in use."""
        added = tuple(rules)
        self.rules.add(added, first=first, anew=anew)
        for rule in added:
            self.control("rules.add", source=rule.source, details={"rule": rule.id}, scope=_scope(rule))
        self.changed()

    def remove(self, ids: Iterable[str]) -> list[Rule]:
        """Remove rules by id; those that there were."""
        gone = self.rules.remove(ids)
        for rule in gone:
            self.control("rules.remove", details={"rule": rule.id}, scope=_scope(rule))
        if gone:
            self.changed()
        return gone

    def control(
        self, action: str, *, source: str = "", scope: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        """Write down that somebody changed the simulation."""
        self.journal.append(ControlEvent(self.clock.now_us(), action, source, scope, details or {}))

    def breaks_connections(self, transport: str, methods: Iterable[str]) -> bool:
        """Whether a rule in force may make connections of a transport suffer, which has these methods."""
        named = tuple(methods)
        return any(
            isinstance(rule.effect, Network)
            and transport in (rule.match.transport or (transport,))
            and any(_matches(rule, method) for method in named)
            for rule in self.rules.rules
        )

    @property
    def since_s(self) -> float:
        """Seconds since the scenario was loaded."""
        return (self.clock.now_us() - self.loaded_us) / _SECOND

    # The gate's questions

    def concerns(self, call: Call) -> bool:
        headers = call.headers
        if FAULT_HEADER in headers or (self.laboratory is not None and self.laboratory.concerns(call)):
            return True
        if self._idle:
            return False
        if self.enforcement is not None or self.quotas is not None:
            return True
        known = self._concerned.get(call.method)
        if known is None:
            known = self._concerned[call.method] = any(
                _listens(rule, call.method) for rule in (*self.rules.rules, *self.latencies.rules)
            )
        return known

    def opened(self, call: Call) -> Quiet | Record:
        return self.recorder.opened(call) if self.repeatable else self.recorder.quiet(call)

    def closed(self, record: Any, error: BaseException | None = None) -> None:
        if type(record) is Quiet:
            self.recorder.end_quiet(record, error)
        else:
            record.applied = error is None
            self.recorder.closed(record, error)

    async def passes(self, call: Call, service: Callable[[], Awaitable[T]]) -> T:
        record = self.recorder.opened(call, self._about(call))
        ticket: Any = None
        quotas = self.quotas
        problem: BaseException | None = None
        try:
            if self.enforcement is not None:
                self.enforcement.check(call)
            if quotas is not None:
                ticket = quotas.entered(call)
            doing = self._doing(call, record)
            if doing.sending is not None:
                # The connection suffers whatever the answer will be.
                call.sending = doing.sending
                record.network = doing.sending.what
            await self._wait(record, doing.before_s())
            if doing.failure is not None and not doing.applied:
                raise doing.failure
            with seen_through(view_of(doing.lags, call.method)):
                answer = await service()
            record.applied = True
            if quotas is not None:
                quotas.left(ticket, call, None)
                ticket = None
            await self._wait(record, doing.after_s())
            if doing.failure is not None:
                raise doing.failure
            return answer
        except BaseException as error:
            problem = error
            raise
        finally:
            if ticket is not None and quotas is not None:
                quotas.left(ticket, call, None)
            exceeded = call.notes.pop("quota", "")
            if exceeded:
                record.decisions.append(Decision(effect=Quota.kind, quota=exceeded))
            self.recorder.closed(record, problem)

    # Decisions

    def _about(self, call: Call) -> Facts | None:
        if self.jobs is None:
            return None
        parts = call.resource.split("/")
        if len(parts) == 4 and parts[2] in ("jobs", "queries"):
            return self.jobs.about(parts[1], parts[3])
        return None

    def _doing(self, call: Call, record: Record) -> Doing:
        """What the rules, the laboratory and the call's own header do to it."""
        facts = record.facts
        doing = Doing(call, facts, self.draws, self._exhausted, self.since_s)
        for hit in self._hits(call, record):
            doing.add(hit)
            rule = hit.rule
            record.decisions.append(
                Decision(rule.id, hit.effect.kind, rule.source, hit.draw, _quota(hit.effect), why=hit.why)
            )
        for hit in self.latencies.match(facts):
            doing.add(hit)
            record.decisions.append(Decision(hit.rule.id, hit.effect.kind, hit.rule.source))
        call.stream = doing.stream(*self._stream_events(record))
        return doing

    def _hits(self, call: Call, record: Record) -> Iterator[Hit]:
        facts = record.facts
        if FAULT_HEADER in call.headers:
            yield from self._one_off(call, record)
        if self.laboratory is not None and self.laboratory.concerns(call):
            rule = self.laboratory.take(call, facts)
            if rule is not None:
                yield from _alone(rule, call, record)
        yield from self.rules.match(facts)

    def _one_off(self, call: Call, record: Record) -> Iterator[Hit]:
        """The rule that the call carries itself; of jobs when they are made."""
        rule = _rule_of_header(call.headers[FAULT_HEADER])
        if CALL not in events_of(rule) or compile_rule(rule).missed(record.facts) is None:
            yield from _alone(rule, call, record)

    def _exhausted(self, effect: Quota, call: Call) -> Exception:
        if self.quotas is not None:
            return self.quotas.exhausted(effect, call)
        return self.spare_quotas().exhausted(effect, call)

    # Makes quotas that only word their refusals, for rules while none are enforced.
    spare_quotas: Callable[[], Quotas]

    def _stream_events(
        self, record: Record
    ) -> tuple[Callable[[int, int, int, int], Exception | None] | None, tuple[int, ...]]:
        """Who is asked about the messages of a stream, and the rows at which one must begin."""
        asked = self._rules_of_stream(record.call.method)
        if not asked:
            return None, ()
        call, facts = record.call, record.facts

        def befalls(offset_rows: int, rows: int, offset_bytes: int, size: int) -> Exception | None:
            seen = stream_facts(
                facts, offset_rows=offset_rows, rows=rows, offset_bytes=offset_bytes, size=size
            )
            for hit in self.rules.match(seen):
                record.decisions.append(Decision(hit.rule.id, hit.effect.kind, hit.rule.source, hit.draw))
                if not isinstance(hit.effect, Delay):
                    return failure(hit.effect, call)
            return None

        return befalls, tuple(r.match.offset_rows for r in asked if r.match.offset_rows)

    def _rules_of_stream(self, method: str) -> tuple[Rule, ...]:
        """The rules that are about messages of a stream of that method, found once after each change."""
        if method not in STREAMS:
            return ()
        found = self._streamed.get(method)
        if found is None:
            rules = self.rules.rules
            found = tuple(r for r in rules if STREAM in events_of(r) and _matches(r, method))
            self._streamed[method] = found
        return found

    async def _wait(self, record: Record, seconds: float) -> None:
        if seconds > 0:
            record.decisions.append(Decision(effect="delay", latency_s=round(seconds, 6)))
            await self.clock.sleep(seconds)


def latency_rules(scenario: Scenario) -> list[Rule]:
    """The latencies of a scenario as rules, of which the first that matches counts in each phase."""
    setup = scenario.latency
    if setup is None:
        return []
    return [
        Rule(f"latency-{n}", Delay(scaled(one.latency, setup.scale), one.phase), one.match, source="latency")
        for n, one in enumerate(setup.rules, 1)
    ]


@lru_cache(maxsize=1024)
def _rule_of_header(text: str) -> Rule:
    # What reads rules is imported with the first.
    from bqsim.sim.control.given import rule_of
    from bqsim.sim.scenario.tree import ScenarioError

    try:
        return rule_of(text, source="header", called="header").rule
    except ScenarioError as error:
        raise invalid(f"The header {FAULT_HEADER} is no rule: {error}", FAULT_HEADER) from None


def _alone(rule: Rule, call: Call, record: Record) -> Iterator[Hit]:
    """A rule for this one call; an effect on a job waits in the notes until the call makes one."""
    if CALL in events_of(rule):
        yield Hit(rule, 1, 1, fingerprint=record.fingerprint, occurrence=record.occurrence)
    else:
        call.notes["one_off"] = (*call.notes.get("one_off", ()), rule)


def _scope(rule: Rule) -> str:
    """The scope that a rule is for; '' when it is for several or all."""
    return rule.match.scope[0] if len(rule.match.scope) == 1 else ""


def _phase(effect: Effect) -> str | None:
    return effect.phase if isinstance(effect, Delay) else None


def _quota(effect: Effect) -> str:
    return effect.limit if isinstance(effect, Quota) else ""


def _matches(rule: Rule, method: str) -> bool:
    return not rule.match.method or any_glob(rule.match.method)(method)


def _listens(rule: Rule, method: str) -> bool:
    return bool({CALL, STREAM} & set(events_of(rule))) and _matches(rule, method)
