"""What edits of cassettes share: blobs moved, operations renamed, orders counted anew."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bqsim.record.model import BLOB, Operation

from .blobs import Blobs
from .writer import digests

_OF = re.compile(r"@([0-9a-f]{16}\.\d+)\}")


def needed(operation: Operation) -> set[str]:
    """The names of other operations whose symbols this one has."""
    return {name for name in _names(_all(operation)) if name != operation.name}


def _all(operation: Operation) -> list[Any]:
    return [operation.request, operation.result, operation.exchanges]


def _names(value: Any) -> Iterable[str]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            if "${" in one:
                yield from _OF.findall(one)
        elif isinstance(one, dict):
            stack.extend(one.keys())
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)


def renamed(operation: Operation, occurrence: int, names: Mapping[str, str]) -> Operation:
    """The operation as another occurrence, its references to others by their new names."""
    if occurrence == operation.occurrence and not needed(operation) & names.keys():
        return operation
    return replace(
        operation,
        occurrence=occurrence,
        request=_renamed(operation.request, names),
        result=_renamed(operation.result, names),
        exchanges=_renamed(operation.exchanges, names),
    )


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _OF.sub(lambda m: f"@{names.get(m[1], m[1])}}}", value) if "@" in value else value
    if isinstance(value, dict):
        return {_renamed(name, names): _renamed(item, names) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value


def changes_of(operations: Iterable[Operation]) -> Counter[str]:
    """How often each resource was changed."""
    return Counter(name for operation in operations for name in operation.changes)


def dropped(operations: list[Operation], keep: set[str]) -> list[Operation]:
    """The operations of these names: occurrences follow on one another again, and orders count only the
    changes that are left."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for operation in sorted(operations, key=lambda o: o.occurrence):
        if operation.name in keep:
            counts[operation.key] += 1
            names[operation.name] = f"{operation.key}.{counts[operation.key]}"
    # The number of the change that an operation made, by resource.
    gone: dict[str, list[int]] = {}
    for operation in operations:
        if operation.name not in keep:
            for resource in operation.changes:
                if resource in operation.order:
                    gone.setdefault(resource, []).append(operation.order[resource])
    made = []
    for operation in operations:
        if operation.name in keep:
            one = renamed(operation, int(names[operation.name].rpartition(".")[2]), names)
            order = {
                resource: count - sum(n < count for n in gone.get(resource, ()))
                for resource, count in one.order.items()
            }
            made.append(replace(one, order=order))
    return made


def move(operation: Operation, source: Blobs, target: Blobs) -> None:
    """Put the blobs of an operation into another folder. :class:`CassetteError` when one is damaged."""
    if source.folder.resolve() == target.folder.resolve():
        return
    for digest in set(digests(_all(operation))):
        if not target.path(digest).exists():
            target.put(source.get(digest))


def size_of(reference: Any, blobs: Blobs) -> int:
    """How many bytes a blob takes in its folder; 0 when it is missing."""
    try:
        return blobs.path(str(reference[BLOB])).stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def copied(operation: Operation) -> Operation:
    """A copy whose JSON can be changed."""
    return replace(
        operation,
        request=copy.deepcopy(operation.request),
        result=copy.deepcopy(operation.result),
        order=dict(operation.order),
        exchanges=copy.deepcopy(operation.exchanges),
    )
