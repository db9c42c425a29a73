"""What the simulation keeps of a job that something may befall."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError
from bqsim.sim.clock import Clock
from bqsim.sim.gate import Call
from bqsim.sim.journal.events import Decision
from bqsim.sim.rules.facts import SCOPE_HEADER
from bqsim.sim.scenario.model import JobPlan, Rule

from .growth import Growth
from .waits import Progress, Wait

if TYPE_CHECKING:
    from bqsim.sim.slots.remembered import Run

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that made a job, as rules match it; ``one_off`` are rules for this job alone."""

    transport: str = "rest"
    method: str = "bigquery.jobs.insert"
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    clients: tuple[str, ...] = ()
    scope: str = ""
    one_off: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, call: Call) -> Origin:
        headers = call.headers
        clients = tuple(headers[name] for name in ("user-agent", "x-goog-api-client") if name in headers)
        one_off = call.notes.get("one_off", ())
        scope = call.scope or headers.get(SCOPE_HEADER, "")
        return cls(call.transport, call.method, headers, clients, scope, one_off)


UNKNOWN = Origin()


@dataclass(slots=True)
class SlotUse:
    """What a job had of simulated slots; ``reservation_id`` is ``admin_project:location.name``, ``''`` on
    demand, ``units`` the slots that it can use at once, ``runs`` what is remembered of when it had them."""

    reservation_id: str = ""
    edition: str = ""
    slot_ms: int = 0
    units: int = 1
    runs: list[Run] = field(default_factory=list)

    def spent(self, moments: Sequence[float], *, done: bool) -> tuple[list[int], list[float]] | None:
        """Slot-milliseconds that it had, and that it lacked, up to each of these moments (epoch microseconds,
        ascending); None when nothing is remembered."""
        if not self.runs:
            return None
        from bqsim.sim.slots.remembered import spent

        return spent(self.runs, moments, self.slot_ms if done else None)


class Life:
    """The record of one job; it is the job's ``life``.

    ``failure`` is what the job fails with when its work would begin (``failed_at_once``: still PENDING),
    ``late`` what it fails with once that is done. ``waits`` are those before the next state and ``at`` the
    one it is in; ``told`` ends all waits to come. ``leaving`` is pending from the last read that a wait was
    for until the job has moved on.
    """

    __slots__ = (
        "at",
        "clock",
        "decisions",
        "deferments",
        "failed_at_once",
        "failure",
        "fingerprint",
        "growth",
        "held",
        "late",
        "leaving",
        "load",
        "origin",
        "plan",
        "progress",
        "slots",
        "told",
        "unseen",
        "waits",
    )

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.fingerprint = ""
        self.progress: Progress | None = None
        self.plan: JobPlan | None = None
        self.failure: BigQueryError | None = None
        self.failed_at_once = False
        self.late: BigQueryError | None = None
        self.waits: list[Wait] = []
        self.at = 0
        self.told = False
        # Nothing befalls the job, and nothing is told of it.
        self.unseen = False
        self.held = False
        self.decisions: list[Decision] = []
        self.deferments: tuple[str, ...] = ()
        self.leaving: asyncio.Future[None] | None = None
        self.load: tuple[int, str] | None = None
        self.growth: Growth | None = None
        self.clock: Clock | None = None
        self.slots: Any = None

    @property
    def wait(self) -> Wait | None:
        """What the job waits for now."""
        if self.at >= len(self.waits):
            return None
        wait = self.waits[self.at]
        return wait if wait.over is not None and not wait.over.done() else None

    @property
    def shows(self) -> bool:
        """Whether the job tells more than it would without this record."""
        return bool(self.deferments) or self.growth is not None

    def left(self) -> None:
        """The job has moved on from where it was read last."""
        if self.leaving is not None and not self.leaving.done():
            self.leaving.set_result(None)
        self.leaving = None

    def share(self, now_us: int) -> float:
        """How much of its work a RUNNING job has done, as its waits tell."""
        count = len(self.waits)
        if not count:
            return 0.0
        ends = [(n + 1) / count if w.done is None else w.done for n, w in enumerate(self.waits)]
        if self.at >= count:
            return ends[-1]
        start = ends[self.at - 1] if self.at else 0.0
        return start + (ends[self.at] - start) * self.waits[self.at].passed(now_us)

    def grow(self, now_us: int) -> None:
        """Let the query plan show how far the job is."""
        wait = self.wait
        if self.growth is not None:
            # Reads and steps stand for time.
            untimed = wait is not None and wait.timer is None
            self.growth.see(now_us, self.share(now_us), at_once=untimed)

    def statistics(self, job: Any) -> dict[str, Any]:
        """``quotaDeferments``, and of a query with a growing plan ``queryPlan`` and ``timeline``."""
        out: dict[str, Any] = {}
        wait = self.wait
        deferments = (wait.deferments if wait is not None else ()) or self.deferments
        if deferments:
            out["quotaDeferments"] = list(deferments)
        if self.growth is not None:
            if not job.done and self.clock is not None:
                self.grow(self.clock.now_us())
            grown = self.growth.to_json()
            out["totalSlotMs"] = grown["totalSlotMs"]
            out["query"] = grown
        return out
