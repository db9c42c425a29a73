from __future__ import annotations

import json
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs.load_config import LoadConfig, file_options, parse_load
from bqsim.jobs.upload import Upload
from bqsim.types import Field, Mode, TypeKind

URIS: dict[str, Any] = {"sourceUris": ["gs://bucket/x"]}


def parse(upload: bool = False, **load: Any) -> LoadConfig:
    target = {"destinationTable": {"projectId": "p", "datasetId": "d", "tableId": "t"}}
    return parse_load({**target, **load}, "p", Upload(data=b"") if upload else None)


def refusal(upload: bool = False, **load: Any) -> str:
    with pytest.raises(BigQueryError) as caught:
        parse(upload, **load)
    assert caught.value.http == 400
    return caught.value.message


def test_files_come_from_uris_or_an_upload() -> None:
    config = parse(**URIS)
    assert config.upload is None
    assert config.source is not None
    assert config.source.uris == ("gs://bucket/x",)
    config = parse(upload=True)
    assert config.source is None
    assert refusal() == "Load configuration must specify at least one source URI"
    assert refusal(sourceUris=["x"] * 10_001) == "Too many sources provided: 10001. Limit is 10000."
    assert refusal(sourceUris=["ftp://x"]) == "Invalid source URI: ftp://x"


def test_all_options_of_csv() -> None:
    options = file_options(
        {
            "quote": "'",
            "fieldDelimiter": "tab",
            "nullMarkers": ["NA", "-"],
            "encoding": "utf-16le",
            "allowJaggedRows": True,
            "allowQuotedNewlines": "true",
            "skipLeadingRows": "2",
            "sourceColumnMatch": "NAME",
            "preserveAsciiControlCharacters": True,
            "dateFormat": "DD/MM/YYYY",
            "timeZone": "Asia/Tokyo",
            "maxBadRecords": 3,
            "ignoreUnknownValues": True,
        }
    )
    csv = options.csv
    assert (csv.quote, csv.delimiter, csv.nulls, csv.encoding) == ("'", "\t", ("NA", "-"), "utf-16-le")
    assert (csv.allow_jagged_rows, csv.allow_quoted_newlines, csv.skip_leading_rows) == (True, True, 2)
    assert (csv.by_name, csv.control_characters, csv.ignore_unknown) == (True, True, True)
    assert (csv.formats.date, csv.formats.zone, options.max_bad_records) == ("DD/MM/YYYY", "Asia/Tokyo", 3)


def test_options_of_other_formats() -> None:
    options = file_options(
        {
            "sourceFormat": "PARQUET",
            "parquetOptions": {"enumAsString": True, "enableListInference": True},
            "decimalTargetTypes": ["numeric", "STRING"],
            "columnNameCharacterMap": "V2",
        }
    )
    assert (options.enum_as_string, options.infer_lists) == (True, True)
    assert (options.decimal_types, options.names) == (("NUMERIC", "STRING"), "V2")
    assert file_options({"sourceFormat": "AVRO", "useAvroLogicalTypes": True}).logical_types
    assert file_options({"sourceFormat": "NEWLINE_DELIMITED_JSON", "jsonExtension": "GEOJSON"}).geojson


def test_inline_schemas() -> None:
    fields = (Field("id", TypeKind.INT64), Field("name", TypeKind.STRING))
    assert parse(upload=True, schemaInline="id:integer, name:STRING").fields == fields
    listed = [{"name": "id", "type": "INTEGER", "mode": "REQUIRED"}]
    for inline in (listed, {"fields": listed}):
        given = parse(upload=True, schemaInlineFormat="JSON", schemaInline=json.dumps(inline)).fields
        assert given == (Field("id", TypeKind.INT64, Mode.REQUIRED),)


def test_what_tells_its_schema() -> None:
    assert not parse(upload=True).detects
    assert parse(upload=True, autodetect=True).detects
    config = parse(upload=True, autodetect=True, sourceFormat="PARQUET")
    assert (config.detects, config.autodetect) == (True, False)


def test_all_partitions_are_the_table() -> None:
    target = {"projectId": "p", "datasetId": "d", "tableId": "t$*"}
    assert parse(upload=True, destinationTable=target).target.partition is None
    target = {**target, "tableId": "t$20260101"}
    assert parse(upload=True, destinationTable=target).target.partition == "20260101"
