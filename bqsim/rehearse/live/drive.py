"""One driver: its part of a plan's jobs, sent by one process."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bqsim.rehearse.plan.model import Plan
from bqsim.rehearse.workloads.building import Joined, build
from bqsim.sim.clock import SimulationClock
from bqsim.sim.slots.jobs import Retries, Users
from bqsim.sim.slots.seeds import picked
from bqsim.workload.caller import Caller

from .calls import Call, Maker
from .driver import Driver, Endpoint, Pace, User
from .meeting import Meeting
from .progress import Now
from .spending import SlotSpending, Spending, dry_runs
from .tally import Tally
from .texts import OwnTexts, by_class, own_texts

REST, GOOGLE = CLIENTS = ("rest", "google")
_LOOK_S, _TELL_S = 0.2, 1.0
# Names of projects and reservations that jobs have become other ones at the endpoint.
Names = dict[str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """What a driver is to do; the same for all of them. ``plan`` is that of the setting, with ``times`` as
    many jobs. ``cap_bytes`` and ``cap_slot_ms`` are each driver's part of the caps.
    ``own_texts``: jobs of histories run their own texts."""

    plan: Plan
    folder: Path
    times: float
    url: str
    meeting: Meeting
    drivers: int = 1
    client: str = REST
    pace: Pace = field(default_factory=Pace)
    retries: Retries = field(default_factory=Retries)
    threads: int = 64
    waiters: int = 512
    real: bool = False
    cap_bytes: int | None = None
    cap_slot_ms: float | None = None
    run_id: str = "0"
    projects: Names = field(default_factory=dict)
    reservations: Names = field(default_factory=dict)
    own_texts: bool = True


def drive(order: Order, number: int, _tell: Callable[[Any], None]) -> dict[str, Any]:
    """Send the driver's part of the jobs; what it saw. Raises :class:`RehearsalError`."""
    joined = build(order.plan, folder=order.folder, times=order.times)
    assert isinstance(joined, Joined)
    classed, classes = by_class(joined)
    texts = own_texts(order.plan, order.folder, classes, order.projects) if order.own_texts else OwnTexts()
    tally = Tally(joined.groups)
    asyncio.run(_driven(order, number, joined, classed, texts, tally))
    return tally.to_dict()


async def _driven(
    order: Order, number: int, joined: Joined, classed: Joined, texts: OwnTexts, tally: Tally
) -> None:
    clock = SimulationClock()
    share = (number, order.drivers)
    token = _token() if order.real else None
    endpoint = _endpoint(order, clock, token)
    maker = Maker(
        classed.shapes,
        classed.sources,
        texts=texts if texts.found else None,
        projects=order.projects,
        reservations=order.reservations,
    )
    estimating = Caller(order.url, clock, token=token) if order.cap_bytes is not None else None
    cap = (
        Spending(dry_runs(estimating), order.cap_bytes)
        if estimating and order.cap_bytes is not None
        else None
    )
    driver = Driver(
        endpoint,
        clock,
        tally,
        order.pace,
        order.retries,
        order.plan.seed,
        f"{order.run_id}_{number}",
        cap,
        None if order.cap_slot_ms is None else SlotSpending(order.cap_slot_ms),
    )
    _until_terminated(driver)
    try:
        if cap is not None and texts.found:
            await cap.prepare(_once(texts))
        begun_us = await asyncio.to_thread(order.meeting.begin, number, order.drivers, clock)
        if begun_us is None:
            return
        watching = asyncio.create_task(_watch(order.meeting, number, driver, clock, begun_us))
        try:
            of_users = Maker(
                joined.shapes, joined.sources, projects=order.projects, reservations=order.reservations
            )
            users = _users(order, joined, of_users, share)
            await driver.run(_chunks(classed, maker, share), users, begun_us)
            tally.as_one = maker.as_one + of_users.as_one
        finally:
            watching.cancel()
            if driver.why:
                order.meeting.stop(driver.why)
    finally:
        await endpoint.close()
        if estimating is not None:
            await estimating.close()
        order.meeting.tell(number, Now.of(tally, tally.seconds_taken))
        clock.close()


def _until_terminated(driver: Driver) -> None:
    """A process that is ended, alone or with all of its group, cancels its jobs before."""
    if multiprocessing.parent_process() is None or threading.current_thread() is not threading.main_thread():
        return
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, driver.stop)


def _token() -> Callable[[], str]:
    from bqsim.workload.caller import google_token

    return google_token()


def _endpoint(order: Order, clock: SimulationClock, token: Callable[[], str] | None) -> Endpoint:
    if order.client == REST:
        from .rest import RestEndpoint

        return RestEndpoint(order.url, clock, token)
    from .google import GoogleEndpoint, environment_credentials

    credentials = environment_credentials() if order.real else None
    return GoogleEndpoint(order.url, threads=order.threads, waiters=order.waiters, credentials=credentials)


def _chunks(joined: Joined, maker: Maker, share: tuple[int, int]) -> Iterator[Iterable[Call]]:
    first = 0
    for jobs in joined.chunks():
        yield maker.calls(jobs, first, share)
        first += len(jobs)


def _once(texts: OwnTexts) -> Iterator[Call]:
    """Each text as a call, for estimates."""
    for project, own in texts.texts():
        yield Call(0, 0.0, 0, project, own.configuration, own.location, "", own.tables, own.statement_type)


async def _watch(
    meeting: Meeting, number: int, driver: Driver, clock: SimulationClock, begun_us: int
) -> None:
    """Tell what is done every second, and look whether all are to stop: nobody could say so any more when the
    process is gone that has started this one."""
    told_us = begun_us
    parent = multiprocessing.parent_process()
    while True:
        if driver.why:
            meeting.stop(driver.why)
        if meeting.stopped or (parent is not None and not parent.is_alive()):
            driver.stop()
        driver.look()
        now_us = clock.now_us()
        if now_us - told_us >= _TELL_S * 1_000_000:
            told_us += round(_TELL_S * 1_000_000)
            meeting.tell(number, Now.of(driver.tally, (now_us - begun_us) / 1_000_000))
        await clock.sleep(_LOOK_S)


def _users(order: Order, joined: Joined, maker: Maker, share: tuple[int, int]) -> Iterator[User]:
    """This driver's closed users. What comes next for each, and the thought before it, follow from the seed,
    the user and the turn, whoever drives it; a simulation draws the same."""
    users = joined.users
    if users is None:
        return
    count = len(users.first_ms)
    for user in range(share[0], count, share[1]):
        yield _user(order.plan.seed, users, maker, user, count)


def _user(seed: int, users: Users, maker: Maker, user: int, count: int) -> User:
    low, high = int(users.pool[user]), int(users.pool[user + 1])

    def turn(number: int) -> tuple[float, Callable[[float], Call]] | None:
        if high <= low:
            return None
        row = low + picked(seed, user, number, high - low)

        def made(at_s: float) -> Call:
            return maker.one(users.jobs, row, -1 - user - number * count, at_s)

        return float(users.think_ms[row]) / 1000, made

    return User(user, float(users.first_ms[user]) / 1000, turn, users.until_ms / 1000)


def bounded(plan: Plan, pace: Pace) -> Plan:
    """The plan for as long as its jobs are sent."""
    if pace.until_s == float("inf"):
        return plan
    days = pace.until_s * pace.speed / 86_400
    return replace(plan, days=days if plan.days is None else min(plan.days, days))
