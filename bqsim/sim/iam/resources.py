"""Paths of resources: what they are inside of, and how error texts name them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

# A collection's segment -> the kind of its resources.
KINDS = {
    "projects": "project",
    "datasets": "dataset",
    "tables": "table",
    "routines": "routine",
    "models": "model",
    "rowAccessPolicies": "rowAccessPolicy",
    "jobs": "job",
    "connections": "connection",
    "reservations": "reservation",
    "sessions": "session",
}
# How error texts call a kind.
TITLES = {
    "project": "Project",
    "dataset": "Dataset",
    "table": "Table",
    "routine": "Routine",
    "model": "Model",
    "job": "Job",
    "connection": "Connection",
    "reservation": "Reservation",
}
# Datasets that hold the results of one caller's queries, and the temporary tables of a script or a session.
_ANONYMOUS = re.compile(r"_(?:[0-9a-f]{40}|script[0-9a-f]{24}|session_[0-9a-f]{24})\Z")
_PATTERN = re.compile(r"(?:\*|projects(?:/[^/\s]+)*)\Z")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource's path (``projects/p/datasets/d``) and its parts by collection."""

    path: str
    kind: str
    parts: tuple[tuple[str, str], ...]

    def part(self, collection: str) -> str:
        """The id in a collection; empty when the path has none."""
        return next((name for key, name in self.parts if key == collection), "")

    @property
    def project(self) -> str:
        return self.part("projects")

    @property
    def name(self) -> str:
        """As error texts spell it: ``p``, ``p:d``, ``p:d.t``, ``p:US.job``, ``p.us.connection``."""
        project, location = self.project, self.part("locations")
        if self.kind == "project":
            return project
        last = self.parts[-1][1]
        if self.kind == "dataset":
            return f"{project}:{last}"
        if self.kind == "job":
            return f"{project}:{location}.{last}" if location else f"{project}:{last}"
        if self.kind == "connection":
            return f"{project}.{location}.{last}"
        if self.kind == "reservation":
            return f"{project}:{location}.{last}"
        dataset = self.part("datasets")
        return f"{project}:{dataset}.{last}" if dataset else self.path

    def up_to(self, collection: str) -> str:
        """The path up to and with the id of a collection; empty when it has none."""
        kept = []
        for key, name in self.parts:
            kept.append(f"{key}/{name}")
            if key == collection:
                return "/".join(kept)
        return ""


@lru_cache(maxsize=8192)
def parse(path: str) -> Resource:
    """The resource of a path. A trailing collection (``projects/p/jobs``) means what it is in."""
    segments = path.strip("/").split("/")
    pairs = tuple(map(_pair, segments[::2], segments[1::2]))
    known = [i for i, (key, _) in enumerate(pairs) if key in KINDS]
    if not known:
        return Resource("", "", ())
    # What comes after has no permissions of its own: the streams of a table or of a session.
    kept = pairs[: known[-1] + 1]
    return Resource("/".join(f"{key}/{name}" for key, name in kept), KINDS[kept[-1][0]], kept)


def _pair(collection: str, name: str) -> tuple[str, str]:
    name = unquote(name)
    if collection == "tables":
        # Partitions and snapshots have the permissions of their table.
        name = name.partition("$")[0].partition("@")[0]
    return "jobs" if collection == "queries" else collection, name


@lru_cache(maxsize=8192)
def lineage(path: str) -> tuple[str, ...]:
    """Where bindings that count for a resource may be: itself, then what it is in, up to its project."""
    resource = parse(path)
    found = []
    for collection in ("tables", "routines", "models", "connections", "reservations", "datasets", "projects"):
        inside = resource.up_to(collection)
        if collection == "projects" and is_anonymous(resource.part("datasets")):
            break
        if inside and inside not in found:
            found.append(inside)
    return tuple(found)


def is_anonymous(dataset: str) -> bool:
    """Whether a dataset id is that of a dataset with a caller's results: it takes no roles from its project
    (page *Cached results*)."""
    return _ANONYMOUS.match(dataset) is not None


def is_pattern(text: str) -> bool:
    """Whether a text can be where a binding is: a path, of which segments may be globs, or ``*``."""
    return _PATTERN.match(text) is not None
