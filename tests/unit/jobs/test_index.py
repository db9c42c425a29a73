from __future__ import annotations

import pytest

from bqsim.catalog.refs import JobRef
from bqsim.errors import BigQueryError
from bqsim.jobs.index import JOB_LIFE_US, JobFilter, JobIndex
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.machine import State


def make(
    job_id: str, *, at_ms: int = 0, caller: str = "me", location: str = "US", parent: Job | None = None
) -> Job:
    return Job(JobRef("p", location, job_id), JobType.QUERY, {}, caller, at_ms * 1000, parent=parent)


@pytest.fixture
def index() -> JobIndex:
    index = JobIndex()
    for n in range(10):
        job = make(f"j{n}", at_ms=n * 10, caller="me" if n % 2 else "you")
        index.add(job)
        if n < 5:
            job.move(State.DONE, n * 10_000 + 1)
    return index


def ids(index: JobIndex, wanted: JobFilter, **kw: int) -> list[str]:
    return [j.ref.job_id for j in index.list("p", wanted, None, kw.get("limit")).jobs]


def test_newest_first(index: JobIndex) -> None:
    assert ids(index, JobFilter(), limit=3) == ["j9", "j8", "j7"]


def test_filters(index: JobIndex) -> None:
    assert ids(index, JobFilter(caller="me")) == ["j9", "j7", "j5", "j3", "j1"]
    assert ids(index, JobFilter(states=frozenset({State.DONE}))) == ["j4", "j3", "j2", "j1", "j0"]
    assert ids(index, JobFilter(min_creation_ms=70)) == ["j9", "j8", "j7"]
    assert ids(index, JobFilter(max_creation_ms=20)) == ["j2", "j1", "j0"]
    assert ids(index, JobFilter(min_creation_ms=10, max_creation_ms=29)) == ["j2", "j1"]


def test_pages_stay_put_while_jobs_are_added(index: JobIndex) -> None:
    first = index.list("p", JobFilter(), None, 4)
    index.add(make("late", at_ms=500))
    second = index.list("p", JobFilter(), first.next_page_token, 4)
    third = index.list("p", JobFilter(), second.next_page_token, 4)
    found = [j.ref.job_id for page in (first, second, third) for j in page.jobs]
    assert found == [f"j{n}" for n in range(9, -1, -1)]
    assert third.next_page_token is None


def test_a_page_that_ends_with_the_list_has_no_token(index: JobIndex) -> None:
    assert index.list("p", JobFilter(), None, 10).next_page_token is None
    assert index.list("p", JobFilter(states=frozenset({State.DONE})), None, 5).next_page_token is None


def test_a_foreign_token_is_refused(index: JobIndex) -> None:
    with pytest.raises(BigQueryError, match="Invalid page token"):
        index.list("p", JobFilter(), "abc", 10)


def test_a_used_id_is_a_duplicate(index: JobIndex) -> None:
    with pytest.raises(BigQueryError) as caught:
        index.add(make("j3"))
    assert (caught.value.http, caught.value.message) == (409, "Already Exists: Job p:US.j3")


def test_the_same_id_in_another_location_is_another_job(index: JobIndex) -> None:
    index.add(make("j3", location="EU"))
    assert index.get("p", "j3", "EU").ref.location == "EU"
    assert index.get("p", "j3", "US").ref.location == "US"


def test_a_removed_id_stays_used(index: JobIndex) -> None:
    index.remove(index.get("p", "j3", None))
    with pytest.raises(BigQueryError, match=r"Not found: Job p:US\.j3"):
        index.get("p", "j3", "US")
    with pytest.raises(BigQueryError, match="Already Exists"):
        index.add(make("j3"))
    assert "j3" not in ids(index, JobFilter())


def test_children_are_listed_under_their_parent_only(index: JobIndex) -> None:
    parent = index.get("p", "j9", None)
    child = make("child", at_ms=95, parent=parent)
    index.add(child)
    parent.children.append(child)
    assert "child" not in ids(index, JobFilter())
    assert ids(index, JobFilter(parent_job_id="j9")) == ["child"]
    index.remove(parent)
    with pytest.raises(BigQueryError):
        index.get("p", "child", "US")


def test_unknown_jobs_are_not_found(index: JobIndex) -> None:
    with pytest.raises(BigQueryError) as caught:
        index.get("p", "nope", None)
    assert (caught.value.http, caught.value.message) == (404, "Not found: Job p:nope")
    with pytest.raises(BigQueryError, match=r"Not found: Job p:EU\.j1"):
        index.get("p", "j1", "EU")


def test_the_oldest_finished_jobs_are_forgotten() -> None:
    index = JobIndex(max_jobs=5)
    running = make("running")
    index.add(running)
    for n in range(40):
        job = make(f"j{n}", at_ms=n)
        child = make(f"c{n}", parent=job)
        index.add(job)
        index.add(child)
        job.children.append(child)
        child.move(State.DONE, n)
        job.move(State.DONE, n)
    assert len(index.everything()) <= 7
    assert ids(index, JobFilter())[:2] == ["j39", "j38"]
    assert index.get("p", "running", None) is running
    for gone in ("j0", "c0"):
        with pytest.raises(BigQueryError, match="Not found: Job"):
            index.get("p", gone, None)
    index.add(make("j0"))


def test_jobs_are_forgotten_after_180_days() -> None:
    index = JobIndex()
    for n in range(3):
        job = make(f"j{n}", at_ms=n)
        index.add(job)
        job.move(State.DONE, 1_000_000)
    index.add(make("new", at_ms=JOB_LIFE_US // 1000 + 1))
    assert ids(index, JobFilter()) == ["new", "j2", "j1"]


def test_back_to_a_mark(index: JobIndex) -> None:
    parent = make("parent", at_ms=200)
    index.add(parent)
    child = make("child", at_ms=201, parent=parent)
    index.add(child)
    parent.children.append(child)
    mark, before = index.mark(), ids(index, JobFilter())
    index.remove(index.get("p", "j1", None))
    index.remove(parent)
    for name in ("new", "newer"):
        index.add(make(name, at_ms=300))
    index.remove(index.get("p", "new", None))
    index.put_back(mark)
    assert ids(index, JobFilter()) == before
    assert index.get("p", "child", "US") is child
    assert ids(index, JobFilter(parent_job_id="parent")) == ["child"]
    for name in ("new", "newer"):
        with pytest.raises(BigQueryError):
            index.get("p", name, None)
        index.add(make(name, at_ms=400))
    index.put_back(mark)
    assert ids(index, JobFilter()) == before


def test_deleted_jobs_are_kept_for_marks_only(index: JobIndex) -> None:
    mark = index.mark()
    index.remove(index.get("p", "j0", None))
    assert len(index._deleted) == 1
    del mark
    index.remove(index.get("p", "j1", None))
    assert index._deleted == []


def test_unfinished_jobs(index: JobIndex) -> None:
    assert sorted(j.ref.job_id for j in index.unfinished()) == ["j5", "j6", "j7", "j8", "j9"]
    for n in range(3000):
        job = make(f"d{n}")
        index.add(job)
        job.move(State.DONE, 1)
    assert len(index._open) < 2001
    assert len(index.unfinished()) == 5


def test_jobs_that_are_not_seen_yet(index: JobIndex) -> None:
    assert index.get("p", "j5", None, before_us=50_000).ref.job_id == "j5"
    with pytest.raises(BigQueryError):
        index.get("p", "j5", "US", before_us=49_999)
