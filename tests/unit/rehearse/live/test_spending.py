"""The cap on bytes billed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from bqsim.rehearse.live.calls import Call
from bqsim.rehearse.live.spending import Spending, dry_runs
from bqsim.sim.clock import SimulationClock
from bqsim.workload.caller import Caller, Refusal
from tests.bench.bare_jobs import serving

MIB = 1 << 20


def call(sql: str = "SELECT a FROM t", tables: int = 1, kind: str = "SELECT") -> Call:
    return Call(0, 0.0, 0, "p", {"query": {"query": sql}}, tables=tables, statement_type=kind)


class Estimates:
    def __init__(self, found: int | Refusal) -> None:
        self.found, self.asked = found, 0

    async def __call__(self, project: str, configuration: Mapping[str, Any], location: str) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self.found, Refusal):
            raise self.found
        return self.found


def test_each_text_is_estimated_once_and_limited_to_its_estimate() -> None:
    async def main() -> None:
        estimates = Estimates(25 * MIB + 1)
        cap = Spending(estimates, 60 * MIB)
        first, second, third = await asyncio.gather(*(cap.admitted(call()) for _ in range(3)))
        assert first is not None
        assert second is not None
        assert third is None
        assert first.configuration["query"]["maximumBytesBilled"] == str(26 * MIB)
        assert (cap.spent, estimates.asked) == (52 * MIB, 1)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("found", "one", "billed"),
    [
        pytest.param(1, call(tables=3), 30 * MIB, id="the least of each table"),
        pytest.param(0, call(), 0, id="nothing read"),
        pytest.param(Refusal(404, "notFound", ""), call(), 10 * MIB, id="not there yet"),
    ],
)
def test_what_is_billed_at_most(found: int | Refusal, one: Call, billed: int) -> None:
    async def main() -> None:
        cap = Spending(Estimates(found), 1 << 40)
        assert await cap.prepare([one]) == billed
        admitted = await cap.admitted(one)
        assert admitted is not None
        assert cap.spent == billed
        assert int(admitted.configuration["query"]["maximumBytesBilled"]) >= 10 * MIB

    asyncio.run(main())


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(call("SELECT 1; SELECT 2"), id="statements"),
        pytest.param(call(kind="SCRIPT"), id="script"),
        pytest.param(call("CALL p()", kind="CALL"), id="call"),
    ],
)
def test_what_cannot_be_told_before_is_not_sent(one: Call) -> None:
    async def main() -> None:
        estimates = Estimates(0)
        assert await Spending(estimates, 1 << 60).admitted(one) is None
        assert estimates.asked == 0

    asyncio.run(main())


def test_loads_and_copies_are_free() -> None:
    async def main() -> None:
        one = Call(0, 0.0, 0, "p", {"copy": {}})
        assert await Spending(Estimates(0), 0).admitted(one) is one

    asyncio.run(main())


def test_dry_runs_tell() -> None:
    async def main(url: str) -> int:
        clock = SimulationClock()
        caller = Caller(url, clock)
        try:
            return await dry_runs(caller)("p", {"query": {"query": "SELECT 1"}}, "US")
        finally:
            await caller.close()
            clock.close()

    with serving(bytes=123) as service:
        assert asyncio.run(main(service.url)) == 123
    assert (service.dry_runs, service.taken) == (1, [])
