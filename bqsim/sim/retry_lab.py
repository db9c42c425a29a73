"""The retry laboratory: ordered instructions for the calls of one client, all of which must be used up.

A test is carried by an id in a header (``x-retry-test-id``) or, for clients that cannot send one, bound to
what their calls have in common: a label, a client, a caller, a scope.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bqsim.errors import REASONS, not_found
from bqsim.sim.draws import Draws
from bqsim.sim.gate import Call
from bqsim.sim.methods import STORAGE
from bqsim.sim.rules.facts import Facts
from bqsim.sim.rules.matchers import Compiled, any_glob, compile_rule
from bqsim.sim.scenario.load import Known, rule_from_dict
from bqsim.sim.scenario.model import Effect, ExpireToken, Match, Rule
from bqsim.sim.scenario.spelling import nearest
from bqsim.sim.scenario.words import GRPC_STATUSES, NETWORK_FAULTS

# By this header a client names its test.
HEADER = "x-retry-test-id"
# An instruction that lets one call pass.
PASS = "ok"
REST_PREFIX = "bigquery."

# An effect, a scenario's spelling of one, a reason, a gRPC status, a network fault, or ``ok``.
Instruction = Effect | Mapping[str, Any] | str


class RetryTestError(AssertionError):
    """Instructions of a retry test were not used up."""


@dataclass(slots=True)
class RetryTest:
    """One test: what is left of its instructions by method (globs over API method ids), in their order.

    ``match`` None is for tests that only the header names. ``taken`` lists what was done, in order.
    """

    id: str
    match: Match | None
    left: dict[str, deque[Rule | None]]
    taken: list[tuple[str, str]] = field(default_factory=list)
    bound: Compiled | None = None

    @property
    def completed(self) -> bool:
        """Whether every instruction was used."""
        return not any(self.left.values())

    @property
    def scope(self) -> str:
        """The scope whose calls it is about; '' when that is none or several."""
        return self.match.scope[0] if self.match is not None and len(self.match.scope) == 1 else ""

    def unspent(self) -> dict[str, list[str]]:
        """The instructions that are left, by method."""
        return {method: [_said(rule) for rule in rules] for method, rules in self.left.items() if rules}

    def complaint(self) -> str:
        """What is left, and what calls took, in words."""
        return complaint(self.id, self.unspent(), self.taken)

    def check(self) -> None:
        """Raise :class:`RetryTestError` when instructions are left."""
        if not self.completed:
            raise RetryTestError(self.complaint())

    def to_json(self) -> dict[str, Any]:
        """What a client of the control interface sees."""
        return {
            "id": self.id,
            "completed": self.completed,
            "instructions": self.unspent(),
            "taken": [{"method": method, "instruction": said} for method, said in self.taken],
        }


def complaint(id: str, unspent: Mapping[str, Sequence[str]], taken: Iterable[tuple[str, str]]) -> str:
    """What is left of a test's instructions, and what calls took, in words."""
    lines = [f"The retry test '{id}' has instructions that no call used up:"]
    lines += [f"  {method}: {', '.join(said)}" for method, said in unspent.items()]
    took = [f"  {method}: {said}" for method, said in taken]
    return "\n".join([*lines, "Calls took:", *took] if took else [*lines, "No call took one."])


