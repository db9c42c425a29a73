"""What a rule has counted, and what it decides by it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from bqsim.sim.draws import Draws
from bqsim.sim.scenario.model import Match, Rule

from .classes import draws_more
from .facts import Facts

# Requests that a rule tells apart at once; the one not seen for longest is forgotten first.
MAX_REQUESTS = 16_384


@dataclass(slots=True)
class Weighed:
    """What counting one event gave: ``missed`` names the condition that failed, '' if none did.

    ``occurrence`` counts from 0 the draws of the rule for the same request.
    """

    missed: str = ""
    attempt: int | None = None
    call: int = 0
    draw: float | None = None
    occurrence: int = 0

    def why(self, match: Match) -> str:
        """In words, with the values that were compared."""
        if self.missed:
            return _WHY[self.missed](self, match)
        said = [f"call {self.call}"]
        if self.attempt is not None:
            said.append(f"try {self.attempt}")
        if self.draw is not None:
            said.append(f"the draw {self.draw:.6f} is below {match.probability:g}")
        return ", ".join(said)


_WHY: dict[str, Callable[[Weighed, Match], str]] = {
    "times": lambda w, m: "it has fired as often as it may",
    "attempt": lambda w, m: f"this is try {w.attempt}, not {_or(m.attempt)}",
    "nth": lambda w, m: f"this is call {w.call}, not {_or(m.nth)}",
    "every": lambda w, m: f"this is call {w.call}, not a multiple of {m.every}",
    "max_calls": lambda w, m: f"this is call {w.call}, and {m.max_calls} is the last",
    "probability": lambda w, m: f"the draw {w.draw:.6f} is not below {m.probability:g}",
}


@dataclass(slots=True)
class Counter:
    """The counters of one rule: ``seen`` events held all but the draw, ``fired`` had the effect."""

    seen: int = 0
    fired: int = 0
    tries: OrderedDict[str, int] = field(default_factory=OrderedDict)
    drawn: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def weigh(self, rule: Rule, facts: Facts, draws: Draws, *, keep: bool) -> Weighed:
        """Decide for an event that holds all conditions which count nothing; ``keep`` counts it."""
        match = rule.match
        if rule.times is not None and self.fired >= rule.times:
            return Weighed("times")
        attempt: int | None = None
        if match.attempt:
            attempt = facts.attempt
            if attempt is None:
                attempt = _count(self.tries, facts.try_key, keep) + 1
            if attempt not in match.attempt:
                return Weighed("attempt", attempt)
        call = self.seen + 1
        if keep:
            self.seen = call
        if match.nth and call not in match.nth:
            return Weighed("nth", attempt, call)
        if match.every is not None and call % match.every:
            return Weighed("every", attempt, call)
        if match.max_calls is not None and call > match.max_calls:
            return Weighed("max_calls", attempt, call)
        if match.probability is None and not draws_more(rule.effect):
            return Weighed("", attempt, call)
        occurrence = _count(self.drawn, facts.fingerprint, keep)
        if match.probability is None:
            return Weighed("", attempt, call, None, occurrence)
        draw = draws.keyed(rule.id, facts.fingerprint, occurrence).take()
        missed = "" if draw < match.probability else "probability"
        return Weighed(missed, attempt, call, draw, occurrence)

    def copy(self) -> Counter:
        return Counter(self.seen, self.fired, self.tries.copy(), self.drawn.copy())


def _count(counts: OrderedDict[str, int], key: str, keep: bool) -> int:
    """How often ``key`` was counted before."""
    before = counts.get(key, 0)
    if keep:
        counts[key] = before + 1
        counts.move_to_end(key)
        if len(counts) > MAX_REQUESTS:
            counts.popitem(last=False)
    return before


def _or(numbers: tuple[int, ...]) -> str:
    return " or ".join(map(str, numbers))
