from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as P

from bqsim.codecs.protorows import ProtoField
from bqsim.codecs.protorows.descriptor import MAX_FIELDS, fields_of

from .reference import message_class


def parsed(text: str) -> DescriptorProto:
    return text_format.Parse(f'name: "Row" {text}', DescriptorProto())


def refusal(text: str) -> str:
    with pytest.raises(ValueError) as caught:
        fields_of(parsed(text))
    return str(caught.value)


def field(text: str) -> str:
    """A field named a; number 1 and optional unless the text says otherwise."""
    number = "" if "number:" in text else "number: 1"
    label = "" if "label:" in text else "label: LABEL_OPTIONAL"
    return f'field {{ name: "a" {number} {label} {text} }}'


def test_fields_keep_the_order_of_the_descriptor() -> None:
    found = fields_of(
        parsed(
            'field { name: "b" number: 9 label: LABEL_REPEATED type: TYPE_STRING }'
            'field { name: "a" number: 1 label: LABEL_REQUIRED type: TYPE_INT64 default_value: "5" }'
        )
    )
    assert found == (
        ProtoField("b", 9, P.TYPE_STRING, True, full_name="Row.b"),
        ProtoField("a", 1, P.TYPE_INT64, False, has_default=True, default=5, full_name="Row.a"),
    )


def test_messages_and_enums() -> None:
    found = fields_of(
        parsed(
            'field { name: "m" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".Row.Sub" }'
            'field { name: "e" number: 2 label: LABEL_OPTIONAL type_name: "Color" }'
            'nested_type { name: "Sub" field { name: "x" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL } }'
            'enum_type { name: "Color" value { name: "RED" number: 1 } value { name: "BLUE" number: -2 } }'
        )
    )
    sub, color = found
    assert (sub.name, sub.type, sub.message, sub.message_name) == ("m", P.TYPE_MESSAGE, "Sub", "Row.Sub")
    assert sub.fields == (ProtoField("x", 1, P.TYPE_BOOL, False, full_name="Row.Sub.x"),)
    assert (color.name, color.type, color.fields) == ("e", P.TYPE_ENUM, ())
    assert color.enum_values == (("RED", 1), ("BLUE", -2))


NESTED = """
    nested_type {
      name: "A"
      field { name: "outer_a" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL }
      nested_type { name: "Only" field { name: "only" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL } }
    }
    nested_type {
      name: "B"
      field { name: "x" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: "%s" }
      nested_type {
        name: "A" field { name: "inner_a" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL }
      }
    }
"""


@pytest.mark.parametrize(
    ("name", "leaf"),
    [
        ("A", "inner_a"),
        ("B.A", "inner_a"),
        ("Row.A", "outer_a"),
        (".Row.A", "outer_a"),
        ("Row.A.Only", "only"),
        (".Row.B.A", "inner_a"),
        ("Only", None),
        (".A", None),
        (".pkg.Row.A", None),
    ],
)
def test_type_names_resolve_from_the_innermost_scope(name: str, leaf: str | None) -> None:
    text = field('type: TYPE_MESSAGE type_name: "B"') + NESTED % name
    if leaf is None:
        assert refusal(text) == f'BqMessage.proto: Row.B.x: "{name}" is not defined.'
        with pytest.raises(TypeError):
            message_class(parsed(text))
    else:
        (outer,) = fields_of(parsed(text))
        assert [f.name for f in outer.fields[0].fields] == [leaf]
        built = message_class(parsed(text)).DESCRIPTOR.fields[0].message_type.fields[0]
        assert built.message_type.fields[0].name == leaf


def test_an_inner_scope_hides_an_outer_one() -> None:
    assert refusal(field('type: TYPE_MESSAGE type_name: "B"') + NESTED % "A.Only") == (
        'BqMessage.proto: Row.B.x: "A.Only" is resolved to "Row.B.A.Only", which is not defined. '
        "The innermost scope is searched first in name resolution. "
        "Consider using a leading '.'(i.e., \".A.Only\") to start from the outermost scope."
    )


