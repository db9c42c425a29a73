from __future__ import annotations

import json

import fastavro
import pytest
from google.cloud.bigquery_storage_v1 import types as storage
from google.cloud.bigquery_storage_v1.reader import _AvroStreamParser
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.codecs.avro import avro_schema
from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, Type, TypeKind, field_of
from tests.unit.types.strategies import types

K = TypeKind


def _field(field: Field) -> object:
    return json.loads(avro_schema([field]))["fields"][0]["type"]


def _value(kind: TypeKind, precision: int | None = None, scale: int | None = None) -> object:
    return _field(Field("x", kind, Mode.REQUIRED, precision=precision, scale=scale))


def test_the_text_of_a_schema() -> None:
    fields = [
        Field("n", K.INT64),
        Field("d", K.DATE, Mode.REQUIRED),
        Field("tags", K.STRING, Mode.REPEATED),
        Field("who", K.STRUCT, Mode.NULLABLE, (Field("id", K.INT64, Mode.REQUIRED),)),
    ]
    assert avro_schema(fields) == (
        '{"type":"record","name":"__root__","fields":['
        '{"name":"n","type":["null","long"]},'
        '{"name":"d","type":{"type":"int","logicalType":"date"}},'
        '{"name":"tags","type":{"type":"array","items":"string"}},'
        '{"name":"who","type":["null",{"type":"record","name":"__s_0",'
        '"fields":[{"name":"id","type":"long"}]}]}]}'
    )


def test_the_record_name_can_be_chosen() -> None:
    assert json.loads(avro_schema([], "rows")) == {"type": "record", "name": "rows", "fields": []}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (K.INT64, "long"),
        (K.FLOAT64, "double"),
        (K.BOOL, "boolean"),
        (K.STRING, "string"),
        (K.BYTES, "bytes"),
        (K.DATE, {"type": "int", "logicalType": "date"}),
        (K.TIME, {"type": "long", "logicalType": "time-micros"}),
        (K.DATETIME, {"type": "string", "logicalType": "datetime"}),
        (K.TIMESTAMP, {"type": "long", "logicalType": "timestamp-micros"}),
        (K.INTERVAL, {"type": "string", "sqlType": "INTERVAL"}),
        (K.JSON, {"type": "string", "sqlType": "JSON"}),
        (K.GEOGRAPHY, {"type": "string", "sqlType": "GEOGRAPHY"}),
        (K.NUMERIC, {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9}),
        (K.BIGNUMERIC, {"type": "bytes", "logicalType": "decimal", "precision": 77, "scale": 38}),
    ],
)
def test_types(kind: TypeKind, expected: object) -> None:
    assert _value(kind) == expected


def test_parameters_of_decimals_are_precision_and_scale() -> None:
    assert _value(K.NUMERIC, precision=10, scale=2) == {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 10,
        "scale": 2,
    }
    assert _value(K.BIGNUMERIC, precision=5) == {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 5,
        "scale": 0,
    }


def test_a_range_is_defined_once_and_then_named() -> None:
    fields = [
        Field("a", K.RANGE, Mode.REQUIRED, range_element=K.DATE),
        Field("b", K.RANGE, range_element=K.DATE),
        Field("c", K.RANGE, Mode.REPEATED, range_element=K.DATETIME),
    ]
    first, second, third = (f["type"] for f in json.loads(avro_schema(fields))["fields"])
    assert first == {
        "type": "record",
        "namespace": "google.sqlType",
        "name": "RANGE_DATE",
        "sqlType": "RANGE",
        "fields": [
            {"name": side, "type": ["null", {"type": "int", "logicalType": "date"}]}
            for side in ("start", "end")
        ],
    }
    assert second == ["null", "google.sqlType.RANGE_DATE"]
    assert third["items"]["name"] == "RANGE_DATETIME"


def test_records_are_numbered_as_they_are_met() -> None:
    inner = Field("x", K.STRUCT, Mode.NULLABLE, (Field("v", K.INT64),))
    fields = [Field("x", K.STRUCT, Mode.REPEATED, (inner,)), inner]
    schema = avro_schema(fields)
    outer, last = (f["type"] for f in json.loads(schema)["fields"])
    assert outer["items"]["name"] == "__s_0"
    assert outer["items"]["fields"][0]["type"][1]["name"] == "__s_1"
    assert last[1]["name"] == "__s_2"
    fastavro.parse_schema(json.loads(schema))


def test_unnamed_fields_are_named_by_place() -> None:
    field = Field("s", K.STRUCT, Mode.REQUIRED, (Field("a", K.INT64), Field("", K.INT64)))
    nested = _field(field)
    assert isinstance(nested, dict)
    assert [f["name"] for f in nested["fields"]] == ["a", "_field_2"]


@pytest.mark.parametrize("name", ["größe", "a b", "1a", "a-b"])
def test_names_that_avro_does_not_allow(name: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        avro_schema([Field(name, K.INT64)])
    assert caught.value.reason.name == "invalid"
    assert name in caught.value.message


def test_display_names() -> None:
    schema = json.loads(
        avro_schema([Field("größe", K.INT64), Field("b", K.INT64), Field("", K.INT64)], display_names=True)
    )
    assert [(f["name"], f["displayName"]) for f in schema["fields"]] == [
        ("__f_0", "größe"),
        ("b", "b"),
        ("_field_3", "_field_3"),
    ]
    fastavro.parse_schema(schema)


@settings(deadline=None)
@given(st.lists(types(), max_size=4))
def test_readers_take_every_schema(columns: list[Type]) -> None:
    fields = [field_of(f"f{i}", t) for i, t in enumerate(columns)]
    text = avro_schema(fields)
    fastavro.parse_schema(json.loads(text))
    parser = _AvroStreamParser(storage.ReadSession(avro_schema={"schema": text}))
    parser._parse_fastavro()
    assert parser._column_names == tuple(f.name for f in fields)
