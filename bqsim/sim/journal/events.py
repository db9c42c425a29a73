"""What the journal holds: calls, moves of jobs, acts of control, and what writes truly did."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

NOTHING: Mapping[str, Any] = {}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decision:
    """What shaped an answer: a rule, a limit, a latency model or a recording, and its effect.

    ``source`` is where the rule came from (``"slow.yaml:12"``, ``"python"``); ``draw`` the number in
    [0, 1) that decided; ``quota`` the limit's name; ``recording`` the exchange that was played back;
    ``why`` says in words what the counters said.
    """

    rule: str = ""
    effect: str = ""
    source: str = ""
    draw: float | None = None
    quota: str = ""
    latency_s: float | None = None
    recording: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended, as the client saw it.

    ``reason`` is a BigQuery reason, ``status`` a canonical gRPC status name, ``network`` the kind of a
    network fault; all are empty when the call succeeded. ``http`` is 0 where no HTTP status was sent.
    ``retry_delay_s`` is the RetryInfo of a gRPC status.
    """

    reason: str = ""
    status: str = ""
    http: int = 0
    network: str = ""
    message: str = ""
    storage_code: str = ""
    retry_delay_s: float | None = None

    @property
    def ok(self) -> bool:
        return not self.network and not self.reason and self.status in ("", "OK") and self.http < 400

    @property
    def kind(self) -> str:
        """``ok``, ``error`` (with a reason), ``status`` (HTTP or gRPC, without one) or ``network``."""
        if self.ok:
            return "ok"
        return "network" if self.network else "error" if self.reason else "status"

    @property
    def text(self) -> str:
        """A short name: ``ok``, ``503 backendError``, ``UNAVAILABLE``, ``network fault reset``."""
        if self.network:
            return f"network fault {self.network}"
        shown = [str(self.http) if self.http >= 300 else "", self.reason or self.status]
        return " ".join(part for part in shown if part) if not self.ok else "ok"


OK = Outcome()


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One API call. ``time_us`` is when it came; ``id`` is what ``x-bqsim-explain`` told the client.

    ``fingerprint`` is what attempts at the same request share, ``occurrence`` the number of the call
    among those with its fingerprint and resource (from 1; 0 where nobody counted), ``attempt`` the
    retry as the client or a retry test numbers it. ``scope`` keeps tests on one server apart.
    ``facts`` are what services tell about the request: ``sql``, ``job_type``, ``rows``, …
    """

    id: str
    time_us: int
    transport: str
    method: str
    resource: str = ""
    caller: str = ""
    fingerprint: str = ""
    occurrence: int = 0
    attempt: int = 1
    request_id: str = ""
    job_id: str = ""
    client: str = ""
    scope: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome = OK
    duration_us: int = 0
    decisions: tuple[Decision, ...] = ()

    @property
    def end_us(self) -> int:
        return self.time_us + self.duration_us


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A job went from one state to another (``before`` is empty when it was created).

    ``reason`` and ``message`` are those of its ``errorResult``.
    """

    time_us: int
    job_id: str
    project: str = ""
    location: str = ""
    before: str = ""
    after: str = ""
    reason: str = ""
    message: str = ""
    fingerprint: str = ""
    scope: str = ""
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """Somebody changed the simulation: a rule was added, the clock advanced. ``source`` tells who."""

    time_us: int
    action: str
    source: str = ""
    scope: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What one attempt at a write truly did, and what its client was told.

    ``write`` names what the client meant to write: the same for all attempts (a fingerprint, or a
    stream with an offset). ``deduplicated``: the service saw that the write had been done before.
    """

    time_us: int
    call_id: str
    method: str
    resource: str
    write: str
    applied: bool
    acknowledged: bool
    deduplicated: bool = False
    rows: int = 0
    scope: str = ""


Event = CallEvent | JobEvent | ControlEvent | LedgerEntry

KINDS: Mapping[str, type[CallEvent] | type[JobEvent] | type[ControlEvent] | type[LedgerEntry]] = {
    "call": CallEvent,
    "job": JobEvent,
    "control": ControlEvent,
    "ledger": LedgerEntry,
}
_NAMES = {cls: name for name, cls in KINDS.items()}


def explain_id(seed: int, method: str, resource: str, fingerprint: str, occurrence: int) -> str:
    """16 hex digits that name a call: the same in every run with the same seed and requests."""
    text = f"{seed}\0{method}\0{resource}\0{fingerprint}\0{occurrence}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def to_json(event: Event) -> dict[str, Any]:
    """``event`` as JSON: its ``kind`` first, and no members that have their defaults."""
    return {"kind": _NAMES[type(event)], **members(event)}


def members(value: Any) -> dict[str, Any]:
    """The members of an event, a decision or an outcome that differ from their defaults."""
    shown = {}
    for f in fields(value):
        item = getattr(value, f.name)
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        if item != default:
            shown[f.name] = _plain(item)
    return shown


def from_json(members: Mapping[str, Any]) -> Event:
    """The event that :func:`to_json` wrote. Raises ``ValueError`` for what is none."""
    given = dict(members)
    cls = KINDS.get(str(given.pop("kind", "")))
    if cls is None:
        raise ValueError(f"an event of the journal has a kind, one of {', '.join(KINDS)}")
    if "decisions" in given:
        given["decisions"] = tuple(_made(Decision, d) for d in given["decisions"])
    if "outcome" in given:
        given["outcome"] = _made(Outcome, given["outcome"])
    return _made(cls, given)


def _made(cls: type[T], given: Mapping[str, Any]) -> T:
    try:
        return cls(**given)
    except TypeError:
        name = cls.__name__
        raise ValueError(f"these are not the members of a {name}: {', '.join(given)}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Decision | Outcome):
        return members(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