class RetryLab:
    """All retry tests of a server. Safe for threads."""

    def __init__(self, draws: Draws, methods: Collection[str] = ()) -> None:
        """``methods`` are the ids of all API methods; without them names are not checked."""
        self._draws = draws
        self._known = Known(methods)
        self._lock = threading.RLock()
        self._tests: dict[str, RetryTest] = {}
        self._bound: tuple[RetryTest, ...] = ()

    def create(
        self,
        instructions: Mapping[str, Iterable[Instruction]],
        *,
        id: str | None = None,
        match: Match | None = None,
    ) -> RetryTest:
        """Begin a test. Methods may be short (``jobs.insert``, ``BigQueryRead.ReadRows``) and have globs.

        Raises ``ScenarioError`` for an instruction or a method that is none, ``ValueError`` for an id in use.
        """
        made = id or self._draws.hex_id("retry-test", 16)
        left: dict[str, deque[Rule | None]] = {}
        for method, listed in instructions.items():
            name = self._method(method)
            rules = [self._instruction(made, one) for one in listed]
            left.setdefault(name, deque()).extend(rules)
        test = RetryTest(made, match, left)
        if match is not None:
            test.bound = compile_rule(Rule(made, _NOTHING, match))
        with self._lock:
            if made in self._tests:
                raise ValueError(f"there is already a retry test '{made}'")
            self._tests[made] = test
            self._rebind()
        return test

    def _method(self, method: str) -> str:
        for name in (method, REST_PREFIX + method, STORAGE + method):
            matches = any_glob((name,))
            if any(matches(known) for known in self._known.methods):
                return name
        if not self._known.methods:
            return method
        near = nearest(method, self._known.methods)
        hint = f"; did you mean '{near}'?" if near else ""
        raise ValueError(f"no API method matches '{method}'{hint}")

    def _instruction(self, test: str, given: Instruction) -> Rule | None:
        if given == PASS:
            return None
        if isinstance(given, str):
            spelled: Any = next((k for k, words in _WORDS.items() if given in words), None)
            rule = rule_from_dict({"effect": {spelled or "error": given}}, "retry test")
        elif isinstance(given, Mapping):
            rule = rule_from_dict({"effect": dict(given)}, "retry test")
        else:
            rule = Rule("", given)
        return replace(rule, id=f"retry-{test}", source="retry test")

    def get(self, id: str) -> RetryTest:
        """The test; 404 ``notFound`` when there is none."""
        test = self._tests.get(id)
        if test is None:
            raise not_found("Retry test", id)
        return test

    def list(self) -> Sequence[RetryTest]:
        """All tests, the oldest first."""
        with self._lock:
            return tuple(self._tests.values())

    def delete(self, id: str) -> RetryTest:
        """End a test, used up or not; 404 ``notFound`` when there is none."""
        test = self.get(id)
        self.discard(id)
        return test

    def discard(self, id: str) -> None:
        """End a test, if there is one."""
        with self._lock:
            self._tests.pop(id, None)
            self._rebind()

    def check(self, id: str) -> None:
        """Raise :class:`RetryTestError` when instructions are left."""
        self.get(id).check()

    def _rebind(self) -> None:
        self._bound = tuple(test for test in self._tests.values() if test.bound is not None)

    # The gate's questions

    def concerns(self, call: Call) -> bool:
        """Whether the call names a test, or one may be bound to it."""
        if HEADER in call.headers:
            return True
        return any(matches(call.method) for test in self._bound for matches in map(_glob, test.left))

    def take(self, call: Call, facts: Facts) -> Rule | None:
        """The instruction for this call, which is spent by that; None lets it pass.

        Raises 404 ``notFound`` for an id that is no test's.
        """
        named = call.headers.get(HEADER)
        tests = [self.get(named)] if named is not None else [t for t in self._bound if _holds(t, facts)]
        with self._lock:
            for test in tests:
                for method, rules in test.left.items():
                    if rules and _glob(method)(call.method):
                        rule = rules.popleft()
                        test.taken.append((call.method, _said(rule)))
                        return rule
        return None


# Binding asks only about the match.
_NOTHING = ExpireToken()
_WORDS: Mapping[str, Collection[str]] = {
    "error": REASONS,
    "grpc": frozenset(GRPC_STATUSES),
    "network": frozenset(NETWORK_FAULTS),
}


def _glob(method: str) -> Any:
    return any_glob((method,))


def _holds(test: RetryTest, facts: Facts) -> bool:
    return test.bound is not None and all(c.test(facts) for c in test.bound.conditions)


def _said(rule: Rule | None) -> str:
    """An instruction in a few words."""
    if rule is None:
        return PASS
    effect = rule.effect
    main = getattr(effect, getattr(type(effect), "principal", ""), "")
    return f"{effect.kind} {main}" if isinstance(main, str) else effect.kind
