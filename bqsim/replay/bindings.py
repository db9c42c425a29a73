"""What symbols of a cassette stand for in this replay, and which symbols texts of a request are."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Mapping
from typing import Any

from bqsim.record.model import Operation
from bqsim.record.symbols import Symbol, escaped, rendered

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\-]*")
# Identities that every use of an operation has anew; the others are the same for all uses.
_OF_USE = frozenset({"job", "page", "upload", "session", "stream", "sqlsession", "table", "request", "insert"})
# Only texts that nothing else is by chance lead back to symbols.
_SHORTEST = 8


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
    ``${name:orders}``), ``recorded`` what they were. Generated values are made of the operation's name and the
    number of its use: every replay has the same.
    """

    def __init__(
        self,
        project: str,
        names: Mapping[str, str] | None = None,
        recorded: Mapping[str, str] | None = None,
        host: str = "",
    ) -> None:
        self.project, self.host = project, host
        self.names = {**(recorded or {}), **(names or {})}
        self._lock = threading.RLock()
        self._plays: dict[tuple[int, str], Play] = {}
        self._origins: dict[int, int] = {}
        self._symbols: dict[str, str] = {}
        self._projects: set[str] = {project}
        self._given: re.Pattern[str] | None = None
        self._given_symbols: dict[str, str] = {}
        self._find_given()

    def _find_given(self) -> None:
        """The texts that are symbols of the whole cassette."""
        found = {name: f"${{name:{which}}}" for which, name in self.names.items() if name}
        found.update({name: "${project}" for name in self._projects if name})
        self._given_symbols = found
        texts = sorted(found, key=len, reverse=True)
        pattern = "|".join(map(re.escape, texts))
        self._given = re.compile(rf"(?<![\w\-])(?:{pattern})(?![\w\-])") if texts else None

    def own(self, operation: Operation, cassette: int) -> None:
        """Keep which cassette an operation is of; the caller keeps the operation."""
        self._origins[id(operation)] = cassette

    def also_project(self, project: str) -> None:
        """Take another name for the project of the calls, as clients use it."""
        with self._lock:
            if project not in self._projects:
                self._projects.add(project)
                self._find_given()

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
                found = self._plays[cassette, other.name] = Play(cassette, other, 1, 0)
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
        """What a symbol stands for in a use of the operation that it is in."""
        kind, which = symbol.kind, symbol.which
        if kind == "project":
            return self.project
        if kind == "name":
            return self.names.get(which, which)
        if kind == "host":
            return self.host
        if symbol.of and symbol.of != play.operation.name:
            play = self.play_of(play.operation, symbol.of)
        found = play.values.get((kind, which))
        if found is None:
            found = self._made(kind, which, play)
            if kind not in ("time", "measure"):
                with self._lock:
                    found = play.values.setdefault((kind, which), found)
                    self._keep(play, kind, which, found)
        return found

    def rendered(self, value: Any, play: Play) -> Any:
        """``value`` (JSON) of an operation with what its symbols stand for in a use of it."""
        return rendered(value, lambda symbol: self.of(symbol, play))

    def _keep(self, play: Play, kind: str, which: str, value: str) -> None:
        if len(value) >= _SHORTEST and kind not in ("etag", "time", "measure", "generation"):
            name = f":{which}" if which else ""
            self._symbols[value] = f"${{{kind}{name}@{play.operation.name}}}"

    def _made(self, kind: str, which: str, play: Play) -> str:
        name = play.operation.name
        if kind == "time":
            return time_text(play, which)
        if kind == "measure":
            value = values_of(play.operation).get(which, 0)
            return str(value)
        number = play.number if kind in _OF_USE else 1
        digest = hashlib.blake2b(f"{play.cassette}/{name}/{number}/{kind}/{which}".encode(), digest_size=20)
        text = digest.hexdigest()
        if kind == "job":
            return f"job_{_letters(digest)}"
        if kind == "etag":
            return base64.b64encode(digest.digest()[:16]).decode()
        if kind in ("number", "generation"):
            return str(10**11 + int(text[:10], 16) % (9 * 10**11))
        if kind == "table":
            return f"anon{text}"
        if kind == "dataset":
            return f"_{text}"
        if kind == "request":
            return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"
        return _letters(digest)

    # From texts to symbols

    def symbolised(self, value: Any) -> Any:
        """``value`` (JSON of a request) with symbols in place of identities that this replay knows."""
        if isinstance(value, str):
            return self._symbolised(value)
        if isinstance(value, dict):
            return {self._symbolised(name): self.symbolised(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.symbolised(item) for item in value]
        return value

    def _symbolised(self, text: str) -> str:
        text = escaped(text)
        if self._given is not None:
            text = self._given.sub(lambda m: self._given_symbols[m[0]], text)
        if self._symbols and len(text) >= _SHORTEST:
            text = _WORD.sub(lambda m: self._symbols.get(m[0], m[0]), text)
        return text


def _letters(digest: Any) -> str:
    return base64.b32encode(digest.digest()).decode().rstrip("=").lower()


def values_of(operation: Operation) -> Mapping[str, Any]:
    """The figures of an operation that stand as symbols in it."""
    values = operation.measures.get("values")
    return values if isinstance(values, Mapping) else {}


def time_text(play: Play, which: str) -> str:
    """A time that the service told: milliseconds since the epoch. What was recorded are seconds since the
    operation began."""
    value = values_of(play.operation).get(which, 0)
    seconds = float(value) if isinstance(value, (int, float)) else 0.0
    return str((play.start_us + round(seconds * 1_000_000)) // 1000)
