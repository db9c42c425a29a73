"""Whatever befalls jobs, and whoever polls, steps and cancels them: what holds of their states always."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.catalog.refs import JobRef
from bqsim.engine.pool import CancelToken, EnginePool
from bqsim.engine.protocol import Interrupted
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.machine import MOVES, State
from bqsim.jobs.runner import JobRunner
from bqsim.jobs.statistics import QueryStatistics
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.jobs import JobSimulation
from bqsim.sim.journal.book import Journal
from bqsim.sim.rules.book import RuleBook
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.model import Delay, Effect, Error, JobPlan, JobState, Match, Rule
from bqsim.sim.scenario.progression import Manual, Polled, Progression, Timed


async def rounds(count: int) -> None:
    """Let the loop go round so often."""
    for _ in range(count):
        await asyncio.sleep(0)


class Pool:
    """Runs work on the loop; it takes so long that much may happen before and after it writes."""

    async def run(self, work: Callable[[Any], None], *, cancel: CancelToken) -> None:
        await rounds(12)
        if cancel.cancelled:
            raise Interrupted
        work(None)
        await rounds(12)


class World:
    """A runner under simulation, the jobs that it was given and the table that they write to."""

    def __init__(self, rules: list[Rule], plans: list[JobPlan]) -> None:
        self.clock = SimulationClock(rate=0)
        self.rules = RuleBook(self.clock, Draws(1))
        self.journal = Journal()
        self.simulation = JobSimulation(
            clock=self.clock, draws=Draws(1), rules=self.rules, journal=self.journal
        )
        self.rules.add(rules)
        self.simulation.configure(plans=plans)
        self.runner = JobRunner(cast(EnginePool, Pool()), self.clock, 2, self.simulation)
        self.jobs: list[Job] = []
        self.table: list[str] = []
        self.finals: dict[str, dict[str, Any]] = {}

    def start(self, timeout_ms: int | None) -> None:
        number = len(self.jobs)
        configuration = {"query": {"query": f"INSERT t VALUES ({number})"}}
        job = Job(JobRef("p", "US", f"j{number}"), JobType.QUERY, configuration, "me", self.clock.now_us())
        self.jobs.append(job)

        def work(_: object) -> None:
            self.table.append(job.job_id)
            job.statistics = QueryStatistics("INSERT")

        self.runner.created(job)
        self.runner.start(job, work, timeout_ms)

    async def act(self, action: tuple[str, int]) -> None:
        name, value = action
        if name == "start":
            self.start(value * 1000 if value > 3 else None)
        elif name == "advance":
            await self.clock.advance_async(value)
        elif name == "remove":
            self.rules.remove([f"r{value % 3}"])
            self.simulation.changed()
        elif self.jobs:
            job = self.jobs[value % len(self.jobs)]
            if not job.done:
                _ACTS[name](self, job)
        await rounds(8)
        self.check()

    def word(self, say: Callable[[str], str], job: Job) -> None:
        try:
            say(job.job_id)
        except (LookupError, ValueError):
            # It waits for nothing, or nothing concerns it.
            assert job.life is None or job.life.wait is None  # type: ignore[attr-defined]

    def check(self) -> None:
        for job in self.jobs:
            if not job.done:
                continue
            shown = job.to_json()
            assert self.finals.setdefault(job.job_id, shown) == shown
            if job.error is not None and job.error.reason.name == "stopped":
                assert job.job_id not in self.table
            if job.error is None:
                assert self.table.count(job.job_id) == 1
        for job in self.jobs:
            times = list(job.timeline.entered.values())
            assert times == sorted(times)
            if not (job.done or job.noted):
                # What nothing befalls is written down at its end.
                continue
            moves = self.journal.jobs(job.job_id)
            assert [m.after for m in moves] == list(job.timeline.entered)
            for before, after in pairwise(moves):
                assert before.after == after.before
                assert State(after.after) in MOVES[State(before.after)]
                assert before.time_us <= after.time_us

    async def end(self) -> None:
        """Nothing keeps a job any more."""
        self.rules.replace(())
        self.simulation.configure()
        for _ in range(3):
            await self.act(("advance", 10_000))
        assert all(job.done for job in self.jobs)
        assert not self.simulation.list()
        assert {j.job_id for j in self.jobs if j.error is None} <= set(self.table)
        await self.runner.close()


_ACTS: dict[str, Callable[[World, Job], object]] = {
    "poll": lambda world, job: world.simulation.polled(job),
    "cancel": lambda world, job: world.runner.cancel(job),
    "step": lambda world, job: world.word(world.simulation.step, job),
    "release": lambda world, job: world.word(world.simulation.release, job),
    "finish": lambda world, job: world.word(world.simulation.finish, job),
}

_LATENCY = st.builds(lambda s: described.Latency(described.Fixed(float(s))), st.integers(0, 5))
_STATES = st.sampled_from(["RUNNING", "DONE"])
_EFFECTS: st.SearchStrategy[Effect] = st.one_of(
    st.builds(lambda s, at: JobState("hold", at, for_s=float(s)), st.integers(0, 5), _STATES),
    st.builds(lambda n, at: JobState("hold", at, polls=n), st.integers(0, 3), _STATES),
    st.sampled_from(
        [
            JobState("stuck"),
            JobState("stuck", "RUNNING"),
            JobState("fail", "PENDING"),
            JobState("fail"),
            JobState("fail", "DONE"),
            JobState("cancel_loses"),
            JobState("cancel_too_late"),
            JobState("cancel_wins"),
            JobState("progress", progression=Manual()),
            Error("backendError", level="job"),
            Error("backendError", level="job", applied=True),
        ]
    ),
    st.builds(Delay, _LATENCY, st.sampled_from(["queue", "run"])),
)
_RULES = st.lists(_EFFECTS, max_size=3).map(
    lambda effects: [
        Rule(f"r{n}", effect, Match(sql=f"[{n}-9]"), ttl_s=7.0 if n == 2 else None)
        for n, effect in enumerate(effects)
    ]
)
_PROGRESSIONS: st.SearchStrategy[Progression] = st.one_of(
    st.builds(Timed, _LATENCY, _LATENCY),
    st.builds(Polled, st.integers(0, 2), st.integers(0, 2)),
    st.just(Manual()),
)
_PLANS = st.lists(st.builds(JobPlan, _PROGRESSIONS, growing_plan=st.booleans()), max_size=1)
_NAMES = ["start", "start", "advance", "cancel", "cancel", "remove", *_ACTS]
_ACTIONS = st.lists(st.tuples(st.sampled_from(_NAMES), st.integers(0, 6)), min_size=1, max_size=15)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(_RULES, _PLANS, _ACTIONS)
def test_states_only_move_forward(
    rules: list[Rule], plans: list[JobPlan], actions: list[tuple[str, int]]
) -> None:
    async def play() -> None:
        world = World(rules, plans)
        world.start(None)
        for action in actions:
            await world.act(action)
        await world.end()

    asyncio.run(play())
