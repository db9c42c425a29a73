"""What symbols of a cassette stand for in this replay, and which symbols texts of a request are."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import threading
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from bqsim.record.fold.identities import TOKEN, Identities, Identity, Symboliser, random_part
from bqsim.record.model import Operation
from bqsim.record.symbols import Symbol, parsed
from bqsim.sim.clock import Clock

# Identities that every use of an operation has anew; the others are the same for all uses.
_OF_USE = frozenset(
    {"job", "page", "upload", "session", "stream", "sqlsession", "table", "request", "insert"}
)
# What is told by no name: it leads to no symbol when a client sends it.
_UNNAMED = frozenset({"time", "measure", "number", "page"})
JSON_VALUE = ".json"


class Play:
    """One use of an operation: ``number`` counts its uses from 1. ``values`` are its identities by kind and
    which; ``start_us`` is when the operation began on the clock of the replay."""

    __slots__ = ("cassette", "number", "operation", "start_us", "values")

    def __init__(self, cassette: int, operation: Operation, number: int, start_us: int) -> None:
        self.cassette, self.operation, self.number, self.start_us = cassette, operation, number, start_us
        self.values: dict[tuple[str, str], str] = {}


class Bindings:
    """Identities of a replay. Thread-safe.

    ``names`` are what the user calls the names of the cassette (``{"orders": "orders_ci"}`` for
    ``${name:orders}``), ``recorded`` what they were. Generated values are made of the operation's name and
    the number of its use: every replay has the same.
    """

    def __init__(
        self,
        project: str,
        clock: Clock,
        names: Mapping[str, str] | None = None,
        recorded: Mapping[str, str] | None = None,
        host: str = "",
    ) -> None:
        self.project, self.host = project, host
        self.names = {**(recorded or {}), **(names or {})}
        self._clock = clock
        self._began_us = clock.now_us()
        self._lock = threading.RLock()
        self._plays: dict[tuple[int, str], Play] = {}
        self._origins: dict[int, int] = {}
        self._of_jobs: dict[str, Identity] = {}
        self._identities = Identities(clock.now_us(), project)
        self._identities.names.update(
            {text: f"${{name:{name}}}" for name, text in self.names.items() if text}
        )

    def rename(self, project: str) -> None:
        """The project of the calls is called so."""
        self.project = self._identities.project = project

    def own(self, operation: Operation, cassette: int) -> None:
        """Keep which cassette an operation is of; the caller keeps the operation."""
        self._origins[id(operation)] = cassette

    # From symbols to texts

    def begin(self, operation: Operation, number: int, start_us: int) -> Play:
        """Begin a use of an operation; its identities are made anew."""
        cassette = self._origins.get(id(operation), 0)
        play = Play(cassette, operation, number, start_us)
        with self._lock:
            self._plays[cassette, operation.name] = play
        return play

    def play_of(self, operation: Operation, name: str = "") -> Play:
        """The last use of an operation, or of the one that is called ``name`` in its cassette."""
        cassette = self._origins.get(id(operation), 0)
        with self._lock:
            found = self._plays.get((cassette, name or operation.name))
            if found is None:
                other = operation
                if name and name != operation.name:
                    key, _, occurrence = name.partition(".")
                    other = Operation("other", key, int(occurrence or 1), {}, {})
                found = Play(cassette, other, 1, self._clock.now_us())
                self._plays[cassette, other.name] = found
            return found

    def bind(self, symbol: Symbol, operation: Operation) -> str:
        """What a symbol in ``operation`` stands for."""
        return self.of(symbol, self.play_of(operation))

    def rebind(self, symbol: Symbol, operation: Operation, value: str) -> None:
        """Let a symbol stand for ``value`` from now on: a name that the client has chosen."""
        self.put(self.play_of(operation, symbol.of), symbol.kind, symbol.which, value)

    def put(self, play: Play, kind: str, which: str, value: str) -> None:
        """Let an identity of a use be ``value``."""
        with self._lock:
            play.values[kind, which] = value
            self._keep(play, kind, which, value)

    def of(self, symbol: Symbol, play: Play) -> str:
        """What a symbol stands for in a use of the operation that it is in, as text."""
        found = self._value(symbol, play)
        return found if isinstance(found, str) else str(found)

    def _value(self, symbol: Symbol, play: Play) -> Any:
        kind, which = symbol.kind, symbol.which
        if kind == "project":
            return self.project
        if kind == "name":
            return self.names.get(which, which)
        if kind == "host":
            return self.host
        if symbol.of and symbol.of != play.operation.name:
            play = self.play_of(play.operation, symbol.of)
        if kind == "time":
            return _time(play, which, self._began_us)
        if kind == "measure":
            return values_of(play.operation).get(which, 0 if which.endswith(JSON_VALUE) else "0")
        found = play.values.get((kind, which))
        if found is None:
            with self._lock:
                found = play.values.setdefault((kind, which), self._made(kind, which, play))
                self._keep(play, kind, which, found)
        return found

    def job_of(self, play: Play) -> str:
        """The id of the job of a use that was begun just now: what ``${job}`` stands for."""
        name = play.operation.name
        identity = self._of_jobs.get(name)
        if identity is None:
            # It tells of the operation, not of the use: all its jobs share it.
            identity = self._of_jobs[name] = Identity(_group(name), "job")
        made = play.values["job", ""] = self._made("job", "", play)
        self._identities.known[made] = identity
        return made

    def rendered(self, value: Any, play: Play) -> Any:
        """``value`` (JSON) of an operation with what its symbols stand for in a use of it."""
        if isinstance(value, str):
            return self._rendered(value, play) if "${" in value else value
        if isinstance(value, dict):
            return {
                (self._rendered(name, play) if "${" in name else name): self.rendered(item, play)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self.rendered(item, play) for item in value]
        return value

    def _rendered(self, text: str, play: Play) -> Any:
        parts = parsed(text)
        if len(parts) == 1:
            only = parts[0]
            # Times and figures that are numbers in JSON, or whole lists, say so by their names.
            return self._value(only, play) if isinstance(only, Symbol) else only
        return "".join(part if isinstance(part, str) else self.of(part, play) for part in parts)

    def _keep(self, play: Play, kind: str, which: str, value: str) -> None:
        name = play.operation.name
        if kind == "etag":
            self._identities.etags.setdefault(value, []).append(_group(name))
        elif kind == "dataset":
            self._identities.hidden.add(value)
        elif kind not in _UNNAMED and TOKEN.fullmatch(value):
            self._identities.known[value] = Identity(_group(name), kind, which)

    def _made(self, kind: str, which: str, play: Play) -> str:
        name = play.operation.name
        if kind == "etag":
            return _etag(play, which)
        if kind == "dataset":
            # The hidden dataset of all anonymous results.
            return "_" + hashlib.blake2b(self.project.encode(), digest_size=20).hexdigest()
        number = play.number if kind in _OF_USE else 1
        digest = hashlib.blake2b(f"{play.cassette}/{name}/{number}/{kind}/{which}".encode(), digest_size=20)
        text = digest.hexdigest()
        if kind == "job":
            return f"job_{text}"
        if kind in ("number", "generation"):
            return str(10**11 + int(text[:10], 16) % (9 * 10**11))
        if kind == "table":
            return f"anon{text}"
        if kind == "request":
            return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"
        return _letters(digest.digest())

    # From texts to symbols

    def symbolised(self, request: dict[str, Any], project: str = "") -> dict[str, Any]:
        """A request (JSON) as cassettes have it: with symbols in place of identities that this replay knows.
        ``project`` is what the client calls the project of its calls."""
        identities = self._identities
        if project and project != identities.project:
            identities = Identities(
                identities.began_us, project, identities.known, identities.names, identities.hidden,
                identities.etags,
            )  # fmt: skip
        named: dict[str, Any] = _named(Symboliser(identities, _group(""), 0.0).request(request))
        return named

    def with_random(self, request: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """``request``, written with symbols, with symbols also for parts of names that look as if they were
        made anew in every run; and by these names the ``which`` of their symbols."""
        found: dict[str, tuple[str, str, str]] = {}
        now_us = self._clock.now_us()

        def replaced(text: str) -> str:
            pieces: list[str] = []
            at = 0
            for token in TOKEN.finditer(text):
                word = token.group()
                if word not in found:
                    span = random_part(word, now_us)
                    if span is None:
                        continue
                    which = str(len(found) + 1) if found else ""
                    found[word] = (word[: span[0]], which, word[span[1] :])
                before, which, after = found[word]
                symbol = Symbol("random", which)
                pieces += (text[at : token.start()], f"{before}{symbol}{after}")
                at = token.end()
            return "".join(pieces) + text[at:]

        def walked(value: Any) -> Any:
            if isinstance(value, str):
                parts = [p if isinstance(p, Symbol) else replaced(p) for p in parsed(value)]
                return "".join(map(str, parts)) if "${" in value else replaced(value)
            if isinstance(value, dict):
                return {name: walked(item) for name, item in value.items()}
            return [walked(item) for item in value] if isinstance(value, list) else value

        changed = walked(request)
        return changed, {word: which for word, (_, which, _) in found.items()}

    def take_random(self, play: Play, words: Mapping[str, str]) -> None:
        """Let the random parts of names that a request made be what they are in it: ``words`` has by each
        name the ``which`` of its symbol."""
        with self._lock:
            for word, which in words.items():
                span = random_part(word, self._clock.now_us())
                if span is None:
                    continue
                play.values["random", which] = word[span[0] : span[1]]
                self._identities.known[word] = Identity(
                    _group(play.operation.name), "random", which, word[: span[0]], word[span[1] :]
                )


def _group(name: str) -> Any:
    """An operation's name where folding has the number of a group."""
    return name


