from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bqsim.cli import main
from bqsim.contract.errors import ContractError
from bqsim.contract.tables import Pins, pin, sql_problems, table_differences
from bqsim.contract.targets import Target
from bqsim.simulator import Simulator, start

PINS = """
project: shop-prod
tables:
  shop.orders:
    schema:
      - {name: day, type: DATE, mode: REQUIRED}
      - {name: id, type: INT64}
      - {name: lines, type: RECORD, mode: REPEATED, fields: [{name: sku, type: STRING}]}
    timePartitioning: {type: DAY, field: day}
    clustering: {fields: [id]}
    requirePartitionFilter: true
sql: [queries/*.sql]
"""
QUERIES = {
    "good": "SELECT id, l.sku FROM shop.orders, UNNEST(lines) AS l WHERE day = DATE '2026-01-01'",
    "named": "SELECT id FROM `shop-prod.shop.orders` WHERE day > '2026-01-01'",
    "lost_column": "SELECT id,\n  colour FROM shop.orders WHERE day = '2026-01-01'",
    "lost_filter": "SELECT id FROM shop.orders",
    "wrong_type": "SELECT id + sku FROM shop.orders, UNNEST(lines) WHERE day = '2026-01-01'",
    "no_table": "SELECT 1 FROM shop.customers",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with start(seed=4) as simulator:
        yield simulator


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    (tmp_path / "queries").mkdir()
    for name, sql in QUERIES.items():
        (tmp_path / "queries" / f"{name}.sql").write_text(sql)
    path = tmp_path / "pins.yaml"
    path.write_text(PINS)
    return path


def test_sql_is_held_to_tables_without_an_endpoint(pins: Path) -> None:
    refused = {one.path.stem: one for one in sql_problems(Pins.load(pins))}
    assert sorted(refused) == ["lost_column", "lost_filter", "no_table", "wrong_type"]
    assert "colour" in refused["lost_column"].message
    assert refused["lost_column"].line == 2
    assert "without a filter over column(s) 'day'" in refused["lost_filter"].message
    assert "shop.customers" in refused["no_table"].message


def made(server: Simulator, project: str, **changes: Any) -> Target:
    target = Target("here", server.url, project=project)
    base = f"/bigquery/v2/projects/{project}/datasets"
    target.call("POST", base, body={"datasetReference": {"datasetId": "shop"}})
    fields = [
        {"name": "day", "type": "DATE", "mode": "REQUIRED"},
        {"name": "id", "type": "INTEGER"},
        {
            "name": "lines",
            "type": "RECORD",
            "mode": "REPEATED",
            "fields": [{"name": "sku", "type": "STRING"}],
        },
    ]
    body = {
        "tableReference": {"tableId": "orders"},
        "schema": {"fields": fields},
        "timePartitioning": {"type": "DAY", "field": "day"},
        "clustering": {"fields": ["id"]},
        "requirePartitionFilter": True,
    }
    if "fields" in changes:
        body["schema"] = {"fields": changes.pop("fields")(fields)}
    assert target.call("POST", f"{base}/shop/tables", body=body | changes).ok
    return target


def test_tables_are_pinned_and_as_pinned(server: Simulator, pins: Path) -> None:
    target = made(server, "same")
    told = pin(target, ["shop"])
    assert told.tables == Pins.load(pins).tables
    assert list(table_differences(Pins.load(pins), target)) == []
    with pytest.raises(ContractError, match="nowhere"):
        pin(target, ["nowhere"])


@pytest.mark.parametrize(
    ("project", "changes", "told"),
    [
        ("a", {"requirePartitionFilter": False}, [("requirePartitionFilter", "missing")]),
        ("b", {"clustering": {"fields": ["day"]}}, [("clustering.fields[0]", "value")]),
        ("c", {"timePartitioning": {"type": "MONTH", "field": "day"}}, [("timePartitioning.type", "value")]),
        ("d", {"fields": lambda f: [f[0], {**f[1], "type": "STRING"}, f[2]]}, [("schema.id.type", "value")]),
        ("e", {"fields": lambda f: [{**f[0], "mode": "NULLABLE"}, *f[1:]]}, [("schema.day.mode", "value")]),
        ("f", {"fields": lambda f: f[:2]}, [("schema.lines", "missing")]),
        ("g", {"fields": lambda f: [*f, {"name": "more", "type": "STRING"}]}, [("schema.more", "extra")]),
        ("h", {"fields": lambda f: [f[0], f[2], f[1]]}, []),
    ],
)
def test_what_is_not_as_pinned_is_named(
    project: str, changes: dict[str, Any], told: Any, server: Simulator, pins: Path
) -> None:
    found = list(table_differences(Pins.load(pins), made(server, f"project-{project}", **changes)))
    assert [(d.path, d.kind) for _, d in found] == told


def test_a_table_that_is_gone(server: Simulator, pins: Path) -> None:
    [(name, difference)] = table_differences(Pins.load(pins), Target("x", server.url, project="nothing"))
    assert (name, difference.path, difference.kind) == ("shop.orders", "table", "missing")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1", "there are no tables"),
        ("tables: {orders: {schema: []}}", "orders: a table is named dataset.table"),
        ("tables: {a.b: {schema: 3}}", "a.b: schema is a list"),
        ("tables: {a.b: {schema: [], colour: red}}", "a.b: there is no colour"),
        ("tables: [", "not YAML"),
    ],
)
def test_files_that_are_wrong_are_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pins.yaml"
    path.write_text(text)
    with pytest.raises(ContractError, match=message):
        Pins.load(path)


def test_the_commands(
    server: Simulator, pins: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(server, "commands")
    log = tmp_path / "log.sarif"
    target = f"{server.url},project=commands"
    assert main(["contract", "pin", target, "shop", "-o", str(tmp_path / "new.yaml")]) == 0
    assert Pins.load(tmp_path / "new.yaml").tables == Pins.load(pins).tables
    good = str(tmp_path / "queries" / "good.sql")
    assert main(["contract", "tables", str(pins), "--target", target, "--sql", good]) == 0
    assert main(["contract", "tables", str(pins), "--sarif", str(log)]) == 1
    assert "1 tables, 6 files of SQL: 4 problems" in capsys.readouterr().out
    assert log.read_text().count('"ruleId"') == 4
