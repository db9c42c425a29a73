from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from bqsim.sim.scenario import latency, model, progression
from bqsim.sim.scenario.dump import rule_id, to_dict
from bqsim.sim.scenario.load import Known, from_dict, load, parse, rule_from_dict, rule_from_text
from bqsim.sim.scenario.tree import ScenarioError

from .right_files import RIGHT_FILES


def without_sources(scenario: model.Scenario) -> model.Scenario:
    return replace(scenario, rules=tuple(replace(rule, source="") for rule in scenario.rules))


@pytest.mark.parametrize("text", RIGHT_FILES.values(), ids=RIGHT_FILES)
def test_round_trip(text: str) -> None:
    scenario = parse(text)
    again = from_dict(to_dict(scenario))
    assert without_sources(again) == without_sources(scenario)
    assert to_dict(again) == to_dict(scenario)


def test_every_field_of_a_match_is_read() -> None:
    match = parse(RIGHT_FILES["match"]).rules[0].match
    assert match == model.Match(
        transport=("rest", "grpc"),
        method=("bigquery.jobs.*",),
        resource=("projects/p/*", "projects/[a-f]*"),
        project=("p",),
        caller=("*@example.com",),
        client=("*python*",),
        labels={"team": "a*"},
        headers={"x-goog-request-reason": "*"},
        job_type=("QUERY",),
        statement_type=("SELECT", "MERGE"),
        sql="(?i)from\\s+t",
        fingerprint=("abc",),
        state=("RUNNING",),
        nth=(1, 2),
        attempt=(1,),
        probability=0.5,
        window=model.Window(600, 5400),
        offset_rows=100,
        machine={"region": "up"},
        max_calls=10,
    )


def test_every_effect_is_read() -> None:
    effects = [rule.effect for rule in parse(RIGHT_FILES["list_of_effects"]).rules]
    assert effects[0] == model.Error("backendError")
    assert effects[3] == model.GrpcStatus(
        "RESOURCE_EXHAUSTED", storage_code="STREAM_NOT_FOUND", entity="x", retry_delay_s=1.5
    )
    assert effects[5] == model.Network("drip", "body", 100, bytes_per_s=10, applied=False)
    assert effects[7] == model.Delay(latency.Latency(latency.Fixed(0.02)))
    assert effects[8] == model.Delay(latency.Latency(latency.Lognormal(1, 0.5)), "run")
    assert effects[10] == model.InsertErrors(indexes=(0, 3), reason="stopped")
    assert effects[13] == model.JobState("progress", progression=progression.Polled(3, 1))
    assert effects[14] == model.Stale(5)
    assert effects[16] == effects[17] == model.ExpireToken()
    assert effects[20] == model.BreakStream(0, "ABORTED")
    assert {type(effect) for effect in effects} == set(model.Effect.__args__)


def test_clock_is_read() -> None:
    assert parse(RIGHT_FILES["clock"]).clock == model.ClockSetup("scaled", 60, 1_738_324_800_000_000, -300)


def test_rules_say_where_they_stand() -> None:
    assert [rule.source for rule in parse(RIGHT_FILES["anchors"], "a.yaml").rules] == ["a.yaml:3", "a.yaml:4"]
    assert parse("rules:\n- effect: expire_token").rules[0].source == "scenario:2"


def test_made_up_ids_do_not_depend_on_other_rules() -> None:
    one = "- effect: {error: backendError}\n"
    other = "- effect: {error: internalError}\n"
    alone = parse("rules:\n" + one).rules[0]
    assert alone.id == rule_id(alone)
    assert parse("rules:\n" + other + one).rules[1].id == alone.id
    assert [rule.id for rule in parse("rules:\n" + one * 3).rules] == [
        alone.id,
        f"{alone.id}-2",
        f"{alone.id}-3",
    ]


def test_a_made_up_id_avoids_those_given() -> None:
    made = parse("rules:\n- effect: expire_token").rules[0].id
    rules = parse(f"rules:\n- effect: expire_token\n- {{id: {made}, effect: expire_token}}").rules
    assert [rule.id for rule in rules] == [f"{made}-2", made]


