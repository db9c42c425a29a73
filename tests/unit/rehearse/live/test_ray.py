"""Drivers on Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.skipif("BQSIM_LIVE_RAY" not in os.environ, reason="takes long: set BQSIM_LIVE_RAY")
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra bqsim[ray]")
def test_two_drivers_of_a_local_ray_send_each_job_once() -> None:
    """Started here, in a session of their own that ends with the test."""
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.unit.rehearse.live.ray_script"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = child.communicate(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    assert child.returncode == 0, err
    found = json.loads(out.splitlines()[-1])
    assert found["rows"] == list(range(found["sent"]))
    assert found["done"] == found["told"] == found["sent"] > 0
