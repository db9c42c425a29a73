from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from bqsim.rehearse.plan import model as m
from bqsim.rehearse.plan.reading import from_dict, json_schema, load, parse
from bqsim.sim.scenario.latency import Fixed
from bqsim.sim.scenario.tree import ScenarioError

from .wrong_plans import JOBS

PLANS = sorted((Path(__file__).parents[4] / "scenarios" / "rehearsals").glob("*.yaml"))


def test_a_plan_of_one_line_has_all_defaults() -> None:
    loaded = parse(JOBS, "plan.yaml")
    kind = m.JobKind(Fixed(60.0))
    assert loaded.plan == m.Plan((m.WorkloadPart(m.Generated(m.Poisson(60.0), (kind,))),))
    assert [one.name for one in loaded.settings] == ["as planned"]
    assert loaded.notes == ()


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_plan_of_the_package_is_right_and_tells_what_it_is_for(path: Path) -> None:
    loaded = load(path)
    assert loaded.plan.name == path.stem
    assert loaded.folder == path.parent
    assert 2 <= len(loaded.settings) <= 12
    assert loaded.plan.objectives or loaded.plan.thresholds
    assert loaded.notes == ()
    assert f"#     bqsim rehearse scenarios/rehearsals/{path.name}" in path.read_text(encoding="utf-8")


def test_there_are_plans_of_the_package() -> None:
    assert len(PLANS) == 8


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_plan_of_the_package_fits_its_schema(path: Path) -> None:
    import yaml

    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), json_schema())


def test_the_schema_refuses_what_reading_refuses() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"workload": [], "objektives": []}, json_schema())


def test_places_of_a_plan_are_lines() -> None:
    loaded = parse(JOBS + "thresholds:\n- {failures: 0}\n- group: all\n  failures: 0.1\n", "plan.yaml")
    assert loaded.place("thresholds", 0, "failures") == "plan.yaml:3"
    assert loaded.place("thresholds", 1, "failures") == "plan.yaml:5"
    assert loaded.place("thresholds", 1, "misses") == "plan.yaml:4"
    assert loaded.place("grid", "none") == "plan.yaml:1"


def test_a_plan_goes_to_other_processes() -> None:
    loaded = parse(JOBS + "grid: {retries.attempts: [1, 2]}", "plan.yaml")
    other = pickle.loads(pickle.dumps(loaded))
    assert other.settings == loaded.settings
    assert other.place("grid") == loaded.place("grid")


def test_another_seed_is_in_all_settings() -> None:
    loaded = parse(JOBS + "grid: {retries.attempts: [1, 2]}")
    assert [one.plan.seed for one in loaded.settings] == [1, 1]
    assert [one.plan.seed for one in loaded.with_seed(5).settings] == [5, 5]
    assert loaded.with_seed(5).plan == replace(loaded.plan, seed=5)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"plan\.yaml: cannot be read: No such file"):
        load(tmp_path / "plan.yaml")


def test_paths_are_relative_to_the_plan(tmp_path: Path) -> None:
    (tmp_path / "jobs.json").write_text("[]")
    (tmp_path / "plan.yaml").write_text("workload: [{origin: {history: jobs.json}}]")
    assert load(tmp_path / "plan.yaml").plan.workload[0].origin == m.History(("jobs.json",))


def test_a_plan_of_an_object_is_refused_by_path() -> None:
    value = {"workload": [{"origin": {"generated": {"arrivals": {"poisson": 60}, "mix": []}}}]}
    with pytest.raises(ScenarioError) as refused:
        from_dict(value)
    assert (
        str(refused.value) == "plan: workload[0].origin.generated.mix: a mix needs at least one kind of job"
    )


def test_a_baseline_that_commitments_cover_need_not_be_of_steps() -> None:
    text = (
        "capacity:\n  reservations: {a: {slot_capacity: 120}, b: {slot_capacity: 30}}\n"
        "  commitments: [{slots: 150}]\n"
    )
    assert parse(JOBS + text).plan.capacity.reservations["a"].slot_capacity == 120
    with pytest.raises(ScenarioError, match="Baseline slots can only be configured in multiples of 50"):
        parse(JOBS + text.replace("150", "100"))


