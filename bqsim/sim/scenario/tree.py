"""A document as a tree that knows where each of its values stands, from YAML text or from plain objects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from .kinds import Scalar

MOST_VALUES = 500_000
DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: line and column from 1, or a ``path`` in an object that has no lines."""

    source: str
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.line:
            return f"{self.source}:{self.line}:{self.column}"
        return f"{self.source}: {self.path}" if self.path else self.source

    @property
    def origin(self) -> str:
        """``FILE:LINE``, or the source alone."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place, worded for the user."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ScenarioError(ValueError):
    """A scenario that is refused, with all its ``problems``; its text has a line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[Any, ...]:
        return (ScenarioError, (self.problems,))


@dataclass(slots=True)
class Leaf:
    place: Place
    value: Scalar
    size: int = 1


@dataclass(slots=True)
class Listing:
    place: Place
    items: list[Node] = field(default_factory=list)
    size: int = 1


@dataclass(slots=True)
class Mapped:
    """The entries as written: a key may stand more than once."""

    place: Place
    entries: list[tuple[Leaf, Node]] = field(default_factory=list)
    size: int = 1


Node = Leaf | Listing | Mapped


def below(node: Node, path: Sequence[str | int]) -> Place:
    """Where the value of a path of keys and indexes stands, or that which it is written in.

    A mapping or a list stands where its key does.
    """
    place = node.place
    for step in path:
        inner: tuple[Place, Node] | None = None
        if isinstance(node, Mapped):
            inner = next(((key.place, value) for key, value in node.entries if str(key.value) == step), None)
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
            inner = node.items[step].place, node.items[step]
        if inner is not None:
            key, node = inner
            place = node.place if isinstance(node, Leaf) else key
    return place


# YAML 1.2's core schema: neither ``off`` nor ``1:30`` nor a date is anything but text.
_NULLS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS: dict[str, Scalar] = {
    **_NULLS,
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}

_YAML_PROBLEMS = (
    (("expected ',' or ']'",), "the list in [ ] that begins here is not closed, or lacks a comma"),
    (("expected ',' or '}'",), "the mapping in { } that begins here is not closed, or lacks a comma"),
    (("mapping values are not allowed",), "a ':' cannot stand here; quote text that holds one"),
    (("sequence entries are not allowed",), "a list entry '-' cannot stand here; begin it on its own line"),
    (("cannot start any token",), "no value can start so; indent with spaces, quote text with @, ` or %"),
    (("unexpected end of stream",), "the quoted text that begins here is not closed"),
    (("could not find expected ':'",), "a ':' is missing after the key"),
    (("expected <document start>", "block end", "expected key"), "the line does not fit what is above it"),
)


def from_yaml(text: str, source: str) -> Node:
    """The tree of a YAML document; an empty one is an empty mapping. Raises :class:`ScenarioError`."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    build = _Builder(source)
    try:
        for event in yaml.parse(text, Loader=loader):
            build.take(event)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line = before.count("\n") + 1
        place = Place(source, line, error.position - before.rfind("\n"))
        raise ScenarioError([Problem(place, "a control character cannot stand in YAML")]) from None
    except yaml.MarkedYAMLError as error:
        said = f"{error.context} {error.problem}"
        found = next((m for signs, m in _YAML_PROBLEMS if any(sign in said for sign in signs)), None)
        begins = bool(found) and "begins here" in str(found)
        mark = (begins and error.context_mark) or error.problem_mark
        message = f"this is not valid YAML: {found}" if found else "this is not valid YAML"
        raise ScenarioError([Problem(_place(source, mark), message)]) from None
    return build.root or Mapped(Place(source, 1, 1))


def from_object(value: Any, source: str, path: str = "") -> Node:
    """The tree of what a JSON text holds. Raises :class:`ScenarioError`."""
    return _grown(value, source, path, 0)


def _grown(value: Any, source: str, path: str, depth: int) -> Node:
    place = Place(source, path=path)
    if depth > DEEPEST:
        raise ScenarioError([Problem(place, f"nested deeper than {DEEPEST} levels")])
    if isinstance(value, Mapping):
        found = Mapped(place)
        for key, one in value.items():
            below = f"{path}.{key}" if path else str(key)
            leaf = Leaf(Place(source, path=below), key if isinstance(key, Scalar) else str(key))
            found.entries.append((leaf, _grown(one, source, below, depth + 1)))
        return found
    if isinstance(value, list | tuple):
        items = [_grown(one, source, f"{path}[{n}]", depth + 1) for n, one in enumerate(value)]
        return Listing(place, items)
    if not isinstance(value, Scalar):
        raise ScenarioError([Problem(place, f"a value of type {type(value).__name__} cannot stand here")])
    return Leaf(place, value)


def _place(source: str, mark: Any) -> Place:
    return Place(source, mark.line + 1, mark.column + 1) if mark else Place(source, 1, 1)


def plain_value(text: str) -> Scalar:
    """What an unquoted YAML scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if text.lower() in _SPECIAL:
        return float(_SPECIAL[text.lower()])
    return text


class _Builder:
    """Builds the tree from events, without recursion: no depth of a hostile file can overflow a stack."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.root: Node | None = None
        self._open: list[tuple[Listing | Mapped, str | None]] = []
        self._keys: list[Leaf | None] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: Any) -> None:
        place = _place(self.source, event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._refuse(place, "a file holds one document; this is a second one")
        if getattr(event, "tag", None):
            self._refuse(place, f"tags such as {event.tag} are not used in scenarios")
        if isinstance(event, yaml.ScalarEvent):
            value = plain_value(event.value) if event.implicit[0] else event.value
            self._add(Leaf(place, value), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                self._refuse(place, f"*{event.anchor} names no value that is complete above it")
            self._add(self._anchors[event.anchor], None)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) >= DEEPEST:
                self._refuse(place, f"nested deeper than {DEEPEST} levels")
            sequence = isinstance(event, yaml.SequenceStartEvent)
            self._open.append((Listing(place) if sequence else Mapped(place), event.anchor))
            self._keys.append(None)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._keys.pop()
            self._add(*self._open.pop())

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1][0]
        parent.size += node.size
        if parent.size > MOST_VALUES:
            self._refuse(parent.place, f"this unfolds to more than {MOST_VALUES:,} values")
        if isinstance(parent, Listing):
            parent.items.append(node)
            return
        key = self._keys[-1]
        if key is not None:
            parent.entries.append((key, node))
            self._keys[-1] = None
        elif isinstance(node, Leaf):
            self._keys[-1] = node
        else:
            self._refuse(node.place, "a key is a word, not a list or a mapping")

    def _refuse(self, place: Place, message: str) -> NoReturn:
        raise ScenarioError([Problem(place, message)])
