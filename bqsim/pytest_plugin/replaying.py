"""Tests that are answered from cassettes: the fixture ``bqsim_replay``.

::

    @pytest.mark.bqsim_cassette("orders", timing="recorded")
    def test_orders(bqsim_replay):
        client = bqsim_replay.client()

The cassette is a folder beside the test or below the root directory; without the marker
``cassettes/<module>/<test>.cassette`` beside it. The environment variables that clients read point at the
replay while the test runs. At its end the test fails for operations that were not used, requests that were
not recorded and what was done in another order. ``--bqsim-mode`` or ``BQSIM_RECORD_MODE`` choose the mode
for all tests (:mod:`bqsim.replay.modes`), the marker's ``mode=`` for one.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .environment import environment
from .recording import MARKER, SUFFIX, place_of

if TYPE_CHECKING:
    from bqsim.replay.server import ReplayServer

VARIABLE = "BQSIM_RECORD_MODE"
FOLDER = "cassettes"
SECTION = "bqsim replay"
REPLAY = pytest.StashKey["ReplayServer"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of replays."""
    group = parser.getgroup("bqsim", "bqsim, a fake BigQuery")
    group.addoption(
        "--bqsim-mode",
        metavar="MODE",
        help="mode of replays: none, once, new_episodes, all, rewrite, verify-live "
        f"(default: ${VARIABLE}, else none)",
    )
    group.addoption(
        "--bqsim-replay-upstream",
        metavar="URL",
        help="the REST API that replays ask in other modes than none",
    )
    group.addoption("--bqsim-replay-upstream-grpc", metavar="HOST:PORT", help="its Storage API")


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker's options."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(path, *, mode=None, **options): the cassette that bqsim_replay answers from, beside the "
        "test or below the root directory; options are those of bqsim.replay.server.ReplayServer.",
    )


@pytest.fixture
def bqsim_replay(request: pytest.FixtureRequest) -> Iterator[ReplayServer]:
    """A server that answers from the test's cassette; the test fails for what went otherwise."""
    server = server_of(request.node, request.config)
    with server:
        request.node.stash[REPLAY] = server
        with environment(server.environment()):
            yield server


def server_of(node: Any, config: pytest.Config) -> ReplayServer:
    """The replay that a test asks for, not started. ``pytest.UsageError`` for one without cassette."""
    from bqsim.record.cassette.errors import CassetteError
    from bqsim.replay.server import ReplayServer

    mark = node.get_closest_marker(MARKER)
    options: dict[str, Any] = dict(mark.kwargs) if mark is not None else {}
    chosen = config.getoption("--bqsim-mode") or os.environ.get(VARIABLE) or "none"
    options["mode"] = options.get("mode") or chosen
    upstream = config.getoption("--bqsim-replay-upstream")
    if upstream and "upstream" not in options:
        grpc = config.getoption("--bqsim-replay-upstream-grpc")
        options["upstream"] = (upstream, grpc) if grpc else upstream
    options.setdefault("record_on_failure", False)
    try:
        return ReplayServer(places_of(node, config.rootpath), **options)
    except (CassetteError, ValueError) as error:
        raise pytest.UsageError(f"{node.nodeid}: {error}") from None


def places_of(node: Any, root: Path) -> list[Path]:
    """Where the cassettes of a test are, or are to be recorded."""
    mark = node.get_closest_marker(MARKER)
    if mark is None or not mark.args:
        return [place_of(node, node.path.parent / FOLDER)]
    return [_place(Path(str(given)), node.path.parent, root) for given in mark.args]


def _place(given: Path, beside: Path, root: Path) -> Path:
    named = given.with_name(given.name + SUFFIX)
    tried = [
        folder / path for folder in (beside, root, beside / FOLDER, root / FOLDER) for path in (given, named)
    ]
    found = next((path for path in tried if (path / "cassette.json").exists()), None)
    return found or beside / (given if given.suffix == SUFFIX else named)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail a test that passed for what went otherwise than recorded."""
    server = item.stash.get(REPLAY, None)
    try:
        yield
    except BaseException:
        if server is not None:
            server.live.failed = True
        raise
    if server is None or server.live.records_all:
        return
    report = server.report()
    if not report.ok:
        server.live.failed = True
        raise pytest.fail.Exception(report.text, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the replay was asked to what is told of a failed test."""
    report = yield
    server = item.stash.get(REPLAY, None)
    if server is not None and report.failed and report.when == "call":
        told = server.report()
        if told.text not in report.longreprtext:
            report.sections.append((SECTION, told.text))
    if server is not None and report.when == "teardown":
        del item.stash[REPLAY]
    return report
