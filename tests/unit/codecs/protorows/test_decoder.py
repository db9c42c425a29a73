from __future__ import annotations

import math
import struct
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as P
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.codecs.protorows import RowDecoder, decoder

from .reference import (
    Reference,
    comparable,
    delimited,
    message_class,
    mutated,
    random_descriptor,
    random_row,
    tag,
    varint,
)

ARROW = {
    P.TYPE_DOUBLE: pa.float64(),
    P.TYPE_FLOAT: pa.float32(),
    P.TYPE_INT64: pa.int64(),
    P.TYPE_UINT64: pa.uint64(),
    P.TYPE_INT32: pa.int32(),
    P.TYPE_FIXED64: pa.uint64(),
    P.TYPE_FIXED32: pa.uint32(),
    P.TYPE_BOOL: pa.bool_(),
    P.TYPE_STRING: pa.binary(),
    P.TYPE_BYTES: pa.binary(),
    P.TYPE_UINT32: pa.uint32(),
    P.TYPE_SFIXED32: pa.int32(),
    P.TYPE_SFIXED64: pa.int64(),
    P.TYPE_SINT32: pa.int32(),
    P.TYPE_SINT64: pa.int64(),
}
EXTREMES: dict[int, list[Any]] = {
    P.TYPE_DOUBLE: [0.0, -0.0, 1.5, math.inf, -math.inf, 5e-324],
    P.TYPE_FLOAT: [0.0, -0.0, 1.5, math.inf, -math.inf],
    P.TYPE_BOOL: [True, False],
    P.TYPE_STRING: [b"", b"a", b"x" * 1000, "žluť".encode()],
    P.TYPE_BYTES: [b"", b"\x00\xff", b"y" * 70],
    **{t: [0, -1, (1 << 31) - 1, -1 << 31] for t in (P.TYPE_INT32, P.TYPE_SFIXED32, P.TYPE_SINT32)},
    **{t: [0, -1, (1 << 63) - 1, -1 << 63] for t in (P.TYPE_INT64, P.TYPE_SFIXED64, P.TYPE_SINT64)},
    **{t: [0, 1, (1 << 32) - 1] for t in (P.TYPE_UINT32, P.TYPE_FIXED32)},
    **{t: [0, 1, (1 << 64) - 1] for t in (P.TYPE_UINT64, P.TYPE_FIXED64)},
}


def message(*fields: tuple[Any, ...], name: str = "Row") -> DescriptorProto:
    """A message of fields (name, number, type[, label])."""
    out = DescriptorProto(name=name)
    for name_, number, type_, *label in fields:
        field = out.field.add(name=name_, number=number, label=label[0] if label else P.LABEL_OPTIONAL)
        if isinstance(type_, str):
            field.type_name = type_
        else:
            field.type = type_
    return out


def with_nested(outer: DescriptorProto, *nested: DescriptorProto) -> DescriptorProto:
    outer.nested_type.extend(nested)
    return outer


MANY = P.LABEL_REPEATED


def check(descriptor: DescriptorProto, rows: list[bytes]) -> None:
    """The decoder reads rows as google.protobuf does."""
    row_decoder = RowDecoder(descriptor)
    reference = Reference(descriptor)
    decoded = row_decoder.decode(rows)
    decoded.columns.validate(full=True)
    assert decoded.columns.schema == row_decoder.schema
    assert decoded.columns.num_rows == len(rows)
    expected = [reference.read(row) for row in rows]
    assert sorted(decoded.malformed) == [i for i, e in enumerate(expected) if e is None]
    empty = {f.name: [] if f.repeated else None for f in row_decoder.fields}
    found = decoded.columns.to_pylist() if row_decoder.fields else [{}] * len(rows)
    for row, want in zip(found, expected, strict=True):
        assert comparable(row) == (empty if want is None else want)


