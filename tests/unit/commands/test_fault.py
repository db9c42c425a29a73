from __future__ import annotations

import json

import pytest

from bqsim.simulator import Simulator

from .conftest import Run

LIST = "bigquery.datasets.list"


def test_rules_come_and_go(run: Run, sim: Simulator) -> None:
    assert run("fault", "list") == (0, "no rules\n", "")
    words = ("--method", LIST, "--times", "2", "--ttl", "5m", "--id", "one", "--resource", "projects/*")
    assert run("fault", "add", "backendError", *words) == (0, "one\n", "")
    rule = sim.faults.get("one").rule
    assert (rule.times, rule.ttl_s, rule.match.method, rule.source) == (2, 300, (LIST,), "rest")
    code, out, _ = run("fault", "add", "delay: 1ms", "--match", "{nth: 2}", "--probability", "0.5", "--first")
    assert code == 0 and out.startswith("delay-")
    lines = run("fault", "list")[1].splitlines()
    assert lines[0].split() == ["ID", "SEEN", "FIRED", "LEFT", "SOURCE", "RULE"]
    assert lines[1].endswith(
        "a call the 2nd such, 50 % of them, drawn: it takes longer before it is served: 1ms"
    )
    assert lines[2].split()[:5] == ["one", "0", "0", "2", "rest"]
    assert len(json.loads(run("fault", "list", "--json")[1])) == 2
    assert run("fault", "remove", "one") == (0, "removed one\n", "")
    assert run("fault", "clear") == (0, "removed 1 rule\n", "")


def test_rules_of_a_scope(run: Run, sim: Simulator) -> None:
    run("fault", "add", "blocked", "--scope", "a", "--id", "x")
    assert [s.rule.id for s in sim.faults] == ["x@a"]
    assert run("fault", "list", "--scope", "b")[1] == "no rules\n"
    assert run("fault", "remove", "x", "--scope", "a") == (0, "removed x\n", "")


def test_what_rules_would_say(run: Run) -> None:
    run("fault", "add", "blocked", "--id", "x", "--method", LIST)
    assert run("fault", "explain", f"{{method: {LIST}}}") == (0, "rule 'x' fires: call 1\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "backendErorr"], "rule: unknown effect 'backendErorr'; did you mean 'backendError'?"),
        (["add", "blocked", "--times", "0"], "rule: times: expected a whole number of at least 1, not 0"),
        (["add", "blocked", "--match", "{nht: 1}"], "unknown key 'nht' of a match; did you mean 'nth'?"),
        (["add", "blocked", "--method", "bigquery.jobs.insrt"], "did you mean 'bigquery.jobs.insert'?"),
        (["remove", "x"], "bqsim: Not found: there is no rule 'x'; there are none"),
        (["explain", "{method: x}"], "there is no API method 'x'"),
    ],
)
def test_wrong_words(run: Run, words: list[str], message: str) -> None:
    code, out, err = run("fault", *words)
    assert (code, out) == (1, "") and message in err
