"""What a limit is, what it is asked about, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from bqsim.errors import REASONS

# The multi-regions with the higher amounts (BigQuery page *Quotas and limits*).
MULTI_REGIONS = frozenset({"us", "eu"})
EMPTY: Mapping[str, int] = MappingProxyType({})


class Kind(Enum):
    """How a limit counts."""

    RATE = "rate"  # a token bucket that refills evenly over its period
    DAY = "day"  # starts again at midnight in Pacific time
    CONCURRENT = "concurrent"  # what is held at once
    CAP = "cap"  # the size of one thing


class Moment(Enum):
    """When a limit is asked."""

    CALL = "call"  # an API call comes in
    MESSAGE = "message"  # a message of a stream of requests comes in
    ANSWER = "answer"  # the size of the answer is known
    QUEUE = "queue"  # a job is created
    RUN = "run"  # a job leaves PENDING
    COMMIT = "commit"  # a job is about to change a table


JOB_MOMENTS = frozenset({Moment.QUEUE, Moment.RUN, Moment.COMMIT})


class Over(Enum):
    """What happens beyond the limit."""

    FAIL = "fail"
    WAIT = "wait"  # the job stays PENDING until something leaves
    COUNT = "count"  # nothing by itself: other limits begin to apply


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a call or a job.

    ``method`` is the API method id; ``region`` a location in lower case; ``table`` is ``p:d.t`` without a
    partition decorator, ``dataset`` ``p:d``; ``resource`` any other resource path that is changed. ``flags``
    are words that rows ask for (``partitioned``, ``insert_id``, ``batch`` …); ``sizes`` the amounts by name
    (``bytes``, ``rows``, ``partitions`` …). A row that measures a size that is not given does not apply.
    """

    moment: Moment
    method: str = ""
    caller: str = ""
    project: str = ""
    region: str = ""
    dataset: str = ""
    table: str = ""
    resource: str = ""
    job_type: str = ""
    statement_type: str = ""
    flags: frozenset[str] = frozenset()
    sizes: Mapping[str, int] = field(default_factory=lambda: EMPTY, hash=False)


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of a profile.

    ``amount`` of ``unit`` per ``period_s`` (RATE), per day, at once, or at most (CAP); None is without limit.
    ``elsewhere`` is the amount outside the multi-regions. ``scope`` names the facts that have a counter each.
    ``measure`` is the size that one call costs; "" counts calls. ``methods`` are globs of API method ids and
    apply at CALL, MESSAGE and ANSWER; ``job_types`` apply at QUEUE, RUN and COMMIT.

    ``message`` is a pattern over the facts, ``{limit}``, ``{measured}`` and what else
    :func:`~bqsim.sim.limits.texts.message` gives; ``known_text`` tells whether its wording was seen on the
    service or follows the pattern of its neighbours. ``status`` overrides the reason's gRPC status;
    ``location`` is the ErrorProto's. ``debt``: one call may be larger than the whole amount and is then paid
    off. ``postpaid``: the size is known only at ANSWER, calls are refused while nothing is left.
    ``unrefused`` statement types count without being refused. ``spare`` names a COUNT limit: this one
    applies only to what that one no longer covers.
    """

    name: str
    title: str
    kind: Kind
    scope: tuple[str, ...]
    amount: int | None
    unit: str
    reason: str
    message: str
    at: tuple[Moment, ...] = (Moment.CALL,)
    elsewhere: int | None = None
    period_s: int = 1
    measure: str = ""
    methods: tuple[str, ...] = ()
    except_methods: tuple[str, ...] = ()
    job_types: frozenset[str] = frozenset()
    statements: frozenset[str] = frozenset()
    except_statements: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    status: str = ""
    location: str = ""
    retry_info: bool = False
    over: Over = Over.FAIL
    debt: bool = False
    postpaid: bool = False
    unrefused: frozenset[str] = frozenset()
    spare: str = ""
    known_text: bool = True

    @property
    def grpc_status(self) -> str:
        """The canonical status name of a gRPC call that fails so."""
        return self.status or REASONS[self.reason].grpc

    def base(self, region: str) -> int | None:
        """The amount in ``region``, before scale and tiers."""
        if self.elsewhere is None or region in MULTI_REGIONS:
            return self.amount
        return self.elsewhere

    def key(self, facts: Facts) -> tuple[str, ...]:
        """Which counter of this limit ``facts`` belong to."""
        return (self.name, *(getattr(facts, part) for part in self.scope))


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit is exceeded: nothing was charged.

    ``limit`` is the row's name; ``status`` the gRPC status name; ``retry_after_us`` when the same would
    pass (None when it never will, or only once something else ends); ``retry_info`` whether a gRPC answer
    tells that to the client. ``waits``: a job is not refused but stays PENDING.
    """

    limit: str
    reason: str
    message: str
    status: str
    amount: int
    moment: Moment
    retry_after_us: int | None = None
    location: str = ""
    retry_info: bool = False
    waits: bool = False

    @property
    def retry_after_s(self) -> float | None:
        return None if self.retry_after_us is None else self.retry_after_us / 1_000_000
