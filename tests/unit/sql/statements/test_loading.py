from __future__ import annotations

import io
from functools import partial
from typing import Any

import pytest

from bqsim.engine.formats.csv import CsvOptions
from bqsim.engine.formats.files import FileOptions
from bqsim.errors import BigQueryError
from bqsim.sql.statements.hive_names import HiveNames
from bqsim.sql.statements.loading import InputFile, Loading, TooManyErrors, in_file, named, told
from bqsim.types import Field, TypeKind

FIELDS = (Field("id", TypeKind.INT64), Field("name", TypeKind.STRING))


def loading(*contents: bytes, options: FileOptions | None = None, **more: Any) -> Loading:
    inputs = [
        InputFile(f"gs://bucket/k={i}/{i}", len(c), partial(io.BytesIO, c)) for i, c in enumerate(contents)
    ]
    return Loading(inputs, options or FileOptions("CSV"), **more)


def test_rows_of_all_files() -> None:
    seen: list[str] = []
    files = loading(b"1,a\n", b"2,b\n3,c\n", after=lambda one: seen.append(one.uri))
    found = [row for rows in files.batches(FIELDS) for row in rows.to_pylist()]
    assert found == [{"c1": 1, "c2": "a"}, {"c1": 2, "c2": "b"}, {"c1": 3, "c2": "c"}]
    assert (files.tally.rows, files.tally.bad, files.tally.bytes) == (3, 0, 12)
    assert seen == ["gs://bucket/k=0/0", "gs://bucket/k=1/1"]


def test_names_of_files_give_columns() -> None:
    files = loading(b"1,a\n", b"2,b\n", hive=HiveNames("AUTO", "gs://bucket/"))
    fields = files.with_keys(FIELDS)
    assert fields[2] == Field("k", TypeKind.INT64)
    assert [rows.column(2).to_pylist() for rows in files.batches(fields)] == [[0], [1]]
    with pytest.raises(BigQueryError, match="Hive partition key k is also a column"):
        files.with_keys([Field("K", TypeKind.STRING)])


def test_bad_records_are_told_up_to_five() -> None:
    files = loading(b"x,a\n" * 7 + b"1,b\n", options=FileOptions("CSV", max_bad_records=7))
    assert sum(rows.num_rows for rows in files.batches(FIELDS)) == 1
    assert (files.tally.bad, len(told(files.tally))) == (7, 5)
    assert {error.location for error in told(files.tally)} == {"gs://bucket/k=0/0"}


def test_too_many_bad_records() -> None:
    files = loading(b"1,a\n", b"x,b\n")
    with pytest.raises(TooManyErrors) as caught:
        list(files.batches(FIELDS))
    assert caught.value.message.endswith("more details. File: gs://bucket/k=1/1")
    assert [d.message.partition("message: ")[2][:14] for d in caught.value.details] == [
        "CSV processing",
        "Could not pars",
    ]


def test_headers_are_detected_in_each_file() -> None:
    files = loading(b"id,name\n1,a\n", b"id,name\n2,b\n", detecting=True)
    assert files.detect() == FIELDS
    assert [rows.num_rows for rows in files.batches(FIELDS)] == [1, 1]
    given = FileOptions("CSV", CsvOptions(skip_leading_rows=1))
    assert [rows.num_rows for rows in loading(b"h,h\n1,a\n", options=given).batches(FIELDS)] == [1]


def test_an_example_has_the_schema() -> None:
    other = InputFile("", 4, lambda: io.BytesIO(b"1.5,true\n"))
    kinds = [f.kind for f in loading(b"1,a\n", example=other, detecting=True).detect()]
    assert kinds == [TypeKind.FLOAT64, TypeKind.BOOL]


def test_failures_name_their_file() -> None:
    reading = "Error while reading data, error message: x"
    with pytest.raises(BigQueryError) as caught, in_file("gs://b/o"):
        raise BigQueryError("invalid", reading)
    assert (caught.value.message, caught.value.location) == (f"{reading} File: gs://b/o", "gs://b/o")
    with pytest.raises(BigQueryError, match=r"x\Z"), in_file(""):
        raise BigQueryError("invalid", reading)
    with pytest.raises(BigQueryError, match=r"other\Z"), in_file("gs://b/o"):
        raise BigQueryError("invalid", "other")
    assert named("x File: gs://a", "gs://b") == "x File: gs://a"