def _named(value: Any) -> Any:
    """Symbols by the names of operations: folding marks its groups."""
    if isinstance(value, str):
        return value.replace("@#", "@") if "@#" in value else value
    if isinstance(value, dict):
        return {_named(name): _named(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_named(item) for item in value]
    return value


def _letters(digest: bytes) -> str:
    return base64.b32encode(digest).decode().rstrip("=").lower()


def _etag(play: Play, which: str) -> str:
    """An etag: the same wherever the same version of a resource is told."""
    operation = play.operation
    text = f"{play.cassette}/{operation.name}/{which}"
    if operation.kind == "metadata" and not which:
        names = operation.changes or tuple(operation.order)
        if names:
            name = max(names, key=lambda n: (n.startswith("table:"), len(n)))
            version = operation.order.get(name, 0) + (name in operation.changes)
            text = f"{name}/{version}"
    return base64.b64encode(hashlib.blake2b(text.encode(), digest_size=16).digest()).decode()


def values_of(operation: Operation) -> Mapping[str, Any]:
    """The figures of an operation that stand as symbols in it."""
    values = operation.measures.get("values")
    return values if isinstance(values, Mapping) else {}


_JOBS = frozenset({"query", "load", "extract", "copy"})
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _time(play: Play, which: str, began_us: int) -> Any:
    """A time that the service told, by the unit at the end of its symbol's ``which``. What was recorded are
    seconds since the operation began. Jobs begin when they are played; what is told of a resource counts from
    the beginning of the replay, so that it is the same whenever it is asked for."""
    value = values_of(play.operation).get(which, 0)
    seconds = float(value) if isinstance(value, (int, float)) else 0.0
    start_us = play.start_us
    if play.operation.kind not in _JOBS:
        at = play.operation.measures.get("at") or {}
        start_us = began_us + round(float(at.get("start_s") or 0.0) * 1_000_000)
    at_us = start_us + round(seconds * 1_000_000)
    name = which.removesuffix(JSON_VALUE)
    unit = name.rpartition(".")[2]
    per_second = _PER_SECOND.get(unit)
    if per_second is not None or not unit.startswith(("iso", "http")):
        number = at_us * (per_second or 1000) // 1_000_000
        return number if which.endswith(JSON_VALUE) else str(number)
    if unit == "http":
        return formatdate(at_us // 1_000_000, usegmt=True)
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=at_us)
    places = {"iso": "seconds", "iso3": "milliseconds"}.get(unit, "microseconds")
    return moment.isoformat(timespec=places) + "Z"
