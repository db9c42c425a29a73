"""Jobs on their way from an origin to a workload: what they are told apart by goes in classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bqsim.sim.slots.jobs import Jobs, Shapes, Source, Users


@dataclass(frozen=True, slots=True)
class JobClass:
    """What jobs have in common by which assignments route them, changes select them and results group them.
    ``kind`` is a generated job's, or the fingerprint of a recorded query; ``ran_in`` is the reservation in
    which a recorded job ran (``admin:US.name``)."""

    project: str = "project"
    principal: str = ""
    job_type: str = "QUERY"
    statement_type: str = ""
    priority: str = "INTERACTIVE"
    reservation: str = ""
    kind: str = ""
    workload: str = "workload"
    labels: Mapping[str, str] = field(default_factory=dict)
    ran_in: str = ""

    @property
    def source(self) -> Source:
        return Source(self.project, self.job_type, self.principal, self.reservation, self.ran_in)


class Part(Protocol):
    """Jobs of one origin. The ``source`` column of their chunks points into ``classes``, ``shape`` into
    ``shapes``; ``group`` is not set yet. Chunks ascend by time and may be asked for again."""

    @property
    def classes(self) -> Sequence[JobClass]: ...

    @property
    def shapes(self) -> Shapes: ...

    @property
    def duration_ms(self) -> float: ...

    @property
    def users(self) -> Users | None: ...

    def chunks(self) -> Iterator[Jobs]: ...
