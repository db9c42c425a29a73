from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.scenario.capacity import Assignment, Capacity, Queues, Reservation
from bqsim.sim.slots.held import Asked, JobSlots, failure
from bqsim.sim.slots.jobs import Source, State
from bqsim.sim.slots.live import LiveWorld, Ticket, Work

WHERE = "projects/admin/locations/US/reservations/etl"


def asked(**configuration: Any) -> Asked:
    return Asked.by({"query": {"query": "SELECT 1"}, **configuration})


def test_what_a_configuration_asks_for() -> None:
    assert asked() == Asked("QUERY", False, float("inf"), "")
    assert Asked.by({"load": {}, "maxSlots": "0"}) == Asked("LOAD", False, float("inf"), "")
    batch = Asked.by({"query": {"priority": "BATCH"}, "maxSlots": 50, "reservation": WHERE})
    assert batch == Asked("QUERY", True, 50.0, WHERE)


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"maxSlots": "many"}, 'maxSlots: "many"'),
        ({"maxSlots": -1}, 'maxSlots: "-1"'),
        ({"reservation": "etl"}, 'reservation: "etl"'),
        ({"reservation": "projects/a/reservations/etl"}, "reservation: "),
    ],
    ids=["text", "negative", "bare name", "no location"],
)
def test_what_it_may_not_ask_for(configuration: dict[str, Any], said: str) -> None:
    with pytest.raises(BigQueryError, match=said):
        asked(**configuration)


class OneJob:
    """A job that is not made yet."""

    parent = None
    caller = "me@x"
    cached = False

    def __init__(self, location: str = "US", project: str = "p", **configuration: Any) -> None:
        self.project, self.location = project, location
        self.configuration = {"query": {"query": "SELECT 1"}, **configuration}


@pytest.fixture
def slots() -> JobSlots:
    made = JobSlots(SimulationClock(rate=0), Draws(1), "home")
    here = Reservation(100, admin_project="admin")
    described = Capacity(
        {"etl": here, "far": Reservation(100, location="EU")},
        assignments=(Assignment("etl", project="p"), Assignment("far", project="p")),
    )
    made.provide(made.made(described), ())
    return made


def routed(slots: JobSlots, job: Any) -> str:
    return slots._source(job, Asked.by(job.configuration)).reservation


def test_assignments_hold_where_they_are(slots: JobSlots) -> None:
    assert routed(slots, OneJob()) == "etl"
    assert routed(slots, OneJob("us")) == "etl"
    assert routed(slots, OneJob("EU")) == "far"
    assert routed(slots, OneJob("asia-east1")) == "none"
    assert routed(slots, OneJob(project="q")) == "none"
    assert routed(slots, OneJob(project="q", reservation=WHERE)) == "etl"
    assert routed(slots, OneJob(project="q", reservation="admin:US.etl")) == "etl"
    assert routed(slots, OneJob(reservation="none")) == "none"


@pytest.mark.parametrize(
    "wanted",
    [WHERE.replace("etl", "far"), WHERE.replace("admin", "other"), WHERE.replace("US", "EU")],
    ids=["elsewhere", "another's", "another location"],
)
def test_reservations_that_are_not_there(slots: JobSlots, wanted: str) -> None:
    job: Any = OneJob(reservation=wanted)
    with pytest.raises(BigQueryError, match="Access Denied: Reservation"):
        slots.admit(job)


def test_the_same_capacity_changes_nothing(slots: JobSlots) -> None:
    world, described = slots._world, slots.capacity
    assert described is not None
    slots.provide(slots.made(described), ())
    assert slots._world is world and not slots.over
    slots.provide(None, ())
    assert slots.over and slots.capacity is None and slots.places() == []


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        (State.QUEUE_FULL, "quotaExceeded", "Your project and region exceeded quota for max number of jobs"),
        (State.QUEUE_TIMEOUT, "timeout", "queued for 60 seconds, limit is 60"),
        (
            State.ADMISSION_DENIED,
            "quotaExceeded",
            "ADMISSION_DENIED: The maximum concurrency of reservation r",
        ),
        (State.TIMED_OUT, "timeout", "Operation timed out after 2.0 hours."),
        (State.FAILED, "resourcesExceeded", "Resources exceeded during query execution: too many"),
    ],
    ids=lambda value: value.name if isinstance(value, State) else "",
)
def test_how_jobs_fail(state: State, reason: str, said: str) -> None:
    described = Capacity(queues=Queues(batch_timeout_s=60.0), run_limit_s=7200.0)
    world = LiveWorld(described, SimulationClock(rate=0), 1)
    ticket = Ticket(world, Source("p", reservation="r"), Work(batch=True), lambda: None)
    ticket.state, ticket.why = state, "too many"
    error = failure(ticket)
    assert error.reason.name == reason and said in error.message


def test_jobs_that_are_to_fail_do_so_as_the_service_says_it() -> None:
    world = LiveWorld(Capacity(), SimulationClock(rate=0), 1)
    ticket = Ticket(world, Source("p"), Work(fails_at=0.5), lambda: None)
    ticket.state = State.FAILED
    error = failure(ticket)
    assert error.reason.name == "jobBackendError"
    assert error.message.startswith("The job encountered an error during execution.")
