"""Tests that run side by side on one simulator see nothing of each other."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import bqsim
from bqsim.pytest_plugin.elsewhere import RemoteTestSimulator
from bqsim.pytest_plugin.handle import LocalTestSimulator, TestSimulator
from bqsim.remote import RemoteSimulator
from bqsim.sim.retry_lab import RetryTestError
from bqsim.simulator import Simulator
from tests.conftest import Http

WORKERS = 32
ROUNDS = 3
LISTED = "bigquery.datasets.list"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with bqsim.start(seed=1) as running:
        yield running


def work(handle: TestSimulator, number: int, together: threading.Barrier, rest: Http) -> None:
    """One test, as many others do theirs: its faults, its instructions, its journal, and what it counts."""

    def reasons(count: int) -> list[str]:
        answers = [rest.call("GET", "/datasets") for _ in range(count)]
        return ["" if answer.status == 200 else answer.reason for answer in answers]

    times = number % 4 + 1
    # All have rules, machines and tests of these same names.
    fault = handle.faults.add("accessDenied", id="shared-name", method=LISTED, times=times)
    if number % 3:
        handle.faults.add("quotaExceeded", method="bigquery.jobs.list", times=number % 3)
    tests = [handle.retry_tests.create({"tables.list": ["backendError"] * times}) for _ in range(2)]
    handle.data({"d.t": [{"worker": number}] * (number + 1)})
    together.wait()
    assert reasons(times + 2) == ["accessDenied"] * times + ["", ""]
    told = [rest.call("GET", "/jobs").status for _ in range(4)]
    assert told == [403] * (number % 3) + [200] * (4 - number % 3)
    for _ in range(2 * times):
        assert rest.call("GET", "/datasets/d/tables").reason == "backendError"
    assert rest.call("GET", "/datasets/d/tables").status == 200
    assert rest.call("GET", "/datasets/d/tables/t").json["numRows"] == str(number + 1)
    together.wait()
    assert (fault.fired, len(handle.faults)) == (times, 2 if number % 3 else 1)
    assert [len(test.taken) for test in tests] == [times, times]
    assert handle.journal.methods() == {
        LISTED: times + 2,
        "bigquery.jobs.list": 4,
        "bigquery.tables.get": 1,
        "bigquery.tables.list": 2 * times + 1,
    }
    assert {call.scope for call in handle.journal.calls()} == {handle.project}
    handle.verify(LISTED, {"reason": "accessDenied"}, times=times)
    handle.retry_tests.create({"tables.list": ["backendError"] * times})
    with pytest.raises(RetryTestError, match="no call used up"):
        handle.check()
    handle.end()
    together.wait()
    assert reasons(1) == [""]


@pytest.mark.parametrize("remote", [False, True], ids=["in this process", "over HTTP"])
def test_tests_at_once_see_their_own_only(simulator: Simulator, remote: bool) -> None:
    together = threading.Barrier(WORKERS, timeout=120)

    def one(number: int) -> None:
        try:
            for round_ in range(ROUNDS):
                project = f"{'remote' if remote else 'local'}-{round_}-{number}"
                rest = Http(simulator, project)
                handle: TestSimulator
                if remote:
                    handle = RemoteTestSimulator(RemoteSimulator(simulator.url), project)
                else:
                    handle = LocalTestSimulator(simulator, project, own=False)
                work(handle, number, together, rest)
                rest.connection.close()
        except BaseException:
            together.abort()
            raise

    with ThreadPoolExecutor(WORKERS) as threads:
        results = [threads.submit(one, number) for number in range(WORKERS)]
    problems = [error for result in results if (error := result.exception()) is not None]
    assert not [e for e in problems if not isinstance(e, threading.BrokenBarrierError)] and not problems
    assert not simulator.faults.list() and not simulator.retry_tests.list()
    assert not simulator.parts.latencies and not simulator.parts.plans
    if not remote:
        assert sum(simulator.journal.methods().values()) == sum(calls(n) for n in range(WORKERS)) * ROUNDS


def calls(number: int) -> int:
    """How many calls :func:`work` makes."""
    times = number % 4 + 1
    return (times + 2) + 4 + (2 * times + 1) + 1 + 1


SUITE = """
import pytest
from google.api_core import exceptions


@pytest.mark.parametrize("n", range(40))
@pytest.mark.bqsim_fault("accessDenied", id="down", method="bigquery.datasets.list", times=2)
@pytest.mark.bqsim_strict
def test_alone(bqsim, bqsim_client, n):
    answers = []
    with bqsim.retry_tests.create({"datasets.insert": ["quotaExceeded"] * (n % 3) + ["ok"]}):
        for _ in range(n % 3):
            with pytest.raises(exceptions.Forbidden, match="quotaExceeded|Quota exceeded"):
                bqsim_client.create_dataset("d", retry=None)
        bqsim_client.create_dataset("d", retry=None)
    for _ in range(4):
        try:
            answers.append(len(list(bqsim_client.list_datasets(retry=None))))
        except exceptions.Forbidden:
            answers.append("denied")
    assert answers == ["denied", "denied", 1, 1]
    bqsim.verify("bigquery.datasets.insert", times=n % 3 + 1)
    bqsim.verify("bigquery.datasets.list", times=4)
    assert len(bqsim.faults) == 1 and bqsim.faults.get("down").fired == 2
"""


def test_workers_of_pytest_share_a_simulator(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "test_suite.py").write_text(SUITE)
    options: list[Any] = ["-q", "-n", "4", "--bqsim-shared", "-p", "no:cacheprovider", "--strict-markers"]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "40 passed" in found.stdout