@pytest.mark.parametrize("type_", ARROW)
def test_extreme_values_of_each_scalar_type(type_: int) -> None:
    descriptor = message(("one", 1, type_), ("many", 2, type_, MANY), ("packed", 300, type_, MANY))
    if type_ not in (P.TYPE_STRING, P.TYPE_BYTES):
        descriptor.field[2].options.packed = True
    row_decoder = RowDecoder(descriptor)
    assert row_decoder.schema.types == [ARROW[type_], *[pa.list_(pa.field("item", ARROW[type_]))] * 2]
    class_ = message_class(descriptor)
    values = EXTREMES[type_]
    given_ = [v.decode() if type_ == P.TYPE_STRING else v for v in values]
    rows = [class_(one=v, many=given_, packed=given_).SerializeToString() for v in given_]
    columns = row_decoder.decode([*rows, b""]).columns
    columns.validate(full=True)
    assert comparable(columns["one"].to_pylist()) == comparable([*values, None])
    assert comparable(columns["many"].to_pylist()) == comparable([values] * len(values) + [[]])
    assert columns["packed"].equals(columns["many"])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_well_formed_rows_read_as_google_protobuf_reads_them(seed: int) -> None:
    random = Random(seed)
    descriptor = random_descriptor(random)
    rows = [random_row(random, descriptor, 12) for _ in range(random.choice([1, 3, 20]))]
    check(descriptor, [*rows, *(a + b for a, b in pairwise(rows))])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_damaged_rows_are_malformed_when_google_protobuf_refuses_them(seed: int) -> None:
    random = Random(seed)
    descriptor = random_descriptor(random)
    rows = [random_row(random, descriptor, 12) for _ in range(20)]
    check(descriptor, [mutated(random, r) if random.random() < 0.7 else r for r in rows])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(0, 50))
def test_arbitrary_bytes(rows: list[bytes], seed: int) -> None:
    check(random_descriptor(Random(seed)), rows)


SMALL = message(("a", 1, P.TYPE_INT64), ("s", 2, P.TYPE_STRING), ("r", 3, P.TYPE_INT32, MANY))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("08", "The message is truncated."),
        ("0880", "The message is truncated."),
        ("88", "The message is truncated."),
        ("1205616263", "The message is truncated."),
        ("1a0180", "The message is truncated."),
        ("7d000000", "The message is truncated."),
        ("7900000000000000", "The message is truncated."),
        ("7b", "The message is truncated."),
        ("08ffffffffffffffffffff01", "A varint is longer than 10 bytes."),
        ("0001", "A tag is invalid."),
        ("07", "A tag is invalid."),
        ("90808080800001", "A tag is invalid."),
        ("908080801001", "A tag is invalid."),
        ("0e00", "A tag has an invalid wire type."),
        ("7f00", "A tag has an invalid wire type."),
        ("7c", "A group ends that was not begun."),
        ("7b8401", "A group ends that was not begun."),
        ("12808080808000", "A length is invalid."),
        ("12ffffffff0f", "A length is invalid."),
    ],
)
def test_malformed_rows_have_a_reason_and_are_empty(row: str, reason: str) -> None:
    good = bytes.fromhex("08011201611801")
    rows = [good, good + bytes.fromhex(row), good]
    check(SMALL, rows)
    decoded = RowDecoder(SMALL).decode(rows)
    assert decoded.malformed == {1: reason}
    value = {"a": 1, "s": b"a", "r": [1]}
    assert decoded.columns.to_pylist() == [value, {"a": None, "s": None, "r": []}, value]


@pytest.mark.parametrize("type_", [P.TYPE_FIXED64, P.TYPE_FIXED32])
def test_a_packed_run_of_parts_of_numbers_is_malformed(type_: int) -> None:
    descriptor = message(("r", 1, type_, MANY))
    rows = [delimited(1, bytes(n)) for n in range(17)]
    check(descriptor, rows)
    assert RowDecoder(descriptor).decode([rows[7]]).malformed == {0: "A length is invalid."}


@pytest.mark.parametrize("cut", range(12))
def test_a_row_does_not_read_into_the_next(cut: int) -> None:
    row = tag(1, 0) + varint(1 << 40) + tag(3, 0) + varint(1 << 20)
    check(SMALL, [row[:cut], row, row[:cut]])


def test_malformed_rows_without_repeated_fields_leave_nothing_behind() -> None:
    descriptor = message(("a", 1, P.TYPE_INT64), ("s", 2, P.TYPE_STRING), ("b", 4, P.TYPE_BOOL))
    good, bad = bytes.fromhex("08051201612001"), bytes.fromhex("0806120162200100")
    check(descriptor, [bad, good, bad, bad, good])


def test_the_last_value_of_a_singular_field_wins() -> None:
    columns = RowDecoder(SMALL).decode([bytes.fromhex("08011201610802120162")]).columns
    assert columns.to_pylist() == [{"a": 2, "s": b"b", "r": []}]


def nested() -> DescriptorProto:
    inner = message(("x", 1, P.TYPE_INT32), ("y", 2, P.TYPE_STRING, MANY), name="Inner")
    return with_nested(message(("one", 1, "Inner"), ("many", 2, "Inner", MANY)), inner)


