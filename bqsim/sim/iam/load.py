"""Policy files: YAML or JSON → :class:`~.policy.Policy`; what is wrong is told with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bqsim.settings import BadSetup
from bqsim.sim.scenario.spelling import unknown
from bqsim.sim.scenario.tree import (
    Leaf,
    Listing,
    Mapped,
    Node,
    Place,
    Problem,
    ScenarioError,
    from_object,
    from_yaml,
)

from .model import EVERYONE, MEMBER_FORMS, BadMember, Binding, DenyRule, member_key
from .policy import Policy
from .resources import is_pattern
from .roles import PERMISSIONS, ROLES


class PolicyError(ScenarioError, BadSetup):
    """A policy that cannot be used: ``source:line:column: what is wrong``."""


def load(path: Path) -> Policy:
    """The policy in a file. Raises :class:`PolicyError`, also for a file that cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise _error(Place(str(path)), f"the file cannot be read: {e.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = e.object[: e.start].count(b"\n") + 1
        column = e.start - e.object.rfind(b"\n", 0, e.start)
        raise _error(Place(str(path), line, column), "the text is not valid UTF-8") from None
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
        root = from_yaml(text, source)
    except ScenarioError as e:
        raise PolicyError(e.problems) from None
    if isinstance(root, Mapped) and not root.entries:
        raise _error(root.place, "the policy is empty")
    return _Reader().policy(root)


def from_dict(value: Mapping[str, Any], source: str = "<policy>") -> Policy:
    """The policy in a JSON object of the same form. Raises :class:`PolicyError`."""
    try:
        root = from_object(value, source)
    except ScenarioError as e:
        raise PolicyError(e.problems) from None
    return _Reader().policy(root)


def check_binding(member: str, role: str | None, resource: str | None, policy: Policy | None = None) -> None:
    """Raise :class:`PolicyError` for a member, a role or a resource that no binding can have."""
    reader = _Reader(policy.roles if policy is not None else {})
    reader.member(Leaf(Place("member"), member))
    if role is not None:
        reader.role(Leaf(Place("role"), role))
    if resource is not None:
        reader.resource(Leaf(Place("resource"), resource))


def check_permission(permission: str) -> None:
    """Raise :class:`PolicyError` for a glob that names no permission."""
    _Reader().permission(Leaf(Place("permission"), permission))


class _Reader:
    def __init__(self, roles: Mapping[str, frozenset[str]] | None = None) -> None:
        self._roles: dict[str, frozenset[str]] = dict(roles or {})

    def policy(self, root: Node) -> Policy:
        parts = self._fields(root, "policy", ("version", "groups", "roles", "bindings", "deny"))
        version = parts.get("version")
        if version is not None and not (isinstance(version, Leaf) and str(version.value) in _VERSIONS):
            raise _wrong(version, "version must be 1, 2 or 3")
        groups = {
            self._group(key): self._members(value)
            for key, value in self._pairs(parts.get("groups"), "groups")
        }
        for key, value in self._pairs(parts.get("roles"), "roles"):
            name = self._text(key, "the name of a role")
            if name in ROLES:
                raise _wrong(key, f"role '{name}' is predefined; give the custom role another name")
            self._roles[name] = frozenset(
                p
                for item in self._items(value, f"role '{name}'")
                for p in PERMISSIONS
                if fnmatchcase(p, self.permission(item))
            )
        bindings = [b for item in self._items(parts.get("bindings"), "bindings") for b in self._binding(item)]
        deny = [r for item in self._items(parts.get("deny"), "deny") for r in self._deny(item)]
        return Policy(bindings, deny, groups=groups, roles=self._roles)

    def _binding(self, node: Node) -> list[Binding]:
        parts = self._fields(node, "binding", ("role", "members", "resource", "condition"))
        if "condition" in parts:
            raise _wrong(parts["condition"], "conditions of bindings are not supported by bqsim")
        role = self.role(self._needed(parts, node, "role", "binding"))
        members = self._members(self._needed(parts, node, "members", "binding"))
        where = self._resources(parts.get("resource"))
        return [Binding(role, members, resource, node.place.origin) for resource in where]

    def _deny(self, node: Node) -> list[DenyRule]:
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
                node.place.origin,
            )
            for resource in self._resources(parts.get("resource"))
        ]

    # Values

    def role(self, node: Node) -> str:
        role = self._text(node, "role")
        known = (*ROLES, *self._roles)
        if role not in known:
            raise _wrong(node, unknown("role", role, known))
        return role

    def member(self, node: Node) -> str:
        text = self._text(node, "a member")
        self._member(node, text)
        return text

    def _members(self, node: Node | None) -> tuple[str, ...]:
        return tuple(map(self.member, self._items(node, "members")))

    def _member(self, node: Node, text: str) -> None:
        try:
            member_key(text)
        except BadMember as e:
            prefix, colon, _ = text.partition(":")
            if prefix in MEMBER_FORMS and colon:
                raise _wrong(node, str(e)) from None
            choices = EVERYONE if not colon and "@" not in text else tuple(MEMBER_FORMS)
            if not colon and "@" in text:
                raise _wrong(node, f"member '{text}' needs a prefix, as in 'user:{text}'") from None
            raise _wrong(node, unknown("kind of member", prefix, choices)) from None

    def _group(self, node: Node) -> str:
        name = self._text(node, "the name of a group").removeprefix("group:")
        self._member(node, f"group:{name}")
        return name

    def _permissions(self, node: Node | None) -> tuple[str, ...]:
        return tuple(map(self.permission, self._items(node, "permissions")))

    def permission(self, node: Node) -> str:
        text = self._text(node, "a permission")
        if not any(fnmatchcase(p, text) for p in PERMISSIONS):
            raise _wrong(node, unknown("permission", text, sorted(PERMISSIONS)))
        return text

    def _resources(self, node: Node | None) -> list[str]:
        """Where a binding or a rule holds; everywhere when it does not say."""
        if node is None:
            return ["*"]
        items = node.items if isinstance(node, Listing) else [node]
        return [self.resource(item) for item in items]

    def resource(self, node: Node) -> str:
        text = self._text(node, "resource")
        segments = text.split("/")
        if not is_pattern(text):
            raise _wrong(
                node, f"resource '{text}' is no path such as 'projects/p/datasets/d/tables/t', nor '*'"
            )
        if len(segments) % 2 and text != "*":
            raise _wrong(node, f"resource '{text}' ends without an id after '{segments[-1]}'")
        collections = ("projects", "datasets", "tables", "routines", "models", "locations", *_REGIONAL)
        for segment in segments[::2]:
            if text != "*" and segment not in collections:
                raise _wrong(node, unknown("collection", segment, collections))
        return text

    # Nodes

    def _fields(self, node: Node, what: str, names: Sequence[str]) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, value in self._pairs(node, f"a {what}"):
            name = self._text(key, "a field")
            if name not in names:
                raise _wrong(key, f"{unknown('field', name, names)} (in a {what})")
            if name in found:
                raise _wrong(key, f"field '{name}' is given twice")
            found[name] = value
        return found

    def _needed(self, parts: Mapping[str, Node], node: Node, name: str, what: str) -> Node:
        if name not in parts:
            raise _wrong(node, f"a {what} needs '{name}'")
        return parts[name]

    def _pairs(self, node: Node | None, what: str) -> list[tuple[Leaf, Node]]:
        if node is None:
            return []
        if not isinstance(node, Mapped):
            raise _wrong(node, f"{what} must be a mapping")
        return list(node.entries)

    def _items(self, node: Node | None, what: str) -> list[Node]:
        if node is None:
            return []
        if not isinstance(node, Listing):
            raise _wrong(node, f"{what} must be a list")
        return list(node.items)

    def _text(self, node: Node, what: str) -> str:
        if not isinstance(node, Leaf) or not isinstance(node.value, str) or not node.value:
            raise _wrong(node, f"{what} must be a text")
        return node.value


_REGIONAL = ("connections", "reservations")
_VERSIONS = ("1", "2", "3")


def _wrong(node: Node, text: str) -> PolicyError:
    return _error(node.place, text)


def _error(place: Place, text: str) -> PolicyError:
    return PolicyError([Problem(place, text)])
