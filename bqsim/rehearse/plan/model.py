"""The model of a plan file. The written form follows from the fields, as it does for scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Union

from bqsim.cost.documents import FREE
from bqsim.sim.scenario import kinds as k
from bqsim.sim.scenario.capacity import COMMITMENT_PLANS, Capacity
from bqsim.sim.scenario.latency import Distribution

from .streams import Quotas, Stream

Name = Annotated[str, k.NAME]
Text = Annotated[str, k.TEXT]
Glob = Annotated[str, k.GLOB]
Span = Annotated[float, k.SPAN]
Positive = Annotated[float, k.POSITIVE]
Share = Annotated[float, k.SHARE]
Flag = Annotated[bool, k.FLAG]
Count = Annotated[int, k.COUNT]
Ordinal = Annotated[int, k.ORDINAL]

GROUPINGS = ("none", "project", "label", "priority", "statement_type", "user", "fingerprint", "workload")

SAMPLED_BY = ("project", "principal", "label", "fingerprint")
ALIGNMENTS = ("clock", "date", "week", "day", "begin")


# When jobs arrive.


@dataclass(frozen=True, slots=True)
class Poisson:
    """Arrivals independent of each other, ``per_hour`` on average."""

    kind: ClassVar[str] = "poisson"
    union: ClassVar[str] = "arrival process"
    principal: ClassVar[str] = "per_hour"
    per_hour: Positive


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of an MMPP: arrivals ``per_hour``, for ``lasts_s`` on average (exponential)."""

    per_hour: Annotated[float, k.AMOUNT]
    lasts_s: Span


@dataclass(frozen=True, slots=True)
class Mmpp:
    """A Poisson process whose rate changes from phase to phase, each in turn."""

    kind: ClassVar[str] = "mmpp"
    principal: ClassVar[str] = "phases"
    phases: tuple[Phase, ...]


@dataclass(frozen=True, slots=True)
class Diurnal:
    """A Poisson process by the hour of the day and the day of the week.

    ``per_hour`` is the rate of an hour and a day whose factors are 1. ``hours`` are 24 factors, ``days``
    seven from Monday on; None: a smooth day with its peak at ``peak_hour``, and the same every day.
    """

    kind: ClassVar[str] = "diurnal"
    per_hour: Positive
    hours: tuple[Annotated[float, k.AMOUNT], ...] | None = None
    days: tuple[Annotated[float, k.AMOUNT], ...] | None = None
    peak_hour: Annotated[float, k.AMOUNT] = 14.0
    night_share: Share = 0.2


@dataclass(frozen=True, slots=True)
class Bursts:
    """``size`` jobs at once (``spread_s``: within so long), every ``every_s`` from ``first_s`` on; or, with
    ``random``, that often on average."""

    kind: ClassVar[str] = "bursts"
    size: Ordinal
    every_s: Span
    first_s: Span = 0.0
    spread_s: Span = 0.0
    random: Flag = False


@dataclass(frozen=True, slots=True)
class Closed:
    """``users`` who each wait for a job's end and think before the next."""

    kind: ClassVar[str] = "closed"
    users: Ordinal
    think: Distribution


Arrivals = Union[Poisson, Mmpp, Diurnal, Bursts, Closed]  # noqa: UP007


# What arrives.


