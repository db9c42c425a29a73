"""The open loop: every job is sent at the time that it is meant to, whatever became of those before it.

Durations count from the intended start, not from when a job could be sent: a server that stalls makes all
jobs slow that were meant to start meanwhile, and none is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from bqsim.sim.clock import Clock
from bqsim.sim.slots.jobs import Retries
from bqsim.sim.slots.seeds import jittered
from bqsim.workload.caller import PASSING, Refusal

from .calls import Call
from .tally import ACCEPTED, FAILED, LATE, QUEUED, RUN, TOTAL, WAITED, Group, Tally

_MILLION = 1_000_000
_FIRST = asyncio.FIRST_COMPLETED
# Sends that are this near are not waited for: timers are no finer.
_NEAR_US = 300
# Sends without a wait between them, before answers are looked at.
_AT_A_STRETCH = 32
# After a stop, how long answers to cancellations are waited for, and then the ends of the jobs.
_CANCEL_S, _GRACE_S = 10.0, 15.0
# Cancellations on their way at once.
_CANCELS = 100
# A cap on slots that jobs have gone beyond.
BY_SLOTS = "jobs used more slots than they were planned to, and more than the cap"
# Reasons for which a client sends a job again.
RETRIED = PASSING | {"quotaExceeded", "noAnswer", "jobBackendError", "jobInternalError"}
NO_ANSWER = "noAnswer"


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that is over, as the service tells: ``reason`` '' when it ended well; seconds that it waited and
    ran, None where it does not tell."""

    reason: str = ""
    message: str = ""
    queued_s: float | None = None
    run_s: float | None = None
    slot_ms: float = 0.0
    bytes_billed: float = 0.0


class Endpoint(Protocol):
    """A client of the service. Its methods raise :class:`~bqsim.workload.caller.Refusal`."""

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        ...

    async def submit(self, call: Call, job_id: str) -> Any:
        """Start a job; what it gives is for ``ended`` and ``cancel``."""
        ...

    async def ended(self, submitted: Any) -> Ended: ...

    async def cancel(self, submitted: Any) -> None: ...

    async def cancel_named(self, call: Call, job_id: str) -> None:
        """As ``cancel``, of a job whose start was not answered."""
        ...

    async def close(self) -> None: ...


class Cap(Protocol):
    """Decides what may still be spent."""

    async def admitted(self, call: Call) -> Call | None:
        """The call as it may be sent; None when that would go beyond the cap."""
        ...

    @property
    def spent(self) -> int: ...


class SlotCap(Protocol):
    """Decides about slot time, attempt by attempt."""

    @property
    def used_ms(self) -> float: ...

    @property
    def over(self) -> bool: ...

    def admitted(self, call: Call) -> bool: ...

    def ended(self, call: Call, used_ms: float | None) -> None: ...


@dataclass(slots=True)
class _Sent:
    """An attempt that is not known to be over; ``submitted`` is None until its start is answered."""

    call: Call
    job_id: str
    submitted: Any = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """A closed user: ``first_s`` is when it begins, ``until_s`` when it submits no more. ``next`` gives the
    turn's think time and call; None ends it."""

    number: int
    first_s: float
    next: Callable[[int], tuple[float, Callable[[float], Call]] | None]
    until_s: float = float("inf")


@dataclass(slots=True)
class Pace:
    """How the plan's time becomes the wall's: ``speed`` times as fast. ``rate`` is how many seconds of the
    service's clock are one of ours: totals are told in those. ``until_s`` is when sends end (the wall's
    seconds), ``most`` how many jobs are in flight before further ones are left out."""

    speed: float = 1.0
    rate: float = 1.0
    until_s: float = float("inf")
    warm_up_s: float = 0.0
    most: int = 100_000
    patience_s: float = 3_600.0


