from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.cli import main
from bqsim.simulator import Simulator

from .conftest import Run

COLUMNS = [
    {
        "table_schema": "imported",
        "table_name": "t",
        "column_name": "id",
        "ordinal_position": "1",
        "data_type": "INT64",
    }
]
STORAGE = [
    {"table_schema": "imported", "table_name": "t", "total_rows": "1000", "total_logical_bytes": "8000"}
]


def test_import(run: Run, sim: Simulator, tmp_path: Path) -> None:
    (tmp_path / "COLUMNS.json").write_text(json.dumps(COLUMNS))
    (tmp_path / "TABLE_STORAGE.json").write_text(json.dumps(STORAGE))
    try:
        assert run("import", str(tmp_path), "--project", "p") == (0, "made 1 table\n", "")
        with sim.client() as client:
            assert client.get_table("imported.t").num_rows == 1000
        assert "is there already" in run("import", str(tmp_path), "--project", "p")[2]
        again = run("import", str(tmp_path), "--project", "p", "--replace", "--generate-rows", "7")
        assert again[0] == 0
        with sim.client() as client:
            assert [tuple(r) for r in client.query_and_wait("SELECT COUNT(*) FROM imported.t")] == [(7,)]
        # From this simulator as if it were Google's.
        words = ("--from-project", "p", "--from-url", sim.url, "--only", "imported", "--project", "copied")
        code, said, _ = run("import", *words)
        assert (code, said) == (0, "read imported: 1 tables\nmade 1 table\n")
    finally:
        with sim.client() as client:
            client.delete_dataset("imported", delete_contents=True, not_found_ok=True)
            client.delete_dataset("copied.imported", delete_contents=True, not_found_ok=True)


def test_queries(run: Run) -> None:
    code, said, _ = run("import", "--print-queries", "--from-project", "prod", "--region", "eu")
    assert code == 0 and "`prod`.`region-eu`.INFORMATION_SCHEMA.TABLE_STORAGE" in said


def test_wrong_use(run: Run, tmp_path: Path) -> None:
    assert run("import")[0] == 2
    assert "there is no such file" in run("import", str(tmp_path / "none.json"))[2]


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["import", "--help"])
    said = capsys.readouterr().out
    assert "shadow tables" in said and "--print-queries" in said
