from __future__ import annotations

import pytest

from bqsim.rehearse.plan.paths import PathError, read_value, records, replaced, resolved
from bqsim.rehearse.plan.reading import parse

from .test_grid import PLAN

plan = parse(PLAN).plan


@pytest.mark.parametrize(
    ("path", "keys", "value"),
    [
        ("fairness", ("capacity", "fairness"), "project"),
        ("capacity.fairness", ("capacity", "fairness"), "project"),
        ("retries.attempts", ("retries", "attempts"), 1),
        ("assignments.1.job_type", ("capacity", "assignments", 0, "job_type"), "QUERY"),
        (
            "reservations.etl.projects.org.com:data.max_slots",
            ("capacity", "reservations", "etl", "projects", "org.com:data", "max_slots"),
            50,
        ),
        ("workload.etl.changes.1.times", ("workload", 0, "changes", 0, "times"), 1.0),
        (
            "workload.1.origin.generated.mix.query.weight",
            ("workload", 0, "origin", "generated", "mix", 0, "weight"),
            1.0,
        ),
    ],
)
def test_a_path_leads_to_written_keys(path: str, keys: tuple[str | int, ...], value: object) -> None:
    target = resolved(plan, path)
    assert (target.keys, target.value) == (keys, value)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", "unknown path ''; it can be"),
        ("seed", "unknown path 'seed'; it can be reservations, commitments"),
        ("reservations", "'reservations' is not one value; go on with one of etl"),
        ("workload", "'workload' is not one value; go on with one of etl"),
        ("assignments", "'assignments' is not one value; go on with one of 1"),
        ("commitments", "'commitments' is not one value"),
        ("commitments.1.slots", "there is no '1' in 'commitments'; it has no entries"),
        ("assignments.0.project", "there is no '0' in 'assignments'; its entries are 1 to 1"),
        ("reservations.etl.projects.org", "unknown name 'org'; it can be org.com:data"),
        (
            "workload.etl.origin.generated.mix.query.floor.fixed.value",
            "floor' is not in the plan; write it there",
        ),
        ("retries.attempt", "unknown key 'attempt' of a client retries; did you mean 'attempts'?"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path: str, told: str) -> None:
    with pytest.raises(PathError) as refused:
        resolved(plan, path)
    assert told in str(refused.value)


def test_a_value_is_read_as_what_is_there() -> None:
    shift = resolved(plan, "workload.etl.changes.1.shift")
    assert read_value(shift, "-90m") == -5400.0
    slot_time = resolved(plan, "workload.etl.origin.generated.mix.query.slot_time")
    assert read_value(slot_time, "20m").value_s == 1200.0
    assert read_value(resolved(plan, "reservations.etl.max_slots"), None) is None
    with pytest.raises(PathError, match="expected a whole number"):
        read_value(resolved(plan, "reservations.etl.slot_capacity"), None)


def test_one_value_is_replaced_and_all_else_stays() -> None:
    target = resolved(plan, "workload.etl.changes.1.priority")
    changed = replaced(plan, target.keys, "BATCH")
    assert changed.workload[0].changes[0].priority == "BATCH"
    assert replaced(changed, target.keys, None) == plan
    assert plan.workload[0].changes[0].priority is None


def test_all_records_have_the_keys_that_lead_to_them() -> None:
    found = {keys: type(record).__name__ for keys, record in records(plan)}
    assert found[()] == "Plan"
    assert found["workload", 0, "origin", "generated"] == "Generated"
    assert found["workload", 0, "origin", "generated", "arrivals", "poisson"] == "Poisson"
    assert found["workload", 0, "origin", "generated", "mix", 0, "slot_time", "fixed"] == "Fixed"
    assert found["capacity", "reservations", "etl", "projects", "org.com:data"] == "ProjectCap"


CLOSED = parse(
    """
    workload:
    - name: x
      origin:
        generated:
          arrivals: {closed: {users: 20, think: 30s}}
          mix: [{slot_time: 10m}]
    - name: y
      origin: {generated: {arrivals: {poisson: 1}, mix: [{slot_time: 1s}]}}
    """
).plan


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("workload.x.origin.arrivals.users", ["workload.x.origin.generated.arrivals.closed.users"]),
        ("workload.x.origin.generated.arrivals.users", ["workload.x.origin.generated.arrivals.closed.users"]),
        ("x.users", ["workload.x.origin.generated.arrivals.closed.users"]),
        ("workload.x.origin.generated.mix.slot_time", ["workload.x.origin.generated.mix.query.slot_time"]),
        ("x.slot_time", ["workload.x.origin.generated.mix.query.slot_time"]),
        (
            "slot_time",
            [f"workload.{part}.origin.generated.mix.query.slot_time" for part in ("x", "y")],
        ),
        ("times", ["workload.times"]),
        ("project_slots", ["on_demand.project_slots"]),
    ],
)
def test_a_path_with_words_left_out_is_refused_with_what_is_meant(path: str, meant: list[str]) -> None:
    with pytest.raises(PathError) as refused:
        resolved(CLOSED, path)
    listed = " or ".join(f"'{one}'" for one in meant)
    assert str(refused.value) == f"there is no path '{path}'; did you mean {listed}?"
    for one in meant:
        assert one == "workload.times" or resolved(CLOSED, one).value is not None


def test_a_key_of_entries_that_are_not_there_is_told() -> None:
    with pytest.raises(PathError) as refused:
        resolved(CLOSED, "workload.x.times")
    told = (
        "it can be origin, name, changes, align; 'times' is a key of the entries of 'changes':"
        " write one there"
    )
    assert told in str(refused.value)


def test_what_may_mean_many_paths_is_not_guessed() -> None:
    with pytest.raises(PathError) as refused:
        resolved(CLOSED, "workload.max_slots.share.concurrency")
    assert "did you mean" not in str(refused.value)
