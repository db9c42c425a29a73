"""An endpoint that is only a table of answers, and calls for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from bqsim.rehearse.live.calls import Call
from bqsim.rehearse.live.driver import Driver, Ended, Pace
from bqsim.rehearse.live.tally import Tally
from bqsim.sim.clock import SimulationClock
from bqsim.workload.caller import Refusal

GROUPS = ("etl", "reports")


class StandIn:
    """Takes jobs at once, or once ``open`` is set; each runs ``run_s``. ``refusing`` gives the reasons of
    the first submissions."""

    def __init__(self, clock: SimulationClock, run_s: float = 0.0) -> None:
        self.clock, self.run_s = clock, run_s
        self.open = asyncio.Event()
        self.open.set()
        self.arrived: list[tuple[int, str]] = []
        self.refusing: list[str] = []
        self.failing: Callable[[Call], str] = lambda _: ""
        self.cancelled: list[str] = []
        self.cancelled_unseen: list[str] = []
        self.running = self.most = 0
        self.requests = 0
        self._ends: dict[str, asyncio.Event] = {}

    async def submit(self, call: Call, job_id: str) -> Any:
        self.requests += 1
        self.arrived.append((self.clock.now_us(), job_id))
        await self.open.wait()
        if self.refusing:
            reason = self.refusing.pop(0)
            if reason:
                raise Refusal(0 if reason == "noAnswer" else 503, reason, f"it is {reason}")
        self._ends[job_id] = asyncio.Event()
        return job_id, call

    async def ended(self, submitted: Any) -> Ended:
        job_id, call = submitted
        self.running += 1
        self.most = max(self.most, self.running)
        waits = [
            asyncio.ensure_future(self.clock.sleep(self.run_s)),
            asyncio.ensure_future(self._ends[job_id].wait()),
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
        self.running -= 1
        if self._ends[job_id].is_set():
            return Ended("stopped", "it was cancelled")
        return Ended(self.failing(call), "", 0.25, self.run_s, 100.0, 10.0)

    async def cancel(self, submitted: Any) -> None:
        self.cancelled.append(submitted[0])
        self._ends[submitted[0]].set()

    async def cancel_named(self, call: Call, job_id: str) -> None:
        self.cancelled_unseen.append(job_id)

    async def close(self) -> None:
        pass


def every(seconds: float, count: int, first: int = 0) -> Iterator[list[Call]]:
    """Chunks of jobs at even distances."""
    calls = [Call(n, n * seconds, n % 2, "p", {}) for n in range(first, count)]
    for start in range(0, len(calls), 100):
        yield calls[start : start + 100]


def driver(endpoint: StandIn, pace: Pace | None = None, **options: Any) -> Driver:
    return Driver(endpoint, endpoint.clock, Tally(GROUPS), pace or Pace(), run_id="t", **options)


async def settled() -> None:
    """Let all go on that can, with what threads make."""
    for _ in range(5):
        await asyncio.sleep(0.002)
