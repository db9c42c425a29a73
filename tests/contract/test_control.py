"""The simulation is controlled by Python, by HTTP and by a header of one call; all see the same rules."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types

import bqsim
from bqsim.simulator import Simulator
from tests.conftest import Http
from tests.unit.sim.clocks import eventually

QUERY, INSERT, LIST = "bigquery.jobs.query", "bigquery.jobs.insert", "bigquery.datasets.list"
NO_RETRY: Any = None


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with bqsim.start(project="p") as running:
        yield running


@pytest.fixture
def sim(simulator: Simulator) -> Iterator[Simulator]:
    simulator.reset()
    yield simulator
    simulator.reset()


@pytest.fixture
def http(sim: Simulator) -> Iterator[Http]:
    calls = Http(sim, "p")
    yield calls
    calls.connection.close()


def control(http: Http, verb: str, path: str, body: Any = None, **headers: str) -> Any:
    data = body.encode() if isinstance(body, str) else body
    answer = http.raw(verb, f"/bqsim/v1{path}", data, {k.replace("_", "-"): v for k, v in headers.items()})
    assert answer.status == 200, answer.data
    return answer.json


def datasets(client: bigquery.Client) -> list[str]:
    return [d.dataset_id for d in client.list_datasets(retry=NO_RETRY)]


def test_a_fault_by_python(sim: Simulator) -> None:
    with sim.client() as client, sim.faults.add("backendError", method=LIST, times=1) as fault:
        with pytest.raises(exceptions.ServiceUnavailable) as failed:
            datasets(client)
        assert datasets(client) == []
        assert fault.fired == 1
    text = sim.explain(failed.value)
    assert f"rule '{fault.id}' (python): error, call 1" in text and "503 backendError" in text
    sim.verify(LIST, {"reason": "backendError"}, times=1)
    sim.verify(LIST, times=2)


def test_a_fault_by_http_is_seen_in_python(sim: Simulator, http: Http) -> None:
    added = control(http, "POST", "/faults", {"effect": {"error": "backendError"}, "match": {"method": LIST}})
    assert [s.rule.id for s in sim.faults] == [added["rule"]["id"]]
    with sim.client() as client, pytest.raises(exceptions.ServiceUnavailable) as failed:
        datasets(client)
    assert control(http, "GET", f"/faults/{added['rule']['id']}")["fired"] == 1
    call = failed.value.response.headers["x-bqsim-explain"]
    told = control(http, "GET", f"/journal/calls/{call}")
    assert told["text"] == sim.explain(call) and told["call"]["decisions"][0]["source"] == "rest"
    control(http, "DELETE", "/faults")
    assert len(sim.faults) == 0


def session(header: dict[str, str]) -> Any:
    made = requests.Session()
    made.headers.update(header)
    # Google's client asks for these.
    made.is_mtls = False  # type: ignore[attr-defined]
    return made


def test_a_fault_by_the_header_of_one_client(sim: Simulator) -> None:
    header = {"x-bqsim-fault": "{error: {reason: backendError, message: once}}"}
    client = bigquery.Client(
        project="p",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": sim.url},
        _http=session(header),
    )
    with pytest.raises(exceptions.ServiceUnavailable, match="once"):
        datasets(client)
    with sim.client() as other:
        assert datasets(other) == []
    assert len(sim.faults) == 0


def test_a_header_that_is_no_rule_is_refused(http: Http) -> None:
    answer = http.call("GET", "/datasets", headers={"x-bqsim-fault": "{error: backendErorr}"})
    assert answer.status == 400
    assert "unknown error reason 'backendErorr'; did you mean 'backendError'?" in answer.message


def test_a_fault_by_metadata_of_grpc(sim: Simulator) -> None:
    with sim.client() as client:
        client.create_dataset("g", exists_ok=True)
        client.query_and_wait("CREATE OR REPLACE TABLE g.t AS SELECT 1 AS n")
    reader = sim.read_client()
    wanted = types.ReadSession(table="projects/p/datasets/g/tables/t", data_format="ARROW")
    request = {"parent": "projects/p", "read_session": wanted}
    with pytest.raises(exceptions.ResourceExhausted, match="too much") as failed:
        reader.create_read_session(
            request,
            metadata=(("x-bqsim-fault", "{grpc: {status: RESOURCE_EXHAUSTED, message: too much}}"),),
            retry=NO_RETRY,
        )
    assert "→ RESOURCE_EXHAUSTED" in sim.explain(failed.value)
    assert reader.create_read_session(request).streams


def test_answers_name_their_calls(sim: Simulator, http: Http) -> None:
    for answer in (
        http.call("GET", "/datasets"),
        http.call("GET", "/datasets/none"),
        http.query("SELECT 1"),
        http.query("SELECT"),
    ):
        call = sim.journal.call(answer.headers["x-bqsim-explain"])
        assert call is not None and call.outcome.http in (0, answer.status)


def test_scopes_by_project_header_and_port(sim: Simulator, http: Http) -> None:
    with sim.listen("batch") as batch:
        a = sim.scope(project="a")
        a.faults.add("backendError", method=LIST)
        batch.faults.add("blocked", method=LIST)
        sim.scope("mine").faults.add("notImplemented", method=LIST)

        def status(project: str, **headers: str) -> int:
            path = f"/bigquery/v2/projects/{project}/datasets"
            return http.raw("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}).status

        assert [status("a"), status("p"), status("a", x_bqsim_scope="mine")] == [503, 200, 501]
        with batch.client() as client, pytest.raises(exceptions.Forbidden):
            datasets(client)
        assert [c.scope for c in batch.journal.calls()] == ["batch"]
        a.verify(LIST, times=1)
        batch.verify(LIST, times=1)
        assert [
            c["scope"] for c in control(http, "GET", "/journal?kind=call", x_bqsim_scope="a")["events"]
        ] == ["a"]
    assert [s.rule.match.scope for s in sim.faults] == [("a",), ("mine",)]


def test_grpc_ports_of_a_scope(sim: Simulator) -> None:
    wanted = types.ReadSession(table="projects/p/datasets/none/tables/t", data_format="ARROW")
    request = {"parent": "projects/p", "read_session": wanted}
    with sim.listen("streams") as port:
        port.faults.add("UNAVAILABLE", transport="grpc")
        with pytest.raises(exceptions.ServiceUnavailable):
            port.read_client().create_read_session(request, retry=NO_RETRY)
        with pytest.raises(exceptions.NotFound):
            sim.read_client().create_read_session(request, retry=NO_RETRY)


def test_scopes_over_http(sim: Simulator, http: Http) -> None:
    opened = control(http, "POST", "/scopes", {"name": "remote"})
    added = control(http, "POST", "/faults", "blocked", x_bqsim_scope="remote")
    assert added["rule"]["match"] == {"scope": ["remote"]}
    other = requests.get(f"http://127.0.0.1:{opened['port']}/bigquery/v2/projects/p/datasets", timeout=30)
    assert other.status_code == 403
    # A control request by a scope's port is about that scope.
    seen = requests.get(f"http://127.0.0.1:{opened['port']}/bqsim/v1/faults", timeout=30).json()["faults"]
    assert [f["fired"] for f in seen] == [1]
    assert {"name": "remote", **{k: opened[k] for k in ("port", "grpcPort")}} in control(
        http, "GET", "/scopes"
    )["scopes"]
    again = http.raw("POST", "/bqsim/v1/scopes", {"name": "remote"})
    assert again.status == 409
    control(http, "DELETE", "/scopes/remote")
    assert len(sim.faults) == 0
    assert http.raw("DELETE", "/bqsim/v1/scopes/remote").status == 404


def test_many_tests_side_by_side(sim: Simulator) -> None:
    def one(number: int) -> None:
        project = f"side-{number}"
        scope = sim.scope(project=project)
        # One connection each: nothing is tried again.
        url = f"{sim.url}/bigquery/v2/projects/{project}/datasets"
        scope.faults.add("backendError", method=LIST, nth=[number % 3 + 1], id="mine")
        found = [requests.get(url, timeout=30).status_code for _ in range(3)]
        assert found == [503 if n == number % 3 else 200 for n in range(3)]
        scope.verify(LIST, times=3)
        assert scope.faults.get("mine").fired == 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(32)))


def test_what_is_changed_by_http_ends_by_itself(sim: Simulator, http: Http) -> None:
    sim.clock.freeze()
    control(http, "POST", "/faults?ttl=5m", "blocked")
    control(http, "PUT", "/latency?ttl=5m", "1ms")
    control(http, "PUT", "/limits?ttl=5m", {})
    control(http, "POST", "/plans?ttl=5m", "manual")
    control(http, "POST", "/clock", {"advance": "5m"})
    assert [s.expired for s in sim.faults] == [True]
    assert (sim.latency.setup, sim.limits.profile, sim.jobs.plans) == (None, "off", ())
    assert http.call("GET", "/datasets").status == 200


def test_a_change_takes_the_place_of_one_that_ends_by_itself(sim: Simulator, http: Http) -> None:
    sim.clock.freeze()
    sim.iam.grant("allUsers", "roles/bigquery.admin")
    policy = "bindings: []"
    control(http, "PUT", "/iam?ttl=5m", policy)
    control(http, "PUT", "/latency?ttl=5m", "1ms")
    control(http, "PUT", "/limits?ttl=5m", {})
    control(http, "PUT", "/scenario?ttl=5m", "name: first")
    sim.clock.advance("4m")
    control(http, "PUT", "/iam?ttl=5m", policy)
    control(http, "PUT", "/latency", "2ms")
    control(http, "PUT", "/limits?ttl=5m", {})
    sim.load("{name: second}")
    sim.clock.advance("2m")
    assert http.query("SELECT 1").status == 403
    assert (sim.limits.profile, sim.scenario and sim.scenario.name) == ("bigquery", "second")
    sim.clock.advance("4m")
    assert http.query("SELECT 1").status == 200
    assert sim.limits.profile == "off"


def test_a_shared_server_has_a_dead_man_switch() -> None:
    with bqsim.start(fault_ttl_s=60.0) as shared:
        calls = Http(shared, shared.project)
        assert control(calls, "POST", "/faults", "blocked")["rule"]["ttl"] == "1m"
        own = control(calls, "POST", "/faults", "{effect: {error: blocked}, ttl: 1h}")
        assert own["rule"]["ttl"] == "1h"
        control(calls, "PUT", "/scenario", "rules: [{effect: {error: blocked}}]")
        shared.clock.freeze()
        shared.clock.advance("61s")
        assert len(shared.faults) == 0
        calls.connection.close()


def test_the_clock_is_moved_by_http(sim: Simulator, http: Http) -> None:
    frozen = control(http, "POST", "/clock", {"freeze": True})
    moved = control(http, "POST", "/clock", {"advance": "90m"})
    assert (moved["mode"], moved["rate"]) == ("manual", 0)
    assert 5_400_000_000 <= moved["nowMicros"] - frozen["nowMicros"] < 5_401_000_000
    sim.latency.set("10m", method=LIST)
    before = sim.clock.waiting
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(Http(sim, "p").call, "GET", "/datasets")
        assert eventually(lambda: sim.clock.waiting > before)
        control(http, "POST", "/clock", {"advance": "10m"})
        assert waiting.result(30).status == 200
    assert control(http, "POST", "/clock", {"scale": 60})["mode"] == "scaled"
    assert control(http, "POST", "/clock", {"resume": True})["mode"] == "real"


def test_a_scenario_by_http(sim: Simulator, http: Http) -> None:
    text = (
        "name: storm\nseed: 11\nrules:\n"
        "  - effect: {error: backendErorr}\n    match: {method: bigquery.job.*}\n"
    )
    answer = http.raw("PUT", "/bqsim/v1/scenario", text.encode())
    assert answer.status == 400
    assert [(p["line"], p["column"]) for p in answer.json["problems"]] == [(4, 21), (5, 21)]
    assert "did you mean 'backendError'?" in answer.message
    loaded = control(http, "PUT", "/scenario", text.replace("Erorr", "Error").replace("job.", "jobs."))
    assert loaded["seed"] == sim.seed == 11 and sim.scenario is not None
    assert http.query("SELECT 1").status == 503
    control(http, "DELETE", "/scenario")
    assert http.query("SELECT 1").status == 200 and sim.scenario is None


def test_jobs_are_stepped_by_python_and_http(sim: Simulator, http: Http) -> None:
    sim.jobs.plan("manual", job_type="QUERY")
    with sim.client() as client:
        job = client.query("SELECT 1 AS n")
        assert [w.state for w in sim.jobs.list()] == ["PENDING"]
        assert sim.jobs.step(job) == "RUNNING"
        listed = control(http, "GET", "/jobs")["jobs"]
        assert [j["jobReference"]["jobId"] for j in listed] == [job.job_id]
        assert control(http, "POST", f"/jobs/{job.job_id}/step")["state"] == "DONE"
        assert [row.n for row in job.result()] == [1]
        assert "from PENDING to RUNNING" in sim.explain(job)
        failing = client.query("SELECT 2")
        control(http, "POST", f"/jobs/{failing.job_id}/finish", {"reason": "backendError", "message": "told"})
        with pytest.raises(exceptions.GoogleAPICallError, match="told"):
            failing.result(retry=NO_RETRY, job_retry=NO_RETRY)


def test_snapshots_hold_data_and_rules(sim: Simulator, http: Http) -> None:
    with sim.client() as client:
        fault = sim.faults.add("backendError", method="bigquery.routines.list", times=1)
        before = sim.snapshot()
        client.create_dataset("later")
        with pytest.raises(exceptions.ServiceUnavailable):
            list(client.list_routines("p.later", retry=NO_RETRY))
        assert fault.status.left == 0
        sim.restore(before)
        assert "later" not in datasets(client) and fault.status.left == 1
        client.create_dataset("later")
        named = control(http, "POST", "/snapshots", {"name": "named"})["id"]
        client.delete_dataset("later")
        assert control(http, "POST", f"/snapshots/{named}/restore")["changed"] == 1
        assert "later" in datasets(client)
        assert sim.worlds.list() == [before, named]
        sim.fork("p", "copy")
        assert "later" in [d.dataset_id for d in client.list_datasets("copy")]
        for one in (before, named):
            sim.worlds.delete(one)
        client.delete_dataset("later")


def test_verification_by_http(sim: Simulator, http: Http) -> None:
    http.query("SELECT 'seen'")
    asked = {"method": QUERY, "where": {"sql": {"regex": "seen"}}, "times": [1, None]}
    assert control(http, "POST", "/verify", asked)["ok"] is True
    answer = http.raw("POST", "/bqsim/v1/verify", {**asked, "times": 3})
    assert (answer.status, answer.json["ok"]) == (409, False)
    assert "Expected exactly 3 calls of bigquery.jobs.query" in answer.json["message"]
    assert http.raw("POST", "/bqsim/v1/verify/unexpected", {}).status == 200
    http.call("GET", "/datasets")
    left = http.raw("POST", "/bqsim/v1/verify/unexpected", {})
    assert left.status == 409 and LIST in left.json["message"]
    assert control(http, "POST", "/verify/backoff", {"cap": "32s"}) == {"ok": True}
    assert control(http, "POST", "/verify/exactly-once", {})["counts"]["once"] == 1
    assert control(http, "GET", "/ledger")["writes"][0]["verdict"] == "once"


def test_a_seed_can_be_used_again(sim: Simulator, http: Http) -> None:
    def run() -> tuple[list[int], str]:
        sim.reset()
        control(http, "PUT", "/seed", {"seed": 42})
        sim.faults.add("backendError", method=LIST, probability=0.5, id="half")
        found = [http.call("GET", "/datasets").status for _ in range(20)]
        sim.faults.clear()
        return found, sim.journal.hash()

    first = run()
    assert run() == first and {200, 503} == set(first[0])
