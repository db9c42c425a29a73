"""pytest fixtures: one simulator for the session, a fresh project and official clients for each test.

Override ``bqsim_settings`` to start the simulator with other options. Under pytest-xdist every worker process
has a simulator of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bqsim.simulator import Simulator

_numbers = count(1)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs; what they were comes back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@pytest.fixture(scope="session")
def bqsim_settings() -> dict[str, Any]:
    """Options of ``bqsim.Settings`` for the session's simulator."""
    return {}


@pytest.fixture(scope="session")
def bqsim_server(bqsim_settings: dict[str, Any]) -> Iterator[Simulator]:
    """A running simulator; the environment variables that clients read point at it."""
    from bqsim.simulator import start

    with start(**bqsim_settings) as simulator, _environment(simulator.environment()):
        yield simulator


@pytest.fixture
def bqsim_project(bqsim_server: Simulator) -> Iterator[str]:
    """The id of a project that no other test uses, also set as the default project of the environment."""
    project = f"bqsim-test-{next(_numbers)}"
    with _environment({"GOOGLE_CLOUD_PROJECT": project}):
        yield project


@pytest.fixture
def bqsim_client(bqsim_server: Simulator, bqsim_project: str) -> Iterator[Any]:
    """Google's ``bigquery.Client`` on the test's own project."""
    client = bqsim_server.client(bqsim_project)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def bqsim_read_client(bqsim_server: Simulator) -> Iterator[Any]:
    """Google's ``BigQueryReadClient``."""
    client = bqsim_server.read_client()
    try:
        yield client
    finally:
        client.transport.close()


@pytest.fixture
def bqsim_write_client(bqsim_server: Simulator) -> Iterator[Any]:
    """Google's ``BigQueryWriteClient``."""
    client = bqsim_server.write_client()
    try:
        yield client
    finally:
        client.transport.close()
