"""How jobs pass through their states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from . import kinds as k
from .latency import Latency


@dataclass(frozen=True, slots=True)
class Immediate:
    """Jobs run as fast as their work does."""

    kind: ClassVar[str] = "immediate"


@dataclass(frozen=True, slots=True)
class Timed:
    """At least so long in PENDING and in RUNNING, on the clock; drawn anew for each job."""

    kind: ClassVar[str] = "timed"
    pending: Latency | None = None
    running: Latency | None = None


@dataclass(frozen=True, slots=True)
class Polled:
    """A state is left when so many reads of the job (jobs.get, getQueryResults) have seen it."""

    kind: ClassVar[str] = "polls"
    pending: Annotated[int, k.COUNT] = 0
    running: Annotated[int, k.COUNT] = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a scripted job: it is in ``state`` for a time or for a number of reads.

    ``deferments`` are what the job's ``quotaDeferments`` show meanwhile; ``done`` is the share of its
    work that the query plan shows at the end of the step.
    """

    state: Annotated[str, k.JOB_STATE]
    for_s: Annotated[float, k.SPAN] | None = None
    polls: Annotated[int, k.COUNT] | None = None
    deferments: tuple[Annotated[str, k.NAME], ...] = ()
    done: Annotated[float, k.SHARE] | None = None


@dataclass(frozen=True, slots=True)
class Scripted:
    """The steps in their order; a last step of DONE is understood."""

    kind: ClassVar[str] = "script"
    principal: ClassVar[str] = "steps"
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Sampled:
    """Queue and run times drawn from a latency preset."""

    kind: ClassVar[str] = "sampled"
    principal: ClassVar[str] = "preset"
    preset: Annotated[str, k.LATENCY_PRESET] = "bigquery-2026-08"
    scale: Annotated[float, k.POSITIVE] = 1.0


@dataclass(frozen=True, slots=True)
class Manual:
    """Each move waits until it is told (``sim.jobs.step``)."""

    kind: ClassVar[str] = "manual"


Progression = Immediate | Timed | Polled | Scripted | Sampled | Manual
