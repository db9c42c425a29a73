"""Reads the manifest of fidelity.

Nobody writes ``manifest.json`` by hand: the marks of the tests are collected into it, and a test holds it
against them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

# What the statuses say of a subject.
STATUSES: Mapping[str, str] = {
    "exact": "as the service does it, as far as its documents, recordings and clients tell",
    "approximated": "it is there, and differs as said",
    "supplied": "a user or a scenario supplies its answers; without them it is refused by name",
    "absent": "it is not there; what asks for it is refused by name or told that there is none",
}

# Who computes a function.
ROUTES: Mapping[str, str] = {
    "ENGINE": "the columnar engine, for any number of rows",
    "REFERENCE": "GoogleSQL's own evaluator, for up to 20,000 rows of input",
    "SUPPLIED": "nobody: its answers are supplied",
    "REFUSED": "nobody: it is refused by name",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One subject, ``family:name``.

    ``differs`` says what is otherwise than on the service, one sentence each; none of an exact one.
    ``tests`` are the ids of the tests that show it: modules, classes or functions. Functions belong to a
    ``group``; ``routes`` say who computes them and ``signatures`` how many GoogleSQL has of them.
    """

    subject: str
    title: str
    status: str
    differs: tuple[str, ...]
    tests: tuple[str, ...]
    group: str = ""
    routes: tuple[str, ...] = ()
    signatures: int = 0

    @property
    def family(self) -> str:
        return self.subject.partition(":")[0]

    @property
    def name(self) -> str:
        return self.subject.partition(":")[2]

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"status": self.status, "title": self.title}
        if self.group:
            shown["group"] = self.group
        if self.routes:
            shown["routes"] = list(self.routes)
        if self.signatures:
            shown["signatures"] = self.signatures
        if self.differs:
            shown["differs"] = list(self.differs)
        return {**shown, "tests": list(self.tests)}


@dataclass(frozen=True, slots=True)
class Manifest:
    """All subjects, sorted; ``families`` has the title of each family."""

    families: Mapping[str, str]
    entries: tuple[Entry, ...]

    def select(self, *globs: str) -> Manifest:
        """The subjects that match one of ``globs``; all without globs.

        The name of a family finds all of it. A glob without wildcards also finds the subjects that contain
        it, in any case of letters.
        """
        if not globs:
            return self
        globs = tuple(f"{glob}:*" if glob in self.families else glob for glob in globs)
        found = tuple(e for e in self.entries if any(_matches(glob, e.subject) for glob in globs))
        families = {e.family for e in found}
        return Manifest({n: t for n, t in self.families.items() if n in families}, found)

    def counts(self) -> dict[str, dict[str, int]]:
        """By family: how many subjects have each status."""
        counted = Counter((e.family, e.status) for e in self.entries)
        return {family: {s: counted[family, s] for s in STATUSES} for family in self.families}

    def totals(self) -> dict[str, int]:
        """How many subjects have each status."""
        counted = Counter(e.status for e in self.entries)
        return {status: counted[status] for status in STATUSES}

    def to_json(self) -> dict[str, Any]:
        return {
            "statuses": dict(STATUSES),
            "routes": dict(ROUTES),
            "families": dict(self.families),
            "subjects": {e.subject: e.to_json() for e in self.entries},
        }


def _matches(glob: str, subject: str) -> bool:
    if any(c in glob for c in "*?["):
        return fnmatchcase(subject.casefold(), glob.casefold())
    return glob.casefold() in subject.casefold()


def of_json(body: Mapping[str, Any]) -> Manifest:
    """The manifest that :meth:`Manifest.to_json` gave."""
    return Manifest(body["families"], tuple(_entries(body["subjects"])))


def _entries(subjects: Mapping[str, Any]) -> Iterable[Entry]:
    for subject, entry in subjects.items():
        differs, tests = entry.get("differs", ()), entry["tests"]
        group, routes = entry.get("group", ""), tuple(entry.get("routes", ()))
        shown = (entry["title"], entry["status"], tuple(differs), tuple(tests))
        yield Entry(subject, *shown, group, routes, entry.get("signatures", 0))


@cache
def load() -> Manifest:
    """The manifest of this version."""
    text = files("bqsim.fidelity").joinpath("manifest.json").read_text(encoding="utf-8")
    return of_json(json.loads(text))
