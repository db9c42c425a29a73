"""Jobs of a workload as calls."""

from __future__ import annotations

import numpy as np
import pytest

from bqsim.rehearse.live.calls import SQL, Call, Maker, Own, chain_units
from bqsim.sim.slots.jobs import SIMPLE, Jobs, Shapes, Source, Stage

SOURCES = (Source("p"), Source("q", principal="a@x.org", reservation="etl"))


def calls(jobs: Jobs, maker: Maker, share: tuple[int, int] = (0, 1), first: int = 0) -> list[Call]:
    return list(maker.calls(jobs, first, share))


def test_a_generated_job_costs_nothing_and_tells_its_work() -> None:
    jobs = Jobs.of(1, at_ms=1500.0, slot_ms=1234.4, width=8.0, floor_ms=70.0, group=2)
    (call,) = calls(jobs, Maker(SIMPLE, SOURCES))
    assert (call.row, call.at_s, call.group, call.project, call.tables) == (0, 1.5, 2, "p", 0)
    assert call.configuration == {
        "labels": {"bqsim_slot_ms": "1234", "bqsim_units": "8", "bqsim_floor_ms": "70"},
        "query": {"priority": "INTERACTIVE", "query": SQL, "useLegacySql": False, "useQueryCache": False},
    }


def test_stages_and_failures_go_along() -> None:
    plan = (Stage(0.25, 2.0), Stage(0.25, 0.5), Stage(0.5, 1.0, (0, 1)))
    jobs = Jobs.of(2, slot_ms=1000.4, width=5.0, fails_at=[0.9999, np.inf], shape=[1, 0])
    maker = Maker(Shapes((*SIMPLE.plans, plan)), SOURCES)
    failing, whole = calls(jobs, maker)
    assert failing.configuration["labels"] == {
        "bqsim_slot_ms": "1000",
        "bqsim_stage_1": "250000000_10",
        "bqsim_stage_2": "250000000_3_0",
        "bqsim_stage_3": "500000000_5_1-2",
        "bqsim_fails_ms": "999",
    }
    assert failing.slot_ms == 1000.4
    assert whole.configuration["labels"] == {"bqsim_slot_ms": "1000", "bqsim_units": "5"}
    assert maker.as_one == 0


def test_stages_that_labels_have_no_room_for_are_one() -> None:
    chain = tuple(Stage(1 / 40, 1.0, (at - 1,) if at else ()) for at in range(40))
    own = Own("query", {"query": {"query": "SELECT 7"}, "labels": {f"x{n}": "" for n in range(21)}})
    jobs = Jobs.of(1, slot_ms=80.0, width=3.0)
    for texts, count in ((lambda source, turn: own, 1), (None, 0)):
        maker = Maker(Shapes((chain,)), SOURCES, texts=texts)
        (call,) = calls(jobs, maker)
        assert len(call.configuration["labels"]) == (23 if count else 41)
        assert maker.as_one == count
        assert ("bqsim_units" in call.configuration["labels"]) is bool(count)


def test_options_of_jobs_are_those_of_the_api() -> None:
    jobs = Jobs.of(1, source=1, batch=1, max_slots=50.0, limit_ms=2000.0)
    maker = Maker(SIMPLE, SOURCES, reservations={"etl": "projects/a/locations/US/reservations/etl"})
    (call,) = calls(jobs, maker)
    assert call.configuration["query"]["priority"] == "BATCH"
    assert call.configuration["maxSlots"] == 50
    assert call.configuration["jobTimeoutMs"] == "2000"
    assert call.configuration["reservation"] == "projects/a/locations/US/reservations/etl"
    assert call.principal == "a@x.org"


@pytest.mark.parametrize(
    ("plan", "units"),
    [
        pytest.param((Stage(1.0, 10),), 10, id="one"),
        pytest.param((Stage(0.5, 10), Stage(0.5, 10, (0,))), 10, id="two alike"),
        pytest.param((Stage(0.5, 10), Stage(0.5, 1, (0,))), 1 / 0.55, id="a narrow end"),
        pytest.param((Stage(0.5, 5), Stage(0.5, 5)), 10, id="side by side"),
        pytest.param((Stage(0.0),), 1, id="no work"),
    ],
)
def test_plans_of_several_stages_take_as_long_with_as_many_slots_as_they_want(
    plan: tuple[Stage, ...], units: float
) -> None:
    assert chain_units(plan) == pytest.approx(units)


def test_drivers_share_the_rows_of_all_chunks() -> None:
    jobs = Jobs.of(2000, at_ms=np.arange(2000.0), source=np.arange(2000) % 2)
    parts = []
    for number in range(3):
        maker = Maker(SIMPLE, SOURCES)
        found = [
            call.row
            for first, chunk in ((0, jobs.take(slice(0, 700))), (700, jobs.take(slice(700, None))))
            for call in calls(chunk, maker, (number, 3), first)
        ]
        assert found == sorted(found)
        parts.append(found)
    assert sorted(row for part in parts for row in part) == list(range(2000))


def test_own_texts_come_by_turn_whoever_sends_them() -> None:
    texts = [Own("query", {"query": {"query": f"SELECT {n}"}, "labels": {"team": "x"}}) for n in range(3)]

    def of(source: int, turn: int) -> Own | None:
        return texts[turn % 3] if source == 1 else None

    jobs = Jobs.of(10, source=np.arange(10) % 2, slot_ms=5.0)
    both = {}
    for number in range(2):
        for call in calls(jobs, Maker(Shapes(SIMPLE.plans), SOURCES, texts=of), (number, 2)):
            both[call.row] = call
    assert [both[row].configuration["query"]["query"] for row in (1, 3, 5, 7, 9)] == [
        f"SELECT {n}" for n in (0, 1, 2, 0, 1)
    ]
    assert both[1].configuration["labels"] == {"team": "x", "bqsim_slot_ms": "5", "bqsim_units": "1"}
    assert both[0].configuration["query"]["query"] == SQL


def test_loads_and_copies_keep_their_kind() -> None:
    own = Own("copy", {"copy": {"sourceTable": {"tableId": "t"}}, "jobType": "COPY"}, "EU")
    maker = Maker(SIMPLE, SOURCES, texts=lambda source, turn: own, projects={"p": "mine"})
    (call,) = calls(Jobs.of(1), maker)
    assert "query" not in call.configuration
    assert call.configuration["copy"] == {"sourceTable": {"tableId": "t"}}
    assert (call.location, call.project) == ("EU", "mine")


def test_one_row_is_made_as_those_of_a_chunk() -> None:
    jobs = Jobs.of(3, slot_ms=[1.0, 2.0, 3.0], batch=[0, 1, 0])
    chunk = calls(jobs, Maker(SIMPLE, SOURCES))
    one = Maker(SIMPLE, SOURCES).one(jobs, 1, -7, 3.5)
    assert (one.row, one.at_s) == (-7, 3.5)
    assert one.configuration == chunk[1].configuration
