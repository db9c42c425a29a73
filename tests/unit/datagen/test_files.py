from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqsim.cli import main
from bqsim.datagen import SpecError, generate
from bqsim.datagen.files import csv_table, format_of, named, ndjson, write
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.values import array_of_values, parse_row, python_values, table_from_rows

_PLAIN = [kind for kind in TypeKind if kind not in (TypeKind.ARRAY, TypeKind.STRUCT, TypeKind.RANGE)]
SCALARS = (
    *(Field(f"c_{kind.value.lower()}", kind) for kind in _PLAIN),
    Field("span", TypeKind.RANGE, range_element=TypeKind.TIMESTAMP),
    Field("email", TypeKind.STRING),
)
NESTED = (
    *SCALARS,
    Field("tags", TypeKind.STRING, Mode.REPEATED),
    Field(
        'o "n"',
        TypeKind.STRUCT,
        Mode.REPEATED,
        (
            Field("at", TypeKind.DATETIME),
            Field("in", TypeKind.STRUCT, fields=(Field("x", TypeKind.INTERVAL),)),
        ),
    ),
)


def rows_of(table: pa.Table, fields: tuple[Field, ...]) -> list[list[Any]]:
    columns = [python_values(c, f.type) for c, f in zip(table.columns, fields, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def test_ndjson_reads_back_as_the_same_rows() -> None:
    table = generate(NESTED, 300, seed=4, null_share=0.2)
    lines = ndjson(NESTED, table).decode().splitlines()
    assert [parse_row(json.loads(line), NESTED) for line in lines] == rows_of(table, NESTED)


def test_ndjson_of_texts_that_need_escapes() -> None:
    fields = (Field("s", TypeKind.STRING), Field("j", TypeKind.JSON), Field("f", TypeKind.FLOAT64))
    rows = [['a"b\\\n\u0001é', '"text"', float("inf")], ["", '{"a":"\\n"}', 1.5], [None, None, None]]
    text = ndjson(fields, table_from_rows(fields, rows)).decode()
    assert [parse_row(json.loads(line), fields) for line in text.splitlines()] == rows
    assert '"j":{"a":"\\n"}' in text
    assert ndjson(fields, table_from_rows(fields, [])) == b""


def test_csv_tells_null_from_empty_and_refuses_nested_columns() -> None:
    fields = (Field("s", TypeKind.STRING), Field("n", TypeKind.INT64), Field("b", TypeKind.BYTES))
    table = table_from_rows(fields, [["", 1, b"ab"], [None, None, None], ["a,b", 2, b""]])
    out = io.BytesIO()
    assert write(out, "csv", fields, [table, table]) == 6
    lines = out.getvalue().decode().splitlines()
    assert lines[:4] == ['"s","n","b"', '"",1,"YWI="', ",,", '"a,b",2,""']
    assert len(lines) == 7
    with pytest.raises(SpecError, match="tags: CSV holds no nested or repeated columns"):
        csv_table(NESTED, generate(NESTED, 1))


def test_parquet_keeps_names_types_and_values() -> None:
    table = generate(NESTED, 200, seed=4, null_share=0.2)
    out = io.BytesIO()
    assert write(out, "parquet", NESTED, [table.slice(0, 90), table.slice(90)]) == 200
    read = pq.read_table(io.BytesIO(out.getvalue()))
    assert read.column_names == [f.name for f in NESTED]
    assert read.to_pylist() == named(NESTED, table).to_pylist()
    assert read.schema.field("c_bignumeric").type == pa.decimal256(76, 38)


def test_formats_by_name() -> None:
    assert format_of(Path("a.JSONL")) == "jsonl"
    with pytest.raises(SpecError, match=r"a name that ends in \.ndjson"):
        format_of(Path("rows.xls"))


def test_values_of_a_list_column_slice() -> None:
    field = Field("a", TypeKind.INT64, Mode.REPEATED)
    array = array_of_values(field.type, [[1], [2, 3], []])
    assert ndjson([field], pa.table({"c1": array.slice(1)})) == b'{"a":[2,3]}\n{"a":[]}\n'


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.json"
    fields = [
        {"name": "id", "type": "INTEGER"},
        {"name": "email", "type": "STRING"},
        {"name": "at", "type": "DATE"},
    ]
    path.write_text(json.dumps(fields))
    return path


@pytest.mark.parametrize("ending", ["ndjson", "csv", "parquet"])
def test_the_command_writes_each_format(
    schema: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"rows.{ending}"
    command = ["generate", "--schema", str(schema), "--rows", "100", "--seed", "7", "--out", str(out)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{out}: 100 rows\n"
    first = out.read_bytes()
    assert main(command) == 0
    assert out.read_bytes() == first
    if ending == "parquet":
        ids = pq.read_table(out).column("id").to_pylist()
    elif ending == "csv":
        ids = [int(row["id"]) for row in csv.DictReader(io.StringIO(first.decode()))]
    else:
        ids = [json.loads(line)["id"] for line in first.splitlines()]
    assert ids == list(range(1, 101))


def test_the_command_writes_to_standard_output(
    schema: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["generate", "--schema", str(schema), "--rows", "3", "--null-share", "1"]) == 0
    assert capsysbinary.readouterr().out.splitlines()[0] == b'{"id":1,"email":null,"at":null}'


def test_the_command_takes_columns_and_whole_specifications(
    schema: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = tmp_path / "columns.json"
    columns.write_text('{"at": {"from": "2026-01-01", "to": "2026-01-02"}}')
    out = tmp_path / "rows.jsonl"
    assert main(["generate", "--schema", str(schema), "--columns", str(columns), "--out", str(out)]) == 0
    assert {json.loads(line)["at"] for line in out.read_text().splitlines()} == {"2026-01-01"}
    table = {"schema": json.loads(schema.read_text()), "rows": 5}
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"tables": {"a": table, "b": table}}))
    made = tmp_path / "made"
    assert main(["generate", "--spec", str(spec), "--out", str(made), "--format", "csv", "--seed", "3"]) == 0
    assert sorted(p.name for p in made.iterdir()) == ["a.csv", "b.csv"]
    assert (made / "a.csv").read_bytes() != (made / "b.csv").read_bytes()


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--out", "rows.xls"], "bqsim generate: rows.xls: a name that ends in .ndjson"),
        (["--format", "parket"], "bqsim generate: unknown format 'parket'; did you mean 'parquet'?"),
        (["--rows", "-1"], "bqsim generate: --rows is 0 or more"),
        (["--columns", "/nowhere.json"], "bqsim generate: [Errno 2]"),
    ],
)
def test_the_command_tells_what_is_wrong(
    schema: Path, more: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "--schema", str(schema), *more]) == 1
    assert capsys.readouterr().err.startswith(problem)


def test_the_command_tells_of_files_that_are_not_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{")
    assert main(["generate", "--schema", str(wrong)]) == 1
    assert f"{wrong}: is not JSON" in capsys.readouterr().err
