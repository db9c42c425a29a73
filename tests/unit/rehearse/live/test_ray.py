"""Drivers on Ray."""

from __future__ import annotations

import importlib.util
import json
import os

import pytest

from tests.children import output


@pytest.mark.skipif("BQSIM_LIVE_RAY" not in os.environ, reason="takes long: set BQSIM_LIVE_RAY")
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra bqsim[ray]")
def test_two_drivers_of_a_local_ray_send_each_job_once() -> None:
    """Started here, in a session of their own that ends with the test."""
    found = json.loads(output("tests.unit.rehearse.live.ray_script").splitlines()[-1])
    assert found["rows"] == list(range(found["sent"]))
    assert found["done"] == found["told"] == found["sent"] > 0
