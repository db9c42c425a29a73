from __future__ import annotations

import pytest

from bqsim.seeding import Api, SeedError, seed
from bqsim.seeding.importing import import_project
from bqsim.seeding.live import export
from bqsim.seeding.project import assemble

from .conftest import Reading

SOURCE = """
datasets:
  shop:
    labels: {a: b}
    tables:
      orders:
        schema: {id: INT64 NOT NULL, day: DATE, name: STRING}
        partition_by: day
        rows:
          - {id: 1, day: "2026-01-01", name: a}
          - {id: 2, day: "2026-01-02", name: bb}
      plain: {rows: [{n: 1}]}
    views:
      totals: SELECT COUNT(*) AS n FROM shop.orders
      lost: SELECT 1 AS n
    routines: {f: CREATE FUNCTION f(x INT64) AS (x + 1)}
  other: {tables: {t: {rows: [{n: 1}]}}}
"""


def test_a_project_through_the_api(api: Api, rows: Reading) -> None:
    seed(api, SOURCE)
    told: list[str] = []
    exports = export(api, column_bytes=True, say=told.append)
    assert sorted(told) == ["read other: 1 tables", "read shop: 4 tables"]
    assert {row["partition_id"] for row in exports["PARTITIONS"]} >= {"20260101", "20260102"}
    into = api.within(f"{api.project[:20]}-into")
    report = import_project(into, assemble(exports), into=into.project, say=told.append)
    assert report.tables == {"shop.orders": 2, "shop.plain": 1, "other.t": 1}
    assert sorted(report.views) == ["shop.lost", "shop.totals"]
    assert into.call("GET", "datasets/shop")["labels"] == {"a": "b"}
    for name in ("orders", "plain"):
        there, here = (one.call("GET", f"datasets/shop/tables/{name}") for one in (api, into))
        for member in ("schema", "numBytes", "numRows", "timePartitioning"):
            assert here.get(member) == there.get(member)
    shadows = into.control("GET", f"shadows?project={into.project}")["tables"]
    assert shadows["shop.orders"] == {
        "rows": 2,
        "bytes": 39,
        "partitions": 2,
        "accuracy": "PRECISE",
        "ownRows": 0,
    }
    # Imported again, what is there stays.
    assert import_project(into, assemble(exports), into=into.project, existing="if-missing").tables == {}
    with pytest.raises(SeedError, match=r"is there already: --replace"):
        import_project(into, assemble(exports), into=into.project)


def test_only_some_tables(api: Api) -> None:
    seed(api, SOURCE)
    exports = export(api, only=["shop.orders"], partitions=False)
    assert {d["datasetReference"]["datasetId"] for d in exports["dataset"]} == {"shop"}
    into = api.within(f"{api.project[:20]}-into")
    report = import_project(into, assemble(exports), into=into.project, only=["shop.orders"])
    assert (report.datasets, list(report.tables), report.views) == (["shop"], ["shop.orders"], [])


def test_views_that_are_refused_are_left_out(api: Api) -> None:
    seed(api, "datasets: {d: {tables: {t: {rows: [{n: 1}]}}, views: {v: SELECT n FROM d.t}}}\n")
    project = assemble(export(api))
    project.tables.clear()
    into, told = api.within(f"{api.project[:20]}-into"), list[str]()
    import_project(into, project, into=into.project, say=told.append)
    assert len(told) == 1 and told[0].startswith("left out: d.v: ")
