"""Latency that changes with the scenario's time, and playback of recorded latencies."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from bqsim.sim.draws import Uniforms

from .base import Latency, Load


@dataclass(frozen=True, slots=True)
class Ramp:
    """``model`` times a factor that moves in straight lines between ``points`` (time_s, factor).

    Before the first and after the last point the factor stays at theirs; with ``repeat_s`` the time starts
    over at 0 each time it reaches it (86,400 for a daily pattern).
    """

    model: Latency
    points: tuple[tuple[float, float], ...]
    repeat_s: float | None = None
    _times: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_times", tuple(time for time, _ in self.points))

    @property
    def ordered(self) -> bool:
        return self.model.ordered

    def factor(self, time_s: float) -> float:
        now = time_s % self.repeat_s if self.repeat_s else time_s
        i = bisect_right(self._times, now)
        if i == 0:
            return self.points[0][1]
        if i == len(self.points):
            return self.points[-1][1]
        (start, low), (end, high) = self.points[i - 1 : i + 1]
        return low + (high - low) * (now - start) / (end - start)

    def draw(self, u: Uniforms, context: Load) -> float:
        return self.model.draw(u, context) * self.factor(context.time_s)


ENDS = ("loop", "hold", "stop")


@dataclass(frozen=True, slots=True)
class Trace:
    """Recorded latencies, played back in order: occurrence n gets the n-th.

    After the last: ``loop`` starts over, ``hold`` repeats the last, ``stop`` adds nothing more.
    """

    seconds: tuple[float, ...]
    end: str = "loop"

    @property
    def ordered(self) -> bool:
        return True

    def draw(self, u: Uniforms, context: Load) -> float:
        n = u.occurrence
        if n < len(self.seconds) or self.end == "loop":
            return self.seconds[n % len(self.seconds)]
        return self.seconds[-1] if self.end == "hold" else 0.0


@dataclass(frozen=True, slots=True)
class Periods:
    """``model`` times the factors of all ``spans`` (from_s, until_s, factor, every_s or None) that hold."""

    model: Latency
    spans: tuple[tuple[float, float, float, float | None], ...]

    @property
    def ordered(self) -> bool:
        return self.model.ordered

    def factor(self, time_s: float) -> float:
        factor = 1.0
        for start, end, times, every in self.spans:
            now = time_s % every if every else time_s
            if start <= now < end:
                factor *= times
        return factor

    def draw(self, u: Uniforms, context: Load) -> float:
        return self.model.draw(u, context) * self.factor(context.time_s)
