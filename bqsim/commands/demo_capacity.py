"""The part of ``make demo`` that rehearses capacity: on paper, and in the running simulator."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqsim.simulator import Simulator

Heading = Callable[[str], None]

PLAN = """
name: fewer-slots
days: 3
capacity:
  reservations:
    all: {slot_capacity: 300}
  assignments: [{reservation: all}]
workload:
  - name: dashboards
    origin:
      generated:
        arrivals: {diurnal: {per_hour: 3000, night_share: 0.1}}
        mix: [{project: bi, slot_time: {lognormal: {p50: 20s, p95: 4m}}, floor: 200ms}]
  - name: nightly
    origin:
      generated:
        arrivals: {bursts: {size: 60, every: 24h, first: 7h}}
        mix: [{project: etl, slot_time: {lognormal: {p50: 5h, p95: 12h}}, units: 800, priority: BATCH}]
group_by: workload
grid:
  reservations.all.slot_capacity: [300, 100, 0]
  reservations.all.autoscale_max_slots: [0, 150, 400]
objectives:
  - {name: dashboards, group: dashboards, within: 20s, share: 0.95}
  - {name: nightly by noon, group: nightly, within: 5h, share: 1.0}
"""

# Two jobs at once, and 100 slots for both. Each job is 200 slot-seconds of 100 units of work.
SLOTS = """
reservations: {small: {slot_capacity: 100, target_job_concurrency: 2}}
assignments: [{reservation: small}]
"""
LABELS = {"bqsim_slot_ms": "200000", "bqsim_units": "100"}


def capacity(sim: Simulator, client: Any, heading: Heading) -> None:
    """Rehearse fewer slots, then let queries wait for slots."""
    _on_paper(heading)
    _live(sim, client, heading)


def _on_paper(heading: Heading) -> None:
    from bqsim.rehearse.plan.reading import load
    from bqsim.rehearse.reporting.words import seconds
    from bqsim.rehearse.sweep import rehearse

    heading("Capacity: what other reservations would do to three days of jobs, and what they would cost")
    if find_spec("numba") is None:
        print("   (uncompiled; pip install 'bqsim[rehearse]' is a hundred times as fast)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.yaml"
        path.write_text(PLAN)
        report = rehearse(load(path))
    for one in sorted(report.settings, key=lambda one: one.cost_per_day):
        kept = all(missed.kept for missed in one.objectives)
        values = " + ".join(f"{value}" for value in one.values.values())
        print(
            f"   {values:>11} slots: {one.cost_per_day:8.2f} {report.currency} a day,"
            f" p95 {seconds(one.whole.duration.at(95.0)):>8}, {'all is kept' if kept else 'promises broken'}"
        )
    if report.advice is not None:
        print(f"   take {report.advice.setting}:")
        for reason in report.advice.reasons[:2]:
            print(f"   - {reason}")


def _live(sim: Simulator, client: Any, heading: Heading) -> None:
    from google.cloud.bigquery import QueryJobConfig

    heading("The same slots in the running simulator: two queries at once, by a clock moved by hand")
    sim.clock.freeze()
    sim.capacity.use(SLOTS)
    jobs = [client.query("SELECT 1", job_config=QueryJobConfig(labels=LABELS)) for _ in range(3)]
    for wait in ("0s", "2s", "2s", "4s"):
        sim.clock.advance(wait)
        for job in jobs:
            job.reload()
        print(f"   {wait:>3} later: {', '.join(job.state for job in jobs)}")
    sim.capacity.off()
    sim.clock.resume()
    print(f"   slot time of the first: {jobs[0].slot_millis:,} slot-ms in 4 s: it had half of the slots")
