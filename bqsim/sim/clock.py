"""The clock behind every time that the simulator shows or waits for.

A :class:`SimulationClock` runs as the wall's does, ``scale(n)`` times as fast, or stands (``freeze()``) and
is moved by ``advance("90m")``; ``resume()`` lets it run again. All of that works at any time, from any
thread, for whoever waits already. Readings strictly increase throughout.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from .blocking import block
from .scenario.durations import parse_duration
from .settling import Holds
from .settling import settle as settle_loop
from .timers import Timer, TimerQueue, run_due

log = logging.getLogger(__name__)

# The wall's clock may be set, and machines sleep: it is looked at so often while timers wait. A thread
# without timers ends after as long.
LOOK_S = 5.0
# What is released is given so much wall time at each step of an advance.
SETTLE_S = 10.0
# Timers taken at once, so that readings never wait for long.
BATCH = 1000

Duration = str | float | dt.timedelta

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Clock(Protocol):
    """Time in microseconds since the Unix epoch (UTC)."""

    def now_us(self) -> int: ...

    async def sleep(self, seconds: float) -> None:
        """Wait until ``seconds`` of this clock's time have passed."""
        ...

    def wait(
        self,
        seconds: float | None,
        until: Callable[[], bool] | None = None,
        condition: threading.Condition | None = None,
    ) -> bool:
        """Block until ``until()`` (True) or ``seconds`` of this clock's time have passed (False)."""
        ...

    def call_at(
        self, time_us: int, callback: Callable[[], object], loop: asyncio.AbstractEventLoop | None = None
    ) -> Timer: ...

    def call_later(
        self, seconds: float, callback: Callable[[], object], loop: asyncio.AbstractEventLoop | None = None
    ) -> Timer: ...

    def hold(self) -> Holds:
        """A context in which work goes on that takes no simulated time."""
        ...


