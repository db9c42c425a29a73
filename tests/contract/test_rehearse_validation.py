"""The jobs of a running simulator, exported through Google's client, are what the model of slots says."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

import bqsim
from bqsim.rehearse.plan.reading import load
from bqsim.rehearse.validation import Validation, validated
from bqsim.sim.slots.seeds import generator

CAPACITY = "{reservations: {etl: {slot_capacity: 50}}, assignments: [{reservation: etl}]}"
PLAN = f"workload: [{{origin: {{history: jobs.json}}}}]\ncapacity: {CAPACITY}\n"
VIEWS = {
    "jobs.json": "SELECT * FROM `region-us`.INFORMATION_SCHEMA.JOBS WHERE total_slot_ms > 0",
    "seconds.json": "SELECT * FROM `region-us`.INFORMATION_SCHEMA.JOBS_TIMELINE WHERE period_slot_ms > 0",
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports of forty queries that share 50 slots."""
    folder = tmp_path_factory.mktemp("exports")
    chance = generator(3, "validation")
    with bqsim.start(seed=7, project="p") as sim, sim.client() as client:
        sim.clock.freeze()
        sim.capacity.use(CAPACITY)
        for number in range(40):
            labels = {"bqsim_slot_ms": str(chance.integers(20, 200) * 1000), "bqsim_units": "40"}
            client.query(f"SELECT {number}", job_config=bigquery.QueryJobConfig(labels=labels))
            sim.clock.advance(f"{chance.integers(200, 4000)}ms")
        sim.clock.advance("600s")
        # What asks for the exports is not to wait for slots.
        sim.capacity.off()
        sim.clock.resume()
        for name, query in VIEWS.items():
            rows = [dict(row) for row in client.query_and_wait(query)]
            (folder / name).write_text(json.dumps(rows, default=_text))
    (folder / "plan.yaml").write_text(PLAN)
    return folder


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


@pytest.mark.parametrize("timelines", [(), ("seconds.json",)], ids=["jobs", "jobs and their seconds"])
def test_the_model_is_what_ran(exports: Path, timelines: tuple[str, ...]) -> None:
    loaded = load(exports / "plan.yaml")
    found: Validation = validated(loaded.plan, loaded.folder, timelines=[exports / one for one in timelines])
    assert found.calibration.jobs == 40
    assert found.calibration.duration_error < 0.01
    assert abs(found.calibration.duration_bias) < 0.01
    assert found.calibration.slots_error < 0.05
    assert [one.place for one in found.places] == ["etl"]
    assert found.notes == ()