def test_one_rule_of_an_object_and_of_a_text() -> None:
    written = {"effect": {"error": "backendError"}, "match": {"nth": 2}, "times": 1}
    rule = rule_from_dict(written)
    assert (rule.effect, rule.match.nth, rule.times) == (model.Error("backendError"), (2,), 1)
    assert (rule.source, rule.id) == ("rest", rule_id(rule))
    same = rule_from_text("{effect: {error: backendError}, match: {nth: 2}, times: 1}")
    assert same == replace(rule, source="header")


def test_problems_of_an_object_name_the_path() -> None:
    with pytest.raises(ScenarioError) as caught:
        rule_from_dict({"effect": {"error": "backendEror"}, "match": {"nth": [1, 0]}})
    assert str(caught.value).split("\n") == [
        "rest: effect.error: unknown error reason 'backendEror'; did you mean 'backendError'?",
        "rest: match.nth[1]: expected a whole number of at least 1, not 0",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "scenario: expected a scenario as a mapping, not a list"),
        ({"name": b"x"}, "scenario: name: a value of type bytes cannot stand here"),
        ({"rules": [{"effect": {"delay": {1}}}]}, "a value of type set cannot stand here"),
    ],
)
def test_wrong_objects(value: object, said: str) -> None:
    with pytest.raises(ScenarioError, match=r"cannot stand|as a mapping") as caught:
        from_dict(value)
    assert said in str(caught.value)


def test_an_object_in_itself_is_refused() -> None:
    value: dict[str, object] = {}
    value["a"] = value
    with pytest.raises(ScenarioError, match="nested deeper than 40 levels"):
        from_dict(value)


def test_methods_are_checked_when_they_are_known() -> None:
    text = "rules:\n- {effect: expire_token, match: {method: bigquery.jobs.insrt}}"
    assert parse(text).rules
    with pytest.raises(ScenarioError, match=r"no API method matches 'bigquery\.jobs\.insrt'; did you mean"):
        parse(text, known=Known(methods=["bigquery.jobs.insert"]))
    with pytest.raises(ScenarioError, match="no API method matches"):
        rule_from_dict({"effect": "expire_token", "match": {"method": "x"}}, known=Known(methods=["y"]))


def test_problems_are_values() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse("seed: x\nclock: y", "f")
    first, second = caught.value.problems
    assert (first.place.line, first.place.column, second.place.line) == (1, 7, 2)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\r\nseed: 1\r\n")
    assert load(path) == model.Scenario("x", seed=1)
    path.write_bytes(b"name: x\nseed: \xff")
    with pytest.raises(ScenarioError, match=r"s\.yaml:2:7: the file is not UTF-8 text"):
        load(path)
    with pytest.raises(ScenarioError, match="cannot be read: Is a directory"):
        load(tmp_path)
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")


HOSTILE = {
    "deep lists": ("[" * 100_000, "nested deeper than 40 levels"),
    "deep mappings": ("{a: " * 100_000, "nested deeper than 40 levels"),
    "aliases that double": (
        "a: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        "unfolds to more than 500,000 values",
    ),
    "long word": (f"clock: {'x' * 100_000}", "unknown clock mode 'xxx"),
    "long number": (f"seed: {'9' * 100_000}", "expected a whole number"),
    "long duration": (f"rules:\n- effect: {{delay: {'9' * 390}s}}", "is longer than 100 years"),
    "large number": (f"clock: {{mode: scaled, scale: {'9' * 390}}}", "expected a number of at most 1e"),
}


@pytest.mark.parametrize(("text", "said"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_shortly(text: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


def test_many_rules_of_a_file() -> None:
    one = "- {{id: r{}, match: {{method: bigquery.jobs.insert, nth: {}}}, effect: {{error: backendError}}}}\n"
    rules = parse("rules:\n" + "".join(one.format(n, n + 1) for n in range(1000))).rules
    assert [rule.match.nth[0] for rule in rules] == list(range(1, 1001))
