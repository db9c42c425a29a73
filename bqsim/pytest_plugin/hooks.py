"""Options, markers, the header of a run and what is told of failed tests."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import field_usage, importing, validating
from .environment import ProjectNames
from .marks import MARKERS, strict
from .recording import MARKER_TEXT, Recorded, add_options, recorded

if TYPE_CHECKING:
    from .handle import TestSimulator

CALLS_SHOWN = 20
SECTION = "bqsim"
TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(slots=True)
class Run:
    """One run of pytest, or one worker of it: ``forced`` is whether its user named the seed.

    ``url`` is that of a simulator that runs already; ``shared`` is whether all workers are to have one.
    """

    seed: int
    forced: bool
    names: ProjectNames
    scenario: Path | None = None
    url: str = ""
    shared: bool = False
    recorded: Recorded | None = None
    closing: ExitStack = field(default_factory=ExitStack)


RUN = pytest.StashKey[Run]()
# Of a test.
HANDLE = pytest.StashKey["TestSimulator"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of bqsim."""
    group = parser.getgroup("bqsim", "bqsim, a fake BigQuery")
    group.addoption("--bqsim-seed", type=int, metavar="N", help="seed of all draws; a fresh one without it")
    group.addoption(
        "--bqsim-scenario", type=Path, metavar="FILE", help="scenario in force in every simulator of the run"
    )
    group.addoption(
        "--bqsim-url",
        metavar="URL",
        help="test against a simulator that runs already, like http://127.0.0.1:9050, as it was set up",
    )
    group.addoption(
        "--bqsim-shared",
        action="store_true",
        help="one simulator for all workers of pytest-xdist, instead of one each (also BQSIM_SHARED=1)",
    )
    add_options(group)
    validating.add_options(group)
    field_usage.add_options(group)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; settle the seed."""
    finder = importing.configure()
    config.add_cleanup(lambda: importing.unconfigure(finder))
    from bqsim.sim.draws import Draws

    for text in (*MARKERS, MARKER_TEXT):
        config.addinivalue_line("markers", text)
    validating.configure(config)
    field_usage.configure(config)
    url = config.getoption("--bqsim-url")
    told: dict[str, Any] = getattr(config, "workerinput", {}).get("bqsim", {})
    seed = config.getoption("--bqsim-seed")
    config.stash[RUN] = Run(
        seed=told.get("seed", Draws(seed).seed),
        forced=seed is not None,
        # Projects of a server that runs on are used once.
        names=ProjectNames(told.get("salt", Draws(None).hex_id("run", 8) if url else "")),
        scenario=config.getoption("--bqsim-scenario"),
        url=url or told.get("url", ""),
        shared=config.getoption("--bqsim-shared") or os.environ.get("BQSIM_SHARED", "").lower() in TRUE,
        recorded=recorded(config),
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the run had."""
    run = config.stash.get(RUN, None)
    if run is not None:
        run.closing.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what all have in common."""
    run: Run = node.config.stash[RUN]
    if run.shared and not run.url:
        from bqsim.simulator import start

        run.url = run.closing.enter_context(start(run.scenario, seed=run.seed)).url
    # All workers run all tests then.
    salt = node.gateway.id if node.config.getoption("dist", "") == "each" else ""
    node.workerinput["bqsim"] = {"seed": run.seed, "url": run.url, "salt": salt}


def pytest_report_header(config: pytest.Config) -> str:
    """The seed, by which the run can be repeated."""
    return f"bqsim: --bqsim-seed={config.stash[RUN].seed}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail a test that passed, for retry instructions that are left and calls that nothing expected."""
    yield
    handle = item.stash.get(HANDLE, None)
    if handle is not None:
        asked, expected = strict(item)
        try:
            handle.check(strict=asked, ignore=expected)
        except AssertionError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last calls and the seed to what is told of a failed test."""
    report = yield
    handle = item.stash.get(HANDLE, None)
    if report.failed and report.when != "teardown" and handle is not None:
        report.sections.append((SECTION, told(handle)))
    if report.when == "teardown" and handle is not None:
        del item.stash[HANDLE]
    return report


def told(handle: TestSimulator) -> str:
    """What happened in a test's project, in a few lines."""
    from bqsim.sim.journal import describe

    calls = handle.journal.calls()
    shown = f"the last {CALLS_SHOWN} of {len(calls)} calls:" if len(calls) > CALLS_SHOWN else "calls:"
    lines = [
        f"project {handle.project} at {handle.url}, --bqsim-seed={handle.seed}",
        shown if calls else "no calls",
        *(f"  {_line(describe(call), call)}" for call in calls[-CALLS_SHOWN:]),
    ]
    rules = [f"  {s.rule.id}: fired {s.fired} of {s.seen}" for s in handle.faults.list()]
    return "\n".join([*lines, *(["faults:", *rules] if rules else [])])


def _line(text: str, call: Any) -> str:
    from bqsim.sim.journal.explain import decided

    by = "; ".join(decided(decision) for decision in call.decisions)
    return f"{text} [{by}]" if by else text
