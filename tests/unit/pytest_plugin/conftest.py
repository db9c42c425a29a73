from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import entry_points

# Tests that run in this process forget what they loaded; these libraries cannot be loaded twice.
import db_dtypes  # noqa: F401
import duckdb  # noqa: F401
import pyarrow  # noqa: F401
import pytest
from google.cloud import bigquery, bigquery_storage  # noqa: F401

# What is compiled once is kept there; pytester would take another.
HOME = os.environ.get("HOME", "")

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run tests from their text, in this process."""
    monkeypatch.setenv("HOME", HOME)
    installed = any(point.name == "bqsim" for point in entry_points(group="pytest11"))
    plugin = () if installed else ("-p", "bqsim.pytest_plugin")

    def run(text: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(text)
        # An inner faulthandler takes the handlers of signals with it that WebAssembly traps go by.
        without = ("-p", "no:cacheprovider", "-p", "no:faulthandler")
        return pytester.runpytest_inprocess(*plugin, "--strict-markers", *without, *options)

    return run
