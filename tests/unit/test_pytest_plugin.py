from __future__ import annotations

import os
from typing import Any

import pytest

from bqsim.pytest_plugin.environment import environment
from bqsim.simulator import Simulator


def test_client_is_ready_on_its_own_project(bqsim_client: Any, bqsim_project: str) -> None:
    assert bqsim_client.project == bqsim_project
    assert list(bqsim_client.list_datasets()) == []
    bqsim_client.create_dataset("d")


def test_each_test_has_a_fresh_project(bqsim_client: Any) -> None:
    assert list(bqsim_client.list_datasets()) == []


def test_environment_points_at_the_server(bqsim_server: Simulator, bqsim_project: str) -> None:
    assert os.environ["BIGQUERY_EMULATOR_HOST"] == bqsim_server.url
    assert os.environ["BIGQUERY_STORAGE_GRPC_ENDPOINT"] == bqsim_server.grpc_target
    assert os.environ["GOOGLE_CLOUD_PROJECT"] == bqsim_project


def test_storage_clients_see_what_the_client_makes(
    bqsim_client: Any, bqsim_read_client: Any, bqsim_write_client: Any
) -> None:
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait("CREATE TABLE d.t AS SELECT 7 AS n")
    project = f"projects/{bqsim_client.project}"
    table = f"{project}/datasets/d/tables/t"
    session = bqsim_read_client.create_read_session(
        parent=project, read_session={"table": table, "data_format": "ARROW"}
    )
    [stream] = session.streams
    assert bqsim_read_client.read_rows(stream.name).to_arrow(session)["n"].to_pylist() == [7]
    default = bqsim_write_client.get_write_stream(name=f"{table}/streams/_default")
    assert default.name == f"{table}/streams/_default"


def test_environment_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BQSIM_TEST_A", "before")
    monkeypatch.delenv("BQSIM_TEST_B", raising=False)
    with pytest.raises(ZeroDivisionError), environment({"BQSIM_TEST_A": "1", "BQSIM_TEST_B": "2"}):
        assert (os.environ["BQSIM_TEST_A"], os.environ["BQSIM_TEST_B"]) == ("1", "2")
        raise ZeroDivisionError
    assert os.environ["BQSIM_TEST_A"] == "before"
    assert "BQSIM_TEST_B" not in os.environ
