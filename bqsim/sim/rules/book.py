"""The rules that are in force: what they decide for each event, and why."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws, Uniforms
from bqsim.sim.scenario.model import Effect, Rule

from .classes import Group, draws_more, group_of
from .counters import Counter, Weighed
from .facts import Facts
from .index import Index
from .matchers import Compiled, compile_rule

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that fires for an event: its ``number``-th firing, at the ``call``-th event that it is about.

    ``fingerprint`` and ``occurrence`` key what the effect draws; without draws they are '' and 0.
    """

    rule: Rule
    number: int
    call: int
    attempt: int | None = None
    draw: float | None = None
    fingerprint: str = ""
    occurrence: int = 0

    @property
    def effect(self) -> Effect:
        return self.rule.effect

    def uniforms(self, draws: Draws) -> Uniforms:
        """What the effect draws, independent of whether the rule fired."""
        return draws.keyed(f"{self.rule.id}/effect", self.fingerprint, self.occurrence)

    @property
    def why(self) -> str:
        """What the counters said: ``call 3, try 2, the draw 0.031250 is below 0.05``."""
        return Weighed("", self.attempt, self.call, self.draw).why(self.rule.match)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says to an event; ``condition`` names the first that fails, '' when the rule matches."""

    rule: Rule
    matches: bool
    condition: str
    why: str


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """How far a rule is; ``left`` None is without end, ``expired`` says that its time is over."""

    rule: Rule
    seen: int
    fired: int
    left: int | None
    expired: bool


@dataclass(slots=True)
class _Entry:
    compiled: Compiled
    order: int
    added_us: int
    group: str | None
    counts_tries: bool
    numbers_draws: bool
    gated: bool
    # When its windows began; None is when the scenario was loaded.
    began_us: int | None = None
    counter: Counter = field(default_factory=Counter)

    @property
    def rule(self) -> Rule:
        return self.compiled.rule

    def expired(self, now_us: int) -> bool:
        ttl = self.rule.ttl_s
        return ttl is not None and now_us >= self.added_us + round(ttl * _SECOND)


@dataclass(frozen=True, slots=True)
class BookState:
    """Rules, counters and machines at one moment, for :meth:`RuleBook.restore`."""

    entries: tuple[tuple[Rule, int, int | None, Counter], ...]
    machines: Mapping[str, str]
    loaded_us: int


class RuleBook:
    """Rules in order, each with counters and draws of its own, so that no rule shifts another.

    Every rule counts every event that holds its conditions. Of the effects of one group (``group``, see
    :func:`group_of`) only the first in order fires; a rule that is second counts the event, but spends none
    of its ``times``. Machines move after all rules were asked. Safe for threads.
    """

    def __init__(self, clock: Clock, draws: Draws, *, group: Group = group_of) -> None:
        self._clock = clock
        self._draws = draws
        self._group = group
        self._lock = threading.RLock()
        self._entries: list[_Entry] = []
        self._machines: dict[str, str] = {}
        self._loaded_us = clock.now_us()
        self._index: Index[_Entry] = Index(())

    # Rules

    def add(self, rules: Iterable[Rule], *, first: bool = False, anew: bool = False) -> None:
        """Add rules behind the others, or before them.

        Windows of theirs are still those of the scenario, or (``anew``) count from now.
        Raises ``ValueError`` for an id that is in use; ids of expired rules are free.
        """
        with self._lock:
            now = self._clock.now_us()
            kept = [e for e in self._entries if not e.expired(now)]
            added = [self._entry(rule, now) for rule in _distinct(rules, {e.rule.id for e in kept})]
            orders = [e.order for e in kept] or [0]
            start = min(orders) - len(added) if first else max(orders) + 1
            for order, entry in enumerate(added, start):
                entry.order = order
                entry.began_us = now if anew else None
            self._install([*added, *kept] if first else [*kept, *added])

    def remove(self, ids: Iterable[str]) -> list[Rule]:
        """Remove rules by id and return those that there were."""
        with self._lock:
            wanted = set(ids)
            gone = [e.rule for e in self._entries if e.rule.id in wanted]
            self._install([e for e in self._entries if e.rule.id not in wanted])
            return gone

    def replace(self, rules: Iterable[Rule], machines: Mapping[str, str] | None = None) -> None:
        """Load a scenario: its rules and machines in place of all others; windows count from now."""
        with self._lock:
            now = self._clock.now_us()
            added = [self._entry(rule, now, order) for order, rule in enumerate(_distinct(rules, set()))]
            self._install(added)
            self._machines = dict(machines or {})
            self._loaded_us = now

    def reset(self) -> None:
        """Let every rule begin anew; machines keep their states."""
        with self._lock:
            for entry in self._entries:
                entry.counter = Counter()

    @property
    def rules(self) -> list[Rule]:
        """All rules in order, expired ones too."""
        with self._lock:
            return [e.rule for e in self._entries]

    def __len__(self) -> int:
        return len(self._entries)

    def status(self) -> list[RuleStatus]:
        """How far each rule is, in order."""
        with self._lock:
            now = self._clock.now_us()
            return [_status(entry, now) for entry in self._entries]

    def ends_us(self, rule_id: str) -> int | None:
        """When the time of a rule is over; None for a rule without end, and for one that is not here."""
        with self._lock:
            for entry in self._entries:
                ttl_s = entry.rule.ttl_s
                if entry.rule.id == rule_id and ttl_s is not None:
                    return entry.added_us + round(ttl_s * _SECOND)
        return None

    def _entry(self, rule: Rule, added_us: int, order: int = 0) -> _Entry:
        draws = rule.match.probability is not None or draws_more(rule.effect)
        gated = bool(rule.ttl_s is not None or rule.match.window or rule.match.machine)
        group = self._group(rule.effect)
        return _Entry(compile_rule(rule), order, added_us, group, bool(rule.match.attempt), draws, gated)

    def _install(self, entries: list[_Entry]) -> None:
        self._entries = entries
        self._index = Index(tuple(entries))

    # Machines

    @property
    def machines(self) -> dict[str, str]:
        """The state that each named machine is in."""
        with self._lock:
            return dict(self._machines)

    def set_machine(self, name: str, state: str) -> None:
        with self._lock:
            self._machines[name] = state

    # Events

    def match(self, facts: Facts) -> list[Hit]:
        """The rules that fire, in order; their counters and machines move on."""
        if not self._entries:
            return []
        found = self._index.find(facts)
        if not found:
            return []
        # Hashing a large body must not keep other calls waiting.
        if any(entry.numbers_draws for entry in found):
            _ = facts.fingerprint
        if any(entry.counts_tries for entry in found):
            _ = facts.try_key
        hits: list[Hit] = []
        taken: set[str] = set()
        moves: list[Mapping[str, str]] = []
        with self._lock:
            now = self._clock.now_us() if any(entry.gated for entry in found) else 0
            for entry in found:
                if entry.gated and self._closed(entry, now) is not None:
                    continue
                weighed = entry.counter.weigh(entry.rule, facts, self._draws, keep=True)
                if weighed.missed or entry.group in taken:
                    continue
                if entry.group is not None:
                    taken.add(entry.group)
                entry.counter.fired += 1
                hits.append(_hit(entry, weighed, facts))
                if entry.rule.set:
                    moves.append(entry.rule.set)
            for move in moves:
                self._machines.update(move)
        return hits

    def explain(self, facts: Facts) -> list[Verdict]:
        """What every rule says to ``facts`` if they came now, in order; nothing is counted."""
        verdicts: list[Verdict] = []
        taken: dict[str, str] = {}
        with self._lock:
            now = self._clock.now_us()
            for entry in self._entries:
                verdict = self._verdict(entry, facts, now)
                if verdict.matches and entry.group is not None:
                    before = taken.setdefault(entry.group, entry.rule.id)
                    if before != entry.rule.id:
                        why = f"rule '{before}' comes first, and only one such effect is done"
                        verdict = Verdict(entry.rule, False, "order", why)
                verdicts.append(verdict)
        return verdicts

    def _verdict(self, entry: _Entry, facts: Facts, now_us: int) -> Verdict:
        rule = entry.rule
        if facts.event not in entry.compiled.events:
            events = " or ".join(entry.compiled.events)
            return Verdict(rule, False, "event", f"its effect is for a {events}, not for a {facts.event}")
        if missed := entry.compiled.missed(facts):
            why = f"wants {missed.wanted}, got {_quoted(missed.given(facts))}"
            return Verdict(rule, False, missed.name, why)
        if closed := self._closed(entry, now_us):
            return Verdict(rule, False, *closed)
        weighed = entry.counter.weigh(rule, facts, self._draws, keep=False)
        return Verdict(rule, not weighed.missed, weighed.missed, weighed.why(rule.match))

    def _closed(self, entry: _Entry, now_us: int) -> tuple[str, str] | None:
        """The condition, and why, by which an entry counts nothing at all now."""
        rule = entry.rule
        if entry.expired(now_us):
            return "ttl", f"its {rule.ttl_s:g} s are over"
        window = rule.match.window
        if window is not None:
            began_us = self._loaded_us if entry.began_us is None else entry.began_us
            since = (now_us - began_us) / _SECOND
            if since < window.from_s:
                return "window", f"{round(since, 3):g} s after the start; it opens at {window.from_s:g} s"
            if window.until_s is not None and since >= window.until_s:
                return "window", f"{round(since, 3):g} s after the start; it closed at {window.until_s:g} s"
        for name, wanted in rule.match.machine.items():
            state = self._machines.get(name)
            if state != wanted:
                return "machine", f"wants {name} in '{wanted}', it is in {_quoted(state)}"
        return None

    # Worlds

    def snapshot(self) -> BookState:
        """A copy of rules, counters and machines."""
        with self._lock:
            entries = tuple((e.rule, e.added_us, e.began_us, e.counter.copy()) for e in self._entries)
            return BookState(entries, dict(self._machines), self._loaded_us)

    def restore(self, state: BookState) -> None:
        """Go back to a snapshot, of this book or of another one with the same seed."""
        entries = []
        for order, (rule, added_us, began_us, counter) in enumerate(state.entries):
            entry = self._entry(rule, added_us, order)
            entry.began_us = began_us
            entry.counter = counter.copy()
            entries.append(entry)
        with self._lock:
            self._install(entries)
            self._machines = dict(state.machines)
            self._loaded_us = state.loaded_us


def _distinct(rules: Iterable[Rule], used: set[str]) -> Iterator[Rule]:
    for rule in rules:
        if rule.id in used:
            raise ValueError(f"there is already a rule '{rule.id}'")
        used.add(rule.id)
        yield rule


def _hit(entry: _Entry, weighed: Weighed, facts: Facts) -> Hit:
    return Hit(
        entry.rule,
        entry.counter.fired,
        weighed.call,
        weighed.attempt,
        weighed.draw,
        facts.fingerprint if entry.numbers_draws else "",
        weighed.occurrence,
    )


def _status(entry: _Entry, now_us: int) -> RuleStatus:
    rule, counter = entry.rule, entry.counter
    left = None if rule.times is None else max(rule.times - counter.fired, 0)
    return RuleStatus(rule, counter.seen, counter.fired, left, entry.expired(now_us))


def _quoted(value: object) -> str:
    return "nothing" if value in (None, "", ()) else f"'{value}'"
