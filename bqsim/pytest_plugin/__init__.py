"""pytest fixtures and markers: a simulator for the session, a project of its own for each test.

``bqsim`` is a test's own part of the simulator: its project, clients, faults, latencies, journal and checks.
Nothing of it is seen by other tests, and nothing is left of it when the test ends. Markers (``bqsim_fault``,
``bqsim_latency``, ``bqsim_scenario``, …) set it up; ``pytest --markers`` lists them. Tests that move the
clock, seed draws or change limits and policies, all of which a server has only one of, get a simulator of
their own: ask for ``bqsim_own``, or mark the test with ``bqsim_clock`` or ``bqsim_seed``.

Override ``bqsim_settings`` to start simulators with other options. Under pytest-xdist every worker process
has a simulator of its own, with ``--bqsim-shared`` (or ``BQSIM_SHARED=1``) all have one.
"""

from __future__ import annotations

from .fixtures import (
    _bqsim_marks,
    bqsim,
    bqsim_client,
    bqsim_module,
    bqsim_module_client,
    bqsim_own,
    bqsim_project,
    bqsim_read_client,
    bqsim_server,
    bqsim_settings,
    bqsim_write_client,
)
from .hooks import (
    pytest_addoption,
    pytest_configure,
    pytest_configure_node,
    pytest_report_header,
    pytest_runtest_call,
    pytest_runtest_makereport,
    pytest_unconfigure,
)

# Replays have hooks and a fixture of their own.
pytest_plugins = ("bqsim.pytest_plugin.replaying",)

__all__ = [
    "_bqsim_marks",
    "bqsim",
    "bqsim_client",
    "bqsim_module",
    "bqsim_module_client",
    "bqsim_own",
    "bqsim_project",
    "bqsim_read_client",
    "bqsim_server",
    "bqsim_settings",
    "bqsim_write_client",
    "pytest_addoption",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_unconfigure",
]
