"""What cannot be of streams in a plan, by themselves and as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bqsim.rehearse.errors import RehearsalError
from bqsim.sim.scenario.capacity_checks import Finder, Found
from bqsim.sim.scenario.spelling import clip

from . import streams as s
from .shared_checks import JOBS, STREAMS, bounds_about, by_the_hour

if TYPE_CHECKING:
    from bqsim.rehearse.money import Tariffs

    from .model import Plan
    from .paths import Keys

MOST_STREAMS = 1_000
MOST_TABLES = 1_000_000
MOST_BYTES = 10**15
_SIZES = {"row_bytes": "a row has", "connection_rate": "a connection carries"}
# Seconds of all streams together.
MOST_SECONDS = 4_000_000_000.0
_DAY_S = 86_400.0


def _diurnal(one: s.DiurnalRate, written: Collection[str]) -> Found:
    return by_the_hour(one, written, "nothing would come")


def _mmpp(one: s.MmppRate, _written: Collection[str]) -> Found:
    if not one.phases:
        yield ("phases",), "an MMPP needs at least one phase"
    elif not any(phase.per_s for phase in one.phases):
        yield ("phases",), "nothing comes in any phase: 'per_s' is 0 in all of them"


def _phase(one: s.RatePhase, _written: Collection[str]) -> Found:
    if one.lasts_s < 1:
        yield ("lasts",), "a phase of a stream must last a second at the least"


def _bursts(one: s.BurstRate, _written: Collection[str]) -> Found:
    if one.every_s < 1:
        yield ("every",), "streams are counted by the second: 'every' must be a second at the least"
    elif one.spread_s > one.every_s:
        yield ("spread",), "'spread' must not be longer than 'every'"


def _stream(one: s.Stream, written: Collection[str]) -> Found:
    if one.rows is None and one.bytes is None:
        yield (), f"the stream '{one.name}' needs 'rows' or 'bytes': how much comes"
    elif one.rows is not None and one.bytes is not None:
        yield ("bytes",), "'rows' and 'bytes' both tell how much comes; use one"
    for key, told in _SIZES.items():
        size = getattr(one, key)
        if size < 1:
            yield (key,), f"{told} a byte{' a second' if key == 'connection_rate' else ''} at the least"
        elif size > MOST_BYTES:
            yield (key,), f"expected at most {MOST_BYTES:,} bytes, not {clip(f'{size:,}')}"
    if one.tables > MOST_TABLES:
        yield ("tables",), f"expected at most {MOST_TABLES:,} tables, not {one.tables:,}"
    yield from _of_method(one, written)


def _of_method(one: s.Stream, written: Collection[str]) -> Found:
    if one.method == s.INSERT_ALL:
        for key in ("connections", "connection_rate"):
            if key in written:
                yield (key,), f"'{key}' is for the gRPC methods; insertAll has requests only"
    elif one.insert_ids:
        yield ("insert_ids",), "'insert_ids' is for insertAll only"
    if one.method in s.EXCLUSIVE and one.connections is not None and one.connections < one.tables:
        given = f"{one.connections:,} connections for {one.tables:,} tables"
        message = f"{given}: of {one.method} streams each table needs one"
        yield ("connections",), message
    if one.method == s.PENDING:
        if one.commit_every_s is None:
            yield (), f"the stream '{one.name}' is pending: it needs 'commit_every'"
        elif one.commit_every_s < 1:
            yield ("commit_every",), "streams are counted by the second: commit every second at the most"
    elif one.commit_every_s is not None:
        yield ("commit_every",), f"'commit_every' is for the method pending, not for {one.method}"


def _quotas(one: s.Quotas, _written: Collection[str]) -> Found:
    from bqsim.rehearse.streams.quotas import wrong_names

    yield from wrong_names(one)


FINDERS: Mapping[type, Finder] = {
    s.DiurnalRate: _diurnal,
    s.MmppRate: _mmpp,
    s.RatePhase: _phase,
    s.BurstRate: _bursts,
    s.Stream: _stream,
    s.Quotas: _quotas,
}


def of_plan(plan: Plan) -> Found:
    """What is wrong with the streams of a plan, and with what is said of streams where there are none."""
    if len(plan.streams) > MOST_STREAMS:
        yield ("streams",), f"{len(plan.streams):,} streams; a plan has at most {MOST_STREAMS:,}"
    days = plan.days or 1.0
    if len(plan.streams) * days * _DAY_S > MOST_SECONDS:
        streams = f"{len(plan.streams):,} stream{'' if len(plan.streams) == 1 else 's'}"
        most = f"{MOST_SECONDS / _DAY_S:,.0f} days of one"
        message = f"{streams} for {days:,.0f} days; a rehearsal takes up to {most}"
        yield ("streams",), message
    if not plan.workload and plan.warm_up_s >= days * _DAY_S:
        told = f"{days:g} day{'' if days == 1 else 's'}"
        yield ("warm_up",), f"'warm_up' is as long as all of it ({told}): nothing would be measured"
    yield from _without_jobs(plan)
    if not plan.streams:
        for at, one in enumerate(plan.thresholds):
            for name in bounds_about(STREAMS):
                if getattr(one, name) is not None:
                    key = name.removesuffix("_s")
                    yield ("thresholds", at, key), f"'{key}' is about streams, and the plan has none"


def _without_jobs(plan: Plan) -> Found:
    """What is about jobs in a plan without any."""
    if plan.workload:
        return
    if plan.objectives:
        yield ("objectives",), "objectives are about jobs, and the plan has no 'workload'"
    if plan.uncertainty is not None:
        yield ("uncertainty",), "'uncertainty' is about jobs, and the plan has no 'workload'"
    for at, one in enumerate(plan.thresholds):
        for name in bounds_about(JOBS):
            if getattr(one, name) is not None:
                key = name.removesuffix("_s")
                yield ("thresholds", at, key), f"'{key}' is about jobs, and the plan has no 'workload'"
        if one.group is not None:
            yield ("thresholds", at, "group"), "groups are of jobs, and the plan has no 'workload'"


def prices(plan: Plan, varied: Sequence[Plan], known: Tariffs) -> Iterator[tuple[Keys, str]]:
    """Prices of streams that no table has."""
    from bqsim.rehearse.streams.money import tariff

    asked: set[tuple[str, str | None]] = set()
    for which in (plan, *varied):
        for at, one in enumerate(which.streams):
            what = (one.method, one.location)
            if what in asked:
                continue
            asked.add(what)
            try:
                tariff(known, one)
            except RehearsalError as error:
                yield ("streams", at, "location"), str(error)
