from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.cost.errors import CostError
from bqsim.cost.sources import read_workload


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_of_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(Path("sql/a.sql"), "-- about\n\nSELECT 1\n")
    put(Path("sql/b/c.sql"), "SELECT 2")
    put(Path("sql/empty.sql"), "-- nothing\n")
    found = read_workload(["sql"])
    assert [(q.name, q.file, q.line) for q in found.queries] == [
        ("sql/a.sql", "sql/a.sql", 3),
        ("sql/b/c.sql", "sql/b/c.sql", 1),
    ]
    assert found.notes == ("sql/empty.sql: there is no statement in it",)


def test_templates_are_refused_by_line(tmp_path: Path) -> None:
    path = put(tmp_path / "a.sql", "SELECT 1\nFROM {{ ref('x') }}")
    with pytest.raises(CostError, match=r"a\.sql:2: .*not rendered"):
        read_workload([path])


def test_a_list(tmp_path: Path) -> None:
    put(tmp_path / "q.sql", "SELECT 3")
    path = put(
        tmp_path / "list.yaml",
        """\
name: nightly
owner: data
project: p
queries:
  - name: one
    sql: SELECT @n
    schedule: hourly
    owner: me
    labels: {team: t}
    destination: d.out
    max_bytes_billed: 10 GiB
    parameters: {n: 5, names: [a, b], day: {type: DATE, value: "2026-01-01"}}
  - q.sql
  - {sql: SELECT 4, runs_per_month: 7, use_cache: false, legacy: true, configuration: {priority: BATCH}}
""",
    )
    found = read_workload([path])
    one, two, three = found.queries
    assert (found.name, one.owner, one.labels, round(one.rate.per_month)) == (
        "nightly",
        "me",
        {"team": "t"},
        730,
    )
    assert one.destination == "p.d.out"
    assert one.max_bytes_billed == 10 * 2**30
    parameters = {p["name"]: p for p in one.configuration["queryParameters"]}
    assert parameters["n"]["parameterType"] == {"type": "INT64"}
    assert parameters["names"]["parameterValue"] == {"arrayValues": [{"value": "a"}, {"value": "b"}]}
    assert parameters["day"]["parameterType"] == {"type": "DATE"}
    assert (two.name, two.sql, two.owner) == ("q.sql", "SELECT 3", "data")
    assert three.configuration == {"priority": "BATCH", "useQueryCache": False, "useLegacySql": True}
    assert (three.name, three.rate.per_month, three.line) == (three.fingerprint, 7, 14)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("queries:\n  - {name: a}\n", "list.yaml:2:.*text .* or a 'file'"),
        ("queries:\n  - {sql: SELECT 1, schedule: sometimes}\n", "list.yaml:2:.*no schedule"),
        ("queries:\n  - {file: none.sql}\n", "list.yaml:2:.*none.sql"),
        ("queries:\n  - {sql: SELECT 1, destination: x}\n", "list.yaml:2:.*no table"),
        ("queries:\n  - {sql: SELECT 1, name: a}\n  - {sql: SELECT 2, name: a}\n", "is given twice"),
        ("querys: []\n", "list.yaml:1:.*queries"),
    ],
)
def test_wrong_lists_are_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(CostError, match=told):
        read_workload([put(tmp_path / "list.yaml", text)])


def test_a_dbt_project_is_what_it_ran(tmp_path: Path) -> None:
    target = tmp_path / "shop" / "target"
    put(target / "compiled/shop/models/a.sql", "SELECT 1")
    put(target / "compiled/shop/models/b.sql", "SELECT 2")
    put(target / "compiled/shop/models/v.sql", "SELECT 3")
    put(target / "compiled/shop/models/i.sql", "SELECT 4")
    put(
        target / "run/shop/models/b.sql",
        "MERGE INTO d.b USING (SELECT 2) ON FALSE WHEN NOT MATCHED THEN INSERT ROW",
    )
    config = {"a": ("table", {}), "b": ("incremental", {}), "v": ("view", {}), "i": ("incremental", {})}
    nodes = {
        f"model.shop.{name}": {
            "resource_type": "model",
            "original_file_path": f"models/{name}.sql",
            "database": "prod",
            "config": {"materialized": kind, "meta": {"owner": "data"}, "labels": {"team": "t"}},
        }
        for name, (kind, _) in config.items()
    }
    put(target / "manifest.json", json.dumps({"nodes": nodes}))
    found = read_workload([tmp_path / "shop"])
    assert found.name == "shop"
    assert {q.name: q.sql.split()[0] for q in found.queries} == {
        "models/a.sql": "SELECT",
        "models/b.sql": "MERGE",
        "models/i.sql": "SELECT",
    }
    assert {(q.owner, q.project, q.labels["team"]) for q in found.queries} == {("data", "prod", "t")}
    assert len(found.notes) == 2
    assert read_workload([target]).name == "shop"


def test_several_sources_are_one_workload(tmp_path: Path) -> None:
    put(tmp_path / "a.sql", "SELECT 1")
    found = read_workload([tmp_path / "a.sql", tmp_path / "a.sql"], "both")
    first, second = (q.name for q in found.queries)
    assert second == f"{first}#2"
    assert found.name == "both"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CostError, match="no such file"):
        read_workload([tmp_path / "none"])
    with pytest.raises(CostError, match="name the queries"):
        read_workload([])
    with pytest.raises(CostError, match="no queries"):
        read_workload([put(tmp_path / "x.sql", "-- none")])
