"""What became of streams, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bqsim.cost.units import shown_bytes
from bqsim.rehearse.reporting.words import factor, number, seconds, share, stretch

from .results import QuotaResult, StreamingResult, StreamResult

NEVER = "never"
_MOST = 3


def sentences(found: StreamingResult) -> list[str]:
    """What to know about streams, the worst first; without full stops."""
    told = [_passed(one) for one in _worst(found)]
    told += _late(found)
    return [*told, headroom(found)]


def _worst(found: StreamingResult) -> Sequence[QuotaResult]:
    passed = [one for one in found.quotas if one.passed]
    return sorted(passed, key=lambda one: -one.use.peak)[:_MOST]


def amount(one: QuotaResult, value: float | None = None) -> str:
    """An amount of a quota: ``3,000,000,000 bytes a second``."""
    at_once = one.unit == "connections" or (one.is_quota and not one.timeline)
    per = "" if at_once else f" {_per(one.window_s)}"
    return f"{number(one.amount if value is None else value)} {one.unit}{per}"


def _per(window_s: int) -> str:
    said = stretch(float(window_s))
    return said if said.startswith("a") else f"in {said}"


def name(one: QuotaResult) -> str:
    """A quota and whose counter it is."""
    if not one.limit:
        return f"what the connections of {one.place} carry"
    return f"'{one.title}' of {one.place}"


def _passed(one: QuotaResult) -> str:
    first = f"{'after ' if one.over_from_s else 'at '}{at(one.over_from_s)}"
    of = "the time" if one.timeline else "them"
    told = (
        f"{_capital(name(one))} is passed: {share(one.use.peak)} of {amount(one)} at the most, "
        f"first {first}, {share(one.over_time)} of {of} and {share(one.over_bytes)} of the bytes"
    )
    return f"{told}; clients see {seen(one)}" if one.limit else told


def seen(one: QuotaResult) -> str:
    """What clients are told beyond a quota."""
    told = f"{one.status} / {one.reason}: {one.message}"
    return told if one.known_text else f"{told} (the wording is a guess)"


def _late(found: StreamingResult) -> list[str]:
    waiting = sorted((one for one in found.streams if one.delay.largest), key=lambda one: -one.delay.p99)
    told = []
    for one in waiting[:_MOST]:
        if one.lost:
            told.append(f"{share(one.share_lost)} of the bytes of {one.name} are never taken")
        else:
            late = delay(one.delay.p99)
            told.append(f"With retries, 99 % of the bytes of {one.name} are taken within {late}")
    drained = max((one.drained_s for one in found.quotas), default=0.0)
    end = found.begin_s + found.seconds
    if drained > end:
        told.append(f"{_capital(seconds(drained - end))} after the last of it came, all that waited is taken")
    return told


def headroom(found: StreamingResult) -> str:
    """Which quota is passed first as the load grows."""
    first = found.first
    if first is None:
        return "No quota of the streams depends on how much comes"
    if first.factor <= 0:
        return f"{_capital(name(first))} is passed however little comes"
    if first.factor < 1:
        return f"{_capital(name(first))} is kept up to {factor(first.factor)} times the load"
    return f"At {factor(first.factor)} times the load {name(first)} passes {amount(first)}"


def at(value: float | None) -> str:
    """A moment since the begin."""
    return "never" if value is None else seconds(value) if value else "the begin"


def delay(value: float) -> str:
    """A delay; never for what is not taken at all."""
    return NEVER if math.isinf(value) else seconds(value)


def rate(one: StreamResult) -> str:
    return f"{shown_bytes(one.peak_bytes_s)}/s"


def counted(streams: int) -> str:
    return f"{streams:,} stream{'s' if streams != 1 else ''}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


__all__ = [
    "amount",
    "at",
    "counted",
    "delay",
    "factor",
    "headroom",
    "name",
    "rate",
    "seen",
    "sentences",
]