def test_occurrences_of_a_singular_message_merge() -> None:
    first = delimited(1, b"\x08\x01" + delimited(2, b"a"))
    second = delimited(1, b"\x08\x02" + delimited(2, b"b"))
    row = RowDecoder(nested()).decode([first + second, b"", first + delimited(1, b"")]).columns.to_pylist()
    assert row[0]["one"] == {"x": 2, "y": [b"a", b"b"]}
    assert row[1] == {"one": None, "many": []}
    assert row[2]["one"] == {"x": 1, "y": [b"a"]}


def test_items_of_repeated_messages_keep_their_own_lists() -> None:
    items = [delimited(2, delimited(2, bytes([65 + i])) * i) for i in range(4)]
    found = RowDecoder(nested()).decode([b"".join(items), b"", items[3]]).columns["many"].to_pylist()
    assert found == [
        [{"x": None, "y": [bytes([65 + i])] * i} for i in range(4)],
        [],
        [{"x": None, "y": [b"D"] * 3}],
    ]


def test_setting_a_member_of_a_oneof_unsets_the_others() -> None:
    descriptor = nested()
    descriptor.oneof_decl.add(name="choice")
    descriptor.field.add(name="n", number=3, type=P.TYPE_INT32, label=1, oneof_index=0)
    descriptor.field[0].oneof_index = 0
    filled = delimited(1, b"\x08\x01" + delimited(2, b"a"))
    number = tag(3, 0) + varint(7)
    check(descriptor, [filled + number, number + filled, filled + number + delimited(1, b""), filled * 2])
    found = RowDecoder(descriptor).decode([filled + number + filled]).columns.to_pylist()
    assert found == [{"one": {"x": 1, "y": [b"a"]}, "many": [], "n": None}]


def test_a_oneof_message_that_was_unset_starts_anew_at_every_depth() -> None:
    leaf = message(("v", 1, P.TYPE_INT32, MANY), ("w", 2, P.TYPE_BOOL), name="Leaf")
    middle = with_nested(message(("leaf", 1, "Leaf", MANY), ("l", 2, "Leaf"), name="Middle"), leaf)
    descriptor = with_nested(message(("m", 1, "Middle"), ("n", 2, P.TYPE_INT32)), middle)
    descriptor.oneof_decl.add(name="choice")
    for field in descriptor.field:
        field.oneof_index = 0
    full = delimited(1, delimited(1, b"\x08\x01\x08\x02\x10\x01") * 3 + delimited(2, b"\x08\x03\x10\x01"))
    sparse = delimited(1, delimited(1, b"") + delimited(2, b"\x08\x04"))
    check(descriptor, [full, full + b"\x10\x01" + sparse, sparse, full + b"\x10\x01", full])


def test_rows_that_set_members_of_a_oneof_too_often_are_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MAX_UNSET", 5000)
    wide = message(*((f"c{i}", i, P.TYPE_INT64) for i in range(1, 101)), name="Wide")
    descriptor = with_nested(message(("m", 1, "Wide"), ("n", 2, P.TYPE_INT32)), wide)
    descriptor.oneof_decl.add(name="choice")
    for field in descriptor.field:
        field.oneof_index = 0
    turns = delimited(1, b"\x08\x01") + b"\x10\x01"
    check(descriptor, [turns * 25, b"", turns * 25])
    for lists in (False, True):
        if lists:
            descriptor.field.add(name="r", number=3, type=P.TYPE_INT32, label=MANY)
        decoded = RowDecoder(descriptor).decode([turns, turns * 60, b"\x10\x02", turns])
        assert decoded.malformed == {1: "Members of a oneof are set too often.", 3: decoded.malformed[1]}
        assert decoded.columns["n"].to_pylist() == [1, None, 2, None]
        assert decoded.columns["m"].null_count == 4


def chain(length: int) -> DescriptorProto:
    """A message with ``length`` messages inside one another."""
    row = message(("m", 1, "M1"))
    for level in range(1, length):
        row.nested_type.append(message(("m", 1, f"M{level + 1}"), name=f"M{level}"))
    row.nested_type.append(message(("v", 1, P.TYPE_INT32), name=f"M{length}"))
    return row


