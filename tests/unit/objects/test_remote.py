"""A store on another server, which is a simulator here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bqsim.errors import BigQueryError
from bqsim.objects import PreconditionFailed
from bqsim.objects.remote import RemoteStore
from bqsim.settings import Settings
from bqsim.sim.clock import RealClock
from bqsim.simulator import Simulator


@pytest.fixture(scope="module")
def there() -> Iterator[Simulator]:
    with Simulator(Settings(project="p")) as started:
        yield started


@pytest.fixture
def store(there: Simulator) -> Iterator[RemoteStore]:
    made = RemoteStore(RealClock(), there.url.removeprefix("http://"), "p")
    yield made
    made.close()


def test_what_is_written_is_there(there: Simulator, store: RemoteStore) -> None:
    written = store.put("gs://bucket/a/ü.csv", "1,a\n", {"contentType": "text/csv"})
    assert there.objects.read("gs://bucket/a/ü.csv") == b"1,a\n"
    assert store.read("gs://bucket/a/ü.csv") == b"1,a\n"
    found = store.find("bucket", "a/ü.csv")
    assert found is not None
    assert (found.generation, found.attributes["contentType"]) == (written.generation, "text/csv")
    assert [info.name for info in store.glob("gs://bucket/a/*")] == ["a/ü.csv"]
    assert store.md5("gs://bucket/a/ü.csv") == there.objects.md5("gs://bucket/a/ü.csv")
    assert [bucket.name for bucket in store.buckets()] == ["bucket"]
    store.update("gs://bucket/a/ü.csv", {"contentType": "text/plain"})
    assert there.objects.get("gs://bucket/a/ü.csv").attributes["contentType"] == "text/plain"
    store.delete("gs://bucket/a/ü.csv")
    assert store.find("bucket", "a/ü.csv") is None


def test_what_is_not_there(store: RemoteStore) -> None:
    assert store.find("none", "x") is None
    assert list(store.objects("none")) == []
    for call in (store.read, store.delete, store.get):
        with pytest.raises(BigQueryError) as failed:
            call("gs://bucket/none")
        assert failed.value.http == 404


def test_streams_go_anywhere(store: RemoteStore) -> None:
    store.put("gs://bucket/digits", b"0123456789")
    with store.open("gs://bucket/digits") as stream:
        assert stream.read(3) == b"012"
        assert stream.seek(-4, 2) == 6
        assert stream.read() == b"6789"
        stream.seek(0)
        assert stream.read(2) == b"01"


def test_generations_guard_writes(store: RemoteStore) -> None:
    store.put("gs://bucket/guarded", b"1")
    writer = store.create("gs://bucket/guarded", if_generation=0)
    writer.write(b"2")
    with pytest.raises(PreconditionFailed):
        writer.close()


def test_queries_read_and_write_there(there: Simulator) -> None:
    there.objects.put("gs://bucket/rows.csv", "1,a\n2,b\n")
    with Simulator(Settings(project="q", storage_host=there.url)) as sim, sim.client() as client:
        assert sim.environment()["STORAGE_EMULATOR_HOST"] == there.url
        client.create_dataset("d")
        client.query_and_wait(
            "LOAD DATA INTO d.t (id INT64, name STRING) FROM FILES (format='CSV', uris=['gs://bucket/*.csv'])"
        )
        client.query_and_wait(
            "EXPORT DATA OPTIONS (uri='gs://bucket/out-*', format='CSV', header=false) AS"
            " SELECT name FROM d.t ORDER BY name"
        )
    assert there.objects.read("gs://bucket/out-000000000000") == b"a\nb\n"


def test_a_server_that_is_not_there_is_told() -> None:
    store = RemoteStore(RealClock(), "http://127.0.0.1:9", "p")
    with pytest.raises(BigQueryError, match="cannot be reached"):
        store.read("gs://bucket/x")
