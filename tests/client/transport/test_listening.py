from __future__ import annotations

import asyncio
import json
import socket
import zlib

import pytest

from bqclient import BigQueryClient, errors
from bqclient.config import Endpoints
from bqsim.simulator import Simulator
from tests.taps import HeardCall, ListTap


def client_of(sim: Simulator, tap: ListTap, **settings: object) -> BigQueryClient:
    return BigQueryClient(
        project=sim.project,
        endpoints=Endpoints(rest=sim.url, grpc=sim.grpc_target, plain_grpc=True),
        listener=tap,
        **settings,
    )


def unpacked(call: HeardCall) -> dict[str, object]:
    packed = dict(call.answer_headers).get("content-encoding") == "gzip"
    found: dict[str, object] = json.loads(zlib.decompress(call.response, 31) if packed else call.response)
    return found


@pytest.mark.parametrize("http2", [False, True])
def test_calls_of_both_sides_are_told(http2: bool) -> None:
    tap = ListTap()

    async def work(sim: Simulator) -> int:
        async with client_of(sim, tap, http2=http2) as client:
            await client.datasets.create("d")
            await client.queries.execute(
                "CREATE TABLE d.t AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 5000)) AS n"
            )
            return int((await client.storage_read.read_all("d.t").to_arrow()).num_rows)

    with Simulator() as sim:
        assert asyncio.run(work(sim)) == 5000
    first = tap.calls[0]
    assert (first.transport, first.verb, first.status, first.broken) == ("rest", "POST", 200, "")
    assert first.target == f"/bigquery/v2/projects/{sim.project}/datasets?prettyPrint=false"
    assert json.loads(first.request)["datasetReference"]["datasetId"] == "d"
    assert unpacked(first)["kind"] == "bigquery#dataset"
    by_method = {call.path.rpartition("/")[2]: call for call in tap.calls if call.transport == "grpc"}
    create, read = by_method["CreateReadSession"], by_method["ReadRows"]
    assert (create.code, create.status, len(create.sent_pieces), len(create.received_pieces)) == (
        "OK",
        200,
        1,
        1,
    )
    assert "x-goog-request-params" in dict(create.headers)
    assert read.code == "OK"
    assert read.received_pieces and not read.broken


def test_appends_are_told() -> None:
    tap = ListTap()

    async def work(sim: Simulator) -> None:
        async with client_of(sim, tap) as client:
            await client.datasets.create("d")
            await client.queries.execute("CREATE TABLE d.t (n INT64)")
            await client.storage_write.append("d.t", [{"n": 1}, {"n": 2}])

    with Simulator() as sim:
        asyncio.run(work(sim))
        append = next(call for call in tap.calls if call.path.endswith("/AppendRows"))
        assert append.sent_pieces
        assert append.received_pieces


def test_what_broke_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    tap = ListTap()

    async def work() -> None:
        place = Endpoints(rest=f"http://127.0.0.1:{port}", grpc=f"127.0.0.1:{port}", plain_grpc=True)
        async with BigQueryClient(project="p", endpoints=place, listener=tap, timeout=1) as client:
            with pytest.raises(errors.BigQueryError):
                await client.datasets.get("d")
            with pytest.raises(errors.BigQueryError):
                await client.storage_read.read_all("d.t").to_arrow()

    asyncio.run(work())
    assert {call.broken for call in tap.calls if call.transport == "rest"} == {"refused"}
    grpc_calls = [call for call in tap.calls if call.transport == "grpc"]
    assert grpc_calls and grpc_calls[0].code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")


def test_without_a_listener_nothing_is_wrapped() -> None:
    from bqclient.config import ClientConfig
    from bqclient.transport.http import open_transport
    from bqclient.transport.listening import ListeningTransport

    config = ClientConfig(project="p", endpoints=Endpoints(rest="http://127.0.0.1:1"))
    assert not isinstance(open_transport(config), ListeningTransport)
