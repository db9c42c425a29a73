"""From exchanges to operations."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, overload

from bqsim.record.keys import key_of, operation_key
from bqsim.record.model import GRPC, Exchange, Operation, blob_reference
from bqsim.record.routes import DISCOVERY

from .appends import made_append
from .calls import made_call
from .grouping import JOB_KINDS, Group, Grouping
from .identities import Identities, Symboliser, names_of
from .jobs import made_job
from .made import Made
from .ordering import Touch, arrange
from .rows import Keep
from .views import Source, View

_PROJECT = re.compile(r"projects/([A-Za-z0-9.\-]+(?::[A-Za-z0-9\-]+)?)")
# Of messages so much is looked at for the project.
_LOOKED_AT = 4096
_OF_GROUP = re.compile(r"@#(\d+)\}")
_OF_ANY = re.compile(r"@(?:#\d+|[0-9a-f]{16}\.\d+)\}")


def fold(
    exchanges: Sequence[Exchange],
    *,
    keep: Keep | None = None,
    began_us: int = 0,
    names: Mapping[str, str] | None = None,
) -> Operations:
    """The operations that exchanges make up, in the order of a cassette's file.

    Deterministic, and never raises, whatever the exchanges hold. ``keep`` takes large values (bytes, media
    type, preview) and gives the reference to them; without it they are dropped. ``began_us`` is when the
    recording began, ``names`` are the user's (:class:`bqsim.record.recorder.Recorder`).
    """
    return _Folding(exchanges, keep or _dropped, began_us, names or {}).operations()


def _dropped(data: bytes, media: str, preview: list[str]) -> dict[str, Any]:
    return blob_reference(hashlib.sha256(data).hexdigest(), len(data), media, preview)


_POLLS = frozenset(("bigquery.jobs.get", "bigquery.jobs.getQueryResults"))


@dataclass(frozen=True, slots=True)
class About:
    """The project of most calls, what clients told of themselves, and the newest revision of the API whose
    discovery document passed ('' for none)."""

    project: str
    clients: list[str]
    revision: str


class Operations(Sequence[Operation]):
    """Operations that lie on disk until they are asked for. ``about`` tells of all calls: their project, the
    clients, and the API's revision."""

    def __init__(
        self,
        file: BinaryIO,
        places: list[tuple[int, int]],
        named: list[_Named],
        about: About,
    ) -> None:
        self._file, self._places, self._named = file, places, named
        self.project, self.clients, self.revision = about.project, about.clients, about.revision
        self._names: dict[int, str] = {}
        for one in named:
            for group in one.groups:
                self._names[group] = f"{one.key}.{one.occurrence}"

    def __len__(self) -> int:
        return len(self._named)

    @overload
    def __getitem__(self, index: int) -> Operation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Operation]: ...
    def __getitem__(self, index: int | slice) -> Operation | list[Operation]:
        if isinstance(index, slice):
            return [self._read(one) for one in self._named[index]]
        return self._read(self._named[index])

    def __iter__(self) -> Iterator[Operation]:
        return (self._read(one) for one in self._named)

    def _read(self, one: _Named) -> Operation:
        at, size = self._places[one.place]
        self._file.seek(at)
        text = zlib.decompress(self._file.read(size)).decode("utf-8", "surrogatepass")
        members = json.loads(_OF_GROUP.sub(self._of, text))
        measures = {**members["measures"], "numbers": sorted(set(one.numbers))}
        if one.calls:
            measures["at"] = {**measures["at"], "calls": one.calls}
        return Operation(
            members["kind"],
            one.key,
            one.occurrence,
            members["request"],
            members["result"],
            {members["resources"].get(n, n): v for n, v in sorted(one.order.items())},
            tuple(sorted(members["resources"].get(name, name) for name in one.changes)),
            members["exchanges"],
            measures,
        )

    def _of(self, found: re.Match[str]) -> str:
        name = self._names.get(int(found[1]))
        return f"@{name}}}" if name else "}"


