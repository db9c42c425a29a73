"""Writes calls down: each as an event of the journal, each attempt at a write in the ledger."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bqsim.errors import BigQueryError, StorageFailure
from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws, Turn, begin_turn
from bqsim.sim.effects.failures import NetworkFault
from bqsim.sim.gate import Call
from bqsim.sim.journal.book import Journal
from bqsim.sim.journal.events import NOTHING, OK, CallEvent, Decision, Event, LedgerEntry, Outcome, explain_id
from bqsim.sim.methods import APPEND_ROWS, BATCH_COMMIT, WRITE
from bqsim.sim.rules.facts import SCOPE_HEADER, Facts, call_facts

# Requests that are counted apart at once; the one not seen for longest is forgotten first.
MAX_REQUESTS = 65_536
# Larger requests that nothing befalls are not kept for a fingerprint: hashing them would be noticed.
LARGEST_KEPT = 8 * 1024
# The note of a call whose answer tells of a failure: that, as it would be raised.
REFUSAL = "refusal"
# The note of a call whose answer nobody was there to take: whether it was done.
UNANSWERED = "unanswered"
# The note of a call whose answer was played back: the name of the recording.
RECORDING = "recording"
# The note of a call that was answered, and whose answer tells that nothing was done.
NOT_DONE = "not_done"
EXISTS = "OFFSET_ALREADY_EXISTS"
# How much of a statement the journal keeps.
SQL_SHOWN = 2_000

# The calls whose effects a client may find done or not done after a failure. Glob-free: one look-up a call.
WRITES = frozenset(
    {
        "bigquery.jobs.insert",
        "bigquery.jobs.query",
        "bigquery.jobs.cancel",
        "bigquery.jobs.delete",
        "bigquery.tabledata.insertAll",
        "bigquery.datasets.insert",
        "bigquery.datasets.patch",
        "bigquery.datasets.update",
        "bigquery.datasets.delete",
        "bigquery.datasets.undelete",
        "bigquery.tables.insert",
        "bigquery.tables.patch",
        "bigquery.tables.update",
        "bigquery.tables.delete",
        "bigquery.routines.insert",
        "bigquery.routines.update",
        "bigquery.routines.delete",
        APPEND_ROWS,
        f"{WRITE}CreateWriteStream",
        f"{WRITE}FinalizeWriteStream",
        f"{WRITE}FlushRows",
        BATCH_COMMIT,
    }
)


@dataclass(slots=True)
class Record:
    """A call that has come in and is not answered yet. ``network`` is what its connection suffers.

    ``repeated``: the service refused to do it again, whatever the client was told.
    """

    call: Call
    facts: Facts
    time_us: int
    fingerprint: str = ""
    occurrence: int = 0
    attempt: int = 1
    decisions: list[Decision] = field(default_factory=list)
    network: str = ""
    applied: bool = False
    repeated: bool = False


# The headers that events tell of.
_KEPT_HEADERS = ("user-agent", "x-goog-api-client", SCOPE_HEADER)


class Quiet:
    """A call that nothing befalls; its event is made when somebody reads it.

    Once it is over it keeps few objects, all of them plain: thousands are kept, and the collector walks them.
    """

    __slots__ = (
        "_kept",
        "_recorder",
        "call",
        "duration_us",
        "method",
        "outcome",
        "scope",
        "time_us",
    )

    def __init__(self, recorder: Recorder, call: Call, time_us: int) -> None:
        self._recorder = recorder
        self._kept: tuple[Any, ...] = ()
        self.call: Call | None = call
        self.method = call.method
        self.scope = call.scope
        self.time_us = time_us
        self.duration_us = 0
        self.outcome = OK

    def end(self, duration_us: int) -> None:
        """The call is over: keep what its event needs."""
        call = self.call
        assert call is not None
        self.duration_us = duration_us
        raw = None if call.size > LARGEST_KEPT else call.raw if call.transport == "rest" else call.body
        texts = tuple(map(call.headers.get, _KEPT_HEADERS))
        notes = tuple(call.notes.items()) if call.notes else ()
        self._kept = (call.transport, call.resource, call.caller, raw, texts, call.size, call.explain, notes)
        self.call = None

    def events(self) -> Iterable[Event]:
        """See :class:`Postponed`."""
        transport, resource, caller, raw, texts, size, explain, notes = self._kept
        body = (json.loads(raw) if raw else {}) if raw is not None and transport == "rest" else raw
        headers = {name: text for name, text in zip(_KEPT_HEADERS, texts, strict=True) if text is not None}
        call = Call(transport, self.method, resource, caller, body, headers, scope=self.scope, size=size)
        call.explain = explain
        call.notes.update(notes)
        record = self._recorder.record(call, self.time_us)
        yield from self._recorder.events(record, self.outcome, self.duration_us)


class Recorder:
    """Numbers calls and appends them to a journal. Safe for threads."""

    def __init__(self, journal: Journal, clock: Clock, draws: Draws) -> None:
        self._journal = journal
        self._clock = clock
        self._draws = draws
        self._lock = threading.RLock()
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._forgotten = 0
        self._quiet = itertools.count(1)

    def quiet(self, call: Call) -> Quiet:
        """Begin to write down a call that nothing befalls."""
        call.explain = f"{next(self._quiet):016x}"
        return Quiet(self, call, self._clock.now_us())

    def end_quiet(self, quiet: Quiet, error: BaseException | None) -> None:
        """Such a call was answered, or failed with ``error``; a stream that was opened ends later."""
        call = quiet.call
        if error is None and call is not None and call.ending is not None:
            ending, call.ending = call.ending, None
            ending.then(lambda failure: self.end_quiet(quiet, failure))
            return
        if call is not None:
            refusal = call.notes.pop(REFUSAL, None)
            if UNANSWERED in call.notes:
                quiet.outcome = Outcome(network="closed")
            elif error is not None or refusal is not None:
                quiet.outcome = outcome_of(call, error or refusal)
        quiet.end(self._clock.now_us() - quiet.time_us)
        self._journal.postpone(quiet)

    def opened(self, call: Call, about: Facts | None = None) -> Record:
        """Number a call as it comes in."""
        self._journal.settle()
        record = self.record(call, self._clock.now_us(), about)
        whose = f"{record.facts.scope}\0{call.caller}"
        call.explain = explain_id(self._draws.seed, call.method, whose, record.fingerprint, record.occurrence)
        # Without a fingerprint calls are told apart by nothing but their order.
        if record.fingerprint:
            call.turn = Turn(self._draws, call.explain)
            begin_turn(call.turn)
        return record

    def record(self, call: Call, time_us: int, about: Facts | None = None) -> Record:
        """A call with its fingerprint, and its number among those like it."""
        facts = call_facts(call, about=about, origin=about.fingerprint if about is not None else "")
        record = Record(call, facts, time_us)
        if call.body is not None:
            record.fingerprint = facts.fingerprint
            record.occurrence = self._count(f"{facts.scope}\0{facts.caller}\0{record.fingerprint}")
            if facts.request_id or facts.job_id:
                record.attempt = self._count(facts.try_key)
        return record

    def _count(self, key: str) -> int:
        with self._lock:
            counts = self._counts
            number = counts.get(key, self._forgotten) + 1
            counts[key] = number
            counts.move_to_end(key)
            if len(counts) > MAX_REQUESTS:
                # A request that comes again after that must not get the number of an earlier one.
                self._forgotten = max(self._forgotten, counts.popitem(last=False)[1])
            return number

    def closed(self, record: Record, error: BaseException | None = None) -> None:
        """Write down that a call was answered, or failed with ``error``; an opened stream ends later."""
        ending = record.call.ending
        if error is None and ending is not None:
            record.call.ending = None
            ending.then(lambda failure: self.closed(record, failure))
            return
        refusal = record.call.notes.get(REFUSAL)
        if refusal is not None:
            record.applied = False
            record.repeated = refusal.code == EXISTS
            error = error or refusal
        outcome = outcome_of(record.call, error) if error is not None else OK
        if UNANSWERED in record.call.notes:
            outcome = Outcome(network="closed")
        if record.network:
            outcome = Outcome(network=record.network)
        for event in self.events(record, outcome, self._clock.now_us() - record.time_us):
            self._journal.append(event)

    def events(self, record: Record, outcome: Outcome, duration_us: int) -> Iterable[Event]:
        """The call, and of a write what it did."""
        call, facts = record.call, record.facts
        notes = call.notes
        decisions = tuple(record.decisions)
        if RECORDING in notes:
            notes = dict(notes)
            decisions += (Decision(effect="replay", recording=str(notes.pop(RECORDING))),)
        yield CallEvent(
            call.explain,
            record.time_us,
            call.transport,
            call.method,
            call.resource,
            call.caller,
            record.fingerprint,
            record.occurrence,
            record.attempt,
            facts.request_id,
            facts.job_id,
            facts.clients[0] if facts.clients else "",
            facts.scope,
            facts.labels,
            {**_shown(call, facts), **_plain(notes)} if notes else _shown(call, facts),
            outcome,
            duration_us,
            decisions,
        )
        if call.method in WRITES:
            yield self._entry(record, outcome, record.time_us + duration_us)

    def _entry(self, record: Record, outcome: Outcome, now_us: int) -> LedgerEntry:
        call, facts = record.call, record.facts
        notes = call.notes
        applied = notes.get(UNANSWERED, record.applied or (outcome.ok and not record.network))
        refused = NOT_DONE in notes
        # A client that is told that it exists already knows that it is done.
        exists = outcome.reason == "duplicate" or outcome.storage_code == EXISTS
        repeated = exists or record.repeated or bool(notes.get("deduplicated"))
        return LedgerEntry(
            now_us,
            call.explain,
            call.method,
            facts.resource,
            _write(record),
            applied and not repeated and not refused,
            exists or (outcome.ok and (repeated or not refused)),
            repeated,
            int(notes.get("rows", facts.rows)),
            facts.scope,
        )

    def reset(self) -> None:
        """Number all requests anew."""
        with self._lock:
            self._counts.clear()
            self._forgotten = 0

    def counts(self) -> dict[str, int]:
        """How often each request came, for :meth:`restore`."""
        with self._lock:
            return dict(self._counts)

    def restore(self, counts: Mapping[str, int]) -> None:
        with self._lock:
            self._counts = OrderedDict(counts)


def _write(record: Record) -> str:
    """What the client meant to write: the same for all attempts, also for one with another job id."""
    facts = record.facts
    if facts.offset_rows is not None:
        return f"offset {facts.offset_rows}"
    if record.call.method == BATCH_COMMIT and record.call.body is not None:
        # Fingerprints leave out names that the service made.
        streams = "\0".join(sorted(record.call.body.write_streams))
        return hashlib.blake2b(streams.encode(), digest_size=16).hexdigest()
    return record.fingerprint or facts.request_id or facts.job_id


def _shown(call: Call, facts: Facts) -> Mapping[str, Any]:
    """The small facts of a call, by its method."""
    show = _SHOWN.get(call.method)
    if show is not None:
        return show(facts)
    return {"bytes": call.size} if call.transport == "grpc" else NOTHING


def _plain(notes: Mapping[str, Any]) -> dict[str, Any]:
    """The notes that are facts; others are for services only."""
    return {name: value for name, value in notes.items() if isinstance(value, str | int | float)}


def _job(facts: Facts) -> Mapping[str, Any]:
    sql = facts.sql
    shown: dict[str, Any] = {"job_type": facts.job_type}
    if sql:
        shown["sql"] = sql if len(sql) <= SQL_SHOWN else sql[:SQL_SHOWN] + "…"
    return shown


def _rows(facts: Facts) -> Mapping[str, Any]:
    return {"rows": facts.rows}


_SHOWN: Mapping[str, Callable[[Facts], Mapping[str, Any]]] = {
    "bigquery.jobs.insert": _job,
    "bigquery.jobs.query": _job,
    APPEND_ROWS: _rows,
}


def outcome_of(call: Call, error: BaseException) -> Outcome:
    """How a call that raised ``error`` ended for its client."""
    rest = call.transport == "rest"
    if isinstance(error, BigQueryError):
        reason = error.reason
        return Outcome(
            reason=reason.name,
            status="" if rest else reason.grpc,
            http=error.http if rest else 0,
            message=error.message,
            retry_delay_s=error.retry_after_s,
        )
    if isinstance(error, StorageFailure):
        return Outcome(
            status=error.status,
            message=error.message,
            storage_code=error.code or "",
            retry_delay_s=error.retry_delay_s,
        )
    if isinstance(error, NetworkFault):
        return Outcome(network=error.effect.what)
    if isinstance(error, Exception):
        return Outcome(reason="internalError", http=500) if rest else Outcome(status="INTERNAL")
    # The client went away, or the server stops.
    return Outcome(network="closed")