@dataclass(frozen=True, slots=True)
class StagePart:
    """A stage: the share of the job's slot time, its units of work (None: as the kind says), the numbers
    (from 1) of the stages it waits for; None: the one before."""

    share: Positive
    units: Ordinal | None = None
    after: tuple[Ordinal, ...] | None = None


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job; ``weight`` is its share in the mix.

    ``slot_time`` is drawn for each job (slot-seconds); its stages share it. ``units`` is how many slots each
    stage can use at most where ``stages`` does not say; None: one for each ``unit_s`` slot-seconds. ``floor``
    is time that a job runs whatever its slots. ``failing`` is the share of jobs that fail, each after a
    drawn share of its work. ``bytes_billed`` is for on-demand prices.
    """

    slot_time: Distribution
    name: Name = "query"
    weight: Positive = 1.0
    stages: tuple[StagePart, ...] = ()
    units: Ordinal | None = None
    unit_s: Positive = 1.0
    floor: Distribution | None = None
    priority: Annotated[str, k.word("priority", ("INTERACTIVE", "BATCH"))] = "INTERACTIVE"
    project: Name = "project"
    principal: Text = ""
    job_type: Annotated[str, k.word("job type", ("QUERY", "LOAD", "EXTRACT", "COPY"))] = "QUERY"
    reservation: Text = ""
    labels: Mapping[Name, Text] = field(default_factory=dict)
    max_slots: Ordinal | None = None
    timeout_s: Span | None = None
    failing: Share = 0.0
    bytes_billed: Annotated[float, k.AMOUNT] = 0.0


@dataclass(frozen=True, slots=True)
class Generated:
    """Jobs that are made up: arrivals, a mix of kinds, and how many times as many there are after a year
    (``growth`` 1.5) in even growth from the begin."""

    kind: ClassVar[str] = "generated"
    union: ClassVar[str] = "origin of jobs"
    arrivals: Arrivals
    mix: tuple[JobKind, ...]
    growth: Positive = 1.0


@dataclass(frozen=True, slots=True)
class History:
    """Jobs of an export of INFORMATION_SCHEMA.JOBS or of audit logs, as ``bqsim history`` reads them."""

    kind: ClassVar[str] = "history"
    principal: ClassVar[str] = "files"
    files: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """Jobs of a cassette."""

    kind: ClassVar[str] = "cassette"
    principal: ClassVar[str] = "path"
    path: Name


Origin = Union[Generated, History, Recorded]  # noqa: UP007


@dataclass(frozen=True, slots=True)
class Selection:
    """Which jobs a change is about: all that is given must match; nothing given: all jobs."""

    project: tuple[Glob, ...] = ()
    principal: tuple[Glob, ...] = ()
    labels: Mapping[Name, Glob] = field(default_factory=dict)
    priority: Annotated[str, k.word("priority", ("INTERACTIVE", "BATCH"))] | None = None
    statement_type: tuple[Glob, ...] = ()
    kind: tuple[Glob, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample by key: all jobs of a ``share`` of the values, by ``project``, ``principal``, ``fingerprint``
    (kinds of generated jobs) or the ``label`` of that name."""

    share: Share
    by: Annotated[str, k.word("key of a sample", SAMPLED_BY)] = "principal"
    label: Text = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a workload, for the jobs of ``of``.

    ``sample`` leaves out all jobs of some values, before all else;
    ``times`` as many of them (1.3: a third is doubled by chance, 0.5: half are left out, both by seed);
    ``shift`` later (or earlier); ``compress`` 2: the same jobs in half of the time; ``work`` multiplies slot
    time and bytes; ``priority``, ``project`` and ``reservation`` replace theirs.
    """

    of: Selection = field(default_factory=Selection)
    sample: Sample | None = None
    times: Annotated[float, k.AMOUNT] = 1.0
    shift_s: Annotated[float, k.SHIFT] = 0.0
    compress: Positive = 1.0
    work: Positive = 1.0
    priority: Annotated[str, k.word("priority", ("INTERACTIVE", "BATCH"))] | None = None
    project: Name | None = None
    reservation: Text | None = None


@dataclass(frozen=True, slots=True)
class WorkloadPart:
    """Jobs of one origin, changed in this order. ``name`` tells parts apart in results. ``align`` is when a
    history or cassette begins beside others: ``clock`` as it did, ``date`` whatever lies between them,
    ``week`` or ``day`` by the time of these, ``begin`` with the first."""

    origin: Origin
    name: Name = "workload"
    changes: tuple[Change, ...] = ()
    align: Annotated[str, k.word("alignment", ALIGNMENTS)] = "clock"


@dataclass(frozen=True, slots=True)
class ClientRetries:
    """What clients do about failures: ``attempts`` in all, waits as the service asks for them."""

    attempts: Ordinal = 1
    first_s: Span = 1.0
    factor: Positive = 2.0
    longest_s: Span = 32.0
    jitter: Share = 1.0


@dataclass(frozen=True, slots=True)
class Objective:
    """What is promised: a share of the jobs (of ``group``; None: of all) ends within ``within_s`` of its
    submission, or begins within ``starts_within_s``."""

    name: Name = "objective"
    group: Glob | None = None
    within_s: Span | None = None
    starts_within_s: Span | None = None
    share: Share = 0.95


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound that fails the run: ``p95_duration: 20s`` and the like, of a group or of all.

    Durations and waits are seconds at percentiles; ``cost_per_day`` is money; ``misses`` a share of jobs
    that miss the objectives; ``failures`` a share of all jobs; ``utilisation`` a share of slots paid for.
    ``setting``: the settings it is about; None: the one recommended, or the only one. ``streaming_use`` is
    the largest share of a quota that streams use, ``streaming_delay_p99_s`` how late 99 % of their bytes are
    taken.
    """

    group: Glob | None = None
    setting: Glob | None = None
    p50_duration_s: Span | None = None
    p95_duration_s: Span | None = None
    p99_duration_s: Span | None = None
    p95_wait_s: Span | None = None
    p99_wait_s: Span | None = None
    cost_per_day: Annotated[float, k.AMOUNT] | None = None
    misses: Share | None = None
    failures: Share | None = None
    least_utilisation: Share | None = None
    streaming_use: Annotated[float, k.AMOUNT] | None = None
    streaming_delay_p99_s: Span | None = None