def test_a_standard_reservation_need_not_say_that_it_shares_nothing() -> None:
    text = "capacity: {reservations: {a: {edition: STANDARD, autoscale_max_slots: 100}}}"
    assert parse(JOBS + text).plan.capacity.reservations["a"].edition == "STANDARD"


def test_a_reservation_that_nobody_uses_is_noted() -> None:
    text = JOBS + "capacity: {reservations: {idle: {slot_capacity: 100}}}\n"
    assert parse(text).notes == (
        "nothing is assigned to the reservation 'idle'; its idle slots are lent to others",
    )
    used = text.replace(
        "}}}\n", "}}, assignments: [{reservation: none}]}\ngrid: {assignments.1.reservation: [idle]}"
    )
    assert parse(used).notes == ()


def test_what_is_wrong_is_told_all_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = "seed: -1\nworkload:\n- origin: {history: jobs.json}\nmoney: {on: never}\nobjectives: [{}]\n"
    with pytest.raises(ScenarioError) as refused:
        parse(text, "plan.yaml", tmp_path)
    assert [problem.place.line for problem in refused.value.problems] == [1, 4, 5]


def test_groups_of_labels_are_known_only_of_generated_jobs(tmp_path: Path) -> None:
    text = JOBS + "group_by: label\ngroup_label: team\nobjectives: [{group: bi, within: 1s}]\n"
    with pytest.raises(ScenarioError, match="unknown group 'bi'"):
        parse(text)
    (tmp_path / "jobs.json").write_text("[]")
    loaded = parse(
        text.replace("workload: [", "workload: [{name: h, origin: {history: jobs.json}}, "), folder=tmp_path
    )
    assert loaded.plan.objectives[0].group == "bi"


def test_a_reservation_in_which_no_job_can_run_is_noted() -> None:
    text = JOBS + (
        "capacity:\n"
        "  reservations: {a: {}, lends: {slot_capacity: 100, edition: ENTERPRISE_PLUS}}\n"
        "  assignments: [{reservation: a}, {reservation: lends, project: project}]\n"
    )
    told = "the reservation 'a' has no slots of its own and none to borrow"
    assert parse(text).notes == (f"{told}: its jobs wait",)
    edition = text + "grid: {reservations.lends.edition: [ENTERPRISE, ENTERPRISE_PLUS]}\n"
    assert parse(edition).notes == (f"{told} in the setting 'edition=ENTERPRISE_PLUS': its jobs wait",)
    assert parse(text.replace("_PLUS", "")).notes == ()
    committed = text.replace("  assignments", "  commitments: [{slots: 50}]\n  assignments")
    assert parse(committed).notes == ()
    alone = committed.replace("a: {}", "a: {ignore_idle_slots: true}")
    assert parse(alone).notes == (f"{told}: its jobs wait",)


def test_assignments_that_are_about_no_job_are_noted() -> None:
    text = JOBS + (
        "capacity:\n"
        "  folders: {teams: [team-*]}\n"
        "  reservations: {a: {slot_capacity: 100}}\n"
        "  assignments:\n"
        "  - {reservation: a}\n"
        "  - {reservation: a, project: projct}\n"
        "  - {reservation: a, principal: anna@example.com}\n"
        "  - {reservation: a, folder: teams}\n"
    )
    assert parse(text).notes == (
        "assignment 2 is about no job: none is of the project 'projct'; there is 'project'",
        "assignment 3 is about no job: none is of the principal 'anna@example.com'",
        "assignment 4 is about no job: none is of the folder 'teams'",
    )
    right = text.replace("projct", "project").replace("team-*", "proj*")
    right = right.replace("slot_time: 60s", "slot_time: 60s, principal: anna@example.com")
    assert parse(right).notes == ()
