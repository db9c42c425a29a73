from __future__ import annotations

from bqsim.seeding.queries import BY_DATASET, REGIONAL, export_script, query


def test_a_query() -> None:
    assert query("TABLES", "region-us", "p") == "SELECT * FROM `p`.`region-us`.INFORMATION_SCHEMA.TABLES"
    assert query("TABLES", "d") == "SELECT * FROM `d`.INFORMATION_SCHEMA.TABLES"


def test_the_script_exports_every_view() -> None:
    script = export_script("p", "EU", ())
    for view in (*REGIONAL, *BY_DATASET):
        assert f"INFORMATION_SCHEMA.{view}" in script
    assert "`region-eu`" in script


def test_the_script_of_some_datasets() -> None:
    script = export_script("p", "us", ["a", "b"])
    assert "`p`.`b`.INFORMATION_SCHEMA.PARTITIONS' > export/PARTITIONS_b.json" in script
    assert 'WHERE table_schema IN ("a", "b")' in script
