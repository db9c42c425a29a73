"""Which rows of a profile a call or a job is subject to."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from .model import JOB_MOMENTS, Facts, Limit, Moment

# Parts of a scope that not every call or job has.
CHANGED = frozenset({"dataset", "table", "resource"})


def _concerns(limit: Limit, moment: Moment, method: str, job_type: str, statement: str) -> bool:
    if moment not in limit.at:
        return False
    if moment in JOB_MOMENTS:
        return (
            job_type in limit.job_types
            and (not limit.statements or statement in limit.statements)
            and statement not in limit.except_statements
        )
    return any(fnmatchcase(method, glob) for glob in limit.methods) and not any(
        fnmatchcase(method, glob) for glob in limit.except_methods
    )


class Index:
    """The rows in force, by moment and by method or job and statement type; in the order of the profile."""

    MAX_KEPT = 4096

    def __init__(self, limits: Iterable[Limit]) -> None:
        self._limits = tuple(limits)
        self._kept: dict[tuple[Moment, str, str, str], tuple[Limit, ...]] = {}

    def of(self, facts: Facts) -> list[Limit]:
        key = (facts.moment, facts.method, facts.job_type, facts.statement_type)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= self.MAX_KEPT:
                self._kept.clear()
            found = self._kept[key] = tuple(limit for limit in self._limits if _concerns(limit, *key))
        flags = facts.flags
        return [
            limit
            for limit in found
            if limit.flags <= flags and not limit.without & flags and _has_counter(limit, facts)
        ]


def _has_counter(limit: Limit, facts: Facts) -> bool:
    """Whether the thing that the limit counts for is among the facts: a new dataset is of no table."""
    return all(getattr(facts, part) for part in limit.scope if part in CHANGED)
