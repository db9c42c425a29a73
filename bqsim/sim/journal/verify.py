"""Verification: which calls were made, how often and in which order, with an explanation when not so."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .book import Journal
from .conditions import Condition, Where, conditions, shown
from .events import CallEvent
from .explain import describe

Times = int | tuple[int, int | None]
AT_LEAST_ONCE: Times = (1, None)

# How many calls a near-miss explanation looks at, and how many it shows.
EXAMINED = 5_000
SHOWN = 3


class VerificationError(AssertionError):
    """Calls were not as expected; its text explains how the closest calls differ."""


class UnexpectedCalls(VerificationError):
    """Calls were made that no expectation covered."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call in an order: a method (a glob over API method ids) and conditions on it."""

    method: str
    where: Where = None


class Verification:
    """Checks a journal and remembers what was expected, for :meth:`unexpected`.

    ``scope`` and ``since`` (a position of the journal) leave the calls of other tests out.
    """

    def __init__(self, journal: Journal, *, scope: str | None = None, since: int = 0) -> None:
        self.journal = journal
        self.scope = scope
        self.since = since
        # The events themselves, too: an id is another's once its event is gone.
        self._covered: dict[int, CallEvent] = {}

    def calls(self, method: str = "*") -> list[CallEvent]:
        return self.journal.calls(method, since=self.since, scope=self.scope)

    def verify(
        self,
        method: str,
        where: Where = None,
        times: Times = AT_LEAST_ONCE,
        order: Sequence[str | Step] = (),
    ) -> list[CallEvent]:
        """Check that calls of ``method`` for which ``where`` holds were made ``times`` times.

        ``times`` is a number, or the least and the most (None for no upper bound). ``order`` are methods
        or steps that must have been made one after another; other calls may lie between. Returns
        the calls found. Raises :class:`VerificationError`; ``ValueError`` for a wrong expectation.
        """
        least, most = _bounds(times)
        asked = conditions(method, where)
        found = [e for e in self.calls(method) if all(c.holds(e) for c in asked)]
        if not (least <= len(found) and (most is None or len(found) <= most)):
            raise VerificationError(self._miscounted(method, asked, least, most, found))
        self._complete(method, len(found), least, most)
        ordered = self._in_order(order) if order else []
        self._covered.update((id(e), e) for e in (*found, *ordered))
        return found

    def never(self, method: str, where: Where = None) -> None:
        """Check that no such call was made."""
        self.verify(method, where, 0)

    def expect(self, *methods: str) -> None:
        """Calls of these methods (globs) are no surprise, however many there are."""
        for method in methods:
            self._covered.update((id(e), e) for e in self.calls(method))

    def unexpected(self, ignore: Iterable[str] = ()) -> list[CallEvent]:
        """The calls that no expectation covered so far; methods in ``ignore`` (globs) are left out."""
        left_out = tuple(ignore)
        return [
            e
            for e in self.calls()
            if id(e) not in self._covered and not any(fnmatch.fnmatchcase(e.method, g) for g in left_out)
        ]

    def strict(self, ignore: Iterable[str] = ()) -> None:
        """Raise :class:`UnexpectedCalls` when there are calls that nothing expected."""
        left = self.unexpected(ignore)
        if not left:
            return
        lines = [f"{_calls(len(left))} made that nothing expected:"]
        lines += _listed(left, 20)
        raise UnexpectedCalls("\n".join(lines))

    def _complete(self, method: str, found: int, least: int, most: int | None) -> None:
        """An upper bound cannot be checked when calls of the method are not known any more."""
        lost = self.journal.dropped_calls(method, scope=self.scope) if self.since < self.journal.first else 0
        if lost and most is not None:
            raise VerificationError(
                f"Expected {_wanted(least, most)} of {method}, and {found} found, but the journal has "
                f"dropped {_calls(lost)} of it: it keeps {self.journal.capacity} events. "
                "Give it more room, or clear it before the test."
            )

    def _miscounted(
        self, method: str, asked: Sequence[Condition], least: int, most: int | None, found: list[CallEvent]
    ) -> str:
        lines = [f"Expected {_wanted(least, most)} of {method}{_asked(asked)}, but {_made(len(found))}."]
        if found:
            lines += ["These matched:", *_listed(found, 10)]
        if len(found) < least:
            matched = set(map(id, found))
            lines += _near_misses(asked, [e for e in self.calls() if id(e) not in matched])
        if self.journal.dropped:
            lines.append(f"The journal has dropped its {self.journal.dropped} oldest events.")
        return "\n".join(lines)

    def _in_order(self, order: Sequence[str | Step]) -> list[CallEvent]:
        """The first calls that took the steps, one after another."""
        steps = [Step(step) if isinstance(step, str) else step for step in order]
        asked = [conditions(step.method, step.where) for step in steps]
        calls = sorted(self.calls(), key=lambda e: e.time_us)
        taken: list[CallEvent] = []
        place = -1
        for at, wanted in enumerate(asked):
            after = next((i for i in range(place + 1, len(calls)) if _all(wanted, calls[i])), None)
            if after is None:
                before, later = calls[: place + 1], calls[place + 1 :]
                raise VerificationError(_out_of_order(steps, asked, at, taken, before, later))
            place = after
            taken.append(calls[place])
        return taken


