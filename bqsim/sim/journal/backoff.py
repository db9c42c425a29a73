"""Back-off checks: whether clients try again as the service asks them to.

After a failure that may be tried again a client waits at least 1 s, then ever longer up to 32 s, with
jitter (BigQuery SLA, back-off requirements); it keeps its request id, and its job id while the outcome is
unknown; and it starts a new job where a job has failed.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .attempts import LogicalRequest, logical_requests
from .book import Journal
from .events import CallEvent, JobEvent
from .retries import Guidance, Retry, ambiguous, guidance
from .verify import VerificationError


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """What is asked of waits. ``growth_after``: how many waits must show growth; 0 asks for none.

    ``must_retry``: giving up at once on what may be tried again is a fault, too.
    """

    first_wait_s: float = 1.0
    cap_s: float = 32.0
    growth_after: int = 3
    jitter: bool = True
    must_retry: bool = False


SLA = BackoffPolicy()
# The official Python client draws each wait from zero up, and waits up to a minute.
GOOGLE_CLIENT = BackoffPolicy(first_wait_s=0.0, cap_s=60.0, growth_after=5)
# Clients of streams connect again at once; their control methods begin with a tenth of a second.
STREAMS = BackoffPolicy(first_wait_s=0.0, cap_s=120.0, growth_after=0, jitter=False)
POLICIES: Mapping[str, BackoffPolicy] = {"rest": SLA, "grpc": STREAMS}

# How exactly waits are known, and how near to each other they are when nothing makes them differ.
SLACK_S = 0.005
EQUAL_S = 0.01
EQUAL_SHARE = 0.01


class BackoffError(VerificationError):
    """Clients did not back off as the service asks; ``findings`` tell where."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        many = "1 fault" if len(findings) == 1 else f"{len(findings)} faults"
        super().__init__("\n".join((f"{many} in how calls were tried again:", *(f"  {f}" for f in findings))))


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a client: a ``rule`` (``first_wait``, ``growth``, …), the calls, and what to change."""

    rule: str
    method: str
    calls: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"[{self.rule}] {self.text}"


def verify_backoff(
    journal: Journal,
    method: str = "*",
    policy: BackoffPolicy | None = None,
    *,
    scope: str | None = None,
    since: int = 0,
) -> None:
    """Raise :class:`BackoffError` when calls of ``method`` (a glob) were not tried again as they should.

    Without a policy, REST calls are held to the SLA and gRPC calls to what streams need.
    """
    calls = journal.calls(method, scope=scope, since=since)
    jobs = [e for e in journal.jobs(since=since) if scope in (None, e.scope)]
    if findings := backoff_findings(calls, jobs, policy):
        raise BackoffError(findings)


def backoff_findings(
    calls: Iterable[CallEvent], jobs: Iterable[JobEvent] = (), policy: BackoffPolicy | None = None
) -> list[Finding]:
    """All faults of the clients that made ``calls``; ``jobs`` tell which jobs failed, and when."""
    events = list(calls)
    requests = logical_requests(events)
    found: list[Finding] = []
    for request in requests:
        asked = policy or POLICIES.get(request.attempts[0].transport, SLA)
        found.extend(_of_pairs(request, asked))
        found.extend(_of_waits(request, asked))
        found.extend(_given_up(request, asked))
    found.extend(_equal_waits(requests, policy))
    found.extend(_reused_jobs(events, jobs))
    return found


def _of_pairs(request: LogicalRequest, policy: BackoffPolicy) -> Iterator[Finding]:
    """Faults of one attempt after another."""
    pairs = zip(itertools.pairwise(request.attempts), request.waits_s, strict=True)
    for number, ((failed, again), wait) in enumerate(pairs, 1):
        told = guidance(failed)
        what = f"{failed.method} #{failed.id} failed with {failed.outcome.text}"
        for rule, text in _faults(number, failed, again, wait, told, policy):
            yield Finding(rule, failed.method, (failed.id, again.id), f"{what}; {text}")


Faults = Iterator[tuple[str, str]]


def _faults(
    number: int, failed: CallEvent, again: CallEvent, wait: float, told: Guidance, policy: BackoffPolicy
) -> Faults:
    if told.retry is Retry.FREE:
        return
    if told.retry is Retry.NEVER:
        # Much later, the same request is a new one.
        if _same_ids(failed, again) or wait <= 2 * policy.cap_s:
            yield "not_retryable", f"it was tried again as #{again.id}, which cannot help: {told.advice}."
        return
    yield from _wait_faults(number, failed, again, wait, told, policy)
    if told.retry is Retry.NEW_JOB:
        yield from _restart_faults(failed, again, told)
    else:
        yield from _id_faults(failed, again, wait <= 2 * policy.cap_s)


def _wait_faults(
    number: int, failed: CallEvent, again: CallEvent, wait: float, told: Guidance, policy: BackoffPolicy
) -> Faults:
    came = f"retry #{again.id} came after {_seconds(wait)}"
    delay = failed.outcome.retry_delay_s
    if delay is not None:
        if wait < delay - SLACK_S:
            yield "retry_info", f"{came}, but the answer's RetryInfo asked for {_seconds(delay)}."
        return
    if told.retry is Retry.WAIT:
        if wait < told.min_wait_s - SLACK_S:
            yield "long_wait", f"{came}, where it takes {_seconds(told.min_wait_s)} or more: {told.advice}."
        return
    if told.retry is Retry.REFRESH:
        return
    if number == 1 and wait < policy.first_wait_s - SLACK_S:
        yield "first_wait", f"{came}. Wait at least {_seconds(policy.first_wait_s)} before the first retry."
    if wait > policy.cap_s * (1 + EQUAL_SHARE):
        yield "cap", f"{came}. Wait {_seconds(policy.cap_s)} at most."


def _restart_faults(failed: CallEvent, again: CallEvent, told: Guidance) -> Faults:
    for name, was, now in (
        ("request id", failed.request_id, again.request_id),
        ("job id", failed.job_id, again.job_id),
    ):
        if was and was == now:
            text = (
                f"#{again.id} sent the same {name} '{now}' and asks for the failed job again: {told.advice}."
            )
            yield "new_job", text


def _id_faults(failed: CallEvent, again: CallEvent, soon: bool) -> Faults:
    if soon and failed.request_id != again.request_id:
        now = f"'{again.request_id}'" if again.request_id else "none"
        was = f"'{failed.request_id}'" if failed.request_id else "none"
        text = (
            f"retry #{again.id} sent another request id ({was}, then {now}). Keep the request id, so that "
            "the service can tell a retry from a new request."
        )
        yield "request_id", text
    if not ambiguous(failed):
        return
    if failed.method == "bigquery.jobs.insert" and failed.job_id != again.job_id:
        text = (
            f"retry #{again.id} sent another job id ('{failed.job_id}', then '{again.job_id}'). The first "
            "job may be running: insert with the same job id, and it cannot run twice."
        )
        yield "job_id", text
    for method, name, value in (
        ("bigquery.jobs.query", "requestId", again.request_id),
        ("bigquery.jobs.insert", "jobReference.jobId", again.job_id),
    ):
        if failed.method == method and not value and not getattr(failed, _FIELDS[name]):
            text = f"retry #{again.id} has no {name}, so the statement may run twice. Send one, and keep it."
            yield "no_id", text


_FIELDS = {"requestId": "request_id", "jobReference.jobId": "job_id"}


def _of_waits(request: LogicalRequest, policy: BackoffPolicy) -> Iterator[Finding]:
    """Faults of all waits of a request together."""
    waits = _own_waits(request, policy)
    first = request.attempts[0]
    ids = tuple(e.id for e in request.attempts)
    listed = ", ".join(_seconds(wait) for wait in waits)
    tried = f"{first.method} #{first.id} was tried again after {listed}"
    if policy.growth_after and len(waits) >= policy.growth_after and max(waits[1:]) <= waits[0] * 1.1:
        text = f"{tried}: waits do not grow. Double them each time."
        yield Finding("growth", first.method, ids, text)
    ratios = [later / earlier for earlier, later in itertools.pairwise(waits) if earlier > 0]
    if policy.jitter and len(ratios) >= 2 and max(ratios) - min(ratios) <= EQUAL_SHARE * max(ratios):
        yield Finding("jitter", first.method, ids, f"{tried}: waits without jitter. {_ADD_JITTER}")


_ADD_JITTER = "Add a random part, so that clients that failed together do not come back together."


def _own_waits(request: LogicalRequest, policy: BackoffPolicy) -> list[float]:
    """The waits below the cap that the client chose itself, up to the first that it did not."""
    waits = []
    for failed, wait in zip(request.attempts, request.waits_s, strict=False):
        told = guidance(failed)
        own = told.retry in (Retry.AGAIN, Retry.NEW_JOB) and failed.outcome.retry_delay_s is None
        if not own or wait > policy.cap_s * 0.9:
            break
        waits.append(wait)
    return waits


def _equal_waits(requests: Sequence[LogicalRequest], policy: BackoffPolicy | None) -> Iterator[Finding]:
    """Requests of one client that all wait the same time before their first retry."""
    firsts: dict[tuple[str, str, str], list[tuple[float, CallEvent]]] = defaultdict(list)
    for request in requests:
        first = request.attempts[0]
        asked = policy or POLICIES.get(first.transport, SLA)
        waits = _own_waits(request, asked)
        if waits and asked.jitter:
            firsts[first.scope, first.caller, first.method].append((waits[0], first))
    for (_, _, method), waited in firsts.items():
        least, most = min(w for w, _ in waited), max(w for w, _ in waited)
        if len(waited) >= 3 and most - least <= max(EQUAL_S, EQUAL_SHARE * most):
            ids = tuple(e.id for _, e in waited)
            text = (
                f"all {len(ids)} requests of {method} that failed were tried again after {_seconds(least)}."
            )
            yield Finding("jitter", method, ids, f"{text} {_ADD_JITTER}")


def _given_up(request: LogicalRequest, policy: BackoffPolicy) -> Iterator[Finding]:
    last = request.attempts[-1]
    if not policy.must_retry or last.outcome.ok or len(request.attempts) > 1:
        return
    told = guidance(last)
    if told.retry in (Retry.AGAIN, Retry.NEW_JOB):
        how = "with a new job id" if told.retry is Retry.NEW_JOB else "with back-off"
        text = f"{last.method} #{last.id} failed with {last.outcome.text} and was given up. Try again {how}."
        yield Finding("gave_up", last.method, (last.id,), text)


def _reused_jobs(calls: Sequence[CallEvent], jobs: Iterable[JobEvent]) -> Iterator[Finding]:
    """Job ids that were inserted again after their job had failed."""
    failed = {(j.scope, j.job_id): j for j in jobs if j.after == "DONE" and j.reason}
    for event in calls:
        job = failed.get((event.scope, event.job_id)) if event.job_id else None
        if job is None or event.method != "bigquery.jobs.insert" or event.time_us <= job.time_us:
            continue
        text = (
            f"job '{job.job_id}' had failed with {job.reason} when {event.method} #{event.id} inserted it "
            "again. Job ids cannot be used twice: insert with a new job id."
        )
        yield Finding("new_job", event.method, (event.id,), text)


def _same_ids(one: CallEvent, other: CallEvent) -> bool:
    ids = (one.request_id, one.job_id)
    return any(ids) and ids == (other.request_id, other.job_id)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"