class SimulationClock:
    """The clock of a simulation: the wall's time, or one that begins at ``start``, at ``rate``; 0 stands.

    Timers and sleepers cost O(log n). Callbacks run on the thread that moves time, those with a ``loop`` on
    that event loop, and never at a time before their own.
    """

    def __init__(self, start: int | str | dt.datetime | None = None, rate: float = 1) -> None:
        # Whoever has it may be interrupted by the collection of a call that was left, which reads the time.
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        # Only who has this runs timers; callbacks may move time themselves.
        self._turn = threading.RLock()
        self._timers = TimerQueue(self._lock)
        self._loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
        self._driver: threading.Thread | None = None
        self._armed_us: int | None = None
        self._closed = False
        self._holds = Holds()
        # Time is base + (wall - anchor) * rate; a rate of 0 stands.
        self._seen_ns = time.time_ns()
        self._anchor_ns = self._seen_ns - self._seen_ns % 1000
        self._base_us = self._anchor_ns // 1000 if start is None else epoch_us(start)
        self._rate = rate
        self._last_us = self._base_us - 1

    # Reading

    def now_us(self) -> int:
        """The time; later than every reading before."""
        with self._lock:
            now = self._flow_us()
            if now <= self._last_us:
                now = self._last_us + 1
            self._last_us = now
            return now

    @property
    def rate(self) -> float:
        """Simulated seconds in a second of the wall; 0 while the clock stands."""
        return self._rate

    @property
    def mode(self) -> str:
        """``real``, ``scaled`` or ``manual``."""
        if self._rate == 0:
            return "manual"
        return "real" if self._rate == 1 else "scaled"

    @property
    def waiting(self) -> int:
        """Sleepers and timers whose time has not come."""
        with self._lock:
            return len(self._timers)

    # Waiting

    async def sleep(self, seconds: float) -> None:
        """Wait until ``seconds`` have passed; without any, let other tasks run."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not sleeper.done():
                sleeper.set_result(None)

        timer = self.call_later(seconds, wake, loop)
        try:
            await sleeper
        finally:
            timer.cancel()

    def wait(
        self,
        seconds: float | None,
        until: Callable[[], bool] | None = None,
        condition: threading.Condition | None = None,
    ) -> bool:
        """Block this thread until ``until()`` (True) or ``seconds`` have passed (False); None is no limit.

        ``condition``, held by the caller as for ``Condition.wait_for``, is notified when ``until()`` may have
        changed; without it ``until()`` is looked at every 20 ms of wall time.
        """
        return block(self, self._holds, seconds, until, condition)

    def call_at(
        self, time_us: int, callback: Callable[[], object], loop: asyncio.AbstractEventLoop | None = None
    ) -> Timer:
        """Run ``callback`` at ``time_us``, at once when that has been, also while the clock stands.

        It must be brief: later timers wait for it.
        """
        with self._lock:
            return self._add(time_us, callback, loop)

    def call_later(
        self, seconds: float, callback: Callable[[], object], loop: asyncio.AbstractEventLoop | None = None
    ) -> Timer:
        """As :meth:`call_at`, ``seconds`` from now."""
        with self._lock:
            return self._add(self._position_us() + round(seconds * 1_000_000), callback, loop)

    def hold(self) -> Holds:
        """``with clock.hold():`` work that takes no simulated time: an advance waits for its end.

        It waits at most 10 s of wall time, so that work which waits for the clock itself is no deadlock.
        """
        return self._holds

    # Control

    def freeze(self) -> None:
        """Stand still; from now on only :meth:`advance` and :meth:`set_time` move time."""
        self._flow_at(0)

    def scale(self, factor: float) -> None:
        """Run ``factor`` times as fast as the wall's clock. ValueError unless it is positive."""
        if not 0 < factor <= 1e9:
            raise ValueError(f"a clock cannot run {factor} times as fast")
        self._flow_at(factor)

    def resume(self) -> None:
        """Run at the speed of the wall's clock, on from the time that it is."""
        self._flow_at(1)

    def advance(self, duration: Duration, *, settle: bool = True) -> None:
        """Move time on by ``duration``: ``"90m"``, ``"7d"``, seconds or a timedelta. From any thread.

        Time stops at each due time on the way, in order, and what is due then runs and reads that time. When
        this returns all timers due by then have run, also those made on the way, and time has moved on by
        ``duration`` (and by a microsecond for each reading meanwhile).

        With ``settle`` time moves on from each stop, and this returns, only when the event loops of released
        tasks have nothing ready to run, released threads have left :meth:`wait`, and no work holds the clock:
        a task that goes from sleep to sleep, or through work within :meth:`hold`, misses no time. Tasks that
        wait for anything else (sockets, threads) are not waited for, nor is anything for more than 10 s of
        wall time. Without ``settle`` tasks and threads are only told to wake.

        On the thread of an event loop whose tasks wait for this clock, those run only after this returns,
        and no work is waited for: use :meth:`advance_async` there.
        """
        span = round(parse_duration(duration) * 1_000_000)
        if span < 0:
            raise ValueError(f"time does not go back, by {duration}")
        with self._turn:
            self._step(lambda: self._position_us() + span, settle)

    async def advance_async(self, duration: Duration, *, settle: bool = True) -> None:
        """As :meth:`advance`, while the tasks of this event loop run."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._loops.add(loop)
        mover = ThreadPoolExecutor(1, "bqsim-clock-advance")
        try:
            await loop.run_in_executor(mover, lambda: self.advance(duration, settle=settle))
        finally:
            mover.shutdown(wait=False)

    def set_time(self, when: int | str | dt.datetime, *, settle: bool = True) -> None:
        """Move time on to ``when``, as :meth:`advance` does. ValueError when that has been.

        ``when`` is epoch microseconds, a datetime or an ISO 8601 text; UTC unless it tells.
        """
        target = epoch_us(when)
        with self._turn:
            with self._lock:
                if target < self._position_us():
                    raise ValueError(f"time does not go back: {when} has been")
            self._step(lambda: target, settle)

    def close(self) -> None:
        """Keep no thread once nothing waits; else one is kept for the next timer for a while."""
        with self._lock:
            self._closed = True
            self._work.notify()

    # Time, under the lock

    def _flow_us(self) -> int:
        """The time without what readings added; timers due by it are released."""
        wall = time.time_ns()
        if wall < self._seen_ns:
            # The wall's clock was set back: time goes on from where it was.
            self._anchor_ns -= self._seen_ns - wall
        self._seen_ns = wall
        return self._base_us + int((wall - self._anchor_ns) * self._rate) // 1000

    def _position_us(self) -> int:
        return max(self._flow_us(), self._last_us)

    def _move_to(self, time_us: int) -> None:
        """Put the time at ``time_us`` unless it is later; it flows on from there."""
        now = self._flow_us()
        self._base_us = max(now, time_us)
        self._anchor_ns = self._seen_ns

    def _flow_at(self, rate: float) -> None:
        with self._lock:
            self._move_to(self._position_us())
            self._rate = rate
            self._armed_us = None
            self._rouse()

    # Timers

    def _add(
        self, time_us: int, callback: Callable[[], object], loop: asyncio.AbstractEventLoop | None
    ) -> Timer:
        if loop is not None:
            self._loops.add(loop)
        if time_us <= self._last_us:
            time_us = min(time_us, self._flow_us())
        timer = self._timers.add(time_us, callback, loop)
        # Time that stands comes to no later timer by itself.
        comes = self._rate > 0 or time_us <= self._base_us
        if comes and (self._armed_us is None or time_us < self._armed_us):
            self._rouse()
        return timer

    def _rouse(self) -> None:
        """Make the driver look at the timers anew; there is none while no timer needs it."""
        if self._driver is not None:
            self._work.notify()
        elif len(self._timers):
            driver = threading.Thread(target=self._drive, name="bqsim-clock", daemon=True)
            driver.start()
            self._driver = driver

    def _drive(self) -> None:
        try:
            while self._await_due():
                with self._turn:
                    with self._lock:
                        due = self._timers.take(self._flow_us(), BATCH, same=False)
                    run_due(due)
        except BaseException:
            # The next timer gets a driver anew.
            with self._lock:
                self._driver, self._armed_us = None, None
            raise

    def _await_due(self) -> bool:
        """Wait until a timer is due; False when none has come for a while."""
        with self._lock:
            while True:
                first = self._timers.first_us()
                left_us = None if first is None else first - self._flow_us()
                if left_us is not None and left_us <= 0:
                    # Until these have run nobody needs to tell.
                    self._armed_us = first
                    return True
                idle = left_us is None or self._rate == 0
                if idle:
                    self._armed_us = None
                    if self._closed or (not self._work.wait(LOOK_S) and self._is_idle()):
                        self._driver = None
                        return False
                    continue
                assert left_us is not None
                self._armed_us = first
                self._work.wait(min(left_us / 1_000_000 / self._rate, LOOK_S))

    def _is_idle(self) -> bool:
        first = self._timers.first_us()
        return first is None or (self._rate == 0 and first > self._base_us)

    def _step(self, target: Callable[[], int], settle: bool) -> None:
        """Move time to ``target``, read once all is calm, from due time to due time; the turn is taken."""
        if settle:
            settle = self._settle(self._known_loops())
        with self._lock:
            end_us = target()
        while True:
            with self._lock:
                due = self._timers.take(max(end_us, self._flow_us()), BATCH, same=True)
                self._move_to(due[0].due_us if due else end_us)
                if not due:
                    self._armed_us = None
                    self._rouse()
                    return
            loops = run_due(due)
            if settle and (loops or self._holds):
                settle = self._settle(loops)

    # Calm

    def _settle(self, loops: Iterable[asyncio.AbstractEventLoop]) -> bool:
        """Wait until what was released has run; False when that takes too long."""
        here = asyncio._get_running_loop()
        end = time.monotonic() + SETTLE_S
        while True:
            for loop in loops:
                if loop is not here and not settle_loop(loop, max(0.0, end - time.monotonic())):
                    log.warning("an advance of the clock no longer waits for an event loop that is blocked")
                    return False
            # Work may need the loop that stands meanwhile.
            if not self._holds or self._is_known(here):
                return True
            if not self._holds.wait(end - time.monotonic()):
                log.warning("an advance of the clock no longer waits for work that holds it")
                return False
            # The end of work may let tasks go on.
            loops = self._known_loops()

    def _is_known(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        with self._lock:
            return loop is not None and loop in self._loops

    def _known_loops(self) -> list[asyncio.AbstractEventLoop]:
        with self._lock:
            return [loop for loop in self._loops if loop.is_running()]


# What needs no control of time takes the same clock and leaves it alone.
RealClock = SimulationClock


def epoch_us(when: int | str | dt.datetime) -> int:
    """Epoch microseconds of a time: those, a datetime or an ISO 8601 text; UTC unless it tells."""
    if isinstance(when, int):
        return when
    moment = dt.datetime.fromisoformat(when) if isinstance(when, str) else when
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def now_ms(clock: Clock) -> int:
    """Milliseconds since the epoch, the unit of the REST API's times."""
    return clock.now_us() // 1000
