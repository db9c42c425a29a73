"""A test's own part of a simulator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bqsim.sim.control.control import Control, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bqsim.record.recording import Recording
    from bqsim.remote import RemoteSimulator
    from bqsim.sim.clock import SimulationClock
    from bqsim.sim.control.loading import Scenarios
    from bqsim.sim.control.slots import SlotCapacity
    from bqsim.sim.control.worlds import Worlds
    from bqsim.sim.iam import Iam
    from bqsim.sim.limits.control import LimitControl
    from bqsim.sim.scenario.model import Scenario
    from bqsim.simulator import Simulator

    Server = Simulator | RemoteSimulator


_OWN = (
    "ask for the fixture bqsim_own instead of bqsim, or mark the test with bqsim_own or, for a scenario, "
    "with bqsim_scenario"
)


class TestSimulator(Control):
    """What the fixture ``bqsim`` gives: the controls of a simulator for the calls in one project.

    ``own`` is whether the simulator is this test's alone: then they are those of all of it, with the clock,
    limits and policies.
    """

    # Not a class of tests.
    __test__ = False

    simulator: Server
    project: str
    own = False
    # Where clients go when the test is recorded.
    recording: Recording | None = None

    def _begin(self, simulator: Server, project: str) -> None:
        self.simulator = simulator
        self.project = project
        self._clients: list[Any] = []

    def __repr__(self) -> str:
        return f"<bqsim project {self.project} at {self.url}>"

    # Clients

    @property
    def url(self) -> str:
        """The address of the REST API: the ``api_endpoint`` of clients."""
        return (self.recording or self.simulator).url

    @property
    def grpc_target(self) -> str:
        """The address of the Storage API, ``host:port``."""
        return (self.recording or self.simulator).grpc_target

    def environment(self) -> dict[str, str]:
        """The environment variables that point clients here, which are set while the test runs."""
        recorded = self.recording.environment() if self.recording is not None else {}
        return {**self.simulator.environment(), "GOOGLE_CLOUD_PROJECT": self.project, **recorded}

    def client(self, project: str | None = None, **options: Any) -> Any:
        """Google's ``bigquery.Client`` on the test's project; it is closed when the test ends.

        Faults and the journal are those of the test's project: calls in another one are not seen.
        """
        if self.recording is not None:
            return self._kept(self.recording.client(project, **options))
        return self._kept(self.simulator.client(project or self.project, **options))

    def read_client(self) -> Any:
        """Google's ``BigQueryReadClient``; else as :meth:`client`."""
        return self._kept((self.recording or self.simulator).read_client())

    def write_client(self) -> Any:
        """Google's ``BigQueryWriteClient``; else as :meth:`client`."""
        return self._kept((self.recording or self.simulator).write_client())

    def _kept(self, client: Any) -> Any:
        self._clients.append(client)
        return client

    # Data

    def data(
        self, tables: Mapping[str, Any] | str | Path, *, seed: int = 0, existing: str = "refuse"
    ) -> dict[str, int]:
        """Append rows to tables of the test's project, which the journal does not show; their number by
        table.

        ``tables`` has by ``dataset.table`` a list of rows, or ``{"schema": [...], "rows": 1000, "columns":
        {...}}`` for rows that are generated from ``seed``; see :func:`bqsim.jobs.filling.fill`. What is not
        there yet is made. Or it is a seed: a YAML file or text, an SQL script, a folder, an object with
        ``datasets`` (see :mod:`bqsim.seeding`). Raises ``SpecError``, a ``ValueError``, which names what is
        wrong; ``SeedError`` for seeds.
        """
        if isinstance(tables, Mapping) and not _is_seed(tables):
            return self._fill(tables, seed)
        from bqsim.seeding import fill

        return fill(self.simulator.url, self.project, [tables], existing, seed)

    @abstractmethod
    def _fill(self, tables: Mapping[str, Any], seed: int) -> dict[str, int]: ...

    # What a server has only one of

    @property
    def clock(self) -> SimulationClock:
        return super().clock if self.own else self._shared("clock")

    @property
    def capacity(self) -> SlotCapacity:
        return super().capacity if self.own else self._shared("capacity")

    @property
    def limits(self) -> LimitControl:
        return super().limits if self.own else self._shared("limits")

    @property
    def iam(self) -> Iam:
        return super().iam if self.own else self._shared("iam")

    @property
    def worlds(self) -> Worlds:
        return super().worlds if self.own else self._shared("worlds")

    def load(self, scenario: Scenarios, *more: Scenarios) -> Scenario:
        """Put scenarios in force for the test's project, as :meth:`bqsim.Simulator.load`: a seed is that of
        their rules. Raises ``ScenarioError`` for one with a clock, limits or a policy, unless :attr:`own`.
        """
        from bqsim.sim.scenario.tree import ScenarioError

        try:
            return super().load(scenario, *more)
        except ScenarioError as error:
            if not self.own:
                error.add_note(f"What is for the whole simulator needs one of the test's own: {_OWN}.")
            raise

    def reseed(self, seed: int) -> None:
        if not self.own:
            self._shared("seed")
        super().reseed(seed)

    def _shared(self, name: str) -> NoReturn:
        raise RuntimeError(
            f"bqsim.{name} is that of the whole simulator, which other tests use as well: {_OWN}, or mark it "
            "with bqsim_clock"
        )

    # The end of a test

    def check(self, *, strict: bool = False, ignore: Iterable[str] = ()) -> None:
        """Raise ``RetryTestError`` for instructions that are left, and with ``strict``
        ``UnexpectedCalls`` for calls that nothing expected.
        """
        self.retry_tests.check()
        if strict:
            self.verification.strict(ignore)

    def end(self) -> None:
        """Take away what was added, and close the clients that were made."""
        for client in self._clients:
            close = getattr(client, "close", None) or client.transport.close
            close()
        self._clients.clear()
        if not self.own:
            self._forget()

    @abstractmethod
    def _forget(self) -> None: ...


class LocalTestSimulator(TestSimulator, Scope):
    """A test's part of a simulator in this process."""

    def __init__(self, simulator: Simulator, project: str, *, own: bool) -> None:
        super().__init__(simulator.parts, "" if own else project)
        self._begin(simulator, project)
        self.own = own
        self._core = simulator.core

    def _fill(self, tables: Mapping[str, Any], seed: int) -> dict[str, int]:
        from functools import partial

        from bqsim.jobs.filling import fill

        if self._core is None:
            raise RuntimeError("the simulator does not run")
        work = partial(fill, self._core.executor, project=self.project, data=tables, seed=seed)
        return self._core.pool.submit(work).result()

    def _forget(self) -> None:
        self.retry_tests.clear()
        if self.faults or self.latency.setup is not None or self.jobs.plans:
            self.clear()
        self.parts.forget(self.scope_name)


def _is_seed(tables: Mapping[str, Any]) -> bool:
    """Whether an object is a seed; names of tables have a dot."""
    return not any("." in name for name in tables) and bool(tables.keys() & {"datasets", "sql"})


def settings_of(given: Mapping[str, Any], seed: int, *, forced: bool, own: bool) -> dict[str, Any]:
    """The options of a simulator for tests; one beside others has no ports and data of its user's choice."""
    fixed = {"port", "grpc_port", "data_dir"} if own else set()
    kept = {name: value for name, value in given.items() if name not in fixed}
    return {**kept, "seed": seed} if forced else {"seed": seed, **kept}
