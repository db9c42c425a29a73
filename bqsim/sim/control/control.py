"""What tests do to a simulation and ask of it: of all of it, or of one scope."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bqsim.sim.clock import SimulationClock
    from bqsim.sim.journal import BackoffPolicy, CallEvent, LedgerReport, Verification
    from bqsim.sim.journal.conditions import Where
    from bqsim.sim.journal.verify import Step, Times
    from bqsim.sim.scenario.model import Scenario

    from .faults import Faults
    from .journals import JournalView
    from .machines import Machines
    from .parts import Parts


# What it hands out is imported when it is asked for, so that ``import bqsim`` stays quick.
class Control(ABC):
    """The attributes of ``sim``, and of ``sim.scope(…)``, whose rules match that scope only and whose journal
    and verification see it only.
    """

    # '' is everything.
    scope_name = ""

    @property
    @abstractmethod
    def parts(self) -> Parts:
        """What is under control. ``RuntimeError`` while the simulator does not run."""

    @property
    def clock(self) -> SimulationClock:
        """The clock behind every time that the simulator shows or uses: stop it, speed it up, move it on.

        ``RuntimeError`` while the simulator does not run.
        """
        return self.parts.simulation.clock

    @property
    def seed(self) -> int:
        """The seed of all draws; the same one repeats the run."""
        return self.parts.simulation.draws.seed

    @property
    def faults(self) -> Faults:
        """The rules in force: ``faults.add("backendError", method="bigquery.jobs.insert", times=2)``."""
        from .faults import Faults

        return Faults(self.parts, self.scope_name)

    @property
    def machines(self) -> Machines:
        """The state machines between rules, by name."""
        from .machines import Machines

        return Machines(self.parts.simulation, self.scope_name)

    @property
    def scenario(self) -> Scenario | None:
        """The scenario that was loaded last."""
        return self.parts.simulation.scenario

    # What happened

    @property
    def journal(self) -> JournalView:
        """What happened, in order: calls, moves of jobs, changes of the simulation, what writes truly did."""
        return self.parts.view(self.scope_name)

    @property
    def verification(self) -> Verification:
        """The expectations so far: ``verification.strict()`` fails for calls that none of them covers."""
        return self.parts.verification(self.scope_name)

    def verify(
        self,
        method: str,
        where: Where = None,
        times: Times = (1, None),
        order: Sequence[str | Step] = (),
    ) -> list[CallEvent]:
        """Check that calls of a method (a glob) for which ``where`` holds were made ``times`` times.

        See :meth:`bqsim.sim.journal.Verification.verify`; the error tells how the closest calls differ.
        """
        return self.verification.verify(method, where, times, order)

    def verify_backoff(self, method: str = "*", policy: BackoffPolicy | None = None) -> None:
        """Check that clients tried again as the service asks them to. Raises ``BackoffError``."""
        from bqsim.sim.journal import verify_backoff

        journal = self.journal
        verify_backoff(journal.journal, method, policy, scope=self.scope_name or None, since=journal.since)

    def verify_exactly_once(self, *, in_doubt: bool = False) -> LedgerReport:
        """Check that no write was lost or done twice. Raises ``LedgerError``."""
        from bqsim.sim.journal import verify_exactly_once

        journal = self.journal
        return verify_exactly_once(
            journal.journal, scope=self.scope_name or None, since=journal.since, in_doubt=in_doubt
        )

    def explain(self, answer: Any) -> str:
        """Which rule, draw, quota or latency shaped an answer, in words: see :func:`explained`.

        ``answer`` is an ``x-bqsim-explain`` id, a response or an exception of a client, or a job.
        """
        from .answers import explained

        return explained(self.journal, answer)

    # Scopes

    def scope(self, name: str = "", *, project: str = "") -> Scope:
        """The same for one scope: the name of a port or an ``x-bqsim-scope`` header, else a project.

        ``ValueError`` without a name.
        """
        found = name or project
        if not found:
            raise ValueError("a scope has a name: that of a project, of a port or of an x-bqsim-scope header")
        return Scope(self.parts, found)


class Scope(Control):
    """One scope of a simulation: tests that run side by side use one each."""

    def __init__(self, parts: Parts, name: str) -> None:
        self._parts = parts
        self.scope_name = name

    @property
    def parts(self) -> Parts:
        return self._parts

    def __repr__(self) -> str:
        return f"Scope({self.scope_name!r})"
