import copy
import json

from bqsim.contract.usage import Usage, method_of

BODY = {"a": {"b": 1, "c": [{"d": 2, "e": 3}]}, "f": "x", "g": [], "h": [5, 6], "i": {}}


def read_by(read: object) -> set[str]:
    usage = Usage()
    usage.test = "test_x"
    read(usage.tracked("m", copy.deepcopy(BODY)))  # type: ignore[operator]
    assert all(tests == {"test_x"} for tests in usage.fields["m"].values())
    return set(usage.fields["m"])


def test_only_what_is_read_is_noted() -> None:
    assert read_by(lambda body: body["a"]["b"]) == {"a.b"}
    assert read_by(lambda body: [item["d"] for item in body["a"]["c"]]) == {"a.c[].d"}
    assert read_by(lambda body: body.get("f")) == {"f"}
    assert read_by(lambda body: "f" in body) == {"f"}
    assert read_by(lambda body: body["h"][0]) == {"h[]"}
    assert read_by(lambda body: len(body["g"])) == {"g"}
    assert read_by(lambda body: body["i"]) == {"i"}
    assert read_by(lambda body: body.get("none", {}).get("x")) == {"none"}
    assert read_by(lambda body: dict(body["a"].items())) == {"a.b"}


def test_copies_note_and_are_no_reads() -> None:
    assert read_by(copy.deepcopy) == set()
    assert read_by(lambda body: body.copy()) == set()
    assert read_by(lambda body: copy.deepcopy(body)["a"]["c"][0]["e"]) == {"a.c[].e"}


def test_answers_are_still_json() -> None:
    answer = Usage().tracked("m", copy.deepcopy(BODY))
    assert answer == BODY
    assert json.loads(json.dumps(answer)) == BODY


def test_what_was_never_there_is_told_apart() -> None:
    usage = Usage()
    answer = usage.tracked("m", copy.deepcopy(BODY))
    answer.get("none"), answer["f"]
    assert usage.found["m"] == {"f"}


def test_methods_of_calls() -> None:
    assert method_of("GET", "/projects/p/jobs/j") == "bigquery.jobs.get"
    assert method_of("POST", "/bigquery/v2/projects/p/queries?x=1") == "bigquery.jobs.query"
    assert method_of("POST", "/upload/bigquery/v2/projects/p/jobs") == "bigquery.jobs.insert"
    assert method_of("GET", "/nothing/here") == ""
