"""From figures to places on a chart, and the figures worth a tick."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .units import TIME

_SECOND, _MINUTE, _HOUR, _DAY = 1e6, 6e7, 3.6e9, 8.64e10
# A second in the units that go over to minutes and hours.
_SECONDS = {"s": 1.0, "ms": 1e3, "slot-ms": 1e3}
_TIME_STEPS = tuple(
    n * size
    for size, counts in (
        (_SECOND, (1, 2, 5, 10, 15, 30)),
        (_MINUTE, (1, 2, 5, 10, 15, 30)),
        (_HOUR, (1, 2, 3, 6, 12)),
        (_DAY, (1, 2, 7, 14, 28, 91, 182, 364)),
    )
    for n in counts
)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps ``low`` to ``start`` and ``high`` to ``end``, evenly or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    unit: str = ""
    log: bool = False

    def at(self, value: float) -> float:
        """The place of ``value``; what lies outside is put at the end."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            part = (math.log(max(value, self.low)) - low) / (high - low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return round(self.start + min(1.0, max(0.0, part)) * (self.end - self.start), 2)

    def ticks(self, wanted: int = 5) -> list[float]:
        """About ``wanted`` round figures between ``low`` and ``high``."""
        if self.log:
            return _powers(self.low, self.high, wanted, _base(self.unit))
        step = _step(self.high - self.low, wanted, self.unit)
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor((self.high - first * step) / step + 1e-9)
        return [(first + i) * step for i in range(count + 1)]


def fitting(
    values: Iterable[float], start: float, end: float, unit: str = "", *, zero: bool = True, log: bool = False
) -> Scale:
    """A scale that holds all ``values``, from zero when ``zero``, with round figures at its ends. A logarithm
    needs figures above zero: others lie at its low end."""
    kept = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    if not kept:
        kept = [1.0]
    low, high = min(kept), max(kept)
    if log:
        base = _base(unit)
        low, high = base ** math.floor(_power(low, base)), base ** math.ceil(_power(high, base))
        return Scale(low, high if high > low else low * base, start, end, unit, True)
    if zero and unit != TIME:
        low, high = min(low, 0.0), max(high, 0.0)
    if high <= low:
        room = _SECOND if unit == TIME else abs(low) or 1.0
        low, high = (low, low + room) if zero and low >= 0 else (low - room, low + room)
    if unit == TIME:
        return Scale(low, high, start, end, unit)
    step = _step(high - low, 5, unit)
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start, end, unit)


def _step(span: float, wanted: int, unit: str) -> float:
    rough = span / max(1, wanted)
    if unit == TIME:
        return next(
            (s for s in _TIME_STEPS if s >= rough), _TIME_STEPS[-1] * math.ceil(rough / _TIME_STEPS[-1])
        )
    if unit == "bytes" and rough >= 1:
        # Round numbers of bytes are powers of two, or such of the unit that is told.
        base = 1024.0 ** math.floor(math.log(rough, 1024))
        return base * next((s for s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) if s * base >= rough), 1024)
    second = _SECONDS.get(unit, 0.0)
    if second and rough >= 20 * second:
        # Minutes and hours have round figures of their own.
        steps = (s / _SECOND * second for s in _TIME_STEPS if s < _DAY)
        return next(
            (s for s in steps if s >= rough * 0.999999), _decimal(rough / second / 3600) * 3600 * second
        )
    return _decimal(rough)


def _decimal(rough: float) -> float:
    base = 10.0 ** math.floor(math.log10(rough))
    return base * next((s for s in (1.0, 2.0, 5.0) if s * base >= rough * 0.999999), 10.0)


def _powers(low: float, high: float, wanted: int, base: float) -> list[float]:
    first, last = round(_power(low, base)), round(_power(high, base))
    every = max(1, math.ceil((last - first) / max(1, wanted)))
    return [base**power for power in range(first, last + 1, every)]


def _base(unit: str) -> float:
    return 32.0 if unit == "bytes" else 10.0


def _power(value: float, base: float) -> float:
    return round(math.log(value) / math.log(base), 9)
