"""``storage.objects.list``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from bqsim.objects import ObjectInfo
from bqsim.server.rest.reply import Reply

from .buckets import decode_token, encode_token, page_size
from .errors import bad_value
from .request import Ask, off_loop
from .resources import object_json
from .soft_deleted import check_kept, flag

_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(slots=True)
class Page:
    """A page of a list: objects and prefixes, together in order, and the name that it ended at."""

    items: list[ObjectInfo] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which names a list has. ``start`` is included, ``end`` not; names up to ``after`` have been shown."""

    prefix: str = ""
    delimiter: str = ""
    start: str = ""
    end: str = ""
    after: str = ""
    glob: str = ""
    trailing: bool = False

    def names(self, names: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        """Names in order, and the prefix that stands for each with others."""
        matches = glob_of(self.glob) if self.glob else None
        for name in names:
            if name < self.start or (self.end and name >= self.end):
                continue
            if matches is not None and matches(name) is None:
                continue
            at = name.find(self.delimiter, len(self.prefix)) if self.delimiter else -1
            group = None if at < 0 else name[: at + len(self.delimiter)]
            if (name if group is None else group) <= self.after:
                continue
            yield name, group


def page_of(
    selection: Selection, names: Iterable[str], find: Callable[[str], list[ObjectInfo]], size: int
) -> Page:
    """The page of ``size`` entries that begins behind ``selection.after``."""
    page, count, last = Page(), 0, None
    for name, group in selection.names(names):
        shown = name if group is None else group
        new_group = group is not None and (not page.prefixes or page.prefixes[-1] != group)
        with_item = group is None or (selection.trailing and name == group)
        if not new_group and not with_item:
            continue
        found = find(name) if with_item else []
        added = len(found) + new_group
        if count and count + added > size:
            page.last = last
            return page
        if new_group and group is not None:
            page.prefixes.append(group)
        page.items += found
        count += added
        last = shown
    return page


def selection_of(query: Mapping[str, str]) -> Selection:
    """The selection of the parameters of the JSON API."""
    trailing = _FLAGS.get(query.get("includeTrailingDelimiter", "").lower(), False)
    return Selection(
        query.get("prefix", ""),
        query.get("delimiter", ""),
        query.get("startOffset", ""),
        query.get("endOffset", ""),
        decode_token(query.get("pageToken", "")),
        query.get("matchGlob", ""),
        trailing,
    )


async def list_(ask: Ask) -> Reply:
    """The objects of a bucket whose names are asked for."""
    bucket = ask.bucket().name
    deleted = flag(ask, "softDeleted")
    if deleted:
        check_kept(ask)
    selection = selection_of(ask.query)
    size = page_size(ask)
    versions = _FLAGS.get(ask.query.get("versions", "").lower(), False)
    if deleted and versions:
        raise bad_value("Soft-deleted objects cannot be listed with versions.", "softDeleted")

    def work() -> Reply:
        if deleted:
            page = _deleted_page(ask, bucket, selection, size)
        else:
            page = find_page(ask, bucket, selection, size, versions=versions)
        body: dict[str, object] = {"kind": "storage#objects"}
        if page.prefixes:
            body["prefixes"] = page.prefixes
        if page.items:
            body["items"] = [object_json(ask.store, info, ask.base) for info in page.items]
        if page.last is not None:
            body["nextPageToken"] = encode_token(page.last)
        return Reply(body)

    return await off_loop(work)


def _deleted_page(ask: Ask, bucket: str, selection: Selection, size: int) -> Page:
    """A page of what a bucket can restore."""
    kept: dict[str, list[ObjectInfo]] = {}
    for info in ask.store.soft_deleted.listed(bucket, selection.prefix):
        kept.setdefault(info.name, []).append(info)
    return page_of(selection, sorted(kept), kept.__getitem__, size)


def find_page(ask: Ask, bucket: str, selection: Selection, size: int, *, versions: bool = False) -> Page:
    """A page of a bucket."""
    store = ask.store
    names = store.names(bucket, selection.prefix)
    older: dict[str, list[ObjectInfo]] = {}
    if versions:
        for version in store.noncurrent(bucket, selection.prefix):
            older.setdefault(version.name, []).append(version)
        names = sorted({*names, *older})

    def find(name: str) -> list[ObjectInfo]:
        current = store.find(bucket, name)
        return [*older.get(name, []), *([] if current is None else [current])]

    return page_of(selection, names, find, size)


@lru_cache(maxsize=256)
def glob_of(pattern: str) -> Callable[[str], object]:
    """Tells the names of a ``matchGlob``: ``*`` and ``?`` without slashes, ``**``, ``[…]``, ``{a,b}``."""
    out, at, depth = "", 0, 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            out += "(?:.*/)?"
            at += 2
        elif pattern.startswith("**", at):
            out += ".*"
            at += 1
        elif char in "*?":
            out += "[^/]*" if char == "*" else "[^/]"
        elif char == "[":
            end = pattern.find("]", at + 2)
            if end < 0:
                raise bad_value(f"Invalid glob pattern: {pattern[:200]}", "matchGlob")
            inside = pattern[at + 1 : end]
            negated = inside[:1] in ("!", "^")
            inside = re.escape(inside[negated:]).replace(r"\-", "-")
            out += f"[{'^' if negated else ''}{inside}]"
            at = end
        elif char == "{":
            out += "(?:"
            depth += 1
        elif char == "}" and depth:
            out += ")"
            depth -= 1
        elif char == "," and depth:
            out += "|"
        elif char == "\\" and at + 1 < len(pattern):
            at += 1
            out += re.escape(pattern[at])
        else:
            out += re.escape(char)
        at += 1
    try:
        return re.compile(out + (")" * depth), re.DOTALL).fullmatch
    except re.error:
        raise bad_value(f"Invalid glob pattern: {pattern[:200]}", "matchGlob") from None
