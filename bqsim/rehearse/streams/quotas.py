"""Which quotas streams are subject to: the rows of the simulator's own table of limits, by the calls made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from bqsim.rehearse.plan.model import Plan
from bqsim.rehearse.plan.streams import EXCLUSIVE, INSERT_ALL, PENDING, Quotas, Stream
from bqsim.sim.limits import BIGQUERY, Exceeded, Facts, Kind, Limit, Moment
from bqsim.sim.limits.calls import INSERT_ALL as INSERT_ALL_METHOD
from bqsim.sim.limits.matching import Index
from bqsim.sim.limits.scenario import setup
from bqsim.sim.limits.texts import exceeded
from bqsim.sim.limits.tiers import Amounts
from bqsim.sim.methods import APPEND_ROWS, BATCH_COMMIT, WRITE

PROFILE = "bigquery"
CREATE, FINALIZE = f"{WRITE}CreateWriteStream", f"{WRITE}FinalizeWriteStream"
# Tables of streams are in a dataset of that name.
DATASET = "dataset"


class Asked(Enum):
    """What of a stream a quota counts."""

    ROWS = "rows"  # rows, bytes or requests a second: all go with the rows
    CONNECTIONS = "connections"  # open connections
    CREATED = "created"  # write streams that are created
    REQUEST = "request"  # the size of one request
    COMMIT = "commit"  # the size of one commit


@dataclass(frozen=True, slots=True)
class Member:
    """A stream that a quota counts: its number in the plan, and how much of the quota one of it takes."""

    stream: int
    factor: float


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit with one counter: its amount there, and the streams that it counts.

    ``place`` says in words whose counter it is; ``facts`` are those of a call that it refuses.
    """

    limit: Limit
    asked: Asked
    amount: int
    place: str
    facts: Facts
    members: tuple[Member, ...]

    @property
    def window_s(self) -> int:
        """The seconds that it adds up."""
        return self.limit.period_s if self.limit.kind is Kind.RATE else 1

    def refusal(self, measured: float) -> Exceeded:
        """What a client is told beyond it."""
        return exceeded(self.limit, self.facts, self.amount, math.ceil(measured))


@dataclass(frozen=True, slots=True)
class _Call:
    """A kind of call that a stream makes; ``asked`` is what of the stream there is one of."""

    asked: Asked
    facts: Facts


def region_of(stream: Stream, region: str) -> str:
    """Where a stream goes, as limits have it."""
    return (stream.location or region).lower()


def amounts_of(wanted: Quotas) -> Amounts:
    """The amounts of all limits. ``ValueError`` for a name that is none of theirs."""
    return Amounts(setup(PROFILE, wanted.scale, values=wanted.values, tenants=wanted.tenants), BIGQUERY)


def quotas_of(plan: Plan) -> tuple[Quota, ...]:
    """All quotas that the streams of a plan are subject to, in the order of the table of limits."""
    amounts, index = amounts_of(plan.quotas), Index(BIGQUERY)
    found: dict[tuple[str, ...], tuple[Limit, _Call, int, str, list[Member]]] = {}
    for number, stream in enumerate(plan.streams):
        for call in calls_of(stream, region_of(stream, plan.money.region)):
            for limit in index.of(call.facts):
                asked = _asked(limit, call)
                amount = amounts.of(limit, call.facts)
                if asked is None or amount is None or not _measured(limit, call.facts):
                    continue
                key: tuple[str, ...] = limit.key(call.facts)
                if limit.kind is Kind.CAP:
                    # The size of one thing: each stream has its own.
                    key = (*key, str(number))
                place = _place(limit, stream, call.facts)
                entry = found.setdefault(key, (limit, _Call(asked, call.facts), amount, place, []))
                entry[-1].append(Member(number, _factor(limit, stream, asked)))
    order = {limit.name: at for at, limit in enumerate(BIGQUERY)}
    ordered = sorted(found.values(), key=lambda one: order[one[0].name])
    return tuple(
        Quota(limit, call.asked, amount, place, call.facts, tuple(members))
        for limit, call, amount, place, members in ordered
    )


