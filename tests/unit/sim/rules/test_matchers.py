from __future__ import annotations

import re

import pytest

from bqsim.sim.gate import Call
from bqsim.sim.rules import STREAM, Facts, call_facts, job_facts, sql_fingerprint
from bqsim.sim.rules.matchers import compile_rule, folder, glob_test
from bqsim.sim.scenario.model import Match

from .samples import rule

QUERY = call_facts(
    Call(
        "rest",
        "bigquery.jobs.query",
        "projects/p/queries",
        "me@x",
        {"query": "SELECT name FROM d.t", "labels": {"team": "core"}},
        {"user-agent": "gcloud-python/3.1", "x-goog-api-client": "gl-python/3.11", "x-test": "w1"},
    )
)
JOB = job_facts(project="p", job_id="j", configuration={"load": {}}, state="RUNNING")
MORE = Facts(STREAM, offset_rows=100, rows=50, offset_bytes=1000, size=24)

CASES: list[tuple[Match, Facts, str]] = [
    (Match(), QUERY, ""),
    (Match(transport=("rest",)), QUERY, ""),
    (Match(transport=("grpc",)), QUERY, "transport"),
    (Match(method=("bigquery.jobs.*", "x")), QUERY, ""),
    (Match(method=("bigquery.job",)), QUERY, "method"),
    (Match(resource=("projects/*/queries",)), QUERY, ""),
    (Match(resource=("projects/p",)), QUERY, "resource"),
    (Match(project=("p",)), QUERY, ""),
    (Match(project=("[a-o]*",)), QUERY, "project"),
    (Match(caller=("*@x",)), QUERY, ""),
    (Match(caller=("you@x",)), QUERY, "caller"),
    (Match(client=("gl-python/*",)), QUERY, ""),
    (Match(client=("*java*",)), QUERY, "client"),
    (Match(labels={"team": "c?re"}), QUERY, ""),
    (Match(labels={"team": "core", "env": "*"}), QUERY, "labels"),
    (Match(headers={"X-Test": "w1"}), QUERY, ""),
    (Match(headers={"x-other": "*"}), QUERY, "headers"),
    (Match(job_type=("QUERY",)), QUERY, ""),
    (Match(job_type=("LOAD",)), QUERY, "job_type"),
    (Match(job_type=("LOAD",)), JOB, ""),
    (Match(statement_type=("SELECT", "MERGE")), QUERY, ""),
    (Match(statement_type=("INSERT",)), QUERY, "statement_type"),
    (Match(sql=r"FROM\s+d\.t$"), QUERY, ""),
    (Match(sql=r"(?i)name from x"), QUERY, "sql"),
    (Match(fingerprint=(sql_fingerprint("select name from d.t"),)), QUERY, ""),
    (Match(fingerprint=("select name from `d.t`",)), QUERY, ""),
    (Match(fingerprint=("0123456789abcdef",)), QUERY, "fingerprint"),
    (Match(state=("RUNNING",)), JOB, ""),
    (Match(state=("DONE",)), JOB, "state"),
    (Match(state=("DONE",)), QUERY, "state"),
    (Match(offset_rows=149), MORE, ""),
    (Match(offset_rows=150), MORE, "offset_rows"),
    (Match(offset_rows=0), QUERY, "offset_rows"),
    (Match(offset_bytes=1023), MORE, ""),
    (Match(offset_bytes=1024), MORE, "offset_bytes"),
]


@pytest.mark.parametrize(
    ("match", "facts", "missed"), CASES, ids=[f"{i}-{c[2]}" for i, c in enumerate(CASES)]
)
def test_conditions(match: Match, facts: Facts, missed: str) -> None:
    condition = compile_rule(rule("r", match)).missed(facts)
    assert (condition.name if condition else "") == missed


GLOBS = ["*", "a", "a*", "*a", "*a*", "a*b", "?", "a?c", "[ab]*", "**a", "*a**", "", "a.c"]
TEXTS = ["", "a", "ab", "ba", "abc", "axb", "aab", "b", "a.c", "a\nc"]


@pytest.mark.parametrize("glob", GLOBS)
def test_globs_are_those_of_the_shell(glob: str) -> None:
    from fnmatch import fnmatchcase

    assert [t for t in TEXTS if glob_test(glob)(t)] == [t for t in TEXTS if fnmatchcase(t, glob)]


def test_a_regular_expression_that_is_none_is_refused() -> None:
    with pytest.raises(re.error):
        compile_rule(rule("r", Match(sql="(")))


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("projects/p/datasets/d/*", "projects/p/datasets/d/"),
        ("projects/p/datasets/d*", "projects/p/datasets/"),
        ("projects/p", "projects/p/"),
        ("projects/*", ""),
        ("projects/p?/datasets", ""),
        ("*", ""),
    ],
)
def test_the_folder_of_a_glob(glob: str, expected: str) -> None:
    assert folder(glob) == expected