def test_depth_is_limited_as_in_google_protobuf() -> None:
    limit = chain(100)
    for descriptor in (limit, SMALL):
        check(descriptor, [b"\x7b" * n + b"\x7c" * n for n in (1, 99, 100, 101, 5000)])
    for inner in (b"\x08\x01", b"", b"\x7b\x7c", b"\x7b\x7b\x7c\x7c"):
        row = inner
        for _ in range(99):
            row = delimited(1, row)
        check(limit, [row, delimited(1, row), delimited(1, delimited(1, row))])


def test_defaults_fill_absent_values_of_present_messages() -> None:
    inner = message(("x", 1, P.TYPE_INT32), ("y", 2, P.TYPE_STRING), ("z", 3, P.TYPE_DOUBLE), name="Inner")
    inner.field[0].default_value = "-7"
    inner.field[1].default_value = "hello"
    descriptor = with_nested(
        message(
            ("a", 1, P.TYPE_BOOL), ("b", 2, P.TYPE_UINT64), ("c", 3, "Inner"), ("d", 4, "Inner", MANY),
            ("e", 5, P.TYPE_FLOAT), ("f", 6, P.TYPE_BYTES), ("g", 7, "Color"), ("h", 8, P.TYPE_INT32),
        ),
        inner,
    )  # fmt: skip
    colors = descriptor.enum_type.add(name="Color")
    colors.value.add(name="RED", number=1)
    colors.value.add(name="BLUE", number=-2)
    defaults = {0: "true", 1: "18446744073709551615", 4: "-inf", 5: r"\001\377q\"", 6: "BLUE"}
    for index, text in defaults.items():
        descriptor.field[index].default_value = text
    inner_default = {"x": -7, "y": b"hello", "z": None}
    rows = [b"", delimited(3, b"") + delimited(4, b"") * 2, b"\x00", b"\x08\x00" + tag(7, 0) + b"\x01"]
    found = RowDecoder(descriptor).decode(rows)
    base = {
        "a": True, "b": (1 << 64) - 1, "c": None, "d": [], "e": -math.inf, "f": b'\x01\xffq"',
        "g": -2, "h": None,
    }  # fmt: skip
    assert found.columns.to_pylist() == [
        base,
        base | {"c": inner_default, "d": [inner_default] * 2},
        dict.fromkeys(base) | {"d": []},
        base | {"a": False, "g": 1},
    ]
    found.columns.validate(full=True)
    assert list(found.malformed) == [2]
    # The values below an absent message are absent too.
    assert found.columns["c"].combine_chunks().field(0).to_pylist() == [None, -7, None, None]


def test_well_known_types_need_no_definition() -> None:
    names = {
        "t": ".google.protobuf.Timestamp",
        "w": "google.protobuf.Int64Value",
        "d": ".google.protobuf.Duration",
    }
    descriptor = message(*((n, i, t) for i, (n, t) in enumerate(names.items(), 1)))
    row_decoder = RowDecoder(descriptor)
    time = pa.struct([("seconds", pa.int64()), ("nanos", pa.int32())])
    assert row_decoder.schema.types == [time, pa.struct([("value", pa.int64())]), time]
    assert [f.message for f in row_decoder.fields] == ["Timestamp", "Int64Value", "Duration"]
    row = delimited(1, b"\x08\x05\x10\x06") + delimited(2, b"")
    assert row_decoder.decode([row]).columns.to_pylist() == [
        {"t": {"seconds": 5, "nanos": 6}, "w": {"value": None}, "d": None}
    ]


def test_maps_are_lists_of_entries() -> None:
    entry = message(("key", 1, P.TYPE_STRING), ("value", 2, P.TYPE_INT64), name="MEntry")
    entry.options.map_entry = True
    descriptor = with_nested(message(("m", 1, "MEntry", MANY)), entry)
    class_ = message_class(descriptor)
    row = class_(m={"k": 5}).SerializeToString()
    found = RowDecoder(descriptor).decode([row]).columns["m"].to_pylist()
    assert found == [[{"key": b"k", "value": 5}]]


def test_numbers_that_an_enum_does_not_have_are_absent() -> None:
    descriptor = message(("e", 1, "Color"), ("many", 2, "Color", MANY), ("n", 3, P.TYPE_INT32))
    numbers = [3, -1, 0, 1000, -(1 << 31), (1 << 31) - 1]
    color = descriptor.enum_type.add(name="Color")
    for number in numbers:
        color.value.add(name=f"V{number}".replace("-", "_"), number=number)
    known = b"".join(tag(1, 0) + varint(n) for n in numbers)
    unknown = [tag(1, 0) + varint(n) for n in (1, -2, 999, 1001, 4)]
    packed = delimited(2, b"".join(varint(n) for n in [1, *numbers, 2]))
    rows = [known, *unknown, known + unknown[0], packed + tag(2, 0) + varint(2) + packed]
    check(descriptor, rows)
    found = RowDecoder(descriptor).decode(rows).columns
    assert found["e"].to_pylist() == [numbers[-1], *[None] * 5, numbers[-1], None]
    assert found["many"][-1].as_py() == numbers * 2
    assert found.schema.types == [pa.int32(), pa.list_(pa.field("item", pa.int32())), pa.int32()]