WELL_KNOWN = ["Timestamp", "Duration", "StringValue", "BytesValue", "BoolValue", "DoubleValue", "FloatValue"]
WELL_KNOWN += ["Int32Value", "Int64Value", "UInt32Value", "UInt64Value"]


@pytest.mark.parametrize("name", WELL_KNOWN)
def test_well_known_types(name: str) -> None:
    for full in (f".google.protobuf.{name}", f"google.protobuf.{name}"):
        (found,) = fields_of(parsed(field(f'type: TYPE_MESSAGE type_name: "{full}"')))
        assert found.message == name
        assert found.fields


def test_names_that_are_not_defined_are_listed() -> None:
    assert refusal(
        'field { name: "a" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".Composer" }'
        'field { name: "b" number: 2 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: "Color" }'
    ) == (
        'BqMessage.proto: Row.a: ".Composer" is not defined.\nBqMessage.proto: Row.b: "Color" is not defined.'
    )


COLOR = 'enum_type { name: "Color" value { name: "RED" number: 1 } }'
SUB = 'nested_type { name: "Sub" }'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (field("type: TYPE_GROUP") + SUB, "Groups are not supported."),
        (field('type: TYPE_MESSAGE type_name: "Row"'), "Recursive message types are not supported."),
        (field('type: TYPE_MESSAGE type_name: "Color"') + COLOR, '"Color" is not a message type.'),
        (field('type: TYPE_ENUM type_name: "Sub"') + SUB, '"Sub" is not an enum type.'),
        (field("type: TYPE_MESSAGE"), "Field with message or enum type missing type_name."),
        (field(""), "Field with message or enum type missing type_name."),
        (field('type: TYPE_INT32 type_name: "Sub"') + SUB, "Field with primitive type has type_name."),
        (field("type: TYPE_INT32 number: 0"), "Field numbers must be positive integers."),
        (field("type: TYPE_INT32 number: 536870912"), "Field numbers cannot be greater than 536870911."),
        (field('type: TYPE_INT32 default_value: "x"'), 'Couldn\'t parse default value "x".'),
        (
            field('type: TYPE_INT32 default_value: "2147483648"'),
            'Couldn\'t parse default value "2147483648".',
        ),
        (field('type: TYPE_UINT32 default_value: "-1"'), 'Couldn\'t parse default value "-1".'),
        (field('type: TYPE_BOOL default_value: "yes"'), 'Couldn\'t parse default value "yes".'),
        (field('type: TYPE_DOUBLE default_value: "1_0"'), 'Couldn\'t parse default value "1_0".'),
        (field('type: TYPE_BYTES default_value: "\\\\q"'), 'Couldn\'t parse default value "\\q".'),
        (
            field('type: TYPE_ENUM type_name: "Color" default_value: "BLUE"') + COLOR,
            'Enum type "Color" has no value named "BLUE".',
        ),
        (
            field('type: TYPE_MESSAGE type_name: "Sub" default_value: "x"') + SUB,
            "Messages can't have default values.",
        ),
        (
            field('type: TYPE_INT32 label: LABEL_REPEATED default_value: "1"'),
            "Repeated fields can't have default values.",
        ),
        (
            field("type: TYPE_INT32 proto3_optional: true"),
            "The [proto3_optional=true] option may only be set on proto3fields, not Row.a",
        ),
        (
            field("type: TYPE_INT32 oneof_index: 1"),
            'FieldDescriptorProto.oneof_index 1 is out of range for type "Row".',
        ),
        (
            field("type: TYPE_INT32 extendee: 'Row'"),
            "FieldDescriptorProto.extendee set for non-extension field.",
        ),
    ],
)
def test_refusals(text: str, what: str) -> None:
    assert refusal(text) == f"BqMessage.proto: Row.a: {what}"


