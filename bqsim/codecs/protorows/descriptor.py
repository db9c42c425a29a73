"""The fields that a self-contained message descriptor describes, as a tree.

Refusals have the wording of a descriptor pool that adds the message to a proto2 file ``BqMessage.proto``, as
the Storage API has them.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto

_FILE = "BqMessage.proto"
MAX_NUMBER = (1 << 29) - 1
# Three proto fields for each of the 10,000 columns a table can have.
MAX_FIELDS = 30_000
# Messages inside one another, as deep as parsers follow them.
MAX_DEPTH = 100
_TOO_DEEP = "Messages are nested too deeply."
# Types that have a name.
_NAMED: dict[int, str] = {
    FieldDescriptorProto.TYPE_MESSAGE: "a message",
    FieldDescriptorProto.TYPE_ENUM: "an enum",
}

Default = bool | int | float | bytes | None


@dataclass(frozen=True, slots=True)
class ProtoField:
    """A field of a message.

    ``type`` is a ``FieldDescriptorProto.Type``; ``fields`` and ``message`` (the short name) describe a
    message; ``default`` is the proto2 default value, ``enum_values`` the names and numbers of an enum,
    ``oneof`` the index of its oneof. ``full_name`` and ``message_name`` are the full names of the field and
    of its message type, ``options`` its serialised ``FieldOptions``.
    """

    name: str
    number: int
    type: int
    repeated: bool
    fields: tuple[ProtoField, ...] = ()
    message: str = ""
    has_default: bool = False
    default: Default = None
    enum_values: tuple[tuple[str, int], ...] = ()
    oneof: int | None = None
    full_name: str = ""
    message_name: str = ""
    options: bytes = b""


@cache
def _well_known() -> Mapping[str, DescriptorProto]:
    """Messages that a descriptor may name without containing them, by full name."""
    from google.protobuf import duration_pb2, timestamp_pb2, wrappers_pb2

    found = {}
    for module in (duration_pb2, timestamp_pb2, wrappers_pb2):
        for message in module.DESCRIPTOR.message_types_by_name.values():
            found[message.full_name] = copy = DescriptorProto()
            message.CopyToProto(copy)
    return found


def fields_of(descriptor: DescriptorProto) -> tuple[ProtoField, ...]:
    """The fields of a message in descriptor order.

    ``ValueError``, worded for the user, when the descriptor is invalid.
    """
    reader = _Reader(descriptor)
    fields = reader.read()
    if reader.errors:
        raise ValueError("\n".join(reader.errors))
    return fields


class _Reader:
    """Resolves the names of one descriptor."""

    def __init__(self, descriptor: DescriptorProto) -> None:
        self.errors: list[str] = []
        self._root = descriptor
        self._types: dict[str, DescriptorProto | EnumDescriptorProto] = {}
        self._done: dict[str, tuple[ProtoField, ...]] = {}
        # Fields below a message, and messages inside one another, when every name is replaced by its fields.
        self._sizes: dict[str, int] = {}
        self._heights: dict[str, int] = {}
        self._open: list[str] = []
        if not descriptor.name:
            self._error("", "Missing name.")
        for path, type_ in _declared("", descriptor):
            if path in self._types:
                scope, _, name = path.rpartition(".")
                self._error(path, f'"{name}" is already defined in "{scope}".')
            self._types[path] = type_

    def read(self) -> tuple[ProtoField, ...]:
        return self._message(self._root.name, self._root)

    def _error(self, where: str, what: str) -> None:
        line = f"{_FILE}: {where}: {what}"
        if line not in self.errors:
            self.errors.append(line)

    def _message(self, path: str, message: DescriptorProto) -> tuple[ProtoField, ...]:
        if path not in self._done:
            self._open.append(path)
            self._check_unique(path, message)
            fields = tuple(f for p in message.field if (f := self._field(path, message, p)) is not None)
            self._open.pop()
            self._done[path] = fields
            children = [self._resolve(path, p.type_name)[0] for p in message.field if p.type_name]
            self._sizes[path] = len(message.field) + sum(self._sizes.get(c, 0) for c in children)
            self._heights[path] = max((1 + self._heights.get(c, 0) for c in children), default=0)
            if self._sizes[path] > MAX_FIELDS:
                raise ValueError(f"{_FILE}: {path}: The message has more than {MAX_FIELDS} fields.")
            if self._heights[path] > MAX_DEPTH:
                raise ValueError(f"{_FILE}: {path}: {_TOO_DEEP}")
        return self._done[path]

    def _check_unique(self, path: str, message: DescriptorProto) -> None:
        names: set[str] = set()
        numbers: dict[int, str] = {}
        for field in message.field:
            where = f"{path}.{field.name}"
            if field.name in names:
                self._error(where, f'"{field.name}" is already defined in "{path}".')
            if field.number in numbers:
                self._error(
                    where,
                    f"Field number {field.number} has already been used in "
                    f'"{path}" by field "{numbers[field.number]}".',
                )
            names.add(field.name)
            numbers.setdefault(field.number, field.name)

    def _field(self, path: str, message: DescriptorProto, field: FieldDescriptorProto) -> ProtoField | None:
        where = f"{path}.{field.name}"
        before = len(self.errors)
        for wrong, what in _checks(message, field, where):
            if wrong:
                self._error(where, what)
        type_ = field.type if field.HasField("type") else 0
        target_path, target = self._resolve(path, field.type_name) if field.type_name else ("", None)
        if field.type_name and target is None:
            self._error(where, _not_defined(field.type_name, target_path))
        type_ = type_ or _type_of(target)
        if target is not None and type_ in _NAMED and type_ != _type_of(target):
            self._error(where, f'"{field.type_name}" is not {_NAMED[type_]} type.')
        if len(self.errors) > before:
            return None
        repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
        default = None
        if field.HasField("default_value"):
            default = self._default(where, field, type_, target)
        fields: tuple[ProtoField, ...] = ()
        if isinstance(target, DescriptorProto):
            if target_path in self._open:
                self._error(where, "Recursive message types are not supported.")
                return None
            if len(self._open) > MAX_DEPTH:
                raise ValueError(f"{_FILE}: {where}: {_TOO_DEEP}")
            fields = self._message(target_path, target)
        return ProtoField(
            name=field.name,
            number=field.number,
            type=type_,
            repeated=repeated,
            fields=fields,
            message=target.name if isinstance(target, DescriptorProto) else "",
            has_default=default is not None,
            default=default,
            enum_values=_enum_values(target),
            oneof=field.oneof_index if field.HasField("oneof_index") else None,
            full_name=where,
            message_name=target_path if isinstance(target, DescriptorProto) else "",
            options=field.options.SerializeToString() if field.HasField("options") else b"",
        )

    def _resolve(self, scope: str, name: str) -> tuple[str, DescriptorProto | EnumDescriptorProto | None]:
        """The full name and the declaration of a type named in message ``scope``; innermost scopes first."""
        if name.startswith("."):
            return name[1:], self._declaration(name[1:])
        first = name.split(".", 1)[0]
        while scope:
            if f"{scope}.{first}" in self._types:
                full = f"{scope}.{name}"
                return full, self._types.get(full)
            scope = scope.rpartition(".")[0]
        return name, self._declaration(name)

    def _declaration(self, full: str) -> DescriptorProto | EnumDescriptorProto | None:
        return self._types.get(full) or _well_known().get(full)

    def _default(self, where: str, field: FieldDescriptorProto, type_: int, target: Any) -> Default:
        text = field.default_value
        if isinstance(target, EnumDescriptorProto):
            number = dict(_enum_values(target)).get(text)
            if number is None:
                self._error(where, f'Enum type "{target.name}" has no value named "{text}".')
            return number
        try:
            return _DEFAULTS[type_](text)
        except (ValueError, OverflowError):
            self._error(where, f'Couldn\'t parse default value "{text}".')
            return None


def _declared(
    scope: str, message: DescriptorProto
) -> Iterator[tuple[str, DescriptorProto | EnumDescriptorProto]]:
    """The full names of a message and of the types in it."""
    path = f"{scope}.{message.name}" if scope else message.name
    yield path, message
    for enum in message.enum_type:
        yield f"{path}.{enum.name}", enum
    for nested in message.nested_type:
        yield from _declared(path, nested)


def _not_defined(name: str, full: str) -> str:
    if full == name.removeprefix("."):
        return f'"{name}" is not defined.'
    return (
        f'"{name}" is resolved to "{full}", which is not defined. The innermost scope is searched first in '
        f"name resolution. Consider using a leading '.'(i.e., \".{name}\") to start from the outermost scope."
    )


def _type_of(target: Any) -> int:
    if isinstance(target, DescriptorProto):
        return int(FieldDescriptorProto.TYPE_MESSAGE)
    return int(FieldDescriptorProto.TYPE_ENUM) if isinstance(target, EnumDescriptorProto) else 0


def _enum_values(target: Any) -> tuple[tuple[str, int], ...]:
    if not isinstance(target, EnumDescriptorProto):
        return ()
    return tuple((v.name, v.number) for v in target.value)


def _checks(
    message: DescriptorProto, field: FieldDescriptorProto, where: str
) -> tuple[tuple[bool, str], ...]:
    """What can be wrong with a field alone."""
    named = field.type in _NAMED
    typed = field.HasField("type")
    repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
    default = field.HasField("default_value")
    group = typed and field.type == FieldDescriptorProto.TYPE_GROUP
    return (
        (not field.name, "Missing name."),
        (field.number <= 0, "Field numbers must be positive integers."),
        (field.number > MAX_NUMBER, f"Field numbers cannot be greater than {MAX_NUMBER}."),
        (field.HasField("extendee"), "FieldDescriptorProto.extendee set for non-extension field."),
        (group, "Groups are not supported."),
        (
            (named or not typed) and not field.type_name,
            "Field with message or enum type missing type_name.",
        ),
        (
            typed and not named and not group and bool(field.type_name),
            "Field with primitive type has type_name.",
        ),
        (default and repeated, "Repeated fields can't have default values."),
        (
            default and typed and field.type == FieldDescriptorProto.TYPE_MESSAGE,
            "Messages can't have default values.",
        ),
        (
            field.HasField("oneof_index") and not 0 <= field.oneof_index < len(message.oneof_decl),
            f"FieldDescriptorProto.oneof_index {field.oneof_index} is out of range for type "
            f'"{where.rpartition(".")[0]}".',
        ),
        # The service reads descriptors as proto2.
        (
            field.proto3_optional,
            f"The [proto3_optional=true] option may only be set on proto3fields, not {where}",
        ),
    )


def _integer(bits: int, signed: bool) -> Callable[[str], int]:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|[0-9]+)", text):
            raise ValueError
        sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
        octal = digits.startswith("0") and digits.isdigit()
        value = sign * int(digits, 8 if octal else 0)
        if not low <= value <= high:
            raise ValueError
        return value

    return parse


def _double(text: str) -> float:
    if text in ("inf", "-inf", "nan", "-nan"):
        return float(text)
    if not re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        raise ValueError
    return float(text)


def _float(text: str) -> float:
    value = _double(text)
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _bool(text: str) -> bool:
    return {"true": True, "false": False}[text] if text in ("true", "false") else _refuse()


def _refuse() -> bool:
    raise ValueError


_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_ESCAPED = dict(zip(b"abfnrtv\\'\"?", b"\a\b\f\n\r\t\v\\'\"?", strict=True))


def _bytes(text: str) -> bytes:
    def value(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, letter = match.groups()
        if letter is not None:
            if letter[0] not in _ESCAPED:
                raise ValueError
            return bytes([_ESCAPED[letter[0]]])
        return bytes([int(octal, 8) & 0xFF if octal is not None else int(hexadecimal, 16)])

    return _ESCAPE.sub(value, text.encode())


_P = FieldDescriptorProto
# How the text of a default value is read, by type.
_DEFAULTS: dict[int, Callable[[str], Default]] = {
    **dict.fromkeys((_P.TYPE_INT32, _P.TYPE_SINT32, _P.TYPE_SFIXED32), _integer(32, True)),
    **dict.fromkeys((_P.TYPE_INT64, _P.TYPE_SINT64, _P.TYPE_SFIXED64), _integer(64, True)),
    **dict.fromkeys((_P.TYPE_UINT32, _P.TYPE_FIXED32), _integer(32, False)),
    **dict.fromkeys((_P.TYPE_UINT64, _P.TYPE_FIXED64), _integer(64, False)),
    _P.TYPE_DOUBLE: _double,
    _P.TYPE_FLOAT: _float,
    _P.TYPE_BOOL: _bool,
    _P.TYPE_STRING: str.encode,
    _P.TYPE_BYTES: _bytes,
}
