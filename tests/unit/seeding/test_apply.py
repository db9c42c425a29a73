from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from bqsim.seeding import Api, Existing, SeedError, check, seed
from bqsim.simulator import Simulator

from .conftest import Reading

SEED = """
datasets:
  shop:
    description: A shop
    labels: {team: sales}
    tables:
      orders:
        description: Orders
        schema: {id: INT64 NOT NULL, day: DATE, tags: ARRAY<STRING>}
        partition_by: {field: day, expiration: 36500d}
        cluster_by: [id]
        require_partition_filter: false
        primary_key: [id]
        rows:
          - {id: 1, day: "2026-01-31", tags: [a, b]}
          - {id: 2, day: "2026-02-01"}
        policies: [{name: p1, filter: id > 1, grantees: [allAuthenticatedUsers]}]
      guessed: {rows: [{b: 1, a: "2026-01-01"}], labels: {k: v}, partition_by: a}
      made: {schema: {id: INT64}, generate: {rows: 5, columns: {id: {sequence: true}}}}
    views:
      # Refers to what comes later.
      outer_view: SELECT shop.f(n) AS n FROM shop.inner_view
      inner_view: {query: SELECT COUNT(*) AS n FROM shop.made, description: How many}
    routines: {f: CREATE FUNCTION f(x INT64) AS (x + 1)}
sql: [INSERT INTO shop.guessed (b) VALUES (7)]
"""


def test_everything_of_a_seed(api: Api, rows: Reading) -> None:
    report = seed(api, SEED)
    assert report.tables == {"shop.orders": 2, "shop.guessed": 1, "shop.made": 5}
    assert (report.views, report.routines) == (["shop.inner_view", "shop.outer_view"], ["shop.f"])
    assert report.summary() == "made 3 tables, 2 views, 1 routine, 1 policy, 1 script"
    assert rows(api, "SELECT * FROM shop.orders") == [(2, dt.date(2026, 2, 1), [])]
    assert rows(api, "SELECT * FROM shop.guessed ORDER BY b") == [(1, dt.date(2026, 1, 1)), (7, None)]
    assert rows(api, "SELECT n FROM shop.outer_view") == [(6,)]
    assert api.call("GET", "datasets/shop")["labels"] == {"team": "sales"}
    orders = api.call("GET", "datasets/shop/tables/orders")
    assert orders["timePartitioning"] == {"type": "DAY", "field": "day", "expirationMs": "3153600000000"}
    assert orders["clustering"] == {"fields": ["id"]}
    assert orders["tableConstraints"] == {"primaryKey": {"columns": ["id"]}}
    guessed = api.call("GET", "datasets/shop/tables/guessed")
    assert (guessed["labels"], guessed["timePartitioning"]["field"]) == ({"k": "v"}, "a")


def test_seeds_again(api: Api, rows: Reading) -> None:
    seed(api, SEED)
    with pytest.raises(
        SeedError, match=r"seed:8:9: shop\.orders is there already: --replace takes its place"
    ):
        seed(api, SEED)
    kept = seed(api, SEED, existing=Existing.KEEP)
    assert (kept.tables, len(kept.kept), kept.scripts) == ({}, 6, 0)
    api.query("DROP TABLE shop.made")
    assert seed(api, SEED, existing="if-missing").tables == {"shop.made": 5}
    assert seed(api, SEED, existing="replace").tables == {"shop.orders": 2, "shop.guessed": 1, "shop.made": 5}
    assert rows(api, "SELECT COUNT(*) FROM shop.guessed") == [(2,)]


def test_generated_rows_follow_the_seed(api: Api, rows: Reading) -> None:
    text = "datasets: {d: {tables: {t: {schema: {id: INT64, name: STRING}, generate: 20}}}}\n"
    found = []
    for number in (1, 2, 1):
        seed(api, text, existing="replace", random_seed=number)
        found.append(rows(api, "SELECT TO_JSON_STRING(t) AS j FROM d.t ORDER BY j"))
    assert found[0] == found[2] != found[1]


