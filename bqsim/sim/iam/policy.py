"""Who may do what: bindings and deny rules, and the decisions that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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
from .resources import lineage, parse
from .roles import DATASET_ROLES, ROLES, roles_with

MAX_CACHED = 65_536
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
    """What is attached to resources, with the decisions that hold as long as it does."""

    attached: Mapping[str, tuple[_Entry, ...]]
    decisions: dict[tuple[str, tuple[str, ...], str, str], Decision] = field(default_factory=dict)


class Policy:
    """A policy for every project of a simulator. Without a binding nobody may do anything.

    Bindings hold on their resource and all inside it; deny rules win over bindings. ``roles`` are custom
    roles: permissions by name. ``groups`` names the members of groups, which may be groups too; a caller
    may come with further groups. Safe for threads.
    """

    def __init__(
        self,
        bindings: Iterable[Binding] = (),
        deny: Iterable[DenyRule] = (),
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        roles: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """Raises ``BadMember`` or ``KeyError`` (a role) for what :func:`load.load` would have refused."""
        self._roles = {**ROLES, **(roles or {})}
        self._groups = _memberships(groups or {})
        self._deny = tuple(deny)
        self._at: dict[str, tuple[_Entry, ...]] = {}
        self._patterns: list[_Entry] = []
        for binding in bindings:
            entry = self._entry(binding)
            if "*" in binding.resource or "?" in binding.resource or "[" in binding.resource:
                self._patterns.append(entry)
            else:
                self._at[binding.resource] = (*self._at.get(binding.resource, ()), entry)
        self._state = _State({})

    # Decisions

    def check(
        self, caller: Principal, permission: str, resource: str, wording: Wording = Wording.API
    ) -> Denied | None:
        """None when the caller has the permission on the resource at a path, else the refusal."""
        if self.decide(caller, permission, resource).allowed:
            return None
        return denial(permission, resource, wording).because(self.explain(caller, permission, resource))

    def decide(self, caller: Principal, permission: str, resource: str) -> Decision:
        """The decision, remembered until something is attached."""
        state = self._state
        key = (caller.email, caller.groups, permission, resource)
        decision = state.decisions.get(key)
        if decision is None:
            decision = self._decide(state, caller, permission, resource)
            if len(state.decisions) >= MAX_CACHED:
                state.decisions.clear()
            state.decisions[key] = decision
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

    # What resources carry themselves

    def attach(self, resource: str, bindings: Sequence[Binding]) -> None:
        """Let a resource's own policy or access list count from now on, in place of what it had."""
        attached = {**self._state.attached, resource: tuple(self._entry(b) for b in bindings)}
        self._state = _State(attached)

    def detach(self, resource: str) -> None:
        """Forget what a resource and all inside it carried: it is gone."""
        inside = resource + "/"
        kept = {p: e for p, e in self._state.attached.items() if p != resource and not p.startswith(inside)}
        self._state = _State(kept)

    def _entry(self, binding: Binding) -> _Entry:
        keys = frozenset(map(member_key, binding.members))
        return _Entry(binding, keys, self._roles[binding.role])

    def _decide(self, state: _State, caller: Principal, permission: str, resource: str) -> Decision:
        keys = self._keys(state, caller, resource)
        paths = lineage(resource)
        for rule in self._deny:
            if rule.denies(permission, keys) and any(covers(rule.resource, path) for path in paths):
                return Decision(False, caller.email, permission, resource, rule)
        for entry in self._entries(state, resource):
            if permission in entry.permissions and not entry.keys.isdisjoint(keys):
                return Decision(True, caller.email, permission, resource, entry.binding)
        return Decision(False, caller.email, permission, resource)

    def _entries(self, state: _State, resource: str) -> Iterable[_Entry]:
        """The bindings that hold on a resource, the nearest first."""
        for path in lineage(resource):
            yield from self._at.get(path, ())
            if path in state.attached:
                yield from state.attached[path]
            elif parse(path).kind == "dataset":
                yield from self._default_access(path)
            yield from (entry for entry in self._patterns if covers(entry.binding.resource, path))

    def _default_access(self, dataset: str) -> Iterable[_Entry]:
        project = parse(dataset).project
        for role, member in DEFAULT_ACCESS:
            yield self._entry(Binding(DATASET_ROLES[role], (f"{member}:{project}",), dataset))

    def _keys(self, state: _State, caller: Principal, resource: str) -> frozenset[str]:
        """All members that the caller is, of the resource's project too."""
        keys = {ALL_USERS}
        if caller.email:
            email = caller.email.lower()
            keys |= {ALL_AUTHENTICATED, f"account:{email}", f"domain:{email.rpartition('@')[2]}"}
            waiting = [*keys, *(f"group:{group.lower()}" for group in caller.groups)]
            while waiting:
                key = waiting.pop()
                keys.add(key)
                waiting += [group for group in self._groups.get(key, ()) if group not in keys]
        named = {m.partition(":")[2] for m in self._special(state, resource)}
        return frozenset(keys | {m for p in named | {parse(resource).project} for m in self._basic(keys, p)})

    def _special(self, state: _State, resource: str) -> Iterable[str]:
        """The special members of other projects that bindings of a resource name."""
        for entry in self._entries(state, resource):
            yield from (k for k in entry.keys if k.partition(":")[0] in BASIC_MEMBERS.values())

    def _basic(self, keys: Iterable[str], project: str) -> Iterable[str]:
        """What having basic roles on a project makes one a member of."""
        path = f"projects/{project}"
        held = (*self._at.get(path, ()), *(e for e in self._patterns if covers(e.binding.resource, path)))
        for entry in held:
            member = BASIC_MEMBERS.get(entry.binding.role)
            if member is not None and not entry.keys.isdisjoint(keys):
                yield f"{member}:{project}"


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
