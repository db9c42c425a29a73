"""Bad files and mixes of options for load jobs; what comes of each is in ``bad_loads.json``."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

JSON = "NEWLINE_DELIMITED_JSON"


def schema(*columns: str) -> dict[str, Any]:
    """``"id:INTEGER"``, ``"tags:STRING:REPEATED"`` … as a schema."""
    parts = [[*column.split(":"), "NULLABLE"][:3] for column in columns]
    return {"fields": [{"name": n, "type": t, "mode": m} for n, t, m in parts]}


IDS = schema("id:INTEGER", "name:STRING")
DAYS = schema("day:DATE", "n:INTEGER")


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def orc_file(**columns: Any) -> bytes:
    sink = io.BytesIO()
    orc.write_table(pa.table(columns), sink)
    return sink.getvalue()


@dataclass(frozen=True)
class Case:
    """A load job into ``d.<name>``.

    ``data`` is uploaded, unless ``uris`` name objects below ``gs://bad/<name>/``, where ``files`` are put.
    ``setup`` are statements before it (``{t}`` is the table), ``decorator`` follows the table's name.
    """

    name: str
    data: bytes = b""
    options: Mapping[str, Any] = field(default_factory=dict)
    setup: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    uris: tuple[str, ...] = ()
    decorator: str = ""


# Texts that are no values of their types.
_VALUES = {
    "INTEGER": ("x", "1.5", "9223372036854775808", "1e3", "--1", "0x1G", "1_5"),
    "FLOAT": ("x", "1..5", "1e"),
    "NUMERIC": ("x", "1e40", "1/2"),
    "BIGNUMERIC": ("x", "1e80"),
    "BOOLEAN": ("maybe", "2"),
    "DATE": ("2026-13-01", "2026-02-30", "01/02/2026", "x"),
    "TIME": ("25:00:00", "12:61", "noon"),
    "DATETIME": ("2026-01-01 25:00:00", "x"),
    "TIMESTAMP": ("2026-01-01 25:00:00", "x", "2026-01-01 00:00:00 Mars/Olympus"),
    "BYTES": ("not base64!",),
    "GEOGRAPHY": ("POINT(1)", "x"),
    "JSON": ("{", "{'a':1}"),
}
# JSON values that are none of their types.
_JSON_VALUES = {
    "INTEGER": ('"x"', "1.5", "true", "[1]", '{"a":1}'),
    "FLOAT": ('"x"', "[]", "{}"),
    "BOOLEAN": ('"x"', "3", "[true]"),
    "STRING": ("[1]", '{"a":1}'),
    "DATE": ('"x"', "12", '"2026-02-30"'),
    "TIMESTAMP": ('"x"', "true"),
    "BYTES": ('"%%%"', "1"),
    "NUMERIC": ('"x"', '"1e50"'),
    "RECORD": ("1", '"x"', "[]"),
}


def _values() -> Iterator[Case]:
    for type_, texts in _VALUES.items():
        for i, text in enumerate(texts):
            yield Case(f"csv_{type_}_{i}", f"{text}\n".encode(), {"schema": schema(f"v:{type_}")})
    for type_, texts in _JSON_VALUES.items():
        for i, text in enumerate(texts):
            given = schema(f"v:{type_}")
            if type_ == "RECORD":
                given["fields"][0]["fields"] = schema("a:INTEGER")["fields"]
            options = {"sourceFormat": JSON, "schema": given}
            yield Case(f"json_{type_}_{i}", f'{{"v":{text}}}\n'.encode(), options)


def _json(name: str, data: bytes | str, *columns: str, **options: Any) -> Case:
    content = data.encode() if isinstance(data, str) else data
    given = {"schema": schema(*columns)} if columns else {}
    return Case(name, content, {"sourceFormat": JSON, **given, **options})


_CSV = (
    Case("csv_too_many_columns", b"1,a,z\n", {"schema": IDS}),
    Case("csv_too_few_columns", b"1\n", {"schema": IDS}),
    Case("csv_jagged_allowed", b"1\n", {"schema": IDS, "allowJaggedRows": True}),
    Case(
        "csv_jagged_but_required",
        b"1\n",
        {"schema": schema("a:INTEGER", "b:STRING:REQUIRED"), "allowJaggedRows": True},
    ),
    Case("csv_extra_ignored", b"1,a,z\n", {"schema": IDS, "ignoreUnknownValues": True}),
    Case("csv_header_as_data", b"id,name\n1,a\n", {"schema": IDS}),
    Case("csv_required_is_empty", b",a\n", {"schema": schema("id:INTEGER:REQUIRED", "name:STRING")}),
    Case(
        "csv_required_is_the_null_marker",
        b"NULL,a\n",
        {"schema": schema("id:INTEGER:REQUIRED", "name:STRING"), "nullMarker": "NULL"},
    ),
    Case("csv_repeated_column", b"1\n", {"schema": schema("v:INTEGER:REPEATED")}),
    Case(
        "csv_record_column",
        b"1\n",
        {
            "schema": {
                "fields": [{"name": "r", "type": "RECORD", "fields": [{"name": "a", "type": "STRING"}]}]
            }
        },
    ),
    Case("csv_open_quote", b'1,"a\n2,b\n', {"schema": IDS}),
    Case("csv_open_quote_with_newlines", b'1,"a\n2,b\n', {"schema": IDS, "allowQuotedNewlines": True}),
    Case("csv_newline_in_quotes", b'1,"a\nb"\n', {"schema": IDS}),
    Case("csv_newline_in_quotes_allowed", b'1,"a\nb"\n', {"schema": IDS, "allowQuotedNewlines": True}),
    Case("csv_text_behind_quotes", b'1,"a"b\n', {"schema": IDS}),
    Case("csv_quote_within", b'1,a"b\n', {"schema": IDS}),
    Case("csv_no_quotes", b'1,"a\n', {"schema": IDS, "quote": ""}),
    Case("csv_wrong_delimiter", b"1;a\n", {"schema": IDS}),
    Case("csv_zero_byte", b"1,a\0b\n", {"schema": IDS}),
    Case("csv_zero_byte_preserved", b"1,a\0b\n", {"schema": IDS, "preserveAsciiControlCharacters": True}),
    Case("csv_invalid_utf8", b"1,\xff\xfe\n", {"schema": IDS}),
    Case("csv_latin_1", b"1,\xe9\n", {"schema": IDS, "encoding": "ISO-8859-1"}),
    Case("csv_utf16_as_utf8", "1,a\n".encode("utf-16-le"), {"schema": IDS}),
    Case("csv_utf16", "1,ä\n".encode("utf-16-le"), {"schema": IDS, "encoding": "UTF-16LE"}),
    Case("csv_byte_order_mark", b"\xef\xbb\xbf1,a\n", {"schema": IDS}),
    Case("csv_empty", b"", {"schema": IDS}),
    Case("csv_empty_autodetect", b"", {"autodetect": True}),
    Case("csv_only_blank_lines", b"\n\n\n", {"schema": IDS}),
    Case("csv_only_a_header", b"id,name\n", {"schema": IDS, "skipLeadingRows": 1}),
    Case("csv_skips_all", b"1,a\n", {"schema": IDS, "skipLeadingRows": 9}),
    Case("csv_no_schema", b"1,a\n"),
    Case("csv_carriage_returns", b"1,a\r\n2,b\r\n", {"schema": IDS}),
    Case("csv_no_last_newline", b"1,a\n2,b", {"schema": IDS}),
    Case("csv_spaces_around_numbers", b" 1 ,a\n", {"schema": IDS}),
    Case("csv_null_markers", b"NA,-\n", {"schema": IDS, "nullMarkers": ["NA", "-"]}),
    Case("csv_both_null_markers", b"1,a\n", {"schema": IDS, "nullMarkers": ["NA"], "nullMarker": "-"}),
    Case(
        "csv_too_long", b"abc\n", {"schema": {"fields": [{"name": "v", "type": "STRING", "maxLength": "2"}]}}
    ),
    Case(
        "csv_out_of_precision",
        b"123.4\n",
        {"schema": {"fields": [{"name": "v", "type": "NUMERIC", "precision": "3", "scale": "1"}]}},
    ),
    Case("csv_bad_records_tolerated", b"1,a\nx,b\n3,c\n", {"schema": IDS, "maxBadRecords": 1}),
    Case("csv_bad_records_beyond", b"1,a\nx,b\ny,c\n", {"schema": IDS, "maxBadRecords": 1}),
    Case("csv_many_bad_records", b"x,a\n" * 9, {"schema": IDS}),
    Case(
        "csv_names_match",
        b"name,id\na,1\n",
        {"schema": IDS, "sourceColumnMatch": "NAME", "skipLeadingRows": 1},
    ),
    Case(
        "csv_names_unknown",
        b"name,other\na,1\n",
        {"schema": IDS, "sourceColumnMatch": "NAME", "skipLeadingRows": 1},
    ),
    Case("csv_date_format", b"31/01/2026,1\n", {"schema": DAYS, "dateFormat": "DD/MM/YYYY"}),
    Case("csv_date_format_unfit", b"2026-01-31,1\n", {"schema": DAYS, "dateFormat": "DD/MM/YYYY"}),
    Case(
        "csv_time_zone", b"2026-01-01 00:00:00\n", {"schema": schema("t:TIMESTAMP"), "timeZone": "Asia/Tokyo"}
    ),
    Case("csv_not_gzip", b"\x1f\x8bnot really", {"schema": IDS}),
    Case("csv_gzip_cut", gzip.compress(b"1,a\n" * 500, mtime=0)[:-12], {"schema": IDS}),
    Case("csv_gzip", gzip.compress(b"1,a\n", mtime=0), {"schema": IDS}),
    Case("csv_is_parquet", parquet(id=[1]), {"schema": IDS}),
)
_JSON = (
    _json("json_not_json", "x\n", "a:INTEGER"),
    _json("json_cut", '{"a":1', "a:INTEGER"),
    _json("json_array", "[1]\n", "a:INTEGER"),
    _json("json_number", "1\n", "a:INTEGER"),
    _json("json_text", '"x"\n', "a:INTEGER"),
    _json("json_null", "null\n", "a:INTEGER"),
    _json("json_pretty", '{\n "a": 1\n}\n', "a:INTEGER"),
    _json("json_two_in_a_line", '{"a":1}{"a":2}\n', "a:INTEGER"),
    _json("json_trailing_comma", '{"a":1,}\n', "a:INTEGER"),
    _json("json_single_quotes", "{'a':1}\n", "a:INTEGER"),
    _json("json_nan", '{"a":NaN}\n', "a:FLOAT"),
    _json("json_nan_text", '{"a":"NaN"}\n', "a:FLOAT"),
    _json("json_unknown_field", '{"a":1,"b":2}\n', "a:INTEGER"),
    _json("json_unknown_ignored", '{"a":1,"b":2}\n', "a:INTEGER", ignoreUnknownValues=True),
    _json("json_required_missing", "{}\n", "a:INTEGER:REQUIRED"),
    _json("json_required_null", '{"a":null}\n', "a:INTEGER:REQUIRED"),
    _json("json_repeated_scalar", '{"a":1}\n', "a:INTEGER:REPEATED"),
    _json("json_repeated_null_element", '{"a":[1,null]}\n', "a:INTEGER:REPEATED"),
    _json("json_repeated_null", '{"a":null}\n', "a:INTEGER:REPEATED"),
    _json("json_nested_array", '{"a":[[1]]}\n', "a:INTEGER:REPEATED"),
    _json("json_duplicate_key", '{"a":1,"a":2}\n', "a:INTEGER"),
    _json("json_other_case", '{"A":1}\n', "a:INTEGER"),
    _json("json_empty", "", "a:INTEGER"),
    _json("json_blank_lines", '\n{"a":1}\n\n', "a:INTEGER"),
    _json("json_invalid_utf8", b'{"a":"\xff"}\n', "a:STRING"),
    _json("json_lone_surrogate", '{"a":"\\ud800"}\n', "a:STRING"),
    _json("json_deep", '{"a":' + "[" * 600 + "]" * 600 + "}\n", "a:JSON"),
    _json("json_big_number", '{"a":1e999}\n', "a:FLOAT"),
    _json("json_huge_int", '{"a":9223372036854775808}\n', "a:INTEGER"),
    _json("json_no_schema", '{"a":1}\n'),
    _json("json_autodetect_empty", "", autodetect=True),
    _json("json_autodetect_mixed", '{"a":1}\n{"a":"x"}\n', autodetect=True),
    _json("json_autodetect_object_and_scalar", '{"a":1}\n{"a":{"b":1}}\n', autodetect=True),
    _json("json_autodetect_array_of_mixed", '{"a":[1,"x"]}\n', autodetect=True),
    _json("json_autodetect_bad_name", '{"a b":1}\n', autodetect=True),
    _json("json_tolerated", '{"a":1}\nx\n{"a":"y"}\n', "a:INTEGER", maxBadRecords=2),
    _json("json_beyond", '{"a":1}\nx\n{"a":"y"}\n', "a:INTEGER", maxBadRecords=1),
    _json("json_gzip_cut", gzip.compress(b'{"a":1}\n' * 500, mtime=0)[:-12], "a:INTEGER"),
    _json("json_is_csv", "id,name\n1,a\n", "id:INTEGER", "name:STRING"),
    _json("json_geojson_not_a_feature", '{"a":1}\n', "geometry:GEOGRAPHY", jsonExtension="GEOJSON"),
    _json(
        "json_geojson_bad_geometry",
        '{"type":"Feature","geometry":{"type":"Blob"},"properties":{}}\n',
        "geometry:GEOGRAPHY",
        jsonExtension="GEOJSON",
    ),
)
_P = {"sourceFormat": "PARQUET"}
_A = {"sourceFormat": "AVRO"}
_O = {"sourceFormat": "ORC"}
_COLUMNAR = (
    Case("parquet_empty", b"", _P),
    Case("parquet_text", b"id,name\n1,a\n", _P),
    Case("parquet_cut", parquet(id=list(range(100)))[:-20], _P),
    Case("parquet_only_magic", b"PAR1PAR1", _P),
    Case(
        "parquet_damaged",
        parquet(id=[1, 2]).replace(b"parquet-cpp", b"\xff" * 11, 1)[:8] + b"\0" * 40 + b"PAR1",
        _P,
    ),
    Case("parquet_no_rows", parquet(id=pa.array([], pa.int64())), _P),
    Case("parquet_type_mismatch", parquet(id=["x"]), {**_P, "schema": schema("id:INTEGER")}),
    Case("parquet_into_other_type", parquet(id=["x"]), _P, ("CREATE TABLE {t} (id INT64)",)),
    Case("parquet_unknown_column", parquet(id=[1], z=[2]), _P, ("CREATE TABLE {t} (id INT64)",)),
    Case(
        "parquet_missing_required",
        parquet(z=[2]),
        {**_P, "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"]},
        ("CREATE TABLE {t} (id INT64 NOT NULL)",),
    ),
    Case(
        "parquet_null_in_required",
        parquet(id=pa.array([1, None])),
        {**_P, "schema": schema("id:INTEGER:REQUIRED")},
    ),
    Case("parquet_bad_names", parquet(**{"a b": [1]}), _P),
    Case("parquet_mapped_names", parquet(**{"a b": [1], "2c": [2]}), {**_P, "columnNameCharacterMap": "V1"}),
    Case("parquet_same_names", parquet(a=[1], A=[2]), _P),
    Case("parquet_bad_name", parquet(**{"a!b": [1]}), _P),
    Case("parquet_bad_name_mapped", parquet(**{"a!b": [1]}), {**_P, "columnNameCharacterMap": "V2"}),
    Case("parquet_uint64", parquet(v=pa.array([2**64 - 1], pa.uint64())), _P),
    Case("parquet_wide_decimal", parquet(v=pa.array([1], pa.decimal256(60, 2))), _P),
    Case(
        "parquet_decimal_to_string",
        parquet(v=pa.array([1], pa.decimal256(60, 2))),
        {**_P, "decimalTargetTypes": ["STRING"]},
    ),
    Case("parquet_nanoseconds", parquet(v=pa.array([1001], pa.timestamp("ns", "UTC"))), _P),
    Case("parquet_map", parquet(v=pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))), _P),
    Case("parquet_gzip", gzip.compress(parquet(id=[1]), mtime=0), _P),
    Case("avro_empty", b"", _A),
    Case("avro_text", b"id,name\n", _A),
    Case("avro_only_magic", b"Obj\x01", _A),
    Case("avro_no_schema", b"Obj\x01\x00" + b"\0" * 16, _A),
    Case("avro_is_parquet", parquet(id=[1]), _A),
    Case("orc_empty", b"", _O),
    Case("orc_text", b"id,name\n", _O),
    Case("orc_cut", orc_file(id=[1, 2, 3])[:-10], _O),
    Case("orc_mismatch", orc_file(id=["x"]), {**_O, "schema": schema("id:INTEGER")}),
    Case("orc_unknown_column", orc_file(id=[1], z=[2]), _O, ("CREATE TABLE {t} (id INT64)",)),
)
_OPTIONS = (
    Case("format_unknown", b"", {"sourceFormat": "XML", "schema": IDS}),
    Case("format_datastore", b"", {"sourceFormat": "DATASTORE_BACKUP"}),
    Case("encoding_unknown", b"", {"schema": IDS, "encoding": "EBCDIC"}),
    Case("delimiter_long", b"", {"schema": IDS, "fieldDelimiter": "||"}),
    Case("quote_long", b"", {"schema": IDS, "quote": "''"}),
    Case("skip_negative", b"", {"schema": IDS, "skipLeadingRows": -1}),
    Case("skip_text", b"", {"schema": IDS, "skipLeadingRows": "x"}),
    Case("max_bad_negative", b"", {"schema": IDS, "maxBadRecords": -1}),
    Case("max_bad_text", b"", {"schema": IDS, "maxBadRecords": "many"}),
    Case("autodetect_text", b"", {"autodetect": "perhaps"}),
    Case("create_disposition_unknown", b"", {"schema": IDS, "createDisposition": "CREATE_MAYBE"}),
    Case("write_disposition_unknown", b"", {"schema": IDS, "writeDisposition": "WRITE_OVER"}),
    Case("update_option_unknown", b"", {"schema": IDS, "schemaUpdateOptions": ["ALLOW_ALL"]}),
    Case(
        "update_with_truncate",
        b"1,a\n",
        {
            "schema": IDS,
            "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
            "writeDisposition": "WRITE_TRUNCATE",
        },
    ),
    Case("decimal_type_unknown", b"", {"schema": IDS, "decimalTargetTypes": ["FLOAT"]}),
    Case("character_map_unknown", b"", {"schema": IDS, "columnNameCharacterMap": "V9"}),
    Case("json_extension_unknown", b"", {"sourceFormat": JSON, "schema": IDS, "jsonExtension": "XML"}),
    Case("geojson_for_csv", b"", {"schema": IDS, "jsonExtension": "GEOJSON"}),
    Case("column_match_unknown", b"", {"schema": IDS, "sourceColumnMatch": "LUCK"}),
    Case("date_format_unknown", b"", {"schema": IDS, "dateFormat": "QQ"}),
    Case("time_zone_unknown", b"", {"schema": IDS, "timeZone": "Mars/Olympus"}),
    Case("schema_type_unknown", b"", {"schema": schema("a:BLOB")}),
    Case("schema_without_name", b"", {"schema": {"fields": [{"type": "STRING"}]}}),
    Case("schema_bad_name", b"1\n", {"schema": schema("a!b:STRING")}),
    Case("schema_twice_the_name", b"1,2\n", {"schema": schema("a:STRING", "A:STRING")}),
    Case(
        "schema_empty_record",
        b"",
        {"sourceFormat": JSON, "schema": {"fields": [{"name": "r", "type": "RECORD"}]}},
    ),
    Case("schema_mode_unknown", b"", {"schema": schema("a:STRING:SOMETIMES")}),
    Case("schema_no_object", b"", {"schema": "a:STRING"}),
    Case("schema_inline", b"1,a\n", {"schemaInline": "id:INTEGER, name:STRING"}),
    Case("schema_inline_bad", b"1,a\n", {"schemaInline": "id INTEGER"}),
    Case(
        "schema_inline_json",
        b"1\n",
        {"schemaInlineFormat": "JSON", "schemaInline": json.dumps(schema("id:INTEGER")["fields"])},
    ),
    Case("schema_inline_json_bad", b"1\n", {"schemaInlineFormat": "JSON", "schemaInline": "[{"}),
    Case(
        "time_and_range",
        b"",
        {
            "schema": DAYS,
            "timePartitioning": {"type": "DAY"},
            "rangePartitioning": {"field": "n", "range": {"start": "0", "end": "9", "interval": "1"}},
        },
    ),
    Case("partitioning_type_unknown", b"", {"schema": DAYS, "timePartitioning": {"type": "WEEK"}}),
    Case(
        "partitioned_by_no_column", b"", {"schema": DAYS, "timePartitioning": {"type": "DAY", "field": "z"}}
    ),
    Case("partitioned_by_a_text", b"", {"schema": IDS, "timePartitioning": {"type": "DAY", "field": "name"}}),
    Case("clustered_by_no_column", b"", {"schema": DAYS, "clustering": {"fields": ["z"]}}),
    Case(
        "range_without_field",
        b"",
        {"schema": DAYS, "rangePartitioning": {"range": {"start": "0", "end": "9", "interval": "1"}}},
    ),
    Case("copy_files_only", b"", {**_P, "copyFilesOnly": True}),
    Case("picoseconds", b"", {**_P, "timestampTargetPrecision": [12]}),
    Case(
        "session_unknown",
        b"1,a\n",
        {"schema": IDS, "connectionProperties": [{"key": "session_id", "value": "nope"}]},
    ),
    Case("labels_bad", b"1,a\n", {"schema": IDS, "destinationTableProperties": {"labels": {"A": "b"}}}),
)
_MADE = ("CREATE TABLE {t} (id INT64, name STRING)",)
_ROWS = (*_MADE, "INSERT {t} VALUES (1, 'a')")
_BY_DAY = ("CREATE TABLE {t} (day DATE, n INT64) PARTITION BY day",)
_BY_RANGE = ("CREATE TABLE {t} (n INT64) PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))",)
_BY_ARRIVAL = ("CREATE TABLE {t} (n INT64) PARTITION BY _PARTITIONDATE",)
_N = {"schema": schema("n:INTEGER")}
_TABLES = (
    Case("create_never", b"1,a\n", {"schema": IDS, "createDisposition": "CREATE_NEVER"}),
    Case("write_empty_with_rows", b"1,a\n", {"schema": IDS, "writeDisposition": "WRITE_EMPTY"}, _ROWS),
    Case("write_empty_without_rows", b"1,a\n", {"schema": IDS, "writeDisposition": "WRITE_EMPTY"}, _MADE),
    Case("into_a_view", b"1,a\n", {"schema": IDS}, ("CREATE VIEW {t} AS SELECT 1 AS id",)),
    Case("adds_a_field", b"1,a,2\n", {"schema": schema("id:INTEGER", "name:STRING", "z:INTEGER")}, _MADE),
    Case(
        "adds_a_field_allowed",
        b"1,a,2\n",
        {
            "schema": schema("id:INTEGER", "name:STRING", "z:INTEGER"),
            "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
        },
        _ROWS,
    ),
    Case("changes_a_type", b"1,a\n", {"schema": schema("id:STRING", "name:STRING")}, _MADE),
    Case("changes_a_mode", b"1,a\n", {"schema": IDS}, ("CREATE TABLE {t} (id INT64 NOT NULL, name STRING)",)),
    Case(
        "relaxes_a_mode",
        b",a\n",
        {"schema": IDS, "schemaUpdateOptions": ["ALLOW_FIELD_RELAXATION"]},
        ("CREATE TABLE {t} (id INT64 NOT NULL, name STRING)",),
    ),
    Case(
        "leaves_out_required",
        b"a\n",
        {"schema": schema("name:STRING")},
        ("CREATE TABLE {t} (id INT64 NOT NULL, name STRING)",),
    ),
    Case(
        "adds_a_nested_field",
        b'{"r":{"a":1,"b":2}}\n',
        {
            "sourceFormat": JSON,
            "autodetect": True,
            "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
        },
        ("CREATE TABLE {t} (r STRUCT<a INT64>)", "INSERT {t} VALUES (STRUCT(1))"),
    ),
    Case(
        "adds_a_nested_field_unasked",
        b'{"r":{"a":1,"b":2}}\n',
        {"sourceFormat": JSON, "autodetect": True},
        ("CREATE TABLE {t} (r STRUCT<a INT64>)",),
    ),
    _json("repeats_a_column", '{"id":[1]}\n', "id:INTEGER:REPEATED"),
    Case(
        "other_partitioning",
        b"2026-01-01,1\n",
        {"schema": DAYS, "timePartitioning": {"type": "DAY"}},
        _BY_DAY,
    ),
    Case(
        "other_partitioning_unit",
        b"2026-01-01,1\n",
        {"schema": DAYS, "timePartitioning": {"type": "MONTH", "field": "day"}},
        _BY_DAY,
    ),
    Case(
        "same_partitioning",
        b"2026-01-01,1\n",
        {"schema": DAYS, "timePartitioning": {"type": "DAY", "field": "day"}},
        _BY_DAY,
    ),
    Case("other_clustering", b"2026-01-01,1\n", {"schema": DAYS, "clustering": {"fields": ["n"]}}, _BY_DAY),
    Case(
        "partitioning_of_a_plain_table", b"1,a\n", {"schema": IDS, "timePartitioning": {"type": "DAY"}}, _MADE
    ),
    Case("one_partition", b"2026-01-01,1\n", {"schema": DAYS}, _BY_DAY, decorator="$20260101"),
    Case(
        "row_of_another_partition",
        b"2026-01-01,1\n2026-01-02,2\n",
        {"schema": DAYS},
        _BY_DAY,
        decorator="$20260101",
    ),
    Case("null_in_a_partition", b",1\n", {"schema": DAYS}, _BY_DAY, decorator="$20260101"),
    Case("null_partition", b",1\n", {"schema": DAYS}, _BY_DAY, decorator="$__NULL__"),
    Case("value_in_the_null_partition", b"2026-01-01,1\n", {"schema": DAYS}, _BY_DAY, decorator="$__NULL__"),
    Case("unpartitioned_partition", b"1\n", _N, _BY_ARRIVAL, decorator="$__UNPARTITIONED__"),
    Case("decorator_too_short", b"2026-01-01,1\n", {"schema": DAYS}, _BY_DAY, decorator="$202601"),
    Case("decorator_no_date", b"2026-01-01,1\n", {"schema": DAYS}, _BY_DAY, decorator="$20261301"),
    Case("decorator_text", b"2026-01-01,1\n", {"schema": DAYS}, _BY_DAY, decorator="$monday"),
    Case("decorator_all", b"2026-01-01,1\n2026-01-02,2\n", {"schema": DAYS}, _BY_DAY, decorator="$*"),
    Case("decorator_of_a_plain_table", b"1,a\n", {"schema": IDS}, _MADE, decorator="$20260101"),
    Case("decorator_of_no_table", b"1\n", _N, decorator="$20260101"),
    Case(
        "decorator_of_a_new_table", b"1\n", {**_N, "timePartitioning": {"type": "DAY"}}, decorator="$20260101"
    ),
    Case("decorator_by_arrival", b"1\n", _N, _BY_ARRIVAL, decorator="$20260101"),
    Case("range_partition", b"11\n", _N, _BY_RANGE, decorator="$10"),
    Case("range_of_another_partition", b"21\n", _N, _BY_RANGE, decorator="$10"),
    Case("range_no_start", b"11\n", _N, _BY_RANGE, decorator="$15"),
    Case("range_outside", b"11\n", _N, _BY_RANGE, decorator="$100"),
    Case(
        "partition_not_empty",
        b"2026-01-01,1\n",
        {"schema": DAYS, "writeDisposition": "WRITE_EMPTY"},
        (*_BY_DAY, "INSERT {t} VALUES ('2026-01-01', 1)"),
        decorator="$20260101",
    ),
    Case(
        "partition_empty",
        b"2026-01-02,1\n",
        {"schema": DAYS, "writeDisposition": "WRITE_EMPTY"},
        (*_BY_DAY, "INSERT {t} VALUES ('2026-01-01', 1)"),
        decorator="$20260102",
    ),
)
_A_CSV, _B_CSV = {"a.csv": b"1,a\n"}, {"a.csv": b"1,a\n", "b.csv": b"x,b\n"}
_HIVE = {"dt=2026-01-01/a.csv": b"1,a\n", "dt=2026-01-02/a.csv": b"2,b\n"}


def _hive(
    name: str, mode: str = "AUTO", files: Mapping[str, bytes] = _HIVE, prefix: str | None = None
) -> Case:
    given = {"mode": mode, "sourceUriPrefix": f"gs://bad/{name}/" if prefix is None else prefix}
    return Case(name, b"", {"schema": IDS, "hivePartitioningOptions": given}, files=files, uris=("*",))


_STORAGE = (
    Case("uri_missing", b"", {"schema": IDS}, uris=("nothing.csv",)),
    Case("uri_missing_bucket", b"", {"schema": IDS}, uris=("gs://never-made/x.csv",)),
    Case("uri_wildcard_of_nothing", b"", {"schema": IDS}, uris=("*.csv",)),
    Case("uri_two_wildcards", b"", {"schema": IDS}, files=_A_CSV, uris=("*/*.csv",)),
    Case("uri_wildcard_in_bucket", b"", {"schema": IDS}, uris=("gs://b*/x.csv",)),
    Case("uri_http", b"", {"schema": IDS}, uris=("http://example.com/x.csv",)),
    Case("uri_local", b"", {"schema": IDS}, uris=("file:///etc/passwd",)),
    Case("uri_without_object", b"", {"schema": IDS}, uris=("gs://bad",)),
    Case("uri_dots", b"", {"schema": IDS}, uris=("gs://bad/../../etc/passwd",)),
    Case("uri_s3", b"", {"schema": IDS}, uris=("s3://b/x.csv",)),
    Case("uri_one_of_two_missing", b"", {"schema": IDS}, files=_A_CSV, uris=("a.csv", "b.csv")),
    Case("uri_twice", b"", {"schema": IDS}, files=_A_CSV, uris=("a.csv", "a.csv")),
    Case("uri_too_many", b"", {"schema": IDS}, uris=("a.csv",) * 10_001),
    Case("files_one_bad", b"", {"schema": IDS}, files=_B_CSV, uris=("*.csv",)),
    Case("files_one_bad_tolerated", b"", {"schema": IDS, "maxBadRecords": 1}, files=_B_CSV, uris=("*.csv",)),
    Case(
        "files_gzip_and_plain",
        b"",
        {"schema": IDS},
        files={**_A_CSV, "b.csv.gz": gzip.compress(b"2,b\n", mtime=0)},
        uris=("*",),
    ),
    Case("files_one_not_parquet", b"", _P, files={"a": parquet(id=[1]), "b": b"x"}, uris=("*",)),
    Case(
        "files_of_other_columns", b"", _P, files={"a": parquet(id=[1]), "b": parquet(id=["x"])}, uris=("*",)
    ),
    Case(
        "manifest",
        b"",
        {"schema": IDS, "fileSetSpecType": "FILE_SET_SPEC_TYPE_NEW_LINE_DELIMITED_MANIFEST"},
        files={**_A_CSV, "list": b"gs://bad/manifest/a.csv\n"},
        uris=("list",),
    ),
    Case(
        "manifest_names_nothing",
        b"",
        {"schema": IDS, "fileSetSpecType": "FILE_SET_SPEC_TYPE_NEW_LINE_DELIMITED_MANIFEST"},
        files={"list": b"gs://bad/manifest_names_nothing/x.csv\n"},
        uris=("list",),
    ),
    Case(
        "manifest_of_texts",
        b"",
        {"schema": IDS, "fileSetSpecType": "FILE_SET_SPEC_TYPE_NEW_LINE_DELIMITED_MANIFEST"},
        files={"list": b"hello\n"},
        uris=("list",),
    ),
    Case(
        "file_set_unknown",
        b"",
        {"schema": IDS, "fileSetSpecType": "FILE_SET_OF_LUCK"},
        files=_A_CSV,
        uris=("a.csv",),
    ),
    Case(
        "reference_file",
        b"",
        {**_P, "referenceFileSchemaUri": "gs://bad/reference_file/b"},
        files={"a": parquet(id=[1]), "b": parquet(id=[2], z=[3])},
        uris=("a",),
    ),
    Case(
        "reference_file_missing",
        b"",
        {**_P, "referenceFileSchemaUri": "gs://bad/nowhere"},
        files={"a": parquet(id=[1])},
        uris=("a",),
    ),
    Case(
        "reference_file_for_csv",
        b"",
        {"schema": IDS, "referenceFileSchemaUri": "gs://bad/x"},
        files=_A_CSV,
        uris=("a.csv",),
    ),
    _hive("hive_auto"),
    _hive("hive_strings", "STRINGS"),
    _hive("hive_custom", "CUSTOM", prefix="gs://bad/hive_custom/{dt:DATE}"),
    _hive("hive_custom_without_keys", "CUSTOM"),
    _hive("hive_custom_other_keys", "CUSTOM", prefix="gs://bad/hive_custom_other_keys/{day:DATE}"),
    _hive("hive_custom_bad_value", "CUSTOM", prefix="gs://bad/hive_custom_bad_value/{dt:INTEGER}"),
    _hive("hive_mode_unknown", "MAGIC"),
    _hive("hive_without_prefix", prefix=""),
    _hive("hive_other_prefix", prefix="gs://elsewhere/x"),
    _hive("hive_no_keys", files=_A_CSV),
    _hive("hive_other_keys", files={"dt=1/a.csv": b"1,a\n", "k=1/a.csv": b"2,b\n"}),
    _hive("hive_key_is_a_column", files={"id=1/a.csv": b"1,a\n"}),
    _hive("hive_null_key", files={"dt=__HIVE_DEFAULT_PARTITION__/a.csv": b"1,a\n"}),
    Case(
        "hive_of_an_upload",
        b"1,a\n",
        {"schema": IDS, "hivePartitioningOptions": {"mode": "AUTO", "sourceUriPrefix": "gs://b/"}},
    ),
)
CASES = (*_values(), *_CSV, *_JSON, *_COLUMNAR, *_OPTIONS, *_TABLES, *_STORAGE)
