"""A calibration: what cassettes and histories tell of latencies, slot time, sizes and failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bqsim.history import JobRecord
from bqsim.sim.methods import APPEND_ROWS

from .classes import FINGERPRINT, PHASES, Class, classes_of, fit_all, summary, usable
from .columns import TableColumns, column_bytes
from .fitting import MINIMUM, Fit, TooFew, fit
from .gathering import Samples, gather
from .rates import Rate, rate
from .scoring import compared

MOST_FINGERPRINTS = 50


class CalibrationError(ValueError):
    """The samples are too few for anything."""


@dataclass(frozen=True, slots=True)
class SlotTime:
    """Slot milliseconds of a fingerprint: quantiles, the median absolute deviation, and per MiB processed."""

    fingerprint: str
    jobs: int
    p50: float
    p90: float
    p99: float
    deviation: float
    per_mib: float

    def json(self) -> dict[str, Any]:
        names = ("fingerprint", "jobs", "p50", "p90", "p99", "deviation", "per_mib")
        shown = {name: getattr(self, name) for name in names}
        return {name: round(v, 3) if isinstance(v, float) else v for name, v in shown.items()}


@dataclass(slots=True)
class Calibration:
    """``calls`` and ``pages`` are fits by API method, ``acks`` that of appends; ``missed`` tells what had too
    few samples. ``compared`` are distances between measured and drawn times, by class and phase."""

    samples: Samples
    minimum: int
    classes: list[Class] = field(default_factory=list)
    slots: list[SlotTime] = field(default_factory=list)
    columns: list[TableColumns] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    calls: dict[str, Fit] = field(default_factory=dict)
    pages: dict[str, Fit] = field(default_factory=dict)
    acks: Fit | None = None
    missed: list[str] = field(default_factory=list)
    compared: dict[str, float] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The report: each fit with its samples, confidence and held-out errors."""
        return {
            "sources": self.samples.sources,
            "jobs": len(self.samples.jobs),
            "minimumSamples": self.minimum,
            "classes": [summary(one) for one in self.classes],
            "generatedAgainstRecordedKs": {name: round(v, 4) for name, v in self.compared.items()},
            "slotMs": [one.json() for one in self.slots],
            "columns": [one.json() for one in self.columns],
            "errorRates": [one.json() for one in self.rates],
            "calls": {name: one.json() for name, one in self.calls.items()},
            "pages": {name: one.json() for name, one in self.pages.items()},
            "acks": None if self.acks is None else self.acks.json(),
            "tooFewSamples": self.missed,
        }

    def text(self) -> str:
        """The report as text."""
        lines = [
            f"{len(self.samples.jobs):,} jobs of {', '.join(self.samples.sources)}; "
            f"a fit needs {self.minimum} samples"
        ]
        for one in self.classes:
            for phase in PHASES:
                where = f"{phase} of {one.title}"
                if phase in one.fits:
                    ks = self.compared.get(f"{one.title}/{phase}")
                    again = "" if ks is None else f"; generated against recorded: KS {ks:.3f}"
                    lines.append(f"  {where}: {told(one.fits[phase])}{again}")
                elif one.level != FINGERPRINT and phase in one.fell_back:
                    lines.append(f"  {where}: {one.fell_back[phase]}")
        kept = Counter(
            reason.partition(":")[2].strip() or reason
            for one in self.classes
            if one.level == FINGERPRINT
            for reason in set(one.fell_back.values())
        )
        lines += [f"  {count} fingerprints: {reason}" for reason, count in kept.most_common()]
        for title, fits in (("calls of", self.calls), ("pages of", self.pages)):
            lines += [f"  {title} {name}: {told(one)}" for name, one in fits.items()]
        if self.acks is not None:
            lines.append(f"  acks of appends: {told(self.acks)}")
        lines += [f"  {rate_text(one)}" for one in self.rates]
        lines += [
            f"  bytes of columns of {one.table}: {len(one.columns)} from {one.queries} sets of columns, "
            f"off by {one.error:.1%} on average"
            for one in self.columns
        ]
        lines += [f"  {one}" for one in self.missed]
        return "\n".join(lines)


