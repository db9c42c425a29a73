"""What is absent is still refused: a gap that was closed leaves its table."""

from __future__ import annotations

import pytest

from tests.conftest import Http

from .gaps import JOBS, PARTS, STATEMENTS, Gap


@pytest.fixture
def table(rest: Http) -> Http:
    rest.dataset()
    rest.query("CREATE TABLE d.t (n INT64, v ARRAY<FLOAT64>)")
    return rest


@pytest.mark.fidelity("{gap.subject}", "absent", "{gap.note}")
@pytest.mark.parametrize("gap", STATEMENTS, ids=lambda gap: gap.id)
def test_statements(table: Http, gap: Gap) -> None:
    answer = table.query(gap.ask)  # type: ignore[arg-type]
    assert answer.status in (400, 404)
    assert answer.message.startswith(gap.text)


@pytest.mark.fidelity("{gap.subject}", "absent", "{gap.note}")
@pytest.mark.parametrize("gap", JOBS, ids=lambda gap: gap.id)
def test_jobs(table: Http, gap: Gap) -> None:
    answer = table.call("POST", "/jobs", {"configuration": gap.ask})
    assert answer.status == 400
    assert answer.message.startswith(gap.text)


@pytest.mark.fidelity("{gap.subject}", "approximated", "{gap.note}")
@pytest.mark.parametrize("gap", PARTS, ids=lambda gap: gap.id)
def test_parts(table: Http, gap: Gap) -> None:
    if isinstance(gap.ask, str):
        found = table.query(gap.ask).message
    else:
        answer = table.call("POST", "/jobs", {"configuration": gap.ask})
        if answer.status == 200:
            answer = table.call("GET", f"/queries/{answer.json['jobReference']['jobId']}")
        found = answer.message
    assert found.startswith(gap.text)
