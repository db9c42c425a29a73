"""Columns of Avro binary records: the schema becomes a plan for ``decode.wat``, its columns numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.codecs.wasm import program

if TYPE_CHECKING:
    from bqsim.codecs.wasm import Instance

NODE_BYTES = 40
LONG, FLOAT, DOUBLE, BOOLEAN, STRING, FIXED, ARRAY, RECORD = range(8)
_KINDS = {
    "int": LONG,
    "long": LONG,
    "enum": LONG,
    "float": FLOAT,
    "double": DOUBLE,
    "boolean": BOOLEAN,
    "string": STRING,
    "bytes": STRING,
    "fixed": FIXED,
}
_WIDTHS = {LONG: 8, FLOAT: 4, DOUBLE: 8, BOOLEAN: 1}
_DTYPES = {LONG: "<i8", FLOAT: "<f4", DOUBLE: "<f8", BOOLEAN: "u1", STRING: "u1", FIXED: "u1"}


class NoPlan(Exception):
    """A schema, or bytes, that need a closer look than this module has."""


@dataclass(slots=True)
class Node:
    """A type of the schema. ``null`` is the place of null in its union, -1 when it is none."""

    kind: int
    null: int
    schema: Any
    name: str = ""
    children: list[Node] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class Column:
    """The values of a node: ``data`` by kind, ``offsets`` of strings and arrays, ``valid`` as booleans."""

    node: Node
    count: int
    valid: Any
    data: Any = None
    offsets: Any = None
    children: list[Column] = field(default_factory=list)


def plan_of(schema: Any, named: Mapping[str, Any]) -> Node:
    """The plan of a schema whose named types are ``named``. Raises :class:`NoPlan` for unions of several
    types, types within themselves, and arrays of what takes no bytes."""
    return _node(schema, named, ())


def _node(schema: Any, named: Mapping[str, Any], outer: tuple[str, ...], name: str = "") -> Node:
    null = -1
    if isinstance(schema, list):
        rest = [t for t in schema if t != "null"]
        if len(schema) != 2 or len(rest) != 1:
            raise NoPlan
        null, schema = schema.index("null"), rest[0]
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    kind = schema if isinstance(schema, str) else schema["type"]
    if isinstance(kind, dict | list):
        if null >= 0 and isinstance(kind, list):
            raise NoPlan
        inner = _node(kind, named, outer, name)
        return inner if null < 0 else Node(inner.kind, null, inner.schema, name, inner.children, inner.size)
    if kind in _KINDS:
        size = int(schema["size"]) if kind == "fixed" else 0
        return Node(_KINDS[kind], null, schema, name, size=size)
    if kind in ("array", "map"):
        item = _node(schema["items" if kind == "array" else "values"], named, outer, "value")
        if kind == "map":
            item = Node(RECORD, -1, None, "", [Node(STRING, -1, "string", "key"), item])
        if _least_bytes(item) == 0:
            raise NoPlan
        return Node(ARRAY, null, schema, name, [item])
    if kind not in ("record", "error") or schema.get("name") in outer:
        raise NoPlan
    within = (*outer, str(schema.get("name")))
    children = [_node(f["type"], named, within, f["name"]) for f in schema["fields"]]
    return Node(RECORD, null, schema, name, children)


def _least_bytes(node: Node) -> int:
    if node.null >= 0 or node.kind not in (RECORD, FIXED):
        return 1
    return node.size if node.kind == FIXED else sum(map(_least_bytes, node.children))


def decode(plan: Node, blocks: Sequence[tuple[int, bytes]]) -> Column:
    """The records of blocks, (number of records, their bytes) each, as the column of a record.

    Raises :class:`NoPlan` when the bytes are not records of the schema.
    """
    from wasmtime import Trap, WasmtimeError

    try:
        with program("avro/decode").instance() as instance:
            return _Decoding(instance, plan).run(blocks)
    except (Trap, WasmtimeError, MemoryError) as error:
        raise NoPlan from error


class _Decoding:
    """The nodes of a plan in memory."""

    def __init__(self, instance: Instance, plan: Node) -> None:
        self._instance = instance
        # Children follow each other: a list in the order of levels.
        self._nodes = [plan]
        firsts: list[int] = []
        for node in self._nodes:
            firsts.append(len(self._nodes))
            self._nodes.extend(node.children)
        self._firsts = firsts
        self._base = instance.zeros(NODE_BYTES * len(self._nodes))

    def run(self, blocks: Sequence[tuple[int, bytes]]) -> Column:
        import numpy as np

        placed = [(count, self._instance.put(data), len(data)) for count, data in blocks]
        table = np.zeros((len(self._nodes), NODE_BYTES // 4), np.int32)
        for i, node in enumerate(self._nodes):
            table[i, 0], table[i, 1], table[i, 9] = node.kind, node.null, node.size
            table[i, 7] = self._base + NODE_BYTES * self._firsts[i]
            table[i, 8] = table[i, 7] + NODE_BYTES * len(node.children)
        self._decode(table, placed, 0)
        counted = self._instance.array_at(self._base, np.int32, table.size).reshape(table.shape)
        counts, sizes = counted[:, 2].tolist(), counted[:, 3].tolist()
        for i, node in enumerate(self._nodes):
            width = node.size if node.kind == FIXED else _WIDTHS.get(node.kind, 0)
            table[i, 4] = self._instance.zeros(sizes[i] if node.kind == STRING else counts[i] * width)
            if node.kind in (STRING, ARRAY):
                table[i, 5] = self._instance.zeros(4 * (counts[i] + 1))
            table[i, 6] = self._instance.zeros(counts[i])
        self._decode(table, placed, 1)
        return self._column(0, table, counts, sizes)

    def _decode(self, table: Any, placed: Sequence[tuple[int, int, int]], filling: int) -> None:
        self._instance.write(self._base, table)
        for count, address, size in placed:
            self._instance.call("decode", self._base, address, address + size, count, filling)

    def _column(self, i: int, table: Any, counts: Sequence[int], sizes: Sequence[int]) -> Column:
        import numpy as np

        node, count, at = self._nodes[i], counts[i], self._instance.array_at
        column = Column(node, count, at(int(table[i, 6]), np.bool_, count) if node.null >= 0 else None)
        if node.kind in _DTYPES:
            number = sizes[i] if node.kind == STRING else count * max(node.size, 1)
            column.data = at(int(table[i, 4]), _DTYPES[node.kind], number)
        if node.kind in (STRING, ARRAY):
            column.offsets = at(int(table[i, 5]), np.int32, count + 1)
        first = self._firsts[i]
        below = range(first, first + len(node.children))
        column.children = [self._column(n, table, counts, sizes) for n in below]
        if node.null < 0 and node.kind != ARRAY:
            column.valid = None
        return column
