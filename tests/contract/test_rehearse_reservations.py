"""A running simulator under a capacity, exported by SQL, is what the model of slots says: in slots that are
billed, too."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

import bqsim
from bqsim.cli import main
from bqsim.rehearse.plan.reading import load
from bqsim.rehearse.validation import Validation, validated
from bqsim.sim.slots.seeds import generator

CAPACITY = """
  commitments: [{slots: 100}]
  reservations:
    etl: {slot_capacity: 50, autoscale_max_slots: 200, target_job_concurrency: 8}
    bi: {slot_capacity: 50, autoscale_max_slots: 100, ignore_idle_slots: true, target_job_concurrency: 4}
  assignments:
  - {reservation: etl, project: p}
  - {reservation: bi, project: q}
"""
PLAN = f"workload: [{{origin: {{history: jobs.json}}}}]\ncapacity:{CAPACITY}"
VIEW = "`region-us`.INFORMATION_SCHEMA."
VIEWS = {
    "jobs.json": f"SELECT * FROM {VIEW}JOBS_BY_ORGANIZATION WHERE total_slot_ms > 0",
    "seconds.json": f"SELECT * FROM {VIEW}JOBS_TIMELINE_BY_ORGANIZATION WHERE period_slot_ms > 0",
    "minutes.json": f"SELECT * FROM {VIEW}RESERVATIONS_TIMELINE ORDER BY period_start",
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports of sixty queries of two projects that share two reservations for some minutes."""
    folder = tmp_path_factory.mktemp("exports")
    chance = generator(5, "reservations")
    with bqsim.start(seed=7, project="p", extra_projects=("q",)) as sim, sim.client() as client:
        sim.clock.freeze()
        sim.capacity.use(CAPACITY)
        for number in range(60):
            labels = {
                "bqsim_slot_ms": str(chance.integers(20, 900) * 1000),
                "bqsim_units": str(chance.choice([20, 40, 90, 150])),
            }
            project = str(chance.choice(["p", "q"]))
            config = bigquery.QueryJobConfig(labels=labels)
            client.query(f"SELECT {number}", job_config=config, project=project)
            sim.clock.advance(f"{chance.integers(200, 9000)}ms")
        sim.clock.advance("1200s")
        # What asks for the exports needs no slots.
        free = bigquery.QueryJobConfig(labels={"bqsim_slot_ms": "0"}, use_query_cache=False)
        sim.clock.resume()
        for name, query in VIEWS.items():
            rows = [dict(row) for row in client.query_and_wait(query, job_config=free)]
            (folder / name).write_text(json.dumps(rows, default=_text))
        assert sum(place.scaled for place in sim.capacity.places()) == 0
    (folder / "plan.yaml").write_text(PLAN)
    return folder


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / name).read_text())
    return found


def test_the_model_is_what_ran_and_what_is_billed(exports: Path) -> None:
    loaded = load(exports / "plan.yaml")
    timelines = [exports / "seconds.json", exports / "minutes.json"]
    found: Validation = validated(loaded.plan, loaded.folder, timelines=timelines)
    assert found.calibration.jobs == 60
    assert found.calibration.duration_error < 0.01
    assert abs(found.calibration.duration_bias) < 0.01
    assert found.calibration.slots_error < 0.02
    assert found.calibration.scaled_error is not None and found.calibration.scaled_error < 0.02
    places = {one.place: one for one in found.places}
    assert sorted(places) == ["bi", "etl"]
    for one in places.values():
        assert one.used == pytest.approx(one.model_used, rel=0.01)
        assert one.scaled is not None and one.scaled > 0
        assert one.scaled == pytest.approx(one.model_scaled, rel=0.01)


def test_seconds_sum_up_to_the_slot_time_of_each_job(exports: Path) -> None:
    sums: dict[str, int] = {}
    for row in read(exports, "seconds.json"):
        sums[row["job_id"]] = sums.get(row["job_id"], 0) + row["period_slot_ms"]
    assert sums == {row["job_id"]: row["total_slot_ms"] for row in read(exports, "jobs.json")}


def test_seconds_never_have_more_than_the_minute_tells(exports: Path) -> None:
    used: dict[tuple[str, str], float] = {}
    for row in read(exports, "seconds.json"):
        key = row["reservation_id"], row["period_start"][:16]
        used[key] = used.get(key, 0.0) + row["period_slot_ms"]
    for row in read(exports, "minutes.json"):
        there = used.pop((row["reservation_id"], row["period_start"][:16]), 0.0)
        details = row["per_second_details"]
        borrowed = sum(one["borrowed_slots"] for one in details)
        had = 60 * row["slots_assigned"] + row["period_autoscale_slot_seconds"] + borrowed
        # What is borrowed is told as each second began.
        assert there <= 1000 * had + 10 * 60_000
    assert used == {}


def test_the_command_tells_the_same(exports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timelines = [f"--timeline={exports / name}" for name in ("seconds.json", "minutes.json")]
    code = main(["rehearse", "validate", str(exports / "plan.yaml"), *timelines])
    told = capsys.readouterr().out
    assert code == 0 and "etl" in told and "bi" in told
