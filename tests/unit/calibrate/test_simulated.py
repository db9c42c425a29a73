"""A simulator with known latencies is measured, calibrated, and simulated again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bqsim.calibrate.calibration import calibrate
from bqsim.calibrate.families import kolmogorov
from bqsim.calibrate.gathering import Samples
from bqsim.calibrate.profile import profile
from bqsim.history import JobRecord, merged
from bqsim.history.asking import fetch, history_sql
from bqsim.seeding import Api
from bqsim.settings import Settings
from bqsim.sim.scenario.load import parse
from bqsim.simulator import Simulator

COUNT = 100
KNOWN: dict[str, Any] = {
    "name": "known",
    "seed": 11,
    "clock": {"mode": "manual"},
    "latency": {
        "rules": [
            {"phase": "queue", "latency": {"lognormal": {"median": "80ms", "sigma": 0.4}}},
            {
                "phase": "run",
                "match": {"statement_type": "SELECT"},
                "latency": {"gamma": {"mean": "3s", "shape": 4}},
            },
        ]
    },
}


def measured(scenario: dict[str, Any]) -> list[JobRecord]:
    """The history of some jobs under a scenario."""
    with Simulator(Settings(project="p"), scenario) as sim:
        seen = Api(sim.url, "p")
        # What it asks for is not kept out of the simulation.
        seen._headers = {}
        for n in range(COUNT):
            reference = {"projectId": "p", "jobId": f"job_{n:03}"}
            query = {"query": f"SELECT {n} AS n", "useLegacySql": False, "useQueryCache": False}
            seen.call("POST", "jobs", {"jobReference": reference, "configuration": {"query": query}})
        sim.clock.advance("10m")
        return merged(fetch(Api(sim.url, "p"), history_sql()))


@pytest.fixture(scope="module")
def recorded() -> list[JobRecord]:
    return measured(KNOWN)


def test_known_latencies_are_found_again(recorded: list[JobRecord]) -> None:
    assert len(recorded) == COUNT
    made = calibrate(Samples(jobs=recorded, sources=["known"]))
    select = next(one for one in made.classes if one.level == "all")
    queue, run = select.fits["queue"], select.fits["run"]
    assert queue.latency.distribution.median_s == pytest.approx(0.08, rel=0.15)
    assert queue.latency.distribution.sigma == pytest.approx(0.4, rel=0.2)
    values = np.array([job.ran_us / 1e6 for job in recorded])
    assert float(values.mean()) == pytest.approx(3.0, rel=0.12)
    assert abs(run.errors["p50"]) < 0.1 and abs(run.errors["p90"]) < 0.15
    assert run.distance < 0.12 and queue.distance < 0.12


@pytest.mark.fidelity(
    "recording:calibration",
    "approximated",
    "Times are drawn from a family of distributions, or a table, that fits the recorded ones.",
)
def test_generated_times_are_like_the_recorded(recorded: list[JobRecord]) -> None:
    text = profile(calibrate(Samples(jobs=recorded, sources=["known"])))
    again = measured({**json.loads(json.dumps(_plain(text))), "seed": 5, "clock": {"mode": "manual"}})
    for phase in ("queued_us", "ran_us"):
        first = np.sort([getattr(job, phase) / 1e6 for job in recorded])
        second = np.asarray([getattr(job, phase) / 1e6 for job in again])
        distance, _ = kolmogorov(lambda v, of=first: np.searchsorted(of, v, side="right") / len(of), second)
        assert distance < 0.2


def _plain(text: str) -> dict[str, Any]:
    from bqsim.sim.scenario.dump import to_dict

    return to_dict(parse(text))
