"""The tables that ``decode.wat`` follows: a node per message, a slot per field, at each place of the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as P

from bqsim.codecs.wasm import FIRST_ADDRESS

from .descriptor import ProtoField

NODE_BYTES = 32
SLOT_BYTES = 64
SLOT_WORDS = SLOT_BYTES // 4

# Word positions of a slot.
CHILD, ONEOF, OWNER = 4, 5, 6
PRESENCE, CELLS, VALUES, STARTS, BITMAP, PACKED = range(7, 13)
COUNTER, NULLS, DATA = 13, 14, 15

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Kind(NamedTuple):
    """How values of a proto type are read: the program's op, the wire type, the bytes of a number."""

    op: int
    wire: int
    width: int


BOOL_OP, BYTES_OP, MESSAGE_OP = 4, 7, 8
_VARINT64, _VARINT32 = Kind(0, VARINT, 8), Kind(1, VARINT, 4)
_FIXED32, _FIXED64 = Kind(5, FIXED32, 4), Kind(6, FIXED64, 8)
KINDS: dict[int, Kind] = {
    P.TYPE_DOUBLE: _FIXED64,
    P.TYPE_FLOAT: _FIXED32,
    P.TYPE_INT64: _VARINT64,
    P.TYPE_UINT64: _VARINT64,
    P.TYPE_INT32: _VARINT32,
    P.TYPE_FIXED64: _FIXED64,
    P.TYPE_FIXED32: _FIXED32,
    P.TYPE_BOOL: Kind(BOOL_OP, VARINT, 0),
    P.TYPE_STRING: Kind(BYTES_OP, BYTES, 0),
    P.TYPE_MESSAGE: Kind(MESSAGE_OP, BYTES, 0),
    P.TYPE_BYTES: Kind(BYTES_OP, BYTES, 0),
    P.TYPE_UINT32: _VARINT32,
    P.TYPE_ENUM: Kind(9, VARINT, 4),
    P.TYPE_SFIXED32: _FIXED32,
    P.TYPE_SFIXED64: _FIXED64,
    P.TYPE_SINT32: Kind(2, VARINT, 4),
    P.TYPE_SINT64: Kind(3, VARINT, 8),
}


@dataclass(slots=True)
class _Slot:
    field: ProtoField
    # The repeated message whose items are the instances of this field's message; -1 for rows.
    owner: int
    # The node of a message.
    child: int = -1
    # Slots of the other members of its oneof.
    others: Sequence[int] = ()


@dataclass(slots=True)
class _Node:
    slots: range
    # The repeated fields that have one list per instance.
    lists: list[int]


class Layout(NamedTuple):
    """Where the slots' arrays lie in one region of memory, as offsets.

    ``columns``: int64 offsets by slot word PRESENCE … PACKED (rows) and slot (columns); ``result``: where the
    arrays begin that are copied out; ``size``: the end of the region.
    """

    columns: Any
    result: int
    size: int


