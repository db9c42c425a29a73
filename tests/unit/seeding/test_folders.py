from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.seeding.folders import format_of, read_folder, stem_of


@pytest.mark.parametrize(
    ("name", "format_", "stem"),
    [
        ("orders.csv", "CSV", "orders"),
        ("orders.csv.gz", "CSV", "orders"),
        ("orders.v2.ndjson", "NEWLINE_DELIMITED_JSON", "orders.v2"),
        ("orders.PARQUET", "PARQUET", "orders"),
        ("orders.txt", None, "orders.txt"),
        ("orders", None, "orders"),
    ],
)
def test_names_tell_formats(name: str, format_: str | None, stem: str) -> None:
    assert format_of(Path(name)) == format_
    assert stem_of(Path(name)) == stem


def test_a_folder(tmp_path: Path) -> None:
    for name in (
        "seed.yaml", "last.sql", "shop/views.sql", "shop/a.csv", "shop/b/1.csv", "shop/b/2.csv",
        "shop/_SUCCESS",
        "shop/c/day=2026-01-01/x=__HIVE_DEFAULT_PARTITION__/f.parquet",
        "shop/a.schema.json", "shop/.hidden.csv",
        "shop/c/notes.txt",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = read_folder(tmp_path)
    assert [p.name for p in found.seeds] == ["seed.yaml"]
    assert [(p.name, dataset) for p, dataset in found.scripts] == [("last.sql", None), ("views.sql", "shop")]
    assert {key: [f.path.name for f in files] for key, files in found.tables.items()} == {
        ("shop", "a"): ["a.csv"],
        ("shop", "b"): ["1.csv", "2.csv"],
        ("shop", "c"): ["f.parquet"],
    }
    assert found.tables["shop", "c"][0].pairs == (("day", "2026-01-01"), ("x", None))
    assert found.schemas["shop", "a"].name == "a.schema.json"
