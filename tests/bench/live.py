"""Live rehearsals: the highest rate that one driver holds against bqsim, as a ratio to a bare aiohttp server.

    python -m tests.bench.live [--seconds S] [--client rest|google] [--rate R …]

A rate is held when the jobs that were sent in the time are within 1 % of those that were meant to be, 99 % of them
within 0.1 s of their times, and their ends kept up with them. The bare server answers the same three requests of each
job. Also: what a server that stands still for a second does to p99, and jobs pending at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bqsim.rehearse.live.report import LiveReport
from bqsim.rehearse.live.run import Options, run
from bqsim.rehearse.plan.reading import from_dict
from tests import servers

from .bare_jobs import serving

Figure = dict[str, Any]
STEP = 1.15
FIRST = 50.0


def plan(rate: float, seed: int = 1, slot_time: str = "10ms") -> Any:
    """Jobs that arrive at random at so many a second."""
    return from_dict(
        {
            "name": "bench",
            "seed": seed,
            "workload": [
                {
                    "origin": {
                        "generated": {
                            "arrivals": {"poisson": {"per_hour": rate * 3600}},
                            "mix": [{"slot_time": slot_time, "units": 1}],
                        }
                    }
                }
            ],
        },
        "bench",
        Path(),
    )


def driven(url: str, rate: float, seconds: float, **options: Any) -> LiveReport:
    given = Options(for_s=seconds, simulate=False, patience_s=30.0, **options)
    return run(plan(rate), url, given)


def is_held(report: LiveReport, seconds: float) -> bool:
    """Whether jobs were sent when they were meant to be, and ended as fast."""
    tally = report.tally
    meant = tally.whole().sent + tally.shed
    within = sum(one.sent for number, one in tally.seconds.items() if number < seconds)
    kept_up = tally.seconds_taken < seconds * 1.1 + 1
    return report.rate_held >= 0.99 and within >= 0.99 * meant and kept_up and tally.shed == 0


def highest(url: str, seconds: float, **options: Any) -> tuple[float, LiveReport]:
    """The highest rate that is held: by doubling, then by steps of 15 %."""
    rate, best = FIRST, None
    while True:
        report = driven(url, rate, seconds, **options)
        if not is_held(report, seconds):
            break
        best, found = report, rate
        rate *= 2
    if best is None:
        return 0.0, report
    rate = found * STEP
    while rate < found * 2:
        report = driven(url, rate, seconds, **options)
        if not is_held(report, seconds):
            break
        best, kept = report, rate
        rate *= STEP
        found = max(found, kept)
    return found, best


@contextmanager
def bare(run_s: float = 0.0) -> Iterator[str]:
    port = servers.free_port()
    with servers.process("-m", "tests.bench.bare_jobs", str(port), "--run-s", str(run_s)):
        servers.wait_for_port(port)
        yield f"http://127.0.0.1:{port}"


def rates(seconds: float, client: str) -> list[Figure]:
    """The highest rates."""
    with bare(0.001) as url:
        theirs, told = highest(url, seconds, client=client)
        p99 = told.groups[0].phases["total"].percentile(99)
    with servers.bqsim_server() as server:
        ours, mine = highest(f"http://127.0.0.1:{server.port}", seconds, client=client)
        own = mine.groups[0].phases["total"].percentile(99)
    return [
        {
            "figure": f"live rehearsal ({client}): highest rate held, jobs a second, bare aiohttp server",
            "value": round(theirs, 1),
            "p99_ms": round(p99 * 1000, 1),
            "late_p99_ms": late(told),
        },
        {
            "figure": f"live rehearsal ({client}): highest rate held, jobs a second, bqsim",
            "value": round(ours, 1),
            "p99_ms": round(own * 1000, 1),
            "late_p99_ms": late(mine),
            "ratio": round(theirs / ours, 2) if ours else None,
        },
    ]


def late(report: LiveReport) -> float:
    return round(report.groups[0].phases["late"].percentile(99) * 1000, 1)


def stalled() -> list[Figure]:
    """A server that stands still for a second of ten: what clients that wait for answers would not see."""
    with serving(stall_after=500, stall_s=1.0) as service:
        report = driven(service.url, 100, 10)
    p99 = report.groups[0].phases["total"].percentile(99)
    return [
        {
            "figure": "live rehearsal: p99 with a stall of 1 s in 10 s, seconds",
            "value": round(p99, 3),
            "goal": ">= 0.8",
        }
    ]


def pending(jobs: int = 10_000) -> list[Figure]:
    """Jobs that run at once, driven by one process."""
    with bare(20.0) as url:
        report = driven(url, jobs / 15, 15)
    most = max(one.in_flight for one in report.tally.seconds.values())
    return [
        {
            "figure": "live rehearsal: most jobs in flight of one driver",
            "value": most,
            "failed": report.groups[0].failed,
            "late_p99_ms": late(report),
        }
    ]


def figures(seconds: float = 5.0, client: str = "rest") -> list[tuple[str, float, str, dict[str, Any]]]:
    """All figures: name, value, goal, details."""
    found = [*rates(seconds, client), *stalled(), *pending()]
    return [(one.pop("figure"), one.pop("value"), one.pop("goal", ""), one) for one in found]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--client", choices=("rest", "google"), default="rest")
    parser.add_argument("--rate", type=float, action="append", default=[])
    options = parser.parse_args()
    if not options.rate:
        found = [
            {"figure": name, "value": value, "goal": goal, **details}
            for name, value, goal, details in figures(options.seconds, options.client)
        ]
    else:
        found = []
        with bare(0.001) as url:
            for rate in options.rate:
                report = driven(url, rate, options.seconds, client=options.client)
                sent = report.tally.whole().sent
                held = is_held(report, options.seconds)
                found.append(
                    {"figure": f"bare at {rate:g}/s", "sent": sent, "held": held, "late": late(report)}
                )
    json.dump(found, sys.stdout, indent=1)
    print(file=sys.stdout)


if __name__ == "__main__":
    main()
