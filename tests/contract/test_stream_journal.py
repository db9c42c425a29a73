"""What the journal tells of streams: how they ended, not only that they began."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types

import bqsim


def test_streams_are_told_with_what_they_ended_with() -> None:
    with bqsim.start(project="p") as sim:
        client, reader = sim.client(), sim.read_client()
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS n")

        def read() -> int:
            rows = client.query("SELECT n FROM d.t").result().to_arrow(bqstorage_client=reader)
            return int(rows.num_rows)

        with sim.faults.add({"break_stream": 300}, method="*.ReadRows", times=2) as fault:
            assert read() == 1000
        assert read() == 1000
        calls = sim.verify("*.ReadRows", times=4)
        assert [call.outcome.text for call in calls] == ["UNAVAILABLE", "UNAVAILABLE", "ok", "ok"]
        assert [[d.rule for d in call.decisions] for call in calls] == [[fault.id], [fault.id], [], []]
        reader.transport.close()
        client.close()


WRITE = "google.cloud.bigquery.storage.v1.BigQueryWrite."


@pytest.mark.parametrize("seed", [None, 5], ids=["unseeded", "seeded"])
def test_a_commit_that_is_repeated_is_done_once(seed: int | None) -> None:
    with bqsim.start(project="p", seed=seed) as sim:
        client, writer = sim.client(), sim.write_client()
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t (n INT64)")
        parent = "projects/p/datasets/d/tables/t"

        def pending() -> str:
            stream = types.WriteStream(type_=types.WriteStream.Type.PENDING)
            return str(writer.create_write_stream(parent=parent, write_stream=stream).name)

        def commit(*names: str) -> list[str]:
            answer = writer.batch_commit_write_streams({"parent": parent, "write_streams": names})
            return [error.code.name for error in answer.stream_errors]

        one, other = pending(), pending()
        assert commit(one) == ["INVALID_STREAM_STATE"]
        for name in (one, other):
            writer.finalize_write_stream(name=name)
        assert commit(one) == []
        assert commit(one, other) == ["STREAM_ALREADY_COMMITTED"]
        lost = {"grpc": {"status": "INTERNAL", "applied": True}}
        with (
            sim.faults.add(lost, method=f"{WRITE}BatchCommit*"),
            pytest.raises(exceptions.InternalServerError),
        ):
            commit(other)
        assert commit(other) == ["STREAM_ALREADY_COMMITTED"]
        report = sim.verify_exactly_once(in_doubt=True)
        commits = [w for w in report.writes if w.attempts[0].method == f"{WRITE}BatchCommitWriteStreams"]
        assert [(w.verdict, [e.applied for e in w.attempts]) for w in commits] == [
            ("once", [False, True]),
            ("failed", [False]),
            ("once", [True, False]),
        ]
        writer.transport.close()
        client.close()
