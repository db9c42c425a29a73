"""What one stream does, second by second: rows, connections, write streams created, commits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from bqsim.rehearse.plan.model import Plan
from bqsim.rehearse.plan.streams import EXCLUSIVE, INSERT_ALL, PENDING, Stream
from bqsim.sim.slots import seeds
from bqsim.sim.slots.jobs import Floats, Ints

from .queues import HAIR
from .rates import rows_by_second

# Above the number of connections that anything has.
_LARGE = 1 << 36


@dataclass(slots=True)
class Commits:
    """Commits of one table: when each is made (seconds), and the bytes and write streams that it is of."""

    at: Floats
    bytes: Floats
    streams: Floats


@dataclass(slots=True)
class Block:
    """Some seconds of a stream. ``needed`` are connections as a fluid, ``open`` those that are open."""

    rows: Floats
    bytes: Floats
    needed: Floats
    open: Floats
    created: Floats | None = None
    commits: Commits | None = None


def connections(stream: Stream, needed: Floats, factor: float = 1.0) -> Floats:
    """The connections that are open where so many are needed: whole ones, of each table by itself where they
    cannot be shared."""
    if stream.connections is not None:
        return np.full(len(needed), float(stream.connections))
    each = stream.tables if stream.method in EXCLUSIVE else 1
    return np.maximum(np.ceil(needed * (factor / each) - HAIR), 1.0) * each


def least_connections(stream: Stream) -> float:
    """The connections that are open whatever comes."""
    return float(connections(stream, np.zeros(1))[0])


class Flow:
    """A stream of a plan, in blocks of seconds; ``times`` as much as it has there."""

    def __init__(
        self, plan: Plan, number: int, seconds: int, block_s: int, week_ms: float = 0.0, times: float = 1.0
    ) -> None:
        self.stream = stream = plan.streams[number]
        chance = partial(seeds.generator, plan.seed, "streams", stream.name)
        self._rows = rows_by_second(stream, chance, seconds, block_s, week_ms=week_ms, times=times)
        self._seconds, self._at = seconds, 0
        self._every = stream.commit_every_s or math.inf
        # The number of the commit that is being filled, its write streams and its bytes.
        self._filling, self._streams, self._bytes = -1, 0.0, 0.0

    def blocks(self) -> Iterator[Block]:
        """All of it, once."""
        stream = self.stream
        for rows in self._rows:
            sent = rows * float(stream.row_bytes)
            if stream.method == INSERT_ALL:
                nothing = np.zeros(0)
                yield Block(rows, sent, nothing, nothing)
                continue
            needed = sent / float(stream.connection_rate)
            block = Block(rows, sent, needed, connections(stream, needed))
            if stream.method in EXCLUSIVE:
                self._create(block)
            yield block

    def _create(self, block: Block) -> None:
        """Write streams are created as they are needed, and anew after each commit."""
        count = len(block.rows)
        if self.stream.method != PENDING:
            most = np.maximum.accumulate(np.maximum(block.open, self._streams))
            block.created = np.diff(most, prepend=self._streams)
            self._streams = float(most[-1])
            return
        seconds = np.arange(self._at, self._at + count, dtype=np.float64)
        window = np.floor(seconds / self._every).astype(np.int64)
        opened = np.minimum(block.open, _LARGE - 1).astype(np.int64)
        most = np.maximum.accumulate(opened + window * _LARGE) - window * _LARGE
        going_on = window == self._filling
        most[going_on] = np.maximum(most[going_on], int(self._streams))
        before = np.concatenate(([int(self._streams)], most[:-1]))
        fresh = window != np.concatenate(([self._filling], window[:-1]))
        block.created = (most - np.where(fresh, 0, before)).astype(np.float64)
        block.commits = self._commit(window, most, block.bytes)
        self._filling, self._streams = int(window[-1]), float(most[-1])
        self._at += count

    def _commit(self, window: Ints, most: Ints, sent: Floats) -> Commits:
        """The commits that are due: all but the last, which may go on; with the end the last as well."""
        first = np.flatnonzero(np.diff(window, prepend=window[0] - 1))
        totals = np.add.reduceat(sent, first)
        numbers = window[first]
        last = np.append(first[1:], len(window)) - 1
        streams = most[last].astype(np.float64)
        if self._filling == int(numbers[0]):
            totals[0] += self._bytes
        elif self._filling >= 0:
            numbers = np.concatenate(([self._filling], numbers))
            totals = np.concatenate(([self._bytes], totals))
            streams = np.concatenate(([self._streams], streams))
        if self._at + len(window) < self._seconds:
            self._bytes = float(totals[-1])
            numbers, totals, streams = numbers[:-1], totals[:-1], streams[:-1]
        at = np.minimum((numbers + 1) * self._every, float(self._seconds))
        return Commits(at, totals / self.stream.tables, streams / self.stream.tables)