def test_clashes() -> None:
    assert refusal(field("type: TYPE_INT32") + field("type: TYPE_INT32")) == (
        'BqMessage.proto: Row.a: "a" is already defined in "Row".\n'
        'BqMessage.proto: Row.a: Field number 1 has already been used in "Row" by field "a".'
    )
    assert refusal(SUB + SUB) == 'BqMessage.proto: Row.Sub: "Sub" is already defined in "Row".'


def test_longer_recursion() -> None:
    loop = """
      nested_type { name: "B" field { name: "c" number: 1 label: LABEL_OPTIONAL type_name: "C" } }
      nested_type { name: "C" field { name: "b" number: 1 label: LABEL_REPEATED type_name: "B" } }
    """
    assert refusal(field('type_name: "B"') + loop) == (
        "BqMessage.proto: Row.C.b: Recursive message types are not supported."
    )


def test_a_message_used_often_is_one_of_many_fields() -> None:
    text = field('type_name: "M0"')
    for i in range(30):
        text += f'nested_type {{ name: "M{i}" '
        text += "".join(
            f'field {{ name: "{n}" number: {k} label: LABEL_OPTIONAL type_name: "M{i + 1}" }}'
            for k, n in enumerate("ab", 1)
        )
        text += "}"
    text += 'nested_type { name: "M30" }'
    assert f"has more than {MAX_FIELDS} fields." in refusal(text)


@pytest.mark.parametrize(("length", "fits"), [(100, True), (101, False), (3000, False)])
def test_nesting(length: int, fits: bool) -> None:
    text = field('type_name: "M1"') + f'nested_type {{ name: "M{length}" }}'
    for i in range(1, length):
        text += f'nested_type {{ name: "M{i}" {field(f"type_name: {chr(34)}M{i + 1}{chr(34)}")} }}'
    if fits:
        assert len(fields_of(parsed(text))) == 1
    else:
        assert "Messages are nested too deeply." in refusal(text)


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (P.TYPE_INT32, "-2147483648", -(1 << 31)),
        (P.TYPE_INT64, "0x10", 16),
        (P.TYPE_SINT64, "010", 8),
        (P.TYPE_INT32, "0", 0),
        (P.TYPE_UINT64, "18446744073709551615", (1 << 64) - 1),
        (P.TYPE_DOUBLE, "inf", math.inf),
        (P.TYPE_DOUBLE, "-inf", -math.inf),
        (P.TYPE_DOUBLE, "1.5e3", 1500.0),
        (P.TYPE_DOUBLE, "-.5", -0.5),
        (P.TYPE_FLOAT, "0.1", 0.10000000149011612),
        (P.TYPE_FLOAT, "1e300", math.inf),
        (P.TYPE_BOOL, "true", True),
        (P.TYPE_BOOL, "false", False),
        (P.TYPE_STRING, r"a\n", rb"a\n"),
        (P.TYPE_STRING, "ž", "ž".encode()),
        (P.TYPE_BYTES, r"\000\xff\x1\n\"\\\'\?é", b"\x00\xff\x01\n\"\\'?\xc3\xa9"),
        (P.TYPE_STRING, "", b""),
    ],
)
def test_default_values(type_: int, text: str, value: Any) -> None:
    descriptor = DescriptorProto(name="Row")
    descriptor.field.add(name="a", number=1, type=type_, label=P.LABEL_OPTIONAL, default_value=text)
    (found,) = fields_of(descriptor)
    assert found.has_default
    assert found.default == value
    assert type(found.default) is type(value)


def test_nan_is_a_default_value() -> None:
    (found,) = fields_of(parsed(field('type: TYPE_DOUBLE default_value: "nan"')))
    assert isinstance(found.default, float)
    assert math.isnan(found.default)


def test_a_message_needs_a_name() -> None:
    with pytest.raises(ValueError, match="Missing name"):
        fields_of(DescriptorProto())
