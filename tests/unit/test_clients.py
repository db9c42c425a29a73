"""Google's clients as the simulator hands them out."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from bqsim import clients
from bqsim.simulator import Simulator
from tests.storage import Clients


@pytest.fixture
def client(bqsim_client: Any) -> Iterator[Any]:
    """A client with a table ``d.t`` of 1,000 rows."""
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait("CREATE TABLE d.t AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS n")
    return bqsim_client


def sessions(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables of the read sessions that are made from now on."""
    assert simulator.core is not None
    service = simulator.core.storage.read
    seen: list[str] = []
    create = service.create_session

    def note(request: Any, caller: str) -> Any:
        seen.append(request.read_session.table)
        return create(request, caller)

    monkeypatch.setattr(service, "create_session", note)
    return seen


def test_arrow_and_frames_are_read_through_the_storage_api(
    client: Any, bqsim_server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = sessions(bqsim_server, monkeypatch)
    path = f"projects/{client.project}/datasets/d/tables/t"
    assert client.list_rows("d.t").to_arrow()["n"].to_pylist() == list(range(1, 1001))
    assert seen == [path]
    assert client.list_rows("d.t").to_dataframe()["n"].sum() == 500_500
    assert seen == [path] * 2
    assert client.query("SELECT n FROM d.t WHERE n > 10").to_arrow().num_rows == 990
    assert len(seen) == 3


def test_a_client_given_by_the_caller_is_used(
    client: Any, bqsim_server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = bqsim_server.read_client()
    monkeypatch.setattr(clients, "read_client", None)
    assert client.list_rows("d.t").to_arrow(bqstorage_client=mine).num_rows == 1000
    mine.transport.close()


def test_without_the_storage_library_rows_come_over_rest(
    client: Any, bqsim_server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(target: str) -> Any:
        raise ModuleNotFoundError("No module named 'google.cloud.bigquery_storage_v1'")

    monkeypatch.setattr(clients, "read_client", missing)
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery_storage", None)
    monkeypatch.delattr("google.cloud.bigquery_storage", raising=False)
    seen = sessions(bqsim_server, monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert client._ensure_bqstorage_client() is None
        assert client.list_rows("d.t").to_arrow().num_rows == 1000
    assert seen == []


def test_read_and_write_clients_reach_the_simulator(client: Any, bqsim_server: Simulator) -> None:
    table = f"projects/{client.project}/datasets/d/tables/t"
    reader, writer = bqsim_server.read_client(), bqsim_server.write_client()
    session = reader.create_read_session(
        parent=f"projects/{client.project}", read_session={"table": table, "data_format": "ARROW"}
    )
    rows = sum(reader.read_rows(s.name).to_arrow(session).num_rows for s in session.streams)
    assert rows == 1000
    stream = f"{table}/streams/_default"
    assert writer.get_write_stream(name=stream).name == stream
    reader.transport.close()
    writer.transport.close()


@pytest.mark.parametrize("method", ["read_client", "write_client"])
def test_a_missing_storage_library_names_its_extra(
    bqsim_server: Simulator, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery_storage_v1", None)
    monkeypatch.delattr("google.cloud.bigquery_storage_v1", raising=False)
    with pytest.raises(ModuleNotFoundError, match=rf"Simulator\.{method}.*bqsim\[client\]"):
        getattr(bqsim_server, method)()


def test_target_is_that_of_a_plain_channel(client: Any, bqsim_server: Simulator) -> None:
    storage = Clients(bqsim_server.grpc_target)
    session = storage.session(f"projects/{client.project}/datasets/d/tables/t")
    assert storage.arrow(session).num_rows == 1000
    storage.channel.close()
