"""Samples of a workload by key: all jobs of a project, principal, label or query, or none of them.

Whether a value is held follows from it and the seed alone: a smaller sample is part of every larger one, it
is the same in all parts of a plan, and what other values there are does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Change, Sample
from bqsim.rehearse.reporting.samplings import told_by
from bqsim.rehearse.results import Sampling
from bqsim.sim.slots.jobs import Floats, Jobs, Shapes, Users
from bqsim.sim.slots.seeds import generator, key

from .changes import selected
from .merging import before
from .model import JobClass, Part

_VALUES: Mapping[str, Callable[[JobClass, str], str]] = {
    "project": lambda one, label: one.project,
    "principal": lambda one, label: one.principal,
    "label": lambda one, label: one.labels.get(label, ""),
    "fingerprint": lambda one, label: one.kind,
}
_NO_VALUE = "(none)"
# So many values are named where a sample is empty.
_NAMED = 5
_MS_PER_HOUR = 3_600_000.0


def draw(seed: int, sample: Sample, value: str) -> float:
    """From 0 to below 1: a sample holds a value when this is below its share."""
    return (key(seed, "sample", sample.by, sample.label, value) >> 75) / 2.0**53


def _spread(chance: np.random.Generator, count: int) -> Floats:
    """So many draws from 0 to below 1, each as likely to be any of it and one in each even part: half of ten
    users are five, not three or eight."""
    drawn = (chance.permutation(count) + chance.random(count)) / max(count, 1)
    return np.minimum(drawn, np.nextafter(1.0, 0.0))


@dataclass(frozen=True, slots=True)
class Where:
    """The change that samples: the part's name, the number of the change, from 1."""

    part: str
    change: int


class SampledPart:
    """``part`` without the jobs that ``change`` selects and its sample does not hold; the change does nothing
    else here.

    Of closed users each stays with the share of its jobs that is left, which it goes on to submit; of those
    that stay, smaller samples have part. Raises :class:`RehearsalError` for a sample that is empty.
    """

    def __init__(self, part: Part, change: Change, seed: int, where: Where) -> None:
        assert change.sample is not None
        self._part, self._sample, self._seed, self._where = part, change.sample, seed, where
        value_of = _VALUES[self._sample.by]
        values = [value_of(one, self._sample.label) for one in part.classes]
        chosen = [selected(change.of, one) for one in part.classes]
        self._draws = {
            value: draw(seed, self._sample, value)
            for value, is_chosen in zip(values, chosen, strict=True)
            if is_chosen
        }
        held = {value: drawn < self._sample.share for value, drawn in self._draws.items()}
        if held and not any(held.values()):
            raise RehearsalError(self._empty())
        self.held, self.known = sum(held.values()), len(held)
        self._chosen: NDArray[np.bool_] = np.asarray(chosen, np.bool_)
        self._kept: NDArray[np.bool_] = np.asarray(
            [not is_chosen or held[value] for value, is_chosen in zip(values, chosen, strict=True)], np.bool_
        )
        self._number = (np.cumsum(self._kept) - 1).astype(np.int32)
        self.classes: Sequence[JobClass] = tuple(
            one for one, kept in zip(part.classes, self._kept, strict=True) if kept
        )

    def _empty(self) -> str:
        nearest = min(self._draws, key=lambda value: (self._draws[value], value))
        least = (math.floor(self._draws[nearest] * 10_000) + 1) / 10_000
        names = [value or _NO_VALUE for value in sorted(self._draws)]
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        return (
            f"the sample of the part '{self._where.part}' (change {self._where.change}) is empty: a share of "
            f"{self._sample.share:g} by {told_by(self._sample.by, self._sample.label)} holds none of "
            f"{', '.join(names[:_NAMED])}{more}; "
            f"from a share of {least:g} on it holds {nearest or _NO_VALUE}"
        )

    @property
    def shapes(self) -> Shapes:
        return self._part.shapes

    @property
    def duration_ms(self) -> float:
        return self._part.duration_ms

    def chunks(self) -> Iterator[Jobs]:
        for chunk in self._part.chunks():
            kept = self._kept[chunk.source]
            if kept.any():
                yield self._numbered(chunk if kept.all() else chunk.take(kept))

    def _numbered(self, jobs: Jobs) -> Jobs:
        return jobs if self._kept.all() else jobs.with_columns(source=self._number[jobs.source])

    @property
    def users(self) -> Users | None:
        users = self._part.users
        if users is None or self._kept.all():
            return users
        kept = self._kept[users.jobs.source]
        count = np.concatenate([[0], np.cumsum(kept)])
        left = count[users.pool[1:]] - count[users.pool[:-1]]
        sizes = users.pool[1:] - users.pool[:-1]
        purpose = (self._sample.by, self._sample.label, self._where.part)
        drawn = _spread(generator(self._seed, "sample", "users", *purpose), len(sizes))
        # A user with all of its jobs stays, one without any does not.
        stays = drawn * sizes < left
        if not stays.any():
            return None
        rows = np.flatnonzero(kept & np.repeat(stays, sizes))
        return replace(
            users,
            first_ms=np.ascontiguousarray(users.first_ms[stays]),
            pool=np.concatenate([[0], np.cumsum(left[stays])]).astype(np.int64),
            jobs=self._numbered(users.jobs.take(rows)),
            think_ms=np.ascontiguousarray(users.think_ms[rows]),
        )

    def sampling(self, until_ms: float) -> Sampling:
        """What the sample holds of the jobs that it is about, of those that come before a moment."""
        jobs: Floats = np.zeros(len(self._chosen))
        work: Floats = np.zeros(len(self._chosen))
        for chunk in before(self._part.chunks(), until_ms):
            jobs += np.bincount(chunk.source, minlength=len(jobs))
            work += np.bincount(chunk.source, chunk.slot_ms, len(jobs))
        before_users, after_users = self._part.users, self.users
        if before_users is not None:
            source = before_users.jobs.source
            jobs += np.bincount(source, minlength=len(jobs))
            work += np.bincount(source, before_users.jobs.slot_ms, len(jobs))
        held = self._chosen & self._kept
        return Sampling(
            part=self._where.part,
            change=self._where.change,
            by=self._sample.by,
            label=self._sample.label,
            share=self._sample.share,
            values=self.held,
            values_of=self.known,
            jobs=int(jobs[held].sum()),
            jobs_of=int(jobs[self._chosen].sum()),
            slot_hours=float(work[held].sum()) / _MS_PER_HOUR,
            slot_hours_of=float(work[self._chosen].sum()) / _MS_PER_HOUR,
            users=0 if after_users is None else len(after_users.first_ms),
            users_of=0 if before_users is None else len(before_users.first_ms),
        )
