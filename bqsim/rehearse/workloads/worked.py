"""A workload whose slot time is more or less than told, all else alike: what an error of it would change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from bqsim.sim.slots.jobs import Jobs, Shapes, Source, Users, Workload


class Worked:
    """The jobs of ``workload`` with ``factor`` times their slot time: as wide, as many, at the same times, of
    the same bytes."""

    def __init__(self, workload: Workload, factor: float) -> None:
        self._workload, self._factor = workload, factor

    @property
    def shapes(self) -> Shapes:
        return self._workload.shapes

    @property
    def sources(self) -> Sequence[Source]:
        return self._workload.sources

    @property
    def groups(self) -> Sequence[str]:
        return self._workload.groups

    @property
    def duration_ms(self) -> float:
        return self._workload.duration_ms

    @cached_property
    def users(self) -> Users | None:
        users = self._workload.users
        return None if users is None else replace(users, jobs=self._times(users.jobs))

    def chunks(self) -> Iterator[Jobs]:
        return map(self._times, self._workload.chunks())

    def _times(self, jobs: Jobs) -> Jobs:
        return jobs.with_columns(slot_ms=jobs.slot_ms * self._factor)
