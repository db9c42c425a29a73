"""Rows as google.protobuf reads them, and random descriptors and bytes."""

from __future__ import annotations

import math
from random import Random
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as P
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

SCALARS = (
    P.TYPE_DOUBLE,
    P.TYPE_FLOAT,
    P.TYPE_INT64,
    P.TYPE_UINT64,
    P.TYPE_INT32,
    P.TYPE_FIXED64,
    P.TYPE_FIXED32,
    P.TYPE_BOOL,
    P.TYPE_STRING,
    P.TYPE_BYTES,
    P.TYPE_UINT32,
    P.TYPE_ENUM,
    P.TYPE_SFIXED32,
    P.TYPE_SFIXED64,
    P.TYPE_SINT32,
    P.TYPE_SINT64,
)
_FIXED = {
    **dict.fromkeys((P.TYPE_DOUBLE, P.TYPE_FIXED64, P.TYPE_SFIXED64), (1, 8)),
    **dict.fromkeys((P.TYPE_FLOAT, P.TYPE_FIXED32, P.TYPE_SFIXED32), (5, 4)),
}
_BYTES = (P.TYPE_STRING, P.TYPE_BYTES)


def message_class(descriptor: DescriptorProto) -> Any:
    """The class google.protobuf makes of a descriptor."""
    file = descriptor_pb2.FileDescriptorProto(name="rows.proto", message_type=[descriptor])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(descriptor.name))


class Reference:
    """Reads rows by google.protobuf: texts as bytes, as the decoder does."""

    def __init__(self, descriptor: DescriptorProto) -> None:
        self.root = descriptor
        plain = DescriptorProto()
        plain.CopyFrom(descriptor)
        _plain(plain)
        self._class = message_class(plain)

    def read(self, row: bytes) -> dict[str, Any] | None:
        """The values of a row; None when it is malformed."""
        try:
            message = self._class.FromString(row)
        except DecodeError:
            return None
        # The parser of C++ refuses field number 0; that of Python takes it for an unknown field.
        return None if _has_number_zero(message) else _values(message)


def _has_number_zero(message: Any) -> bool:
    """Whether a field number 0 is among the unknown fields; messages and groups may be deeply nested."""
    messages, groups = [message], []
    while messages:
        message = messages.pop()
        groups.append(UnknownFieldSet(message))
        for field, value in message.ListFields():
            if field.message_type is not None:
                messages += value if field.is_repeated else [value]
    while groups:
        for unknown in groups.pop():
            if unknown.field_number == 0:
                return True
            if unknown.wire_type == 3 and unknown.data is not None:
                groups.append(unknown.data)
    return False


def _plain(message: DescriptorProto) -> None:
    for field in message.field:
        if field.type == P.TYPE_STRING:
            field.type = P.TYPE_BYTES
    for nested in message.nested_type:
        _plain(nested)


