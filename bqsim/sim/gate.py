"""The one way in: every REST call and every gRPC message passes here, before and after its service.

The gate names each call by its API method id (``bigquery.jobs.insert``) and the resource it is about. What
the simulation has no say in is only written down; the rest it may delay, refuse or answer otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from bqsim.sim.draws import Turn, begin_turn, end_turn
from bqsim.sim.scenario.model import Network

T = TypeVar("T")

# A call with this header is let through as if there were no simulation, and not written down: what sets up
# a test is no part of it.
UNSEEN_HEADER = "x-bqsim-unseen"


class Life:
    """How long a gRPC call lasts, with all its messages. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ends: list[Callable[[], object]] | None = []

    def at_end(self, callback: Callable[[], object]) -> None:
        """Run ``callback`` once the call is over; at once when it is."""
        with self._lock:
            if self._ends is not None:
                self._ends.append(callback)
                return
        callback()

    def end(self) -> None:
        """The call is over. Idempotent."""
        with self._lock:
            ends, self._ends = self._ends, None
        for callback in ends or ():
            callback()


class Ending:
    """The end of a call whose answer is a stream: it comes long after the call has passed the gate."""

    def __init__(self) -> None:
        self._told: Callable[[BaseException | None], object] | None = None

    def then(self, told: Callable[[BaseException | None], object]) -> None:
        """Tell ``told`` what the stream ended with."""
        self._told = told

    def end(self, error: BaseException | None = None) -> None:
        """The stream has ended, with ``error`` or well. Idempotent."""
        told, self._told = self._told, None
        if told is not None:
            told(error)


@dataclass(slots=True)
class Call:
    """One API call at the gate.

    ``method`` is the API method id; ``resource`` the resource path (``projects/p/datasets/d``); ``caller``
    the principal's e-mail, ``groups`` those that come with it; ``body`` the decoded request message (a JSON
    object or a protobuf message), ``size`` its bytes on the wire and, of a JSON object, ``raw`` its text;
    header names are in lower case; ``query`` are the parameters of the URL. ``scope`` names the port that the
    call came in by, if that has a name.
    ``life`` is that of the gRPC call that this one is, or is a message of; ``ending`` is there when the
    answer is a stream.

    The simulation adds: ``explain``, the id of the call in the journal; ``turn``, by which draws and
    generated ids of the call do not depend on others (None: they go by their order);
    ``sending``, what the connection suffers while the answer is sent; ``stream``, what befalls the messages
    of a stream. ``notes`` are small facts that services tell (:func:`note`).
    """

    transport: str
    method: str
    resource: str
    caller: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    scope: str = ""
    size: int = 0
    explain: str = ""
    sending: Network | None = None
    stream: Any = None
    notes: dict[str, Any] = field(default_factory=dict)
    turn: Turn | None = None
    raw: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    life: Life | None = None
    ending: Ending | None = None


_current: ContextVar[Call | None] = ContextVar("bqsim_call", default=None)


def current() -> Call | None:
    """The call that is being served here; None outside of calls."""
    return _current.get()


def is_unseen() -> bool:
    """Whether the simulation has no say in the call that is being served."""
    call = _current.get()
    return call is not None and UNSEEN_HEADER in call.headers


def note(**facts: Any) -> None:
    """Add small facts to the call that is being served: what the journal is to tell about it."""
    call = _current.get()
    if call is not None:
        call.notes.update(facts)


def serving(call: Call) -> Token[Call | None]:
    """Make ``call`` the current one; :func:`served` with what this returns ends that."""
    begin_turn(call.turn)
    return _current.set(call)


def served(token: Token[Call | None]) -> None:
    begin_turn(None)
    _current.reset(token)


class Simulation(Protocol):
    """What decides about calls: :class:`bqsim.sim.simulation.Simulation`."""

    def concerns(self, call: Call) -> bool:
        """Whether anything could befall this call; else it is only written down."""
        ...

    def opened(self, call: Call) -> Any:
        """Begin to write down a call that nothing befalls; takes no time."""
        ...

    def closed(self, record: Any, error: BaseException | None = None) -> None:
        """The call of ``record`` has been answered, or has failed with ``error``."""
        ...

    async def passes(self, call: Call, service: Callable[[], Awaitable[T]]) -> T:
        """The answer of ``service``, with all that befalls the call."""
        ...


class Gate:
    """Runs calls; ``simulation`` None lets them through."""

    def __init__(self, simulation: Simulation | None = None) -> None:
        self.simulation = simulation

    def quiet(self, call: Call) -> bool:
        """Whether :meth:`run` may be used for ``call``."""
        return self.simulation is None or not self.simulation.concerns(call)

    async def passes(self, call: Call, service: Callable[[], Awaitable[T]]) -> T:
        """Run ``service`` for ``call``. Raises what it raises, or what the simulation has for the call."""
        token, turns = _current.set(call), begin_turn(None)
        left = False
        try:
            simulation = self.simulation
            if simulation is None or UNSEEN_HEADER in call.headers:
                return await service()
            if simulation.concerns(call):
                return await simulation.passes(call, service)
            record = simulation.opened(call)
            try:
                answer = await service()
            except BaseException as error:
                simulation.closed(record, error)
                raise
            simulation.closed(record)
            return answer
        except GeneratorExit:
            # Nobody waits for it since its connection broke: it is collected, in whatever context that is.
            left = True
            raise
        finally:
            if not left:
                end_turn(turns)
                _current.reset(token)

    def run(self, call: Call, work: Callable[[], T]) -> T:
        """Run ``work`` on this thread for a ``quiet`` call."""
        simulation = self.simulation
        if simulation is None:
            return work()
        token, turns = _current.set(call), begin_turn(None)
        record = simulation.opened(call)
        try:
            answer = work()
        except BaseException as error:
            simulation.closed(record, error)
            raise
        finally:
            end_turn(turns)
            _current.reset(token)
        simulation.closed(record)
        return answer