@dataclass(slots=True)
class Driver:
    """Sends calls to ``endpoint`` and counts in ``tally``. ``why`` tells why it stopped by itself."""

    endpoint: Endpoint
    clock: Clock
    tally: Tally
    pace: Pace = field(default_factory=Pace)
    retries: Retries = field(default_factory=Retries)
    seed: int = 0
    run_id: str = "0"
    cap: Cap | None = None
    slot_cap: SlotCap | None = None
    why: str = ""
    _stopping: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _idle: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _running: dict[int, _Sent] = field(init=False, default_factory=dict)
    _wrong: BaseException | None = field(init=False, default=None)
    _begun_us: int = field(init=False, default=0)

    def stop(self) -> None:
        """Send nothing more, and cancel what runs."""
        self._stopping.set()

    @property
    def stopped(self) -> bool:
        return self._stopping.is_set()

    def look(self) -> None:
        """Note how many jobs are in flight; seconds in which nothing is sent and nothing ends have no other
        trace."""
        self.tally.in_flight = len(self._tasks)
        if self._tasks:
            second = self.tally.second(self._second())
            second.in_flight = max(second.in_flight, len(self._tasks))

    async def run(
        self,
        chunks: Iterator[Iterable[Call]],
        users: Iterable[User] = (),
        begun_us: int | None = None,
    ) -> None:
        """Send all calls, ascending by their times, and those of the users, and wait for their ends."""
        self._begun_us = self.clock.now_us() if begun_us is None else begun_us
        senders = asyncio.gather(self._paced(chunks), *(self._user(one) for one in users))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            ends: list[asyncio.Future[Any]] = [senders, stopping]
            await asyncio.wait(ends, return_when=_FIRST)
            if senders.done():
                # What a sender raises is raised.
                await senders
                await self._drain(stopping, self.pace.patience_s)
            senders.cancel()
            if self._tasks:
                self._stopping.set()
                await self._cancel([one for one in self._running.values() if one.submitted is not None])
                await self._drain(None, _GRACE_S)
                # The service may have got those whose start it did not answer.
                await self._cancel([one for one in self._running.values() if one.submitted is None])
            self.tally.unfinished += len(self._tasks)
            self.tally.open += [_name(one) for one in self._running.values()]
        finally:
            senders.cancel()
            for task in (stopping, *self._tasks):
                task.cancel()
            await asyncio.gather(senders, stopping, *self._tasks, return_exceptions=True)
        if self._wrong is not None:
            raise self._wrong
        self.tally.seconds_taken = (self.clock.now_us() - self._begun_us) / _MILLION
        self.tally.requests = self.endpoint.requests
        self.tally.spent_bytes = self.cap.spent if self.cap is not None else 0
        self.tally.spent_slot_ms = self.slot_cap.used_ms if self.slot_cap is not None else 0.0

    async def _drain(self, stopping: asyncio.Task[bool] | None, seconds: float) -> None:
        """Until no job is in flight, or a stop, or so long."""
        if self._tasks:
            idle = asyncio.create_task(self._idle.wait())
            enough = asyncio.create_task(self.clock.sleep(seconds))
            waits: list[asyncio.Future[Any]] = [idle, enough]
            try:
                await asyncio.wait(waits + ([stopping] if stopping else []), return_when=_FIRST)
            finally:
                idle.cancel()
                enough.cancel()

    async def _cancel(self, sent: list[_Sent]) -> None:
        """Cancel these; no longer than a while, be there answers or not."""
        if not sent:
            return
        gate = asyncio.Semaphore(_CANCELS)
        asked = [asyncio.create_task(self._cancelled(one, gate)) for one in sent]
        enough = asyncio.create_task(self.clock.sleep(_CANCEL_S))
        all_asked = asyncio.gather(*asked, return_exceptions=True)
        waits: list[asyncio.Future[Any]] = [all_asked, enough]
        try:
            await asyncio.wait(waits, return_when=_FIRST)
        finally:
            enough.cancel()
            all_asked.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _cancelled(self, sent: _Sent, gate: asyncio.Semaphore) -> None:
        async with gate:
            if sent.cancelled:
                return
            try:
                if sent.submitted is not None:
                    await self.endpoint.cancel(sent.submitted)
                else:
                    await self.endpoint.cancel_named(sent.call, sent.job_id)
            except Refusal:
                # It may be over already; whoever waits for it is told.
                return
        # A job whose start is answered at the stop may be cancelled twice at once.
        self.tally.cancelled += not sent.cancelled
        sent.cancelled = True

    # Sending

    async def _paced(self, chunks: Iterator[Iterable[Call]]) -> None:
        sent = 0
        async for chunk in _ahead(chunks):
            for call in chunk:
                meant_s = call.at_s / self.pace.speed
                if meant_s >= self.pace.until_s:
                    return
                meant_us = self._begun_us + round(meant_s * _MILLION)
                left_us = meant_us - self.clock.now_us()
                if left_us > _NEAR_US:
                    await self.clock.sleep(left_us / _MILLION)
                    sent = 0
                else:
                    sent += 1
                    if sent >= _AT_A_STRETCH:
                        await asyncio.sleep(0)
                        sent = 0
                self._begin(call, meant_us)

    def _begin(self, call: Call, meant_us: int) -> asyncio.Task[None] | None:
        second = self.tally.second(max(meant_us - self._begun_us, 0) // _MILLION)
        if len(self._tasks) >= self.pace.most:
            self.tally.shed += 1
            second.shed += 1
            return None
        task = asyncio.get_running_loop().create_task(self._job(call, meant_us))
        self._tasks.add(task)
        self._idle.clear()
        task.add_done_callback(self._over)
        self.tally.in_flight = len(self._tasks)
        second.in_flight = max(second.in_flight, len(self._tasks))
        return task

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # Not what the service says, but what nobody has thought of: it ends the run.
            self._wrong = self._wrong or task.exception()
            self.stop()
        if not self._tasks:
            self._idle.set()

    async def _user(self, user: User) -> None:
        """Think, submit, wait for the end, and again; intended starts follow from the ends before."""
        meant_us = self._begun_us + round(user.first_s / self.pace.speed * _MILLION)
        for turn in range(1 << 62):
            found = user.next(turn)
            if found is None:
                return
            think_s, made = found
            meant_us += round(think_s / self.pace.speed * _MILLION) if turn else 0
            meant_s = (meant_us - self._begun_us) / _MILLION
            if meant_s >= self.pace.until_s or meant_s * self.pace.speed > user.until_s:
                return
            call = made(meant_s * self.pace.speed)
            left_us = meant_us - self.clock.now_us()
            if left_us > _NEAR_US:
                await self.clock.sleep(left_us / _MILLION)
            task = self._begin(call, meant_us)
            if task is not None:
                await asyncio.wait({task})
            meant_us = max(meant_us, self.clock.now_us())

    # A job

    async def _job(self, call: Call, meant_us: int) -> None:
        """Send a job until it ends well, or is given up."""
        admitted = await self._admitted(call)
        if admitted is None:
            self.tally.capped += 1
            return
        call = admitted
        warm = call.at_s < self.pace.warm_up_s
        group = Group("") if warm else self.tally.groups[call.group]
        if warm:
            self.tally.warm += 1
        group.sent += 1
        sent_us = self.clock.now_us()
        late_s = max(0.0, (sent_us - meant_us) / _MILLION)
        second = self.tally.second(max(sent_us - self._begun_us, 0) // _MILLION)
        second.sent += 1
        second.late_s = max(second.late_s, late_s)
        group.record(LATE, late_s)
        attempt = name = 0
        while True:
            ended = await self._attempt(call, f"{call.row}_{name}", meant_us, group)
            group.slot_ms += ended.slot_ms
            group.bytes_billed += ended.bytes_billed
            self._pay(call, ended)
            if self.stopped:
                group.stopped += bool(ended.reason)
                break
            if not ended.reason:
                break
            group.errors[ended.reason] += 1
            self._told(ended.reason, ended.message)
            attempt += 1
            if attempt >= self.retries.attempts or ended.reason not in RETRIED:
                break
            if self.slot_cap is not None and not self.slot_cap.admitted(call):
                self.tally.capped += 1
                break
            group.retried += 1
            await self._pause(self._pause_s(call, attempt) / self.pace.speed)
            if self.stopped:
                group.stopped += 1
                break
            self.tally.second(self._second()).retried += 1
            # A job whose insert had no answer may be there: it is asked for by the same name.
            name += ended.reason != NO_ANSWER
        self._counted(group, ended, meant_us)

    async def _admitted(self, call: Call) -> Call | None:
        """The call as the caps let it be sent; None when they do not."""
        if self.cap is not None:
            try:
                admitted = await self.cap.admitted(call)
            except Refusal as refusal:
                self._told(refusal.reason, str(refusal))
                admitted = None
            if admitted is None:
                return None
            call = admitted
        if self.slot_cap is not None and not self.slot_cap.admitted(call):
            return None
        return call

    def _pay(self, call: Call, ended: Ended) -> None:
        """Take the slots of an attempt from the cap; beyond it nothing may run."""
        cap = self.slot_cap
        if cap is None:
            return
        unknown = ended.reason == NO_ANSWER
        cap.ended(call, None if unknown else ended.slot_ms)
        if cap.over and not self.why:
            self.why = BY_SLOTS
            self.stop()

    async def _attempt(self, call: Call, name: str, meant_us: int, group: Group) -> Ended:
        sent = self._running[call.row] = _Sent(call, f"bqsim_live_{self.run_id}_{name}")
        try:
            sent.submitted = await self.endpoint.submit(call, sent.job_id)
            group.record(ACCEPTED, (self.clock.now_us() - meant_us) / _MILLION)
            if self.stopped:
                await self._cancelled(sent, asyncio.Semaphore())
            ended = await self.endpoint.ended(sent.submitted)
        except Refusal as refusal:
            ended = Ended(refusal.reason or f"http{refusal.status}", str(refusal))
            if self.stopped and ended.reason == NO_ANSWER:
                self.tally.open.append(_name(sent))
        # What is given up stays: it may run on.
        del self._running[call.row]
        return ended

    def _counted(self, group: Group, ended: Ended, meant_us: int) -> None:
        total_s = (self.clock.now_us() - meant_us) / _MILLION * self.pace.rate
        second = self.tally.second(self._second())
        second.in_flight = max(second.in_flight, len(self._tasks))
        self.tally.in_flight = len(self._tasks) - 1
        if ended.reason:
            if not self.stopped:
                group.failed += 1
                second.failed += 1
                group.record(FAILED, total_s)
            return
        group.done += 1
        second.done += 1
        group.record(TOTAL, total_s)
        self.tally.recent(total_s)
        if ended.queued_s is not None:
            group.record(QUEUED, ended.queued_s)
        if ended.run_s is not None:
            group.record(RUN, ended.run_s)
            group.record(WAITED, total_s - ended.run_s)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until a stop."""
        waits: list[asyncio.Future[Any]] = [
            asyncio.create_task(self.clock.sleep(seconds)),
            asyncio.create_task(self._stopping.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=_FIRST)
        finally:
            for one in waits:
                one.cancel()

    def _pause_s(self, call: Call, attempt: int) -> float:
        """How long is waited before an attempt, in the plan's time: as long as in a simulation."""
        retries = self.retries
        longest_s = min(retries.first_ms * retries.factor ** (attempt - 1), retries.longest_ms) / 1000
        drawn = jittered(self.seed, call.row, attempt, call.at_s * 1000)
        return longest_s * (1 - retries.jitter * (1 - drawn))

    def _second(self) -> int:
        return max(self.clock.now_us() - self._begun_us, 0) // _MILLION

    def _told(self, reason: str, message: str) -> None:
        """Keep the first message of each reason."""
        self.tally.messages.setdefault(reason, message)


def _name(sent: _Sent) -> str:
    """A job as the service knows it."""
    return f"{sent.call.project}:{sent.call.location or 'US'}.{sent.job_id}"


async def _ahead(chunks: Iterator[Iterable[Call]]) -> AsyncIterator[Iterable[Call]]:
    """The chunks; the next is made in a thread while one is sent."""
    coming = asyncio.create_task(asyncio.to_thread(next, chunks, None))
    try:
        while True:
            chunk = await coming
            if chunk is None:
                return
            coming = asyncio.create_task(asyncio.to_thread(next, chunks, None))
            yield chunk
    finally:
        coming.cancel()
