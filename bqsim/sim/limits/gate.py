"""Limits at the gate: each call charged as it comes in, and what it holds given back when it is over."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from weakref import WeakKeyDictionary

from bqsim.errors import BigQueryError, StorageFailure
from bqsim.sim.clock import Clock
from bqsim.sim.gate import Call, Life
from bqsim.sim.methods import APPEND_ROWS, BATCH_COMMIT, STREAMS
from bqsim.sim.scenario.model import Quota

from .calls import Nowhere, World, facts_of
from .limits import Held, Limits
from .model import Exceeded, Facts, Moment
from .store import Key

# What a client is told to wait when only the end of another call makes room.
PLACE_DELAY_S = 1.0
# Write streams whose bytes are counted until their commit; the one not appended to for longest goes first.
MAX_STREAMS = 10_000


@dataclass(slots=True)
class Ticket:
    """A call that was let in: its facts, and what it holds until it is over."""

    facts: Facts
    held: Held | None = None


class Enforcement:
    """Enforces ``limits`` on calls and jobs, by ``clock``. Thread-safe.

    ``world`` knows the resources; ``sandboxes`` are globs of the projects without billing. ``released`` are
    called with the counters in which places became free, by whatever thread gives them back, and with None
    when the limits themselves change.
    """

    def __init__(
        self, limits: Limits, clock: Clock, world: World | None = None, sandboxes: Iterable[str] = ()
    ) -> None:
        self.limits = limits
        self.clock = clock
        self.world: World = Nowhere() if world is None else world
        self.sandboxes = tuple(sandboxes)
        self.released: list[Callable[[tuple[Key, ...] | None], object]] = []
        self._connections: WeakKeyDictionary[Life, Held] = WeakKeyDictionary()
        self._appended: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.RLock()

    # Calls

    def entered(self, call: Call) -> Ticket:
        """Charge a call that comes in, and hold its places.

        Raises ``BigQueryError``, on gRPC ``StorageFailure``, for the limit that it exceeds: nothing is
        charged then. Of the messages of an AppendRows connection the first opens it.
        """
        facts = facts_of(call, Moment.CALL, self.world)
        if call.method == BATCH_COMMIT:
            pending = self._pending_bytes(call.body.write_streams)
            facts = replace(facts, sizes={**facts.sizes, "pending_bytes": pending})
        connected = call.method == APPEND_ROWS and self._is_open(call.life)
        ticket = Ticket(facts, None if connected else self._enter(call, facts))
        try:
            if not connected:
                self._charge(call, facts)
            if call.method == APPEND_ROWS:
                sizes = {"bytes": call.size}
                self._charge(call, facts_of(call, Moment.MESSAGE, self.world, sizes))
                self._note_append(call)
        except Exception:
            self._leave(ticket.held)
            raise
        # Streams hold their places until the connection ends, not until the first answer.
        if ticket.held is not None and call.method in STREAMS and call.life is not None:
            self._keep(call.life, ticket.held)
            ticket.held = None
        return ticket

    def left(self, ticket: Ticket, call: Call, answer_bytes: int | None = None) -> None:
        """The call is answered: charge the size of its answer, give back its places.

        Without ``answer_bytes`` it is what the service noted as ``bytes``.
        """
        held, ticket.held = ticket.held, None
        self._leave(held)
        size = call.notes.get("bytes") if answer_bytes is None else answer_bytes
        if isinstance(size, int) and call.method not in STREAMS:
            sizes = {"bytes": size}
            facts = facts_of(call, Moment.ANSWER, self.world, sizes)
            # What is postpaid is never refused here: the next call is.
            self.limits.charge(facts, self.clock.now_us())

    def exhausted(self, effect: Quota, call: Call) -> Exception:
        """What a call is told when the limit of that name is used up, whatever is used. ``ValueError``: there
        is no such limit."""
        moment = Moment.MESSAGE if call.method == APPEND_ROWS else Moment.CALL
        facts = facts_of(call, moment, self.world)
        return call_failure(self.limits.used_up(effect.limit, facts, self.clock.now_us()), call.transport)

    # Jobs

    def charge(self, facts: Facts) -> None:
        """Charge a job. Raises ``BigQueryError`` for the limit that it exceeds."""
        exceeded = self.limits.charge(facts, self.clock.now_us())
        if exceeded is not None:
            raise job_failure(exceeded)

    def enter(self, facts: Facts) -> Held | Exceeded:
        """Hold a job's places, or say which limit is full."""
        return self.limits.enter(facts, self.clock.now_us())

    def leave(self, held: Held) -> None:
        """Give back what a job holds; a second time does nothing."""
        self._leave(held)

    def used_up(self, effect: Quota, facts: Facts) -> BigQueryError:
        """As :meth:`exhausted`, for a job."""
        return job_failure(self.limits.used_up(effect.limit, facts, self.clock.now_us()))

    def is_sandbox(self, project: str) -> bool:
        """Whether a project has no billing."""
        return any(fnmatchcase(project, glob) for glob in self.sandboxes)

    def changed(self) -> None:
        """The limits are others now: who waits may go on."""
        for released in tuple(self.released):
            released(None)

    # What they share

    def _enter(self, call: Call, facts: Facts) -> Held | None:
        held = self.limits.enter(facts, self.clock.now_us())
        if isinstance(held, Exceeded):
            raise self._failure(call, held)
        return held if held.keys else None

    def _charge(self, call: Call, facts: Facts) -> None:
        exceeded = self.limits.charge(facts, self.clock.now_us())
        if exceeded is not None:
            raise self._failure(call, exceeded)

    def _leave(self, held: Held | None) -> None:
        if held is None or not held.keys:
            return
        keys = held.keys
        self.limits.leave(held)
        for released in tuple(self.released):
            released(keys)

    def _is_open(self, life: Life | None) -> bool:
        with self._lock:
            return life is not None and life in self._connections

    def _keep(self, life: Life, held: Held) -> None:
        with self._lock:
            self._connections[life] = held
        life.at_end(lambda: self._leave(held))

    def _note_append(self, call: Call) -> None:
        """Remember what was sent to a stream, for its commit."""
        if call.resource.endswith("/_default"):
            return
        with self._lock:
            self._appended[call.resource] = self._appended.pop(call.resource, 0) + call.size
            if len(self._appended) > MAX_STREAMS:
                self._appended.popitem(last=False)

    def _pending_bytes(self, streams: Iterable[str]) -> int:
        with self._lock:
            return sum(self._appended.get(name, 0) for name in streams)

    def _failure(self, call: Call, exceeded: Exceeded) -> Exception:
        call.notes["quota"] = exceeded.limit
        return call_failure(exceeded, call.transport)


def call_failure(exceeded: Exceeded, transport: str) -> Exception:
    """What a call that exceeds a limit fails with.

    The REST API tells no time to wait; of gRPC statuses those do (``google.rpc.RetryInfo``) whose row
    says so.
    """
    if transport != "grpc":
        return job_failure(exceeded)
    delay_s = None
    if exceeded.retry_info:
        delay_s = PLACE_DELAY_S if exceeded.retry_after_s is None else exceeded.retry_after_s
    return StorageFailure(exceeded.status, exceeded.message, retry_delay_s=delay_s)


def job_failure(exceeded: Exceeded) -> BigQueryError:
    """What a job that exceeds a limit fails with."""
    return BigQueryError(exceeded.reason, exceeded.message, location=exceeded.location or None)
