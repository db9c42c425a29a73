from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.seeding.model import Seed
from bqsim.seeding.read import SeedError, fields_of, read_seed
from bqsim.sim.scenario.schema import json_schema

GOOD = """
project: my-project
datasets:
  shop:
    description: A shop
    labels: {team: sales}
    default_table_expiration: 7d
    tables:
      orders:
        schema:
          id: INT64 NOT NULL
          total: {type: "NUMERIC(10, 2)", description: In euros, default: "0", policy_tags: a/b}
          lines: {mode: REPEATED, fields: {sku: STRING, count: INT64}}
        partition_by: {field: id, start: 0, end: 100, interval: 10}
        cluster_by: [id]
        rows: [{id: 1}]
      listed:
        schema: [{name: id, type: INT64}, {name: tags, type: ARRAY<STRING>}]
        statistics: {rows: 10, partitions: {"20260101": {rows: 10, bytes: 80}}, generate_rows: 5}
    views: {v: SELECT 1 AS n}
    routines: {f: CREATE FUNCTION f() AS (1)}
sql: [SELECT 1, {file: a.sql}]
"""


def test_a_seed() -> None:
    loaded = read_seed(GOOD)
    shop = loaded.seed.datasets["shop"]
    assert loaded.seed.project == "my-project"
    assert (shop.labels, shop.default_table_expiration_s) == ({"team": "sales"}, 7 * 86400)
    assert (shop.views["v"].query, shop.routines["f"].sql) == ("SELECT 1 AS n", "CREATE FUNCTION f() AS (1)")
    assert [(s.text, s.file) for s in loaded.seed.sql] == [("SELECT 1", None), (None, "a.sql")]
    parts = loaded.parts["shop", "orders"]
    assert parts.rows == [{"id": 1}]
    fields = fields_of(parts)
    assert [(f.name, f.mode.value, f.default) for f in fields] == [
        ("id", "REQUIRED", None),
        ("total", "NULLABLE", "0"),
        ("lines", "REPEATED", None),
    ]
    assert [f.name for f in fields[2].fields] == ["sku", "count"]
    assert fields[1].attributes["policyTags"] == {"names": ["a/b"]}
    listed = loaded.parts["shop", "listed"]
    assert listed.statistics is not None
    assert listed.statistics.partitions == {"20260101": (10, 80, 0)}
    assert (listed.statistics.rows, listed.statistics.generate) == (10, 5)
    assert [f.mode.value for f in fields_of(listed)] == ["NULLABLE", "REPEATED"]


def _table(text: str) -> str:
    return "datasets:\n  d:\n    tables:\n      t:\n" + "".join(f"        {x}\n" for x in text.split("\n"))


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (_table("colums: {id: INT64}"), 5, "unknown key 'colums' of a table; it can be"),
        (_table("schemas: {id: INT64}"), 5, "did you mean 'schema'?"),
        (_table("schema: {id: INT, name: TXT}"), 5, "'TXT' is not a type; write a type as GoogleSQL"),
        (_table("schema: {id: INT64, id: INT64}"), 5, "Field id already exists in schema"),
        (_table('schema: {"a!b": INT64}'), 5, "Invalid field name"),
        (_table("schema: {}"), 5, "a schema has at least one column"),
        (_table("schema: INT64"), 5, "write 'schema: {id: INT64, name: STRING}'"),
        (_table("schema: {id: {kind: INT64}}"), 5, "unknown key 'kind' of a column"),
        (_table("schema: [id]"), 5, "a field is a mapping: {name: id, type: INT64, mode: REQUIRED}"),
        (_table("description: x"), 5, "the table has no 'schema', and there are neither 'rows' nor 'files'"),
        (_table("generate: 5"), 5, "the table has no 'schema', and 'generate' needs it"),
        (_table("schema: {id: INT64}\ngenerate: {rows: 5, cols: {}}"), 6, "did you mean 'columns'?"),
        (_table("schema: {id: INT64}\ngenerate: 5\nrows: []"), 6, "'generate' and 'rows' exclude each other"),
        (_table("schema: {id: INT64}\ncluster_by: [ip]"), 6, "unknown column 'ip'; it can be id"),
        (
            _table("schema: {id: INT64}\npartition_by: {field: id, start: 1}"),
            6,
            "needs 'field', 'start', 'end'",
        ),
        (_table("schema: {id: INT64}\nrows: {id: 1}"), 6, "a list of rows is wanted: '- {id: 1, name: Ada}'"),
        (_table("schema: {id: INT64}\nrows: [1]"), 6, "a row is a mapping of values by column"),
        (_table("schema: {id: INT64}\nstatistics: {row: 1}"), 6, "did you mean 'rows'?"),
        (_table("schema: {id: INT64}\nstatistics: {rows: many}"), 6, "'rows' takes a whole number"),
        (
            _table("schema: {id: INT64}\nstatistics: {partitions: {a: 1}}"),
            6,
            "takes {id: {rows: 10, bytes: 80}}",
        ),
        *(
            (
                _table(f"schema: {{id: INT64}}\nstatistics: {{rows: 1, blocks: {blocks}}}"),
                6,
                "takes [{bytes: 80",
            )
            for blocks in ("1", "[1]", "{a: 1}", "[{bytes: 1}]", "[{bytes: 1, columns: {a: [1]}}]")
        ),
        (_table("schema: {id: INT64}\nstatistics: {columns: {}}"), 6, "need 'rows', 'bytes' or 'partitions'"),
        (_table("files: a.csv"), 5, "expected a list whose entries begin with '-'"),
        (_table("files: [{path: a, format: xls}]"), 5, "unknown format 'xls'"),
        ("sql: [{}]", 1, "a script is a text or a 'file'"),
        ("datasets: {a: }}", 1, "this is not valid YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(SeedError) as caught:
        read_seed(text + "\n")
    message = str(caught.value)
    assert told in message
    assert message.startswith(f"seed:{line}:")


def test_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("dataset: {}\n")
    with pytest.raises(SeedError, match=r"s\.yaml:1:1: unknown key 'dataset' of a seed; did you mean"):
        read_seed(path)
    with pytest.raises(SeedError, match="cannot be read"):
        read_seed(tmp_path / "none.yaml")


def test_tables_and_views_have_different_names() -> None:
    text = "datasets: {d: {tables: {a: {rows: [{n: 1}]}}, views: {a: SELECT 1}}}\n"
    with pytest.raises(SeedError, match="'a' is a table of this dataset"):
        read_seed(text)


def test_the_published_schema_names_every_key() -> None:
    schema = json_schema(Seed, "bqsim seed")
    assert schema["title"] == "bqsim seed"
    table = schema["$defs"]["Table"]["properties"]
    assert {"schema", "partition_by", "rows", "files", "generate", "statistics", "policies"} <= table.keys()
