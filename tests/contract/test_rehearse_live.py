"""Live rehearsals at a simulator whose jobs share the slots of the plan."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import bqsim
from bqsim.cli import main
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.live.report import LiveReport
from bqsim.rehearse.live.run import Options, run
from bqsim.rehearse.plan.reading import LoadedPlan, parse
from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity(
        "capacity:live rehearsal",
        "approximated",
        "Plans of more stages than labels hold become one stage that takes as long with all slots it wants.",
    )
]

PLAN = """
name: live
seed: 4
workload:
  - origin:
      generated:
        arrivals: {poisson: {per_hour: 108000}}
        mix:
          - {slot_time: 2s, units: 10, floor: 30ms, weight: 2}
          - {name: nightly, slot_time: 1s, units: 20, priority: BATCH}
group_by: priority
capacity: {reservations: {main: {slot_capacity: 400}}, assignments: [{reservation: main}]}
"""
# All at once: two run, five wait.
STORM = """
name: storm
workload:
  - origin: {generated: {arrivals: {bursts: {size: 40, every: 1d}}, mix: [{slot_time: 20s, units: 100}]}}
capacity:
  reservations: {main: {slot_capacity: 100, target_job_concurrency: 2}}
  assignments: [{reservation: main}]
  queues: {interactive: 5}
retries: {attempts: 3, first: 50ms, longest: 100ms}
"""


# Two stages side by side and one that waits for them; some jobs fail, and are sent again.
STAGED = """
name: staged
seed: 9
workload:
  - origin:
      generated:
        arrivals: {poisson: {per_hour: 36000}}
        mix:
        - name: etl
          slot_time: 6s
          floor: 50ms
          stages:
          - {share: 2, units: 20}
          - {share: 1, units: 1, after: []}
          - {share: 1, units: 5, after: [1, 2]}
        - {name: report, slot_time: {exponential: 1s}, units: 8, failing: 0.4, project: reports}
group_by: project
capacity: {reservations: {main: {slot_capacity: 5000}}, assignments: [{reservation: main}]}
retries: {attempts: 2, first: 20ms, longest: 20ms, jitter: 0}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with bqsim.start(seed=7) as running:
        yield running


@pytest.fixture
def sim(server: Simulator) -> Iterator[Simulator]:
    yield server
    server.reset()
    server.clock.resume()


