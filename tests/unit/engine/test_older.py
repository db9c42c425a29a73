from __future__ import annotations

from pathlib import Path

from bqsim.engine.older import brought_up
from tests.unit.sql.warehouse import Warehouse, new_warehouse


def _closed(warehouse: Warehouse) -> None:
    warehouse.session.close()
    warehouse.engine.close()
    warehouse.googlesql.close()


def test_tables_by_ingestion_time_get_the_column_of_their_partitions(tmp_path: Path) -> None:
    first = new_warehouse(tmp_path)
    first.script(
        "CREATE TABLE t (n INT64) PARTITION BY _PARTITIONDATE; INSERT t (n) VALUES (1), (2);"
        " CREATE TABLE h (n INT64) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR);"
        " ALTER TABLE t ADD COLUMN m INT64; CREATE TABLE p (d DATE) PARTITION BY d"
    )
    assert brought_up(first.engine, first.engine.metadata()) == first.engine.metadata()
    # As a version without the column has left it.
    for kind, key, text in first.engine.metadata():
        if kind in ("table", "history"):
            first.session.put_metadata(kind, key, text.replace(',"partition":"_partition"', ""))
    for name in ("t", "h"):
        storage = first.table(name).storage
        assert storage is not None
        first.session.execute(f"ALTER TABLE {storage.engine_table} DROP COLUMN _partition")
    _closed(first)

    again = new_warehouse(tmp_path, older=True)
    try:
        assert again.rows("SELECT n, _PARTITIONDATE = CURRENT_DATE() AS today FROM t ORDER BY n") == [
            [1, True],
            [2, True],
        ]
        again.run("INSERT t (n) VALUES (3)")
        assert again.rows("SELECT COUNT(*) FROM t WHERE _PARTITIONTIME = TIMESTAMP(CURRENT_DATE())") == [[3]]
        assert again.rows("SELECT n FROM h WHERE _PARTITIONTIME IS NULL") == []
        assert again.table("p").storage.partition is None  # type: ignore[union-attr]
        past = again.catalog.history.past(again.table("t").ref)
        assert [v.table.storage.partition for v in past if v.table.storage] == ["_partition"]
        records = again.engine.metadata()
        assert brought_up(again.engine, records) == records
    finally:
        _closed(again)