class Plan:
    """The plan of a message with these fields.

    ``slot_fields``: the field of each slot; ``children``: the first slot of a message's fields, by its slot.
    """

    def __init__(self, fields: Sequence[ProtoField]) -> None:
        self._nodes: list[_Node] = []
        self._slots: list[_Slot] = []
        self._expand(fields)
        self.slot_fields = tuple(s.field for s in self._slots)
        self.first_child = tuple(
            self._nodes[s.child].slots.start if s.child >= 0 else -1 for s in self._slots
        )
        self.has_lists = any(f.repeated for f in self.slot_fields)
        self.root = FIRST_ADDRESS
        self.slots = FIRST_ADDRESS + NODE_BYTES * len(self._nodes)
        self._words = self._tables()
        self._owners = np.array([s.owner for s in self._slots], np.int64)
        kinds = [KINDS[f.type] for f in self.slot_fields]
        self._repeated = np.array([f.repeated for f in self.slot_fields], bool)
        self._width = np.array([k.width for k in kinds], np.int64)
        self._bool = np.array([k.op == BOOL_OP for k in kinds], bool)
        self._bytes = np.array([k.op == BYTES_OP for k in kinds], bool)

    @property
    def nbytes(self) -> int:
        """Bytes of the plan in memory; it lies at ``FIRST_ADDRESS``."""
        return int(self._words.nbytes)

    def words(self, columns: Any = None) -> Any:
        """The plan as uint32, with absolute ``columns`` (see :class:`Layout`) of a call."""
        words = self._words.copy()
        if columns is not None:
            start = (self.slots - FIRST_ADDRESS) // 4
            table = words[start : start + SLOT_WORDS * len(self._slots)].reshape(-1, SLOT_WORDS)
            table[:, PRESENCE : PACKED + 1] = columns.T
        return words

    def layout(self, rows: int, counts: Any) -> Layout:
        """Places for the arrays of ``rows`` rows; ``counts``: int64 items of each slot, 0 unless repeated."""
        instances = np.append(counts, rows)[self._owners]
        values = np.where(self._repeated, counts, instances)
        single = ~self._repeated
        sizes = np.stack(
            (
                single * instances,
                self._bool * values + self._bytes * values * 8,
                self._width * values,
                self._repeated * (instances + 1) * 4,
                single * (instances + 7 >> 3),
                self._bytes * (values + 1) * 4 + self._bool * (values + 7 >> 3),
            )
        )
        sizes = sizes + 7 & ~7
        ends = sizes.cumsum()
        columns = (ends - sizes.ravel()).reshape(sizes.shape)
        # Presence and cells come first; they are not copied out.
        result, size = (int(columns[2, 0]), int(ends[-1])) if len(self._slots) else (0, 0)
        return Layout(columns, result, size)

    def _expand(self, fields: Sequence[ProtoField]) -> None:
        # Breadth first, so that the slots of a node are neighbours.
        waiting: list[tuple[Sequence[ProtoField], int, int]] = [(fields, -1, 0)]
        for node, (members, owner, lists_node) in enumerate(waiting):
            start = len(self._slots)
            self._nodes.append(_Node(range(start, start + len(members)), []))
            lists = self._nodes[lists_node].lists
            for field in members:
                slot = _Slot(field, owner)
                self._slots.append(slot)
                index = len(self._slots) - 1
                if field.repeated:
                    lists.append(index)
                if field.type == P.TYPE_MESSAGE:
                    slot.child = len(waiting)
                    items = (field.fields, index, slot.child)
                    waiting.append(items if field.repeated else (field.fields, owner, lists_node))
            self._link_oneofs(self._nodes[node].slots)

    def _link_oneofs(self, slots: range) -> None:
        members: dict[int, list[int]] = {}
        for index in slots:
            oneof = self._slots[index].field.oneof
            if oneof is not None and not self._slots[index].field.repeated:
                members.setdefault(oneof, []).append(index)
        for group in members.values():
            for index in group:
                self._slots[index].others = [i for i in group if i != index]

    def _tables(self) -> Any:
        """The plan in words, without the addresses that differ between calls."""
        nodes = np.zeros((len(self._nodes), NODE_BYTES // 4), np.uint32)
        slots = np.zeros((len(self._slots), SLOT_WORDS), np.uint32)
        extra: list[Any] = []
        end = self.slots + SLOT_BYTES * len(self._slots)

        def place(words: Any) -> int:
            nonlocal end
            address = end
            extra.append(np.asarray(words, np.uint32).ravel())
            end += extra[-1].nbytes
            return address

        for row, node in zip(nodes, self._nodes, strict=True):
            dense, sparse = self._numbers(node)
            lists = [self._slot_address(i) for i in node.lists]
            row[:] = (
                place(dense),
                len(dense),
                place(sparse),
                len(sparse),
                place(lists),
                len(lists),
                self._slot_address(node.slots.start),
                len(node.slots),
            )
        for slot_row, slot in zip(slots, self._slots, strict=True):
            kind = KINDS[slot.field.type]
            repeated = slot.field.repeated
            others = [self._slot_address(i) for i in slot.others]
            slot_row[: OWNER + 1] = (
                kind.op,
                kind.wire,
                repeated,
                repeated and kind.wire != BYTES,
                FIRST_ADDRESS + NODE_BYTES * slot.child if slot.child >= 0 else 0,
                place([len(others), *others]) if others else 0,
                self._slot_address(slot.owner) if slot.owner >= 0 else 0,
            )
            if slot.field.type == P.TYPE_ENUM:
                numbers = sorted({number for _, number in slot.field.enum_values})
                slot_row[DATA] = place(np.array([len(numbers), *numbers], np.int32).view(np.uint32))
        return np.concatenate([nodes.ravel(), slots.ravel(), *extra])

    def _slot_address(self, index: int) -> int:
        return self.slots + SLOT_BYTES * index

    def _numbers(self, node: _Node) -> tuple[Any, list[tuple[int, int]]]:
        """Slot addresses by field number: an array for small numbers, sorted pairs for the others."""
        by_number = sorted((self._slots[i].field.number, self._slot_address(i)) for i in node.slots)
        limit = 64 + 8 * len(by_number)
        small = [(n, a) for n, a in by_number if n < limit]
        dense = np.zeros(small[-1][0] + 1 if small else 0, np.uint32)
        for number, address in small:
            dense[number] = address
        return dense, by_number[len(small) :]
