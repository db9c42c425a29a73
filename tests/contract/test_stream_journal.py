"""What the journal tells of streams: how they ended, not only that they began."""

from __future__ import annotations

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