def verify(
    journal: Journal,
    method: str,
    where: Where = None,
    times: Times = AT_LEAST_ONCE,
    order: Sequence[str | Step] = (),
    *,
    scope: str | None = None,
) -> list[CallEvent]:
    """:meth:`Verification.verify` of all that a journal holds."""
    return Verification(journal, scope=scope).verify(method, where, times, order)


def closest(asked: Sequence[Condition], events: Sequence[CallEvent]) -> list[CallEvent]:
    """``events`` by how little keeps them from what was asked; of equals the latest first.

    Of very many only the latest are looked at.
    """
    looked_at = list(reversed(events[-EXAMINED:]))
    # Few conditions that fail come before values that are nearly right; likeness is dear, so it only
    # decides among the best of the first pass.
    looked_at.sort(key=lambda e: sum(1 for c in asked if not c.near(e)))
    best = looked_at[: 20 * SHOWN]
    best.sort(key=lambda e: (sum(1 for c in asked if not c.near(e)), sum(c.distance(e) for c in asked)))
    return best


def _near_misses(asked: Sequence[Condition], others: Sequence[CallEvent]) -> list[str]:
    if not others:
        return ["No other calls were made."]
    lines = ["Closest calls that did not match:"]
    for event in closest(asked, others)[:SHOWN]:
        right = sum(1 for c in asked if c.near(event))
        lines.append(f"  {describe(event)}")
        lines.append(f"    {right} of {len(asked)} conditions hold")
        lines += [f"    {line}" for c in asked for line in c.failure(event)]
    return lines


def _out_of_order(
    steps: Sequence[Step],
    asked: Sequence[Sequence[Condition]],
    at: int,
    taken: Sequence[CallEvent],
    before: Sequence[CallEvent],
    later: Sequence[CallEvent],
) -> str:
    step = steps[at]
    follows = f" after {describe(taken[-1])}" if taken else ""
    lines = [
        f"Expected the order {' → '.join(s.method for s in steps)}, but step {at + 1}, "
        f"{step.method}{_asked(asked[at])}, was not made{follows}."
    ]
    lines += [f"  step {n}: {describe(event)}" for n, event in enumerate(taken, 1)]
    used = set(map(id, taken))
    early = [e for e in before if _all(asked[at], e) and id(e) not in used]
    if early:
        lines += [f"It was made before step {at}:", *_listed(early, SHOWN)]
    elif later:
        lines += _near_misses(asked[at], later)
    else:
        lines.append("No calls were made after that.")
    return "\n".join(lines)


def _all(asked: Sequence[Condition], event: CallEvent) -> bool:
    return all(c.holds(event) for c in asked)


def _bounds(times: Times) -> tuple[int, int | None]:
    least, most = (times, times) if isinstance(times, int) else times
    if least < 0 or (most is not None and most < least):
        raise ValueError(f"times is a number, or the least and the most, not {times}")
    return least, most


def _wanted(least: int, most: int | None) -> str:
    if most == least:
        return "no calls" if least == 0 else f"exactly {_calls(least)}"
    if most is None:
        return f"at least {_calls(least)}"
    return f"at most {_calls(most)}" if least == 0 else f"from {least} to {_calls(most)}"


def _made(count: int) -> str:
    return "none was made" if count == 0 else "1 was made" if count == 1 else f"{count} were made"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _asked(asked: Sequence[Condition]) -> str:
    said = [f"{c.name} is {shown(c.expected, 80)}" for c in asked if c.name != "method"]
    return f" where {' and '.join(said)}" if said else ""


def _listed(events: Sequence[CallEvent], most: int) -> list[str]:
    lines = [f"  {describe(e)}" for e in events[:most]]
    return [*lines, f"  … and {len(events) - most} more"] if len(events) > most else lines


__all__ = ["Step", "UnexpectedCalls", "Verification", "VerificationError", "closest", "verify"]
