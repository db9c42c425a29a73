"""Modes of a replay: what becomes of requests that were not recorded, and what of the cassette.

* ``none``: only cassettes answer; nothing else is asked
* ``once``: a cassette that is there answers; one that is not is recorded
* ``new_episodes``: the cassette answers; what it has not is asked upstream, and added to it
* ``all``: everything is asked upstream and recorded; what is asked anew replaces what was recorded of it
* ``rewrite``: everything is asked upstream, and the recording takes the place of the cassette
* ``verify-live``: the cassette answers; the same is asked upstream as well, and differences are reported

Where cassettes alone answer (``none``, ``once``, ``verify-live``), ``unknown`` says who answers the rest:
``refuse`` nobody, ``simulator`` a simulator that is started for the first such request, ``upstream`` the
service. Nothing is asked of any other server unless mode or ``unknown`` say so.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.header import Header
from bqsim.server.http import BadRequest, Disconnected, Head, Response

from .book import Book
from .drift import differences
from .report import Finding

if TYPE_CHECKING:
    from bqsim.record.proxy.proxy import RecordingProxy
    from bqsim.record.recorder import Recorder
    from bqsim.record.recording import Upstreams
    from bqsim.server.http import Request as HttpRequest

NONE, ONCE, NEW_EPISODES, ALL, REWRITE, VERIFY_LIVE = MODES = (
    "none",
    "once",
    "new_episodes",
    "all",
    "rewrite",
    "verify-live",
)
REFUSE, SIMULATOR, UPSTREAM = UNKNOWN = ("refuse", "simulator", "upstream")
# The finding for what was answered by somebody else; it fails no replay.
ELSEWHERE = "elsewhere"


class Live:
    """What answers besides the cassettes: nothing, a simulator, or the service.

    ``upstream`` is the address of the service's REST API, or ``(rest, grpc)`` or ``(rest, grpc, storage)``;
    without one those of the environment, or of the service itself. ``record_on_failure`` False keeps the
    cassette as it was when :attr:`failed` is set before the end.
    """

    def __init__(
        self,
        given: Sequence[str | Path | Cassette],
        *,
        mode: str,
        unknown: str,
        upstream: Any = None,
        record_on_failure: bool = True,
        recorder_options: dict[str, Any] | None = None,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"the mode of a replay is one of {', '.join(MODES)}, not {mode!r}")
        if unknown not in UNKNOWN:
            raise ValueError(f"unknown is one of {', '.join(UNKNOWN)}, not {unknown!r}")
        self.mode, self.unknown = mode, unknown
        self._upstream = upstream
        self._options = dict(recorder_options or {})
        self.record_on_failure, self.failed = record_on_failure, False
        self.folder = _place(given[0]) if given else None
        there = self.folder is not None and (self.folder / "cassette.json").exists()
        # Whether everything goes to the service, to be recorded.
        self.records_all = mode in (ALL, REWRITE) or (mode == ONCE and not there)
        if mode in (ONCE, NEW_EPISODES, ALL, REWRITE) and (self.folder is None or len(given) != 1):
            raise ValueError(f"the mode {mode} records into one cassette")
        if self.records_all:
            self.opened: list[Cassette] = []
        elif mode == NEW_EPISODES and not there:
            assert self.folder is not None
            self.opened = [Cassette(self.folder, Header(), [])]
        else:
            self.opened = [c if isinstance(c, Cassette) else Cassette.open(c) for c in given]
        self._closing = ExitStack()
        self._lock = threading.Lock()
        self._started: tuple[str, str] | None = None
        self._forwarder: Any = None
        self._channel: Any = None
        self._recorder: Recorder | None = None
        self._live_jobs: dict[str, str] = {}
        self.recording: Any = None
        self.cassette: Cassette | None = None

    @property
    def answers(self) -> bool:
        """Whether something answers what was not recorded."""
        return self.mode == NEW_EPISODES or (not self.records_all and self.unknown != REFUSE)

    @property
    def verifies(self) -> bool:
        return self.mode == VERIFY_LIVE

    # Recording

    def begin_recording(self, host: str, port: int, grpc_port: int, project: str) -> RecordingProxy:
        """Let everything pass, and record it: by this proxy. FileExistsError where one did not end."""
        from bqsim.record.recording import recording

        assert self.folder is not None
        to = self._upstreams()
        self.recording = self._closing.enter_context(
            recording(
                self.folder if self.record_on_failure else self._aside(),
                mode="all" if self.mode == ALL else "rewrite",
                upstream=to.rest,
                upstream_grpc=to.grpc,
                upstream_storage=to.storage,
                project=project,
                host=host,
                port=port,
                grpc_port=grpc_port,
                **self._options,
            )
        )
        proxy: RecordingProxy = self.recording.proxy
        return proxy

    def _aside(self) -> Path:
        """Where a recording waits until its test has passed; what was recorded before is copied there."""
        import shutil

        from bqsim.record.cassette.cassette import measures_path

        assert self.folder is not None
        aside = self.folder.with_name(self.folder.name + ".wait")
        shutil.rmtree(aside, ignore_errors=True)
        if self.mode in (ALL, NEW_EPISODES) and (self.folder / "cassette.json").exists():
            shutil.copytree(self.folder, aside)
            with suppress(FileNotFoundError):
                shutil.copy(measures_path(self.folder), measures_path(aside))
        return aside

    def end(self, book: Book) -> None:
        """Stop what was started, and write what was recorded."""
        self._closing.close()
        if self.recording is not None:
            self.cassette = self.recording.cassette
            book.recorded_new = len(self.cassette or ())
        if self._recorder is not None:
            before = len(self.opened[0])
            self.cassette = self._recorder.finish()
            self._recorder = None
            book.recorded_new = len(self.cassette) - before
        if self.cassette is not None and not self.record_on_failure:
            self._settle(self.cassette)

    def _settle(self, made: Cassette) -> None:
        """Put what waited in its place, or forget it."""
        import os
        import shutil

        from bqsim.record.cassette.cassette import measures_path

        assert self.folder is not None
        measures = measures_path(made.folder)
        if self.failed:
            shutil.rmtree(made.folder, ignore_errors=True)
            measures.unlink(missing_ok=True)
            self.cassette = None
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        made.folder.rename(self.folder)
        if measures.exists():
            os.replace(measures, measures_path(self.folder))
        self.cassette = Cassette.open(self.folder)

    # Answering

    def _upstreams(self) -> Upstreams:
        import os

        from bqsim.record.recording import Upstreams

        given = self._upstream
        if given is None:
            return Upstreams.of(environment=os.environ)
        return Upstreams.of(given) if isinstance(given, str) else Upstreams.of(*given)

    def _targets(self, project: str) -> tuple[str, str]:
        """Where requests go that were not recorded: REST and gRPC. Starts it with the first."""
        with self._lock:
            if self._started is None:
                self._started = self._start(project)
            return self._started

    def _start(self, project: str) -> tuple[str, str]:
        if self.mode == NEW_EPISODES:
            from bqsim.record.proxy.proxy import RecordingProxy
            from bqsim.record.recorder import Recorder

            assert self.folder is not None
            to = self._upstreams()
            folder, existing = self.folder, self.opened[0] if len(self.opened[0]) else None
            if not self.record_on_failure:
                folder = self._aside()
                existing = Cassette.open(folder) if existing is not None else None
            self._recorder = Recorder(folder, existing=existing, upstream=to.rest, **self._options)
            proxy = self._closing.enter_context(RecordingProxy(self._recorder, to.rest, to.grpc, to.storage))
            return proxy.url, proxy.grpc_target
        if self.unknown == SIMULATOR and not self.verifies:
            from bqsim.settings import Settings
            from bqsim.simulator import Simulator

            simulator = self._closing.enter_context(Simulator(Settings(project=project)))
            return simulator.url, simulator.grpc_target
        to = self._upstreams()
        return to.rest, to.grpc

    async def answer(self, http: HttpRequest, data: bytes, book: Book) -> Response:
        """The answer to a request that was not recorded, by whoever answers those."""
        verb, target = http.head.method, http.head.target
        if self.mode != NEW_EPISODES:
            book.tell(Finding(ELSEWHERE, "", f"{verb} {target.partition('?')[0]}", self.unknown))
        return await self._forwarded(Again(http.head, data), book)

    async def _forwarded(self, again: Again, book: Book) -> Response:
        from bqsim.record.proxy.forward import Forwarder
        from bqsim.record.proxy.sending import UpstreamError

        url, _ = await asyncio.to_thread(self._targets, book.project)
        if self._forwarder is None:
            self._forwarder = Forwarder(url)
        request: Any = again
        try:
            answer: Response = await self._forwarder.answer(request)
        except UpstreamError as error:
            body = {"error": {"code": 502, "message": f"No answer from {url}: {error}", "errors": []}}
            return Response(502, json.dumps(body).encode(), {"Content-Type": "application/json"})
        except (BadRequest, Disconnected):
            raise
        return answer

    async def close(self) -> None:
        """Close connections. On the event loop, when the Storage API is no more served."""
        if self._forwarder is not None:
            await self._forwarder.close()
            self._forwarder = None
        channel, self._channel = self._channel, None
        if channel is not None:
            await asyncio.to_thread(channel.close)

    def channel(self, book: Book, method: str) -> Any:
        """The gRPC channel to who answers what was not recorded, for a call of ``method``."""
        import grpc

        from bqsim.record.proxy.routes import READ_WRITE

        if self.mode != NEW_EPISODES:
            book.tell(Finding(ELSEWHERE, "", method, self.unknown))
        with self._lock:
            if self._channel is not None:
                return self._channel
        _, target = self._targets(book.project)
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        if target == READ_WRITE:
            made = grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
        else:
            made = grpc.insecure_channel(target, options)
        with self._lock:
            if self._channel is None:
                self._channel = made
                return made
        made.close()
        return self._channel

    # Verifying

    async def verify(self, http: HttpRequest, data: bytes, name: str, told: Response, book: Book) -> None:
        """Ask the service the same, and report how its answer differs from what was replayed."""
        target = http.head.target
        for ours, theirs in self._live_jobs.items():
            target = target.replace(ours, theirs)
        head = http.head
        plain = {n: v for n, v in head.headers.items() if n not in ("accept-encoding", "if-none-match")}
        asked = Head(head.method, target, plain, len(data), head.scope)
        live = await self._forwarded(Again(asked, data), book)
        body = live.body
        if live.content is not None and live.content.pieces is not None:
            body = b"".join([piece async for piece in live.content.pieces])
        ours, theirs = _json(told.body, dict(told.headers)), _json(body, dict(live.headers))
        self._learn(ours, theirs)
        shown = f"{head.method} {head.target.partition('?')[0]}"
        if told.status != live.status:
            book.drifted(
                name, shown, f"status: recorded {told.status}, the service now answers {live.status}"
            )
            return
        for difference in differences(ours, theirs):
            book.drifted(name, shown, difference)

    def _learn(self, ours: Any, theirs: Any) -> None:
        """The service calls a job otherwise than this replay."""
        names = [
            (value.get("jobReference") or {}).get("jobId") if isinstance(value, dict) else None
            for value in (ours, theirs)
        ]
        if names[0] and names[1] and names[0] != names[1]:
            self._live_jobs[names[0]] = names[1]


@dataclass(slots=True)
class Again:
    """A request whose body was read, to be sent on."""

    head: Head
    data: bytes

    async def read(self, limit: int) -> bytes:
        """The body."""
        return self.data

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body."""
        if self.data:
            yield self.data


def _place(given: str | Path | Cassette) -> Path:
    return given.folder if isinstance(given, Cassette) else Path(given)


def _json(data: bytes, headers: dict[str, str]) -> Any:
    import zlib

    named = {name.lower(): value for name, value in headers.items()}
    if named.get("content-encoding") == "gzip":
        data = zlib.decompress(data, 31)
    try:
        return json.loads(data) if data else None
    except ValueError:
        return None
