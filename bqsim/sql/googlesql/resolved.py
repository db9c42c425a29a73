"""Reading GoogleSQL's resolved tree as it comes: protobuf messages.

A node arrives inside ``Any…Proto`` wrappers, and its inherited fields inside a chain of ``parent``
messages. :func:`unwrap` takes the wrappers off and :func:`get` looks through the parents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# The files that define nodes: of the resolved tree and of the parse tree, which has the same form.
_TREES = ("resolved_ast/resolved_ast.proto", "parser/parse_tree.proto")
_WRAPPER: dict[str, bool] = {}
_HOPS: dict[tuple[str, str], int] = {}
_CHILDREN: dict[str, tuple[tuple[str, bool], ...]] = {}


def unwrap(message: Any) -> Any:
    """The concrete node in an ``Any…Proto``, or None when it holds none.

    A concrete node is returned as is.
    """
    while message is not None:
        name = message.DESCRIPTOR.name
        wrapper = _WRAPPER.get(name)
        if wrapper is None:
            wrapper = _WRAPPER[name] = name.startswith("Any")
        if not wrapper:
            return message
        which = message.WhichOneof("node")
        message = getattr(message, which) if which else None
    return None


def kind_of(message: Any) -> str:
    """The innermost name of an ``Any…Proto``'s content: ``resolved_query_stmt``."""
    kind = ""
    while message.DESCRIPTOR.name.startswith("Any"):
        which = message.WhichOneof("node")
        if which is None:
            return kind
        kind = which.removesuffix("_node")
        message = getattr(message, which)
    return kind


def node_name(message: Any) -> str:
    """GoogleSQL's name of a node: ``ResolvedTableScan``."""
    return str(message.DESCRIPTOR.name.removesuffix("Proto"))


def get(message: Any, field: str) -> Any:
    """A field of a node, its own or inherited. Raises AttributeError when no ancestor has it."""
    descriptor = message.DESCRIPTOR
    key = (descriptor.name, field)
    hops = _HOPS.get(key)
    if hops is None:
        hops = 0
        while field not in descriptor.fields_by_name:
            parent = descriptor.fields_by_name.get("parent")
            if parent is None:
                raise AttributeError(f"{key[0]} has no field {field}")
            descriptor = parent.message_type
            hops += 1
        _HOPS[key] = hops
    for _ in range(hops):
        message = message.parent
    return getattr(message, field)


def has(message: Any, field: str) -> bool:
    """Whether a singular message field, own or inherited, is set to something.

    GoogleSQL sends many absent things as empty messages; these count as unset.
    """
    while field not in message.DESCRIPTOR.fields_by_name:
        message = message.parent
    return message.HasField(field) and bool(getattr(message, field).ListFields())


def children(message: Any) -> Iterator[Any]:
    """The nodes directly below a node, unwrapped, in the order of the fields."""
    descriptor = message.DESCRIPTOR
    fields = _CHILDREN.get(descriptor.name)
    if fields is None:
        fields = _CHILDREN[descriptor.name] = tuple(
            (f.name, f.is_repeated)
            for f in descriptor.fields
            if f.message_type is not None and f.message_type.file.name.endswith(_TREES)
        )
    for name, repeated in fields:
        if repeated:
            for item in getattr(message, name):
                node = unwrap(item)
                if node is not None:
                    yield node
        elif message.HasField(name):
            node = unwrap(getattr(message, name))
            if node is None:
                continue
            if name == "parent":
                yield from children(node)
            else:
                yield node


def walk(message: Any) -> Iterator[Any]:
    """A node and everything below it, parents before children."""
    stack = [message]
    while stack:
        node = stack.pop()
        yield node
        below = list(children(node))
        below.reverse()
        stack.extend(below)
