from __future__ import annotations

import os
from typing import Any

import pytest

from bqsim.pytest_plugin import _environment
from bqsim.simulator import Simulator


def test_client_is_ready_on_its_own_project(bqsim_client: Any, bqsim_project: str) -> None:
    assert bqsim_client.project == bqsim_project
    assert list(bqsim_client.list_datasets()) == []
    bqsim_client.create_dataset("d")


def test_each_test_has_a_fresh_project(bqsim_client: Any) -> None:
    assert list(bqsim_client.list_datasets()) == []


def test_environment_points_at_the_server(bqsim_server: Simulator, bqsim_project: str) -> None:
    assert os.environ["BIGQUERY_EMULATOR_HOST"] == bqsim_server.url
    assert os.environ["GOOGLE_CLOUD_PROJECT"] == bqsim_project


def test_environment_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BQSIM_TEST_A", "before")
    monkeypatch.delenv("BQSIM_TEST_B", raising=False)
    with pytest.raises(ZeroDivisionError), _environment({"BQSIM_TEST_A": "1", "BQSIM_TEST_B": "2"}):
        assert (os.environ["BQSIM_TEST_A"], os.environ["BQSIM_TEST_B"]) == ("1", "2")
        raise ZeroDivisionError
    assert os.environ["BQSIM_TEST_A"] == "before"
    assert "BQSIM_TEST_B" not in os.environ
