"""Attributes of resources, as tables: Python's name, the API's, and how one becomes the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bqclient.errors import UsageError


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. ``read`` makes Python's value of the API's, ``write`` the other way about."""

    name: str
    api: str
    read: Callable[[Any], Any] = lambda value: value
    write: Callable[[Any], Any] = lambda value: value


def integer(name: str, api: str) -> Attribute:
    """An integer, which the API writes as a text."""
    return Attribute(name, api, int, str)


def moment(name: str, api: str) -> Attribute:
    """A time in UTC, which the API writes as milliseconds."""
    return Attribute(name, api, time_of_ms, lambda at: str(ms_of_time(at)))


def time_of_ms(value: Any) -> datetime:
    """A time in UTC of milliseconds since 1970."""
    return datetime.fromtimestamp(int(value) / 1000, UTC)


def ms_of_time(at: datetime) -> int:
    """Milliseconds since 1970. Raises UsageError for times without a zone."""
    return round(utc(at).timestamp() * 1000)


def utc(at: datetime) -> datetime:
    """The time in UTC. Raises UsageError for times without a zone."""
    if at.tzinfo is None:
        raise UsageError(
            f"{at} has no time zone: which moment it is cannot be told. Use datetime(..., tzinfo=UTC)."
        )
    return at.astimezone(UTC)


def read(attributes: tuple[Attribute, ...], data: Mapping[str, Any]) -> dict[str, Any]:
    """Python's values of what the API has."""
    return {a.name: a.read(data[a.api]) for a in attributes if data.get(a.api) is not None}


def write(attributes: tuple[Attribute, ...], given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The API's values of keywords; ``None`` clears. Raises UsageError for a name that is not known."""
    known = {a.name: a for a in attributes}
    unknown = sorted(set(given) - set(known))
    if unknown:
        names = ", ".join(sorted(known))
        raise UsageError(f"{what} has no attribute {unknown[0]!r}; it has {names}.")
    return {known[n].api: None if v is None else known[n].write(v) for n, v in given.items()}
