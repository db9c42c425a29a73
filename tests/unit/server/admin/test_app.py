from __future__ import annotations

import pytest

from bqsim import __version__
from tests.conftest import Http


def test_health(rest: Http) -> None:
    assert rest.raw("GET", "/bqsim/v1/health").json == {
        "status": "ready",
        "version": __version__,
        "grpcPort": rest.simulator.grpc_port,
    }


def test_route_of_a_job(rest: Http) -> None:
    job = rest.query("SELECT 1 AS x").json["jobReference"]["jobId"]
    found = rest.raw("GET", f"/bqsim/v1/projects/{rest.project}/jobs/{job}/route").json
    assert (found["statementType"], found["route"], found["reason"]) == ("SELECT", "ENGINE", "")
    assert rest.raw("GET", f"/bqsim/v1/projects/{rest.project}/jobs/none/route").status == 404


def test_routes_are_counted(rest: Http) -> None:
    before = rest.raw("GET", "/bqsim/v1/routes").json
    rest.query(f"SELECT '{rest.project}'")
    after = rest.raw("GET", "/bqsim/v1/routes").json
    assert after["statements"] == before["statements"] + 1
    assert sum(r["share"] for r in after["routes"].values()) == pytest.approx(1.0)


def test_unknown_pages_are_404(rest: Http) -> None:
    for path in ("/bqsim", "/bqsim/v1/nothing", "/bqsim/v2/health"):
        assert rest.raw("GET", path).status == 404
