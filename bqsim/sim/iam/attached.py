"""Bindings out of what resources carry: a dataset's ``access`` list, the policy of ``setIamPolicy``."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from .model import BadMember, Binding, member_key
from .roles import DATASET_ROLES, ROLES

# Where tables and routines keep their policy; names with an underscore never show in the resource.
KEY = "_iamPolicy"
# Field of an entry of a dataset's access list -> the prefix of a member.
_MEMBERS = {"userByEmail": "user", "groupByEmail": "group", "domain": "domain"}
# ``specialGroup`` -> the prefix of a member of the dataset's project.
_SPECIAL = {
    "projectReaders": "projectViewer",
    "projectWriters": "projectEditor",
    "projectOwners": "projectOwner",
}


def default_access(caller: str) -> list[dict[str, str]]:
    """The access entries of a dataset that was created without any."""
    return [
        {"role": "WRITER", "specialGroup": "projectWriters"},
        {"role": "OWNER", "specialGroup": "projectOwners"},
        {"role": "OWNER", "userByEmail": caller},
        {"role": "READER", "specialGroup": "projectReaders"},
    ]


def owned_by(caller: str) -> list[dict[str, str]]:
    """The access entries of a dataset with a caller's results."""
    return [{"role": "OWNER", "userByEmail": caller}]


def of_access(dataset: str, project: str, access: Sequence[Mapping[str, Any]]) -> list[Binding]:
    """The bindings of a dataset's access list; views, routines and datasets in it are no members."""
    found = []
    for entry in access:
        member = _member(entry, project)
        role = DATASET_ROLES.get(entry.get("role", ""), entry.get("role", ""))
        if member and role in ROLES:
            found.append(Binding(role, (member,), dataset, "access list"))
    return found


def authorizes(access: Sequence[Mapping[str, Any]], kind: str, project: str, dataset: str, name: str) -> bool:
    """Whether a dataset's access list lets a view or a routine (``kind``) read for those who may use it."""
    key = f"{kind}Id" if kind != "view" else "tableId"
    target = f"{kind.upper()}S"
    for entry in access:
        one = entry.get(kind)
        if isinstance(one, Mapping) and _names(one, project, dataset) and one.get(key) == name:
            return True
        whole = entry.get("dataset")
        if isinstance(whole, Mapping) and target in (whole.get("targetTypes") or ()):
            inside = whole.get("dataset")
            if isinstance(inside, Mapping) and _names(inside, project, dataset):
                return True
    return False


def _names(reference: Mapping[str, Any], project: str, dataset: str) -> bool:
    return reference.get("projectId") == project and reference.get("datasetId") == dataset


def of_policy(resource: str, policy: Mapping[str, Any], roles: Container[str] = ROLES) -> list[Binding]:
    """The bindings of a policy as ``setIamPolicy`` takes it; roles and members unknown here grant nothing."""
    found = []
    for binding in policy.get("bindings") or ():
        members = tuple(m for m in binding.get("members") or () if _is_member(m))
        if members and binding.get("role") in roles and not binding.get("condition"):
            found.append(Binding(binding["role"], members, resource, "IAM policy"))
    return found


def _member(entry: Mapping[str, Any], project: str) -> str | None:
    special = entry.get("specialGroup")
    if special in _SPECIAL:
        return f"{_SPECIAL[special]}:{project}"
    member = special or entry.get("iamMember")
    if member is None:
        member = next((f"{prefix}:{entry[key]}" for key, prefix in _MEMBERS.items() if entry.get(key)), None)
    return member if isinstance(member, str) and _is_member(member) else None


def _is_member(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(member_key(text))
    except BadMember:
        return False
