"""Google's Node storage client against a running simulator.

Set ``BQSIM_NODE_MODULES`` to a ``node_modules`` folder with ``@google-cloud/bigquery-storage`` to run it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bqsim.simulator import Simulator

MODULES = Path(os.environ.get("BQSIM_NODE_MODULES", "node_modules"))
NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("node_storage.cjs")

pytestmark = pytest.mark.skipif(
    NODE is None or not (MODULES / "@google-cloud" / "bigquery-storage").is_dir(),
    reason="node and @google-cloud/bigquery-storage are not here",
)

TABLES = """
CREATE TABLE d.t (id INT64 NOT NULL, name STRING);
CREATE TABLE d.k (id INT64, name STRING, PRIMARY KEY (id) NOT ENFORCED);
CREATE TABLE d.every (
  i INT64, f FLOAT64, b BOOL, s STRING, y BYTES, d DATE, t TIME, dt DATETIME, ts TIMESTAMP, n NUMERIC,
  bn BIGNUMERIC, j JSON, g GEOGRAPHY, r RANGE<DATE>, l ARRAY<INT64>,
  st STRUCT<x INT64, y ARRAY<STRUCT<z STRING>>>
)
"""


def run(simulator: Simulator, project: str) -> Any:
    assert NODE is not None
    environment = {**os.environ, "NODE_PATH": str(MODULES.resolve()), "METADATA_SERVER_DETECTION": "none"}
    done = subprocess.run(
        [NODE, str(SCRIPT), str(simulator.grpc_port), project],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_node_client(bqsim_server: Simulator, bqsim_client: Any) -> None:
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait(TABLES)
    found = run(bqsim_server, bqsim_client.project)
    assert found["default"]["offsets"] == [None] * 50
    assert found["default"]["stream"].endswith("/tables/t/streams/_default")
    assert found["default"]["refused"] == 3
    assert found["pending"] == {
        "offsets": [0, 2],
        "again": 6,
        "rowCount": 3,
        "committed": True,
        "errors": 0,
    }
    assert found["buffered"] == {"flushed": 1}
    assert found["every"] == {"fields": 16, "error": None, "errors": []}
    assert found["changes"] == [None] * 5
    assert found["bad"] == {"code": 3, "rows": [1]}
    ids = [*range(50), 100, 101, 102, 200, 201]
    assert found["arrow"] == {"arrow": ids, "rows": len(ids)}
    assert found["raw"] == {"schema": ["id"], "count": 5}
    assert [r.id for r in bqsim_client.query_and_wait("SELECT id FROM d.t ORDER BY id")] == ids
    assert [r.values() for r in bqsim_client.query_and_wait("SELECT * FROM d.k")] == [(1, "uno")]
    (row,) = bqsim_client.query_and_wait("SELECT * FROM d.every WHERE i IS NOT NULL")
    assert dict(row.items()) == {
        "i": 9007199254740991,
        "f": 1.5,
        "b": True,
        "s": "ünïcode",
        "y": b"\x00\xff",
        "d": dt.date(2024, 2, 29),
        "t": dt.time(12, 34, 56, 789000),
        "dt": dt.datetime(2024, 2, 29, 12, 34, 56, 789012),
        "ts": dt.datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=dt.UTC),
        "n": Decimal("12345678901234567890.123456789"),
        "bn": Decimal("1.00000000000000000000000000000000000001"),
        "j": {"a": [1, None]},
        "g": "POINT(1 2)",
        "r": {"start": dt.date(2024, 1, 1), "end": None},
        "l": [1, 2, 3],
        "st": {"x": 1, "y": [{"z": "deep"}]},
    }
