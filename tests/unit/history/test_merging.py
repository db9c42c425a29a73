"""Jobs that are told more than once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bqsim.history import JobRecord, Stage, merged, read
from bqsim.history.canonical import write
from bqsim.history.errors import HistoryError
from bqsim.history.merging import together, write_merged

RUNNING = JobRecord("j", "p", user="a@b.c", state="RUNNING", created_us=5, sql="SELECT 1", fingerprint="f1")
DONE = JobRecord("j", "p", state="DONE", ended_us=9, fingerprint="hash", labels={"a": "b"})
OTHER = JobRecord(
    "k", "p", created_us=1, stages=(Stage(1, "S", (0,), 5),), tables=("p.d.t",), sql="SELECT '\ud800'"
)


def test_what_knows_the_end_counts_and_the_rest_fills_in() -> None:
    found = together(RUNNING, DONE)
    assert found == together(DONE, RUNNING)
    assert (found.state, found.user, found.created_us, found.ended_us) == ("DONE", "a@b.c", 5, 9)
    assert (found.sql, found.fingerprint, found.labels) == ("SELECT 1", "f1", {"a": "b"})
    assert merged([RUNNING, OTHER, DONE]) == [OTHER, found]


def test_files_of_merged_jobs_hold_the_same(tmp_path: Path) -> None:
    records = [RUNNING, OTHER, DONE, replace(OTHER, project="q")]
    path = tmp_path / "h.parquet"
    assert write_merged(path, records, lambda job: replace(job, user=job.user.upper())) == (4, 3)
    expected = [
        replace(job, user=job.user.upper(), sql=job.sql.replace("\ud800", "?")) for job in merged(records)
    ]
    assert list(read(path)) == expected
    assert [one.name for one in tmp_path.iterdir()] == ["h.parquet"]


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> object:
        yield RUNNING
        raise HistoryError("x", "broken", "mend it")

    with pytest.raises(HistoryError):
        write(tmp_path / "h.parquet", broken())  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_newer_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.parquet"
    with monkeypatch.context() as patched:
        patched.setattr("bqsim.history.canonical.VERSION", b"9")
        write(path, [RUNNING])
    with pytest.raises(HistoryError, match="version is 9"):
        list(read(path))
