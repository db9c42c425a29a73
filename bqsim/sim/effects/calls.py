"""What the rules that fired for a call do to it: one function for each kind of effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bqsim.sim.draws import Draws, Uniforms
from bqsim.sim.gate import Call
from bqsim.sim.latency.base import Latency, Load
from bqsim.sim.methods import READ_ROWS, STREAMS
from bqsim.sim.rules.book import Hit
from bqsim.sim.rules.classes import group_of
from bqsim.sim.rules.facts import Facts
from bqsim.sim.scenario.model import (
    BreakStream,
    Delay,
    Effect,
    Error,
    GrpcStatus,
    InsertErrors,
    Network,
    Quota,
    Stale,
    Throttle,
)

from .delays import model_of, uniforms_of
from .failures import NetworkFault, failure
from .inserts import RowErrors
from .streams import StreamPlan

# Calls whose answer is a page of rows or of resources.
PAGED = frozenset(
    {
        "bigquery.jobs.query",
        "bigquery.jobs.getQueryResults",
        "bigquery.jobs.list",
        "bigquery.tabledata.list",
        "bigquery.datasets.list",
        "bigquery.tables.list",
        "bigquery.routines.list",
        "bigquery.models.list",
        "bigquery.rowAccessPolicies.list",
        "bigquery.projects.list",
    }
)


Exhausted = Callable[[Quota, Call], Exception]


@dataclass(slots=True)
class Doing:
    """What befalls one call. Times in seconds of the clock.

    ``delays`` are the models of each phase with what they draw from; ``failure`` takes the answer's place,
    before the work or (``applied``) after it; ``lags`` are the ages of the views that the call sees.
    """

    call: Call
    facts: Facts
    draws: Draws
    exhausted: Exhausted
    since_s: float = 0.0
    delays: dict[str, list[tuple[Latency, Uniforms]]] = field(default_factory=dict)
    failure: Exception | None = None
    applied: bool = False
    sending: Network | None = None
    lags: dict[str, float] = field(default_factory=dict)
    throttle: float | None = None
    breaks: tuple[int, Exception] | None = None
    taken: set[str] = field(default_factory=set)

    def add(self, hit: Hit) -> None:
        """Take in what one rule does; of effects that exclude each other only the first is done.

        The rule book sees to that for its own rules; what a call carries itself comes before them.
        """
        group = group_of(hit.effect)
        if group in self.taken:
            return
        if group is not None:
            self.taken.add(group)
        DOES[hit.effect.kind](self, hit, hit.effect)

    def draw_s(self, *phases: str, rows: int = 0, size: int = 0) -> float:
        """The next delay of some phases together."""
        seconds = 0.0
        for phase in phases:
            for model, uniforms in self.delays.get(phase, ()):
                load = Load(bytes=size, rows=rows, time_s=self.since_s)
                seconds += model.draw(uniforms, load)
        return seconds

    def before_s(self) -> float:
        """How long the call waits before it is served."""
        return self.draw_s("before", rows=self.facts.rows, size=self.call.size)

    def after_s(self) -> float:
        """How long a single answer waits; the messages of a stream wait by :meth:`stream`."""
        if self.call.method == READ_ROWS:
            return 0.0
        phases = ["first_byte", "after"]
        if self.call.method in PAGED:
            phases.insert(1, "page")
        notes = self.call.notes
        size = int(notes.get("bytes", self.call.size))
        return self.draw_s(*phases, rows=int(notes.get("rows", self.facts.rows)), size=size)

    def stream(
        self,
        events: Callable[[int, int, int, int], Exception | None] | None,
        cuts: Sequence[int] = (),
    ) -> StreamPlan | None:
        """What befalls the messages of the stream that the call is, or belongs to; None when nothing does."""
        if self.call.method not in STREAMS:
            return None
        slow = self.delays.keys() & {"first_byte", "page", "ack"}
        if not (slow or events or self.breaks or self.throttle is not None):
            return None
        plan: dict[str, Any] = {"breaks": self.breaks, "throttle_percent": self.throttle, "cuts": cuts}
        if events is not None:
            plan["events"] = events
        return StreamPlan(
            first_byte=lambda: self.draw_s("first_byte"),
            page=lambda rows, size: self.draw_s("page", rows=rows, size=size),
            ack=lambda: self.draw_s("ack", rows=self.facts.rows, size=self.call.size),
            **plan,
        )


def _fail(doing: Doing, hit: Hit, effect: Any) -> None:
    doing.failure = failure(effect, doing.call)
    doing.applied = bool(getattr(effect, "applied", False))


def _network(doing: Doing, hit: Hit, effect: Network) -> None:
    # The connection can do anything with an answer that is there; without work there is none.
    if effect.applied:
        doing.sending = effect
    else:
        doing.failure = NetworkFault(effect, applied=False)


def _delay(doing: Doing, hit: Hit, effect: Delay) -> None:
    model = model_of(effect.latency)
    doing.delays.setdefault(effect.phase, []).append((model, uniforms_of(hit, model, doing.draws)))


def _insert_errors(doing: Doing, hit: Hit, effect: InsertErrors) -> None:
    doing.call.notes["insert_errors"] = RowErrors(effect, hit.uniforms(doing.draws))


def _stale(doing: Doing, hit: Hit, effect: Stale) -> None:
    doing.lags[effect.what] = effect.lag_s


def _throttle(doing: Doing, hit: Hit, effect: Throttle) -> None:
    doing.throttle = effect.percent


def _break(doing: Doing, hit: Hit, effect: BreakStream) -> None:
    made = failure(effect, doing.call)
    if doing.call.method in STREAMS:
        doing.breaks = (effect.after_rows, made)
    else:
        doing.failure = made


def _quota(doing: Doing, hit: Hit, effect: Quota) -> None:
    doing.failure = doing.exhausted(effect, doing.call)


def _later(doing: Doing, hit: Hit, effect: Effect) -> None:
    """Effects of jobs are done when the job comes to them."""


DOES: Mapping[str, Callable[[Doing, Hit, Any], None]] = {
    Error.kind: _fail,
    GrpcStatus.kind: _fail,
    "deny": _fail,
    "expire_token": _fail,
    Network.kind: _network,
    Delay.kind: _delay,
    InsertErrors.kind: _insert_errors,
    Stale.kind: _stale,
    Throttle.kind: _throttle,
    BreakStream.kind: _break,
    Quota.kind: _quota,
    "job_state": _later,
}
