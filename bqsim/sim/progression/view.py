"""What the simulation needs to know of jobs, and may ask their service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bqsim.errors import BigQueryError

from .life import SlotUse


class JobView(Protocol):
    """A job. ``state`` is the API's word for it, ``configuration`` its ``JobConfiguration``.

    ``life`` is the simulation's record of it, ``error`` what it failed with; ``noted`` tells that the journal
    has its moves so far, ``entered`` when it entered each state (epoch microseconds). ``cached`` tells that
    its result is in the cache, ``slots`` what it had of simulated slots.
    """

    life: Any
    noted: bool
    cached: bool
    slots: SlotUse | None
    error: BigQueryError | None

    @property
    def entered(self) -> Mapping[Any, int]: ...

    @property
    def project(self) -> str: ...

    @property
    def job_id(self) -> str: ...

    @property
    def location(self) -> str: ...

    @property
    def caller(self) -> str: ...

    @property
    def configuration(self) -> Mapping[str, Any]: ...

    @property
    def state(self) -> str: ...

    @property
    def done(self) -> bool: ...

    @property
    def statement_type(self) -> str | None: ...

    @property
    def parent(self) -> JobView | None: ...

    def wake(self) -> None:
        """Let requests that wait for the job's end be answered although it is not DONE."""
        ...


class JobHost(Protocol):
    """The service of jobs."""

    def find(self, project: str, job_id: str) -> JobView | None: ...

    async def estimate(self, job: Any) -> tuple[int, str]:
        """Bytes that a query job would process, and its statement type; 0 and '' for other jobs."""
        ...
