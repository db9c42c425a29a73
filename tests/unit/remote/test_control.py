from __future__ import annotations

from typing import Any

import pytest

from bqsim.remote import Remote, RemoteError, RemoteSimulator, Wire
from bqsim.sim.journal import VerificationError
from bqsim.sim.retry_lab import RetryTestError
from bqsim.sim.scenario.model import Error
from bqsim.sim.scenario.tree import ScenarioError
from bqsim.simulator import Simulator
from tests.conftest import Http


@pytest.fixture
def remote(bqsim_server: Simulator, bqsim_project: str) -> Any:
    scope = RemoteSimulator(bqsim_server.url).scope(project=bqsim_project)
    yield scope
    scope.clear()
    scope.retry_tests.clear()


def test_faults(remote: Remote, rest: Http) -> None:
    fault = remote.faults.add(Error("accessDenied"), method="bigquery.datasets.list", times=2, id="down")
    assert fault.id == f"down@{rest.project}"
    other = remote.faults.add("backendError", method="bigquery.datasets.list", first=True, times=1)
    assert [rest.call("GET", "/datasets").status for _ in range(4)] == [503, 403, 403, 200]
    assert (fault.fired, fault.status.left, other.fired, len(remote.faults)) == (2, 0, 1, 2)
    assert "does not fire" in remote.faults.explain({"method": "bigquery.datasets.list"})
    with pytest.raises(ScenarioError, match="did you mean 'accessDenied'"):
        remote.faults.add("accesDenied")
    with pytest.raises(ScenarioError, match="there is already a rule 'down"):
        remote.faults.add("accessDenied", id="down")
    remote.faults.remove(fault)
    with pytest.raises(ValueError, match="there is no rule 'down"):
        remote.faults.remove(fault.id)
    with pytest.raises(ValueError, match="there is no rule"):
        _ = fault.status
    with remote.faults.add("accessDenied"):
        assert rest.call("GET", "/datasets").status == 403
    assert remote.faults.clear() == 1 and not remote.faults.list()


def test_latencies_scenarios_and_plans(remote: Remote, rest: Http) -> None:
    remote.latency.set("3ms", method="bigquery.datasets.*")
    remote.latency.add("1ms", method="bigquery.datasets.list")
    rest.call("GET", "/datasets")
    [call] = remote.verify("bigquery.datasets.list", times=1)
    assert [d.latency_s for d in call.decisions if d.latency_s] == [0.001]
    setup = remote.latency.setup
    assert setup is not None and len(setup.rules) == 2
    remote.latency.clear()
    assert remote.latency.setup is None
    remote.jobs.plan("manual", job_type="QUERY")
    assert [plan.match.job_type for plan in remote.jobs.plans] == [("QUERY",)]
    remote.jobs.clear()
    remote.load({"rules": [{"id": "a", "effect": {"error": "blocked"}}]})
    assert [status.rule.id for status in remote.faults] == [f"a@{rest.project}"]
    remote.clear()
    assert not remote.jobs.plans and not remote.faults


def test_the_journal_and_what_is_verified_from_it(remote: Remote, rest: Http) -> None:
    rest.call("GET", "/datasets")
    first = remote.verification
    remote.verify("bigquery.datasets.list", times=1)
    first.strict()
    rest.call("GET", "/datasets")
    assert remote.verification is first and len(remote.journal.calls()) == 2
    with pytest.raises(VerificationError, match="Expected exactly 3"):
        remote.verify("bigquery.datasets.list", times=3)
    assert "bigquery.datasets.list" in remote.explain(remote.journal.calls()[-1].id)
    remote.verify_exactly_once()
    remote.journal.clear()
    assert not remote.journal.calls()


def test_retry_tests(remote: Remote, rest: Http) -> None:
    with remote.retry_tests.create({"datasets.list": [Error("accessDenied"), "ok"]}) as test:
        assert [rest.call("GET", "/datasets").status for _ in range(2)] == [403, 200]
        assert test.completed and [t.id for t in remote.retry_tests.list()] == [test.id]
    assert [said for _, said in test.taken] == ["error accessDenied", "ok"]
    left = remote.retry_tests.create({"datasets.list": ["ok"]})
    for check in (left.check, remote.retry_tests.check, lambda: remote.retry_tests.check(left.id)):
        with pytest.raises(RetryTestError, match="No call took one"):
            check()
    assert left.unspent() == {"bigquery.datasets.list": ["ok"]}
    assert remote.retry_tests.clear() == 1
    with pytest.raises(RemoteError, match=left.id):
        remote.retry_tests.get(left.id)


@pytest.mark.parametrize("part", ["clock", "limits", "iam", "machines"])
def test_what_is_changed_there_only(remote: Remote, part: str) -> None:
    with pytest.raises(RuntimeError, match="runs in another process"):
        getattr(remote, part)


@pytest.mark.parametrize("url", ["localhost:9050", "https://x", "", "http://"])
def test_addresses(url: str) -> None:
    with pytest.raises(ValueError, match="the address of a simulator is like"):
        Wire(url)


def test_nobody_there() -> None:
    with pytest.raises(RemoteError, match=r"http://127\.0\.0\.1:1 does not answer"):
        RemoteSimulator("http://127.0.0.1:1")
