"""``bqsim workload run``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.cli import main
from bqsim.history import JobRecord
from bqsim.history.canonical import write
from tests.conftest import Http


@pytest.fixture
def history(tmp_path: Path) -> str:
    path = tmp_path / "h.parquet"
    sqls = ("SELECT 1 AS a", "SELECT 2 AS a", "SELECT a FROM `prod.d.t`")
    jobs = [
        JobRecord(f"j{n}", "prod", sql=sql, statement_type="SELECT", created_us=10**15 + n * 10**7)
        for n, sql in enumerate(sqls)
    ]
    write(path, jobs)
    return str(path)


def test_run_and_reports(
    history: str, rest: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = [tmp_path / f"r.{end}" for end in ("json", "html", "txt")]
    words = [
        "workload",
        "run",
        history,
        "--target",
        rest.simulator.url,
        "--map-project",
        f"prod={rest.project}",
    ]
    words += [word for path in reports for word in ("--report", str(path))]
    assert main([*words, "--speed", "max", "--run-id", "one"]) == 1
    assert "FAILED: 1 new errors, 0 are allowed" in capsys.readouterr().out
    found = json.loads(reports[0].read_text())
    assert (found["done"], found["newErrors"]) == (3, {"notFound": 1})
    assert reports[1].read_text().startswith("<!DOCTYPE html>")
    assert "3 of 3 jobs run" in reports[2].read_text()
    assert main([*words, "--speed", "max", "--run-id", "two", "--limit", "2"]) == 0
    assert main([*words, "--rate", "1000", "--run-id", "three", "--max-new-errors", "-1"]) == 0


def test_dry_run(history: str, rest: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "workload",
        "run",
        history,
        "--target",
        rest.simulator.url,
        "--map-project",
        f"prod={rest.project}",
    ]
    report = tmp_path / "estimates.json"
    assert main([*words, "--dry-run", "--report", str(report)]) == 1
    assert "3 queries estimated" in capsys.readouterr().out
    assert [one.get("reason") for one in json.loads(report.read_text())] == [None, None, "notFound"]
    assert not [job for job in rest.call("GET", "/jobs").json.get("jobs", ()) if "dryRun" in str(job)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target", "https://bigquery.googleapis.com"], "--allow-real-service"),
        (["--target", "https://bigquery.googleapis.com", "--allow-real-service"], "needs --spending-cap"),
        (
            ["--target", "http://bigquery.googleapis.com", "--allow-real-service", "--spending-cap", "1GiB"],
            "by https only",
        ),
        (["--target", "localhost:9050"], "is an address such as"),
    ],
)
def test_refusals(words: list[str], told: str, history: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workload", "run", history, *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--speed", "0"],
        ["--map-project", "a"],
        ["--spending-cap", "much"],
        ["--limit", "0"],
        ["--max-slowdown", "x"],
    ],
)
def test_wrong_usage(words: list[str], history: str) -> None:
    with pytest.raises(SystemExit):
        main(["workload", "run", history, "--target", "http://127.0.0.1:1", *words])


def test_nothing_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "h.parquet", [JobRecord("a", job_type="LOAD")])
    words = ["workload", "run", str(tmp_path / "h.parquet"), "--target", "http://127.0.0.1:1"]
    assert main(words) == 1
    assert "there is no job to run (1 LOAD jobs" in capsys.readouterr().err
    assert main(["workload", "run", str(tmp_path / "none"), "--target", "http://127.0.0.1:1"]) == 1
