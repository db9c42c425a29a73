"""A server that answers from cassettes, running in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bqsim import clients
from bqsim.record.cassette.cassette import Cassette
from bqsim.serving import Serving, environment, reachable
from bqsim.settings import Settings
from bqsim.sim.control.control import Control
from bqsim.sim.control.parts import Parts

from .book import Book
from .matching import Matching
from .report import Report
from .timing import Timing

if TYPE_CHECKING:
    from bqsim.record.redact.policy import Policy
    from bqsim.sim.control.loading import Scenarios
    from bqsim.sim.latency import Latency

    from .rest import Core

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0


class ReplayServer(Control):
    """Answers clients of BigQuery from recorded cassettes.

    >>> with ReplayServer("orders.cassette") as replay:                    # doctest: +SKIP
    ...     rows = replay.client().query_and_wait("SELECT 1")
    ... assert replay.report().ok, replay.report().text

    Requests are answered by what they mean, whatever client sends them, in whatever pages and polls.
    ``names`` renames what the cassette has symbols for; ``matching`` chooses what tells requests apart;
    ``timing`` and ``model`` how long jobs take; ``failures="recorded"`` plays passing failures, too;
    ``repeats`` limits how often an operation is answered again. ``scenario`` puts faults and latencies of a
    simulation on top. ``mode``, ``unknown`` and ``upstream`` say what becomes of requests that were not
    recorded, and what is recorded: see :mod:`bqsim.replay.modes`; with ``record_on_failure`` False a block
    that fails leaves the cassette as it was. It serves from a thread of its own and has the controls of a
    simulator (``clock``, ``journal``, ``faults``, ``latency``).
    """

    def __init__(
        self,
        cassettes: str | Path | Cassette | Iterable[str | Path | Cassette],
        *,
        mode: str = "none",
        unknown: str = "refuse",
        upstream: Any = None,
        timing: str | float = "zero",
        strict: bool = True,
        project: str = "",
        names: Mapping[str, str] | None = None,
        matching: Matching | None = None,
        repeats: int | None = None,
        failures: str = "none",
        record_on_failure: bool = True,
        policy: Policy | None = None,
        model: Mapping[str, Latency] | None = None,
        scenario: Scenarios | None = None,
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        grpc_port: int = 0,
    ) -> None:
        from bqsim.sim.clock import SimulationClock
        from bqsim.sim.draws import Draws
        from bqsim.sim.gate import Gate
        from bqsim.sim.simulation import Simulation

        from .jobs import Jobs
        from .modes import Live
        from .rest import Core

        given = [cassettes] if isinstance(cassettes, (str, Path, Cassette)) else list(cassettes)
        self.live = Live(
            given,
            mode=mode,
            unknown=unknown,
            upstream=upstream,
            record_on_failure=record_on_failure,
            recorder_options={} if policy is None else {"policy": policy},
        )
        found = None
        if scenario is not None:
            from bqsim.server.known import known
            from bqsim.sim.control.loading import clock_of, scenario_of

            found = scenario_of(scenario, known())
        clock = SimulationClock() if found is None else clock_of(found.clock)
        draws = Draws(seed)
        self._parts = Parts(Simulation(clock, draws), _known)
        self.book = Book(
            self.live.opened,
            project=project,
            names=names or {},
            matching=matching or Matching(),
            strict=strict,
            repeats=repeats,
            failures=failures,
            clock=clock,
            mode=mode,
            open_ended=self.live.answers,
        )
        self.settings = Settings(project=self.book.project, host=host, port=port, grpc_port=grpc_port)
        times = Timing(timing, model=model, draws=draws)
        self.core: Core = Core(
            self.settings,
            clock,
            draws,
            Gate(self._parts.simulation),
            self.book,
            Jobs(self.book, times, clock),
        )
        self._scenario = found
        self.port = self.grpc_port = 0
        self._serving = Serving(
            self._serve, thread="bqsim-replay", noun="the replay", log=log, start_timeout_s=START_TIMEOUT_S
        )
        self._ended = False

    # Life

    def start(self) -> ReplayServer:
        """Serve; returns when requests are answered. ``OSError`` when a port is taken. Idempotent."""
        if self.live.recording is not None:
            return self
        if self.live.records_all:
            settings = self.settings
            proxy = self.live.begin_recording(settings.host, settings.port, settings.grpc_port, self.project)
            self.port, self.grpc_port = proxy.port, proxy.grpc_port
            return self
        self._serving.start()
        return self

    def stop(self) -> None:
        """Stop serving, and write what was recorded. Idempotent."""
        self._serving.stop()
        if not self._ended:
            self._ended = True
            self.live.end(self.book)

    def __enter__(self) -> ReplayServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.failed = self.live.failed or kind is not None
        self.stop()

    # Use

    @property
    def parts(self) -> Parts:
        """What is under control."""
        return self._parts

    @property
    def project(self) -> str:
        """The project of the calls."""
        return self.book.project

    @property
    def url(self) -> str:
        """The address of the REST API: the ``api_endpoint`` of clients."""
        return f"http://{reachable(self.settings.host)}:{self.port}"

    @property
    def grpc_target(self) -> str:
        """The address of the Storage API, ``host:port``: the target of an insecure channel."""
        return f"{reachable(self.settings.host)}:{self.grpc_port}"

    def environment(self) -> dict[str, str]:
        """Environment variables that point clients here."""
        return environment(self.url, self.grpc_target) | {"GOOGLE_CLOUD_PROJECT": self.project}

    def client(self, project: str | None = None, **options: Any) -> Any:
        """Google's ``bigquery.Client`` for this replay. ModuleNotFoundError without ``bqsim[client]``."""
        return clients.query_client(self.url, project or self.project, self.read_client, **options)

    def read_client(self) -> Any:
        """Google's ``BigQueryReadClient``; else as :meth:`client`."""
        return clients.read_client(self.grpc_target)

    def write_client(self) -> Any:
        """Google's ``BigQueryWriteClient``; else as :meth:`client`."""
        return clients.write_client(self.grpc_target)

    def report(self) -> Report:
        """What was used of the cassettes so far, and what went otherwise than recorded."""
        return self.book.report()

    # The thread

    async def _serve(self, serving: Serving) -> None:
        loop = self._parts.loop = asyncio.get_running_loop()
        from bqsim.server.http import HttpServer

        from .rest import ReplayApp

        if self._scenario is not None:
            from bqsim.sim.control.loading import put_in_force

            put_in_force(self._parts, self._scenario, clock=False)
        live, book = self.live, self.book
        if live.answers:
            self.core.unknown = lambda http, data: live.answer(http, data, book)
        if live.verifies:
            self.core.verify = lambda http, data, name, told: live.verify(http, data, name, told, book)
        app = ReplayApp(self.core)
        server = HttpServer(app.handle, app.refusal, self.core.clock)
        self.port = await server.start(self.settings.host, self.settings.port)
        storage: Any = None
        try:
            self.book.bindings.host = self.url
            storage = await asyncio.to_thread(self._serve_storage, loop)
            serving.ready()
            await serving.until_stopped()
        finally:
            if storage is not None:
                await asyncio.to_thread(storage.stop)
            await server.stop()
            await self.live.close()
            self.core.clock.close()

    def _serve_storage(self, loop: asyncio.AbstractEventLoop) -> Any:
        """The gRPC side, on a port of its own."""
        from . import grpc

        core, live, book = self.core, self.live, self.book

        def elsewhere(method: str) -> Any:
            return live.channel(book, method)

        served = grpc.serve(
            core.book,
            core.settings,
            core.clock,
            core.draws,
            core.gate,
            loop,
            fallback=elsewhere if live.answers else None,
        )
        self.grpc_port = served.port
        return served


def _known() -> Any:
    from bqsim.server.known import known

    return known()
