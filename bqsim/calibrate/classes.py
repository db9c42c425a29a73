"""Classes of jobs, from narrow to wide: fits of a class with too few samples are those of a wider one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bqsim.history import JobRecord
from bqsim.sim.scenario.model import Match
from bqsim.sim.scenario.words import JOB_TYPES, STATEMENT_TYPES

from .fitting import Fit, TooFew, fit

QUEUE, RUN = "queue", "run"
PHASES = (QUEUE, RUN)
FINGERPRINT, STATEMENT, TYPE, ALL = "fingerprint", "statement", "type", "all"
_MILLION = 1_000_000
# A narrow class is kept apart when its own fit explains its times so much better, each.
_APART = 0.02


@dataclass(slots=True)
class Class:
    """Jobs of one kind: a fingerprint, a statement type, a job type, or all."""

    level: str
    name: str
    match: Match
    jobs: list[JobRecord] = field(default_factory=list)
    fits: dict[str, Fit] = field(default_factory=dict)
    # Phase -> what a wider class stands in for, and why.
    fell_back: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return {ALL: "all jobs", TYPE: f"{self.name} jobs"}.get(self.level, f"{self.level} {self.name}")

    def times(self, phase: str) -> tuple[list[float], list[float]]:
        """Seconds of a phase and bytes, of the jobs that tell them."""
        timed = [job for job in self.jobs if _TIMED[phase](job)]
        seconds = [(job.queued_us if phase == QUEUE else job.ran_us) / _MILLION for job in timed]
        sizes = [float(job.bytes_processed) if phase == RUN else 0.0 for job in timed]
        return seconds, sizes

    def example(self) -> str:
        """The text of one job, in a line."""
        sql = next((job.sql for job in self.jobs if job.sql), "")
        return " ".join(sql.split())[:100]


_TIMED: dict[str, Callable[[JobRecord], bool]] = {
    QUEUE: lambda job: bool(job.created_us and job.started_us),
    RUN: lambda job: bool(job.started_us and job.ended_us) and job.statement_type != "SCRIPT",
}


def usable(job: JobRecord) -> bool:
    """Whether the times of a job are those of work that was done."""
    return job.state == "DONE" and not job.dry_run and not job.error_reason and not job.cache_hit


def classes_of(jobs: Iterable[JobRecord]) -> list[Class]:
    """The classes of jobs, narrow ones first, of each level the most frequent first."""
    found: dict[tuple[str, str], Class] = {}

    def put(level: str, name: str, match: Match, job: JobRecord) -> None:
        if (level, name) not in found:
            found[level, name] = Class(level, name, match)
        found[level, name].jobs.append(job)

    for job in filter(usable, jobs):
        if job.fingerprint and job.sql and job.statement_type != "SCRIPT":
            put(FINGERPRINT, job.fingerprint, Match(fingerprint=(job.fingerprint,)), job)
        if job.job_type == "QUERY" and job.statement_type in STATEMENT_TYPES:
            put(STATEMENT, job.statement_type, Match(statement_type=(job.statement_type,)), job)
        if job.job_type in JOB_TYPES:
            put(TYPE, job.job_type, Match(job_type=(job.job_type,)), job)
        put(ALL, "", Match(), job)
    levels = (FINGERPRINT, STATEMENT, TYPE, ALL)
    return sorted(found.values(), key=lambda one: (levels.index(one.level), -len(one.jobs), one.name))


def wider(one: Class, classes: Iterable[Class]) -> list[Class]:
    """The classes that hold all jobs of this one, from narrow to wide."""
    first = one.jobs[0]
    names = {STATEMENT: first.statement_type, TYPE: first.job_type, ALL: ""}
    levels = (FINGERPRINT, STATEMENT, TYPE, ALL)
    above = levels[levels.index(one.level) + 1 :]
    return [
        other for level in above for other in classes if (other.level, other.name) == (level, names[level])
    ]


def fit_all(classes: list[Class], minimum: int, most_fingerprints: int) -> None:
    """Fit each phase of each class; of fingerprints the most frequent. What has too few samples, or is not
    told apart from a wider class, says so."""
    apart = 0
    for one in reversed(classes):
        if one.level == FINGERPRINT:
            continue
        for phase in PHASES:
            _fit(one, phase, classes, minimum)
    for one in classes:
        if one.level != FINGERPRINT:
            break
        apart += 1
        if apart > most_fingerprints:
            reason = f"only the {most_fingerprints} most frequent fingerprints are fitted"
            one.fell_back = dict.fromkeys(PHASES, reason)
            continue
        for phase in PHASES:
            _fit(one, phase, classes, minimum)


def _fit(one: Class, phase: str, classes: list[Class], minimum: int) -> None:
    seconds, sizes = one.times(phase)
    above = [other for other in wider(one, classes) if phase in other.fits]
    stands_in = f"that of {above[0].title} stands in" if above else "there is no wider class"
    try:
        found = fit(seconds, sizes, minimum)
    except TooFew as few:
        one.fell_back[phase] = f"{few}: {stands_in}"
        return
    if above and len(above[0].jobs) == len(one.jobs):
        one.fell_back[phase] = f"it has the same jobs as {above[0].title}"
        return
    if above and one.level == FINGERPRINT and not _differs(found, above[0].fits[phase], seconds, sizes):
        one.fell_back[phase] = f"its times are those of {above[0].title}"
        return
    one.fits[phase] = found


def _differs(own: Fit, other: Fit, seconds: list[float], sizes: list[float]) -> bool:
    """Whether times are not explained as well by the fit of a wider class."""
    from .scoring import score

    if own.family == "fixed" or other.family == "fixed":
        return own.latency != other.latency
    return own.held_out - score(other.latency, seconds, sizes) > _APART


def summary(one: Class) -> dict[str, Any]:
    """What was found of a class, for reports."""
    shown: dict[str, Any] = {"level": one.level, "name": one.name, "jobs": len(one.jobs)}
    if one.level == FINGERPRINT:
        shown["example"] = one.example()
    for phase in PHASES:
        if phase in one.fits:
            shown[phase] = one.fits[phase].json()
        elif phase in one.fell_back:
            shown[phase] = {"samples": len(one.times(phase)[0]), "fellBack": one.fell_back[phase]}
    return shown
