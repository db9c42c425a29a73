"""The tables and the chart of streams: what they use of quotas, how late they are taken. Cells are text."""

from __future__ import annotations

import math
from typing import Any

from bqsim.cost.units import shown_bytes
from bqsim.rehearse.results import SettingResult
from bqsim.rehearse.streams import words as told
from bqsim.rehearse.streams.results import QuotaResult, StreamingResult, StreamResult
from bqsim.reports import plots

from .words import NONE, number, seconds, share

# Lines of a chart, and rows of a table: quotas that are used the most.
MOST_LINES = 6
MOST_QUOTAS = 200
# Use of a quota below which it is no line.
_LEAST = 0.001
_DAY, _FEW_DAYS = 86_400.0, 2.0

QUOTA_HEADS = (
    "quota", "of", "amount", "p50", "p95", "p99", "peak", "over", "bytes over", "first", "longest delay",
    "load ×",
)  # fmt: skip
STREAM_HEADS = (
    "stream", "method", "rows", "bytes", "peak", "connections", "p50 delay", "p99 delay", "never taken",
)  # fmt: skip
SEEN_HEADS = ("quota", "of", "clients see")


def busiest(found: StreamingResult) -> list[QuotaResult]:
    """Quotas, those that are used the most first."""
    return sorted(found.quotas, key=lambda one: -one.use.peak)[:MOST_QUOTAS]


def quota_rows(found: StreamingResult) -> list[list[str]]:
    """The quotas; p50 to the peak are shares of each by its own window."""
    return [
        [
            one.limit or "(its connections)",
            one.place,
            told.amount(one),
            *(share(value) for value in (one.use.p50, one.use.p95, one.use.p99, one.use.peak)),
            share(one.over_time) if one.passed else NONE,
            share(one.over_bytes) if one.passed else NONE,
            told.at(one.over_from_s) if one.passed else NONE,
            seconds(one.longest_s) if one.longest_s else NONE,
            told.factor(one.factor),
        ]
        for one in busiest(found)
    ]


def stream_rows(found: StreamingResult) -> list[list[str]]:
    """The streams, in the order of the plan."""
    return [_stream(one) for one in found.streams]


def _stream(one: StreamResult) -> list[str]:
    return [
        one.name,
        one.method,
        number(round(one.rows)),
        shown_bytes(one.bytes),
        told.rate(one),
        number(one.connections) if one.connections else NONE,
        told.delay(one.delay.p50),
        told.delay(one.delay.p99),
        share(one.share_lost) if one.lost else NONE,
    ]


def seen_rows(found: StreamingResult) -> list[list[str]]:
    """What clients are told beyond the quotas that are passed."""
    return [[one.limit, one.place, told.seen(one)] for one in busiest(found) if one.passed and one.is_quota]


def lines(found: StreamingResult) -> list[plots.Layer]:
    """The shares of quotas over time, in percent."""
    shown = [one for one in busiest(found) if one.timeline and one.use.peak >= _LEAST]
    return [
        plots.Layer(f"{one.limit or 'its connections'}, {one.place}", [100 * x for x in one.timeline], at)
        for at, one in enumerate(shown[:MOST_LINES])
    ]


def chart(found: StreamingResult) -> str:
    """The largest use of each stretch of time; '' where hardly anything is used."""
    layers = lines(found)
    if not layers:
        return ""
    days = found.seconds > _FEW_DAYS * _DAY
    width = found.bucket_s / _DAY if days else found.bucket_s
    return plots.areas(
        "Use of quotas by streams",
        [],
        layers,
        width=width,
        x_unit="d" if days else "s",
        x_label=f"since the begin, the most of {seconds(found.bucket_s)}",
        y_label="% of the quota",
        y_unit="%",
    )


def of_setting(setting: SettingResult) -> tuple[float, float, float]:
    """Of a setting: the largest use, the p99 of delays, the factor of the load that is kept."""
    found = setting.streaming
    if found is None:
        return (math.nan,) * 3
    return found.use, found.delay_p99_s, found.factor


def document(found: StreamingResult) -> dict[str, Any]:
    """The members of the JSON that are worked out."""
    first = found.first
    return {
        "use": found.use,
        "delay_p99_s": found.delay_p99_s,
        "share_lost": found.share_lost,
        "factor": found.factor,
        "first": None if first is None else {"limit": first.limit, "place": first.place},
    }