def told(one: Fit) -> str:
    """A fit in words."""
    errors = ", ".join(f"{name} {value:+.1%}" for name, value in one.errors.items())
    return (
        f"{one.family}, {one.count:,} samples, {one.confidence} confidence; held out: KS {one.distance:.3f}"
        + (f", {errors}" if errors else "")
    )


def rate_text(one: Rate) -> str:
    """A rate in words."""
    return (
        f"{one.reason} of {one.subject}: {one.failed:,} of {one.asked:,}, "
        f"{one.rate:.3%} (95 %: {one.low:.3%} to {one.high:.3%})"
    )


def calibrate(
    sources: Iterable[Any] | Samples, *, minimum: int = MINIMUM, most_fingerprints: int = MOST_FINGERPRINTS
) -> Calibration:
    """Fit everything that cassettes and histories (paths, or samples) tell.

    Raises :class:`CalibrationError` when no class has ``minimum`` samples, ``HistoryError`` and
    ``CassetteError`` for what cannot be read.
    """
    samples = sources if isinstance(sources, Samples) else gather(sources)
    made = Calibration(samples, minimum)
    made.classes = classes_of(samples.jobs)
    fit_all(made.classes, minimum, most_fingerprints)
    for one in made.classes:
        for phase, found in one.fits.items():
            made.compared[f"{one.title}/{phase}"] = compared(found.latency, *one.times(phase))
    made.slots = _slots(made.classes, minimum)
    made.columns = column_bytes(samples.jobs)
    made.rates = _rates(samples)
    _calls(made)
    if not (made.compared or made.calls or made.pages or made.acks):
        most = max((len(one.jobs) for one in made.classes), default=0)
        raise CalibrationError(
            f"there are too few samples: the widest class has {most} of the {minimum} that a fit needs; "
            "record more, or lower --minimum"
        )
    return made


def _calls(made: Calibration) -> None:
    samples = made.samples
    for method, seconds in sorted(samples.calls.items()):
        try:
            made.calls[method] = fit(seconds, None, made.minimum)
        except TooFew as few:
            made.missed.append(f"calls of {method}: {few}: none is fitted")
    for method, pages in sorted(samples.pages.items()):
        try:
            made.pages[method] = fit(pages, None, made.minimum)
        except TooFew as few:
            made.missed.append(f"pages of {method}: {few}: none is fitted")
    if samples.acks:
        try:
            made.acks = fit(samples.acks, None, made.minimum)
        except TooFew as few:
            made.missed.append(f"acks of {APPEND_ROWS}: {few}: none is fitted")


def _slots(classes: Sequence[Class], minimum: int) -> list[SlotTime]:
    found = []
    for one in classes:
        slots = [job.slot_ms for job in one.jobs if job.slot_ms]
        if one.level != FINGERPRINT or len(slots) < minimum:
            continue
        values = np.asarray(slots, dtype=float)
        p50, p90, p99 = (float(v) for v in np.quantile(values, [0.5, 0.9, 0.99]))
        sizes = np.asarray([job.bytes_processed for job in one.jobs if job.slot_ms], dtype=float) / 2**20
        per_mib = float(np.median(values[sizes > 0] / sizes[sizes > 0])) if (sizes > 0).any() else 0.0
        found.append(
            SlotTime(one.name, len(slots), p50, p90, p99, float(np.median(np.abs(values - p50))), per_mib)
        )
    return found


def _rates(samples: Samples) -> list[Rate]:
    """Rates of failed requests by method, and of failed jobs by type."""
    found = [
        rate(method, reason, min(count, samples.asked[method]), samples.asked[method])
        for (method, reason), count in sorted(samples.failed.items())
        if samples.asked[method]
    ]
    done = [job for job in samples.jobs if job.state == "DONE" and not job.dry_run]
    by_type = Counter(job.job_type for job in done)
    failed = Counter((job.job_type, job.error_reason) for job in done if job.error_reason)
    found += [
        rate(f"{kind} jobs", reason, count, by_type[kind]) for (kind, reason), count in sorted(failed.items())
    ]
    return found


def timed_jobs(jobs: Iterable[JobRecord]) -> int:
    """How many jobs tell the times of work that was done."""
    return sum(usable(job) and bool(job.ended_us) for job in jobs)
