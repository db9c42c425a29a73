"""From a plan to its workload: parts made or imported, changed, joined and merged by time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Change, Generated, History, Plan, Recorded, WorkloadPart
from bqsim.rehearse.reporting.samplings import told_by
from bqsim.rehearse.results import ALL, Sampling
from bqsim.rehearse.times import DAY_MS, WEEK_MS
from bqsim.sim.slots import seeds
from bqsim.sim.slots.jobs import Jobs, Shapes, Source, Stage, Users, Workload

from .changes import changed
from .generate import GeneratedPart
from .merging import before, cut, merged
from .model import JobClass, Part
from .sampling import SampledPart, Where

# The group of jobs that have nothing to be told apart by: no such label, no principal.
NO_VALUE = "(none)"

_GROUPS: Mapping[str, Callable[[JobClass, str], str]] = {
    "none": lambda one, label: ALL,
    "project": lambda one, label: one.project,
    "label": lambda one, label: one.labels.get(label, ""),
    "priority": lambda one, label: one.priority,
    "statement_type": lambda one, label: one.statement_type,
    "user": lambda one, label: one.principal,
    "fingerprint": lambda one, label: one.kind,
    "workload": lambda one, label: one.workload,
}


def build(
    plan: Plan,
    *,
    folder: Path | None = None,
    times: float = 1.0,
    histories: Mapping[int, Part] | None = None,
) -> Workload:
    """The workload of a plan, ``times`` as many jobs; paths are relative to ``folder``, the current one
    unless given.

    Histories begin as their ``align`` says (:data:`ALIGNED`), the first of them with the workload. Generated
    jobs begin with the first of them, on a Monday at midnight (UTC) where there is none, and last as long as
    the histories where the plan does not say how long, else a day.

    ``times`` of generated jobs means higher rates, larger bursts, more users; of imported ones it is a
    :class:`Change` of all. ``histories`` are those of :func:`histories_of`, for plans that are built several
    times. Raises :class:`RehearsalError` for parts that cannot be.
    """
    given = histories_of(plan, folder) if histories is None else histories
    late_ms, week_ms = _begins(plan, given)
    ends = [part.duration_ms + late_ms[number] for number, part in given.items()]
    bound = max(ends, default=DAY_MS) if plan.days is None else plan.days * DAY_MS
    seen: dict[str, int] = {}
    parts = []
    samples: list[tuple[SampledPart, float]] = []
    for number, described in enumerate(plan.workload):
        # Parts of one name draw apart from each other; those of other names do not matter to them.
        purpose = ("workload", described.name, seen.setdefault(described.name, 0))
        seen[described.name] += 1
        if isinstance(described.origin, Generated):
            chance = partial(seeds.generator, plan.seed, *purpose)
            part: Part = GeneratedPart(described.origin, described.name, chance, bound, times, week_ms)
            part, sampled = _with_changes(part, described, plan.seed, purpose)
            parts.append(part)
            samples += [(one, bound) for one in sampled]
        else:
            part = given[number]
            untold = part.untold if isinstance(part, _Untold) else frozenset()
            if times != 1.0:
                part = changed(part, Change(times=times), seeds.key(plan.seed, *purpose, "times"))
            part, sampled = _with_changes(part, described, plan.seed, purpose, untold)
            parts.append(_History(part, described.name, late_ms[number]))
            samples += [(one, bound - late_ms[number]) for one in sampled]
    joined = _joined(parts, plan, None if plan.days is None else bound)
    return replace(joined, samples=tuple(samples))


def histories_of(plan: Plan, folder: Path | None = None) -> dict[int, Part]:
    """The parts of a plan that are read from files, by their number in it."""
    where = Path.cwd() if folder is None else folder
    return {
        number: _imported(part.origin, where)
        for number, part in enumerate(plan.workload)
        if not isinstance(part.origin, Generated)
    }


def week_of(plan: Plan, histories: Mapping[int, Part]) -> float:
    """When in the week the workload of a plan with these histories begins (ms since midnight before
    Monday)."""
    return _begins(plan, histories)[1]


def _imported(origin: History | Recorded, folder: Path) -> Part:
    # What reads files is not needed where all jobs are made up.
    from .imported import imported

    return imported(origin, folder)


def _with_changes(
    part: Part,
    described: WorkloadPart,
    seed: int,
    purpose: tuple[object, ...],
    untold: Collection[tuple[str, str]] = (),
) -> tuple[Part, list[SampledPart]]:
    """A part with its changes, and the samples among these."""
    samples = []
    for number, change in enumerate(described.changes):
        if (sample := change.sample) is not None:
            where = Where(described.name, number + 1)
            if (sample.by, sample.label) in untold:
                raise RehearsalError(
                    f"the part '{where.part}' cannot be sampled by {told_by(sample.by, sample.label)} "
                    f"(change {where.change}): its jobs have too many values of it to be told apart; "
                    "sample by another"
                )
            part = SampledPart(part, change, seed, where)
            samples.append(part)
        part = changed(part, change, seeds.key(seed, *purpose, "change", number))
    return part, samples


@runtime_checkable
class _Untold(Protocol):
    """A part that says by what its jobs are not told apart."""

    untold: frozenset[tuple[str, str]]


@runtime_checkable
class _Dated(Protocol):
    """A part that says when it began, epoch microseconds."""

    begin_us: int


_Late = Callable[[float, float], float]
# How much later than the first history another begins, by how much later it began and how long the first
# lasted (milliseconds).
ALIGNED: Mapping[str, _Late] = {
    "clock": lambda after, lasted: after if 0 <= after < lasted else after % WEEK_MS,
    "date": lambda after, lasted: after,
    "week": lambda after, lasted: after % WEEK_MS,
    "day": lambda after, lasted: after % DAY_MS,
    "begin": lambda after, lasted: 0.0,
}
# The first history is the earliest of those that tell most about when it is.
_TELLS = {"begin": 2, "day": 1}


def _begins(plan: Plan, histories: Mapping[int, Part]) -> tuple[dict[int, float], float]:
    """How much later than the first of them the histories begin, and when in the week the first does."""
    begun = {number: part.begin_us / 1e3 for number, part in histories.items() if isinstance(part, _Dated)}
    align = {number: plan.workload[number].align for number in histories}
    late = dict.fromkeys(histories, 0.0)
    if not begun:
        return late, 0.0
    first = min(begun, key=lambda number: (_TELLS.get(align[number], 0), begun[number]))
    for number, begin in begun.items():
        if number != first:
            late[number] = ALIGNED[align[number]](begin - begun[first], histories[first].duration_ms)
    # The epoch began on a Thursday.
    return late, (begun[first] + 3 * DAY_MS) % WEEK_MS


class _History:
    """A part under the name that the plan gives it, so much later."""

    def __init__(self, part: Part, name: str, late_ms: float) -> None:
        self._part, self._late_ms = part, late_ms
        self.classes: Sequence[JobClass] = tuple(replace(one, workload=name) for one in part.classes)

    @property
    def shapes(self) -> Shapes:
        return self._part.shapes

    @property
    def duration_ms(self) -> float:
        return self._part.duration_ms + self._late_ms

    @property
    def users(self) -> Users | None:
        return self._part.users

    def chunks(self) -> Iterator[Jobs]:
        if not self._late_ms:
            return self._part.chunks()
        return (one.with_columns(at_ms=one.at_ms + self._late_ms) for one in self._part.chunks())


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What the numbers in the columns of a part are in the whole workload."""

    source: NDArray[np.int32]
    group: NDArray[np.int32]
    shape: NDArray[np.int32]

    def put(self, jobs: Jobs) -> Jobs:
        return jobs.with_columns(
            source=self.source[jobs.source], group=self.group[jobs.source], shape=self.shape[jobs.shape]
        )


