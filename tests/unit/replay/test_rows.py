"""Recorded rows of every type, asked for in every form."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from bqsim.replay.rows import Kept, Missing, RecordedRows
from bqsim.storage.read.arrow_format import service_schema
from bqsim.types.text import TimestampFormat
from bqsim.types.wire import WireOptions, encode_rows, project

from .recorded import FIELDS, FORMS, SCHEMA, Store, cells, rows, stretch

COUNT = 30
ROWS = rows(COUNT)
SPELLINGS = [WireOptions(t) for t in TimestampFormat]


def recorded(form: str, schema: Any = SCHEMA) -> RecordedRows:
    store = Store()
    return RecordedRows(store, [stretch(store, ROWS, form)], schema, kept=Kept())


@pytest.mark.parametrize("form", FORMS)
def test_values_are_those_that_were_recorded(form: str) -> None:
    assert cells(recorded(form).table(0, COUNT)) == cells(ROWS)


@pytest.mark.parametrize("options", SPELLINGS, ids=lambda o: o.timestamps.value)
@pytest.mark.parametrize("form", FORMS)
def test_json_is_what_the_service_tells(form: str, options: WireOptions) -> None:
    assert recorded(form).json(2, 9, options=options) == encode_rows(FIELDS, ROWS.slice(2, 9), options)


@pytest.mark.parametrize("form", FORMS)
def test_arrow_has_the_schema_of_the_service(form: str) -> None:
    batches = recorded(form).arrow(3, 7)
    assert batches[0].schema.equals(service_schema(FIELDS), check_metadata=True)
    assert sum(b.num_rows for b in batches) == 7


@pytest.mark.parametrize("form", FORMS)
def test_selected_columns_and_nested_fields(form: str) -> None:
    found = recorded(form).json(0, 5, selected="s.t.x,N_integer", options=SPELLINGS[1])
    fields, table = project(FIELDS, ROWS.slice(0, 5), "s.t.x,n_integer")
    assert json.loads(found) == json.loads(encode_rows(fields, table, SPELLINGS[1]))


@pytest.mark.parametrize("form", ["arrow", "avro"])
def test_formats_with_a_schema_tell_the_columns(form: str) -> None:
    found = recorded(form, None)
    assert [(f.name, f.kind, f.mode, f.range_element) for f in found.fields] == [
        (f.name, f.kind, f.mode, f.range_element) for f in FIELDS
    ]
    assert [f["type"] for f in found.schema["fields"]] == [f["type"] for f in SCHEMA["fields"]]


def test_texts_stay_as_they_were() -> None:
    text = b'[ {"f": [{"v": "1.50"}, {"v": "]}"}]} , {"f": [ {"v": null}, {"v": "\\\\\\"{["} ]} ]'
    store = Store()
    schema = {"fields": [{"name": "a", "type": "NUMERIC"}, {"name": "b", "type": "STRING"}]}
    stretches = [{"start": 0, "count": 2, "format": "json", "data": store.put(text)}]
    found = RecordedRows(store, stretches, schema)
    assert found.json(0, 1, options=SPELLINGS[0]) == b'[{"f": [{"v": "1.50"}, {"v": "]}"}]}]'
    assert json.loads(found.json(0, 2)) == json.loads(text)
    assert json.loads(found.json(1, 1, selected="B")) == [{"f": [{"v": '\\"{['}]}]
    assert found.table(0, 2).column(1).to_pylist() == ["]}", '\\"{[']
    assert RecordedRows(store, stretches, None).json(0, 2) == b"[" + text[2:-2] + b"]"
    with pytest.raises(ValueError, match="no schema was recorded"):
        RecordedRows(store, stretches, None).table(0, 1)


def test_cells_that_are_no_texts() -> None:
    store = Store()
    schema = {
        "fields": [
            {"name": "i", "type": "INTEGER"},
            {"name": "b", "type": "BOOL"},
            {"name": "j", "type": "JSON"},
            {"name": "t", "type": "TIMESTAMP"},
        ]
    }
    text = b'[{"f":[{"v":7},{"v":true},{"v":{"a":[1]}},{"v":"2020-01-01 00:00:00 UTC"}]}]'
    found = RecordedRows(store, [{"start": 0, "count": 1, "format": "json", "data": store.put(text)}], schema)
    assert json.loads(found.json(0, 1, options=SPELLINGS[1])) == [
        {"f": [{"v": "7"}, {"v": "true"}, {"v": '{"a":[1]}'}, {"v": "1577836800000000"}]}
    ]


def test_seconds_that_tell_the_ends_of_time_less_exactly() -> None:
    store = Store()
    text = b'[{"f":[{"v":"2.534023008E11"}]},{"f":[{"v":"-6.21355968E10"}]}]'
    found = RecordedRows(
        store,
        [{"start": 0, "count": 2, "format": "json", "data": store.put(text)}],
        {"fields": [{"name": "t", "type": "TIMESTAMP"}]},
    )
    assert json.loads(found.json(0, 2, options=SPELLINGS[1])) == [
        {"f": [{"v": "253402300799999999"}]},
        {"f": [{"v": "-62135596800000000"}]},
    ]


@pytest.mark.parametrize(
    ("options", "micros"), [({}, 7_000_000), ({"useInt64Timestamp": "true"}, 7), ({"x": ""}, 7_000_000)]
)
def test_plain_digits_are_what_was_asked_for(options: dict[str, str], micros: int) -> None:
    store = Store()
    one = {"start": 0, "count": 1, "format": "json", "data": store.put(b'[{"f":[{"v":"7"}]}]')}
    schema = {"fields": [{"name": "t", "type": "TIMESTAMP"}]}
    found = RecordedRows(store, [{**one, "options": options}], schema)
    assert json.loads(found.json(0, 1, options=SPELLINGS[1])) == [{"f": [{"v": str(micros)}]}]


def test_digits_beyond_seconds_are_microseconds_whatever_was_asked_for() -> None:
    store = Store()
    text = b'[{"f":[{"v":"1577836800000000"}]},{"f":[{"v":null}]}]'
    one = {"start": 0, "count": 2, "format": "json", "data": store.put(text)}
    found = RecordedRows(store, [one], {"fields": [{"name": "t", "type": "TIMESTAMP"}]})
    assert json.loads(found.json(0, 2, options=SPELLINGS[0])) == [
        {"f": [{"v": "1.5778368E9"}]},
        {"f": [{"v": None}]},
    ]


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_a_page_that_others_had_already(form: str) -> None:
    store = Store()
    parts = [
        stretch(store, ROWS.slice(0, 10), "arrow"),
        {**stretch(store, ROWS.slice(6, 20), form), "start": 10, "count": 16, "skip": 4},
    ]
    found = RecordedRows(store, parts, SCHEMA)
    assert cells(found.table(8, 10)) == cells(ROWS.slice(8, 10))
    assert found.json(8, 10, options=SPELLINGS[1]) == encode_rows(FIELDS, ROWS.slice(8, 10), SPELLINGS[1])


def test_objects_line_by_line() -> None:
    store = Store()
    text = b'{"i": 1, "s": {"t": "2020-01-01 00:00:00"}, "r": ["a"]}\n{"i": "2"}\n'
    schema = {
        "fields": [
            {"name": "i", "type": "INTEGER", "mode": "REQUIRED"},
            {"name": "s", "type": "RECORD", "fields": [{"name": "t", "type": "TIMESTAMP"}]},
            {"name": "r", "type": "STRING", "mode": "REPEATED"},
        ]
    }
    found = RecordedRows(
        store, [{"start": 0, "count": 2, "format": "ndjson", "data": store.put(text)}], schema
    )
    assert json.loads(found.json(0, 2, options=SPELLINGS[1])) == [
        {"f": [{"v": "1"}, {"v": {"f": [{"v": "1577836800000000"}]}}, {"v": [{"v": "a"}]}]},
        {"f": [{"v": "2"}, {"v": None}, {"v": []}]},
    ]
    broken = RecordedRows(
        store, [{"start": 0, "count": 1, "format": "ndjson", "data": store.put(b"{\n")}], schema
    )
    with pytest.raises(ValueError, match="cannot be read"):
        broken.table(0, 1)


def test_rows_of_several_stretches_and_what_lies_between() -> None:
    store = Store()
    parts = [
        stretch(store, ROWS.slice(0, 10), "arrow"),
        stretch(store, ROWS.slice(10, 5), "int64", 10),
        stretch(store, ROWS.slice(20, 10), "avro", 20),
    ]
    found = RecordedRows(store, parts[::-1], SCHEMA)
    assert (found.recorded, found.end) == (25, 30)
    assert found.missing(0, 30) == [(15, 20)]
    assert found.missing(18, 20) == [(18, 20), (30, 38)]
    assert found.missing(3, 0) == []
    assert cells(found.table(5, 10)) == cells(ROWS.slice(5, 10))
    assert found.json(8, 4, options=SPELLINGS[2]) == encode_rows(FIELDS, ROWS.slice(8, 4), SPELLINGS[2])
    with pytest.raises(Missing, match="rows 15 to 19 were not recorded") as raised:
        found.json(12, 10)
    assert (raised.value.start, raised.value.stop) == (15, 20)
    assert found.json(30, 0) == b"[]"
    assert found.table(4, 0).num_rows == 0
    assert found.arrow(4, 0) == []


def test_columns_that_were_not_read() -> None:
    store = Store()
    narrow = [f for f in FIELDS if f.name == "n_INTEGER"]
    table = ROWS.select(["c1"])
    found = RecordedRows(store, [stretch(store, table, "arrow", fields=narrow)], SCHEMA)
    assert found.table(0, 3, narrow).column(0).to_pylist() == ROWS.column(0).slice(0, 3).to_pylist()
    with pytest.raises(Missing, match="without column r_INTEGER"):
        found.json(0, 3)


def test_rows_that_do_not_fit_what_is_told() -> None:
    store = Store()
    good = stretch(store, ROWS, "int64")
    with pytest.raises(ValueError, match="has 30 rows, not 31"):
        RecordedRows(store, [{**good, "count": 31}], SCHEMA).json(0, 31)
    with pytest.raises(ValueError, match="form of their schema"):
        RecordedRows(
            store,
            [{"start": 0, "count": 1, "format": "json", "data": store.put(b'[{"g":[1]}]')}],
            SCHEMA,
        ).table(0, 1)
    for text in (b"{}", b"[1]", b'[{"f":[]}'):
        with pytest.raises(ValueError):
            RecordedRows(
                store, [{"start": 0, "count": 1, "format": "json", "data": store.put(text)}], None
            ).json(0, 1)
    with pytest.raises(ValueError, match="Arrow stream"):
        RecordedRows(
            store, [{"start": 0, "count": 1, "format": "arrow", "data": store.put(b"x")}], SCHEMA
        ).table(0, 1)


def test_stretches_are_decoded_once_and_given_up_beyond_the_bound() -> None:
    store = Store()
    parts = [stretch(store, ROWS, "arrow"), stretch(store, ROWS, "arrow", COUNT)]
    found = RecordedRows(store, parts, SCHEMA, kept=Kept())
    for _ in range(3):
        found.table(0, 2 * COUNT)
    assert store.reads == 2
    small = Kept(ROWS.nbytes + 2000)
    found = RecordedRows(store, parts, SCHEMA, kept=small)
    found.table(0, 2 * COUNT)
    found.table(0, COUNT)
    assert store.reads == 5
    assert small.size <= small.most


def test_types_of_emulators() -> None:
    store = Store()
    sink = pa.BufferOutputStream()
    table = pa.table(
        {
            "t": pa.array([1_000_000_001], pa.timestamp("ns", "UTC")),
            "s": pa.array(["x"]).dictionary_encode(),
            "n": pa.array(["1.5"]),
            "i": pa.array([3], pa.int32()),
            "z": pa.nulls(1),
        }
    )
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    schema = {
        "fields": [
            {"name": "t", "type": "TIMESTAMP"},
            {"name": "s", "type": "STRING"},
            {"name": "n", "type": "NUMERIC"},
            {"name": "i", "type": "INTEGER"},
            {"name": "z", "type": "DATE", "mode": "REPEATED"},
        ]
    }
    data = store.put(sink.getvalue().to_pybytes())
    found = RecordedRows(store, [{"start": 0, "count": 1, "format": "arrow", "data": data}], schema)
    assert json.loads(found.json(0, 1, options=SPELLINGS[1])) == [
        {"f": [{"v": "1000000"}, {"v": "x"}, {"v": "1.5"}, {"v": "3"}, {"v": []}]}
    ]
