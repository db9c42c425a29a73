"""What a job waits for on its way to the next state: times, reads, and words from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.sim.clock import Clock
from bqsim.sim.draws import Uniforms
from bqsim.sim.journal.events import Decision
from bqsim.sim.latency import Latency
from bqsim.sim.scenario.model import Rule
from bqsim.sim.scenario.progression import Manual, Polled, Sampled, Scripted, Step, Timed
from bqsim.sim.timers import Timer

_STATE_BEFORE = {"RUNNING": "PENDING", "DONE": "RUNNING"}


@dataclass(slots=True, eq=False)
class Wait:
    """One wait. It ends after ``seconds``, or the draw of ``model`` with ``uniforms``, or after ``polls``
    reads, whichever comes first; without any of them when it is told to.

    ``why`` is for people, ``made`` for the journal. ``rule`` is what keeps the job: the wait ends when that
    is no longer in force; None for what lasts all the same. ``needs_load``: the model depends on the size of
    the work. ``done`` is the share of the job's work that is done at its end, if scripted. ``off``:
    it has ended, maybe before it began. ``first`` is awaited before it begins; ``ended`` is called when it
    has.
    """

    why: str
    made: Decision | None = None
    rule: Rule | None = None
    seconds: float | None = None
    polls: int | None = None
    model: Latency | None = None
    uniforms: Uniforms | None = None
    needs_load: bool = False
    deferments: tuple[str, ...] = ()
    done: float | None = None
    seen: int = 0
    since_us: int = 0
    off: bool = False
    over: asyncio.Future[None] | None = None
    timer: Timer | None = None
    first: Callable[[], Awaitable[object]] | None = None
    ended: Callable[[], object] | None = None

    def begin(self, clock: Clock) -> asyncio.Future[None]:
        """Start the wait; the future is done when it is over."""
        loop = asyncio.get_running_loop()
        self.over = loop.create_future()
        self.since_us = clock.now_us()
        if self.polls == 0 or self.off:
            self.end()
        elif self.seconds is not None:
            self.timer = clock.call_later(self.seconds, self.end, loop)
        return self.over

    def end(self) -> None:
        """Let the job go on."""
        self.off = True
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.over is not None and not self.over.done():
            self.over.set_result(None)
        ended, self.ended = self.ended, None
        if ended is not None:
            ended()

    def read(self) -> bool:
        """Count a read; whether it was the last that the wait is for."""
        self.seen += 1
        return self.polls is not None and self.seen >= self.polls

    def passed(self, now_us: int) -> float:
        """The share of the wait that is over."""
        if self.since_us == 0:
            return 0.0
        if self.polls is not None:
            return min(self.seen / self.polls, 1.0) if self.polls else 1.0
        if self.seconds is None:
            return 0.0
        return min((now_us - self.since_us) / 1e6 / self.seconds, 1.0) if self.seconds else 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """The progression of one job, and the rule that gave it; what it draws is keyed by the latter two."""

    progression: Any
    rule: Rule
    fingerprint: str
    occurrence: int


def steps_of(progression: Any, state: str) -> Sequence[Step | None]:
    """The steps by which a job comes to ``state``; None is one that waits to be told.

    ``timed`` and ``sampled`` progressions have none: they draw their times.
    """
    before = _STATE_BEFORE[state]
    if isinstance(progression, Manual):
        return (None,)
    if isinstance(progression, Polled):
        polls = progression.pending if state == "RUNNING" else progression.running
        return (Step(before, polls=polls),) if polls else ()
    if isinstance(progression, Scripted):
        return tuple(step for step in progression.steps if step.state == before)
    return ()


def latency_in(progression: Any, state: str) -> Any:
    """The latency that a ``timed`` progression has before ``state``; None for others."""
    if not isinstance(progression, Timed):
        return None
    return progression.pending if state == "RUNNING" else progression.running


def is_sampled(progression: Any) -> bool:
    return isinstance(progression, Sampled)
