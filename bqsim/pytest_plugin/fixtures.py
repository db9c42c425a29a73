"""The fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from .environment import environment
from .handle import LocalTestSimulator, TestSimulator, settings_of
from .hooks import HANDLE, RUN, Run
from .marks import Wanted, marked, wanted
from .recording import MARKER as CASSETTE
from .recording import recording_of

if TYPE_CHECKING:
    from bqsim.record.recording import Recording
    from bqsim.simulator import Simulator

    from .handle import Server


@pytest.fixture(scope="session")
def bqsim_settings() -> dict[str, Any]:
    """Options of ``bqsim.Settings`` for the simulators that tests use."""
    return {}


@pytest.fixture(scope="session")
def bqsim_server(request: pytest.FixtureRequest, bqsim_settings: dict[str, Any]) -> Iterator[Server]:
    """The session's simulator; the environment variables that clients read point at it.

    With ``--bqsim-url`` or ``--bqsim-shared`` it is a ``bqsim.remote.RemoteSimulator``.
    """
    run = request.config.stash[RUN]
    with ExitStack() as closing:
        simulator = closing.enter_context(_server(run, bqsim_settings))
        closing.enter_context(environment(simulator.environment()))
        yield simulator


@pytest.fixture
def bqsim(request: pytest.FixtureRequest) -> Iterator[TestSimulator]:
    """The test's own part of the simulator: its project, clients, faults, latencies, journal and checks.

    What the test adds is gone when it ends; instructions of retry tests that are left fail it.
    """
    run = request.config.stash[RUN]
    node = request.node
    asked = wanted(node, run.scenario)
    project = run.names(node.nodeid)
    with ExitStack() as closing:
        if asked.own:
            given = request.getfixturevalue("bqsim_settings")
            simulator: Server = closing.enter_context(_own(run, asked, given, project))
        else:
            simulator = request.getfixturevalue("bqsim_server")
        recording = None
        if run.recorded is not None:
            recording = closing.enter_context(recording_of(run.recorded, node, simulator, project))
        handle = closing.enter_context(_handle(simulator, project, own=asked.own, recording=recording))
        node.stash[HANDLE] = handle
        asked.begin(handle)
        yield handle


@pytest.fixture
def bqsim_own(bqsim: TestSimulator) -> TestSimulator:
    """As ``bqsim``, on a simulator of the test's own: its clock, seed, limits and policies may be changed.

    The test's other fixtures and the environment variables are of that simulator, too.
    """
    if not bqsim.own:
        raise pytest.UsageError(
            "the test uses the session's simulator already: "
            "name bqsim_own among its arguments, or mark it bqsim_own"
        )
    return bqsim


@pytest.fixture(scope="module")
def bqsim_module(request: pytest.FixtureRequest, bqsim_server: Server) -> Iterator[TestSimulator]:
    """As ``bqsim``, in a project that the tests of a module share."""
    project = request.config.stash[RUN].names(request.node.nodeid)
    with _handle(bqsim_server, project, own=False) as handle:
        yield handle
        handle.check()


@pytest.fixture
def bqsim_project(bqsim: TestSimulator) -> str:
    """The id of a project that no other test uses, also the default project of the environment."""
    return bqsim.project


@pytest.fixture
def bqsim_client(bqsim: TestSimulator) -> Any:
    """Google's ``bigquery.Client`` on the test's own project."""
    return bqsim.client()


@pytest.fixture(scope="module")
def bqsim_module_client(bqsim_module: TestSimulator) -> Any:
    """Google's ``bigquery.Client`` on the module's project."""
    return bqsim_module.client()


@pytest.fixture
def bqsim_read_client(bqsim: TestSimulator) -> Any:
    """Google's ``BigQueryReadClient``."""
    return bqsim.read_client()


@pytest.fixture
def bqsim_write_client(bqsim: TestSimulator) -> Any:
    """Google's ``BigQueryWriteClient``."""
    return bqsim.write_client()


@pytest.fixture(autouse=True)
def _bqsim_marks(request: pytest.FixtureRequest) -> None:
    """A marked test has a simulator, also when it finds it by the environment alone."""
    node = request.node
    recorded = request.config.stash[RUN].recorded is not None and "bqsim_replay" not in node.fixturenames
    if marked(node) or (recorded and node.get_closest_marker(CASSETTE)):
        request.getfixturevalue("bqsim")


@contextmanager
def _server(run: Run, given: dict[str, Any]) -> Iterator[Server]:
    if run.url:
        from bqsim.remote import RemoteSimulator

        yield RemoteSimulator(run.url)
        return
    from bqsim.simulator import start

    settings = settings_of(given, run.seed, forced=run.forced, own=False)
    with start(run.scenario, **settings) as simulator:
        yield simulator


@contextmanager
def _own(run: Run, asked: Wanted, given: dict[str, Any], project: str) -> Iterator[Simulator]:
    from bqsim.simulator import start

    settings = settings_of(given, run.seed, forced=run.forced, own=True)
    with start(asked.scenario, **{**settings, "project": project, **asked.settings}) as simulator:
        yield simulator


@contextmanager
def _handle(
    simulator: Server, project: str, *, own: bool, recording: Recording | None = None
) -> Iterator[TestSimulator]:
    handle = _handle_of(simulator, project, own)
    handle.recording = recording
    with environment(handle.environment()):
        try:
            yield handle
        finally:
            handle.end()


def _handle_of(simulator: Server, project: str, own: bool) -> TestSimulator:
    from bqsim.simulator import Simulator

    if isinstance(simulator, Simulator):
        return LocalTestSimulator(simulator, project, own=own)
    from .elsewhere import RemoteTestSimulator

    return RemoteTestSimulator(simulator, project)
