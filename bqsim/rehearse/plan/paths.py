"""Paths in a plan, as the grid writes them: ``reservations.etl.slot_capacity``, ``retries.attempts``.

Entries of lists are written by their number from 1, or by their name where they have one:
``workload.etl.changes.1.shift``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.scenario.kinds import Scalar
from bqsim.sim.scenario.read import Reader
from bqsim.sim.scenario.shapes import Choice, Many, Plain, Record, Shape, Slot, Table, record_of
from bqsim.sim.scenario.spelling import clip, unknown
from bqsim.sim.scenario.tree import Leaf, Place

from .model import Money, Plan

TIMES = "workload.times"
# What a path may begin with besides the keys of the capacity.
_ROOTS = ("capacity", "retries", "workload", "streams", "quotas")
# Of money nothing else can be varied.
SPEND = "money.spend_commitments"
_LISTED = 12
_MOST_MEANT = 3

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a path leads: written keys from the plan, the shape that is there, and what it has now."""

    keys: Keys
    shape: Shape
    optional: bool
    value: Any


class PathError(ValueError):
    """A path that leads nowhere, or a value that cannot be there; worded for the user."""


def resolved(plan: Plan, path: str) -> Target:
    """Where ``path`` leads in a plan. Raises :class:`PathError`, with the paths that may be meant."""
    try:
        return _walked(plan, path)
    except PathError:
        meant = meant_by(plan, path)
        if not meant:
            raise
    listed = " or ".join(f"'{one}'" for one in meant)
    raise PathError(f"there is no path '{clip(path)}'; did you mean {listed}?")


def meant_by(plan: Plan, path: str) -> list[str]:
    """The paths of a plan in which all words of ``path`` are, in their order, and the last is the last: what
    is left out of paths is the kind of an origin or a process, the number of an entry, or their begin. None
    where there are too many to tell of."""
    words = path.split(".")
    found = [one for one in _leaves(plan) if one != path and _has(one.split("."), words)]
    return found if len(found) <= _MOST_MEANT else []


def _has(every: Sequence[str], words: Sequence[str]) -> bool:
    left = iter(every[:-1])
    return every[-1] == words[-1] and all(word in left for word in words[:-1])


def _leaves(plan: Plan) -> Iterator[str]:
    """All paths of a plan that lead to a value."""
    yield TIMES
    yield from _below(record_of(Capacity), plan.capacity, ())
    for root in _ROOTS[1:]:
        slot = record_of(Plan).slots[root]
        yield from _below(slot.shape, getattr(plan, slot.name), (root,))
    commitments = record_of(Money).slots["spend_commitments"].shape
    yield from _below(commitments, plan.money.spend_commitments, tuple(SPEND.split(".")))


def _below(shape: Shape, value: Any, words: tuple[str, ...]) -> Iterator[str]:
    if isinstance(shape, Choice) and value is not None:
        yield ".".join(words)
        yield from _below(shape.members[value.kind], value, (*words, value.kind))
    elif isinstance(shape, Record) and value is not None:
        for key, slot in shape.slots.items():
            yield from _below(slot.shape, getattr(value, slot.name), (*words, key))
    elif isinstance(shape, Table):
        for name, one in value.items():
            yield from _below(shape.of, one, (*words, name))
    elif isinstance(shape, Many) and not isinstance(shape.of, Plain):
        for at, one in enumerate(value or (), 1):
            yield from _below(shape.of, one, (*words, getattr(one, "name", "") or str(at)))
    else:
        yield ".".join(words)


def _walked(plan: Plan, path: str) -> Target:
    capacity = record_of(Capacity).slots
    root = SPEND if path == SPEND or path.startswith(f"{SPEND}.") else path.split(".", 1)[0]
    if root not in capacity and root not in (*_ROOTS, SPEND):
        if root == "money":
            message = f"of money only '{SPEND}' can be varied: a report has one currency, place and day"
            raise PathError(message)
        choices = (*capacity, *_ROOTS, SPEND)
        raise PathError(unknown("path", root, choices))
    rest = f"capacity.{path}" if root in capacity else path
    target = Target((), record_of(Plan), False, plan)
    walked = ""
    while rest:
        step, target, rest = _stepped(target, rest, walked)
        # What is left out in the path is left out in messages.
        if target.keys != ("capacity",) or root not in capacity:
            walked = f"{walked}.{step}" if walked else step
    _check_end(target, path)
    return target


def _stepped(target: Target, rest: str, walked: str) -> tuple[str, Target, str]:
    if target.value is None:
        raise PathError(f"'{walked}' is not in the plan; write it there first")
    shape = target.shape
    if isinstance(shape, Choice):
        record = shape.members[target.value.kind]
        word, _, after = rest.partition(".")
        if word == target.value.kind:
            return word, Target((*target.keys, word), record, False, target.value), after
        raise PathError(f"'{walked}' is {target.value.kind}, not '{clip(word)}'")
    if isinstance(shape, Record):
        return _into_record(target, shape, rest)
    if isinstance(shape, Table):
        return _into_table(target, shape, rest, walked)
    if isinstance(shape, Many):
        return _into_list(target, shape, rest, walked)
    raise PathError(f"'{walked}' is one value; nothing is below it")


