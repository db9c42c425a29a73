"""A cassette as a workload, and the back-test on it."""

from __future__ import annotations

from pathlib import Path

import bqsim
from bqsim.cost.backtest import backtest
from bqsim.cost.bench import bench
from bqsim.cost.sources import read_workload
from bqsim.record.inprocess import listened
from bqsim.record.recorder import Recorder
from bqsim.seeding import Api, seed

SEED = """
datasets:
  d:
    tables:
      t: {schema: {id: INT64 NOT NULL, name: STRING}, rows: [{id: 1, name: a}, {id: 2, name: bb}]}
"""


def test_recorded_queries_are_measured_again(tmp_path: Path) -> None:
    tables = tmp_path / "tables.yaml"
    tables.write_text(SEED)
    with bqsim.start(project="p") as sim:
        seed(Api(sim.url, "p"), SEED)
        recorder = Recorder(tmp_path / "w.cassette", upstream=sim.url)
        with sim.client() as client, listened(client._http, recorder):
            list(client.query_and_wait("SELECT id FROM d.t"))
            list(client.query_and_wait("SELECT id FROM d.t"))
            list(client.query("SELECT * FROM `p.d.t` WHERE id > 1").result())
        recorder.finish()
    found = read_workload([tmp_path / "w.cassette"], project="p")
    assert found.name == "w"
    assert {q.sql: [r.bytes_processed for r in q.runs] for q in found.queries} == {
        "SELECT id FROM d.t": [16, 0],
        "SELECT * FROM `p.d.t` WHERE id > 1": [23],
    }
    assert {q.rate.source for q in found.queries} == {"assumed"}
    with bench([tables], project="p") as one:
        compared = backtest(found, one)
    assert (len(compared.compared), compared.exact, compared.exact_billed) == (2, 1, 1)
    assert compared.left_out == {"answered by the cache": 1}
    assert compared.bounds_held == 1
