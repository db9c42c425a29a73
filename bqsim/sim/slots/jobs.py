"""What goes into a world of slots, and what comes out: columns of jobs, the stages of their plans, outcomes.

Times are milliseconds since the begin of the run, work is slot-milliseconds; both float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 1 << 16


class State(IntEnum):
    """How a job ended. All but DONE are failures; a client may submit those again, but for STOPPED."""

    DONE = 0
    QUEUE_FULL = 1
    QUEUE_TIMEOUT = 2
    ADMISSION_DENIED = 3
    TIMED_OUT = 4
    FAILED = 5
    STOPPED = 6


@dataclass(frozen=True, slots=True)
class Source:
    """Where jobs come from, as assignments see it. ``reservation`` is what the job itself asks for, ``''``
    where it asks for none. ``ran_in`` is where a recorded job ran, and runs where nothing is assigned."""

    project: str
    job_type: str = "QUERY"
    principal: str = ""
    reservation: str = ""
    ran_in: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a plan: ``share`` of the job's slot time, units of work in parallel, the places in the plan
    of the stages it waits for (all before it)."""

    share: float
    units: float = 1.0
    inputs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Shapes:
    """Plans of stages that jobs point at. Each plan has at least one stage; its shares sum to 1 (all 0: a job
    without work)."""

    plans: tuple[tuple[Stage, ...], ...]

    def __post_init__(self) -> None:
        for plan in self.plans:
            if not plan:
                raise ValueError("a plan needs a stage")
            for at, stage in enumerate(plan):
                if stage.units <= 0 or stage.share < 0:
                    raise ValueError("a stage needs units, and a share of at least 0")
                if any(not 0 <= one < at for one in stage.inputs):
                    raise ValueError("a stage can only wait for stages before it")


# One stage of so many units as the job is wide.
SIMPLE = Shapes(((Stage(1.0),),))

_DEFAULTS: dict[str, tuple[type, Any]] = {
    "at_ms": (np.float64, 0.0),
    "source": (np.int32, 0),
    "shape": (np.int32, 0),
    "group": (np.int32, 0),
    "slot_ms": (np.float64, 0.0),
    "width": (np.float64, 1.0),
    "floor_ms": (np.float64, 0.0),
    "max_slots": (np.float64, np.inf),
    "limit_ms": (np.float64, np.inf),
    "fails_at": (np.float64, np.inf),
    "bytes": (np.float64, 0.0),
    "batch": (np.uint8, 0),
}


@dataclass(slots=True)
class Jobs:
    """Columns of jobs, ascending by ``at_ms`` (when they are submitted).

    ``source``, ``shape`` and ``group`` point into a workload's tables. ``width`` multiplies the units of each
    stage (rounded up to whole units). ``floor_ms`` is time that a job runs before its first stage, whatever
    its slots. ``max_slots`` bounds the job's slots, ``limit_ms`` its run. ``fails_at`` is the share of its
    work at which it fails (above 1: never); ``bytes`` are those billed; ``batch`` is 1 for batch priority.
    """

    at_ms: Floats
    source: NDArray[np.int32]
    shape: NDArray[np.int32]
    group: NDArray[np.int32]
    slot_ms: Floats
    width: Floats
    floor_ms: Floats
    max_slots: Floats
    limit_ms: Floats
    fails_at: Floats
    bytes: Floats
    batch: NDArray[np.uint8]

    @classmethod
    def of(cls, count: int, **columns: Any) -> Self:
        """Jobs with the columns given, arrays or one value for all; the others as they are by default."""
        unknown = columns.keys() - _DEFAULTS.keys()
        if unknown:
            raise TypeError(f"jobs have no column {sorted(unknown)[0]!r}")
        made = {}
        for name, (kind, default) in _DEFAULTS.items():
            value: NDArray[Any] = np.asarray(columns.get(name, default), kind)
            made[name] = np.ascontiguousarray(np.broadcast_to(value, (count,)))
        return cls(**made)

    def __len__(self) -> int:
        return len(self.at_ms)

    def take(self, rows: Any) -> Self:
        """The rows of an index, a mask or a slice."""
        return type(self)(**{f.name: np.ascontiguousarray(getattr(self, f.name)[rows]) for f in fields(self)})

    def with_columns(self, **columns: Any) -> Self:
        """The same jobs with other columns."""
        old = {f.name: getattr(self, f.name) for f in fields(self)}
        return type(self).of(len(self), **{**old, **columns})

    @classmethod
    def concatenated(cls, parts: Sequence[Jobs]) -> Self:
        """All jobs of the parts, in their order."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)})

    def chunks(self, size: int = CHUNK) -> Iterator[Self]:
        """The jobs, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))


