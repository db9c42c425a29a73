"""All jobs, found by id and listed newest first without a scan."""

from __future__ import annotations

import threading
import weakref
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bqsim.catalog.refs import JobRef
from bqsim.errors import already_exists, not_found
from bqsim.jobs import paging
from bqsim.jobs.job import Job
from bqsim.jobs.machine import State

DEFAULT_PAGE = 1000
# Page "Managing jobs": how long the history of jobs goes back.
JOB_LIFE_US = 180 * 24 * 3600 * 1_000_000
# How many jobs a new one pushes out at most, and so how much work adding one is.
_FORGET_AT_ONCE = 2
# Jobs that are remembered as open before finished ones among them are let go.
_OPEN = 1000


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What ``jobs.list`` asks for. ``caller`` None lists the jobs of all users; times are epoch
    milliseconds."""

    caller: str | None = None
    states: frozenset[State] = frozenset()
    min_creation_ms: int | None = None
    max_creation_ms: int | None = None
    parent_job_id: str | None = None

    def matches(self, job: Job) -> bool:
        return (self.caller is None or job.caller == self.caller) and (
            not self.states or job.state in self.states
        )


@dataclass(frozen=True, slots=True)
class JobPage:
    jobs: Sequence[Job]
    next_page_token: str | None


class JobMark:
    """A moment in the order of jobs: ``number`` is that of the last job then."""

    __slots__ = ("__weakref__", "deleted", "number")

    def __init__(self, number: int, deleted: int) -> None:
        self.number = number
        self.deleted = deleted


class JobIndex:
    """Jobs by reference and, per project, in order of creation.

    ``number`` of a job is its place in that order; page tokens carry it, so pages stay put while jobs are
    added. Finished jobs are forgotten after 180 days, and the oldest first when there are more than
    ``max_jobs``, child jobs included.
    """

    def __init__(self, max_jobs: int = 100_000) -> None:
        self._max_jobs = max_jobs
        self._count = 0
        self._by_age: deque[Job] = deque()
        self._by_id: dict[tuple[str, str], dict[str, Job]] = {}
        self._order: dict[str, list[Job]] = {}
        self._used: set[JobRef] = set()
        self._numbers = 0
        # Jobs that may still run, looked through when there are more than the limit.
        self._open: set[Job] = set()
        self._open_limit = _OPEN
        self._marks: weakref.WeakSet[JobMark] = weakref.WeakSet()
        # What was deleted while there were marks.
        self._deleted: list[Job] = []
        self._lock = threading.Lock()

    def add(self, job: Job) -> None:
        """Index ``job``; an id that was ever used in its project and location is 409 ``duplicate``."""
        ref = job.ref
        with self._lock:
            jobs = self._by_id.setdefault((ref.project, ref.job_id), {})
            if ref.location in jobs or (self._used and ref in self._used):
                raise already_exists("Job", ref.api_name)
            jobs[ref.location] = job
            self._numbers += 1
            job.number = self._numbers
            self._count += 1
            self._open.add(job)
            if len(self._open) > self._open_limit:
                self._open = {one for one in self._open if not one.done}
                self._open_limit = max(_OPEN, 2 * len(self._open))
            if job.parent is None:
                self._order.setdefault(ref.project, []).append(job)
                self._by_age.append(job)
                self._forget_old(job.timeline.created_us)

    def remove(self, job: Job) -> None:
        """Forget a job and its children; their ids stay used."""
        with self._lock:
            self._used.update(gone.ref for gone in (job, *job.children))
            if self._marks:
                self._deleted.append(job)
            else:
                self._deleted.clear()
            self._take_out(job)

    def unfinished(self) -> Sequence[Job]:
        """The jobs that are not DONE."""
        with self._lock:
            return [job for job in self._open if not job.done]

    def mark(self) -> JobMark:
        """Mark this moment for :meth:`put_back`; it is forgotten with the mark."""
        with self._lock:
            mark = JobMark(self._numbers, len(self._deleted) if self._marks else 0)
            if not self._marks:
                self._deleted.clear()
            self._marks.add(mark)
            return mark

    def put_back(self, mark: JobMark) -> None:
        """Forget all jobs made after ``mark``, whose ids are free again; those deleted since are back.

        Takes time by the number of both. What was forgotten for its age stays so.
        """
        with self._lock:
            deleted = self._deleted[mark.deleted :]
            del self._deleted[mark.deleted :]
            for job in deleted:
                self._used.difference_update(gone.ref for gone in (job, *job.children))
                if job.number <= mark.number:
                    self._put_in(job)
            for order in self._order.values():
                while order and order[-1].number > mark.number:
                    self._take_out(order[-1])
            while self._by_age and self._by_age[-1].number > mark.number:
                self._by_age.pop()

    def _put_in(self, job: Job) -> None:
        for one in (job, *job.children):
            self._by_id.setdefault((one.ref.project, one.ref.job_id), {})[one.ref.location] = one
            self._count += 1
        insort(self._order.setdefault(job.ref.project, []), job, key=lambda j: j.number)

    def _take_out(self, job: Job) -> None:
        for gone in (job, *job.children):
            key = (gone.ref.project, gone.ref.job_id)
            jobs = self._by_id.get(key, {})
            if jobs.get(gone.ref.location) is gone:
                del jobs[gone.ref.location]
                self._count -= 1
            if not jobs:
                self._by_id.pop(key, None)
        if job.parent is None:
            order = self._order[job.ref.project]
            at = bisect_left(order, job.number, key=lambda j: j.number)
            if at < len(order) and order[at] is job:
                del order[at]
        elif job in job.parent.children:
            job.parent.children.remove(job)

    def _forget_old(self, now_us: int) -> None:
        for _ in range(_FORGET_AT_ONCE):
            oldest = self._by_age[0]
            expired = oldest.timeline.created_us < now_us - JOB_LIFE_US
            if not expired and self._count <= self._max_jobs:
                return
            self._by_age.popleft()
            if oldest.done:
                self._take_out(oldest)
            else:
                self._by_age.append(oldest)

    def get(self, project: str, job_id: str, location: str | None, before_us: int | None = None) -> Job:
        """The job; without a location one that is found in any. Else 404 ``notFound``.

        With ``before_us`` (epoch microseconds) jobs made later are not found.
        """
        jobs = self._by_id.get((project, job_id))
        if jobs:
            found = next(iter(jobs.values())) if location is None else jobs.get(location)
            if found is not None and (before_us is None or found.timeline.created_us <= before_us):
                return found
        name = f"{project}:{location}.{job_id}" if location else f"{project}:{job_id}"
        raise not_found("Job", name)

    def list(
        self, project: str, wanted: JobFilter, page_token: str | None, max_results: int | None
    ) -> JobPage:
        """One page, newest first. Child jobs appear only under their parent's id."""
        limit = DEFAULT_PAGE if max_results is None else max(0, max_results)
        subject = f"jobs/{project}"
        before = paging.decode(subject, page_token) if page_token else None
        order = self._listed(project, wanted)
        end = len(order)
        if before is not None:
            end = bisect_left(order, before, key=lambda j: j.number)
        if wanted.max_creation_ms is not None:
            end = min(end, bisect_left(order, wanted.max_creation_ms + 1, key=_created_ms))
        page: list[Job] = []
        for job in _backwards(order, end):
            if wanted.min_creation_ms is not None and job.created_ms < wanted.min_creation_ms:
                break
            if not wanted.matches(job):
                continue
            if len(page) == limit:
                return JobPage(page, paging.encode(subject, page[-1].number) if page else None)
            page.append(job)
        return JobPage(page, None)

    def everything(self) -> Sequence[Job]:
        """All jobs, child jobs too, in no particular order."""
        with self._lock:
            return [job for jobs in self._by_id.values() for job in jobs.values()]

    def named(self, project: str, job_id: str) -> Sequence[Job]:
        """The jobs of an id, one in each location."""
        return list(self._by_id.get((project, job_id), {}).values())

    def _listed(self, project: str, wanted: JobFilter) -> Sequence[Job]:
        if wanted.parent_job_id is None:
            return self._order.get(project, [])
        parents = self._by_id.get((project, wanted.parent_job_id), {})
        return [child for parent in parents.values() for child in parent.children]


def _created_ms(job: Job) -> int:
    return job.created_ms


def _backwards(order: Sequence[Job], end: int) -> Iterator[Job]:
    for at in range(min(end, len(order)) - 1, -1, -1):
        yield order[at]
