from __future__ import annotations

from types import SimpleNamespace as Made
from typing import Any

import pytest

from bqsim.sim.control.answers import explained
from bqsim.sim.control.journals import JournalView
from bqsim.sim.journal import CallEvent, Decision, JobEvent, Journal

ID = "00ff"
HEADERS = {"X-Bqsim-Explain": ID}


@pytest.fixture
def view() -> JournalView:
    journal = Journal()
    decisions = (Decision("storm", "error", "a.yaml:3", draw=0.25, why="call 1"),)
    journal.append(CallEvent(ID, 10, "rest", "bigquery.jobs.insert", job_id="j", decisions=decisions))
    journal.append(JobEvent(20, "j", "p", after="PENDING"))
    journal.append(
        JobEvent(
            30, "j", "p", before="PENDING", after="DONE", reason="blocked", message="no", decisions=decisions
        )
    )
    journal.append(CallEvent("1", 40, "rest", "bigquery.jobs.get", "projects/p/jobs/j"))
    return JournalView(journal)


@pytest.mark.parametrize(
    "answer",
    [
        ID,
        f"#{ID}",
        HEADERS,
        Made(headers=HEADERS),
        Made(response=Made(headers=HEADERS)),
        Made(trailing_metadata=lambda: (("x-bqsim-explain", ID),)),
        Made(initial_metadata=lambda: (("x-bqsim-explain", ID.encode()),)),
        Made(
            errors=[Made(trailing_metadata=lambda: [("other", "1"), ("x-bqsim-explain", ID)])], response=None
        ),
    ],
)
def test_what_names_a_call(view: JournalView, answer: Any) -> None:
    text = explained(view, answer)
    assert text.startswith(f"#{ID} 00:00:00.000010 bigquery.jobs.insert → ok")
    assert "rule 'storm' (a.yaml:3): error, call 1, drew 0.250000" in text


def test_a_job_tells_its_calls_and_moves(view: JournalView) -> None:
    lines = explained(view, Made(job_id="j")).splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [
        f"#{ID} 00:00:00.000010 bigquery.jobs.insert → ok",
        "job j 00:00:00.000020 in PENDING",
        "job j 00:00:00.000030 from PENDING to DONE, blocked: no",
        "#1 00:00:00.000040 bigquery.jobs.get projects/p/jobs/j → ok",
    ]


def test_what_nobody_knows(view: JournalView) -> None:
    with pytest.raises(ValueError, match="the journal knows no call 'abc'"):
        explained(view, "abc")
    with pytest.raises(ValueError, match="the journal knows no job 'k'"):
        explained(view, Made(job_id="k"))
    with pytest.raises(ValueError, match="a float names no call"):
        explained(view, 1.5)
