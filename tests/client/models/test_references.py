"""Names of resources."""

from __future__ import annotations

import pytest

from bqclient import DatasetReference, JobReference, TableReference
from bqclient.errors import UsageError

TABLES = {
    "d.t": ("p", "d", "t"),
    "`d.t`": ("p", "d", "t"),
    "other.d.t": ("other", "d", "t"),
    "other:d.t": ("other", "d", "t"),
    "example.com:other.d.t": ("example.com:other", "d", "t"),
    "d.t$20260101": ("p", "d", "t$20260101"),
    "d.t@-3600000": ("p", "d", "t@-3600000"),
    "d.events_*": ("p", "d", "events_*"),
    "d.INFORMATION_SCHEMA": ("p", "d", "INFORMATION_SCHEMA"),
    "my-project.d.café table": ("my-project", "d", "café table"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str) -> None:
    found = TableReference.of(name, "p")
    assert (found.project, found.dataset, found.table) == TABLES[name]
    assert TableReference.of(found, "q") is found
    assert TableReference.from_api(found.to_api()) == found
    assert TableReference.of(str(found), "q") == found


def test_default_datasets() -> None:
    assert TableReference.of("t", "p", "d") == TableReference("p", "d", "t")
    assert TableReference.of("t", "p", "q.d") == TableReference("q", "d", "t")
    assert TableReference("p", "d", "t").path == "projects/p/datasets/d/tables/t"
    assert TableReference("p", "d", "t").sql == "`p.d.t`"


@pytest.mark.parametrize("name", ["t", "", ".", "a.b.c.d.e f.", "d.", "`"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError, match=r"is no name of a table: write 'dataset\.table'"):
        TableReference.of(name, "p")


@pytest.mark.parametrize("name", ["a`b", "a\\b", "a\nb"])
def test_names_cannot_leave_their_quotes(name: str) -> None:
    with pytest.raises(UsageError):
        _ = TableReference("p", "d", name).sql


def test_datasets_and_jobs() -> None:
    assert DatasetReference.of("d", "p") == DatasetReference.of("p.d", "x") == DatasetReference.of("p:d", "x")
    assert str(DatasetReference("p", "d").table("t")) == "p.d.t"
    with pytest.raises(UsageError):
        DatasetReference.of("a.b.c", "p")
    job = JobReference("p", "j", "EU")
    assert (JobReference.from_api(job.to_api()), str(job)) == (job, "p:EU.j")
