"""How fast settings are simulated, how much memory that takes, and what more workers and reservations do to it.

python -m tests.bench.rehearsal [jobs] [year] [reservations] [sweep] [ray]

`year` is a hundred million jobs, which take minutes; `sweep` is on Ray, too, where that is installed. Every figure is of a process of its own, with the functions compiled before (as they are from the second run on).
The load is the same everywhere: a million jobs a day in two projects, 70 % of the slots; more jobs are more days.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.servers import ROOT

Found = tuple[str, float, str, dict[str, Any]]

JOBS = (10_000, 1_000_000, 10_000_000)
# A year of a large company.
YEAR = (100_000_000,)
RESERVATIONS = (1, 10, 100)
A_DAY = 1_000_000
# Mean slot-seconds of a job; with 11.6 jobs a second that is 694 of 1,000 slots.
WORK = 60.0

PLAN = """\
name: bench
seed: 1
days: {days}
workload:
  - name: made
    origin:
      generated:
        arrivals: {{poisson: {per_hour}}}
        mix:
{mix}
capacity:
  commitments: [{{slots: 1000}}]
  reservations:
{reservations}
  assignments:
{assignments}
group_by: project
objectives:
  - {{name: soon, within: 60s}}
{grid}"""
SWEEP = """\
grid:
  reservations.r0.slot_capacity: [800, 900, 1000, 1200]
  reservations.r0.autoscale_max_slots: [0, 200, 400]
  reservations.r0.ignore_idle_slots: [false, true]
"""


def plan(jobs: int, reservations: int = 1, grid: str = "") -> str:
    """The text of a plan: jobs of two stages, some of them long, spread evenly over reservations."""
    mix, described, assigned = [], [], []
    for number in range(reservations):
        for kind, weight, work in (("short", 3, 0.4 * WORK), ("long", 1, 2.8 * WORK)):
            mix.append(
                f"          - {{name: {kind}-{number}, project: {kind}-{number}, weight: {weight}, units: 20,"
                f" slot_time: {{exponential: {work}}}, stages: [{{share: 3, units: 20}}, {{share: 1, units: 4}}]}}"
            )
            assigned.append(f"    - {{reservation: r{number}, project: {kind}-{number}}}")
        slots = 1000 // reservations
        described.append(f"    r{number}: {{slot_capacity: {slots}, autoscale_max_slots: 200}}")
    return PLAN.format(
        days=jobs / A_DAY,
        per_hour=A_DAY / 24,
        mix="\n".join(mix),
        reservations="\n".join(described),
        assignments="\n".join(assigned),
        grid=grid,
    )


def measure(jobs: int, reservations: int) -> dict[str, Any]:
    """One setting in this process: jobs, seconds, the most memory that the process had."""
    from bqsim.rehearse.plan.reading import parse
    from bqsim.rehearse.sweep import Bench, measured

    def simulated(count: int) -> tuple[int, float, float]:
        setting = parse(plan(count, reservations)).settings[0]
        bench = Bench(ROOT, 1)
        start = time.perf_counter()
        made = sum(map(len, bench.workload(setting).chunks()))
        between = time.perf_counter()
        result = measured(bench, setting, lambda what: None)
        assert result.simulated_jobs == made, (result.simulated_jobs, made)
        return made, between - start, time.perf_counter() - between

    simulated(2_000)
    before = _status("VmHWM")
    made, generating, seconds = simulated(jobs)
    return {
        "jobs": made,
        "seconds": round(seconds, 2),
        "generating": round(generating, 2),
        "before_mb": round(before),
        "peak_mb": round(_status("VmHWM")),
    }


def _status(name: str) -> float:
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{name}:")[2].split()[0]) / 1024


def fresh(jobs: int, reservations: int = 1) -> dict[str, Any]:
    """The same in a process of its own."""
    words = [sys.executable, "-m", "tests.bench.rehearsal", "one", str(jobs), str(reservations)]
    run = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def by_jobs(counts: tuple[int, ...] = JOBS) -> list[Found]:
    found: list[Found] = []
    for jobs in counts:
        one = fresh(jobs)
        rate = one["jobs"] / one["seconds"]
        goal = f">= {10_000_000 / 600:.0f}" if jobs == counts[-1] else ""
        found.append((f"rehearsal of {jobs:,} jobs, jobs/s", rate, goal, one))
        found.append((f"rehearsal of {jobs:,} jobs, peak memory, MB", one["peak_mb"], "", {}))
    return found


def by_reservations() -> list[Found]:
    found: list[Found] = []
    first = 0.0
    for count in RESERVATIONS:
        one = fresh(A_DAY, count)
        first = first or one["seconds"]
        name = f"rehearsal of {A_DAY:,} jobs, {count} reservations, x time of {RESERVATIONS[0]}"
        found.append((name, one["seconds"] / first, "", one))
    return found


PROCESSES = (("--workers", "1"), ("--workers", "2"))
RAY = ("--workers", "2", "--spread", "ray")


def sweep(ways: tuple[tuple[str, ...], ...] = PROCESSES) -> list[Found]:
    """24 settings of a million jobs by the command, in several ways: wall times, and whether the report is the
    same."""
    found: list[Found] = []
    reports = set()
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "plan.yaml", Path(folder) / "report.json"
        file.write_text(plan(A_DAY, 2, SWEEP))
        for way in ways:
            words = [
                sys.executable,
                "-m",
                "bqsim.cli",
                "rehearse",
                str(file),
                "--quiet",
                "--out",
                str(out),
                *way,
            ]
            start = time.perf_counter()
            subprocess.run(words, cwd=ROOT, check=True)
            seconds = time.perf_counter() - start
            reports.add(out.read_bytes())
            settings = len(json.loads(out.read_bytes())["settings"])
            name = (
                f"sweep of {settings} settings x {A_DAY:,} jobs, {' '.join(way).replace('--', '')}, seconds"
            )
            found.append((name, seconds, "", {}))
    first = found[0][1]
    found += [(f"{name[:-9]}, x of the first", seconds / first, "", {}) for name, seconds, _, _ in found[1:]]
    found.append(("sweeps: different reports", len(reports) - 1, "<= 0", {}))
    return found


def everywhere() -> list[Found]:
    return sweep((*PROCESSES, RAY) if importlib.util.find_spec("ray") else PROCESSES)


def over_ray() -> list[Found]:
    return sweep((PROCESSES[0], RAY))


def year() -> list[Found]:
    return by_jobs(YEAR)


PARTS: dict[str, Callable[[], list[Found]]] = {
    "jobs": by_jobs,
    "year": year,
    "reservations": by_reservations,
    "sweep": everywhere,
    "ray": over_ray,
}


def figures() -> list[Found]:
    """Those of ``make bench``."""
    return [*by_jobs(), *by_reservations(), *sweep()]


def main(words: list[str]) -> None:
    if words and words[0] == "one":
        print(json.dumps(measure(int(words[1]), int(words[2]))))
        return
    for name in words or ("jobs", "reservations", "sweep"):
        for told, value, goal, details in PARTS[name]():
            print(f"{told}: {value:,.2f} {goal} {details or ''}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
