from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.sim import gate
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.gate import Call
from bqsim.sim.jobs import JobSimulation
from bqsim.sim.journal.book import Journal
from bqsim.sim.progression.life import SlotUse
from bqsim.sim.progression.outcome import Cancel
from bqsim.sim.progression.view import JobView
from bqsim.sim.rules.book import RuleBook
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.model import Delay, Error, JobPlan, JobState, LatencySetup, Match, Rule
from bqsim.sim.scenario.progression import Manual, Polled, Scripted, Step, Timed


class FakeJob:
    """A job and, in :meth:`run`, what takes it from state to state."""

    def __init__(self, job_id: str = "j", sql: str = "SELECT 1", parent: JobView | None = None) -> None:
        self.project, self.job_id, self.location, self.caller = "p", job_id, "US", "me@x"
        self.configuration: dict[str, Any] = {"query": {"query": sql}, "labels": {"team": "a"}}
        self.state = "PENDING"
        self.statement_type: str | None = None
        self.parent = parent
        self.life: Any = None
        self.noted = False
        self.cached = False
        self.slots: SlotUse | None = None
        self.entered: dict[str, int] = {"PENDING": 1}
        self.error: BigQueryError | None = None
        self.worked = False
        self.woken = 0

    @property
    def done(self) -> bool:
        return self.state == "DONE"

    def wake(self) -> None:
        self.woken += 1

    def move(self, simulation: JobSimulation, state: str) -> None:
        before, self.state = self.state, state
        self.entered[state] = simulation.clock.now_us()
        simulation.moved(self, before, state)

    async def run(self, simulation: JobSimulation) -> None:
        try:
            await self.wait(simulation, "RUNNING")
            self.move(simulation, "RUNNING")
            await self.wait(simulation, "DONE")
            self.worked = True
            simulation.after_work(self)
        except BigQueryError as error:
            self.error = error
        self.move(simulation, "DONE")

    async def wait(self, simulation: JobSimulation, state: str) -> None:
        waiting = simulation.before_state(self, state)
        if waiting is not None:
            await waiting


class Host:
    """Knows one job; tells its size, and how often that was asked."""

    def __init__(self, job: FakeJob) -> None:
        self.job = job
        self.asked = 0

    def find(self, project: str, job_id: str) -> JobView | None:
        return self.job if (project, job_id) == ("p", self.job.job_id) else None

    async def estimate(self, job: Any) -> tuple[int, str]:
        self.asked += 1
        return 2**20, "SELECT"


