"""What a rehearsal measures of one setting. Times are seconds, money is of the plan's currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bqsim.sim.slots.jobs import Usage

from .streams.results import StreamingResult

# The percentiles that are told of durations and waits.
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
ALL = "all"
# Why a measure may be another one: slot time that is more or less than told, other seeds, other days; and the
# worst of all of them at once.
WORK, CHANCE, DAYS, TOGETHER = CAUSES = ("work", "chance", "days", "together")

# By name of measure (``p95_duration_s``) and by cause, between what it lies; inf where no job ends well.
Envelope = Mapping[str, Mapping[str, tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution: mean, largest, and its value at each of :data:`PERCENTILES`; NaN without any value."""

    count: int
    mean: float
    largest: float
    percentiles: tuple[float, ...]

    def at(self, percentile: float) -> float:
        """The value at one of :data:`PERCENTILES`."""
        return self.percentiles[PERCENTILES.index(percentile)]


@dataclass(frozen=True, slots=True)
class Missed:
    """An objective: how many jobs it is about, how many missed it, and whether it was kept."""

    name: str
    jobs: int
    missed: int
    kept: bool

    @property
    def share(self) -> float:
        return self.missed / self.jobs if self.jobs else 0.0


@dataclass(frozen=True, slots=True)
class GroupResult:
    """The jobs of a group. ``states`` counts ends by :class:`~bqsim.sim.slots.jobs.State` name; durations and
    waits are of jobs that ended well. ``cost`` is the group's part of the money, by use."""

    group: str
    jobs: int
    states: Mapping[str, int]
    attempts: int
    duration: Spread
    wait: Spread
    slot_hours: float
    bytes_billed: float
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of the bill: ``quantity`` of ``unit`` (``slot-h``, ``TiB``) at ``price``."""

    what: str
    place: str
    quantity: float
    unit: str
    price: float
    amount: float
    status: str = ""


@dataclass(frozen=True, slots=True)
class PlaceResult:
    """A reservation, or a project on demand: slot-hours used, borrowed, scaled and of the baseline, the share
    of those paid for that it used (NaN where none are paid for), means and peaks."""

    place: str
    edition: str
    used_hours: float
    borrowed_hours: float
    scaled_hours: float
    baseline_hours: float
    utilisation: float
    peak_scaled: float
    mean_running: float
    mean_queued: float
    peak_queued: float


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a sample holds of the jobs that it is about: ``jobs`` of ``jobs_of``, and so for slot time, values
    of its key and closed users (whose jobs are those that they choose from). ``change`` counts from 1."""

    part: str
    change: int
    by: str
    label: str
    share: float
    values: int
    values_of: int
    jobs: int
    jobs_of: int
    slot_hours: float
    slot_hours_of: float
    users: int = 0
    users_of: int = 0


@dataclass(frozen=True, slots=True)
class SettingResult:
    """One setting: ``values`` are what the grid gave it. ``groups`` has :data:`ALL` first. Quantities and
    charges are of all ``days`` that were measured. ``bounds`` (90 %) are of what days alone would change, by
    name of measure: ``p95_duration_s``, ``cost_per_day``; none with fewer than three days; ``bounds_by`` is
    how days were drawn for them, ``day`` or ``weekday`` (``''``: not at all). ``envelope`` is
    what else could be, where the plan asks for its uncertainty; ``fragile`` are the promises, in words, that
    it keeps as planned and breaks within that. ``streaming`` is what became of the plan's streams."""

    name: str
    values: Mapping[str, object]
    days: float
    groups: tuple[GroupResult, ...]
    places: tuple[PlaceResult, ...]
    charges: tuple[Charge, ...]
    objectives: tuple[Missed, ...]
    cost_per_day: float
    usage: Usage
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    simulated_jobs: int = 0
    envelope: Envelope = field(default_factory=dict)
    fragile: tuple[str, ...] = ()
    samples: tuple[Sampling, ...] = ()
    bounds_by: str = ""
    streaming: StreamingResult | None = None

    @property
    def whole(self) -> GroupResult:
        """All jobs together."""
        return self.groups[0]

    @property
    def misses(self) -> float:
        """The share of jobs that miss an objective, the worst of all objectives."""
        return max((one.share for one in self.objectives), default=0.0)

    @property
    def failures(self) -> float:
        """The share of jobs that did not end well."""
        return 1.0 - self.whole.states.get("DONE", 0) / self.whole.jobs if self.whole.jobs else 0.0


@dataclass(frozen=True, slots=True)
class Broken:
    """A threshold that a setting breaks, in words, with where the plan says it (``file:line``)."""

    setting: str
    what: str
    value: float
    limit: float
    place: str = ""


@dataclass(frozen=True, slots=True)
class Headroom:
    """How far slot time may grow before a setting breaks a promise: it keeps all of them at ``keeps`` times
    the slot time and breaks ``breaks`` first, in words, at ``broken_at`` times; None and empty when it keeps
    them at the largest factor that was tried. ``simulations`` were needed to find that."""

    keeps: float
    broken_at: float | None = None
    breaks: str = ""
    simulations: int = 0


@dataclass(frozen=True, slots=True)
class Assumed:
    """By what share slot time was assumed to be off, and how many other seeds were tried; ``validated``: the
    share is the error that a validation found."""

    work: float
    seeds: int
    validated: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """The setting to take, and why; ``reasons`` are sentences. ``error`` is the share by which its duration
    and cost may be off, from validation and from days; None when neither is known."""

    setting: str
    reasons: Sequence[str]
    error: float | None = None
    headroom: Headroom | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the model was off from a history: shares of the actual values. ``jobs`` compared."""

    jobs: int
    slots_error: float
    scaled_error: float | None
    duration_error: float
    duration_bias: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A rehearsal: all settings in the order of the plan. ``calibration`` None: uncalibrated."""

    name: str
    seed: int
    currency: str
    settings: tuple[SettingResult, ...]
    pareto: tuple[str, ...]
    advice: Advice | None
    broken: tuple[Broken, ...]
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()
    assumed: Assumed | None = None
