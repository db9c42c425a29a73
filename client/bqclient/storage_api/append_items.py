"""Appends on their way: where each goes, what is known of it, and how many may be on their way at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bqclient.errors import BigQueryError
from bqclient.models.schema import Schema
from bqclient.runtime import Deadline

from .payloads import Missing, Payload


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of an append.

    ``offset``: of its first row; ``None`` on a default stream. ``rows``: how many were stored. ``requests``:
    in how many requests. ``maybe_repeated``: rows of a default stream may be in the table twice, as a request
    of them had to be sent again without an answer to its first sending; never where there are offsets.
    ``refused``: (index, message) of rows that were left out, where that was asked for.
    """

    offset: int | None
    rows: int
    requests: int = 1
    maybe_repeated: bool = False
    refused: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True, eq=False)
class Destination:
    """A stream that appends go to. ``next_offset``: of the next append that has none yet; ``end``: after the
    last row that is known to be stored."""

    name: str
    offsets: bool
    next_offset: int = 0
    end: int = 0
    missing: Missing = field(default_factory=Missing)
    skip_refused: bool = False
    # Told of the table's new schema.
    news: Callable[[Schema], None] | None = None
    # Why it takes no more appends.
    broken: BigQueryError | None = None


@dataclass(slots=True, eq=False)
class Item:
    """One request. ``future`` gives its result; ``settled`` when nothing is left to do for it."""

    to: Destination
    payload: Payload
    deadline: Deadline
    future: asyncio.Future[AppendResult]
    offset: int | None = None
    # Whether the caller gave the offset.
    fixed: bool = False
    # The offset of an earlier sending that was not answered.
    unsure_at: int | None = None
    unsure: bool = False
    sendings: int = 0
    settled: bool = False
    # Appends of one call of the user's; those behind a refused one are not sent.
    group: object = None
    used: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None

    @property
    def dropped(self) -> bool:
        """Whether nobody waits for it, and nothing depends on it."""
        if self.settled:
            return True
        return self.future.done() and (self.sendings == 0 or not self.to.offsets)

    def settle(self, result: AppendResult | BaseException) -> None:
        """Tell the caller."""
        self.settled = True
        if self.timer is not None:
            self.timer.cancel()
        if self.future.done():
            return
        if isinstance(result, BaseException):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class Room:
    """Requests and bytes that may be on their way; those who wait for room get it in their order."""

    def __init__(self, requests: int, size: int) -> None:
        self.requests, self.size = requests, size
        self.used_requests = self.used_size = 0
        self.most_requests = self.most_size = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def _fits(self, size: int) -> bool:
        if not self.used_requests:
            return True
        return self.used_requests < self.requests and self.used_size + size <= self.size

    def _take(self, size: int) -> None:
        self.used_requests += 1
        self.used_size += size
        self.most_requests = max(self.most_requests, self.used_requests)
        self.most_size = max(self.most_size, self.used_size)

    async def enter(self, size: int) -> None:
        """Take room for a request; waits for it."""
        if not self._waiting and self._fits(size):
            self._take(size)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (size, turn)
        self._waiting.append(entry)
        try:
            await turn
        except BaseException:
            if entry in self._waiting:
                self._waiting.remove(entry)
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(size)
            raise

    def leave(self, size: int) -> None:
        """Give room back."""
        self.used_requests -= 1
        self.used_size -= size
        while self._waiting and self._fits(self._waiting[0][0]):
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._take(wanted)
                turn.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Nobody gets room any more."""
        while self._waiting:
            _, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)