class _Named:
    """An operation's name, and the groups that it stands for."""

    __slots__ = ("calls", "changes", "groups", "key", "numbers", "occurrence", "order", "place")

    def __init__(self, touch: Touch, place: int, numbers: list[int], calls: list[float]) -> None:
        self.key, self.occurrence, self.place = touch.key, touch.occurrence, place
        self.order = touch.order
        self.changes = tuple({*touch.changes, *touch.adds})
        self.groups = [place]
        # Of all calls that it took.
        self.numbers = list(numbers)
        # What each of them took that was answered.
        self.calls = list(calls)


class _Folding:
    def __init__(
        self, exchanges: Sequence[Exchange], keep: Keep, began_us: int, names: Mapping[str, str]
    ) -> None:
        self.source = Source(exchanges)
        self.keep = keep
        self.about = _about(self.source)
        self.identities = Identities(began_us, self.about.project, names=names_of(names))
        self.grouping = Grouping(self.source, self.identities)
        self.file: Any = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the operations
        self.places: list[tuple[int, int]] = []
        self.numbers: list[list[int]] = []
        self.calls: list[list[float]] = []

    def operations(self) -> Operations:
        touches = [self._touch(group) for group in self.grouping.groups]
        order = arrange(touches)
        named = {
            number: _Named(touches[number], number, self.numbers[number], self.calls[number])
            for number in order
        }
        for number, touch in enumerate(touches):
            if touch.same >= 0:
                named[touch.same].groups.append(number)
                named[touch.same].numbers += self.numbers[number]
                named[touch.same].calls += self.calls[number]
        return Operations(
            self.file,
            self.places,
            [named[number] for number in order],
            self.about,
        )

    def _touch(self, group: Group) -> Touch:
        """Make the operation of a group and put it on disk; what of it matters for its place."""
        units = sorted((*group.units, *group.also))
        views = [self.source.view(*unit) for unit in units]
        own = set(group.units)
        self.numbers.append([v.exchange.number for v, unit in zip(views, units, strict=True) if unit in own])
        self.calls.append(_calls(group, views))
        made = _made(group, views, self.keep)
        symbols = Symboliser(self.identities, group.number, group.started_s)
        request = symbols.request(made.request)
        result = symbols.result(made.result)
        touched = sorted({*made.reads, *made.changes, *made.adds})
        resources = {name: symbols.resource(name) for name in touched}
        exchanges = symbols.request(_exchanges(views))
        values = {**symbols.values, **symbols.figures(made.measures)}
        members = {
            "kind": made.kind,
            "request": request,
            "result": result,
            "exchanges": exchanges,
            "resources": resources,
            "measures": self._measures(group, views, made, values),
        }
        text = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
        packed = zlib.compress(text.encode("utf-8", "surrogatepass"), 1)
        self.places.append((self.file.tell(), len(packed)))
        self.file.write(packed)
        told = json.dumps([made.kind, request, result, exchanges], sort_keys=True)
        needs = {int(number) for number in _OF_GROUP.findall(told)}
        plain = json.loads(_OF_ANY.sub("}", json.dumps(request)))
        return Touch(
            made.kind,
            _key(made.kind, plain),
            hashlib.blake2b(_OF_GROUP.sub("@}", told).encode(), digest_size=16).digest(),
            group.started_s,
            made.done_s or group.ended_s,
            tuple(sorted(made.reads)),
            tuple(sorted(made.changes)),
            tuple(sorted(made.adds)),
            made.repeatable,
            tuple(sorted(number for number in needs if number < group.number)),
        )

    def _measures(
        self, group: Group, views: list[View], made: Made, values: dict[str, Any]
    ) -> dict[str, Any]:
        first = views[0].exchange
        began = group.started_s
        at: dict[str, Any] = {
            "began_us": self.identities.began_us,
            "start_s": _round(began),
            "first_byte_s": _round(max(0.0, first.first_byte_s - began)) if first.first_byte_s else 0.0,
            "end_s": _round(group.ended_s - began),
            **made.at,
        }
        if made.done_s:
            at["done_s"] = _round(made.done_s - began)
        created, started, ended = (_told(values, name) for name in ("creationTime", "startTime", "endTime"))
        if created is not None and started is not None:
            at["queue_s"] = _round(max(0.0, started - created))
        if started is not None and ended is not None:
            at["run_s"] = _round(max(0.0, ended - started))
        at["pages"] = [
            _round(view.ended_s - view.started_s) for view in views if view.method != "bigquery.jobs.insert"
        ]
        acks = _acks(views)
        if acks:
            at["acks"] = acks
        return {
            "at": at,
            "values": values,
            "project": self.identities.project,
        }


