"""What cannot be of jobs and streams alike: days by the hour, and what bounds of thresholds are about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from bqsim.sim.scenario.capacity_checks import Found

if TYPE_CHECKING:
    from .model import Diurnal
    from .streams import DiurnalRate

JOBS, STREAMS, BOTH = "jobs", "streams", "both"
# The bounds that a threshold may have, and what each is about.
_ABOUT: Mapping[str, str] = {
    "p50_duration_s": JOBS,
    "p95_duration_s": JOBS,
    "p99_duration_s": JOBS,
    "p95_wait_s": JOBS,
    "p99_wait_s": JOBS,
    "cost_per_day": BOTH,
    "misses": JOBS,
    "failures": JOBS,
    "least_utilisation": JOBS,
    "streaming_use": STREAMS,
    "streaming_delay_p99_s": STREAMS,
}
BOUNDS = tuple(_ABOUT)


def bounds_about(what: str) -> tuple[str, ...]:
    """The bounds that are about jobs, or streams, only."""
    return tuple(name for name, about in _ABOUT.items() if about == what)


def by_the_hour(one: Diurnal | DiurnalRate, written: Collection[str], nothing: str) -> Found:
    """Rates by the hour and the day; ``nothing`` says what it means when all are 0."""
    for key, count, what in (("hours", 24, "hours of the day"), ("days", 7, "days of the week, from Monday")):
        factors = getattr(one, key)
        if factors is None:
            continue
        if len(factors) != count:
            yield (key,), f"expected {count} factors, for the {what}, not {len(factors)}"
        elif not any(factors):
            yield (key,), f"all factors are 0: {nothing}"
    if one.peak_hour >= 24:
        yield ("peak_hour",), f"expected an hour from 0 to below 24, not {one.peak_hour:g}"
    for key in ("peak_hour", "night_share"):
        if one.hours is not None and key in written:
            yield (key,), f"'{key}' is for a day without 'hours'; use one"