def calls_of(stream: Stream, region: str) -> Iterator[_Call]:
    """The kinds of calls that a stream makes, with what limits need to know of each."""
    rows, size = stream.rows_per_request, stream.rows_per_request * stream.row_bytes
    if stream.method == INSERT_ALL:
        sizes = {"rows": rows, "bytes": size, "request_bytes": size, "row_bytes": stream.row_bytes}
        flags = frozenset({"insert_id"}) if stream.insert_ids else frozenset()
        yield _Call(Asked.ROWS, _facts(stream, region, Moment.CALL, INSERT_ALL_METHOD, sizes, flags))
        return
    yield _Call(Asked.CONNECTIONS, _facts(stream, region, Moment.CALL, APPEND_ROWS, {}))
    yield _Call(Asked.ROWS, _facts(stream, region, Moment.MESSAGE, APPEND_ROWS, {"bytes": size}))
    if stream.method in EXCLUSIVE:
        yield _Call(Asked.CREATED, _facts(stream, region, Moment.CALL, CREATE, {}))
    if stream.method == PENDING:
        yield _Call(Asked.CREATED, _facts(stream, region, Moment.CALL, FINALIZE, {}))
        sizes = {"pending_bytes": 1, "streams": 1}
        yield _Call(Asked.COMMIT, _facts(stream, region, Moment.CALL, BATCH_COMMIT, sizes))


def _facts(
    stream: Stream,
    region: str,
    moment: Moment,
    method: str,
    sizes: Mapping[str, int],
    flags: frozenset[str] = frozenset(),
) -> Facts:
    path = f"projects/{stream.project}/datasets/{DATASET}/tables/{stream.name}"
    return Facts(
        moment,
        method=method,
        caller=stream.principal,
        project=stream.project,
        region=region,
        dataset=f"{stream.project}:{DATASET}",
        table=f"{stream.project}:{DATASET}.{stream.name}",
        resource=f"{path}/streams/_default" if method == APPEND_ROWS else path,
        flags=flags,
        sizes=sizes,
    )


def _measured(limit: Limit, facts: Facts) -> bool:
    """Whether the size that a limit counts is known."""
    return not limit.measure or limit.measure in facts.sizes


def _asked(limit: Limit, call: _Call) -> Asked | None:
    """What a limit counts of the stream that makes a call; None for what it does not count."""
    if limit.kind is Kind.CAP:
        return Asked.COMMIT if call.asked is Asked.COMMIT else Asked.REQUEST
    if limit.kind is Kind.CONCURRENT:
        return call.asked if call.asked is Asked.CONNECTIONS else None
    return call.asked if call.asked in (Asked.ROWS, Asked.CREATED) else None


def _factor(limit: Limit, stream: Stream, asked: Asked) -> float:
    """How much of a quota one row, connection or write stream takes."""
    if asked is not Asked.ROWS:
        return 1.0
    each = {"bytes": float(stream.row_bytes), "rows": 1.0}.get(limit.measure, 1.0 / stream.rows_per_request)
    return each / stream.tables if "table" in limit.scope else each


def _place(limit: Limit, stream: Stream, facts: Facts) -> str:
    if limit.kind is Kind.CAP:
        return stream.name
    if "table" in limit.scope:
        return f"each table of {stream.name}" if stream.tables > 1 else f"the table of {stream.name}"
    named = [getattr(facts, part) for part in ("project", "caller") if part in limit.scope]
    return f"{' and '.join(filter(None, named))} in {facts.region}"


def wrong_names(wanted: Quotas) -> Iterator[tuple[tuple[str, ...], str]]:
    """Names of quotas that are not there, and where they are written."""
    written: Sequence[tuple[tuple[str, ...], Iterable[str]]] = (
        (("values",), wanted.values),
        *((("tenants", glob), values) for glob, values in wanted.tenants.items()),
    )
    for where, names in written:
        for name in names:
            try:
                setup(PROFILE, values={name: 1})
            except ValueError as error:
                yield (*where, name), str(error)
