"""The model of a scenario, one for YAML files, Python, the REST control and the command line.

The written form follows from the fields: a key is its field's name without the unit (``retry_delay_s`` is
written ``retry_delay: 2s``); a union is written as a mapping of one key, its member's ``kind``; a class
with ``principal`` may be written as the value of that field alone (``effect: {error: backendError}``).
Durations are seconds of the scenario's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from . import kinds as k
from .access import IamSetup
from .capacity import Capacity
from .latency import Latency
from .progression import Progression

Texts = Mapping[Annotated[str, k.NAME], Annotated[str, k.GLOB]]
States = Mapping[Annotated[str, k.NAME], Annotated[str, k.NAME]]
Globs = tuple[Annotated[str, k.GLOB], ...]
Ordinals = tuple[Annotated[int, k.ORDINAL], ...]
Span = Annotated[float, k.SPAN]
Flag = Annotated[bool, k.FLAG]
Text = Annotated[str, k.TEXT]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of the clock since the scenario was loaded: ``from_s <= t < until_s``; None is open."""

    from_s: Annotated[float, k.SPAN] = 0.0
    until_s: Annotated[float, k.SPAN] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Which calls and jobs a rule is about: all conditions that are given must hold; none match all.

    Within one condition any of its values will do. ``method`` are globs over API method ids
    (``bigquery.jobs.*``), ``resource`` over resource paths, ``client`` over the client's user agent and
    ``x-goog-api-client``, ``scope`` over the name of the port or of the ``x-bqsim-scope`` header that a call
    came by (its project when it has neither), ``labels`` and ``headers`` over the values of those named.
    ``sql`` is a regular expression searched in the statement, ``fingerprint`` the hash of its normalised
    form, or a statement to take it from.

    ``state`` is a state that a job is about to enter, or that the job of a call is in. ``nth``, ``every``
    and ``max_calls`` count the calls that hold all the rest, from 1: the n-th ones, each n-th, the first so
    many. ``attempt`` counts the tries of one request, from 1. ``probability`` is drawn last.
    ``offset_rows`` and ``offset_bytes`` hold from that row or byte of a stream on. ``machine`` asks that
    named state machines are in those states.
    """

    transport: tuple[Annotated[str, k.TRANSPORT], ...] = ()
    method: Globs = ()
    resource: Globs = ()
    project: Globs = ()
    scope: Globs = ()
    caller: Globs = ()
    client: Globs = ()
    labels: Texts = field(default_factory=dict)
    headers: Texts = field(default_factory=dict)
    job_type: tuple[Annotated[str, k.JOB_TYPE], ...] = ()
    statement_type: tuple[Annotated[str, k.STATEMENT_TYPE], ...] = ()
    sql: Annotated[str, k.REGEX] | None = None
    fingerprint: tuple[Annotated[str, k.NAME], ...] = ()
    state: tuple[Annotated[str, k.JOB_STATE], ...] = ()
    nth: Ordinals = ()
    every: Annotated[int, k.ORDINAL] | None = None
    attempt: Ordinals = ()
    probability: Annotated[float, k.SHARE] | None = None
    window: Window | None = None
    offset_rows: Annotated[int, k.COUNT] | None = None
    offset_bytes: Annotated[int, k.COUNT] | None = None
    machine: States = field(default_factory=dict)
    max_calls: Annotated[int, k.ORDINAL] | None = None


@dataclass(frozen=True, slots=True)
class JobPlan:
    """How the jobs that ``match`` go on; the first plan that matches a job is its plan."""

    progression: Progression
    match: Match = field(default_factory=Match)
    deferments: tuple[Annotated[str, k.NAME], ...] = ()
    growing_plan: Flag = False


# What a rule does.


@dataclass(frozen=True, slots=True)
class Error:
    """A failure of BigQuery's error table, of the request or of the job that it starts.

    ``applied``: the work is done first, then its success is answered with the failure. Without
    ``message`` the service's own text is used. ``http`` overrides the reason's status.
    """

    kind: ClassVar[str] = "error"
    principal: ClassVar[str] = "reason"
    reason: Annotated[str, k.REASON]
    message: Annotated[str, k.TEXT] | None = None
    level: Annotated[str, k.LEVEL] = "request"
    applied: Flag = False
    http: Annotated[int, k.HTTP_CODE] | None = None
    location: Annotated[str, k.TEXT] | None = None
    retry_after_s: Span | None = None


@dataclass(frozen=True, slots=True)
class GrpcStatus:
    """A gRPC status; ``storage_code`` adds a StorageError to its details, ``retry_delay_s`` a RetryInfo."""

    kind: ClassVar[str] = "grpc"
    principal: ClassVar[str] = "status"
    status: Annotated[str, k.GRPC_STATUS]
    message: Annotated[str, k.TEXT] | None = None
    storage_code: Annotated[str, k.STORAGE_CODE] | None = None
    entity: Annotated[str, k.TEXT] = ""
    retry_delay_s: Span | None = None
    applied: Flag = False


@dataclass(frozen=True, slots=True)
class Network:
    """A fault of the connection itself.

    ``at`` is where in the answer: before its headers, after them, or in its body from ``byte`` on (None: the
    middle; of a drip, the beginning). Without ``applied`` the work of the request is not done, and what still
    arrives of an answer is 503 ``backendError``.

    ``reset`` is a TCP reset; so are ``goaway`` and ``rst_stream`` where there is no HTTP/2. ``half_close``
    ends what the server sends while it goes on reading, for ``for_s`` or until the client closes. A
    ``stall`` lasts ``for_s`` (None: until the client gives up), then the rest follows; a ``drip`` comes at
    ``bytes_per_s``. ``truncate`` closes the connection at ``byte`` of a body that was promised whole.
    ``corrupt`` changes each byte from ``byte`` on. ``wrong_length`` promises ``byte`` bytes (None: twice the
    body's and one): too many, and the connection is closed behind the body, ``for_s`` later; too few, and
    the surplus spoils the next answer. ``html`` is a front end's 502 with a page for browsers. ``empty`` is
    its 502 without a body or, ``after_headers`` or in the ``body``, the service's own answer without one.
    ``refused`` resets all connections and refuses new ones for ``for_s``.
    """

    kind: ClassVar[str] = "network"
    principal: ClassVar[str] = "what"
    what: Annotated[str, k.NETWORK_FAULT]
    at: Annotated[str, k.NETWORK_POINT] = "before_headers"
    byte: Annotated[int, k.COUNT] | None = None
    for_s: Span | None = None
    bytes_per_s: Annotated[float, k.POSITIVE] | None = None
    applied: Flag = True


@dataclass(frozen=True, slots=True)
class Delay:
    """Time added in a phase of the call or of the job."""

    kind: ClassVar[str] = "delay"
    principal: ClassVar[str] = "latency"
    latency: Latency
    phase: Annotated[str, k.PHASE] = "before"


@dataclass(frozen=True, slots=True)
class InsertErrors:
    """Rows of insertAll fail: a ``share`` of them, drawn row by row, or those at ``indexes`` (from 0)."""

    kind: ClassVar[str] = "insert_errors"
    principal: ClassVar[str] = "share"
    share: Annotated[float, k.SHARE] | None = None
    indexes: tuple[Annotated[int, k.COUNT], ...] = ()
    reason: Annotated[str, k.REASON] = "invalid"
    message: Annotated[str, k.TEXT] | None = None
    location: Annotated[str, k.TEXT] = ""


@dataclass(frozen=True, slots=True)
class JobState:
    """What befalls a job that is about to enter ``state``.

    ``hold`` keeps it out of the state for ``for_s`` or ``polls`` reads, ``stuck`` for ever, ``fail`` ends it
    with ``reason``. Of a cancel: it wins, it loses (the job ends as it would have), it comes too late (the
    job is DONE already). ``progress`` gives the job ``progression``.
    """

    kind: ClassVar[str] = "job_state"
    principal: ClassVar[str] = "outcome"
    outcome: Annotated[str, k.JOB_OUTCOME]
    state: Annotated[str, k.JOB_STATE] | None = None
    for_s: Span | None = None
    polls: Annotated[int, k.COUNT] | None = None
    reason: Annotated[str, k.REASON] | None = None
    message: Annotated[str, k.TEXT] | None = None
    progression: Progression | None = None


@dataclass(frozen=True, slots=True)
class Stale:
    """Reads see ``what`` as it was ``lag_s`` ago."""

    kind: ClassVar[str] = "stale"
    principal: ClassVar[str] = "lag_s"
    lag_s: Span
    what: Annotated[str, k.STALE_VIEW] = "metadata"


@dataclass(frozen=True, slots=True)
class Deny:
    """The caller lacks ``permission`` (``bigquery.tables.getData``), with the service's denial text."""

    kind: ClassVar[str] = "deny"
    principal: ClassVar[str] = "permission"
    permission: Annotated[str, k.NAME]
    message: Annotated[str, k.TEXT] | None = None


@dataclass(frozen=True, slots=True)
class ExpireToken:
    """The caller's access token is taken as expired: 401 ``authError``, UNAUTHENTICATED."""

    kind: ClassVar[str] = "expire_token"
    principal: ClassVar[str] = "message"
    message: Annotated[str, k.TEXT] | None = None


@dataclass(frozen=True, slots=True)
class Throttle:
    """ReadRows answers say that the stream is throttled by ``percent``, and are slowed as much."""

    kind: ClassVar[str] = "throttle"
    principal: ClassVar[str] = "percent"
    percent: Annotated[float, k.PERCENT]


@dataclass(frozen=True, slots=True)
class BreakStream:
    """A stream ends with ``status`` when it has carried ``after_rows`` rows."""

    kind: ClassVar[str] = "break_stream"
    principal: ClassVar[str] = "after_rows"
    after_rows: Annotated[int, k.COUNT] = 0
    status: Annotated[str, k.GRPC_STATUS] = "UNAVAILABLE"
    message: Annotated[str, k.TEXT] | None = None
    retry_delay_s: Span | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """The limit of that name is taken as used up, with its own reason and text."""

    kind: ClassVar[str] = "quota"
    principal: ClassVar[str] = "limit"
    limit: Annotated[str, k.NAME]


Effect = (
    Error
    | GrpcStatus
    | Network
    | Delay
    | InsertErrors
    | JobState
    | Stale
    | Deny
    | ExpireToken
    | Throttle
    | BreakStream
    | Quota
)


@dataclass(frozen=True, slots=True)
class Rule:
    """When ``match`` holds, ``effect`` is done, ``times`` times at most (None: always).

    ``ttl_s`` after it was added the rule is gone. ``set`` moves named state machines when the rule fires.
    ``source`` says where the rule came from: ``file:line``, ``python``, ``rest`` or ``header``.
    """

    id: Annotated[str, k.NAME] = field(metadata={"generated": True})
    effect: Effect
    match: Match = field(default_factory=Match)
    times: Annotated[int, k.ORDINAL] | None = None
    ttl_s: Span | None = None
    set: States = field(default_factory=dict)
    source: str = field(default="python", metadata={"place": True})


@dataclass(frozen=True, slots=True)
class ClockSetup:
    """The clock at first: ``scale`` is for ``scaled``; ``start_us`` None is now; ``offset_s`` shifts it."""

    principal: ClassVar[str] = "mode"
    mode: Annotated[str, k.CLOCK_MODE] = "real"
    scale: Annotated[float, k.POSITIVE] | None = None
    start_us: Annotated[int, k.TIME] | None = None
    offset_s: Annotated[float, k.SHIFT] = 0.0


@dataclass(frozen=True, slots=True)
class LatencyRule:
    """The latency of a phase of the calls and jobs that ``match``; the first rule that matches counts."""

    latency: Latency
    phase: Annotated[str, k.PHASE] = "before"
    match: Match = field(default_factory=Match)


@dataclass(frozen=True, slots=True)
class LatencySetup:
    """Latencies of all calls: ``rules`` first, then those of ``preset``; ``scale`` multiplies both."""

    principal: ClassVar[str] = "preset"
    preset: Annotated[str, k.LATENCY_PRESET] | None = None
    scale: Annotated[float, k.POSITIVE] = 1.0
    rules: tuple[LatencyRule, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitSetup:
    """Which quotas and limits hold.

    ``scale`` multiplies every quota (0.01: a hundredth), ``values`` replaces single ones by name, and
    ``tenants`` does so for the projects that a glob matches.
    """

    principal: ClassVar[str] = "profile"
    profile: Annotated[str, k.LIMIT_PROFILE] = "off"
    scale: Annotated[float, k.POSITIVE] = 1.0
    values: Mapping[Annotated[str, k.NAME], Annotated[float, k.AMOUNT]] = field(default_factory=dict)
    tenants: Mapping[Annotated[str, k.GLOB], Mapping[Annotated[str, k.NAME], Annotated[float, k.AMOUNT]]] = (
        field(default_factory=dict)
    )


@dataclass(frozen=True, slots=True)
class Supply:
    """What calls of a function that needs a model or another service answer.

    Of a table function: ``columns`` are names and types, ``rows`` the rows as JSON text; ``subject`` limits
    it to a model (``project.dataset.model``) or connection. Of a scalar function: ``values``, JSON text of
    one value, or of an object from regular expressions that are searched in the prompt to values.
    """

    function: Annotated[str, k.NAME]
    columns: Mapping[Annotated[str, k.NAME], Annotated[str, k.SQL_TYPE]] = field(default_factory=dict)
    rows: Annotated[str, k.JSON_ROWS] = "[]"
    subject: Text = ""
    values: Annotated[str, k.JSON_VALUE] | None = None


@dataclass(frozen=True, slots=True)
class SlotWork:
    """The work of the jobs that ``match``, for scenarios with ``capacity``; the first that matches counts.

    ``slot_time`` are slot-seconds, ``units`` the slots that a job can use at once; None: one for each
    ``unit_s`` slot-seconds. ``floor`` is time that it runs whatever its slots. A job says it for itself by
    the labels ``bqsim_slot_ms``, ``bqsim_units`` and ``bqsim_floor_ms``.
    """

    slot_time: Latency
    units: Annotated[int, k.ORDINAL] | None = None
    unit_s: Annotated[float, k.POSITIVE] = 1.0
    floor: Latency | None = None
    match: Match = field(default_factory=Match)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario file.

    ``seed`` None takes a fresh one; ``machines`` are named state machines with their first states; ``jobs``
    says how jobs go on. With ``capacity`` jobs wait for slots and run as long as those let them, by the work
    that ``slot_work`` gives them; what no rule gives follows from the bytes that they process.
    """

    name: Annotated[str, k.NAME] = "scenario"
    description: Text = ""
    seed: Annotated[int, k.SEED] | None = None
    clock: ClockSetup | None = None
    machines: States = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    latency: LatencySetup | None = None
    jobs: tuple[JobPlan, ...] = ()
    capacity: Capacity | None = None
    slot_work: tuple[SlotWork, ...] = ()
    limits: LimitSetup | None = None
    iam: IamSetup | None = None
    answers: tuple[Supply, ...] = ()
