"""The parts that a world is made of besides the catalog and its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.engine.protocol import Session

if TYPE_CHECKING:
    from bqsim.jobs.index import JobIndex, JobMark
    from bqsim.storage.services import Storage
    from bqsim.storage.write.streams import WriteStream


class WorldPart(Protocol):
    """Something that a snapshot holds. Both are called on the event loop and should be brief."""

    def snapshot(self) -> Any:
        """What :meth:`restore` needs to return to this moment. It must not change afterwards."""
        ...

    def restore(self, state: Any) -> None:
        """Be as at the snapshot; nothing of the world runs meanwhile."""
        ...


class StoredPart(Protocol):
    """As :class:`WorldPart`, for what is restored together with the rows, in their transaction."""

    def snapshot(self) -> Any: ...

    def restore(self, state: Any, session: Session) -> None:
        """Change durable records in the open transaction; memory follows its commit."""
        ...


@dataclass(frozen=True, slots=True)
class Since:
    """A part that only grows: what was added after the time of the snapshot is forgotten."""

    now_us: Callable[[], int]
    forget_since: Callable[[int], None]

    def snapshot(self) -> int:
        return self.now_us()

    def restore(self, state: int) -> None:
        self.forget_since(state)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Jobs made since are gone and their ids free; jobs deleted since are there again."""

    index: JobIndex

    def snapshot(self) -> JobMark:
        return self.index.mark()

    def restore(self, state: JobMark) -> None:
        self.index.put_back(state)


@dataclass(frozen=True, slots=True)
class ReadSessions:
    """Read sessions made since are gone; the others read on, which nothing that happens can change."""

    storage: Storage

    def snapshot(self) -> frozenset[str]:
        read = self.storage.read_if_made
        return frozenset() if read is None else read.session_names()

    def restore(self, state: frozenset[str], session: Session) -> None:
        read = self.storage.read_if_made
        if read is not None:
            read.keep_sessions(state)


@dataclass(frozen=True, slots=True)
class StreamsState:
    taken_us: int
    streams: Mapping[str, WriteStream]


@dataclass(frozen=True, slots=True)
class WriteStreams:
    """Write streams made since are gone, and those with staged rows that were written to since.

    Others have the offsets and states that they had.
    """

    storage: Storage
    now_us: Callable[[], int]

    def snapshot(self) -> StreamsState:
        write = self.storage.write_if_made
        return StreamsState(self.now_us(), {} if write is None else write.streams.all())

    def restore(self, state: StreamsState, session: Session) -> None:
        write = self.storage.write_if_made
        if write is None:
            return
        for path, stream in write.streams.all().items():
            before = state.streams.get(path)
            if before == stream or (before is None and stream.used_us <= state.taken_us):
                continue
            if before is None or before.staging is not None or stream.staging is not None:
                write.streams.forget(session, stream)
            else:
                write.streams.save(session, before)
