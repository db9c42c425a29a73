"""A plan sent to a server, by one driver and by several."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.live import showing
from bqsim.rehearse.live.progress import Now
from bqsim.rehearse.live.run import Options, run
from bqsim.rehearse.plan.reading import LoadedPlan, parse
from tests.bench.bare_jobs import Service, serving
from tests.children import child
from tests.waiting import until

PLAN = """
name: live
seed: 5
group_by: priority
workload:
  - name: jobs
    origin:
      generated:
        arrivals: {poisson: {per_hour: 360000}}
        mix:
          - {slot_time: 100ms, weight: 3}
          - {name: nightly, slot_time: 200ms, priority: BATCH, principal: b@x.org}
capacity: {reservations: {main: {slot_capacity: 100}}, assignments: [{reservation: main}]}
grid: {reservations.main.slot_capacity: [100, 200]}
objectives: [{within: 10s, share: 0.9}]
"""
CLOSED = """
workload:
  - origin: {generated: {arrivals: {closed: {users: 6, think: 20ms}}, mix: [{slot_time: 100ms}]}}
"""


def plan(text: str = PLAN, more: str = "") -> LoadedPlan:
    return parse(text + more)


def rows(service: Service) -> Sequence[int]:
    return sorted(int(one["jobReference"]["jobId"].split("_")[-2]) for one in service.taken)


def test_each_job_is_sent_once_and_compared_with_its_simulation() -> None:
    told: list[Now] = []
    with serving() as service:
        report = run(plan(), service.url, Options(for_s=1.2), progress=told.append)
    sent = report.tally.sent
    assert 80 < sent < 160
    assert list(rows(service)) == list(range(sent))
    assert [one.name for one in report.groups] == ["all", "INTERACTIVE", "BATCH"]
    assert report.groups[0].done == sum(one.done for one in report.groups[1:]) == sent
    assert report.rehearsed is not None
    assert report.rehearsed.whole.jobs == sent
    assert (report.objectives[0].jobs, report.objectives[0].missed, report.broken) == (sent, 0, ())
    assert told[-1].done == sent
    assert {one["configuration"]["query"]["priority"] for one in service.taken} == {"INTERACTIVE", "BATCH"}
    assert set(service.principals) == {"Bearer user", "Bearer user:b@x.org"}
    for shown in (showing.text(report), showing.page(report)):
        assert "rehearsed" in shown.lower()
    assert json.loads(showing.document(report))["groups"][0]["sent"] == sent


@pytest.mark.parametrize("client", ["rest", "google"])
def test_closed_users_send_when_they_have_thought(client: str) -> None:
    with serving(run_s=0.02) as service:
        report = run(plan(CLOSED), service.url, Options(for_s=0.5, client=client, simulate=False))
    # Each waits 40 ms at least between two jobs.
    assert 6 <= report.tally.sent <= 6 * 13
    assert report.tally.whole().done == len(service.taken) == report.tally.sent
    assert max(one.in_flight for one in report.tally.seconds.values()) <= 6
    assert len({one["jobReference"]["jobId"] for one in service.taken}) == report.tally.sent


def test_several_processes_send_the_same_jobs() -> None:
    with serving() as service:
        report = run(plan(), service.url, Options(for_s=0.5, drivers=2, simulate=False))
    assert list(rows(service)) == list(range(report.tally.sent))
    assert report.tally.whole().done == report.tally.sent
    assert report.tally.whole().phases["total"].count == report.tally.sent


def test_a_setting_by_its_name() -> None:
    with serving() as service:
        name = plan().settings[1].name
        report = run(plan(), service.url, Options(setting=name, for_s=0.1))
        assert report.setting == name
        with pytest.raises(RehearsalError, match="no setting 'x'; it has 'slot_capacity=100'"):
            run(plan(), service.url, Options(setting="x"))


def test_thresholds_are_held_to_what_was_seen() -> None:
    more = "thresholds:\n  - {p95_duration: 10ms, failures: 0.1}\n  - {misses: 0.01}\n"
    with serving(run_s=0.05, refusals=["invalid"] * 30) as service:
        report = run(plan(more=more), service.url, Options(for_s=0.6, simulate=False))
    told = [(one.what.partition(":")[0], one.place.rpartition(":")[2]) for one in report.broken]
    assert told == [
        ("p95 of durations", "17"),
        ("share of jobs that fail", "17"),
        ("share of jobs that miss an objective", "18"),
    ]
    assert report.groups[0].errors == {"invalid": 30}
    assert "FAILED: plan:17: p95 of durations" in showing.text(report)


def test_retries_are_those_of_the_plan() -> None:
    more = "retries: {attempts: 3, first: 10ms}\n"
    with serving(refusals=["quotaExceeded"] * 20) as service:
        report = run(plan(more=more), service.url, Options(for_s=0.5, simulate=False))
    whole = report.groups[0]
    assert (whole.errors["quotaExceeded"], len(service.taken)) == (20, whole.sent + whole.retried)
    assert whole.done + whole.failed == whole.sent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("drivers", [1, 2])
def test_a_signal_stops_all_and_cancels(number: signal.Signals, drivers: int) -> None:
    def interrupt(now: Now) -> None:
        told.append(now)
        if len(told) == 1:
            os.kill(os.getpid(), number)

    told: list[Now] = []
    before = signal.getsignal(number)
    with serving(run_s=60) as service:
        report = run(plan(), service.url, Options(for_s=60, drivers=drivers), progress=interrupt)
    assert report.stopped
    assert report.stopped_by == number.name
    assert report.tally.open == []
    assert report.rehearsed is None
    # Also those whose start was still under way.
    assert {one["jobReference"]["jobId"] for one in service.taken} <= set(service.cancelled)
    assert report.groups[0].stopped == report.tally.sent > 0
    assert report.tally.cancelled == report.tally.sent
    said = f"STOPPED before all jobs were sent ({number.name}): {report.tally.sent:,} jobs were cancelled"
    assert said in showing.text(report)
    assert signal.getsignal(number) is before


def test_a_file_stops_all(tmp_path: Path) -> None:
    file = tmp_path / "stop"
    timer = threading.Timer(0.5, file.touch)
    with serving(run_s=60) as service:
        timer.start()
        report = run(plan(), service.url, Options(for_s=60, stop_file=str(file), drivers=1))
    timer.join()
    assert report.stopped
    assert report.stopped_by == f"the file {file} was there"
    assert {one["jobReference"]["jobId"] for one in service.taken} <= set(service.cancelled)
    assert report.groups[0].stopped == report.tally.sent


@pytest.mark.parametrize("client", ["rest", "google"])
def test_a_stop_ends_at_a_server_that_hangs(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bqsim.rehearse.live.driver._CANCEL_S", 0.3)
    monkeypatch.setattr("bqsim.rehearse.live.driver._GRACE_S", 0.3)

    asked: list[Now] = []

    def stop(now: Now) -> None:
        if now.done == 4 and now.sent > 10 and not asked:
            asked.append(now)
            os.kill(os.getpid(), signal.SIGINT)

    with serving(stall_after=5, stall_s=1e6) as service:
        given = Options(for_s=60, client=client, simulate=False, threads=500)
        report = run(plan(), service.url, given, progress=stop)
        taken = {one["jobReference"]["jobId"] for one in service.taken}
    assert report.stopped
    # The four before were over when they were accepted.
    assert report.tally.whole().done == 4
    assert len(report.tally.open) == report.tally.unfinished == report.tally.sent - 4 > 0
    names = {one.partition(".")[2] for one in report.tally.open}
    assert names >= {one for one in taken if int(one.split("_")[-2]) >= 4}
    assert "jobs may STILL RUN, nobody has told of their end: p" in showing.text(report)


@pytest.mark.parametrize("drivers", [1, 2])
def test_a_cap_on_slots_stops_what_uses_more_than_planned(drivers: int) -> None:
    with serving() as service:
        # A job is planned to use 100 slot-milliseconds or 200, and uses 40.
        given = Options(for_s=0.5, cap_slot_hours=2000 / 3_600_000, simulate=False, drivers=drivers)
        report = run(plan(), service.url, given)
        assert not report.stopped
        assert report.tally.spent_slot_ms == 40 * report.tally.sent <= 2000
        # While they run they hold what they are planned to use: of a slow server's, ten may be all.
        assert report.tally.capped == 0 or report.tally.sent >= (2000 - 200) / 200
        jobs = plan(PLAN.replace("100ms", "1ms").replace("200ms", "1ms"))
        given = Options(for_s=20, cap_slot_hours=500 / 3_600_000, simulate=False, drivers=drivers)
        report = run(jobs, service.url, given)
    assert report.stopped
    assert report.stopped_by.startswith("jobs used more slots than they were planned to")
    assert report.tally.spent_slot_ms >= 500 / 2


def test_drivers_whose_parent_is_gone_cancel_their_jobs(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN)
    with serving(run_s=600) as service:
        words = ["rehearse", "live", str(file), service.url, "--drivers", "2", "--quiet", "--no-simulation"]
        with child("-m", "bqsim.cli", *words) as process:
            until(lambda: len(service.taken) > 20)
            process.kill()
            process.wait()
            until(lambda: {one["jobReference"]["jobId"] for one in service.taken[:]} <= {*service.cancelled})


def test_a_cap_leaves_out_what_goes_beyond() -> None:
    with serving(bytes=1) as service:
        given = Options(for_s=0.5, cap_bytes=100 * (1 << 20), simulate=False)
        report = run(plan(), service.url, given)
    # The least that is billed of a query that reads: 10 MiB, but nothing where no table is read.
    assert service.dry_runs >= 1
    assert report.tally.spent_bytes <= 100 * (1 << 20)
    assert report.tally.capped + report.tally.sent == report.tally.whole().sent + report.tally.capped
    assert report.tally.capped > 0
    assert "spending cap" in showing.text(report)


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        pytest.param("ftp://x", Options(), "the endpoint is an address", id="address"),
        pytest.param("http://x", Options(client="curl"), "no client 'curl'", id="client"),
        pytest.param("http://x", Options(spread="threads"), "no spread 'threads'", id="spread"),
        pytest.param("http://x", Options(drivers=0), "above 0", id="drivers"),
        pytest.param("https://bigquery.googleapis.com", Options(), "say --real", id="real"),
        pytest.param("https://bigquery.googleapis.com", Options(real=True), "--spend-cap", id="cap"),
        pytest.param(
            "http://bigquery.googleapis.com", Options(real=True, cap_bytes=1), "https only", id="http"
        ),
        pytest.param(
            "https://bigquery.googleapis.com",
            Options(real=True, cap_bytes=1, apply=True),
            "--apply is for simulators",
            id="apply",
        ),
    ],
)
def test_what_is_refused(url: str, options: Options, message: str) -> None:
    with pytest.raises(RehearsalError, match=message):
        run(plan(), url, options)


def test_a_capacity_cannot_be_put_in_force_at_what_is_no_simulator() -> None:
    with serving() as service, pytest.raises(RehearsalError, match="does not take the capacity"):
        run(plan(), service.url, Options(apply=True))


def test_jobs_that_are_given_up_are_told() -> None:
    with serving(run_s=60) as service:
        report = run(plan(), service.url, Options(for_s=0.3, patience_s=0.2, simulate=False))
    assert not report.stopped
    assert report.groups[0].stopped == len(service.cancelled) == report.tally.sent
    assert "had not ended 0.2 s after the last was sent and were cancelled" in report.notes[-1]


def test_an_endpoint_at_which_nobody_listens_is_told_before_anything_is_sent() -> None:
    with pytest.raises(RehearsalError, match=r"nothing answers at http://127\.0\.0\.1:9: Connection refused"):
        run(plan(), "http://127.0.0.1:9", Options(for_s=1.0))
