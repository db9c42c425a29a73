from __future__ import annotations

import pytest

from bqsim.sim.scenario import capacity as c
from bqsim.sim.scenario.capacity_checks import Path, found, most_slots
from bqsim.sim.scenario.load import record_from_tree
from bqsim.sim.scenario.tree import Leaf, ScenarioError, below, from_yaml


def wrong(record: object, *written: str) -> list[tuple[Path, str]]:
    return list(found(record, written))


@pytest.mark.parametrize(
    "record",
    [
        c.Reservation(100, 150),
        c.Reservation(100, max_slots=200, scaling_mode="ALL_SLOTS"),
        c.Reservation(100, max_slots=230, scaling_mode="IDLE_SLOTS_ONLY"),
        c.Reservation(100, ignore_idle_slots=True, max_slots=200, scaling_mode="AUTOSCALE_ONLY"),
        # What is not written goes with the mode.
        c.Reservation(100, max_slots=200, scaling_mode="AUTOSCALE_ONLY"),
        c.Reservation(0, 1_600, "STANDARD"),
        c.Reservation(0, 100, "STANDARD", ignore_idle_slots=True),
        c.Reservation(edition="STANDARD", max_slots=100, scaling_mode="AUTOSCALE_ONLY"),
        c.Commitment(150),
        c.Assignment("a", project="p", principal="someone@example.com"),
        c.ProjectCap(max_slots=10),
        c.OnDemand(burst_slots=100),
        c.Capacity(),
        c.Capacity({"a": c.Reservation(100)}, assignments=(c.Assignment("a"), c.Assignment("a", "p"))),
        c.Capacity({"a": c.Reservation(60)}, (c.Commitment(50), c.Commitment(50))),
        c.Capacity({f"s-{n}": c.Reservation(0, 50, "STANDARD") for n in range(10)}),
        c.Capacity(
            {f"s-{n}": c.Reservation(0, 50, "STANDARD", admin_project=str(n // 10)) for n in range(20)}
        ),
    ],
    ids=repr,
)
def test_what_the_service_takes_is_right(record: object) -> None:
    assert wrong(record) == []


def test_a_burst_ends_before_the_next() -> None:
    ((path, message),) = wrong(c.OnDemand(burst_slots=100, burst_s=60.0, burst_every_s=30.0))
    assert (path, message) == (("burst_every",), "'burst_every' must not be shorter than 'burst'")


def test_commitments_cover_the_baselines_of_their_pool_only() -> None:
    reservations = {"a": c.Reservation(60), "b": c.Reservation(60, location="EU")}
    covered = c.Capacity(reservations, (c.Commitment(100), c.Commitment(100, location="eu")))
    assert wrong(covered) == []
    other = c.Capacity(reservations, (c.Commitment(200),))
    assert [path for path, _ in wrong(other)] == [("reservations", "b", "slot_capacity")]


def test_each_edition_counts_its_reservations() -> None:
    many = {f"r-{n}": c.Reservation(50) for n in range(201)}
    ((path, message),) = wrong(c.Capacity(many))
    assert path == ("reservations", "r-200")
    assert message == "an administration project has at most 200 reservations; 'r-200' is one more"


def test_the_same_jobs_may_be_assigned_by_job_type() -> None:
    reservations = {"a": c.Reservation(50), "b": c.Reservation(50)}
    pair = (c.Assignment("a", "p"), c.Assignment("b", "p", job_type="PIPELINE"))
    assert wrong(c.Capacity(reservations, assignments=pair)) == []
    ((path, message),) = wrong(c.Capacity(reservations, assignments=(*pair, c.Assignment("none", "p"))))
    assert path == ("assignments", 2)
    assert message == "assignment 1 is about the jobs of type QUERY of the same project 'p' already"


@pytest.mark.parametrize("whose", ["principal: someone@example.com", "folder: f", "job_type: QUERY"])
def test_whose_an_assignment_is_already_is_told(whose: str) -> None:
    text = (
        "folders: {f: [p]}\nreservations: {a: {slot_capacity: 100}}\n"
        f"assignments:\n- {{reservation: a, {whose}}}\n- {{reservation: none, {whose}}}\n"
    )
    with pytest.raises(ScenarioError) as refused:
        record_from_tree(c.Capacity, from_yaml(text, "c.yaml"))
    kind, name = whose.split(": ")
    told = "organization" if kind == "job_type" else f"{kind} '{name}'"
    assert str(refused.value).startswith("c.yaml:5:3: assignment 1 is about")
    assert f"of the same {told} already" in str(refused.value)


def test_names_of_assignments_and_commitments_are_those_of_statements() -> None:
    reservations = {"a": c.Reservation(100), "b": c.Reservation(100)}
    named = (c.Assignment("a", "p", name="x"), c.Assignment("b", "q", name="x"), c.Assignment("b", "r"))
    far = c.Commitment(50, location="EU", name="c")
    assert wrong(c.Capacity(reservations, (c.Commitment(50, name="c"), far), named)) == []
    ((path, message),) = wrong(c.Capacity(reservations, (far, c.Commitment(50, location="eu", name="c"))))
    assert (path, message) == (("commitments", 1, "name"), "there is another of the name 'c'")
    ((path, message),) = wrong(
        c.Capacity(reservations, assignments=(*named, c.Assignment("a", "s", name="x")))
    )
    assert (path, message) == (("assignments", 3, "name"), "there is another of the name 'x'")
    ((path, message),) = wrong(c.Capacity(reservations, assignments=(c.Assignment("a", name="a_b"),)))
    assert path == ("assignments", 0, "name") and message.startswith("'a_b' is no name: names begin with")


def test_what_a_reservation_has_at_most_is_its_own() -> None:
    assert most_slots(c.Reservation(100, 200)) == 300
    assert most_slots(c.Reservation(100, max_slots=250, scaling_mode="ALL_SLOTS")) == 250


def test_places_below_a_node_are_the_nearest_there_is() -> None:
    tree = from_yaml("a:\n  b: [1, {c: 2}]\n", "f")

    def at(*path: str | int) -> tuple[int, int]:
        place = below(tree, path)
        return place.line, place.column

    assert at() == (1, 1)
    assert at("a") == (1, 1)
    assert at("a", "b") == (2, 3)
    assert at("a", "b", 0) == (2, 7)
    assert at("a", "b", 1, "c") == (2, 14)
    assert at("a", "b", 1, "d") == (2, 10)
    assert at("a", "x", 7) == (1, 1)
    assert isinstance(tree.entries[0][1].entries[0][1].items[0], Leaf)  # type: ignore[union-attr]
