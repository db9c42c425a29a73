"""What a policy is made of: members, bindings, deny rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

_ADDRESS = re.compile(r"[^\s,@:]+@[^\s,@:]+\Z")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\Z")
_PROJECT = re.compile(r"[^\s/]+\Z")
# Of workforce and workload identities (page *Principal identifiers*).
_IDENTITY = re.compile(r"//\S+\Z")

ALL_USERS = "allUsers"
ALL_AUTHENTICATED = "allAuthenticatedUsers"
EVERYONE = (ALL_USERS, ALL_AUTHENTICATED)

# Prefix of a member -> what must follow it. Those of projects stand for who has a basic role on it.
MEMBER_FORMS = {
    "user": _ADDRESS,
    "serviceAccount": _ADDRESS,
    "group": _ADDRESS,
    "domain": _DOMAIN,
    "projectViewer": _PROJECT,
    "projectEditor": _PROJECT,
    "projectOwner": _PROJECT,
    "principal": _IDENTITY,
    "principalSet": _IDENTITY,
}
_WHAT = {_DOMAIN: "a domain", _PROJECT: "a project", _IDENTITY: "'//' and an identity"}
# The special members of a project, by the basic role that makes one a member.
BASIC_MEMBERS = {
    "roles/viewer": "projectViewer",
    "roles/editor": "projectEditor",
    "roles/owner": "projectOwner",
}


class Principal(Protocol):
    """Who calls: an e-mail address, empty for nobody in particular, and groups."""

    @property
    def email(self) -> str: ...

    @property
    def groups(self) -> tuple[str, ...]: ...


class BadMember(ValueError):
    """A text that names no member; the message says why."""


def member_key(text: str) -> str:
    """The form in which members are compared: addresses in lower case, users and service accounts alike.

    Raises :class:`BadMember`.
    """
    if text in EVERYONE:
        return text
    prefix, colon, rest = text.partition(":")
    form = MEMBER_FORMS.get(prefix)
    if not colon or form is None:
        raise BadMember(prefix)
    if form.match(rest) is None:
        what = _WHAT.get(form, "an e-mail address")
        raise BadMember(f"'{text}' needs {what} after '{prefix}:'")
    if prefix in ("user", "serviceAccount"):
        prefix = "account"
    return f"{prefix}:{rest if form in (_PROJECT, _IDENTITY) else rest.lower()}"


@dataclass(frozen=True, slots=True)
class Binding:
    """A role for members on a resource; ``resource`` may be a glob. ``source`` is where it was written."""

    role: str
    members: tuple[str, ...]
    resource: str = "*"
    source: str = ""


@dataclass(frozen=True, slots=True)
class DenyRule:
    """Permissions (globs) that members lack on a resource and all inside it, whatever bindings grant."""

    permissions: tuple[str, ...]
    principals: tuple[str, ...]
    exception_permissions: tuple[str, ...] = ()
    exception_principals: tuple[str, ...] = ()
    resource: str = "*"
    source: str = ""

    def denies(self, permission: str, keys: frozenset[str]) -> bool:
        """Whether this rule takes a permission from who has these member keys."""
        return (
            _any_glob(self.permissions, permission)
            and not _any_glob(self.exception_permissions, permission)
            and not keys.isdisjoint(map(member_key, self.principals))
            and keys.isdisjoint(map(member_key, self.exception_principals))
        )


def _any_glob(globs: tuple[str, ...], text: str) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def covers(pattern: str, path: str) -> bool:
    """Whether a resource glob names a path: its segments are compared one by one, ``*`` alone names all."""
    if pattern in ("*", path):
        return True
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(map(fnmatchcase, given, wanted))