def _into_record(target: Target, shape: Record, rest: str) -> tuple[str, Target, str]:
    word, _, after = rest.partition(".")
    slot = shape.slots.get(word)
    if slot is None:
        message = unknown("key", word, tuple(shape.slots), f"{_article(shape.noun)}")
        raise PathError(f"{message}{_of_entries(shape, word)}")
    value = getattr(target.value, slot.name)
    return word, Target((*target.keys, word), slot.shape, slot.optional, value), after


def _of_entries(shape: Record, word: str) -> str:
    """Which of its lists have entries with such a key."""
    for key, slot in shape.slots.items():
        of = slot.shape.of if isinstance(slot.shape, Many) else None
        if isinstance(of, Record) and word in of.slots:
            return f"; '{word}' is a key of the entries of '{key}': write one there and go on with its number"
    return ""


def _into_table(target: Target, shape: Table, rest: str, walked: str) -> tuple[str, Target, str]:
    # Names may have dots in them: the longest that fits is meant.
    fitting = [name for name in target.value if rest == name or rest.startswith(f"{name}.")]
    if not fitting:
        word = rest.partition(".")[0]
        raise PathError(f"{unknown('name', word, tuple(target.value))} (in '{walked}')")
    name = max(fitting, key=len)
    return name, Target((*target.keys, name), shape.of, False, target.value[name]), rest[len(name) + 1 :]


def _into_list(target: Target, shape: Many, rest: str, walked: str) -> tuple[str, Target, str]:
    names = [getattr(one, "name", "") for one in target.value]
    fitting = [name for name in names if name and (rest == name or rest.startswith(f"{name}."))]
    word = max(fitting, key=len) if fitting else rest.partition(".")[0]
    if word in names:
        at = names.index(word)
    elif word.isdecimal() and 1 <= int(word) <= len(target.value):
        at = int(word) - 1
    elif any(names) and not word.isdecimal():
        raise PathError(f"{unknown('name', word, [one for one in names if one])} (in '{walked}')")
    else:
        numbers = f"its entries are 1 to {len(target.value)}" if target.value else "it has no entries"
        raise PathError(f"there is no '{clip(word)}' in '{walked}'; {numbers}")
    return word, Target((*target.keys, at), shape.of, False, target.value[at]), rest[len(word) + 1 :]


def _check_end(target: Target, path: str) -> None:
    shape = target.shape
    if isinstance(shape, Table) or (isinstance(shape, Many) and not isinstance(shape.of, Plain)):
        inner = _within(target)
    elif isinstance(shape, Record) and shape.principal is None:
        inner = list(shape.slots)
    else:
        return
    listed = ", ".join(inner[:_LISTED]) + (", …" if len(inner) > _LISTED else "")
    hint = f"; go on with one of {listed}" if inner else ""
    raise PathError(f"'{path}' is not one value{hint}")


def _within(target: Target) -> list[str]:
    if isinstance(target.shape, Table):
        return list(target.value)
    return [getattr(one, "name", "") or str(at) for at, one in enumerate(target.value, 1)]


def read_value(target: Target, value: Scalar) -> Any:
    """What a written value is at a target. Raises :class:`PathError`."""
    if value is None and target.optional:
        return None
    reader = Reader()
    found = reader.read(target.shape, Leaf(Place(""), value))
    if reader.problems:
        raise PathError(reader.problems[0].message)
    return found


def replaced(plan: Plan, keys: Sequence[str | int], value: Any) -> Plan:
    """The plan with another value at ``keys``."""
    changed: Plan = _replaced(record_of(Plan), plan, keys, value)
    return changed


def _replaced(shape: Shape, record: Any, keys: Sequence[str | int], value: Any) -> Any:
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(shape, Choice):
        return _replaced(shape.members[record.kind], record, rest, value)
    if isinstance(shape, Record):
        slot = shape.slots[str(key)]
        inner = _replaced(slot.shape, getattr(record, slot.name), rest, value)
        return replace(record, **{slot.name: inner})
    if isinstance(shape, Table):
        return {**record, key: _replaced(shape.of, record[key], rest, value)}
    assert isinstance(shape, Many)
    return tuple(_replaced(shape.of, one, rest, value) if at == key else one for at, one in enumerate(record))


def records(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """All records in a value, with the written keys that lead to each."""
    if is_dataclass(value) and not isinstance(value, type):
        yield keys, value
        slots: dict[str, Slot] = {slot.name: slot for slot in record_of(type(value)).slots.values()}
        for one in fields(value):
            slot = slots[one.name]
            inner = getattr(value, one.name)
            here: Keys = (*keys, slot.key)
            if isinstance(slot.shape, Choice) and inner is not None:
                here = (*here, inner.kind)
            yield from records(inner, here)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from records(one, (*keys, str(key)))
    elif isinstance(value, tuple):
        for at, one in enumerate(value):
            yield from records(one, (*keys, at))


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
