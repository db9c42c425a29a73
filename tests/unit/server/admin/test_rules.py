from __future__ import annotations

import json

from bqsim.sim.scenario.schema import json_schema

from .conftest import Control

LIST = "bigquery.datasets.list"


def test_one_rule(control: Control) -> None:
    rule = {"id": "a/b", "effect": {"error": "backendError"}, "match": {"method": [LIST]}, "times": 2}
    added = control.do("POST", "faults", rule)
    assert added == {"rule": rule, "source": "rest", "seen": 0, "fired": 0, "left": 2, "expired": False}
    assert control.call("GET", "/datasets").status == 503
    assert control.do("GET", "faults/a%2Fb")["left"] == 1
    assert control.do("DELETE", "faults/a%2Fb")["fired"] == 1
    assert control.ask("GET", "faults/a%2Fb").status == control.ask("DELETE", "faults/a%2Fb").status == 404


def test_rules_in_all_spellings(control: Control) -> None:
    kinds = [
        control.do("POST", "faults", text)["rule"]["effect"]
        for text in ("backendError", "error: blocked", "UNAVAILABLE", '"reset"', '{"delay": "1ms"}')
    ]
    assert kinds == [
        {"error": "backendError"},
        {"error": "blocked"},
        {"grpc": "UNAVAILABLE"},
        {"network": "reset"},
        {"delay": {"fixed": "1ms"}},
    ]
    assert control.do("DELETE", "faults") == {"removed": 5}


def test_several_rules_or_none(control: Control) -> None:
    both = control.do("POST", "faults", '["blocked", {"effect": {"error": "backendError"}}]')["faults"]
    assert len(both) == 2
    answer = control.ask("POST", "faults", '["reset", {"error": "x"}]')
    assert answer.status == 400 and answer.json["problems"][0]["column"] == 21
    assert len(control.do("GET", "faults")["faults"]) == 2
    assert control.ask("POST", "faults", "[[blocked]]").message.startswith(
        "body:1:2: expected an effect or a rule"
    )


def test_first_and_taken_ids(control: Control) -> None:
    control.do("POST", "faults", "{id: one, effect: {error: blocked}}")
    control.do("POST", "faults?first=true", "{id: two, effect: {error: blocked}}")
    assert [f["rule"]["id"] for f in control.do("GET", "faults")["faults"]] == ["two", "one"]
    again = control.ask("POST", "faults", "{id: one, effect: {error: blocked}}")
    assert again.status == 400 and "there is already a rule 'one'" in again.message


def test_explanations(control: Control) -> None:
    control.do("POST", "faults", "{id: one, effect: {error: blocked}, match: {nth: 2}}")
    found = control.do("POST", "faults/explain", json.dumps({"method": LIST}))
    assert found == {
        "fires": [],
        "verdicts": [{"rule": "one", "matches": False, "condition": "nth", "why": "this is call 1, not 2"}],
        "text": "rule 'one' does not fire: nth: this is call 1, not 2",
    }
    assert control.ask("POST", "faults/explain", "{method: x}").status == 400


def test_scenarios(control: Control) -> None:
    text = "name: s\nseed: 3\nmachines: {m: a}\nrules: [{id: r, effect: {error: blocked}, set: {m: b}}]\n"
    assert control.do("POST", "scenario/check", text)["ok"] is True
    assert control.do("GET", "scenario") == {"scenario": None}
    assert control.do("PUT", "scenario?source=s.yaml", text)["seed"] == 3
    assert control.do("GET", "scenario")["scenario"]["name"] == "s"
    assert control.do("GET", "faults")["faults"][0]["source"] == "s.yaml:4"
    assert control.call("GET", "/datasets").status == 403
    assert control.do("GET", "machines") == {"machines": {"m": "b"}}
    assert control.do("PUT", "machines/m", {"state": "a"}) == {"machines": {"m": "a"}}
    assert control.ask("PUT", "machines/m", {}).reason == "required"
    control.do("DELETE", "scenario")
    assert control.call("GET", "/datasets").status == 200
    assert control.ask("POST", "scenario/check", "nam: s").message.endswith("did you mean 'name'?")


def test_a_scenario_of_a_scope(control: Control) -> None:
    control.do("PUT", "scenario", "rules: [{id: r, effect: {error: blocked}}]", scope="other")
    assert control.call("GET", "/datasets").status == 200
    assert control.do("PUT", "scenario", "seed: 1", scope="other")["seed"] == 1
    assert control.do("GET", "seed") == {"seed": 3}
    refused = control.ask("PUT", "scenario", "clock: {frozen: true}", scope="other")
    assert refused.status == 400 and "clock" in str(refused.json["problems"])
    control.do("DELETE", "scenario", scope="other")
    assert control.do("GET", "faults") == {"faults": []}


def test_the_schema(control: Control) -> None:
    assert control.do("GET", "schema") == json.loads(json.dumps(json_schema()))


def test_latencies(control: Control) -> None:
    control.do("PUT", "latency", "1ms")
    assert control.do("POST", "latency", '{"latency": "2ms", "phase": "after"}') == {
        "latency": {"rules": [{"latency": {"fixed": "2ms"}, "phase": "after"}, {"latency": {"fixed": "1ms"}}]}
    }
    assert control.ask("PUT", "latency", "").status == 400
    assert "unknown phase" in control.ask("PUT", "latency", "{latency: 1s, phase: befor}").message
    control.do("DELETE", "latency")
    assert control.do("GET", "latency") == {"latency": None}