def live(text: str, sim: Simulator, **options: object) -> LiveReport:
    return run(parse(text), sim.url, Options(apply=True, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("client", ["rest", "google"])
def test_jobs_take_as_long_as_they_were_rehearsed_to(sim: Simulator, client: str) -> None:
    report = live(PLAN, sim, for_s=1.0, client=client)
    # On a slow machine jobs are sent late, which is told and is no fault.
    assert [note for note in report.notes if not note.startswith("the rate was not held")] == []
    assert report.rehearsed is not None
    for seen, rehearsed in zip(report.groups, report.rehearsed.groups, strict=True):
        assert seen.name == rehearsed.group
        assert seen.done == seen.sent == rehearsed.jobs
        assert seen.slot_ms / 3_600_000 == pytest.approx(rehearsed.slot_hours, rel=0.01)
        # What is driven is no faster than what is only thought.
        for share in (50.0, 95.0):
            assert seen.phases["total"].percentile(share) >= rehearsed.duration.at(share) * 0.99
    assert report.groups[1].phases["total"].smallest >= 0.22


@pytest.mark.parametrize("drivers", [1, 2])
def test_stages_and_failures_are_seen_as_they_were_rehearsed(sim: Simulator, drivers: int) -> None:
    report = live(STAGED, sim, for_s=2.0, drivers=drivers)
    assert report.tally.as_one == 0 and report.rehearsed is not None
    seen = {group.name: group for group in report.groups}
    for rehearsed in report.rehearsed.groups:
        group = seen[rehearsed.group]
        assert group.sent == rehearsed.jobs
        # Slots are ample: the same jobs fail, with the same share of their work, as often.
        assert group.done == rehearsed.states["DONE"]
        assert group.failed == rehearsed.states.get("FAILED", 0)
        assert group.slot_ms / 3_600_000 == pytest.approx(rehearsed.slot_hours, rel=0.001)
    reports, etl = seen["reports"], seen["project"]
    assert reports.failed > 3 and reports.errors == {"jobBackendError": 2 * reports.failed}
    # A floor, 1.5 s of one slot beside 150 ms of twenty, and 300 ms of five.
    run = etl.phases["run"]
    assert run.smallest >= 1.8
    assert etl.done == etl.sent == run.count


def test_a_fast_clock_tells_the_times_of_the_plan(sim: Simulator) -> None:
    report = live(PLAN, sim, for_s=0.5, speed=10.0, drivers=1)
    assert (report.speed, report.rate) == (10.0, 10.0)
    assert report.rehearsed is not None
    assert report.groups[0].done == report.rehearsed.whole.jobs > 100
    assert report.groups[1].phases["total"].smallest >= 0.22


@pytest.mark.parametrize("client", ["rest", "google"])
def test_full_queues_and_the_retries_they_bring_are_seen(sim: Simulator, client: str) -> None:
    report = live(STORM, sim, for_s=5.0, client=client)
    whole = report.groups[0]
    assert (whole.sent, whole.stopped) == (40, 0)
    assert whole.done >= 7
    assert whole.failed >= 20
    assert whole.retried >= 40
    assert whole.errors == {"quotaExceeded": whole.failed + whole.retried}
    assert report.rehearsed is not None
    states = report.rehearsed.whole.states
    assert states["DONE"] >= 7
    assert states["QUEUE_FULL"] >= 20
    assert "queue" in report.tally.messages["quotaExceeded"].lower()


def test_a_stop_cancels_what_runs(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "stop"
    timer = threading.Timer(0.6, file.touch)
    timer.start()
    report = live(STORM.replace("20s", "100h"), sim, stop_file=str(file))
    timer.join()
    assert report.stopped
    whole = report.groups[0]
    assert (whole.sent, whole.done) == (40, 0)
    client = sim.client("project")
    states = {job.state for job in client.list_jobs(all_users=True)}
    assert states == {"DONE"}


def test_a_simulator_without_the_capacity_is_told(sim: Simulator) -> None:
    loaded: LoadedPlan = parse(PLAN)
    report = run(loaded, sim.url, Options(for_s=0.1, simulate=False))
    assert report.notes == (
        "no capacity is in force at the simulator: its jobs run as fast as they can (see --apply)",
    )


def test_the_command(sim: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN + "thresholds: [{p50_duration: 1ms}]\n")
    page, hgrm = tmp_path / "out" / "page.html", tmp_path / "out.hgrm"
    given = ["rehearse", "live", str(plan), sim.url, "--apply", "--for", "300ms", "--plain"]
    given += ["--format", "json", "--html", str(page), "--hgrm", str(hgrm), "--run-id", "x1"]
    assert main(given) == 1
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert told["broken"][0]["place"].endswith("plan.yaml:13")
    assert told["groups"][0]["group"] == "all"
    assert "in flight" in shown.err
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "#[Max" in hgrm.read_text()
    ids = {job.job_id for job in sim.client("project").list_jobs(all_users=True)}
    assert any(one.startswith("bqsim_live_x1_") for one in ids)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(["https://bigquery.googleapis.com"], "say --real", id="real"),
        pytest.param(["nowhere"], "the endpoint is an address", id="address"),
    ],
)
def test_wrong_commands(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    assert main(["rehearse", "live", str(plan), *given]) == 2
    assert message in capsys.readouterr().err


def test_a_clock_that_stands_is_refused(sim: Simulator) -> None:
    sim.clock.freeze()
    with pytest.raises(RehearsalError, match="clock stands"):
        run(parse(PLAN), sim.url, Options(for_s=0.1))
