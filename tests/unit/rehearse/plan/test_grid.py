from __future__ import annotations

import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.grid import MOST_SETTINGS, Setting, settings
from bqsim.rehearse.plan.reading import parse
from bqsim.sim.scenario.tree import ScenarioError

PLAN = """
workload:
- name: etl
  origin:
    generated:
      arrivals: {poisson: 60}
      mix: [{slot_time: 10m, project: data}]
  changes: [{shift: 0s}]
capacity:
  reservations:
    etl: {slot_capacity: 100, autoscale_max_slots: 100, projects: {org.com:data: {max_slots: 50}}}
  assignments: [{reservation: etl}]
"""


def of(text: str) -> tuple[Setting, ...]:
    return parse(PLAN + text).settings


def test_without_a_grid_the_plan_is_the_only_setting() -> None:
    (only,) = of("")
    assert (only.name, only.values, only.times) == ("as planned", {}, 1.0)
    assert only.plan == parse(PLAN).plan


def test_a_grid_is_every_combination_the_last_path_fastest() -> None:
    found = of("grid: {reservations.etl.slot_capacity: [0, 50], retries.attempts: [1, 5]}")
    assert [one.name for one in found] == [
        "slot_capacity=0, attempts=1",
        "slot_capacity=0, attempts=5",
        "slot_capacity=50, attempts=1",
        "slot_capacity=50, attempts=5",
    ]
    assert [one.capacity.reservations["etl"].slot_capacity for one in found] == [0, 0, 50, 50]
    assert [one.retries.attempts for one in found] == [1, 5, 1, 5]
    assert found[2].values == {"reservations.etl.slot_capacity": 50, "retries.attempts": 1}
    assert {one.capacity.reservations["etl"].autoscale_max_slots for one in found} == {100}


def test_settings_by_name_come_after_the_grid() -> None:
    found = of(
        "grid: {fairness: [project]}\nsettings:\n  on demand: {assignments.1.reservation: none}\n  same: {}\n"
    )
    assert [one.name for one in found] == ["fairness=project", "on demand", "same"]
    assert found[1].capacity.assignments[0].reservation == "none"
    assert found[2].capacity == parse(PLAN).plan.capacity


def test_names_of_settings_tell_paths_apart() -> None:
    both = PLAN.replace("  assignments", "    bi: {slot_capacity: 100}\n  assignments")
    found = parse(
        both + "grid: {reservations.etl.slot_capacity: [0], reservations.bi.slot_capacity: [50]}"
    ).settings
    assert [one.name for one in found] == ["etl.slot_capacity=0, bi.slot_capacity=50"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("reservations.etl.max_slots", "null"),
        ("capacity.reservations.etl.fluid_scaling", "true"),
        ("reservations.etl.projects.org.com:data.max_slots", "100"),
        ("assignments.1.project", "data"),
        ("queues.interactive_timeout", "-1"),
        ("on_demand.burst", "1m"),
        ("workload.etl.changes.1.shift", "-2h"),
        ("workload.1.changes.1.priority", "BATCH"),
        ("workload.etl.origin.generated.arrivals.poisson.per_hour", "90"),
        ("workload.etl.origin.generated.mix.query.slot_time", "20m"),
        ("workload.etl.origin.generated.growth", "1.5"),
        ("workload.etl.changes.1.of.project", '"da*"'),
        ("retries.longest", "1m"),
    ],
)
def test_a_path_leads_anywhere_in_the_plan(path: str, value: str) -> None:
    (only,) = of(f"grid: {{'{path}': [{value}]}}")
    assert path in only.values
    changed = only.plan != parse(PLAN).plan
    assert changed or value == "null"


def test_times_of_all_jobs_is_what_the_workload_is_built_with() -> None:
    found = of("grid: {workload.times: [1, 1.3]}")
    assert [one.times for one in found] == [1.0, 1.3]
    assert [one.plan.workload for one in found] == [parse(PLAN).plan.workload] * 2


def test_values_are_read_as_the_plan_reads_them() -> None:
    found = of("grid: {workload.etl.changes.1.shift: [90m, 1]}")
    assert [one.plan.workload[0].changes[0].shift_s for one in found] == [5400.0, 1.0]


def test_how_much_work_there_is_nobody_chooses_when_it_runs_one_does() -> None:
    found = of(
        "grid:\n  workload.times: [1, 2]\n  workload.etl.changes.1.shift: [0s, 1h]\n"
        "  reservations.etl.slot_capacity: [100, 200]\n"
        "settings: {more: {workload.times: 2}}"
    )
    assert {one.circumstances for one in found} == {(("workload.times", 1.0),), (("workload.times", 2.0),)}
    assert [path for path, _ in found[0].choice] == [
        "workload.etl.changes.1.shift",
        "reservations.etl.slot_capacity",
    ]
    more = next(one for one in found if one.name == "more")
    # What it does not give it has from the plan, and so is the same choice as in the grid.
    assert [one.name for one in found if one.choice == more.choice] == [
        "times=1, shift=0s, slot_capacity=100",
        "times=2, shift=0s, slot_capacity=100",
        "more",
    ]


def test_a_plan_made_in_code_with_a_wrong_grid_is_refused() -> None:
    from dataclasses import replace

    plan = replace(parse(PLAN).plan, grid={"reservations.elt.slot_capacity": (1,)})
    with pytest.raises(RehearsalError, match=r"grid\.reservations\.elt\.slot_capacity: unknown name 'elt'"):
        settings(plan)


def test_as_many_settings_as_there_may_be_are_made_soon() -> None:
    values = ", ".join(str(50 * n) for n in range(1, 26))
    paths = ("reservations.etl.autoscale_max_slots", "reservations.etl.slot_capacity")
    assert len(of("grid:\n" + "".join(f"  {path}: [{values}]\n" for path in paths))) == 625 <= MOST_SETTINGS


def test_commitments_to_spend_can_be_varied_and_are_chosen() -> None:
    money = "money: {spend_commitments: [{per_hour: 1, plan: THREE_YEAR}]}\n"
    found = of(money + "grid: {money.spend_commitments.1.per_hour: [0, 2.5]}")
    assert [one.plan.money.spend_commitments[0].per_hour for one in found] == [0, 2.5]
    assert {one.circumstances for one in found} == {()}
    assert found[1].choice == (("money.spend_commitments.1.per_hour", 2.5),)
    with pytest.raises(ScenarioError, match=r"did you mean 'money\.spend_commitments\.1\.plan'\?"):
        of(money + "grid: {spend_commitments.plan: [ANNUAL]}")
