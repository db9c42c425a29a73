"""What GRANT and REVOKE change: the access list of a dataset, the IAM policy of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .model import EVERYONE, BadMember, member_key
from .roles import DATASET_ROLES

# Special groups of access lists, by how GRANT spells them.
SPECIAL = "specialGroup:"
SPECIAL_GROUPS = ("projectOwners", "projectReaders", "projectWriters", *EVERYONE)
_ENTRY_ROLES = {role: name for name, role in DATASET_ROLES.items()}
# Prefix of a member -> the field of an entry of an access list.
_FIELDS = {
    "user": "userByEmail",
    "serviceAccount": "userByEmail",
    "group": "groupByEmail",
    "domain": "domain",
    "specialGroup": "specialGroup",
}
_PREFIXES = {"userByEmail": "user:", "groupByEmail": "group:", "domain": "domain:", "specialGroup": SPECIAL}


def grantee_key(grantee: str) -> str:
    """The form in which grantees are compared. Raises :class:`BadMember`."""
    if grantee.startswith(SPECIAL):
        name = grantee.removeprefix(SPECIAL)
        if name not in SPECIAL_GROUPS:
            raise BadMember(f"'{grantee}' names no special group")
        return name if name in EVERYONE else grantee
    return member_key(grantee)


# Access lists of datasets


def granted_access(
    access: Sequence[Mapping[str, Any]], roles: Iterable[str], grantees: Sequence[str]
) -> list[Mapping[str, Any]]:
    """An access list with an entry more for each role and grantee that has none."""
    entries = list(access)
    known = set(_entry_keys(entries))
    for role in roles:
        for grantee in grantees:
            if (role, grantee_key(grantee)) not in known:
                known.add((role, grantee_key(grantee)))
                entries.append({"role": _ENTRY_ROLES.get(role, role), **_entry_member(grantee)})
    return entries


def revoked_access(
    access: Sequence[Mapping[str, Any]], roles: Iterable[str], grantees: Sequence[str]
) -> list[Mapping[str, Any]]:
    """An access list without the entries of these roles and grantees."""
    gone = {(role, grantee_key(grantee)) for role in roles for grantee in grantees}
    return [entry for entry in access if gone.isdisjoint(_entry_keys([entry]))]


def access_grants(access: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """(role, grantee) of the entries of an access list; authorized views and the like are none."""
    for entry in access:
        role = entry.get("role")
        if not role:
            continue
        for name, prefix in _PREFIXES.items():
            if entry.get(name):
                yield DATASET_ROLES.get(role, role), f"{prefix}{entry[name]}"
        if entry.get("iamMember"):
            yield DATASET_ROLES.get(role, role), str(entry["iamMember"])


def _entry_keys(access: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for role, grantee in access_grants(access):
        try:
            yield role, grantee_key(grantee)
        except BadMember:
            continue


def _entry_member(grantee: str) -> dict[str, str]:
    prefix, _, rest = grantee.partition(":")
    field = _FIELDS.get(prefix)
    return {"iamMember": grantee} if field is None else {field: rest}


# IAM policies


def granted_policy(
    policy: Mapping[str, Any], roles: Iterable[str], grantees: Sequence[str]
) -> dict[str, Any]:
    """An IAM policy that gives roles to grantees too."""
    bindings = [dict(b) for b in policy.get("bindings") or ()]
    for role in roles:
        found = next((b for b in bindings if b.get("role") == role and not b.get("condition")), None)
        if found is None:
            found = {"role": role, "members": []}
            bindings.append(found)
        known = set(_keys(found["members"]))
        more = [g for g in map(_member, dict.fromkeys(grantees)) if grantee_key(g) not in known]
        found["members"] = [*found["members"], *more]
    return {**policy, "version": policy.get("version", 1), "bindings": bindings}


def revoked_policy(
    policy: Mapping[str, Any], roles: Iterable[str], grantees: Sequence[str]
) -> dict[str, Any]:
    """An IAM policy that gives roles to grantees no more."""
    gone, taken = set(map(grantee_key, grantees)), set(roles)
    bindings = []
    for binding in policy.get("bindings") or ():
        members = binding.get("members") or []
        if binding.get("role") in taken and not binding.get("condition"):
            members = [m for m in members if gone.isdisjoint(_keys([m]))]
        if members:
            bindings.append({**binding, "members": members})
    return {**policy, "version": policy.get("version", 1), "bindings": bindings}


def policy_grants(policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(role, member) of the bindings of a policy."""
    for binding in policy.get("bindings") or ():
        for member in binding.get("members") or ():
            yield str(binding.get("role")), str(member)


def _keys(members: Iterable[str]) -> Iterator[str]:
    for member in members:
        try:
            yield grantee_key(member)
        except BadMember:
            continue


def _member(grantee: str) -> str:
    """A grantee as policies spell it."""
    name = grantee.removeprefix(SPECIAL)
    return name if name in EVERYONE else grantee
