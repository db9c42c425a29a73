"""Policies from YAML, with a line for everything that is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bqsim.sim.scenario.tree import Leaf, Listing, Mapped, Node, Problem, ScenarioError, from_yaml
from bqsim.sim.scenario.tree import from_object as tree_of

from .kinds import NAMES
from .policy import ACTIONS, KEEP, KEY_VARIABLE, Deny, Policy, PolicyError, RowRule

_NAME = re.compile(r"[a-z][a-z0-9\-]{0,40}")
_SECTIONS = ("key", "keep", "deny", "allow", "headers", "fields", "entropy", "rows")


def load(path: Path) -> Policy:
    """The policy in a file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"{path}: the policy cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PolicyError(f"{path}: the policy is not UTF-8 text") from None
    try:
        tree = from_yaml(text, str(path))
    except ScenarioError as error:
        raise PolicyError(str(error)) from None
    return _Reader(path.parent).policy(tree)


def from_object(described: Mapping[str, Any]) -> Policy:
    """The policy that the header of a cassette describes. Rules whose text is secret are not told there, so
    that they are left out."""
    given = dict(described)
    given["deny"] = [rule for rule in given.get("deny", ()) if "pattern" in rule]
    try:
        tree = tree_of(given, "cassette.json", "redaction")
    except ScenarioError as error:
        raise PolicyError(str(error)) from None
    return _Reader(Path()).policy(tree)


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []

    def policy(self, tree: Node) -> Policy:
        sections = self._members(tree, _SECTIONS, "a policy")
        rows = self._members(sections.get("rows"), ("default", "rules"), "rows")
        entropy, length, bits = self._entropy(sections.get("entropy"))
        env, file = self._key(sections.get("key"))
        made = Policy(
            deny=tuple(
                filter(None, (self._deny(item) for item in self._items(sections.get("deny"), "deny")))
            ),
            allow=tuple(
                filter(None, (self._allow(item) for item in self._items(sections.get("allow"), "allow")))
            ),
            keep=frozenset(self._words(sections.get("keep"), "keep", NAMES)),
            headers=frozenset(w.lower() for w in self._words(sections.get("headers"), "headers")),
            fields=frozenset(w.lower() for w in self._words(sections.get("fields"), "fields")),
            entropy=entropy,
            entropy_length=length,
            entropy_bits=bits,
            rows_default=self._choice(rows.get("default"), ACTIONS, KEEP, "default"),
            rows=tuple(filter(None, (self._rule(item) for item in self._items(rows.get("rules"), "rules")))),
            key_env=env,
            key_file=file,
        )
        if self.problems:
            raise PolicyError("\n".join(str(p) for p in sorted(self.problems, key=_order)))
        return made

    def _wrong(self, node: Node, message: str) -> None:
        self.problems.append(Problem(node.place, message))

    def _members(self, node: Node | None, known: Iterable[str], what: str) -> dict[str, Node]:
        if node is None or (isinstance(node, Leaf) and node.value is None):
            return {}
        if not isinstance(node, Mapped):
            self._wrong(node, f"{what} is a mapping")
            return {}
        found: dict[str, Node] = {}
        names = tuple(known)
        for key, value in node.entries:
            name = str(key.value)
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(names)}"
                self._wrong(key, f"{what} has no member {name!r}{hint}")
            elif name in found:
                self._wrong(key, f"{name} stands twice")
            else:
                found[name] = value
        return found

    def _items(self, node: Node | None, what: str) -> list[Node]:
        if node is None or (isinstance(node, Leaf) and node.value is None):
            return []
        if not isinstance(node, Listing):
            self._wrong(node, f"{what} is a list")
            return []
        return node.items

    def _text(self, node: Node | None, what: str) -> str:
        if node is None:
            return ""
        if (
            not isinstance(node, Leaf)
            or not isinstance(node.value, str | int)
            or node.value in ("", True, False)
        ):
            self._wrong(node, f"{what} is a text")
            return ""
        return str(node.value)

    def _words(self, node: Node | None, what: str, known: frozenset[str] = frozenset()) -> list[str]:
        words = []
        for item in self._items(node, what):
            word = self._text(item, f"an item of {what}")
            if known and word and word not in known:
                near = difflib.get_close_matches(word, known, 1)
                self._wrong(
                    item, f"there is no kind {word!r}" + (f"; did you mean {near[0]}?" if near else "")
                )
            words.append(word)
        return words

    def _choice(self, node: Node | None, known: tuple[str, ...], default: str, what: str) -> str:
        if node is None:
            return default
        word = self._text(node, what)
        word = {"synthesize": "synthesise"}.get(word, word)
        if word and word not in known:
            self._wrong(node, f"{what} is one of {', '.join(known)}, not {word!r}")
        return word if word in known else default

    def _pattern(self, members: Mapping[str, Node], node: Node) -> re.Pattern[str] | None:
        text, pattern = members.get("text"), members.get("pattern")
        if (text is None) == (pattern is None):
            self._wrong(node, "a rule has either text or pattern")
            return None
        if text is not None:
            literal = self._text(text, "text")
            return re.compile(re.escape(literal), re.I) if literal else None
        assert pattern is not None
        written = self._text(pattern, "pattern")
        try:
            made = re.compile(written)
        except re.error as error:
            self._wrong(pattern, f"the pattern is no regular expression: {error}")
            return None
        if made.match(""):
            self._wrong(pattern, "the pattern fits the empty text, so it would fit everywhere")
            return None
        return made

    def _deny(self, node: Node) -> Deny | None:
        members = self._members(node, ("name", "text", "pattern", "as"), "a rule of deny")
        name = self._text(members.get("name"), "name")
        if not name:
            self._wrong(node, "a rule of deny needs a name")
        elif not _NAME.fullmatch(name):
            self._wrong(
                members["name"], "a name has lower-case letters, digits and hyphens, and begins with a letter"
            )
        pattern = self._pattern(members, node)
        as_ = self._choice(members.get("as"), ("mark", "pseudonym"), "mark", "as")
        return Deny(name, pattern, as_ == "pseudonym", "text" in members) if pattern and name else None

    def _allow(self, node: Node) -> re.Pattern[str] | None:
        if isinstance(node, Leaf):
            literal = self._text(node, "an item of allow")
            return re.compile(re.escape(literal)) if literal else None
        return self._pattern(self._members(node, ("text", "pattern"), "a rule of allow"), node)

    def _rule(self, node: Node) -> RowRule | None:
        members = self._members(node, ("table", "column", "type", "action"), "a rule of rows")
        if "action" not in members:
            self._wrong(node, f"a rule of rows needs an action: one of {', '.join(ACTIONS)}")
            return None
        action = self._choice(members["action"], ACTIONS, KEEP, "action")
        given = {name: self._text(members.get(name), name) or "*" for name in ("table", "column", "type")}
        return RowRule(action, **given)

    def _entropy(self, node: Node | None) -> tuple[bool, int, float]:
        default = Policy()
        if isinstance(node, Leaf):
            if node.value in ("off", False):
                return False, default.entropy_length, default.entropy_bits
            if node.value in ("on", True, None):
                return True, default.entropy_length, default.entropy_bits
            self._wrong(node, "entropy is on, off, or a mapping with length and bits")
            return True, default.entropy_length, default.entropy_bits
        members = self._members(node, ("length", "bits"), "entropy")
        length = self._number(members.get("length"), 16, 256, default.entropy_length, "length")
        bits = self._number(members.get("bits"), 1, 6, default.entropy_bits, "bits")
        return True, int(length), float(bits)

    def _number(self, node: Node | None, least: float, most: float, default: float, what: str) -> float:
        if node is None:
            return default
        value = node.value if isinstance(node, Leaf) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self._wrong(node, f"{what} is a number from {least:g} to {most:g}")
            return default
        return value

    def _key(self, node: Node | None) -> tuple[str, str]:
        if isinstance(node, Leaf) and node.value is not None:
            self._wrong(
                node, "a key does not stand in a policy: name its variable ({env: NAME}) or {file: PATH}"
            )
            return KEY_VARIABLE, ""
        members = self._members(node, ("env", "file"), "key")
        file = self._text(members.get("file"), "file")
        return (
            self._text(members.get("env"), "env") or KEY_VARIABLE,
            str(self.folder / file) if file else "",
        )


_order: Callable[[Problem], tuple[int, int]] = lambda p: (p.place.line, p.place.column)  # noqa: E731
