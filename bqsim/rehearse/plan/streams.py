"""The model of streams in a plan: rows that are written all the time, and by which calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Union

from bqsim.cost.documents import SIZE
from bqsim.sim.scenario import kinds as k

Name = Annotated[str, k.NAME]
Span = Annotated[float, k.SPAN]
Positive = Annotated[float, k.POSITIVE]
Ordinal = Annotated[int, k.ORDINAL]

INSERT_ALL, DEFAULT, COMMITTED, PENDING, BUFFERED = METHODS = (
    "insertAll",
    "default",
    "committed",
    "pending",
    "buffered",
)
# Each of its write streams has one connection, and is of one table.
EXCLUSIVE = frozenset({COMMITTED, PENDING, BUFFERED})


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """``per_s`` all the time."""

    kind: ClassVar[str] = "constant"
    union: ClassVar[str] = "rate of a stream"
    principal: ClassVar[str] = "per_s"
    per_s: Positive


@dataclass(frozen=True, slots=True)
class DiurnalRate:
    """A rate by the hour of the day and the day of the week, as of jobs: ``per_s`` where factors are 1."""

    kind: ClassVar[str] = "diurnal"
    per_s: Positive
    hours: tuple[Annotated[float, k.AMOUNT], ...] | None = None
    days: tuple[Annotated[float, k.AMOUNT], ...] | None = None
    peak_hour: Annotated[float, k.AMOUNT] = 14.0
    night_share: Annotated[float, k.SHARE] = 0.2


@dataclass(frozen=True, slots=True)
class RatePhase:
    """A phase of a rate: ``per_s``, for ``lasts_s`` on average (exponential)."""

    per_s: Annotated[float, k.AMOUNT]
    lasts_s: Span


@dataclass(frozen=True, slots=True)
class MmppRate:
    """A rate that changes from phase to phase, each in turn."""

    kind: ClassVar[str] = "mmpp"
    principal: ClassVar[str] = "phases"
    phases: tuple[RatePhase, ...]


@dataclass(frozen=True, slots=True)
class BurstRate:
    """``size`` within ``spread_s`` (within a second at the least), every ``every_s`` from ``first_s`` on; or,
    with ``random``, that often on average."""

    kind: ClassVar[str] = "bursts"
    size: Positive
    every_s: Span
    first_s: Span = 0.0
    spread_s: Span = 0.0
    random: Annotated[bool, k.FLAG] = False


Rate = Union[ConstantRate, DiurnalRate, MmppRate, BurstRate]  # noqa: UP007


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows of ``row_bytes`` that are written by ``method``, ``rows_per_request`` at once.

    What comes is told by ``rows`` or by ``bytes``, ``times`` as much, and ``growth`` times as much after a
    year. ``connections`` are open all the time; None: as many as each second needs, where one carries
    ``connection_rate`` bytes a second. It goes to ``tables`` of its own, evenly. Pending streams are created,
    finalised and committed every ``commit_every_s``. ``location`` None: the region of the plan's money.
    """

    row_bytes: Annotated[int, SIZE]
    name: Name = "stream"
    method: Annotated[str, k.word("method", METHODS)] = DEFAULT
    rows: Rate | None = None
    bytes: Rate | None = None
    rows_per_request: Ordinal = 500
    connections: Ordinal | None = None
    connection_rate: Annotated[int, SIZE] = 1_000_000
    tables: Ordinal = 1
    commit_every_s: Span | None = None
    insert_ids: Annotated[bool, k.FLAG] = False
    project: Name = "project"
    principal: Annotated[str, k.TEXT] = ""
    location: Name | None = None
    times: Positive = 1.0
    growth: Positive = 1.0

    @property
    def rate(self) -> Rate | None:
        """What comes, in rows or in bytes."""
        return self.bytes if self.rows is None else self.rows

    @property
    def scale(self) -> float:
        """Rows for each one that the rate tells."""
        return self.times / (self.row_bytes if self.rows is None else 1.0)


@dataclass(frozen=True, slots=True)
class Quotas:
    """Quotas other than the published ones: ``scale`` multiplies all, ``values`` replaces single ones by
    name, ``tenants`` does so for the projects that a pattern matches."""

    scale: Positive = 1.0
    values: Mapping[Name, Annotated[float, k.AMOUNT]] = field(default_factory=dict)
    tenants: Mapping[Annotated[str, k.GLOB], Mapping[Name, Annotated[float, k.AMOUNT]]] = field(
        default_factory=dict
    )
