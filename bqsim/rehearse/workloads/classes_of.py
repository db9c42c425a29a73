"""Classes of recorded jobs, as few as will do: labels that tell nearly every job apart are left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bqsim.history import JobRecord

from .model import JobClass

MOST_CLASSES = 50_000
_Key = tuple[object, ...]


class ClassTable:
    """Classes by number. Numbers stay valid; :meth:`finished` says which class each came to be.

    With more classes than ``limit``, the label that has the most values is no longer told apart, then the
    next, then queries are not.
    """

    def __init__(self, limit: int = MOST_CLASSES) -> None:
        self._limit = limit
        self._dropped: set[str] = set()
        self._kinds = True
        self._numbers: dict[_Key, int] = {}
        self._classes: list[JobClass] = []
        self._now: list[int] = []
        # The same by what jobs say of themselves, as long as all of it is told apart.
        self._told: dict[_Key, int] = {}

    def add(self, job: JobRecord) -> int:
        """The number of the class of a job."""
        told = (
            job.project,
            job.user,
            job.job_type,
            job.statement_type,
            job.priority,
            job.fingerprint,
            job.reservation,
            *job.labels.items(),
        )
        found = self._told.get(told)
        if found is None:
            found = self._add(job)
            if len(self._told) >= self._limit:
                self._told.clear()
            self._told[told] = found
        return found

    def _add(self, job: JobRecord) -> int:
        made = JobClass(
            project=job.project or "project",
            principal=job.user,
            job_type=job.job_type,
            statement_type=job.statement_type,
            priority=job.priority,
            kind=job.fingerprint if self._kinds else "",
            labels=job.labels
            if not self._dropped
            else {key: value for key, value in job.labels.items() if key not in self._dropped},
            ran_in=job.reservation,
        )
        key = _key(made)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._classes)
            self._classes.append(made)
            self._now.append(found)
            while len(self._numbers) > self._limit and self._narrow():
                pass
            found = self._now[found]
        return found

    def _narrow(self) -> bool:
        """Tell less apart; False when nothing is left to leave out."""
        self._told.clear()
        values: dict[str, set[str]] = {}
        for number in self._numbers.values():
            for key, value in self._classes[number].labels.items():
                values.setdefault(key, set()).add(value)
        if values:
            most = max(sorted(values), key=lambda key: len(values[key]))
            self._dropped.add(most)
            self._again(lambda one: replace(one, labels={k: v for k, v in one.labels.items() if k != most}))
        elif self._kinds:
            self._kinds = False
            self._again(lambda one: replace(one, kind=""))
        else:
            return False
        return True

    def _again(self, narrowed: Callable[[JobClass], JobClass]) -> None:
        numbers: dict[_Key, int] = {}
        led: dict[int, int] = {}
        for number in self._numbers.values():
            made = narrowed(self._classes[number])
            led[number] = numbers.setdefault(_key(made), number)
            if led[number] == number:
                self._classes[number] = made
        self._numbers = numbers
        self._now = [led[now] for now in self._now]

    @property
    def untold(self) -> frozenset[tuple[str, str]]:
        """What classes are no longer told apart by: ``("label", "trace_id")``, ``("fingerprint", "")``."""
        labels = frozenset(("label", label) for label in self._dropped)
        return labels if self._kinds else labels | {("fingerprint", "")}

    def finished(self) -> tuple[tuple[JobClass, ...], NDArray[np.int32]]:
        """The classes, and which of them each number is."""
        kept = sorted(self._numbers.values())
        place = {number: at for at, number in enumerate(kept)}
        which = np.asarray([place[now] for now in self._now], np.int32)
        return tuple(self._classes[number] for number in kept), which


def _key(one: JobClass) -> _Key:
    return (
        one.project,
        one.principal,
        one.job_type,
        one.statement_type,
        one.priority,
        one.kind,
        one.ran_in,
        *sorted(one.labels.items()),
    )
