"""Permissions that something needs, written as a line of words ``permission@place``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .denial import Denied, Wording, denial
from .model import Principal
from .policy import Policy


@dataclass(frozen=True, slots=True)
class Need:
    """A permission and the place it is checked at.

    ``given`` names a field of the request without which it is not needed. ``creator``: the creator of the
    job needs that permission on the project instead, none at all when it is empty.
    """

    permission: str
    place: str
    given: str = ""
    creator: str | None = None


def needs(line: str) -> tuple[Need, ...]:
    """The needs of a line: ``tables.get@table``, then ``?field``, ``|creator`` or ``|creator:permission``."""
    return tuple(map(_need, line.split()))


def _need(word: str) -> Need:
    word, creator_may, instead = word.partition("|creator")
    word, _, given = word.partition("?")
    permission, _, place = word.partition("@")
    own = None
    if creator_may:
        own = full(instead[1:]) if instead else ""
    return Need(full(permission), place, given, own)


def full(permission: str) -> str:
    """A permission with its service: ``tables.get`` → ``bigquery.tables.get``."""
    return (
        permission if permission.startswith(("bigquery.", "resourcemanager.")) else f"bigquery.{permission}"
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """One check to make: a permission on a path, and how its refusal is worded."""

    permission: str
    path: str
    wording: Wording = Wording.API
    name: str = ""


def at_places(
    wanted: Iterable[Need], places: Mapping[str, Iterable[str]], wording: Wording = Wording.API
) -> list[Checked]:
    """The checks of needs, once for each path of their places; places that are not there need nothing."""
    return [
        Checked(need.permission, path, wording)
        for need in wanted
        for path in places.get(need.place, ())
        if path
    ]


def refused(
    policy: Policy, caller: Principal, checks: Iterable[Checked], location: str = ""
) -> Denied | None:
    """The refusal of the first check that fails."""
    for check in checks:
        if not policy.decide(caller, check.permission, check.path).allowed:
            why = policy.explain(caller, check.permission, check.path)
            return denial(
                check.permission, check.path, check.wording, name=check.name, location=location
            ).because(why)
    return None
