"""What every runbook is made of: an incident's file, a client that comes through it and one that does not."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry, retry_base, retry_streaming, retry_unary
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import reader

from bqsim.sim.clock import SimulationClock
from bqsim.simulator import Simulator
from tests.storage import Clients

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
SCHEMA = [bigquery.SchemaField("n", "INT64"), bigquery.SchemaField("s", "STRING")]


class SimulatedTime:
    """``time`` as Google's libraries use it: who sleeps moves the simulator's clock on.

    Deadlines count what was slept, so that a slow machine does not make retries give up.
    """

    def __init__(self, clock: SimulationClock) -> None:
        self._clock = clock
        self._slept_s = 0.0

    def sleep(self, seconds: float) -> None:
        self._slept_s += seconds
        self._clock.advance(seconds)

    def monotonic(self) -> float:
        return self._slept_s


@contextmanager
def patience(clock: SimulationClock, seed: int = 1) -> Iterator[None]:
    """Google's retries sleep on ``clock``, and draw their jitter from a seed."""
    time, draws = SimulatedTime(clock), random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        for module in (retry_base, retry_unary, retry_streaming, reader):
            patch.setattr(module, "time", time)
        patch.setattr(retry_base, "random", draws)
        yield


class World:
    """An incident under way in a project of its own, and Google's clients in it."""

    def __init__(self, simulator: Simulator, project: str) -> None:
        self.sim = simulator
        self.project = project
        self.clock = simulator.clock
        self.client = self.client_as()
        self._storage: Clients | None = None

    def client_as(self, credentials: Any = None, **options: Any) -> Any:
        """Another ``bigquery.Client``; one without credentials takes no token along."""
        if credentials is None:
            return self.sim.client(self.project, **options)
        endpoint = ClientOptions(api_endpoint=self.sim.url)
        return bigquery.Client(self.project, credentials, client_options=endpoint, **options)

    @property
    def storage(self) -> Clients:
        """Google's storage clients."""
        if self._storage is None:
            self._storage = Clients(self.sim.grpc_target)
        return self._storage

    def dataset(self) -> None:
        self.client.create_dataset("d")

    def table(self, name: str = "t", rows: int = 0) -> Any:
        """A table ``d.<name>`` of ``n`` and ``s``, with ``rows`` rows numbered from 0."""
        made = self.client.create_table(bigquery.Table(f"{self.project}.d.{name}", SCHEMA))
        if rows:
            self.client.query_and_wait(
                f"INSERT d.{name} SELECT n, REPEAT('x', 50) FROM UNNEST(GENERATE_ARRAY(0, {rows - 1})) AS n"
            )
        return made

    def over(self) -> None:
        """The incident is over: what is asked now is true."""
        self.sim.clear()

    def numbers(self, name: str = "t") -> list[int]:
        """The ``n`` of all rows, in order; asked when the incident is over."""
        return [row[0] for row in self.client.query_and_wait(f"SELECT n FROM d.{name} ORDER BY n")]

    def wait(self, seconds: float | str) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.clock.now_us() / 1e6, dt.UTC)

    def close(self) -> None:
        self.client.close()
        if self._storage is not None:
            self._storage.close()


def again_on(*errors: type[Exception], initial: float = 1.0, timeout: float = 900.0) -> Retry:
    """Google's retry for these errors besides those that it is for anyway."""

    def predicate(error: Exception) -> bool:
        return isinstance(error, errors) or bool(bigquery.DEFAULT_RETRY._predicate(error))

    return Retry(predicate, initial=initial, maximum=32.0, timeout=timeout)


@dataclass(frozen=True)
class Runbook:
    """An incident's runbook.

    ``name`` is the file's. ``asks`` are calls, as ``sim.faults.explain`` takes them, with what its text must
    say of each. ``prepare`` makes what the incident befalls; the clock then runs at ``rate`` (0 stands). Both
    clients raise when they do not fare as expected.
    """

    name: str
    good: Callable[[World], None]
    bad: Callable[[World], None]
    asks: tuple[tuple[Mapping[str, Any], tuple[str, ...]], ...] = ()
    prepare: Callable[[World], None] = lambda world: None
    rate: float = 0.0

    @property
    def file(self) -> Path:
        return SCENARIOS / f"{self.name}.yaml"


@contextmanager
def under_way(simulator: Simulator, project: str, *incidents: Runbook) -> Iterator[World]:
    """The incidents together, from now until the end of the block; what was before is not in the journal."""
    world = World(simulator, project)
    try:
        with patience(simulator.clock):
            world.dataset()
            for runbook in incidents:
                runbook.prepare(world)
            simulator.journal.clear()
            simulator.clock.freeze()
            simulator.load(*(runbook.file for runbook in incidents))
            # A scenario may say how its clock runs; here the tests do.
            rate = max(runbook.rate for runbook in incidents)
            (simulator.clock.scale(rate) if rate else simulator.clock.freeze())
            yield world
    finally:
        simulator.reset()
        world.close()
