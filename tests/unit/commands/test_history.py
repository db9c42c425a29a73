"""``bqsim history``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.cli import main
from bqsim.history import read
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from tests.conftest import Http
from tests.unit.calibrate.test_gathering import QUERY
from tests.unit.history.exports import SHAPES


def test_query(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "query", "--region", "eu", "--days", "1", "--scope", "user"]) == 0
    assert "`region-eu`.INFORMATION_SCHEMA.JOBS_BY_USER" in capsys.readouterr().out
    assert main(["history", "query", "--region", "a`b"]) == 2


def test_convert_puts_together_and_hides_addresses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shape in ("bq csv", "avro"):
        SHAPES[shape](tmp_path / shape)
    out = tmp_path / "out.parquet"
    files = [str(tmp_path / "bq csv"), str(tmp_path / "avro")]
    assert main(["history", "convert", *files, "-o", str(out)]) == 0
    assert "3 jobs from 6 records" in capsys.readouterr().out
    jobs = list(read(out))
    assert len({job.user for job in jobs}) == 3
    assert all(job.user.startswith("user-") for job in jobs)
    assert b"example.com" not in out.read_bytes()
    assert main(["history", "convert", *files, "-o", str(out), "--keep-secrets"]) == 0
    assert {job.user for job in read(out)} == {f"ann{n}@example.com" for n in range(3)}


def test_a_key_changes_the_names(tmp_path: Path) -> None:
    SHAPES["ndjson"](tmp_path / "h")
    found = []
    for key in ("one", "one", "two"):
        out = tmp_path / "o.parquet"
        assert main(["history", "convert", str(tmp_path / "h"), "-o", str(out), "--key", key]) == 0
        found.append([job.user for job in read(out)])
    assert found[0] == found[1] != found[2]


def test_a_cassette_is_a_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CassetteWriter(tmp_path / "c.cassette").write(Header(), [QUERY])
    assert main(["history", "convert", str(tmp_path / "c.cassette"), "-o", str(tmp_path / "o.parquet")]) == 0
    assert "1 jobs from 1 records" in capsys.readouterr().out
    (job,) = read(tmp_path / "o.parquet")
    assert (job.sql, job.slot_ms) == ("SELECT 1", 42)


def test_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SHAPES["ndjson"](tmp_path / "h")
    assert main(["history", "show", str(tmp_path / "h"), "--format", "json", "--by", "reason"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"]["jobs"] == 3
    assert [(one["name"], one["jobs"]) for one in found["groups"]["reason"]] == [("accessDenied", 1), ("", 2)]
    assert main(["history", "show", str(tmp_path / "h")]) == 0
    assert "by hour:\n  2026-03-01T12:00Z: 3 jobs" in capsys.readouterr().out


def test_import(rest: Http, tmp_path: Path) -> None:
    rest.query("SELECT 7")
    out = tmp_path / "h.parquet"
    asked = ["--project", rest.project, "--url", rest.simulator.url]
    assert main(["history", "import", *asked, "-o", str(out)]) == 0
    assert [job.sql for job in read(out)] == ["SELECT 7"]


def test_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "h"
    path.write_text('{"job_id": }')
    assert main(["history", "show", str(path)]) == 1
    assert f"{path}:1: this is not JSON" in capsys.readouterr().err
    unreachable = ["--project", "p", "--url", "http://127.0.0.1:1", "-o", str(tmp_path / "o")]
    assert main(["history", "import", *unreachable]) == 1
    assert "no server answers" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