def _values(message: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        one = _values if field.message_type is not None else comparable
        if field.is_repeated:
            values[field.name] = [one(v) for v in value]
        elif message.HasField(field.name) or field.has_default_value:
            values[field.name] = one(value)
        else:
            values[field.name] = None
    return values


def comparable(value: Any) -> Any:
    """A value of ``to_pylist()`` in which NaN equals NaN."""
    if isinstance(value, dict):
        return {k: comparable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [comparable(v) for v in value]
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else ("float", value, math.copysign(1, value))
    return value


def random_descriptor(random: Random, depth: int = 3, name: str = "Row") -> DescriptorProto:
    """A message of random fields: scalars, enums, messages, repeated, packed, oneofs, far field numbers."""
    message = DescriptorProto(name=name)
    message.enum_type.add(name="Color").value.add(name=f"{name}_RED", number=0)
    message.enum_type[0].value.add(name=f"{name}_BLUE", number=-5)
    numbers = random.sample([*range(1, 40), 127, 128, 2047, 5000, (1 << 29) - 1], random.randint(0, 8))
    if random.random() < 0.5:
        message.oneof_decl.add(name="choice")
    for i, number in enumerate(numbers):
        field = message.field.add(name=f"f{i}", number=number, label=P.LABEL_OPTIONAL)
        if depth and random.random() < 0.35:
            field.type = P.TYPE_MESSAGE
            child = random_descriptor(random, depth - 1, f"Sub{i}")
            message.nested_type.append(child)
            field.type_name = f"Sub{i}"
        else:
            field.type = random.choice(SCALARS)
            if field.type == P.TYPE_ENUM:
                field.type_name = "Color"
        if random.random() < 0.3:
            field.label = P.LABEL_REPEATED
            if field.type not in (*_BYTES, P.TYPE_MESSAGE) and random.random() < 0.5:
                field.options.packed = True
        elif message.oneof_decl and random.random() < 0.5:
            field.oneof_index = 0
    if not any(f.HasField("oneof_index") for f in message.field):
        del message.oneof_decl[:]
    return message


def varint(value: int, padding: int = 0) -> bytes:
    """A varint, made ``padding`` bytes longer than needed."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(min(padding, 10 - len(out))):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def delimited(number: int, data: bytes) -> bytes:
    return tag(number, 2) + varint(len(data)) + data


def random_row(random: Random, message: DescriptorProto, occurrences: int = 8) -> bytes:
    """Random well-formed bytes for a message, its fields repeated, mixed and misused."""
    out = b""
    for _ in range(random.randint(0, occurrences)):
        if not message.field or random.random() < 0.15:
            out += _unknown(random, random.choice([1, 2, 3, 16, 41, 300, 70000]))
            continue
        field = random.choice(message.field)
        if random.random() < 0.06:
            out += _unknown(random, field.number)
        elif field.type == P.TYPE_MESSAGE:
            child = next(m for m in message.nested_type if m.name == field.type_name)
            out += delimited(field.number, random_row(random, child, occurrences // 2 + 1))
        elif field.type in _BYTES:
            out += delimited(
                field.number, random.randbytes(random.choice([0, 1, 7, 16, 17, 33, 64, 65, 200]))
            )
        elif random.random() < 0.3:
            run = b"".join(_scalar(random, field.type) for _ in range(random.randint(0, 5)))
            if field.label == P.LABEL_REPEATED or len(run) % 4:
                out += delimited(field.number, run)
        else:
            wire = _FIXED.get(field.type, (0, 0))[0]
            out += tag(field.number, wire) + _scalar(random, field.type)
    return out


def _scalar(random: Random, type_: int) -> bytes:
    if type_ in _FIXED:
        return random.randbytes(_FIXED[type_][1])
    if type_ == P.TYPE_ENUM and random.random() < 0.8:
        return varint(random.choice([0, -5, 7, (1 << 32) - 5]))
    bits = random.choice([1, 6, 7, 8, 14, 21, 28, 31, 32, 35, 49, 55, 56, 57, 63, 64])
    return varint(random.getrandbits(bits), random.choice([0, 0, 0, 1, 9]))


def _unknown(random: Random, number: int) -> bytes:
    wire = random.choice([0, 1, 2, 3, 5])
    if wire == 3:
        inner = b"".join(_unknown(random, random.randint(1, 3)) for _ in range(random.randint(0, 2)))
        return tag(number, 3) + inner + tag(number, 4)
    body = {0: varint(random.getrandbits(64)), 1: bytes(8), 2: varint(3) + b"abc", 5: bytes(4)}
    return tag(number, wire) + body[wire]


def mutated(random: Random, row: bytes) -> bytes:
    """A row cut, with bytes changed, inserted or removed."""
    out = bytearray(row)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(out) + 1)
        action = random.randrange(5)
        if action == 0:
            del out[at:]
        elif action == 1 and at < len(out):
            out[at] ^= 1 << random.randrange(8)
        elif action == 2:
            out[at:at] = random.randbytes(random.randint(1, 4))
        elif action == 3:
            del out[at : at + 1]
        else:
            out[at:at] = random.choice([b"\xff" * 11, b"\x80", b"\x00", b"\x0b", b"\x0c", b"\x06"])
    return bytes(out)
