"""The open loop: sends at their times, durations from then, retries, stops."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from bqsim.rehearse.live.calls import Call
from bqsim.rehearse.live.driver import BY_SLOTS, Driver, Pace, User
from bqsim.rehearse.live.spending import SlotSpending
from bqsim.rehearse.live.tally import ACCEPTED, FAILED, LATE, QUEUED, RUN, TOTAL
from bqsim.sim.clock import SimulationClock
from bqsim.sim.slots.jobs import Retries

from .standin import StandIn, driver, every, settled

START = 1_700_000_000_000_000


def clock() -> SimulationClock:
    return SimulationClock(START, rate=0)


async def over(time: SimulationClock, made: Driver, run: asyncio.Task[None], step: float = 5.0) -> None:
    """Move time on until the run is over."""
    for _ in range(500):
        if run.done():
            break
        await time.advance_async(step)
        await settled()
    await run


@pytest.mark.fidelity("capacity:live rehearsal", "exact")
def test_the_rate_is_held_although_nothing_is_answered() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time)
        endpoint.open.clear()
        made = driver(endpoint)
        run = asyncio.create_task(made.run(every(0.005, 1000)))
        await settled()
        for tenth in range(1, 31):
            await time.advance_async(0.1)
            await settled()
            # One for each 5 ms, and that of the very begin.
            assert abs(len(endpoint.arrived) - (20 * tenth + 1)) <= 1
        assert made.tally.in_flight >= 600
        assert made.tally.whole().done == 0
        endpoint.open.set()
        await over(time, made, run, 0.5)
        whole = made.tally.whole()
        assert (whole.sent, whole.done, whole.failed) == (1000, 1000, 0)
        assert whole.phases[LATE].percentile(100) < 0.006
        # The sends of each second are those that were meant for it.
        assert [made.tally.seconds[n].sent for n in range(5)] == pytest.approx([200] * 5, abs=1)

    asyncio.run(main())


def test_a_stall_is_in_the_percentiles_of_all_that_were_meant_to_start_in_it() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time)
        made = driver(endpoint)
        run = asyncio.create_task(made.run(every(0.01, 1000)))
        await settled()
        await time.advance_async(5)
        await settled()
        endpoint.open.clear()
        await time.advance_async(1)
        await settled()
        endpoint.open.set()
        await settled()
        await over(time, made, run, 1)
        total = made.tally.whole().phases[TOTAL]
        assert total.count == 1000
        # A tenth of all jobs was meant to start in the second in which nothing was answered: the hundredth
        # part waited for nearly all of it, half of them for more than half.
        assert total.percentile(99) > 0.85
        assert total.within(0.5) == pytest.approx(950, abs=5)

    asyncio.run(main())


def test_what_is_late_since_the_driver_could_not_send_counts_from_the_intended_start() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time)
        made = driver(endpoint)
        begun = time.now_us()
        # The driver itself stands still: time goes on by three seconds before it runs.
        time.advance(3, settle=False)
        run = asyncio.create_task(made.run(every(1, 3), begun_us=begun))
        await over(time, made, run)
        whole = made.tally.whole()
        assert whole.phases[LATE].percentile(100) >= 3
        assert whole.phases[TOTAL].percentile(100) >= 3

    asyncio.run(main())


def test_phases_are_told_apart() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=4.0)
        made = driver(endpoint)
        run = asyncio.create_task(made.run(every(1, 10)))
        await over(time, made, run, 0.5)
        etl, reports = made.tally.groups
        assert (etl.done, reports.done) == (5, 5)
        phases = etl.settled().phases
        assert phases[QUEUED].mean == pytest.approx(0.25)
        assert phases[RUN].mean == pytest.approx(4.0)
        assert phases[TOTAL].smallest >= 4.0
        assert phases[ACCEPTED].largest < 0.6
        assert (etl.slot_ms, etl.bytes_billed) == (500.0, 50.0)

    asyncio.run(main())


def test_speed_compresses_times_and_a_fast_clock_stretches_totals() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=1.0)
        made = driver(endpoint, Pace(speed=60.0, rate=60.0))
        run = asyncio.create_task(made.run(every(60, 5)))
        await settled()
        await time.advance_async(2.5)
        await settled()
        assert len(endpoint.arrived) == 3
        await over(time, made, run, 0.5)
        assert made.tally.whole().phases[TOTAL].smallest >= 60

    asyncio.run(main())


def test_failures_are_sent_again_as_clients_do() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time)
        endpoint.refusing = ["rateLimitExceeded", "rateLimitExceeded", "noAnswer", ""]
        made = driver(endpoint, retries=Retries(5, 1000.0, 2.0, 32_000.0, 0.0))
        run = asyncio.create_task(made.run(every(1, 1)))
        await over(time, made, run, 0.5)
        etl = made.tally.groups[0].settled()
        assert (etl.sent, etl.done, etl.retried, etl.failed) == (1, 1, 3, 0)
        assert dict(etl.errors) == {"rateLimitExceeded": 2, "noAnswer": 1}
        # After no answer the job is asked for by the same name.
        assert [job for _, job in endpoint.arrived] == [f"bqsim_live_t_0_{n}" for n in (0, 1, 2, 2)]
        starts = [at for at, _ in endpoint.arrived]
        waits = [(b - a) / 1e6 for a, b in itertools.pairwise(starts)]
        assert waits == pytest.approx([1, 2, 4], abs=0.51)
        assert etl.phases[TOTAL].percentile(50) >= 7
        assert made.tally.messages["noAnswer"] == "it is noAnswer"

    asyncio.run(main())


def test_pauses_are_drawn_by_seed() -> None:
    time = clock()
    retries = Retries(5, 1000.0, 2.0, 3000.0, 1.0)
    one, same, other = (driver(StandIn(time), retries=retries, seed=seed) for seed in (1, 1, 2))
    pauses = [
        [made._pause_s(Call(7, 0.5, 0, "p", {}), n) for n in range(1, 5)] for made in (one, same, other)
    ]
    assert pauses[0] == pauses[1] != pauses[2]
    assert all(0 <= pause <= most for pause, most in zip(pauses[0], (1, 2, 3, 3), strict=True))


def test_a_retry_storm_shows() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time)
        endpoint.failing = lambda _: "quotaExceeded"
        made = driver(endpoint, retries=Retries(4, 1000.0, 1.0, 1000.0, 0.0))
        run = asyncio.create_task(made.run(every(0.1, 50)))
        await over(time, made, run, 0.5)
        whole = made.tally.whole()
        assert (whole.done, whole.failed, whole.retried) == (0, 50, 150)
        assert whole.errors["quotaExceeded"] == 200
        assert whole.phases[FAILED].count == 50
        assert sum(second.retried for second in made.tally.seconds.values()) == 150
        assert max(second.retried for second in made.tally.seconds.values()) > 20

    asyncio.run(main())


def test_errors_that_stay_are_not_sent_again() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time)
        endpoint.failing = lambda call: "invalidQuery" if call.row == 1 else ""
        made = driver(endpoint, retries=Retries(5))
        await over(time, made, asyncio.create_task(made.run(every(0.1, 4))), 0.5)
        assert made.tally.groups[1].errors == {"invalidQuery": 1}
        assert made.tally.whole().failed == 1

    asyncio.run(main())


def test_a_stop_sends_nothing_more_and_cancels() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=1000)
        endpoint.failing = lambda call: "backendError"
        made = driver(endpoint, retries=Retries(5))
        run = asyncio.create_task(made.run(every(1, 100)))
        await settled()
        await time.advance_async(9.5)
        await settled()
        made.stop()
        await asyncio.wait_for(run, 5)
        assert len(endpoint.arrived) == 10
        assert len(endpoint.cancelled) == 10
        whole = made.tally.whole()
        assert (whole.sent, whole.stopped, whole.failed, made.tally.unfinished) == (10, 10, 0, 0)

    asyncio.run(main())


def test_a_job_whose_start_is_answered_at_the_stop_is_cancelled_once() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=1000)
        cancel = endpoint.cancel

        async def slowly(submitted: object) -> None:
            await settled()
            await cancel(submitted)

        endpoint.cancel = slowly  # type: ignore[method-assign]
        made = driver(endpoint)
        run = asyncio.create_task(made.run(every(1, 100)))
        await settled()
        await time.advance_async(1.5)
        endpoint.open.clear()
        await time.advance_async(1)
        await settled()
        made.stop()
        endpoint.open.set()
        await asyncio.wait_for(run, 60)
        assert made.tally.whole().sent == made.tally.cancelled == len(set(endpoint.cancelled)) == 3

    asyncio.run(main())


def test_a_stop_ends_pauses() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time)
        endpoint.failing = lambda call: "backendError"
        made = driver(endpoint, retries=Retries(5, 1e6, 1.0, 1e6, 0.0))
        run = asyncio.create_task(made.run(every(1, 1)))
        await settled()
        await time.advance_async(1)
        made.stop()
        await asyncio.wait_for(run, 5)
        assert made.tally.whole().stopped == 1

    asyncio.run(main())


def test_a_stop_does_not_wait_for_a_server_that_hangs() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=1e6)
        made = driver(endpoint)
        run = asyncio.create_task(made.run(every(1, 6)))
        await settled()
        await time.advance_async(2.5)
        await settled()
        # Three run; of the others the starts are not answered, nor are cancellations from now on.
        endpoint.open.clear()
        await time.advance_async(3)
        await settled()
        hung = asyncio.Event()

        async def cancel(submitted: object) -> None:
            await hung.wait()

        endpoint.cancel = cancel  # type: ignore[method-assign]
        made.stop()
        for _ in range(3):
            await settled()
            assert not run.done()
            await time.advance_async(10)
        await asyncio.wait_for(run, 5)
        assert endpoint.cancelled_unseen == ["bqsim_live_t_3_0", "bqsim_live_t_4_0", "bqsim_live_t_5_0"]
        assert (made.tally.cancelled, made.tally.unfinished) == (3, 6)
        assert made.tally.open == [f"p:US.bqsim_live_t_{n}_0" for n in range(6)]

    asyncio.run(main())


def test_jobs_of_a_stop_whose_ends_are_heard_of_are_not_open() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=1e6)
        made = driver(endpoint)
        run = asyncio.create_task(made.run(every(1, 3)))
        await settled()
        await time.advance_async(1.5)
        endpoint.open.clear()
        await time.advance_async(1)
        made.stop()
        await settled()
        endpoint.open.set()
        await asyncio.wait_for(run, 5)
        assert len(endpoint.cancelled) == made.tally.cancelled == 3
        assert made.tally.open == endpoint.cancelled_unseen == []

    asyncio.run(main())


def slots(call: Call, slot_ms: float) -> Call:
    return replace(call, slot_ms=slot_ms)


def test_slot_time_is_bounded_by_plan_and_by_what_was_used() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=1.5)
        # Each uses 100 slot-milliseconds, and is planned to use 300.
        cap = SlotSpending(650.0)
        made = driver(endpoint, slot_cap=cap)
        calls = [slots(call, 300.0) for chunk in every(1, 10) for call in chunk]
        await over(time, made, asyncio.create_task(made.run(iter([calls]))), 0.25)
        # Two at a time are planned for, as long as what was used leaves room for one.
        assert (made.tally.whole().sent, made.tally.capped) == (4, 6)
        assert made.tally.spent_slot_ms == cap.used_ms == 400.0
        assert not made.stopped

    asyncio.run(main())


def test_jobs_that_use_more_than_planned_are_stopped_beyond_the_cap() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=1.5)
        made = driver(endpoint, slot_cap=SlotSpending(150.0))
        calls = [slots(call, 1.0) for chunk in every(1, 10) for call in chunk]
        await over(time, made, asyncio.create_task(made.run(iter([calls]))), 0.25)
        assert made.why == BY_SLOTS
        assert len(endpoint.cancelled) > 0
        assert made.tally.whole().sent < 10

    asyncio.run(main())


def test_attempts_count_against_the_cap_each() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time)
        endpoint.failing = lambda call: "jobBackendError"
        made = driver(endpoint, retries=Retries(5, 1.0), slot_cap=SlotSpending(399.0))
        calls = [slots(call, 100.0) for chunk in every(1, 1) for call in chunk]
        await over(time, made, asyncio.create_task(made.run(iter([calls]))), 0.25)
        whole = made.tally.whole()
        assert (whole.sent, whole.failed, whole.retried, made.tally.capped) == (1, 1, 2, 1)
        assert whole.slot_ms == made.tally.spent_slot_ms == 300.0

    asyncio.run(main())


def test_what_does_not_end_is_given_up() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=1e6)
        made = driver(endpoint, Pace(patience_s=100))
        await over(time, made, asyncio.create_task(made.run(every(1, 3))), 30)
        assert len(endpoint.cancelled) == 3
        assert made.tally.whole().stopped == 3

    asyncio.run(main())


def test_too_many_in_flight_are_left_out_and_told() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=100)
        made = driver(endpoint, Pace(most=5))
        await over(time, made, asyncio.create_task(made.run(every(1, 20))), 10)
        assert (made.tally.whole().sent, made.tally.shed) == (5, 15)

    asyncio.run(main())


def test_sends_end_when_asked_and_warm_ups_are_not_measured() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time)
        made = driver(endpoint, Pace(until_s=10.0, warm_up_s=4.0))
        await over(time, made, asyncio.create_task(made.run(every(1, 100))))
        assert (made.tally.warm, made.tally.whole().done, made.tally.sent) == (4, 6, 10)

    asyncio.run(main())


def test_closed_users_wait_and_think() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=3.0)
        made = driver(endpoint)

        def user(number: int) -> User:
            def turn(n: int) -> tuple[float, object] | None:
                if n == 4:
                    return None
                return 2.0, lambda at: Call(-1 - number - 10 * n, at, 0, "p", {})

            return User(number, float(number), turn)  # type: ignore[arg-type]

        run = asyncio.create_task(made.run(iter(()), [user(0), user(1)]))
        await over(time, made, run, 0.5)
        assert endpoint.most == 2
        assert made.tally.whole().done == 8
        starts = sorted((at - START) / 1e6 for at, job in endpoint.arrived if job.split("_")[3] in _OF_FIRST)
        assert starts == pytest.approx([0, 5, 10, 15], abs=0.9)

    asyncio.run(main())


_OF_FIRST = {str(-1 - 10 * n) for n in range(4)}


def test_a_sender_that_fails_is_heard() -> None:
    async def main() -> None:
        time = clock()

        def broken():  # type: ignore[no-untyped-def]
            yield [Call(0, 0.0, 0, "p", {})]
            raise ValueError("the workload ends badly")

        made = driver(StandIn(time))
        with pytest.raises(ValueError, match="ends badly"):
            await made.run(broken())

    asyncio.run(main())


def test_seconds_without_any_event_know_what_is_in_flight() -> None:
    async def main() -> None:
        time = clock()
        endpoint = StandIn(time, run_s=10)
        made = driver(endpoint)
        run = asyncio.create_task(made.run(every(0.1, 4)))
        await settled()
        for _ in range(5):
            await time.advance_async(1)
            await settled()
            made.look()
        await over(time, made, run)
        made.look()
        assert [made.tally.seconds[n].in_flight for n in range(1, 6)] == [4] * 5
        assert made.tally.in_flight == 0

    asyncio.run(main())
