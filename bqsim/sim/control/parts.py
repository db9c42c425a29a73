"""The parts of a simulation that are under control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from bqsim.sim.journal import Verification
from bqsim.sim.scenario.load import NOTHING, Known
from bqsim.sim.simulation import Simulation
from bqsim.sim.timers import Timer

from .journals import JournalView

if TYPE_CHECKING:
    from bqsim.sim.answers import Answers
    from bqsim.sim.iam import Iam
    from bqsim.sim.iam.policy import Policy
    from bqsim.sim.limits.control import LimitControl
    from bqsim.sim.retry_lab import RetryLab
    from bqsim.sim.scenario.model import JobPlan, LatencySetup


T = TypeVar("T")


def _nothing() -> Known:
    return NOTHING


def _no_policy() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Ending:
    """When a change is undone, and how."""

    timer: Timer
    undo: Callable[[], object]


@dataclass(slots=True)
class Parts:
    """A simulation and what else can be changed in it; a part that is None is not there.

    ``known`` gives the names that rules may use, ``first_policy`` what was enforced at first. By scope ('' is
    everything): the ``latencies`` and ``plans`` of jobs in force, the ``views`` of the journal, and in
    ``verifications`` the expectations so far.
    """

    simulation: Simulation
    known: Callable[[], Known] = _nothing
    limits: LimitControl | None = None
    iam: Iam | None = None
    first_policy: Callable[[], Policy | None] = _no_policy
    jobs: Any = None
    worlds: Any = None
    answers: Answers | None = None
    loop: asyncio.AbstractEventLoop | None = None
    laboratory: RetryLab | None = None
    latencies: dict[str, LatencySetup] = field(default_factory=dict)
    plans: dict[str, tuple[JobPlan, ...]] = field(default_factory=dict)
    verifications: dict[str, Verification] = field(default_factory=dict)
    views: dict[str, JournalView] = field(default_factory=dict)

    # Changes that end by themselves, by what was changed and in which scope.
    endings: dict[tuple[str, str], Ending] = field(default_factory=dict)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run what belongs to the event loop of the server, from another thread."""
        loop = self.loop
        if loop is None or asyncio._get_running_loop() is loop:
            work.close()
            raise RuntimeError("this waits for the simulator's event loop: call it from another thread")
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    def forget(self, scope: str) -> None:
        """Forget a scope that is over."""
        for kept in (self.views, self.verifications, self.latencies, self.plans):
            kept.pop(scope, None)

    def retry_lab(self) -> RetryLab:
        """The laboratory, which begins to listen to calls when it is asked for."""
        if self.laboratory is None:
            from bqsim.sim.retry_lab import RetryLab

            self.laboratory = RetryLab(self.simulation.draws, self.known().methods)
            self.simulation.laboratory = self.laboratory
            self.simulation.changed()
        return self.laboratory

    def view(self, scope: str) -> JournalView:
        """The journal as a scope sees it."""
        found = self.views.get(scope)
        if found is None:
            found = self.views.setdefault(scope, JournalView(self.simulation.journal, scope))
        return found

    def verification(self, scope: str) -> Verification:
        """The expectations of a scope; others begin when its journal is cleared."""
        view = self.view(scope)
        found = self.verifications.get(scope)
        if found is None or found.since != view.since:
            found = Verification(view.journal, scope=scope or None, since=view.since)
            self.verifications[scope] = found
        return found
