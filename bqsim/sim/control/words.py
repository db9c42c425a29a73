"""Rules in words: what they match and what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bqsim.errors import REASONS
from bqsim.sim.rules.classes import events_of, states_of
from bqsim.sim.rules.facts import CALL, CANCEL, JOB
from bqsim.sim.scenario import latency as t
from bqsim.sim.scenario import model as m
from bqsim.sim.scenario import progression as p
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.durations import format_duration

# What a match says


def matched(rule: m.Rule, event: str = "") -> str:
    """Which calls or jobs a rule is about: ``a call of bigquery.jobs.*, over REST``.

    ``event`` is what asks it; without one, what its effect is for.
    """
    match, event = rule.match, event or events_of(rule)[0]
    subject = _SUBJECTS[event]
    conditions = _CONDITIONS if event == CALL else _OF_JOBS
    said = [say(getattr(match, name)) for name, say in conditions.items() if _is_given(match, name)]
    if event == JOB and not match.state and (states := states_of(rule)):
        said.append(f"about to be {_or(states)}")
    return ", ".join([f"{subject} {said[0]}", *said[1:]]) if said else _ANY[event]


_SUBJECTS = {CALL: "a call", JOB: "a job", CANCEL: "a cancel of a job"}
_ANY = {CALL: "any call", JOB: "any job", CANCEL: "any cancel of a job"}


def _is_given(match: m.Match, name: str) -> bool:
    return getattr(match, name) not in (None, (), {})


def _or(values: Iterable[Any]) -> str:
    listed = [str(value) for value in values]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"


def _pairs(values: Mapping[str, str]) -> str:
    return " and ".join(f"{name} = {value}" for name, value in values.items())


def _ordinals(values: Iterable[int]) -> str:
    return _or(f"{n}{_ordinal_end(n)}" for n in values)


def _ordinal_end(n: int) -> str:
    return "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")


def span(seconds: float) -> str:
    """A duration as scenarios write it: ``1h30m``."""
    written = format_duration(seconds)
    return written if isinstance(written, str) else f"{written:g}s"


def percent(share: float) -> str:
    return f"{share * 100:g} %"


def _window(window: m.Window) -> str:
    if window.until_s is None:
        return f"from {span(window.from_s)} after the start on"
    return f"from {span(window.from_s)} to {span(window.until_s)} after the start"


# In the order in which they are told.
_CONDITIONS: Mapping[str, Callable[[Any], str]] = {
    "method": lambda v: f"of {_or(v)}",
    "transport": lambda v: f"over {_or(name.replace('rest', 'REST').replace('grpc', 'gRPC') for name in v)}",
    "resource": lambda v: f"about {_or(v)}",
    "project": lambda v: f"in the project {_or(v)}",
    "scope": lambda v: f"in the scope {_or(v)}",
    "caller": lambda v: f"by {_or(v)}",
    "client": lambda v: f"from a client like {_or(v)}",
    "labels": lambda v: f"with the label {_pairs(v)}",
    "headers": lambda v: f"with the header {_pairs(v)}",
    "job_type": lambda v: f"for a {_or(v)} job",
    "statement_type": lambda v: f"with a statement of type {_or(v)}",
    "sql": lambda v: f"with SQL like /{v}/",
    "fingerprint": lambda v: f"with the SQL {_or(v)}",
    "state": lambda v: f"while the job is, or is about to be, {_or(v)}",
    "attempt": lambda v: f"on the {_ordinals(v)} try of a request",
    "offset_rows": lambda v: f"from row {v} of a stream on",
    "offset_bytes": lambda v: f"from byte {v} of a stream on",
    "window": _window,
    "machine": lambda v: " and ".join(f"while the machine {name} is '{state}'" for name, state in v.items()),
    "nth": lambda v: f"the {_ordinals(v)} such",
    "every": lambda v: f"each {v}{_ordinal_end(v)} such",
    "max_calls": lambda v: "the first such" if v == 1 else f"the first {v} such",
    "probability": lambda v: f"{percent(v)} of them, drawn",
}

_OF_JOBS = {
    **_CONDITIONS,
    "method": lambda v: f"made by {_or(v)}",
    "job_type": lambda v: f"of type {_or(v)}",
    "state": lambda v: f"about to be {_or(v)}",
}


# What an effect does


def effect_words(effect: m.Effect) -> str:
    """What an effect does: ``the request fails with backendError (HTTP 503) before its work is done``."""
    return _EFFECTS[effect.kind](effect)


def _error(e: m.Error) -> str:
    if e.level == "job":
        done = ", after its work is done" if e.applied else ""
        return f"the job fails with {e.reason}{_text(e.message)}{done}"
    failure = f"{e.reason} (HTTP {e.http or REASONS[e.reason].http}){_text(e.message)}"
    retry = f", retry after {span(e.retry_after_s)}" if e.retry_after_s is not None else ""
    return f"the request fails with {failure}{retry}, {_work(e.applied)}"


def _grpc(e: m.GrpcStatus) -> str:
    code = f" with the StorageError {e.storage_code}" if e.storage_code else ""
    retry = f", retry after {span(e.retry_delay_s)}" if e.retry_delay_s is not None else ""
    return f"the call ends with {e.status}{code}{_text(e.message)}{retry}, {_work(e.applied)}"


def _work(applied: bool) -> str:
    return "after its work is done" if applied else "its work not done"


def _text(message: str | None) -> str:
    return "" if message is None else f" '{message}'"


_AT = {"before_headers": "before the headers", "after_headers": "after the headers", "body": "in the body"}
_FAULTS = {
    "reset": "the connection is reset",
    "half_close": "the server ends what it sends",
    "stall": "the answer stalls",
    "drip": "the answer drips",
    "truncate": "the answer is cut short",
    "corrupt": "the answer's body is corrupt",
    "wrong_length": "the answer's length is wrong",
    "goaway": "the connection is told to go away",
    "rst_stream": "the stream is reset",
    "html": "a front end answers 502 with a page",
    "empty": "the answer is empty",
    "refused": "new connections are refused",
}


def _network(e: m.Network) -> str:
    where = f" at byte {e.byte} of the body" if e.byte is not None else f" {_AT[e.at]}"
    if e.what in ("html", "refused"):
        where = ""
    rate = f" at {e.bytes_per_s:g} bytes a second" if e.bytes_per_s is not None else ""
    lasts = f" for {span(e.for_s)}" if e.for_s is not None else ""
    return f"{_FAULTS[e.what]}{where}{rate}{lasts}, the request's work {'done' if e.applied else 'not done'}"


_PHASES = {
    "before": "before it is served",
    "queue": "in the queue",
    "run": "while it runs",
    "first_byte": "before the first byte of the answer",
    "page": "before each page",
    "ack": "before each append is acknowledged",
    "after": "after its work is done",
}


def latency_words(latency: t.Latency, phase: str) -> str:
    """A delay: ``takes longer before it is served: 200ms``."""
    return f"takes longer {_PHASES[phase]}: {amount(latency)}"


def amount(latency: t.Latency) -> str:
    """How long: ``1s to 2s``, ``normal {mean: 1s, deviation: 200ms}``."""
    said = [_distribution(latency.distribution)]
    for name, unit in (("per_mib_s", "MiB"), ("per_row_s", "row"), ("per_slot_s", "second of slot time")):
        value = getattr(latency, name)
        if value:
            said.append(f"{span(value)} for each {unit}")
    told = " and ".join(said)
    if latency.floor_s:
        told += f", at least {span(latency.floor_s)}"
    if latency.cap_s is not None:
        told += f", at most {span(latency.cap_s)}"
    if latency.correlated_over_s is not None:
        shared = f"{percent(latency.correlation)} of it shared by near moments"
        told += f", {shared}, forgotten over {span(latency.correlated_over_s)}"
    elif latency.correlation:
        told += f", each {percent(latency.correlation)} like the one before"
    for ramp in latency.ramps:
        told += f", growing to {ramp.factor:g} times that from {span(ramp.from_s)} to {span(ramp.until_s)}"
    for period in latency.schedule:
        each = f" of each {span(period.every_s)}" if period.every_s is not None else ""
        told += f", {period.factor:g} times that from {span(period.from_s)} to {span(period.until_s)}{each}"
    return told


def _distribution(value: Any) -> str:
    if isinstance(value, t.Fixed):
        return span(value.value_s)
    if isinstance(value, t.Uniform):
        return f"{span(value.low_s)} to {span(value.high_s)}"
    if isinstance(value, t.Exponential):
        return f"exponential with a mean of {span(value.mean_s)}"
    if isinstance(value, t.Mixture):
        return f"one of {_or(_distribution(part.of) for part in value.parts)}"
    if isinstance(value, t.Quantiles | t.Trace):
        return {"quantiles": "drawn from a table of quantiles", "trace": "by a trace of values"}[value.kind]
    return f"{value.kind} {{{', '.join(f'{key}: {one}' for key, one in to_dict(value).items())}}}"


def _insert_errors(e: m.InsertErrors) -> str:
    rows = f"{percent(e.share)} of the rows" if e.share is not None else f"the rows {_or(e.indexes)}"
    return f"{rows} of insertAll fail with {e.reason}{_text(e.message)}"


_OUTCOMES = {
    "stuck": "the job stays where it is, for ever",
    "cancel_wins": "the cancel wins: the job is stopped",
    "cancel_loses": "the cancel loses: the job ends as it would have",
    "cancel_too_late": "the cancel comes too late: the job is DONE already",
}


def _job_state(e: m.JobState) -> str:
    if e.outcome == "hold":
        until = f"for {span(e.for_s)}" if e.for_s is not None else f"until it was read {e.polls} times"
        return f"the job stays where it is {until}"
    if e.outcome == "fail":
        return f"the job fails with {e.reason}{_text(e.message)}"
    if e.progression is not None:
        return f"the job goes on {progression_words(e.progression)}"
    return _OUTCOMES[e.outcome]


def progression_words(progression: p.Progression) -> str:
    """How jobs pass through their states: ``by reads: 0 in PENDING, 3 in RUNNING``."""
    if isinstance(progression, p.Timed):
        spans = {"PENDING": progression.pending, "RUNNING": progression.running}
        return "by time: " + ", ".join(f"{amount(s)} in {n}" for n, s in spans.items() if s is not None)
    if isinstance(progression, p.Polled):
        return f"by reads: {progression.pending} in PENDING, {progression.running} in RUNNING"
    if isinstance(progression, p.Scripted):
        return "by a script: " + ", then ".join(_step(step) for step in progression.steps)
    if isinstance(progression, p.Sampled):
        scale = "" if progression.scale == 1 else f", {progression.scale:g} times as long"
        return f"by the preset {progression.preset}{scale}"
    return {"immediate": "as fast as their work does", "manual": "by hand"}[progression.kind]


def _step(step: p.Step) -> str:
    if step.for_s is not None:
        return f"{step.state} for {span(step.for_s)}"
    return f"{step.state} for {step.polls} reads" if step.polls is not None else step.state


_VIEWS = {
    "metadata": "resources",
    "table": "tables",
    "rows": "rows",
    "jobs": "jobs",
    "information_schema": "INFORMATION_SCHEMA",
}

_EFFECTS: Mapping[str, Callable[[Any], str]] = {
    "error": _error,
    "grpc": _grpc,
    "network": _network,
    "delay": lambda e: f"it {latency_words(e.latency, e.phase)}",
    "insert_errors": _insert_errors,
    "job_state": _job_state,
    "stale": lambda e: f"it sees {_VIEWS[e.what]} as they were {span(e.lag_s)} ago",
    "deny": lambda e: f"it is denied: the caller lacks {e.permission}{_text(e.message)}",
    "expire_token": lambda e: f"it is refused: the access token has expired{_text(e.message)}",
    "throttle": lambda e: f"the stream is throttled by {e.percent:g} %",
    "break_stream": lambda e: f"the stream ends with {e.status}{_text(e.message)} after {e.after_rows} rows",
    "quota": lambda e: f"it is refused: the limit {e.limit} is used up",
}