@dataclass(frozen=True, slots=True)
class Users:
    """Closed users: each submits a job, waits for its end, thinks, and submits the next.

    ``first_ms`` is when each of the users begins, ``pool`` which rows of ``jobs`` are its: ``pool[u]`` to
    ``pool[u + 1]``. Which of these comes next, and the ``think_ms`` before it (one for each row of ``jobs``,
    those of other users are not for it), are drawn by user and turn.
    ``until_ms``: no job is submitted after that.
    """

    first_ms: Floats
    pool: Ints
    jobs: Jobs
    think_ms: Floats
    until_ms: float


@dataclass(frozen=True, slots=True)
class Retries:
    """What clients do about failed jobs: submit again, ``attempts`` in all, after ``first_ms`` times
    ``factor`` for each, ``longest_ms`` at most; of each wait the share ``jitter`` is drawn."""

    attempts: int = 1
    first_ms: float = 1_000.0
    factor: float = 2.0
    longest_ms: float = 32_000.0
    jitter: float = 1.0
    states: tuple[State, ...] = (State.QUEUE_FULL, State.ADMISSION_DENIED, State.FAILED)


class Workload(Protocol):
    """Jobs over time. ``chunks`` may be asked for again and gives the same again; memory is that of a chunk.

    ``groups`` are names that jobs are told apart by in results, ``duration_ms`` the time that the arrivals
    take.
    """

    @property
    def shapes(self) -> Shapes: ...

    @property
    def sources(self) -> Sequence[Source]: ...

    @property
    def groups(self) -> Sequence[str]: ...

    @property
    def duration_ms(self) -> float: ...

    @property
    def users(self) -> Users | None: ...

    def chunks(self) -> Iterator[Jobs]: ...


@dataclass(frozen=True, slots=True)
class Given:
    """A workload of jobs that are there."""

    jobs: Jobs
    shapes: Shapes = SIMPLE
    sources: tuple[Source, ...] = (Source("project"),)
    groups: tuple[str, ...] = ("all",)
    duration_ms: float = 0.0
    users: Users | None = None

    def chunks(self) -> Iterator[Jobs]:
        return self.jobs.chunks()


@dataclass(slots=True)
class Outcomes:
    """Columns of ended jobs, in the order of their ends.

    ``row`` is the job's number in the workload (-1 - user for jobs of closed users), ``at_ms`` its first
    submission, ``start_ms`` when the last attempt began (NaN if never), ``used_ms`` the slot time of all
    attempts, ``attempts`` how many there were, ``reservation`` the number of the reservation.
    """

    row: Ints
    source: NDArray[np.int32]
    group: NDArray[np.int32]
    reservation: NDArray[np.int32]
    batch: NDArray[np.uint8]
    state: NDArray[np.uint8]
    attempts: NDArray[np.int32]
    at_ms: Floats
    start_ms: Floats
    end_ms: Floats
    used_ms: Floats
    bytes: Floats

    def __len__(self) -> int:
        return len(self.row)

    @property
    def duration_ms(self) -> Floats:
        """From the first submission to the end."""
        return self.end_ms - self.at_ms

    @property
    def waited_ms(self) -> Floats:
        """From the first submission to the start of the last attempt, or to the end if there was none."""
        return np.where(np.isnan(self.start_ms), self.end_ms, self.start_ms) - self.at_ms

    @classmethod
    def concatenated(cls, parts: Iterable[Outcomes]) -> Self:
        kept = list(parts)
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in kept]) for f in fields(cls)})


@dataclass(frozen=True, slots=True)
class Place:
    """A reservation in results; on demand, a project (``edition`` is ``''`` then, ``baseline`` 0)."""

    name: str
    edition: str
    location: str
    admin_project: str
    baseline: int
    autoscale_max: int
    fluid: bool = False


@dataclass(slots=True)
class Usage:
    """What the slots of each place did, by buckets of time: arrays of shape (places, buckets).

    ``used_ms``, ``borrowed_ms`` and ``scaled_ms`` are slot-milliseconds (used by jobs, idle slots taken from
    others, slots that autoscaling held and that are charged), ``running_ms`` and ``queued_ms``
    job-milliseconds. ``peak_scaled`` is the most that was scaled in each bucket, ``peak_queued`` the longest
    queue. ``end_ms``: when the last job ended.
    """

    places: tuple[Place, ...]
    bucket_ms: float
    end_ms: float
    used_ms: Floats
    borrowed_ms: Floats
    scaled_ms: Floats
    running_ms: Floats
    queued_ms: Floats
    peak_scaled: Floats
    peak_queued: Floats
