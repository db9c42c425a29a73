from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqsim.seeding import SeedError
from bqsim.seeding.exports import read_exports

OPTIONS = {"table_schema": "d", "table_name": "t", "option_name": "description", "option_value": '"x"'}


def test_files_of_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("table_schema,table_name,column_name,data_type\nd,t,id,INT64\n")
    (tmp_path / "b.json").write_text(
        '[{"table_schema": "d", "table_name": "t", "view_definition": "SELECT 1"}]'
    )
    with gzip.open(tmp_path / "c.ndjson.gz", "wt") as file:
        file.write('{"schema_name": "d", "location": "EU"}\n{"schema_name": "e", "location": "US"}\n')
    pq.write_table(pa.Table.from_pylist([OPTIONS]), tmp_path / "d.parquet")
    (tmp_path / "e.json").write_text('{"kind": "bigquery#table", "tableReference": {}}')
    found = read_exports([tmp_path])
    assert {view: len(rows) for view, rows in found.items()} == {
        "COLUMNS": 1,
        "VIEWS": 1,
        "SCHEMATA": 2,
        "TABLE_OPTIONS": 1,
        "table": 1,
    }
    assert found["TABLE_OPTIONS"] == [OPTIONS]


@pytest.mark.parametrize(
    ("columns", "view"),
    [
        ("table_schema table_name column_name field_path data_type description", "COLUMN_FIELD_PATHS"),
        ("table_schema table_name column_name data_type ordinal_position is_nullable", "COLUMNS"),
        ("project_id table_schema table_name total_rows total_logical_bytes", "TABLE_STORAGE"),
        ("table_schema table_name partition_id total_rows total_logical_bytes", "PARTITIONS"),
        ("constraint_name table_schema table_name column_name ordinal_position", "KEY_COLUMN_USAGE"),
        ("table_schema table_name table_type ddl creation_time", "TABLES"),
        ("project_id dataset_id table_id row_count size_bytes", "__TABLES__"),
        ("routine_schema routine_name ddl", "ROUTINES"),
    ],
)
def test_views_are_known_by_their_columns(tmp_path: Path, columns: str, view: str) -> None:
    path = tmp_path / "x.csv"
    names = columns.upper().split()
    path.write_text(",".join(names) + "\n" + ",".join("1" * len(names)) + "\n")
    path.write_text(path.read_text().lower())
    assert list(read_exports([path])) == [view]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(SeedError, match=r"other\.csv: these are rows of no view that is imported \(a, b\)"):
        read_exports([other])
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    with pytest.raises(SeedError, match=r"bad\.json: cannot be read"):
        read_exports([bad])
    with pytest.raises(SeedError, match="there is no such file"):
        read_exports([tmp_path / "none.csv"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SeedError, match="no exported files"):
        read_exports([tmp_path / "empty"])
