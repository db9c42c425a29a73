from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bqsim.errors import BigQueryError, StorageFailure
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.effects.failures import NetworkFault
from bqsim.sim.gate import Call, note
from bqsim.sim.retry_lab import RetryLab
from bqsim.sim.rules.facts import Facts, job_facts
from bqsim.sim.scenario.load import parse, rule_from_text
from bqsim.sim.scenario.model import Network, Quota
from bqsim.sim.simulation import FAULT_HEADER, Simulation, latency_rules
from bqsim.sim.stale import seen

GET = "bigquery.tables.get"
INSERT = "bigquery.jobs.insert"
READ_ROWS = "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows"


@pytest.fixture
def simulation() -> Simulation:
    return Simulation(SimulationClock(), Draws(1))


def call(method: str = GET, body: Any = None, **headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = "grpc" if method.startswith("google") else "rest"
    return Call(transport, method, "projects/p/datasets/d/tables/t", "u@example.com", body or {}, named)


def passes(simulation: Simulation, given: Call, service: Callable[[], Any] = lambda: "served") -> Any:
    async def serve() -> Any:
        return service()

    return asyncio.run(simulation.passes(given, serve))


def rule(text: str) -> Any:
    return rule_from_text(text, "test")


def test_without_rules_no_call_is_of_concern(simulation: Simulation) -> None:
    assert not simulation.concerns(call())
    assert simulation.concerns(call(**{FAULT_HEADER: "{effect: {error: backendError}}"}))


def test_rules_concern_the_methods_that_they_match(simulation: Simulation) -> None:
    simulation.add([rule("{id: r, match: {method: 'bigquery.tables.*'}, effect: {error: backendError}}")])
    assert simulation.concerns(call())
    assert not simulation.concerns(call(INSERT))
    simulation.remove(["r"])
    assert not simulation.concerns(call())


def test_rules_about_jobs_do_not_concern_calls(simulation: Simulation) -> None:
    simulation.add([rule("{effect: {job_state: stuck}}")])
    assert not simulation.concerns(call(INSERT))


def test_failures_come_instead_of_the_work(simulation: Simulation) -> None:
    simulation.add([rule("{id: r, effect: {error: quotaExceeded}}")])
    worked: list[int] = []
    with pytest.raises(BigQueryError) as refused:
        passes(simulation, call(), lambda: worked.append(1))
    assert refused.value.reason.name == "quotaExceeded"
    assert worked == []
    [event] = simulation.journal.calls()
    assert [(d.rule, d.effect, d.source) for d in event.decisions] == [("r", "error", "test")]
    assert event.outcome.reason == "quotaExceeded"


def test_applied_failures_come_after_the_work(simulation: Simulation) -> None:
    simulation.add([rule("{effect: {error: {reason: backendError, applied: true}}}")])
    worked: list[int] = []
    with pytest.raises(BigQueryError):
        passes(simulation, call(INSERT, {"configuration": {}}), lambda: worked.append(1))
    assert worked == [1]
    [entry] = simulation.journal.ledger()
    assert (entry.applied, entry.acknowledged) == (True, False)


def test_connections_suffer_with_or_without_the_work(simulation: Simulation) -> None:
    simulation.add([rule("{id: a, effect: {network: {what: reset, applied: false}}, times: 1}")])
    simulation.add([rule("{id: b, effect: {network: truncate}, times: 1}")])
    with pytest.raises(NetworkFault) as fault:
        passes(simulation, call())
    assert not fault.value.applied
    given = call()
    assert passes(simulation, given) == "served"
    assert given.sending == Network("truncate")
    assert [e.outcome.network for e in simulation.journal.calls()] == ["reset", "truncate"]


def test_a_failed_answer_suffers_on_its_way_too(simulation: Simulation) -> None:
    simulation.add([rule("{effect: {network: truncate}}")])
    given = call()

    def fails() -> None:
        raise BigQueryError("notFound", "Not found: Table p:d.t")

    with pytest.raises(BigQueryError):
        passes(simulation, given, fails)
    assert given.sending == Network("truncate")


def test_delays_are_those_of_their_phases(simulation: Simulation) -> None:
    simulation.clock.freeze()
    simulation.add([rule("{id: a, effect: {delay: {latency: 2s, phase: before}}}")])
    simulation.add([rule("{id: b, effect: {delay: {latency: 3s, phase: first_byte}}}")])
    simulation.add([rule("{id: c, effect: {delay: {latency: 5s, phase: page}}}")])
    served: list[int] = []

    async def run() -> None:
        async def serve() -> str:
            served.append(simulation.clock.now_us())
            return "served"

        async def both(method: str) -> None:
            began = simulation.clock.now_us()
            await simulation.passes(call(method), serve)
            times[method] = (served.pop() - began, simulation.clock.now_us() - began)

        times: dict[str, tuple[int, int]] = {}
        for method in (GET, "bigquery.tabledata.list"):
            task = asyncio.create_task(both(method))
            for _ in range(12):
                await asyncio.sleep(0)
                await simulation.clock.advance_async(1)
            await task
        assert [t // 1_000_000 for t in times[GET]] == [2, 5]
        # Pages wait for themselves, too.
        assert [t // 1_000_000 for t in times["bigquery.tabledata.list"]] == [2, 10]

    asyncio.run(run())
    waited = [[d.latency_s for d in e.decisions if d.latency_s] for e in simulation.journal.calls()]
    assert waited == [[2.0, 3.0], [2.0, 8.0]]


def test_latencies_of_a_scenario_add_to_the_rules(simulation: Simulation) -> None:
    text = """
    latency:
      scale: 2
      rules:
        - {match: {method: bigquery.tables.get}, latency: 1ms}
        - {latency: 50ms}
    """
    scenario = parse(text)
    simulation.load(scenario)
    assert [r.match.method for r in latency_rules(scenario)] == [("bigquery.tables.get",), ()]
    passes(simulation, call())
    [event] = simulation.journal.calls()
    assert [d.rule for d in event.decisions if d.rule] == ["latency-1"]
    assert [d.latency_s for d in event.decisions if d.latency_s] == [0.002]


def test_a_call_may_carry_its_own_fault(simulation: Simulation) -> None:
    given = call(**{FAULT_HEADER: "{effect: {error: rateLimitExceeded}}"})
    with pytest.raises(BigQueryError, match=r"."):
        passes(simulation, given)
    assert passes(simulation, call()) == "served"


def test_the_calls_own_fault_comes_first(simulation: Simulation) -> None:
    simulation.add([rule("{effect: {error: backendError}}")])
    with pytest.raises(BigQueryError) as refused:
        passes(simulation, call(**{FAULT_HEADER: "{effect: {error: rateLimitExceeded}}"}))
    assert refused.value.reason.name == "rateLimitExceeded"


@pytest.mark.parametrize("effect", ["{network: {what: reset, applied: false}}", "{quota: tables_get}"])
def test_the_calls_own_fault_comes_before_those_of_every_kind(simulation: Simulation, effect: str) -> None:
    simulation.spare_quotas = Counting
    simulation.add([rule(f"{{effect: {effect}}}")])
    with pytest.raises(BigQueryError) as refused:
        passes(simulation, call(**{FAULT_HEADER: "{effect: {error: rateLimitExceeded}}"}))
    assert refused.value.reason.name == "rateLimitExceeded"


def test_what_is_no_fault_is_told(simulation: Simulation) -> None:
    with pytest.raises(BigQueryError, match="did you mean 'backendError'") as refused:
        passes(simulation, call(**{FAULT_HEADER: "{effect: {error: backendErorr}}"}))
    assert refused.value.http == 400


def test_a_fault_for_the_job_that_a_call_makes_waits_for_it(simulation: Simulation) -> None:
    given = call(INSERT, {"configuration": {}}, **{FAULT_HEADER: "{effect: {job_state: stuck}}"})
    assert passes(simulation, given) == "served"
    assert [r.effect.kind for r in given.notes["one_off"]] == ["job_state"]


def test_instructions_of_a_retry_test_are_done(simulation: Simulation) -> None:
    simulation.laboratory = RetryLab(simulation.draws, {GET})
    test = simulation.laboratory.create({"tables.get": ["backendError", "ok"]})
    named = {"x_retry_test_id": test.id}
    assert simulation.concerns(call(**named))
    with pytest.raises(BigQueryError):
        passes(simulation, call(**named))
    assert passes(simulation, call(**named)) == "served"
    assert test.completed


def test_reads_see_what_was(simulation: Simulation) -> None:
    simulation.add([rule("{effect: {stale: {lag: 30s, what: table}}}")])
    view = passes(simulation, call(), seen)
    assert view is not None and view.table == 30_000_000
    assert seen() is None


def test_rows_of_an_insert_fail_as_a_rule_says(simulation: Simulation) -> None:
    simulation.add([rule("{effect: {insert_errors: {indexes: [1, 9], reason: invalid, message: bad}}}")])
    given = call("bigquery.tabledata.insertAll")
    passes(simulation, given)
    errors = given.notes["insert_errors"].indexes(3)
    assert errors == {1: {"reason": "invalid", "location": "", "debugInfo": "", "message": "bad"}}


def test_a_share_of_the_rows_is_drawn_the_same_again() -> None:
    found = []
    for _ in range(2):
        simulation = Simulation(SimulationClock(), Draws(5))
        simulation.add([rule("{id: r, effect: {insert_errors: 0.3}}")])
        given = call("bigquery.tabledata.insertAll", {"rows": [{"json": {"n": 1}}]})
        passes(simulation, given)
        found.append(set(given.notes["insert_errors"].indexes(1000)))
    assert found[0] == found[1]
    assert 240 < len(found[0]) < 360


def test_streams_get_a_plan(simulation: Simulation) -> None:
    simulation.add(
        [
            rule("{id: a, effect: {break_stream: 10}}"),
            rule("{id: b, effect: {throttle: 40}}"),
            rule("{id: c, effect: {delay: {latency: 1s, phase: page}}}"),
            rule("{id: d, match: {offset_rows: 7}, effect: {grpc: ABORTED}}"),
        ]
    )
    given = call(READ_ROWS)
    passes(simulation, given)
    plan = given.stream
    assert plan.breaks is not None and plan.breaks[0] == 10
    assert plan.throttle_percent == 40
    assert plan.page(5, 100) == 1.0
    assert plan.first_byte() == 0.0
    assert tuple(plan.cuts) == (7,)
    assert plan.events(0, 7, 0, 70) is None
    failed = plan.events(7, 5, 70, 50)
    assert isinstance(failed, StorageFailure) and failed.status == "ABORTED"


def test_other_calls_have_no_plan(simulation: Simulation) -> None:
    simulation.add([rule("{effect: {delay: {latency: 0s, phase: page}}}")])
    given = call()
    passes(simulation, given)
    assert given.stream is None


class Policing:
    def check(self, call: Call) -> None:
        if call.caller == "nobody@example.com":
            raise BigQueryError("accessDenied", "Access Denied")


class Counting:
    """Quotas that let one call in."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0

    def entered(self, call: Call) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        return "ticket"

    def left(self, ticket: Any, call: Call, answer_bytes: int | None) -> None:
        assert ticket == "ticket"
        self.inside -= 1

    def exhausted(self, effect: Quota, call: Call) -> Exception:
        return BigQueryError("quotaExceeded", f"Quota exceeded: {effect.limit}")


def test_policy_and_quotas_are_asked(simulation: Simulation) -> None:
    quotas = Counting()
    simulation.enforcement, simulation.quotas = Policing(), quotas
    simulation.changed()
    denied = call()
    denied.caller = "nobody@example.com"
    assert simulation.concerns(denied)
    with pytest.raises(BigQueryError, match="Access Denied"):
        passes(simulation, denied)
    assert passes(simulation, call()) == "served"
    with pytest.raises(ZeroDivisionError):
        passes(simulation, call(), lambda: 1 / 0)
    assert (quotas.inside, quotas.most) == (0, 1)


def test_a_quota_that_a_rule_uses_up_has_its_own_text(simulation: Simulation) -> None:
    simulation.spare_quotas = Counting
    simulation.add([rule("{effect: {quota: tables_get}}")])
    with pytest.raises(BigQueryError, match="Quota exceeded: tables_get"):
        passes(simulation, call())
    assert [d.quota for d in simulation.journal.calls()[0].decisions] == ["tables_get"]


def test_rules_know_the_job_that_a_call_is_about(simulation: Simulation) -> None:
    class Jobs:
        def about(self, project: str, job_id: str) -> Facts | None:
            return job_facts(
                project=project, job_id=job_id, configuration={"labels": {"team": "a"}}, state="RUNNING"
            )

    simulation.jobs = Jobs()
    simulation.add([rule("{match: {labels: {team: a}, state: RUNNING}, effect: {error: backendError}}")])
    given = Call("rest", "bigquery.jobs.get", "projects/p/jobs/j", "u@example.com", {})
    with pytest.raises(BigQueryError):
        passes(simulation, given)


def test_a_seed_makes_runs_repeat(simulation: Simulation) -> None:
    simulation.load(parse("{seed: 4}"))
    assert simulation.repeatable
    first = call()
    simulation.closed(simulation.opened(first))
    simulation.load(parse("{seed: 4}"))
    again = call()
    simulation.closed(simulation.opened(again))
    assert first.explain == again.explain != ""


def test_listeners_hear_of_changes_and_the_journal_of_who_made_them(simulation: Simulation) -> None:
    told: list[int] = []
    simulation.listeners.append(lambda: told.append(len(simulation.rules)))
    simulation.add([rule("{id: r, effect: {error: backendError}}")])
    simulation.remove(["r"])
    simulation.remove(["r"])
    simulation.clear()
    assert told == [1, 0, 0]
    actions = [(e.action, e.source) for e in simulation.journal.controls()]
    assert actions == [("rules.add", "test"), ("rules.remove", ""), ("scenario.clear", "")]


def test_notes_of_services_are_in_the_journal(simulation: Simulation) -> None:
    simulation.add([rule("{effect: {stale: 1s}}")])
    from bqsim.sim.gate import Gate

    async def serve() -> None:
        note(rows=12)

    asyncio.run(Gate(simulation).passes(call(), serve))
    assert simulation.journal.calls()[0].facts["rows"] == 12
