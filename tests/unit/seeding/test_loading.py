from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bqsim.seeding import Api, seed
from bqsim.seeding.folders import RowFile
from bqsim.seeding.loading import detected, hive_types, load_config

from .conftest import Reading


def test_headers_place_the_columns_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("B,a\n1,2\n")
    schema = [{"name": "a", "type": "STRING"}, {"name": "b", "type": "STRING"}]
    load = load_config(RowFile(path, "CSV"), schema)
    assert load["skipLeadingRows"] == "1"
    assert [f["name"] for f in load["schema"]["fields"]] == ["b", "a"]
    other = load_config(RowFile(path, "CSV"), [{"name": "x", "type": "STRING"}])
    assert "skipLeadingRows" not in other
    assert load_config(RowFile(tmp_path / "t.tsv", "CSV"), None)["fieldDelimiter"] == "\t"


def test_columns_of_rows_keep_their_order() -> None:
    fields = detected([{"b": 1, "a": {"y": "x", "x": True}}])
    assert [f["name"] for f in fields] == ["b", "a"]
    assert [(f["name"], f["type"]) for f in fields[1]["fields"]] == [("y", "STRING"), ("x", "BOOLEAN")]


def test_hive_values_have_types() -> None:
    files = [
        RowFile(Path("f"), "CSV", (("n", "1"), ("day", d), ("s", None))) for d in ("2026-01-01", "2026-01-02")
    ]
    assert hive_types(files, None) == {"n": "INT64", "day": "DATE", "s": "STRING"}
    assert hive_types(files, [{"name": "N", "type": "INTEGER"}])["n"] == "INT64"
    assert hive_types(files, [{"name": "day", "type": "STRING"}])["day"] == "STRING"


def test_hive_folders_of_parquet(api: Api, rows: Reading, tmp_path: Path) -> None:
    for day, ids in (("2026-01-01", [1, 2]), ("2026-01-02", [3])):
        folder = tmp_path / f"d/t/day={day}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"id": ids}), folder / "part-0.parquet")
    assert seed(api, tmp_path).tables == {"d.t": 3}
    assert rows(api, "SELECT id, day FROM d.t ORDER BY id") == [
        (1, dt.date(2026, 1, 1)),
        (2, dt.date(2026, 1, 1)),
        (3, dt.date(2026, 1, 2)),
    ]
    assert api.find("datasets/d/tables/_bqsim_seed_t") is None


def test_hive_folders_into_a_table_of_a_seed(api: Api, rows: Reading, tmp_path: Path) -> None:
    for day in ("2026-01-01", "__HIVE_DEFAULT_PARTITION__"):
        folder = tmp_path / f"files/day={day}"
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text("name,id\nx,1\n")
    path = tmp_path / "seed.yaml"
    path.write_text(
        "datasets: {d: {tables: {t: {schema: {id: INT64, day: DATE, name: STRING}, partition_by: day,\n"
        '  files: ["files/*/*.csv"]}}}}\n'
    )
    assert seed(api, path).tables == {"d.t": 2}
    found = rows(api, "SELECT id, day, name FROM d.t ORDER BY day")
    assert found == [(1, None, "x"), (1, dt.date(2026, 1, 1), "x")]