def _key(kind: str, request: dict[str, Any]) -> str:
    """The key of a request; of one that has not the shape of its kind by its JSON."""
    try:
        return operation_key(kind, request)
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError):
        return key_of(kind, request)


def _made(group: Group, views: list[View], keep: Keep) -> Made:
    if group.kind in JOB_KINDS:
        return made_job(group, views, keep)
    if group.kind == "append":
        return made_append(group, views, keep)
    return made_call(group, views, keep)


def _exchanges(views: list[View]) -> list[dict[str, Any]]:
    """The calls of an operation, each kind of call once, without polls that were answered: whether and how
    often clients ask depends on the moment."""
    found: dict[str, dict[str, Any]] = {}
    for view in views:
        if view.method in _POLLS and len(views) > 1 and not view.retryable:
            continue
        exchange = view.exchange
        told: dict[str, Any] = {"method": view.method or f"{exchange.verb} {exchange.target}"}
        told.update({"code": exchange.code} if view.grpc else {"status": exchange.status})
        if exchange.broken and not view.ok:
            told["broken"] = exchange.broken
        found.setdefault(json.dumps(told, sort_keys=True), told)
    return [found[name] for name in sorted(found)]


def _calls(group: Group, views: list[View]) -> list[float]:
    """What each call took, in seconds, of operations that are one call or the pages of one list. An upload is
    one, however many pieces it has. Calls that were made again after a failure do not count with it."""
    if group.kind not in ("metadata", "object", "insert") or not views:
        return []
    if "upload" in views[0].exchange.target:
        return [_round(group.ended_s - group.started_s)]
    counting = [view for view in views if view.ok] or views[-1:]
    return [_round(view.ended_s - view.started_s) for view in counting]


def _acks(views: list[View]) -> list[float]:
    """When each answer of appends came, in seconds since its request."""
    out = []
    for view in views:
        if view.method.endswith(".AppendRows"):
            pairs = zip(view.exchange.request.parts, view.exchange.response.parts, strict=False)
            out += [_round(max(0.0, told.at_s - asked.at_s)) for asked, told in pairs]
    return out


def _told(values: Mapping[str, Any], member: str) -> float | None:
    """A time of the job's statistics."""
    for unit in ("ms", "us"):
        for place in ("job.statistics", "answer"):
            value = values.get(f"{place}.{member}.{unit}")
            if isinstance(value, (int, float)):
                return float(value)
    return None


def _round(value: float) -> float:
    return round(value, 6)


def _about(source: Source) -> About:
    counts: Counter[str] = Counter()
    clients: set[str] = set()
    revision = ""
    for index in range(len(source)):
        for exchange in source.calls(index):
            clients.update(
                value for name, value in exchange.request_headers if name == "user-agent" and value
            )
            if exchange.transport == GRPC:
                parts = exchange.request.parts
                message = parts[0].data[:_LOOKED_AT].decode("utf-8", "replace") if parts else ""
                found = _PROJECT.search(message)
            else:
                found = _PROJECT.search(exchange.resource or exchange.target)
            if found:
                counts[found[1]] += 1
            if exchange.method == DISCOVERY:
                revision = max(revision, _revision(View(exchange)))
    best = max(counts.values(), default=0)
    project = min((name for name, count in counts.items() if count == best), default="")
    return About(project, sorted(clients), revision)


def _revision(view: View) -> str:
    """The revision in a discovery document of BigQuery; '' for what is none."""
    told = view.answer if view.ok and isinstance(view.answer, dict) else {}
    revision = told.get("revision") if told.get("name") == "bigquery" else ""
    return revision if isinstance(revision, str) else ""
