"""Figures as people read them: ``1.5 GiB``, ``230 ms``, ``$0.25``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

# Names of units, each the name of so many of the first; the largest that fits is told.
SCALED: dict[str, tuple[tuple[float, str], ...]] = {
    "bytes": tuple((1024.0**i, name) for i, name in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB"))),
    "s": ((1e-6, "µs"), (1e-3, "ms"), (1, "s"), (60, "min"), (3600, "h")),
    "ms": ((1e-3, "µs"), (1, "ms"), (1e3, "s"), (6e4, "min"), (3.6e6, "h")),
    "slot-ms": ((1, "slot-ms"), (1e3, "slot-s"), (3.6e6, "slot-h")),
    # Powers of ten: minutes and hours are none.
    "log s": ((1e-6, "µs"), (1e-3, "ms"), (1, "s")),
    "log ms": ((1e-3, "µs"), (1, "ms"), (1e3, "s")),
    "log slot-ms": ((1, "slot-ms"), (1e3, "slot-s")),
}
# What stands before figures.
_BEFORE = {"USD": "$", "EUR": "€", "GBP": "£"}
_PLAIN = ((1, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))
# Units of which a third is no round figure.
_OF_SIXTY = ("min", "h")
TIME = "time"


def shown(value: float, unit: str = "", digits: int = 3) -> str:
    """``value`` with its unit and so many significant digits. ``unit``: one of :data:`SCALED`, a currency,
    ``%``, ``time`` (microseconds since the epoch), or any other word, which is put behind."""
    if unit == TIME:
        return datetime.fromtimestamp(value / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if not math.isfinite(value):
        return str(value)
    per, name = _scale(abs(value), unit)
    return dressed(_number(value / per, digits), unit, name)


def labels(values: Sequence[float], unit: str = "", log: bool = False) -> list[str]:
    """Labels of an axis' ticks: one scale for all, as many digits as tell them apart; each in a scale of its
    own on an axis that is a logarithm."""
    if unit == TIME:
        return _times(values)
    if log:
        return [shown(v, "log " + unit if "log " + unit in SCALED else unit) for v in values]
    per, name = _scale(max((abs(v) for v in values), default=0), unit)
    if name in _OF_SIXTY and any(not _is_round(v / per) for v in values):
        # Thirds of a minute are seconds.
        per, name = next(step for step in reversed(SCALED[unit]) if step[0] < per)
    for places in range(12):
        texts = [f"{v / per:,.{places}f}" for v in values]
        told = (float(text.replace(",", "")) for text in texts)
        if all(
            math.isclose(t, v / per, rel_tol=1e-3, abs_tol=1e-12) for t, v in zip(told, values, strict=True)
        ):
            break
    return [dressed(text, unit, name) for text in texts]


def _is_round(value: float) -> bool:
    """Whether two decimal places tell all of it."""
    return math.isclose(value, round(value, 2), rel_tol=1e-3, abs_tol=1e-12)


def dressed(number: str, unit: str, name: str) -> str:
    """``number`` with ``unit`` before or behind it; ``name`` is the unit's, scaled."""
    if unit in _BEFORE:
        sign = "-" if number.startswith("-") else ""
        return f"{sign}{_BEFORE[unit]}{number.lstrip('-')}{name}"
    if unit in SCALED:
        return f"{number} {name}"
    return f"{number}{name}{unit}" if unit == "%" else f"{number}{name} {unit}".rstrip()


def _scale(size: float, unit: str) -> tuple[float, str]:
    steps = SCALED.get(unit, _PLAIN)
    fitting = [step for step in steps if size >= step[0]]
    if unit not in SCALED and size < 10_000:
        return 1, ""
    if size == 0:
        return next(step for step in steps if step[0] == 1)
    return fitting[-1] if fitting else steps[0]


def _number(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _times(values: Sequence[float]) -> list[str]:
    moments = [datetime.fromtimestamp(v / 1e6, UTC) for v in values]
    if all((m.hour, m.minute, m.second) == (0, 0, 0) for m in moments):
        return [f"{m:%d %b}" for m in moments]
    if len({m.date() for m in moments}) > 1:
        return [f"{m:%d %b %H:%M}" for m in moments]
    return [f"{m:%H:%M:%S}" if any(x.second for x in moments) else f"{m:%H:%M}" for m in moments]