@dataclass(frozen=True, slots=True)
class Joined:
    """The parts of a plan as one workload. ``until_ms`` bounds the arrivals, where the plan does."""

    parts: tuple[tuple[Part, _Numbers], ...]
    shapes: Shapes
    sources: tuple[Source, ...]
    groups: tuple[str, ...]
    duration_ms: float
    users: Users | None
    until_ms: float | None
    samples: tuple[tuple[SampledPart, float], ...] = ()
    told: list[Sampling] = field(default_factory=list, compare=False)

    def samplings(self) -> tuple[Sampling, ...]:
        """What the samples of the plan hold, in its order; each job is counted once for it."""
        if not self.told:
            self.told.extend(one.sampling(until_ms) for one, until_ms in self.samples)
        return tuple(self.told)

    def chunks(self) -> Iterator[Jobs]:
        return cut(merged([self._stream(part, numbers) for part, numbers in self.parts]))

    def _stream(self, part: Part, numbers: _Numbers) -> Iterator[Jobs]:
        stream = map(numbers.put, part.chunks())
        return stream if self.until_ms is None else before(stream, self.until_ms)


def _joined(parts: Sequence[Part], plan: Plan, until_ms: float | None) -> Joined:
    sources: dict[Source, int] = {}
    groups: dict[str, int] = {}
    plans: dict[tuple[Stage, ...], int] = {}
    group_of = _GROUPS[plan.group_by]
    numbered = []
    for part in parts:
        found = [sources.setdefault(one.source, len(sources)) for one in part.classes]
        names = [group_of(one, plan.group_label) or NO_VALUE for one in part.classes]
        shapes = [plans.setdefault(one, len(plans)) for one in part.shapes.plans]
        numbers = _Numbers(
            np.array(found, np.int32),
            np.array([groups.setdefault(name, len(groups)) for name in names], np.int32),
            np.array(shapes, np.int32),
        )
        numbered.append((part, numbers))
    duration_ms = max((part.duration_ms for part in parts), default=0.0)
    if until_ms is not None:
        duration_ms = min(duration_ms, until_ms)
    return Joined(
        parts=tuple(numbered),
        shapes=Shapes(tuple(plans)),
        sources=tuple(sources),
        groups=tuple(groups),
        duration_ms=duration_ms,
        users=_all_users(numbered, until_ms),
        until_ms=until_ms,
    )


def _all_users(parts: Sequence[tuple[Part, _Numbers]], until_ms: float | None) -> Users | None:
    """The closed users of all parts; none submits after the last of them may."""
    found = [(users, numbers) for part, numbers in parts if (users := part.users) is not None]
    if not found:
        return None
    rows = np.cumsum([0, *(len(users.jobs) for users, _ in found)])
    pools = [users.pool[:-1] + begin for (users, _), begin in zip(found, rows, strict=False)]
    last = max(users.until_ms for users, _ in found)
    return Users(
        first_ms=np.concatenate([users.first_ms for users, _ in found]),
        pool=np.concatenate([*pools, rows[-1:]]),
        jobs=Jobs.concatenated([numbers.put(users.jobs) for users, numbers in found]),
        think_ms=np.concatenate([users.think_ms for users, _ in found]),
        until_ms=last if until_ms is None else min(last, until_ms),
    )