class World:
    def __init__(
        self, *rules: Rule, plans: tuple[JobPlan, ...] = (), latency: LatencySetup | None = None
    ) -> None:
        self.clock = SimulationClock(rate=0)
        self.rules = RuleBook(self.clock, Draws(1))
        self.rules.add(rules)
        self.journal = Journal()
        self.simulation = JobSimulation(
            clock=self.clock, draws=Draws(1), rules=self.rules, journal=self.journal
        )
        self.simulation.configure(plans=plans, latency=latency)
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self, job: FakeJob, call: Call | None = None) -> FakeJob:
        token = gate.serving(call) if call is not None else None
        self.simulation.created(job)
        if token is not None:
            gate.served(token)
        self.tasks.append(asyncio.ensure_future(job.run(self.simulation)))
        await self.turn()
        return job

    async def turn(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    def remove(self, id: str) -> None:
        self.rules.remove([id])
        self.simulation.changed()

    def told(self, job_id: str = "j") -> list[tuple[str, list[str]]]:
        return [(e.after, [d.effect for d in e.decisions]) for e in self.journal.jobs(job_id)]


def play(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(body())  # type: ignore[arg-type]


def lasting(seconds: float, **options: Any) -> described.Latency:
    return described.Latency(described.Fixed(seconds), **options)


def test_jobs_that_nothing_concerns_have_no_record() -> None:
    async def body() -> None:
        world = World(Rule("call", Error("backendError")))
        job = await world.start(FakeJob())
        assert job.life is None
        assert job.done
        assert world.told() == [("PENDING", []), ("RUNNING", []), ("DONE", [])]
        assert world.journal.jobs("j")[0].scope == "p"

    play(body)


def test_a_record_dies_with_its_job() -> None:
    async def body() -> None:
        world = World(Rule("r", JobState("hold", for_s=5.0)))
        job = await world.start(FakeJob())
        assert (job.state, len(world.simulation._live)) == ("RUNNING", 1)
        await world.clock.advance_async(6)
        assert job.done
        assert job.life is None
        assert not world.simulation._live
        assert world.told() == [("PENDING", []), ("RUNNING", []), ("DONE", ["job_state hold"])]

    play(body)


def test_a_rule_matches_by_the_call_that_made_the_job() -> None:
    rule = Rule("r", JobState("stuck"), Match(headers={"x-test": "a*"}, client=("tool*",), scope=("mine",)))

    async def body() -> None:
        world = World(rule)
        headers = {"x-test": "abc", "user-agent": "tool/1"}
        call = Call("rest", "bigquery.jobs.insert", "projects/p/jobs", "me@x", headers=headers, scope="mine")
        stuck = await world.start(FakeJob("stuck"), call)
        free = await world.start(FakeJob("free"))
        assert (stuck.state, free.state) == ("RUNNING", "DONE")
        assert world.journal.jobs("stuck")[0].scope == "mine"
        other = Call(
            "rest", "bigquery.jobs.insert", "projects/p/jobs", "me@x", headers={"x-bqsim-scope": "s"}
        )
        await world.start(FakeJob("scoped"), other)
        assert {e.scope for e in world.journal.jobs("scoped")} == {"s"}
        child = await world.start(FakeJob("child", parent=stuck))
        assert child.state == "RUNNING"
        world.remove("r")
        await world.turn()
        assert stuck.done
        assert child.done

    play(body)


def test_a_rule_of_the_call_is_for_its_job_alone() -> None:
    async def body() -> None:
        world = World()
        call = Call("rest", "bigquery.jobs.insert", "projects/p/jobs", "me@x")
        call.notes["one_off"] = (Rule("header", JobState("hold", for_s=3.0)),)
        held = await world.start(FakeJob("held"), call)
        assert (await world.start(FakeJob("free"))).done
        world.simulation.changed()
        await world.turn()
        assert held.state == "RUNNING"
        await world.clock.advance_async(4)
        assert held.done

    play(body)


def test_a_rule_that_comes_while_a_job_waits_counts() -> None:
    async def body() -> None:
        world = World(Rule("q", Delay(lasting(5.0), "queue")))
        job = await world.start(FakeJob())
        world.rules.add([Rule("f", JobState("fail", reason="quotaExceeded", message="no", state="DONE"))])
        world.simulation.changed()
        await world.clock.advance_async(6)
        assert job.error is not None
        assert not job.worked
        last = world.journal.jobs("j")[-1]
        assert (last.reason, last.message) == ("quotaExceeded", "no")

    play(body)


@pytest.mark.parametrize(
    ("effect", "states", "worked"),
    [
        (JobState("fail", "PENDING"), ["PENDING", "DONE"], False),
        (JobState("fail"), ["PENDING", "RUNNING", "DONE"], False),
        (JobState("fail", "DONE"), ["PENDING", "RUNNING", "DONE"], False),
        (Error("internalError", level="job"), ["PENDING", "RUNNING", "DONE"], False),
        (Error("internalError", level="job", applied=True), ["PENDING", "RUNNING", "DONE"], True),
    ],
    ids=["pending", "running", "done", "error", "applied"],
)
def test_failures(effect: JobState | Error, states: list[str], worked: bool) -> None:
    async def body() -> None:
        world = World(Rule("r", effect))
        job = await world.start(FakeJob())
        assert job.error is not None
        assert job.worked is worked
        assert [after for after, _ in world.told()] == states

    play(body)


def test_waits_add_up() -> None:
    async def body() -> None:
        world = World(
            Rule("a", Delay(lasting(2.0), "run")),
            Rule("b", JobState("hold", for_s=3.0)),
            plans=(JobPlan(Timed(running=lasting(1.0))),),
        )
        job = await world.start(FakeJob())
        await world.clock.advance_async(5.9)
        assert job.state == "RUNNING"
        await world.clock.advance_async(0.2)
        assert job.done
        latencies = [d.latency_s for d in world.journal.jobs("j")[-1].decisions]
        assert latencies == [1.0, 2.0, 3.0]

    play(body)


def test_reads_end_a_state_that_they_have_seen() -> None:
    async def body() -> None:
        world = World(plans=(JobPlan(Polled(pending=1, running=2)),))
        job = await world.start(FakeJob())
        seen = []
        for _ in range(3):
            assert world.simulation.polled(job)
            seen.append(job.state)
            leaving = world.simulation.leaving(job)
            if leaving is not None:
                await leaving
        assert seen == ["PENDING", "RUNNING", "RUNNING"]
        assert job.done
        assert job.woken == 2
        assert world.simulation.leaving(job) is None
        assert not world.simulation.polled(job)

    play(body)


def test_scripts_show_their_deferments() -> None:
    async def body() -> None:
        steps = (Step("PENDING", for_s=1.0, deferments=("a",)), Step("PENDING", for_s=1.0, deferments=("b",)))
        world = World(plans=(JobPlan(Scripted(steps)),))
        job = await world.start(FakeJob())
        assert job.life.statistics(job) == {"quotaDeferments": ["a"]}
        await world.clock.advance_async(1.5)
        assert job.life.statistics(job) == {"quotaDeferments": ["b"]}
        await world.clock.advance_async(1)
        assert job.done
        assert job.life.statistics(job) == {"quotaDeferments": ["b"]}

    play(body)


def test_the_size_of_the_work_is_asked_only_when_a_latency_depends_on_it() -> None:
    async def body() -> None:
        world = World(plans=(JobPlan(Timed(lasting(1.0), lasting(1.0, per_mib_s=4.0))),))
        job = FakeJob()
        world.simulation.host = host = Host(job)
        await world.start(job)
        assert host.asked == 0
        await world.clock.advance_async(2)
        assert host.asked == 1
        await world.clock.advance_async(3.9)
        assert job.state == "RUNNING"
        await world.clock.advance_async(0.2)
        assert job.done

    play(body)


@pytest.mark.parametrize(
    ("outcome", "cancel"),
    [("cancel_wins", Cancel.WINS), ("cancel_loses", Cancel.LOSES), ("cancel_too_late", Cancel.TOO_LATE)],
)
def test_cancels(outcome: str, cancel: Cancel) -> None:
    async def body() -> None:
        world = World(Rule("r", JobState(outcome, "RUNNING")), plans=(JobPlan(Manual()),))
        job = await world.start(FakeJob())
        assert world.simulation.cancelling(job) is Cancel.WINS
        world.simulation.step("j")
        await world.turn()
        assert world.simulation.cancelling(job) is cancel
        await world.turn()
        assert job.done is (cancel is Cancel.TOO_LATE)
        world.simulation.configure()
        await world.turn()
        assert world.told()[-1] == ("DONE", ["manual", f"job_state {outcome}"])

    play(body)


def test_a_cancel_may_carry_its_own_rule() -> None:
    async def body() -> None:
        world = World()
        job = FakeJob()
        call = Call("rest", "bigquery.jobs.cancel", "projects/p/jobs/j", "me@x")
        call.notes["one_off"] = (Rule("header", JobState("cancel_loses")),)
        token = gate.serving(call)
        assert world.simulation.cancelling(job) is Cancel.LOSES
        gate.served(token)
        assert world.simulation.cancelling(job) is Cancel.WINS

    play(body)


def test_plans_that_are_gone_keep_nobody() -> None:
    async def body() -> None:
        kept, gone = JobPlan(Manual(), Match(sql="kept")), JobPlan(Manual(), Match(sql="gone"))
        world = World(plans=(gone, kept))
        jobs = [await world.start(FakeJob(name, name)) for name in ("kept", "gone")]
        world.simulation.configure(plans=(kept,))
        await world.turn()
        assert [job.state for job in jobs] == ["PENDING", "DONE"]

    play(body)


def test_a_job_is_moved_by_hand_from_another_thread() -> None:
    world, job = World(plans=(JobPlan(Manual()),)), FakeJob()
    ready, over = threading.Event(), threading.Event()

    async def body() -> None:
        await world.start(job)
        ready.set()
        await asyncio.to_thread(over.wait, 20)

    thread = threading.Thread(target=lambda: play(body))
    thread.start()
    assert ready.wait(10)
    simulation = world.simulation
    (waiting,) = simulation.list()
    assert (waiting.job_id, waiting.state, waiting.why) == ("j", "PENDING", "plan-1: manual")
    with pytest.raises(LookupError, match="no job 'other'"):
        simulation.step("other")
    assert simulation.hold("j") == "PENDING"
    assert simulation.step("j", "p") == "PENDING"
    assert simulation.step("j", "p") == "RUNNING"
    assert simulation.release("j") == "DONE"
    with pytest.raises(LookupError, match="no job 'j'"):
        simulation.release("j")
    over.set()
    thread.join(10)
    assert job.done
    assert job.worked


def test_finish_ends_all_waits_or_fails_the_job() -> None:
    async def body() -> None:
        world = World(Rule("r", JobState("stuck")), plans=(JobPlan(Manual()),))
        fine, failed = await world.start(FakeJob("fine")), await world.start(FakeJob("failed"))
        world.simulation.finish("fine")
        world.simulation.finish("failed", error=BigQueryError("internalError", "by hand"))
        await world.turn()
        assert fine.worked
        assert fine.error is None
        assert failed.error is not None
        assert not failed.worked

    play(body)


def test_hold_keeps_a_job_from_its_next_move() -> None:
    async def body() -> None:
        world = World(plans=(JobPlan(Timed(lasting(1.0), lasting(1.0))),))
        job = await world.start(FakeJob())
        world.simulation.hold("j")
        await world.clock.advance_async(10)
        assert job.state == "PENDING"
        assert "held" in [w.why for w in world.simulation.list()][-1]
        world.simulation.release("j")
        await world.turn()
        assert job.state == "RUNNING"
        await world.clock.advance_async(2)
        assert job.done

    play(body)


def test_facts_of_a_job_for_rules_about_calls() -> None:
    world, job = World(), FakeJob()
    assert world.simulation.about("p", "j") is None
    world.simulation.host = Host(job)
    facts = world.simulation.about("p", "j")
    assert facts is not None
    assert (facts.state, facts.sql, facts.labels) == ("PENDING", "SELECT 1", {"team": "a"})
    assert world.simulation.about("p", "other") is None
