"""What cannot be true together, one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from . import access as a
from . import latency as t
from . import model as m
from . import progression as p
from .words import JOB_STATES

# Network faults whose byte is one of the body wherever they are, and those that last for a time.
_IN_BODY = ("truncate", "corrupt", "wrong_length")
_LASTING = ("stall", "half_close", "wrong_length", "refused")


@dataclass(frozen=True, slots=True)
class Check:
    """``message`` is told at the first of ``keys`` that is written, when ``broken`` holds."""

    keys: tuple[str, ...]
    broken: Callable[[Any], bool]
    message: str


def _ordered(low: str, high: str) -> Callable[[Any], bool]:
    def broken(record: Any) -> bool:
        until = getattr(record, high)
        return until is not None and until <= getattr(record, low)

    return broken


def _ascending(table: tuple[t.Quantile, ...]) -> bool:
    return all(a.at < b.at and a.value_s <= b.value_s for a, b in pairwise(table))


def _unwritten(record: Any) -> bool:
    """Whether a distribution is neither given by its two parameters nor by two percentiles."""
    parameters = [getattr(record, name) for name in t.PARAMETERS[type(record)]]
    points = t.percentiles_of(record)
    if points:
        return len(points) != 2 or any(value is not None for value in parameters)
    return None in parameters


def _descending(record: Any) -> bool:
    points = t.percentiles_of(record)
    return any(later <= before for (_, before), (_, later) in pairwise(points)) or any(
        s <= 0 for _, s in points
    )


def _either(*parameters: str) -> tuple[Check, ...]:
    names = " and ".join(parameters)
    return (
        Check((), _unwritten, f"takes {names}, or two of p50, p90, p95 and p99"),
        Check(
            tuple(n.removesuffix("_s") for n in t.PERCENTILES),
            _descending,
            "the percentiles must ascend from above 0",
        ),
    )


_GRPC_ONLY = (m.GrpcStatus, m.BreakStream, m.Throttle)

CHECKS: Mapping[type, tuple[Check, ...]] = {
    m.Window: (Check(("until",), _ordered("from_s", "until_s"), "'until' must be later than 'from'"),),
    m.Match: (
        Check(
            ("every",),
            lambda r: r.every is not None and bool(r.nth),
            "'every' and 'nth' contradict each other; use one",
        ),
        Check(
            ("max_calls",),
            lambda r: r.max_calls is not None and bool(r.nth) and min(r.nth) > r.max_calls,
            "'nth' lies beyond 'max_calls', so it is never reached",
        ),
        Check(
            ("max_calls",),
            lambda r: r.max_calls is not None and r.every is not None and r.every > r.max_calls,
            "'every' lies beyond 'max_calls', so it is never reached",
        ),
        Check(("probability",), lambda r: r.probability == 0, "with a probability of 0 the rule never fires"),
        Check(
            ("sql", "statement_type"),
            lambda r: (
                bool(r.sql or r.statement_type or r.fingerprint)
                and bool(r.job_type)
                and "QUERY" not in r.job_type
            ),
            "only jobs of type QUERY have a statement; 'job_type' excludes them",
        ),
        Check(
            ("offset_rows", "offset_bytes"),
            lambda r: r.offset_rows is not None and r.offset_bytes is not None,
            "'offset_rows' and 'offset_bytes' contradict each other; use one",
        ),
    ),
    m.Network: (
        Check(
            ("byte",),
            lambda r: r.byte is not None and r.at != "body" and r.what not in _IN_BODY,
            "'byte' counts in the body; add 'at: body'",
        ),
        Check(
            ("bytes_per_s",),
            lambda r: r.bytes_per_s is not None and r.what != "drip",
            "'bytes_per_s' is for 'drip' only",
        ),
        Check(("what",), lambda r: r.what == "drip" and r.bytes_per_s is None, "a drip needs 'bytes_per_s'"),
        Check(
            ("for",),
            lambda r: r.for_s is not None and r.what not in _LASTING,
            "'for' is for 'stall', 'half_close', 'wrong_length' and 'refused' only",
        ),
        Check(("what",), lambda r: r.what == "refused" and r.for_s is None, "refused connections need 'for'"),
    ),
    m.InsertErrors: (
        Check(
            ("indexes",),
            lambda r: r.share is not None and bool(r.indexes),
            "'share' and 'indexes' contradict each other; use one",
        ),
        Check((), lambda r: r.share is None and not r.indexes, "insert_errors needs 'share' or 'indexes'"),
    ),
    m.JobState: (
        Check(
            ("outcome",),
            lambda r: r.outcome == "hold" and r.for_s is None and r.polls is None,
            "a job on hold needs 'for' or 'polls'",
        ),
        Check(
            ("polls",),
            lambda r: r.for_s is not None and r.polls is not None,
            "'for' and 'polls' contradict each other; use one",
        ),
        Check(
            ("for", "polls"),
            lambda r: r.outcome != "hold" and (r.for_s is not None or r.polls is not None),
            "'for' and 'polls' are for 'hold' only",
        ),
        Check(
            ("outcome",),
            lambda r: r.outcome == "fail" and r.reason is None,
            "a job that fails needs a 'reason'",
        ),
        Check(
            ("reason", "message"),
            lambda r: r.outcome != "fail" and bool(r.reason or r.message),
            "'reason' and 'message' are for 'fail' only",
        ),
        Check(
            ("outcome",),
            lambda r: r.outcome == "progress" and r.progression is None,
            "'progress' needs a 'progression'",
        ),
        Check(
            ("progression",),
            lambda r: r.outcome != "progress" and r.progression is not None,
            "'progression' is for 'progress' only",
        ),
    ),
    p.Step: (
        Check(
            ("polls",),
            lambda r: r.for_s is not None and r.polls is not None,
            "'for' and 'polls' contradict each other; use one",
        ),
        Check(
            ("state",),
            lambda r: r.state != "DONE" and r.for_s is None and r.polls is None,
            "the step needs 'for' or 'polls'",
        ),
    ),
    p.Scripted: (
        Check(("steps",), lambda r: not r.steps, "a script needs at least one step"),
        Check(
            ("steps",),
            lambda r: any(s.state == "DONE" for s in r.steps[:-1]),
            "nothing comes after the state DONE",
        ),
        Check(
            ("steps",),
            lambda r: [s.state for s in r.steps] != sorted((s.state for s in r.steps), key=JOB_STATES.index),
            "a job goes from PENDING to RUNNING to DONE, never back",
        ),
    ),
    m.ClockSetup: (
        Check(
            ("scale",),
            lambda r: r.scale is not None and r.mode != "scaled",
            "'scale' is for the mode 'scaled' only",
        ),
        Check(
            ("mode",), lambda r: r.mode == "scaled" and r.scale is None, "the mode 'scaled' needs a 'scale'"
        ),
    ),
    a.IamSetup: (
        Check(
            ("policy",),
            lambda r: r.policy is not None and r.is_inline,
            "'policy' names a file: write the policy there, or all of it here",
        ),
        Check(
            ("bindings",),
            a.unknown_role,
            "a role is neither predefined ('roles/…') nor one of those under 'roles'",
        ),
        Check(("roles",), a.predefined, "names that begin with 'roles/' are predefined; choose another"),
    ),
    m.LimitSetup: (
        Check(
            ("values", "tenants", "scale"),
            lambda r: r.profile == "off" and bool(r.values or r.tenants or r.scale != 1),
            "limits are off; name a 'profile'",
        ),
    ),
    m.Rule: (
        Check(
            ("effect",),
            lambda r: r.match.transport == ("rest",) and isinstance(r.effect, _GRPC_ONLY),
            "this effect is for gRPC only, and the rule matches 'rest' only",
        ),
        Check(
            ("effect",),
            lambda r: r.match.transport == ("grpc",) and isinstance(r.effect, m.InsertErrors),
            "this effect is for REST only, and the rule matches 'grpc' only",
        ),
        Check(
            ("effect",),
            lambda r: r.match.transport == ("grpc",) and getattr(r.effect, "level", "") == "job",
            "jobs are started by REST calls, and the rule matches 'grpc' only",
        ),
        Check(
            ("times",),
            lambda r: r.times is not None and bool(r.match.nth) and r.times > len(set(r.match.nth)),
            "'times' is more than 'nth' allows",
        ),
    ),
    t.Normal: _either("mean", "deviation"),
    t.Lognormal: _either("median", "sigma"),
    t.Gamma: _either("mean", "shape"),
    t.Pareto: _either("minimum", "alpha"),
    t.Uniform: (Check(("high",), lambda r: r.high_s < r.low_s, "'high' must not be less than 'low'"),),
    t.Mixture: (Check(("parts",), lambda r: not r.parts, "a mixture needs at least one part"),),
    t.Trace: (Check(("values",), lambda r: not r.values_s, "a trace needs at least one value"),),
    t.Quantiles: (
        Check(("table",), lambda r: len(r.table) < 2, "a table of quantiles needs at least two rows"),
        Check(("table",), lambda r: not _ascending(r.table), "the rows of quantiles must ascend"),
    ),
    t.Ramp: (Check(("until",), _ordered("from_s", "until_s"), "'until' must be later than 'from'"),),
    t.Period: (
        Check(("until",), _ordered("from_s", "until_s"), "'until' must be later than 'from'"),
        Check(
            ("every",),
            lambda r: r.every_s is not None and r.every_s < r.until_s,
            "'every' must not be shorter than 'until'",
        ),
    ),
    t.Latency: (
        Check(
            ("cap",),
            lambda r: r.cap_s is not None and r.cap_s < r.floor_s,
            "'cap' must not be less than 'floor'",
        ),
        Check(
            ("correlated_over",),
            lambda r: r.correlated_over_s is not None and not (r.correlation and r.correlated_over_s),
            "'correlated_over' needs a 'correlation'",
        ),
    ),
}
