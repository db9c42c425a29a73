"""Seeded draws: the only source of chance and of generated ids.

A draw is keyed by (seed, purpose, occurrence): the n-th draw of a purpose is the same in every run
with the same seed, whatever other purposes draw in between. Where the caller knows which draw it wants
(rule, request fingerprint, occurrence), :meth:`Draws.keyed` gives it without any counter. Within a
:class:`Turn` draws count by that alone: what other threads do meanwhile does not change them.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import struct
import threading
from collections.abc import Iterator, Mapping
from contextvars import ContextVar, Token
from functools import lru_cache, partial

_EIGHT = struct.Struct("<8Q").unpack
_STREAMS_KEPT = 4096


class Stream:
    """The draws of one rule under one seed: a pure function of (fingerprint, occurrence), for any thread."""

    __slots__ = ("_key", "_state")

    def __init__(self, seed: int, rule: str) -> None:
        self._key = hashlib.blake2b(f"{seed}/{rule}".encode()).digest()
        self._state = hashlib.blake2b(self._key)

    def uniforms(self, fingerprint: str = "", occurrence: int = 0) -> Uniforms:
        return Uniforms(self, fingerprint, occurrence)

    def block(self, fingerprint: str, occurrence: int, number: int) -> tuple[int, ...]:
        """Eight random 64-bit numbers: block ``number`` of one key."""
        state = self._state.copy()
        state.update(f"{occurrence}.{number}/{fingerprint}".encode())
        return _EIGHT(state.digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _stream(seed: int, scopes: Mapping[str, int], rule: str) -> Stream:
    """The draws of a rule, by the seed of its scope (``rule@scope``) if that has one."""
    name, _, rest = rule.rpartition("@")
    scope, slash, part = rest.partition("/")
    own = scopes.get(scope) if name else None
    return Stream(seed, rule) if own is None else Stream(own, f"{name}{slash}{part}")


class Uniforms:
    """The independent uniforms of one key, taken one after another; any number of them.

    Values lie strictly between 0 and 1, so that every inverse distribution function is finite at them.
    """

    __slots__ = ("_taken", "_values", "fingerprint", "occurrence", "stream")

    def __init__(self, stream: Stream, fingerprint: str, occurrence: int) -> None:
        self.stream = stream
        self.fingerprint = fingerprint
        self.occurrence = occurrence
        self._taken = 0
        self._values: tuple[int, ...] = ()

    def take(self) -> float:
        """The next uniform of this key."""
        n = self._taken
        self._taken = n + 1
        if not n & 7:
            self._values = self.stream.block(self.fingerprint, self.occurrence, n >> 3)
        return ((self._values[n & 7] >> 12) + 0.5) * 2.0**-52


class Turn:
    """Whose draws of one simulation these are: a call, or a job, by a key that is the same in every run."""

    __slots__ = ("drawn", "draws", "key")

    def __init__(self, draws: Draws, key: str) -> None:
        self.draws = draws
        self.key = key
        self.drawn: dict[str, int] = {}

    def of(self, part: str) -> Turn:
        """The turn of a part of this one, which goes on by itself."""
        return Turn(self.draws, f"{self.key}/{part}")


_turn: ContextVar[Turn | None] = ContextVar("bqsim_turn", default=None)


def turn() -> Turn | None:
    """Whose turn it is here; None where draws count in the order in which they come."""
    return _turn.get()


def begin_turn(turn: Turn | None) -> Token[Turn | None]:
    """Let draws here be those of ``turn``."""
    return _turn.set(turn)


def end_turn(token: Token[Turn | None]) -> None:
    _turn.reset(token)


class Draws:
    """``seed=None`` takes a fresh seed; read it from ``.seed`` to repeat the run."""

    def __init__(self, seed: int | None = None) -> None:
        self._lock = threading.RLock()
        self._times = 0
        self._scopes: dict[str, int] = {}
        self.reseed(secrets.randbits(63) if seed is None else seed)

    def reseed(self, seed: int) -> None:
        """Begin anew with another seed, or with the same. What is named already stays unique: ids are others
        than those of the time before."""
        with self._lock:
            self._times += 1
            self.seed = seed
            self._counters: dict[str, Iterator[int]] = {}
            self._streams = lru_cache(_STREAMS_KEPT)(partial(_stream, seed, {**self._scopes}))

    def reseed_scope(self, scope: str, seed: int | None) -> None:
        """Let the rules of a scope draw from a seed of their own, as if they were those of a simulator with
        that seed; None lets them draw from the seed of all again."""
        with self._lock:
            if self._scopes.get(scope) == seed:
                return
            if seed is None:
                del self._scopes[scope]
            else:
                self._scopes[scope] = seed
            self._streams = lru_cache(_STREAMS_KEPT)(partial(_stream, self.seed, {**self._scopes}))

    def stream(self, rule: str) -> Stream:
        """The keyed draws of a rule; other rules never shift them."""
        return self._streams(rule)

    def keyed(self, rule: str, fingerprint: str = "", occurrence: int = 0) -> Uniforms:
        """The uniforms of one key, the same in any order, thread and run of this seed."""
        return Uniforms(self._streams(rule), fingerprint, occurrence)

    def _digest(self, purpose: str) -> bytes:
        turn = _turn.get()
        if turn is not None and turn.draws is self:
            with self._lock:
                n = turn.drawn[purpose] = turn.drawn.get(purpose, -1) + 1
            text = f"{self.seed}/{purpose}/{turn.key}/{n}"
            return hashlib.blake2b(text.encode(), digest_size=16).digest()
        with self._lock:
            n = next(self._counters.setdefault(purpose, itertools.count()))
        return hashlib.blake2b(f"{self.seed}/{purpose}/{n}".encode(), digest_size=16).digest()

    def uniform(self, purpose: str) -> float:
        """The next draw of ``purpose`` in [0, 1)."""
        return int.from_bytes(self._digest(purpose)[:7], "big") / (1 << 56)

    def hex_id(self, purpose: str, length: int = 32) -> str:
        """A generated identifier of up to 32 lower-case hex digits."""
        return self._digest(self._named(purpose)).hex()[:length]

    def uuid(self, purpose: str) -> str:
        """A generated identifier in the form of a UUID."""
        h = self._digest(self._named(purpose)).hex()
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"

    def _named(self, purpose: str) -> str:
        return purpose if self._times == 1 else f"{purpose}#{self._times}"
