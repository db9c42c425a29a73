"""What a plan changes about the jobs of a part: how many, when, how much work, whose, where.

Changes are streams over the chunks of a part, in bounded memory. A selection is about classes, so that what
a change says of projects, priorities and reservations changes classes only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from bqsim.rehearse.plan.model import Change, Selection
from bqsim.rehearse.times import DAY_MS
from bqsim.sim.slots.jobs import Ints, Jobs, Shapes, Users
from bqsim.sim.slots.seeds import generator

from .merging import merged
from .model import JobClass, Part

# How much later than its original the copy of a job comes at most.
COPY_SPREAD_MS = 60_000.0


def changed(part: Part, change: Change, seed: int) -> Part:
    """``part`` with a change of it; another part, whose chunks can be asked for again as those of the first.

    ``times``: whether a job is kept, and how many copies it gets, is drawn by its place in the part: what
    0.5 keeps 0.8 keeps too. A copy comes up to a minute after its original. ``compress`` counts from the
    begin of the part. ``shift`` goes around by whole days: jobs that it takes before the begin, or beyond the
    last day, come at the other end. Of closed users, ``times`` is about the users most of whose jobs are
    selected.
    """
    return _Changed(part, change, seed)


def selected(selection: Selection, one: JobClass) -> bool:
    """Whether the jobs of a class are those that a change is about."""
    named = (
        (selection.project, one.project),
        (selection.principal, one.principal),
        (selection.statement_type, one.statement_type),
        (selection.kind, one.kind),
    )
    return (
        all(not patterns or any(fnmatchcase(name, p) for p in patterns) for patterns, name in named)
        and selection.priority in (None, one.priority)
        and all(
            key in one.labels and fnmatchcase(one.labels[key], pattern)
            for key, pattern in selection.labels.items()
        )
    )


class _Changed:
    """A part with one change. ``depth`` counts the changes, so that each draws by itself."""

    def __init__(self, part: Part, change: Change, seed: int) -> None:
        self._part, self._change, self._seed = part, change, seed
        self.depth: int = part.depth + 1 if isinstance(part, _Changed) else 0
        self._chosen = np.asarray([selected(change.of, one) for one in part.classes], np.bool_)
        self._classes = tuple(
            self._of_class(one) if chosen else one
            for one, chosen in zip(part.classes, self._chosen, strict=True)
        )
        self._duration: float | None = None

    def _of_class(self, one: JobClass) -> JobClass:
        change = self._change
        return replace(
            one,
            project=one.project if change.project is None else change.project,
            priority=one.priority if change.priority is None else change.priority,
            reservation=one.reservation if change.reservation is None else change.reservation,
        )

    @property
    def classes(self) -> Sequence[JobClass]:
        return self._classes

    @property
    def shapes(self) -> Shapes:
        return self._part.shapes

    @property
    def duration_ms(self) -> float:
        if self._duration is None:
            self._duration = self._changed_duration()
        return self._duration

    @property
    def users(self) -> Users | None:
        users = self._part.users
        return users if users is None or not self._chosen.any() else self._changed_users(users)

    def chunks(self) -> Iterator[Jobs]:
        if not self._chosen.any():
            return self._part.chunks()
        if not self._moves:
            return self._thinned(self._part.chunks(), all_of_them=True)
        streams = [self._moved(around=False)]
        if self._shift_ms:
            streams.append(self._moved(around=True))
        if not self._chosen.all():
            streams.append(chunk.take(~self._chosen[chunk.source]) for chunk in self._part.chunks())
        return merged(streams)

    @property
    def _moves(self) -> bool:
        return self._shift_ms != 0.0 or self._change.compress != 1.0

    @property
    def _shift_ms(self) -> float:
        return math.fmod(self._change.shift_s * 1000.0, self._period_ms)

    @property
    def _period_ms(self) -> float:
        """The days of the part, whole."""
        lasts = max(self._part.duration_ms, self._part.duration_ms / self._change.compress)
        return max(1.0, float(np.ceil(lasts / DAY_MS))) * DAY_MS

    def _changed_duration(self) -> float:
        lasts = self._part.duration_ms
        if not self._chosen.any() or not self._moves:
            return lasts
        compressed = lasts / self._change.compress
        lasts = compressed if self._chosen.all() else max(lasts, compressed)
        if not self._shift_ms:
            return lasts
        if self._shift_ms > 0:
            return min(self._period_ms, max(lasts, compressed + self._shift_ms))
        first = next((float(chunk.at_ms[0]) for chunk in self._moved(around=True)), None)
        return lasts if first is None else self._period_ms

    def _moved(self, *, around: bool) -> Iterator[Jobs]:
        """The selected jobs at their new times: those that stay within the days, or those that go around."""
        period = self._period_ms
        for chunk in self._thinned(self._part.chunks(), all_of_them=False):
            at = chunk.at_ms / self._change.compress + self._shift_ms
            turns = np.floor(at / period)
            rows = (turns != 0.0) if around else (turns == 0.0)
            if rows.any():
                found = chunk.take(rows)
                yield found.with_columns(at_ms=at[rows] - turns[rows] * period)

    def _thinned(self, chunks: Iterator[Jobs], *, all_of_them: bool) -> Iterator[Jobs]:
        """Chunks with the selected jobs as often as they are to be there; with the others, if asked for."""
        times = self._change.times
        kept, later = (generator(self._seed, "changed", what, self.depth) for what in ("kept", "copies"))
        waiting: Jobs | None = None
        for chunk in chunks:
            chosen = self._chosen[chunk.source]
            count = np.where(chosen, 1, int(all_of_them))
            if times != 1.0:
                drawn = np.floor(times) + (kept.random(len(chunk)) < times % 1.0)
                count = np.where(chosen, drawn.astype(np.int64), count)
            worked = self._worked(chunk, chosen)
            once = worked if bool((count > 0).all()) else worked.take(count > 0)
            more = np.repeat(np.arange(len(chunk)), np.maximum(count - 1, 0))
            if not len(more) and waiting is None:
                if len(once):
                    yield once
                continue
            copies = worked.take(more)
            end = np.maximum(copies.at_ms, self._part.duration_ms)
            copies.at_ms = np.minimum(copies.at_ms + later.random(len(more)) * COPY_SPREAD_MS, end)
            together = _sorted([once, copies] if waiting is None else [waiting, once, copies])
            ready = int(np.searchsorted(together.at_ms, chunk.at_ms[-1], side="right"))
            if ready:
                yield together.take(slice(0, ready))
            waiting = together.take(slice(ready, None)) if ready < len(together) else None
        if waiting is not None:
            yield waiting

    def _worked(self, chunk: Jobs, chosen: NDArray[np.bool_]) -> Jobs:
        """Work and priority of the selected jobs."""
        columns: dict[str, object] = {}
        work, priority = self._change.work, self._change.priority
        if work != 1.0:
            factor = np.where(chosen, work, 1.0)
            columns["slot_ms"] = chunk.slot_ms * factor
            columns["bytes"] = chunk.bytes * factor
        if priority is not None:
            columns["batch"] = np.where(chosen, np.uint8(priority == "BATCH"), chunk.batch)
        return chunk.with_columns(**columns) if columns else chunk

    def _changed_users(self, users: Users) -> Users | None:
        change = self._change
        chosen = self._chosen[users.jobs.source]
        starts, ends = users.pool[:-1], users.pool[1:]
        before = np.concatenate([[0], np.cumsum(chosen)])
        own = (before[ends] - before[starts]) * 2 > ends - starts
        drawn = generator(self._seed, "changed", "users", self.depth).random(len(own))
        times = np.floor(change.times) + (drawn < change.times % 1.0)
        who = np.repeat(np.arange(len(own)), np.where(own, times, 1).astype(np.int64))
        if not len(who):
            return None
        rows, pool = _pools(users.pool, who)
        first = users.first_ms / np.where(own, change.compress, 1.0)
        first = (first + np.where(own, self._shift_ms, 0.0)) % self._period_ms
        whole = bool(own.all())
        think_ms = users.think_ms[rows]
        return Users(
            first_ms=np.ascontiguousarray(first[who]),
            pool=pool,
            jobs=self._worked(users.jobs, chosen).take(rows),
            think_ms=think_ms / change.compress if whole else think_ms,
            until_ms=users.until_ms / change.compress if whole else users.until_ms,
        )


def _pools(pool: Ints, who: Ints) -> tuple[Ints, Ints]:
    """The rows of the pools of these users one after another, and where each begins."""
    sizes = (pool[1:] - pool[:-1])[who]
    made = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows = np.arange(made[-1]) - np.repeat(made[:-1], sizes) + np.repeat(pool[:-1][who], sizes)
    return rows, made


def _sorted(parts: Sequence[Jobs]) -> Jobs:
    together = Jobs.concatenated(parts)
    return together.take(np.argsort(together.at_ms, kind="stable"))
