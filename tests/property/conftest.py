"""The target of hostile calls of the Storage API."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pyarrow as pa
import pytest

from bqsim.simulator import Simulator
from tests.conftest import Http

from .storage_target import Target, renew, session


@pytest.fixture
def target(bqsim_server: Simulator, rest: Http) -> Iterator[Target]:
    rest.dataset()
    rest.table()
    assert rest.query("INSERT INTO d.t (n, s) VALUES (1, 'a'), (2, NULL)").status == 200
    channel = grpc.insecure_channel(
        bqsim_server.grpc_target,
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    table = f"projects/{rest.project}/datasets/d/tables/t"
    names = [
        table,
        f"projects/{rest.project}",
        f"{table}/_default",
        f"{table}/streams/_default",
        f"{table}/streams/none",
        f"projects/{rest.project}/datasets/d/tables/none",
        f"projects/{rest.project}/locations/us/sessions/none/streams/0",
    ]
    batch = pa.record_batch({"n": [1, 2], "s": ["x", None]})
    made = Target(
        channel,
        rest.project,
        names,
        {"table": [table], "parent": [table, f"projects/{rest.project}"]},
        (batch.schema.serialize().to_pybytes(), batch.serialize().to_pybytes()),
    )
    renew(made)
    made.named["read_stream"] = [s.name for format_ in (1, 2) for s in session(made, format_).streams]
    names += made.named["read_stream"]
    yield made
    # The server still answers, with the rows as they should be.
    assert session(made, 2).streams
    assert rest.query("SELECT COUNT(*) AS n FROM d.t WHERE n IN (1, 2)").status == 200
    channel.close()