def test_what_the_server_refuses_is_told_with_its_line(api: Api) -> None:
    text = "datasets:\n  d: {tables: {t: {schema: {id: INT64}, rows: [{wide: 1}]}}}\n"
    with pytest.raises(SeedError, match=r"seed:2:19: table d\.t: .*wide"):
        seed(api, text)
    with pytest.raises(SeedError, match=r"seed:1:28: d2\.v: .*nowhere"):
        seed(api, "datasets: {d2: {views: {v: SELECT * FROM d2.nowhere}}}\n")
    with pytest.raises(SeedError, match=r"seed:1:7: .*Syntax error"):
        seed(api, "sql: [SELEC 1]\n")


def test_paths_are_relative_to_the_seed(api: Api, rows: Reading, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("name,n\nx,1\n")
    (tmp_path / "data/b.csv").write_text("name,n\ny,2\n")
    (tmp_path / "end.sql").write_text("CREATE TABLE d.copied AS SELECT * FROM d.t")
    path = tmp_path / "seed.yaml"
    path.write_text('datasets: {d: {tables: {t: {files: ["data/*.csv"]}}}}\nsql: [{file: end.sql}]\n')
    assert seed(api, path).tables == {"d.t": 2}
    assert rows(api, "SELECT name, n FROM d.copied ORDER BY n") == [("x", 1), ("y", 2)]
    path.write_text('datasets: {d: {tables: {u: {files: ["none/*.csv"]}}}}\n')
    with pytest.raises(SeedError, match=r"seed\.yaml:1:37: no file matches 'none/\*\.csv'"):
        seed(api, path)


def test_scripts_and_folders(api: Api, rows: Reading, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/t.ndjson").write_text('{"id": 1}\n{"id": 2}\n')
    (tmp_path / "d/u.csv").write_text("b,a\nx,1\n")
    (tmp_path / "d/u.schema.json").write_text(
        json.dumps([{"name": "a", "type": "STRING"}, {"name": "b", "type": "STRING"}])
    )
    (tmp_path / "d/v.sql").write_text("CREATE VIEW v AS SELECT MAX(id) AS n FROM d.t")
    (tmp_path / "z.sql").write_text("CREATE TABLE d.w AS SELECT n FROM d.v")
    report = seed(api, tmp_path)
    assert (report.tables, report.scripts) == ({"d.t": 2, "d.u": 1}, 2)
    assert rows(api, "SELECT * FROM d.w") == [(2,)]
    assert rows(api, "SELECT a, b FROM d.u") == [("1", "x")]


def test_nothing_is_seeded_by_what_is_no_seed(api: Api, tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="there is no such file"):
        check(tmp_path / "none.yaml2")
    with pytest.raises(SeedError, match="nothing to seed"):
        check(tmp_path)
    # All is read before anything is written.
    with pytest.raises(SeedError):
        seed(api, "datasets: {d: {}}\n", "datasets: {e: {tabels: {}}}\n")
    assert api.find("datasets/d") is None


def test_another_project(api: Api, rows: Reading) -> None:
    other = api.within(f"{api.project[:20]}-other")
    seed(api, f"project: {other.project}\ndatasets: {{d: {{tables: {{t: {{rows: [{{n: 1}}]}}}}}}}}\n")
    assert rows(other, "SELECT n FROM d.t") == [(1,)]
    assert api.find("datasets/d") is None


def test_nothing_befalls_seeds_and_the_journal_is_silent(own_simulator: Simulator, api: Api) -> None:
    own_simulator.faults.add("backendError", method="bigquery.*")
    own_simulator.latency.add("1h")
    try:
        seed(api, SEED)
    finally:
        own_simulator.reset()
    assert not [call for call in own_simulator.journal.calls() if api.project in call.resource]
