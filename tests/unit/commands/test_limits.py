from __future__ import annotations

import pytest

from bqsim.simulator import Simulator

from .conftest import Run


def test_limits(run: Run, sim: Simulator) -> None:
    assert run("limits", "show") == (0, "no limits are enforced\n", "")
    words = ("--scale", "0.1", "--set", "concurrent_queries=2", "--only", "concurrent_*", "--ttl", "5m")
    assert run("limits", "use", *words) == (0, "limits: bigquery\n", "")
    shown = run("limits", "show", "--project", "p")[1]
    assert "concurrent_queries" in shown and "WHAT" in shown
    assert run("limits", "usage") == (0, "nothing is used\n", "")
    assert run("limits", "off") == (0, "no limits are enforced\n", "")
    assert sim.limits.profile == "off"


def test_what_is_used(run: Run, sim: Simulator) -> None:
    sim.limits.use(only=["api_requests_per_user_method"])
    # What is used comes back with time.
    sim.clock.freeze()
    try:
        with sim.client() as client:
            list(client.list_datasets())
        line = run("limits", "usage", "api_*")[1].splitlines()[1]
    finally:
        sim.clock.resume()
    assert line.startswith("api_requests_per_user_method") and "1 of 100 requests" in line


def test_wrong_words(run: Run) -> None:
    assert "concurrent_queries" in run("limits", "use", "--set", "concurrent_querys=1")[2]
    with pytest.raises(SystemExit):
        run("limits", "use", "--set", "concurrent_queries")
