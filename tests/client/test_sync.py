"""The client without await."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bqclient import SyncBigQueryClient
from bqclient.errors import InvalidQueryError, UsageError

from .running import HeldTime, endpoints


def _client(sim: Any) -> SyncBigQueryClient:
    return SyncBigQueryClient(project=sim.project, endpoints=endpoints(sim), runtime=HeldTime())


def test_services_are_called_iterated_and_entered(bqsim: Any) -> None:
    with _client(bqsim) as client:
        assert client.datasets.create("d").reference.dataset == "d"
        client.tables.create("d.t", [{"name": "n", "type": "INTEGER"}])
        assert [d.reference.dataset for d in client.datasets.list()] == ["d"]
        with client.streaming.buffered("d.t", max_rows=3) as inserter:
            inserter.add_all({"n": i} for i in range(7))
        assert inserter.inserted == 7
        client.tables.copy("d.t", "d.c")
        client.loading.from_rows([{"n": 1}, {"n": 2}], "d.c")
        assert sorted(row["n"] for row in client.tables.rows("d.c")) == [1, 2]
        result = client.queries.execute("SELECT SUM(n) AS total FROM d.t")
        assert [row["total"] for row in result.rows] == [21]
        with pytest.raises(InvalidQueryError):
            client.queries.execute("SELECT missing")
        assert "BigQueryClient" in repr(client)


def test_a_list_may_be_left_early(bqsim: Any) -> None:
    with _client(bqsim) as client:
        for name in "abc":
            client.datasets.create(name)
        for first in client.datasets.list():
            assert first.reference.dataset == "a"
            break


def test_many_threads_share_a_client(bqsim: Any) -> None:
    found: list[int] = []
    with _client(bqsim) as client:

        def work(number: int) -> None:
            result = client.queries.execute(f"SELECT {number} AS n")
            found.extend(row["n"] for row in result.rows)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == list(range(8))


def test_a_closed_client_says_so(bqsim: Any) -> None:
    client = _client(bqsim)
    client.close()
    client.close()
    with pytest.raises(UsageError, match="closed"):
        client.datasets.get("d")
    with pytest.raises(UsageError, match="project"):
        SyncBigQueryClient(project="")
    assert not [t for t in threading.enumerate() if t.name == "bqclient"]