def test_messages_without_fields() -> None:
    empty = message(name="Empty")
    check(empty, [b"", b"\x08\x01", b"\x00"])
    decoded = RowDecoder(empty).decode([b"", b"\x00"])
    assert decoded.columns.num_rows == 2
    assert decoded.columns.num_columns == 0
    check(
        with_nested(message(("e", 1, "Empty"), ("m", 2, "Empty", MANY)), empty),
        [b"", b"\x0a\x00\x12\x00\x12\x00"],
    )


def test_no_rows() -> None:
    decoded = RowDecoder(nested()).decode([])
    assert decoded.columns.num_rows == 0
    assert decoded.malformed == {}
    decoded.columns.validate(full=True)


def test_many_rows() -> None:
    rows = [tag(1, 0) + varint(i) + delimited(2, b"%d" % i) + b"\x18\x01" * (i % 3) for i in range(300_000)]
    rows[777] = b"\x00"
    decoded = RowDecoder(SMALL).decode(tuple(rows))
    decoded.columns.validate(full=True)
    assert list(decoded.malformed) == [777]
    assert decoded.columns["a"][299_999].as_py() == 299_999
    assert decoded.columns["s"][299_999].as_py() == b"299999"
    assert decoded.columns["s"].null_count == 1
    assert len(decoded.columns["r"].combine_chunks().values) == 300_000


def test_one_large_value() -> None:
    value = bytes(range(256)) * 40_000
    columns = RowDecoder(SMALL).decode([delimited(2, value), delimited(2, b"z")]).columns
    assert columns["s"].to_pylist() == [value, b"z"]


def test_many_columns() -> None:
    descriptor = message(*((f"c{i}", i * 3, P.TYPE_INT32) for i in range(1, 2001)))
    rows = [tag(i * 3, 0) + varint(i) for i in range(1, 2001)]
    columns = RowDecoder(descriptor).decode([b"".join(rows), rows[1999]]).columns
    assert [columns[i][0].as_py() for i in range(2000)] == list(range(1, 2001))
    assert columns["c2000"].to_pylist() == [2000, 2000]
    assert columns["c1"].null_count == 1


def test_few_bytes_cannot_take_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MAX_BATCH_BYTES", 1 << 20)
    wide = message(*((f"c{i}", i, P.TYPE_INT64) for i in range(1, 101)), name="Wide")
    descriptor = with_nested(message(("m", 1, "Wide", MANY)), wide)
    with pytest.raises(MemoryError, match="The rows take more than"):
        RowDecoder(descriptor).decode([b"\x0a\x00" * 2000])
    # A malformed row does not count.
    decoded = RowDecoder(descriptor).decode([b"\x0a\x00" * 2000 + b"\x00", b"\x0a\x00"])
    assert decoded.columns["m"].to_pylist() == [[], [dict.fromkeys(f"c{i}" for i in range(1, 101))]]
    with pytest.raises(MemoryError, match="The rows take more than"):
        RowDecoder(SMALL).decode([bytes(2 << 20)])


def test_a_decoder_serves_threads() -> None:
    random = Random(5)
    descriptor = random_descriptor(random)
    row_decoder = RowDecoder(descriptor)
    batches = [[random_row(random, descriptor, 12) for _ in range(50)] for _ in range(8)]
    alone = [row_decoder.decode(rows).columns for rows in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: row_decoder.decode(batches[i % 8]).columns, range(80)))
    for i, columns in enumerate(together):
        assert comparable(columns.to_pylist()) == comparable(alone[i % 8].to_pylist())


def test_doubles_keep_their_bits() -> None:
    descriptor = message(("d", 1, P.TYPE_DOUBLE))
    bits = struct.pack("<Q", 0x7FF4000000000001)
    column = RowDecoder(descriptor).decode([tag(1, 1) + bits]).columns["d"].chunk(0)
    assert column.buffers()[1].to_pybytes() == bits
