from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.sim.gate import Call
from bqsim.sim.rules import Facts, call_facts, job_facts
from bqsim.sim.rules.index import Index
from bqsim.sim.rules.matchers import Compiled, compile_rule
from bqsim.sim.scenario.model import Error, Match, Rule

METHODS = ["bigquery.jobs.query", "bigquery.jobs.insert", "bigquery.tables.get"]
RESOURCES = [
    "projects/p",
    "projects/p/datasets/d",
    "projects/p/datasets/d/tables/t",
    "projects/q/datasets/d",
    "",
]
SQLS = ["SELECT 1", "SELECT name FROM d.t", "DELETE FROM d.t WHERE TRUE", "x" * 5000]
WORDS = ["a", "b"]


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2).map(tuple)


MATCHES = st.builds(
    Match,
    transport=some("rest", "grpc"),
    method=some("*", "bigquery.jobs.*", *METHODS),
    resource=some("*", "projects/p/*", "projects/p", "*/tables/t", "projects/p/datasets/?", *RESOURCES[:3]),
    project=some("p", "q", "[pq]"),
    caller=some("me@x", "*@y"),
    client=some("*python*", "java"),
    labels=st.dictionaries(st.sampled_from(WORDS), st.sampled_from(["a", "b", "*", "a*"]), max_size=2),
    headers=st.dictionaries(st.sampled_from(["x-A", "x-b"]), st.sampled_from(["1", "?", "2"]), max_size=1),
    job_type=some("QUERY", "LOAD"),
    statement_type=some("SELECT", "DELETE"),
    sql=st.sampled_from([None, None, "d.t", "^SELECT"]),
    fingerprint=some("select 7", "SELECT name FROM d.t"),
    state=some("RUNNING", "DONE"),
)
RULES = st.lists(
    st.tuples(MATCHES, st.sampled_from([Error("backendError"), Error("backendError", level="job")])),
    max_size=8,
)


@st.composite
def events(draw: st.DrawFn) -> Facts:
    labels = draw(st.dictionaries(st.sampled_from(WORDS), st.sampled_from(WORDS), max_size=2))
    headers = draw(
        st.dictionaries(
            st.sampled_from(["x-a", "x-b", "user-agent"]), st.sampled_from(["1", "2", "gl-python"])
        )
    )
    sql = draw(st.sampled_from(SQLS))
    caller = draw(st.sampled_from(["me@x", "you@y"]))
    if draw(st.booleans()):
        configuration = draw(st.sampled_from([{"query": {"query": sql}}, {"load": {}}]))
        return job_facts(
            project=draw(st.sampled_from(["p", "q"])),
            job_id="j",
            configuration={**configuration, "labels": labels},
            state=draw(st.sampled_from(["RUNNING", "DONE"])),
            caller=caller,
            headers=headers,
        )
    transport = draw(st.sampled_from(["rest", "grpc"]))
    body = {"query": sql, "labels": labels}
    call = Call(
        transport, draw(st.sampled_from(METHODS)), draw(st.sampled_from(RESOURCES)), caller, body, headers
    )
    return call_facts(call)


@dataclass
class Entry:
    compiled: Compiled
    order: int


@settings(max_examples=300, deadline=None)
@given(RULES, st.lists(events(), max_size=6))
def test_the_index_finds_what_asking_every_rule_finds(
    rules: list[tuple[Match, Error]], asked: list[Facts]
) -> None:
    entries = [Entry(compile_rule(Rule(f"r{i}", e, m)), i) for i, (m, e) in enumerate(rules)]
    index = Index(entries)
    for facts in [*asked, *asked]:
        naive = [e for e in entries if facts.event in e.compiled.events and e.compiled.missed(facts) is None]
        assert list(index.find(facts)) == naive


def test_what_is_remembered_does_not_grow_without_end() -> None:
    entries = [Entry(compile_rule(Rule("r", Error("backendError"), Match(sql="d.t"))), 0)]
    index = Index(entries)
    for i in range(3000):
        call = Call(
            "rest", "m", f"projects/p/datasets/d{i}", "", {"configuration": {"query": {"query": f"{i} d.t"}}}
        )
        assert list(index.find(call_facts(call))) == entries
    table = index._tables["call", "m"]
    assert len(table._places) <= 1024
    assert len(table._asked) <= 1024
