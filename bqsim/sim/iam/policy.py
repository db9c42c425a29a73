"""Who may do what: bindings and deny rules, and the decisions that follow from them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .attached import of_access, of_policy
from .denial import Denied, Wording, denial
from .model import (
    ALL_AUTHENTICATED,
    ALL_USERS,
    BASIC_MEMBERS,
    Binding,
    DenyRule,
    Principal,
    covers,
    member_key,
)
from .resources import is_anonymous, lineage, parse
from .roles import DATASET_ROLES, ROLES, roles_with

# What the resource at a path carries itself: a dataset's access list, the policy of a table or a routine;
# None when it carries nothing. The same object as long as that does not change.
Carried = Callable[[str], Any]

MAX_CACHED = 65_536
EMPTY: Mapping[str, Sequence[str]] = {}
# The access list of a dataset that was made without one (page *Basic roles for datasets*).
DEFAULT_ACCESS = (
    ("READER", "projectViewer"),
    ("WRITER", "projectEditor"),
    ("OWNER", "projectOwner"),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a caller has a permission on a resource; ``by`` is the binding or the rule that decided."""

    allowed: bool
    caller: str
    permission: str
    resource: str
    by: Binding | DenyRule | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A binding, its members as keys."""

    binding: Binding
    keys: frozenset[str]
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class _State:
    """Bindings and rules, with the decisions that hold as long as they do."""

    at: Mapping[str, tuple[_Entry, ...]]
    patterns: tuple[_Entry, ...]
    deny: tuple[DenyRule, ...]
    # With what the resources on the way up carried when it was made.
    decisions: dict[tuple[str, tuple[str, ...], str, str], tuple[Decision, tuple[Any, ...]]] = field(
        default_factory=dict
    )


def nothing(path: str) -> None:
    """Resources carry nothing."""


class Policy:
    """A policy for every project of a simulator. Without a binding nobody may do anything.

    Bindings hold on their resource and all inside it; deny rules win over bindings. ``roles`` are custom
    roles: permissions by name. ``groups`` names the members of groups, which may be groups too; a caller
    may come with further groups. ``carried`` tells what resources carry themselves. Safe for threads; each
    change counts from the next decision on.
    """

    def __init__(
        self,
        bindings: Iterable[Binding] = (),
        deny: Iterable[DenyRule] = (),
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        roles: Mapping[str, frozenset[str]] | None = None,
        carried: Carried = nothing,
    ) -> None:
        """Raises ``BadMember`` or ``KeyError`` (a role) for what :func:`load.load` would have refused."""
        self.carried = carried
        self._roles = {**ROLES, **(roles or {})}
        self._groups = _memberships(groups or {})
        self._changing = threading.RLock()
        self._entries_of: dict[str, tuple[Any, tuple[_Entry, ...]]] = {}
        self._state = self._stated(bindings, deny)

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """All bindings, those of what resources carry left out."""
        state = self._state
        return tuple(e.binding for found in (*state.at.values(), state.patterns) for e in found)

    @property
    def roles(self) -> Mapping[str, frozenset[str]]:
        """The permissions of all roles, predefined and custom."""
        return self._roles

    @property
    def deny_rules(self) -> tuple[DenyRule, ...]:
        return self._state.deny

    # Changes

    def grant(self, binding: Binding) -> None:
        """Add a binding. Raises ``BadMember`` and ``KeyError`` as a new policy does."""
        with self._changing:
            self._state = self._stated((*self.bindings, binding), self._state.deny)

    def revoke(self, member: str, role: str | None = None, resource: str | None = None) -> int:
        """Take a role from a member on a resource; None stands for all of them. How many bindings it was in.

        Bindings that name the member through a group or a domain stay, and so does what resources carry.
        """
        key = member_key(member)
        kept: list[Binding] = []
        with self._changing:
            found = 0
            for binding in self.bindings:
                others = tuple(m for m in binding.members if member_key(m) != key)
                if (
                    role in (None, binding.role)
                    and resource in (None, binding.resource)
                    and len(others) < len(binding.members)
                ):
                    found += 1
                    binding = replace(binding, members=others)
                if binding.members:
                    kept.append(binding)
            self._state = self._stated(kept, self._state.deny)
        return found

    def deny(self, rule: DenyRule) -> None:
        """Add a deny rule."""
        for member in (*rule.principals, *rule.exception_principals):
            member_key(member)
        with self._changing:
            self._state = self._stated(self.bindings, (*self._state.deny, rule))

    def undeny(self, rule: DenyRule) -> None:
        """Take back a deny rule; one that is not there stays away."""
        with self._changing:
            self._state = self._stated(self.bindings, (r for r in self._state.deny if r != rule))

    # Decisions

    def check(
        self, caller: Principal, permission: str, resource: str, wording: Wording = Wording.API
    ) -> Denied | None:
        """None when the caller has the permission on the resource at a path, else the refusal."""
        if self.decide(caller, permission, resource).allowed:
            return None
        return denial(permission, resource, wording).because(self.explain(caller, permission, resource))

    def decide(self, caller: Principal, permission: str, resource: str) -> Decision:
        """The decision, remembered until something changes that it depends on."""
        state = self._state
        carried = tuple(map(self.carried, lineage(resource)))
        key = (caller.email, caller.groups, permission, resource)
        known = state.decisions.get(key)
        if known is not None and all(map(_same, known[1], carried)):
            return known[0]
        decision = self._decide(state, caller, permission, resource)
        if len(state.decisions) >= MAX_CACHED:
            state.decisions.clear()
        state.decisions[key] = (decision, carried)
        return decision

    def test_permissions(self, caller: Principal, permissions: Iterable[str], resource: str) -> list[str]:
        """Those of the permissions that the caller has: the answer of ``testIamPermissions``."""
        return [p for p in permissions if self.decide(caller, p, resource).allowed]

    def visible(self, caller: Principal, permission: str, paths: Iterable[str]) -> list[str]:
        """Those of the resources on which the caller has the permission: what a list shows."""
        return [path for path in paths if self.decide(caller, permission, path).allowed]

    def explain(self, caller: Principal, permission: str, resource: str) -> str:
        """Why the caller has the permission on the resource or not, in some lines."""
        decision = self.decide(caller, permission, resource)
        who, path = caller.email or "An unauthenticated caller", parse(resource).path or resource
        verb = "has" if decision.allowed else "does not have"
        lines = [f"{who} {verb} {permission} on {path}:"]
        by = decision.by
        if isinstance(by, Binding):
            lines.append(f"granted by {by.role} to {', '.join(by.members)} on {by.resource}{_at(by.source)}")
        elif by is not None:
            lines.append(f"taken by a deny rule on {by.resource}{_at(by.source)}, which wins over bindings")
        else:
            held = dict.fromkeys(
                f"{e.binding.role} on {e.binding.resource}{_at(e.binding.source)}"
                for e in self._entries(self._state, resource)
                if not e.keys.isdisjoint(self._keys(self._state, caller, resource))
            )
            lines.append(f"no role of the caller holds it; it has {', '.join(held) or 'no role there'}")
            if holding := roles_with(permission):
                lines.append(f"it is in {', '.join(holding[:4])}")
        return "\n  ".join(lines)

    def memberships(self, caller: Principal) -> frozenset[str]:
        """All members that the caller is, as keys: himself, his domain, his groups and theirs."""
        return memberships(caller, self._groups)

    # How

    def _stated(self, bindings: Iterable[Binding], deny: Iterable[DenyRule]) -> _State:
        at: dict[str, tuple[_Entry, ...]] = {}
        patterns: list[_Entry] = []
        for binding in bindings:
            entry = self._entry(binding)
            if "*" in binding.resource or "?" in binding.resource or "[" in binding.resource:
                patterns.append(entry)
            else:
                at[binding.resource] = (*at.get(binding.resource, ()), entry)
        return _State(at, tuple(patterns), tuple(deny))

    def _entry(self, binding: Binding) -> _Entry:
        keys = frozenset(map(member_key, binding.members))
        return _Entry(binding, keys, self._roles[binding.role])

    def _decide(self, state: _State, caller: Principal, permission: str, resource: str) -> Decision:
        keys = self._keys(state, caller, resource)
        paths = lineage(resource)
        for rule in state.deny:
            if rule.denies(permission, keys) and any(covers(rule.resource, path) for path in paths):
                return Decision(False, caller.email, permission, resource, rule)
        for entry in self._entries(state, resource):
            if permission in entry.permissions and not entry.keys.isdisjoint(keys):
                return Decision(True, caller.email, permission, resource, entry.binding)
        return Decision(False, caller.email, permission, resource)

    def _entries(self, state: _State, resource: str) -> Iterable[_Entry]:
        """The bindings that hold on a resource, the nearest first."""
        own = is_anonymous(parse(resource).part("datasets"))
        for path in lineage(resource):
            carried = self._of(path)
            if carried is not None:
                yield from carried
            elif not own and parse(path).kind == "dataset":
                yield from self._default_access(path)
            if not own:
                yield from state.at.get(path, ())
                yield from (entry for entry in state.patterns if covers(entry.binding.resource, path))

    def _of(self, path: str) -> tuple[_Entry, ...] | None:
        """The bindings that a resource carries, read again when it carries others."""
        carried = self.carried(path)
        if carried is None:
            return None
        known = self._entries_of.get(path)
        if known is not None and known[0] is carried:
            return known[1]
        resource = parse(path)
        if resource.kind == "dataset":
            bindings = of_access(path, resource.project, carried)
        else:
            bindings = of_policy(path, carried, self._roles)
        entries = tuple(map(self._entry, bindings))
        if len(self._entries_of) >= MAX_CACHED:
            self._entries_of.clear()
        self._entries_of[path] = (carried, entries)
        return entries

    def _default_access(self, dataset: str) -> Iterable[_Entry]:
        project = parse(dataset).project
        for role, member in DEFAULT_ACCESS:
            yield self._entry(Binding(DATASET_ROLES[role], (f"{member}:{project}",), dataset))

    def _keys(self, state: _State, caller: Principal, resource: str) -> frozenset[str]:
        """All members that the caller is, of the resource's project too."""
        keys = self.memberships(caller)
        named = {m.partition(":")[2] for m in self._special(state, resource)}
        return frozenset(keys | {m for p in named | {parse(resource).project} for m in self._basic(keys, p)})

    def _special(self, state: _State, resource: str) -> Iterable[str]:
        """The special members of other projects that bindings of a resource name."""
        for entry in self._entries(state, resource):
            yield from (k for k in entry.keys if k.partition(":")[0] in BASIC_MEMBERS.values())

    def _basic(self, keys: Iterable[str], project: str) -> Iterable[str]:
        """What having basic roles on a project makes one a member of."""
        path = f"projects/{project}"
        state = self._state
        held = (*state.at.get(path, ()), *(e for e in state.patterns if covers(e.binding.resource, path)))
        for entry in held:
            member = BASIC_MEMBERS.get(entry.binding.role)
            if member is not None and not entry.keys.isdisjoint(keys):
                yield f"{member}:{project}"


def memberships(caller: Principal, groups: Mapping[str, Sequence[str]] = EMPTY) -> frozenset[str]:
    """All members that a caller is, as keys; ``groups`` are the groups that members are in."""
    keys = {ALL_USERS}
    if caller.email:
        email = caller.email.lower()
        keys |= {ALL_AUTHENTICATED, f"account:{email}", f"domain:{email.rpartition('@')[2]}"}
        waiting = [*keys, *(f"group:{group.lower()}" for group in caller.groups)]
        while waiting:
            key = waiting.pop()
            keys.add(key)
            waiting += [group for group in groups.get(key, ()) if group not in keys]
    return frozenset(keys)


def _memberships(groups: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Member -> the groups that it is in."""
    found: dict[str, tuple[str, ...]] = {}
    for group, members in groups.items():
        for member in members:
            key = member_key(member)
            found[key] = (*found.get(key, ()), f"group:{group.lower()}")
    return found


def _at(source: str) -> str:
    return f" ({source})" if source else ""


def _same(a: object, b: object) -> bool:
    return a is b