@dataclass(frozen=True, slots=True)
class SpendCommitment:
    """So much money is paid ``per_hour`` (0: none) for a year or three, used or not. It covers slots of
    ``location`` that are paid as they go, whatever their edition, at a lower price."""

    per_hour: Annotated[float, k.AMOUNT]
    plan: Annotated[str, k.word("commitment plan", COMMITMENT_PLANS)] = "ANNUAL"
    location: Name = "US"


@dataclass(frozen=True, slots=True)
class Money:
    """What prices are taken: region, the day they hold on, currency, and files of one's own before ours.

    ``free`` is how much of the bytes that are free a month on demand is for these jobs (true: all), by the
    days rehearsed; ``spend_commitments`` are what of the slots is paid by the hour of a commitment.
    """

    region: Name = "US"
    on: Text = ""
    currency: Name = "USD"
    files: tuple[Name, ...] = ()
    free: Annotated[float, FREE] = 0.0
    spend_commitments: tuple[SpendCommitment, ...] = ()


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What else could be: each setting is simulated with the share ``work`` more and less slot time as well
    (None: the error that a validation found), and with ``seeds`` other seeds for all that is drawn."""

    work: Share | None = None
    seeds: Count = 0


def _scalar(value: k.Scalar) -> k.Scalar:
    return value


# A value of the grid; what it may be is told by where it goes.
VALUE = k.Kind("value", _scalar, {"type": ["string", "number", "boolean", "null"]})
Value = Annotated[k.Scalar, VALUE]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan file.

    ``capacity`` is what all settings begin from. ``grid`` maps a path in it to values, every combination of
    which is a setting: ``reservations.etl.slot_capacity: [500, 1000]``, ``workload.times: [1, 1.3]`` (which
    multiplies all jobs), ``retries.attempts: [1, 5]``. ``settings`` are single ones by name, each with such
    paths. ``group_by`` is what jobs are told apart by in results: with ``label``, the label ``group_label``.
    Jobs of the ``warm_up`` are not measured. ``days`` bounds how long jobs arrive; None: as long as the
    history has, a day for generated ones. Without ``uncertainty`` each setting is simulated once.
    ``streams`` are rows that are written all the time, beside the workload or without one.
    """

    workload: tuple[WorkloadPart, ...] = ()
    name: Name = "rehearsal"
    seed: Annotated[int, k.SEED] = 1
    days: Positive | None = None
    warm_up_s: Span = 0.0
    capacity: Capacity = field(default_factory=Capacity)
    grid: Mapping[Name, tuple[Value, ...]] = field(default_factory=dict)
    settings: Mapping[Name, Mapping[Name, Value]] = field(default_factory=dict)
    retries: ClientRetries = field(default_factory=ClientRetries)
    group_by: Annotated[str, k.word("grouping", GROUPINGS)] = "none"
    group_label: Text = ""
    objectives: tuple[Objective, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    money: Money = field(default_factory=Money)
    uncertainty: Uncertainty | None = None
    streams: tuple[Stream, ...] = ()
    quotas: Quotas = field(default_factory=Quotas)
