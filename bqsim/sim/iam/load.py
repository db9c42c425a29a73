"""Policy files: YAML or JSON → :class:`~.policy.Policy`; what is wrong is told with its line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from bqsim.sim.scenario.spelling import unknown

from .model import EVERYONE, MEMBER_FORMS, BadMember, Binding, DenyRule, member_key
from .policy import Policy
from .resources import is_pattern
from .roles import PERMISSIONS, ROLES


class PolicyError(ValueError):
    """A policy file that cannot be used: ``source:line: what is wrong``."""

    def __init__(self, source: str, line: int, text: str) -> None:
        super().__init__(f"{source}:{line}: {text}")
        self.source = source
        self.line = line
        self.text = text


def load(path: Path) -> Policy:
    """The policy in a file. Raises :class:`PolicyError`, also for a file that cannot be read."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as e:
        raise PolicyError(str(path), 1, f"the file cannot be read: {e.strerror}") from None
    except UnicodeDecodeError as e:
        line = e.object[: e.start].count(b"\n") + 1
        raise PolicyError(str(path), line, "the text is not valid UTF-8") from None
    return parse(text, str(path))


def parse(text: str, source: str = "<policy>") -> Policy:
    """The policy in a text. ``source`` stands before lines in messages and explanations."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        # YAML takes no tabs between the parts of a value, JSON does.
        text = text.replace("\t", " ")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        raise PolicyError(source, line, f"not valid YAML: {e.problem or e.context}") from None
    except (yaml.YAMLError, RecursionError):
        raise PolicyError(source, 1, "not valid YAML") from None
    if root is None:
        raise PolicyError(source, 1, "the policy is empty")
    return _Reader(source).policy(root)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._roles: dict[str, frozenset[str]] = {}

    def policy(self, root: yaml.Node) -> Policy:
        parts = self._fields(root, "policy", ("version", "groups", "roles", "bindings", "deny"))
        if "version" in parts and self._text(parts["version"], "version") not in ("1", "2", "3"):
            raise self._wrong(parts["version"], "version must be 1, 2 or 3")
        groups = {
            self._group(key): self._members(value)
            for key, value in self._pairs(parts.get("groups"), "groups")
        }
        for key, value in self._pairs(parts.get("roles"), "roles"):
            name = self._text(key, "the name of a role")
            if name in ROLES:
                raise self._wrong(key, f"role '{name}' is predefined; give the custom role another name")
            self._roles[name] = frozenset(
                p
                for item in self._items(value, f"role '{name}'")
                for p in PERMISSIONS
                if fnmatchcase(p, self._permission(item))
            )
        bindings = [b for item in self._items(parts.get("bindings"), "bindings") for b in self._binding(item)]
        deny = [r for item in self._items(parts.get("deny"), "deny") for r in self._deny(item)]
        return Policy(bindings, deny, groups=groups, roles=self._roles)

    def _binding(self, node: yaml.Node) -> list[Binding]:
        parts = self._fields(node, "binding", ("role", "members", "resource", "condition"))
        if "condition" in parts:
            raise self._wrong(parts["condition"], "conditions of bindings are not supported by bqsim")
        role = self._text(self._needed(parts, node, "role", "binding"), "role")
        known = (*ROLES, *self._roles)
        if role not in known:
            raise self._wrong(parts["role"], unknown("role", role, known))
        members = self._members(self._needed(parts, node, "members", "binding"))
        where = self._resources(parts.get("resource"))
        return [Binding(role, members, resource, self._at(node)) for resource in where]

    def _deny(self, node: yaml.Node) -> list[DenyRule]:
        names = (
            "deniedPrincipals",
            "deniedPermissions",
            "exceptionPrincipals",
            "exceptionPermissions",
            "resource",
        )
        parts = self._fields(node, "deny rule", names)
        permissions = self._permissions(self._needed(parts, node, "deniedPermissions", "deny rule"))
        principals = self._members(self._needed(parts, node, "deniedPrincipals", "deny rule"))
        return [
            DenyRule(
                permissions,
                principals,
                self._permissions(parts.get("exceptionPermissions")),
                self._members(parts.get("exceptionPrincipals")),
                resource,
                self._at(node),
            )
            for resource in self._resources(parts.get("resource"))
        ]

    # Values

    def _members(self, node: yaml.Node | None) -> tuple[str, ...]:
        return tuple(self._checked(item, self._member) for item in self._items(node, "members"))

    def _checked(self, node: yaml.Node, check: Callable[[yaml.Node, str], None]) -> str:
        text = self._text(node, "a member")
        check(node, text)
        return text

    def _member(self, node: yaml.Node, text: str) -> None:
        try:
            member_key(text)
        except BadMember as e:
            prefix, colon, _ = text.partition(":")
            if prefix in MEMBER_FORMS and colon:
                raise self._wrong(node, str(e)) from None
            choices = EVERYONE if not colon and "@" not in text else tuple(MEMBER_FORMS)
            if not colon and "@" in text:
                raise self._wrong(node, f"member '{text}' needs a prefix, as in 'user:{text}'") from None
            raise self._wrong(node, unknown("kind of member", prefix, choices)) from None

    def _group(self, node: yaml.Node) -> str:
        name = self._text(node, "the name of a group").removeprefix("group:")
        self._member(node, f"group:{name}")
        return name

    def _permissions(self, node: yaml.Node | None) -> tuple[str, ...]:
        return tuple(map(self._permission, self._items(node, "permissions")))

    def _permission(self, node: yaml.Node) -> str:
        text = self._text(node, "a permission")
        if not any(fnmatchcase(p, text) for p in PERMISSIONS):
            raise self._wrong(node, unknown("permission", text, sorted(PERMISSIONS)))
        return text

    def _resources(self, node: yaml.Node | None) -> list[str]:
        """Where a binding or a rule holds; everywhere when it does not say."""
        if node is None:
            return ["*"]
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        return [self._resource(item) for item in items]

    def _resource(self, node: yaml.Node) -> str:
        text = self._text(node, "resource")
        segments = text.split("/")
        if not is_pattern(text):
            raise self._wrong(
                node, f"resource '{text}' is no path such as 'projects/p/datasets/d/tables/t', nor '*'"
            )
        if len(segments) % 2 and text != "*":
            raise self._wrong(node, f"resource '{text}' ends without an id after '{segments[-1]}'")
        collections = ("projects", "datasets", "tables", "routines", "models", "locations", *_REGIONAL)
        for segment in segments[::2]:
            if text != "*" and segment not in collections:
                raise self._wrong(node, unknown("collection", segment, collections))
        return text

    # Nodes

    def _fields(self, node: yaml.Node, what: str, names: Sequence[str]) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for key, value in self._pairs(node, f"a {what}"):
            name = self._text(key, "a field")
            if name not in names:
                raise self._wrong(key, f"{unknown('field', name, names)} (in a {what})")
            if name in found:
                raise self._wrong(key, f"field '{name}' is given twice")
            found[name] = value
        return found

    def _needed(self, parts: Mapping[str, yaml.Node], node: yaml.Node, name: str, what: str) -> yaml.Node:
        if name not in parts:
            raise self._wrong(node, f"a {what} needs '{name}'")
        return parts[name]

    def _pairs(self, node: yaml.Node | None, what: str) -> list[tuple[yaml.Node, yaml.Node]]:
        if node is None:
            return []
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, f"{what} must be a mapping")
        return list(node.value)

    def _items(self, node: yaml.Node | None, what: str) -> list[yaml.Node]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self._wrong(node, f"{what} must be a list")
        return list(node.value)

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self._wrong(node, f"{what} must be a text")
        return str(node.value)

    def _wrong(self, node: yaml.Node, text: str) -> PolicyError:
        return PolicyError(self._source, _line(node), text)

    def _at(self, node: yaml.Node) -> str:
        return f"{self._source}:{_line(node)}"


_REGIONAL = ("connections", "reservations")


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
