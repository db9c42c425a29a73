from __future__ import annotations

import pytest

from bqsim.server.known import known
from bqsim.sim.control.telling import described, verdicts
from bqsim.sim.scenario.load import parse
from bqsim.sim.scenario.tree import ScenarioError

STORM = """
name: storm
description: |
  A brown-out.
  Then recovery.
seed: 7
clock: {mode: scaled, scale: 60, start: '2026-01-01T00:00:00Z'}
machines: {region: up}
rules:
  - id: down
    match: {method: bigquery.jobs.*, machine: {region: up}}
    effect: {error: backendError}
    times: 2
    set: {region: down}
  - id: lost
    match: {method: bigquery.jobs.query}
    effect: {network: reset}
    ttl: 5m
  - id: later
    match: {method: '*', window: {from: 1m}}
    effect: {error: blocked}
    times: 1
  - {id: slow, effect: {delay: 1s}}
latency: {scale: 2, preset: bigquery-2026-08, rules: [{latency: 10ms, match: {method: bigquery.tables.get}}]}
jobs: [{progression: manual, match: {job_type: LOAD}, deferments: [slots]}]
limits:
  {profile: bigquery, scale: 0.1, values: {concurrent_queries: 2}, tenants: {'free-*': {commit_streams: 1}}}
iam: {bindings: [{role: roles/viewer, members: [allUsers]}]}
"""


def test_a_scenario_in_words() -> None:
    assert described(parse(STORM, "storm.yaml"), known()).splitlines() == [
        "scenario 'storm', seed 7",
        "  A brown-out.",
        "  Then recovery.",
        "  clock: scaled 60 times as fast as the wall's, from 2026-01-01T00:00:00Z",
        "  machine region: 'up' at first",
        "  latency: a call of bigquery.tables.get takes longer before it is served: 10ms, 2 times as long",
        "  latency: of jobs by the preset bigquery-2026-08, 2 times as long",
        "  jobs: a job of type LOAD goes on by hand, deferred by slots",
        "  limits: bigquery, times 0.1, concurrent_queries = 2, others for projects like free-*",
        "  policy: as written",
        "",
        "1. down (storm.yaml:10)",
        "   when  a call of bigquery.jobs.*, while the machine region is 'up'",
        "   does  the request fails with backendError (HTTP 503), its work not done",
        "   times at most 2",
        "   then  the machine region goes to 'down'",
        "",
        "2. lost (storm.yaml:15)",
        "   when  a call of bigquery.jobs.query",
        "   does  the connection is reset before the headers, the request's work done",
        "   ends  5m after it was added",
        "   but   only if 'down' does not fire: of these one is done",
        "",
        "3. later (storm.yaml:19)",
        "   when  a call of *, from 1m after the start on",
        "   does  the request fails with blocked (HTTP 403), its work not done",
        "   times once",
        "   but   only if none of 'down' and 'lost' fires: of these one is done",
        "",
        "4. slow (storm.yaml:23)",
        "   when  any call",
        "   does  it takes longer before it is served: 1s",
    ]


def test_a_scenario_without_anything() -> None:
    assert described(parse("name: calm")) == "scenario 'calm'\n  no rules"


@pytest.mark.parametrize(
    ("first", "second", "excludes"),
    [
        ("{method: bigquery.jobs.query}", "{method: bigquery.jobs.insert}", False),
        ("{method: bigquery.jobs.*}", "{method: bigquery.*.insert}", True),
        ("{transport: rest}", "{transport: grpc}", False),
        ("{job_type: QUERY}", "{job_type: LOAD}", False),
        ("{machine: {m: a}}", "{machine: {m: b}}", False),
        ("{machine: {m: a}}", "{}", True),
        ("{window: {until: 1m}}", "{window: {from: 1m}}", False),
        ("{window: {until: 1m}}", "{window: {from: 30s}}", True),
        ("{nth: [1, 3]}", "{nth: 2}", False),
        ("{nth: [1, 3]}", "{nth: 2, project: p}", True),
    ],
)
def test_rules_that_cannot_meet_do_not_exclude_each_other(first: str, second: str, excludes: bool) -> None:
    text = (
        "machines: {m: a}\nrules:\n"
        f"  - {{id: one, effect: {{error: blocked}}, match: {first}, set: {{m: b}}}}\n"
        f"  - {{id: two, effect: {{error: blocked}}, match: {second}}}\n"
    )
    assert ("only if 'one' does not fire" in described(parse(text), known())) is excludes


def test_verdicts_on_a_call() -> None:
    scenario = parse(STORM, "storm.yaml")
    found = verdicts(scenario, "{method: bigquery.jobs.query, sql: SELECT 1}", known())
    assert str(found).splitlines() == [
        "rule 'down' (storm.yaml:10) fires: call 1",
        "rule 'lost' (storm.yaml:15) does not fire: order: rule 'down' comes first, and only one such effect "
        "is done",
        "rule 'later' (storm.yaml:19) does not fire: window: 0 s after the start; it opens at 60 s",
        "rule 'slow' (storm.yaml:23) fires: call 1",
    ]
    with pytest.raises(ScenarioError, match="there is no API method 'bigquery"):
        verdicts(scenario, "{method: bigquery.jobs.quary}", known())


def test_a_capacity_in_words() -> None:
    lines = described(
        parse(
            "capacity: {reservations: {etl: {slot_capacity: 100, autoscale_max_slots: 200}, "
            "bi: {max_slots: 150, scaling_mode: ALL_SLOTS}}}\n"
            "slot_work: [{match: {sql: heavy}, slot_time: 3m, units: 20}, {slot_time: {fixed: 1s}}]"
        )
    ).splitlines()
    assert [line.strip() for line in lines[1:4]] == [
        "capacity: etl 100 slots and up to 200 scaled, bi 0 slots (ALL_SLOTS, 150 at most), "
        "on demand 2,000 slots for each project",
        "slot work: a job with SQL like /heavy/ has slot time of 3m, on at most 20 slots",
        "slot work: any job has slot time of 1s",
    ]
