"""``bqsim contract``."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bqsim.cli import main
from bqsim.contract.api_schema import default
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.model import Operation
from bqsim.simulator import Simulator

SUITE = """
steps:
  - name: one
    query: SELECT 1 AS n
    expect: {schema: [{name: n, type: INTEGER}], rows: [[1]]}
"""
NEEDS = """
consumer: shop
methods:
  bigquery.tables.get: {fields: {numRows: string (uint64)}, tests: [test_a]}
"""


def test_check_writes_reports_and_tells_by_its_exit_code(
    sim: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite, page, xml, told = (tmp_path / name for name in ("s.yaml", "r.html", "r.xml", "r.json"))
    suite.write_text(SUITE)
    target = f"here={sim.url},project=p"
    reports = ["--html", str(page), "--junit", str(xml), "--json", str(told)]
    assert main(["contract", "check", str(suite), target, *reports]) == 0
    assert "all answers are as expected" in capsys.readouterr().out
    assert json.loads(told.read_text())["ok"] is True
    assert ElementTree.fromstring(xml.read_text())[0].get("tests") == "1"
    assert page.read_text().startswith("<!DOCTYPE html>")
    suite.write_text(SUITE.replace("[[1]]", "[[2]]"))
    assert main(["contract", "check", str(suite), target]) == 1
    assert "rows[*].n: expected 2, found 1" in capsys.readouterr().out
    assert main(["contract", "check", str(suite), "nowhere"]) == 2
    assert "is no endpoint" in capsys.readouterr().err
    assert main(["contract", "check", str(tmp_path / "none"), target]) == 2
    assert "there is no cassette here" in capsys.readouterr().err


def test_usage_schema_and_drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs, old, new = (tmp_path / name for name in ("needs.yaml", "old.json", "new.json"))
    needs.write_text(NEEDS)
    document = copy.deepcopy(dict(default().document))
    old.write_text(json.dumps(document))
    del document["schemas"]["Table"]["properties"]["numRows"]
    new.write_text(json.dumps(document))
    assert main(["contract", "usage", str(needs)]) == 0
    assert main(["contract", "usage", str(needs), "--document", str(new)]) == 1
    assert "bigquery.tables.get: numRows is gone" in capsys.readouterr().out
    assert main(["contract", "drift", str(old), "bqsim"]) == 0
    assert main(["contract", "drift", str(old), str(new), "--contract", str(needs)]) == 1
    said = capsys.readouterr().out
    assert "shop needs bigquery.tables.get numRows: removed Table.numRows" in said
    assert "test_a" in said
    assert main(["contract", "drift", str(old), str(tmp_path / "none.json")]) == 2

    request = {"method": "bigquery.tables.get", "resource": "projects/p/datasets/d/tables/t"}
    body = {"numRows": "${measure:x}", "creationTime": "${time:y}", "colour": "red"}
    operation = Operation("metadata", "0" * 16, 1, request, {"status": 200, "body": body})
    folder = tmp_path / "a.cassette"
    CassetteWriter(folder).write(Header(), [operation])
    assert main(["contract", "usage", str(needs), "--cassette", str(folder)]) == 0
    assert main(["contract", "schema", str(folder)]) == 1
    assert "colour: the schema has no such field" in capsys.readouterr().out
