"""What is known of an external function, and the registry of those that running statements call."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bqsim.errors import BigQueryError, Internal
from bqsim.types import Type

JAVASCRIPT, REMOTE = "js", "remote"
# What a registry may hold. Plans that call external functions are not kept.
MAX_CALLS = 10_000
MAX_CHARS = 64 * 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a function; ``aggregate`` is false for NOT AGGREGATE ones of an aggregate function."""

    name: str
    type: Type
    aggregate: bool = True


@dataclass(frozen=True, slots=True)
class Function:
    """An external function.

    ``code`` is the JavaScript of its body, ``libraries`` the URIs of what is run before it. A remote function
    has an ``endpoint``, its ``context`` and ``max_rows`` a request (0: as many as suit).
    """

    language: str
    arguments: tuple[Argument, ...]
    returns: Type
    aggregate: bool = False
    code: str = ""
    libraries: tuple[str, ...] = ()
    endpoint: str = ""
    context: tuple[tuple[str, str], ...] = ()
    max_rows: int = 0
    deterministic: bool = False
    temporary: bool = False

    @property
    def signature(self) -> str:
        """The types of the arguments, as errors show them: ``INT64, ARRAY<STRING>``."""
        return ", ".join(str(a.type) for a in self.arguments)


@dataclass(frozen=True, slots=True)
class Call:
    """A function as one statement calls it.

    ``name`` is how its errors name it, ``libraries`` the texts of its libraries, ``now_us`` the statement's
    time (epoch microseconds), ``user`` who runs it, ``caller`` the resource name of what does. It ends soon
    after ``cancelled`` turns true.
    """

    function: Function
    name: str
    libraries: tuple[str, ...] = ()
    now_us: int = 0
    user: str = ""
    caller: str = ""
    cancelled: Callable[[], bool] | None = field(default=None, repr=False, compare=False)


def cancelled_call() -> BigQueryError:
    """How a call ends whose job is cancelled."""
    return BigQueryError("stopped", "Job execution was cancelled")


class Registry(Generic[T]):
    """Things by ids that follow from what they are; the ones used longest ago go first. Thread-safe."""

    def __init__(self, most: int, chars: int) -> None:
        self._most = most
        self._chars = chars
        self._size = 0
        self._things: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, thing: T) -> str:
        """The id of a thing."""
        text = repr(thing)
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        with self._lock:
            if key not in self._things:
                self._size += len(text)
            self._things[key] = thing
            self._things.move_to_end(key)
            while len(self._things) > 1 and (len(self._things) > self._most or self._size > self._chars):
                _, oldest = self._things.popitem(last=False)
                self._size -= len(repr(oldest))
        return key

    def get(self, key: str) -> T:
        """The thing with an id."""
        with self._lock:
            thing = self._things.get(key)
            if thing is not None:
                self._things.move_to_end(key)
        if thing is None:
            raise Internal(f"the external function {key} is not registered")
        return thing


FUNCTIONS: Registry[Function] = Registry(MAX_CALLS, MAX_CHARS)
CALLS: Registry[Call] = Registry(MAX_CALLS, MAX_CHARS)
