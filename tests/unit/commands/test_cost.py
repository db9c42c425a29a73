"""The command as it is used in a repository: baseline, check, approve, reports."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bqsim.cli import main
from bqsim.simulator import Simulator

WAREHOUSE = Path(__file__).parents[1] / "cost" / "warehouse.yaml"
Cost = Callable[..., tuple[int, str, str]]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    (tmp_path / "sql" / "finance").mkdir(parents=True)
    shutil.copy(WAREHOUSE, tmp_path / "tables.yaml")
    (tmp_path / "sql" / "finance" / "revenue.sql").write_text(
        "-- revenue of a day\nSELECT id, amount\nFROM sales.orders\nWHERE day = '2026-01-02'\n"
    )
    (tmp_path / "sql" / "customers.sql").write_text("SELECT id, name FROM sales.customers\n")
    (tmp_path / "cost-policy.yaml").write_text(
        "queries:\n  - {match: 'sql/finance/*', owner: finance, schedule: hourly}\n"
    )
    return tmp_path


@pytest.fixture
def cost(capsys: pytest.CaptureFixture[str]) -> Cost:
    def run(act: str, *words: str) -> tuple[int, str, str]:
        code = main(["cost", act, "sql", "--tables", "tables.yaml", "--project", "shop", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_from_the_baseline_to_an_approved_change(repository: Path, cost: Cost) -> None:
    assert cost("check")[0] == 2
    code, out, _ = cost("baseline")
    assert (code, out) == (0, "cost-baseline.yaml: 2 queries\n")
    first = Path("cost-baseline.yaml").read_bytes()
    assert cost("baseline")[0] == 2
    assert cost("baseline", "--force")[0] == 0
    assert Path("cost-baseline.yaml").read_bytes() == first
    assert cost("check")[0] == 0

    revenue = repository / "sql" / "finance" / "revenue.sql"
    revenue.write_text("-- revenue\nSELECT *\nFROM sales.orders\n")
    files = ("cost.html", "cost.md", "out/junit.xml", "cost.sarif", "cost.json")
    code, out, _ = cost("check", *(word for file in files for word in ("--report", file)))
    assert code == 1
    assert "FAIL  sql/finance/revenue.sql (sql/finance/revenue.sql:2): costs more" in out
    found = json.loads(Path("cost.json").read_text())["queries"][0]
    assert [c["code"] for c in found["causes"]] == ["lost_partition_filter", "select_star"]
    assert found["month"]["expected"] == pytest.approx(730 * (136e9 - 4105660376) / 2**40 * 6.25, rel=1e-4)
    place = json.loads(Path("cost.sarif").read_text())["runs"][0]["results"][0]["locations"][0]
    assert place["physicalLocation"]["region"] == {"startLine": 2}
    assert all(Path(file).stat().st_size for file in files)

    code, out, _ = cost("approve", "--query", "sql/customers.sql", "--why", "x")
    assert (code, out) == (0, "nothing has changed\n")
    code, out, _ = cost("approve", "--by", "anna", "--why", "new dashboard")
    assert (code, out) == (0, "cost-baseline.yaml: approved sql/finance/revenue.sql\n")
    text = Path("cost-baseline.yaml").read_text()
    assert "  by: anna\n  why: new dashboard\n  queries: [sql/finance/revenue.sql]\n" in text
    assert cost("check")[0] == 0


def test_a_report_to_standard_output_and_wrong_usage(repository: Path, cost: Cost) -> None:
    code, out, _ = cost("report", "--report", "json=-")
    assert code == 0
    assert {q["verdict"] for q in json.loads(out)["queries"]} == {"new"}
    code, _, error = cost("check", "--report", "pdf=x")
    assert code == 2
    assert "cost-baseline.yaml: there is no baseline yet" in error
    cost("baseline")
    code, _, error = cost("check", "--report", "pdf=x")
    assert (code, "the formats are text" in error) == (2, True)
    code, _, error = cost("check", "--at", "noon")
    assert (code, "--at" in error) == (2, True)


def test_budgets_shut_the_gate(repository: Path, cost: Cost) -> None:
    policy = repository / "cost-policy.yaml"
    policy.write_text(policy.read_text() + "budgets:\n  - {owner: finance, money: 1}\n")
    code, out, _ = cost("report")
    assert code == 1
    assert "OVER  budget of owner finance: 17.04 USD a month of 1.00 USD" in out
    policy.write_text("budgets:\n  - {owner: finance}\n")
    code, _, error = cost("report")
    assert code == 2
    assert "cost-policy.yaml:2:" in error


def test_queries_that_fail_are_told(repository: Path, cost: Cost) -> None:
    (repository / "sql" / "broken.sql").write_text("SELECT x FROM sales.nowhere\n")
    code, out, error = cost("baseline")
    assert code == 1
    assert "1 could not be measured" in out
    assert "sql/broken.sql: " in error and "nowhere" in error


def test_explaining(repository: Path, cost: Cost) -> None:
    code, out, _ = cost("explain", "--query", "*revenue*")
    assert code == 0
    assert "shop.sales.orders: 3.82 GiB\n    columns: id, day, amount\n    partitions: 1 of 4\n" in out
    assert "day: the filter leaves out what it does not need" in out
    assert "customers" not in out
    assert cost("explain", "--query", "none")[0] == 2


def test_a_back_test(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def row(n: int, sql: str, processed: int) -> dict[str, object]:
        return {
            "job_id": f"j{n}",
            "project_id": "shop",
            "job_type": "QUERY",
            "state": "DONE",
            "query": sql,
            "creation_time": f"2026-01-04T0{n}:00:00Z",
            "total_bytes_processed": str(processed),
            "total_bytes_billed": str(-(-processed // 2**20) * 2**20),
        }

    right = [row(n, "SELECT id, name FROM sales.customers", 300_000_000) for n in range(1, 5)]
    Path("jobs.json").write_text(json.dumps(right))
    words = ["cost", "backtest", "jobs.json", "--tables", "tables.yaml"]
    assert main([*words, "--json", "--exact-at-least", "100 %"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["compared"], found["exact"], found["exact_billed"]) == (4, 1, 1)
    Path("jobs.json").write_text(json.dumps([*right, row(5, "SELECT sku FROM sales.items", 10**9)]))
    assert main(words) == 1
    said = capsys.readouterr()
    assert "80.00% exact" in said.out
    assert "80.00% of runs are within 5.00%, 95.00% are needed" in said.err


def test_the_queries_that_export_tables_and_the_prices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "import-query", "--project", "real", "--region", "eu"]) == 0
    out = capsys.readouterr().out
    assert "`real`.`region-eu`.INFORMATION_SCHEMA.COLUMNS" in out
    assert main(["cost", "prices", "--on", "2026-01-01"]) == 0
    assert "6.25 USD a TiB, 1.00 TiB a month free" in capsys.readouterr().out
    assert main(["cost", "prices", "--region", "mars"]) == 2
    assert main(["cost", "prices", "--on", "x"]) == 2


def test_a_running_simulator_has_the_tables(
    repository: Path, bqsim: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    bqsim.data(repository / "tables.yaml")
    words = ["sql", "--url", bqsim.url, "--project", bqsim.project]
    assert main(["cost", "baseline", *words]) == 0
    assert main(["cost", "explain", *words, "--query", "*customers*"]) == 0
    assert "processes 286.10 MiB" in capsys.readouterr().out
    (repository / "sql" / "customers.sql").write_text("SELECT * FROM sales.customers\n")
    assert main(["cost", "check", *words]) == 1
    assert "costs more" in capsys.readouterr().out
    assert main(["cost", "check", "sql", "--url", "http://127.0.0.1:1"]) == 2
    assert "no server answers" in capsys.readouterr().err


def test_money_by_reservations_that_a_file_describes(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(slot_ms: int) -> str:
        jobs = [
            {
                "job_id": f"j{hour}",
                "project_id": "shop",
                "job_type": "QUERY",
                "statement_type": "SELECT",
                "state": "DONE",
                "priority": "INTERACTIVE",
                "query": "SELECT id, name FROM sales.customers",
                "creation_time": f"2026-01-02T{hour:02}:00:00Z",
                "start_time": f"2026-01-02T{hour:02}:00:00Z",
                "end_time": f"2026-01-02T{hour:02}:00:10Z",
                "total_slot_ms": slot_ms,
                "total_bytes_processed": 300_000_000,
                "total_bytes_billed": 300_000_000,
                "labels": [{"key": "query", "value": "customers"}],
            }
            for hour in range(24)
        ]
        return "\n".join(json.dumps(job) for job in jobs)

    def cost(act: str, *words: str) -> Any:
        files = ["jobs.json", "--tables", "tables.yaml", "--project", "shop", "--quiet", *words]
        main(["cost", act, *files])
        said = capsys.readouterr()
        assert not said.err
        return json.loads(said.out) if said.out else None

    Path("cost-policy.yaml").write_text("pricing: {model: editions}\nslots: {discard: 0}\n")
    Path("scaled.yaml").write_text("reservations: {etl: {autoscale_max_slots: 500}}\n")
    Path("baseline.yaml").write_text("reservations: {etl: {slot_capacity: 50}}\n")
    Path("jobs.json").write_text(rows(100_000))
    cost("baseline")
    Path("jobs.json").write_text(rows(200_000))
    report = ("--report", "json=-")
    used, scaled, always = (
        cost("check", *report, *more)
        for more in ((), ("--capacity", "scaled.yaml"), ("--capacity", "baseline.yaml"))
    )

    def month(found: Any) -> tuple[float, float]:
        return found["month"]["before"], found["month"]["after"]

    def added(found: Any) -> float:
        (query,) = found["queries"]
        assert query["verdict"] == "regression"
        return float(query["month"]["expected"])

    # Each hour: 10 or 20 slots for ten seconds; 50 slots for a minute; 50 slots always.
    assert month(used) == pytest.approx((730 * 100 / 3600 * 0.06, 730 * 200 / 3600 * 0.06), rel=0.06)
    assert month(scaled) == pytest.approx((730 * 50 / 60 * 0.06,) * 2, rel=0.06)
    assert month(always) == pytest.approx((50 * 730 * 0.06,) * 2)
    assert added(used) == pytest.approx(730 * 100 / 3600 * 0.06, rel=0.06)
    assert added(scaled) == added(always) == pytest.approx(0)
    Path("cost-policy.yaml").write_text(
        "pricing: {model: editions, capacity: scaled.yaml}\nslots: {discard: 0}\n"
    )
    assert cost("check", *report) == scaled
    assert "slots as the reservations of scaled.yaml" in str(scaled["prices"])
    assert main(["cost", "check", "jobs.json", "--tables", "tables.yaml", "--capacity", "no.yaml"]) == 2
    assert "no.yaml" in capsys.readouterr().err
