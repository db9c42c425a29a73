"""Which requests are the same: by levels, and field by field as users choose."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from bqsim.record.keys import identity, key_of
from bqsim.record.sql_forms import LEVELS, NORMALISED

IGNORE, EQUALS = "ignore", "equals"
# What becomes of a field: it does not count; it counts although it does not by itself; all values that a
# pattern matches whole are one; or what a function makes of it counts.
Matcher = str | re.Pattern[str] | Callable[[Any], Any]

# Contents that are compared beside keys, and the members of requests that they are in.
CONTENTS: Mapping[str, str] = {"load": "upload", "insert": "rows", "append": "rows", "object": "content"}


@dataclass(frozen=True, slots=True)
class Matching:
    """How requests are compared with recorded ones.

    ``sql`` is a level of :mod:`bqsim.record.sql_forms`. ``fields`` has matchers by path in the meaning of a
    request (``"query.destinationTable.tableId"``, ``"parameters.*"``; ``*`` stands for anything), or in the
    request itself for those that do not count by themselves (``"location"``, ``"upload"``, ``"rows"``): see
    :data:`Matcher`. Texts ``"ignore"`` and ``"equals"`` are those words, ``"regex:…"`` a pattern.
    """

    sql: str = NORMALISED
    fields: Mapping[str, Matcher] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.sql not in LEVELS:
            raise ValueError(f"SQL is compared by one of {', '.join(LEVELS)}, not {self.sql!r}")
        for path, matcher in self.fields.items():
            if (
                isinstance(matcher, str)
                and matcher not in (IGNORE, EQUALS)
                and not matcher.startswith("regex:")
            ):
                raise ValueError(f"a field is matched by ignore, equals or regex:…, not {matcher!r} ({path})")

    @property
    def plain(self) -> bool:
        """Whether keys of cassettes are those of this matching."""
        return self.sql == NORMALISED and not self.fields

    def meaning(self, kind: str, request: Mapping[str, Any]) -> Any:
        """What of a request tells it from others."""
        found = identity(kind, request, self.sql)
        for path, matcher in self.fields.items():
            if matcher == EQUALS:
                added = {p: v for p, v in paths_of(request) if fnmatchcase(p, path)}
                if added:
                    found = {**found, "equals": {**found.get("equals", {}), **added}}
            else:
                found = _changed(found, path.split("."), _compiled(matcher))
        return found

    def key(self, kind: str, request: Mapping[str, Any]) -> str:
        """The key of a request."""
        return key_of(kind, self.meaning(kind, request))


_GONE = object()


def _compiled(matcher: Matcher) -> Callable[[Any], Any]:
    if callable(matcher):
        return matcher
    if matcher == IGNORE:
        return lambda value: _GONE
    pattern = re.compile(matcher.removeprefix("regex:")) if isinstance(matcher, str) else matcher

    def one(value: Any) -> Any:
        return f"/{pattern.pattern}/" if pattern.fullmatch(str(value)) else value

    return one


def _changed(value: Any, path: list[str], change: Callable[[Any], Any]) -> Any:
    """``value`` with what is at ``path`` changed."""
    if not path:
        return change(value)
    first, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        changed = {n: _changed(v, rest, change) if fnmatchcase(n, first) else v for n, v in value.items()}
        return {n: v for n, v in changed.items() if v is not _GONE}
    if isinstance(value, list):
        changed_items = [
            _changed(v, rest, change) if fnmatchcase(str(i), first) else v for i, v in enumerate(value)
        ]
        return [v for v in changed_items if v is not _GONE]
    return value


def paths_of(value: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """All values in JSON by their paths, outer ones before those within."""
    if prefix:
        yield prefix, value
    inner = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, item in inner:
        yield from paths_of(item, f"{prefix}.{name}" if prefix else str(name))


def content_digest(kind: str, request: Mapping[str, Any]) -> str:
    """The digest of what a request carries, '' when it is not told or was changed before it was kept."""
    content = request.get(CONTENTS.get(kind, ""))
    if isinstance(content, list):
        return ",".join(_digest(c.get("data")) if isinstance(c, Mapping) else "" for c in content)
    return _digest(content)


def _digest(content: Any) -> str:
    if not isinstance(content, Mapping) or content.get("redacted"):
        return ""
    return str(content.get("$blob") or content.get("digest") or "")
