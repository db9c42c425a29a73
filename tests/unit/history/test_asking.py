"""The one query of a history, at a running endpoint."""

from __future__ import annotations

import pytest

from bqsim.history.asking import SCOPES, commands, fetch, history_sql
from bqsim.seeding import Api
from tests.conftest import Http


@pytest.mark.parametrize("scope", SCOPES)
def test_the_query_runs_on_every_view(scope: str, rest: Http) -> None:
    rest.query("SELECT 1 AS one", labels={"team": "shop"})
    api = Api(rest.simulator.url, rest.project)
    jobs = [job for job in fetch(api, history_sql(scope=scope)) if job.project == rest.project]
    (job,) = (one for one in jobs if one.labels == {"team": "shop"})
    assert (job.statement_type, job.job_type, job.state) == ("SELECT", "QUERY", "DONE")
    assert job.sql == ("SELECT 1 AS one" if scope in ("PROJECT", "USER") else "")
    assert job.fingerprint
    assert 0 < job.created_us <= job.started_us <= job.ended_us


def test_pages_are_followed_and_the_query_itself_is_left_out(
    rest: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bqsim.history.asking._PAGE_ROWS", 2)
    for n in range(5):
        rest.query(f"SELECT {n}")
    rest.query("SELECT nosuch")
    jobs = list(fetch(Api(rest.simulator.url, rest.project), history_sql()))
    assert [job.sql for job in jobs] == [*(f"SELECT {n}" for n in range(5)), "SELECT nosuch"]
    assert jobs[-1].error_reason == "invalidQuery"
    assert len({job.fingerprint for job in jobs[:5]}) == 1


def test_the_text() -> None:
    text = commands(history_sql("EU", 7, project="my-project"), "my-project")
    assert "FROM `my-project`.`region-eu`.INFORMATION_SCHEMA.JOBS_BY_PROJECT" in text
    assert "INTERVAL 10080 MINUTE" in text
    assert "bq query --project_id=my-project" in text


@pytest.mark.parametrize("wrong", [{"scope": "WORLD"}, {"region": "us`; DROP"}, {"project": "a`b"}])
def test_wrong_names(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        history_sql(**wrong)
