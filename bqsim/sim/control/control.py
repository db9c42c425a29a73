"""What tests do to a simulation and ask of it: of all of it, or of one scope."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bqsim.sim.clock import SimulationClock
    from bqsim.sim.iam import Iam
    from bqsim.sim.journal import BackoffPolicy, CallEvent, LedgerReport, Verification
    from bqsim.sim.journal.conditions import Where
    from bqsim.sim.journal.verify import Step, Times
    from bqsim.sim.limits.control import LimitControl
    from bqsim.sim.scenario.model import Scenario

    from .faults import Faults
    from .jobs import Jobs
    from .journals import JournalView
    from .latencies import Latencies
    from .loading import Scenarios
    from .machines import Machines
    from .parts import Parts
    from .retries import RetryTests
    from .slots import SlotCapacity
    from .supplied import SuppliedAnswers
    from .worlds import Worlds


T = TypeVar("T")


# What it hands out is imported when it is asked for, so that ``import bqsim`` stays quick.
class Control(ABC):
    """The attributes of ``sim``, and of ``sim.scope(…)``, whose rules match that scope only and whose journal
    and verification see it only.
    """

    # '' is everything.
    scope_name = ""
    # Who makes the changes, as the journal tells it.
    source = "python"

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

        return Faults(self.parts, self.scope_name, self.source)

    @property
    def machines(self) -> Machines:
        """The state machines between rules, by name."""
        from .machines import Machines

        return Machines(self.parts.simulation, self.scope_name)

    @property
    def latency(self) -> Latencies:
        """How long calls and jobs take besides their work: ``latency.set("200ms")``."""
        from .latencies import Latencies

        return Latencies(self.parts, self.scope_name)

    @property
    def jobs(self) -> Jobs:
        """How jobs go on: ``jobs.plan("manual")``, ``jobs.step(job)``."""
        from .jobs import Jobs

        return Jobs(self.parts, self.scope_name)

    @property
    def capacity(self) -> SlotCapacity:
        """The slots that jobs of all scopes share: ``capacity.use(…)``, ``capacity.places()``."""
        from .slots import SlotCapacity

        return SlotCapacity(self.parts, self.source)

    @property
    def limits(self) -> LimitControl:
        """Which quotas and limits hold, for all scopes; none until ``limits.use("bigquery")``."""
        return present(self.parts.limits)

    @property
    def iam(self) -> Iam:
        """Who may do what, in all scopes: set a policy, grant, revoke, deny. Without one everybody may do
        everything.
        """
        return present(self.parts.iam)

    @property
    def answers(self) -> SuppliedAnswers:
        """What functions of models and other services answer, in all scopes: they are refused without."""
        from .supplied import SuppliedAnswers

        simulation, source = self.parts.simulation, self.source
        return SuppliedAnswers(
            present(self.parts.answers),
            lambda action, details: simulation.control(action, source=source, details=details),
        )

    @property
    def retry_tests(self) -> RetryTests:
        """Ordered instructions that a client's calls must use up."""
        from .retries import RetryTests

        return RetryTests(self.parts, self.scope_name)

    def reseed(self, seed: int) -> None:
        """Begin all draws anew. Calls are numbered from the start: runs with this seed can be repeated."""
        simulation = self.parts.simulation
        simulation.draws.reseed(seed)
        simulation.repeatable = True
        simulation.recorder.reset()
        simulation.control("seed", source=self.source, details={"seed": seed})

    # Scenarios

    @property
    def scenario(self) -> Scenario | None:
        """The scenario that was loaded last, for all scopes."""
        return self.parts.simulation.scenario

    def load(self, scenario: Scenarios, *more: Scenarios) -> Scenario:
        """Put a scenario in place of what is in force: its seed, clock, machines, rules, latencies, plans of
        jobs, limits and policy; within a scope in place of that scope's rules, machines, latencies and plans,
        where its seed is that of the rules' draws.

        It is given as its file, its text, a mapping or a ``Scenario``; several are put together. Raises
        ``ScenarioError``, with all that is wrong, by line and column; then nothing has changed.
        """
        from .loading import put_in_force, scenario_of, together

        known = self.parts.known()
        found = together([scenario_of(one, known) for one in (scenario, *more)])
        put_in_force(self.parts, found, self.scope_name)
        return found

    def clear(self) -> None:
        """Forget the scenario, all rules, latencies and plans of jobs, or those of the scope."""
        from .loading import take_out_of_force

        take_out_of_force(self.parts, self.scope_name)

    def reset(self) -> None:
        """Begin anew, with the same seed: :meth:`clear`, no limits, the first policy, no retry tests, an
        empty journal, a clock that runs as the wall's. Data and jobs stay. Within a scope: :meth:`clear`, and
        an empty journal.
        """
        from .loading import begin_anew

        begin_anew(self.parts, self.scope_name)

    # Worlds

    @property
    def worlds(self) -> Worlds:
        """Snapshots of the world, by id: ``worlds.list()``, ``worlds.delete(id)``."""
        from .worlds import Worlds

        return Worlds(self.parts, self.source)

    def snapshot(self, name: str | None = None) -> str:
        """Take a snapshot of data, jobs and rules; its id. From threads other than the simulator's own."""
        return self.worlds.snapshot(name)

    def restore(self, id: str) -> int:
        """Make the world that of a snapshot; how many resources had changed. The clock goes on."""
        return self.worlds.restore(id)

    def fork(self, project: str, into: str) -> int:
        """Copy a project under another id; how many tables."""
        return self.worlds.fork(project, into)

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

        jobs = self.parts.jobs
        return explained(self.journal, answer, tuple if jobs is None else jobs.list)

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


def present(part: T | None) -> T:
    """A part that simulators have. ``RuntimeError`` for a simulation without it."""
    if part is None:
        raise RuntimeError("this simulation has no such part")
    return part
