from __future__ import annotations

import pytest

from bqsim.record.model import Operation
from bqsim.record.symbols import Symbol
from bqsim.replay.bindings import Bindings
from bqsim.sim.clock import SimulationClock

K, F = "0123456789abcdef", "fedcba9876543210"
START_US = 1_767_225_600_000_000


@pytest.fixture
def bindings() -> Bindings:
    clock = SimulationClock("2026-01-01", rate=0)
    return Bindings(
        "proj", clock, {"orders": "orders_ci"}, {"orders": "orders_dev", "other": "o"}, "http://h"
    )


def _operation(kind: str = "query", key: str = K, values: dict[str, float] | None = None) -> Operation:
    made = Operation(kind, key, 1, {}, {})
    made.measures = {"values": values or {}, "at": {"start_s": 2.0}}
    return made


def test_names_projects_and_hosts(bindings: Bindings) -> None:
    play = bindings.begin(_operation(), 1, START_US)
    told = {"${name:orders}": ["${project}:${name:other}.t", 1, "${host}/x"]}
    assert bindings.rendered(told, play) == {"orders_ci": ["proj:o.t", 1, "http://h/x"]}
    bindings.rename("elsewhere")
    assert bindings.rendered("${project}", play) == "elsewhere"


def test_identities_are_of_a_use_and_the_same_in_every_replay(bindings: Bindings) -> None:
    operation = _operation()
    first = bindings.begin(operation, 1, START_US)
    one = bindings.rendered(["${job}", "${job}", "${table}", "${session}"], first)
    assert one[0] == one[1] and one[0].startswith("job_") and one[2].startswith("anon")
    assert bindings.job_of(first) == one[0]
    second = bindings.begin(operation, 2, START_US)
    assert bindings.rendered("${job}", second) != one[0]
    assert bindings.rendered("${dataset}", first) == bindings.rendered("${dataset}", second)
    other = Bindings("proj", SimulationClock("2027-01-01", rate=0))
    assert other.rendered("${job}", other.begin(_operation(), 1, 0)) == one[0]


def test_what_clients_choose_and_what_others_have(bindings: Bindings) -> None:
    operation = _operation()
    play = bindings.begin(operation, 1, START_US)
    bindings.rebind(Symbol("job"), operation, "mine_1")
    assert bindings.bind(Symbol("job"), operation) == "mine_1"
    follower = bindings.begin(_operation(key=F), 1, START_US)
    assert bindings.rendered("jobs/${job@" + K + ".1}", follower) == "jobs/mine_1"
    asked = bindings.symbolised({"resource": "projects/proj/jobs/mine_1", "d": "orders_ci"}, "proj")
    assert asked == {"resource": "projects/${project}/jobs/${job@" + K + ".1}", "d": "${name:orders}"}
    assert play.values["job", ""] == "mine_1"


@pytest.mark.parametrize(
    ("which", "value", "text"),
    (
        ("a.ms", 1.5, "1767225601500"),
        ("a.ms.json", 1.5, 1767225601500),
        ("a.s", 1, "1767225601"),
        ("a.iso", 1, "2026-01-01T00:00:01Z"),
        ("a.iso3", 1.25, "2026-01-01T00:00:01.250Z"),
        ("a.http", 1, "Thu, 01 Jan 2026 00:00:01 GMT"),
    ),
)
def test_times_count_from_the_use(bindings: Bindings, which: str, value: float, text: object) -> None:
    play = bindings.begin(_operation(values={which: value}), 1, START_US)
    assert bindings.rendered(f"${{time:{which}}}", play) == text


def test_times_of_resources_count_from_the_replay(bindings: Bindings) -> None:
    for start_us in (START_US, START_US + 60_000_000):
        play = bindings.begin(_operation("metadata", values={"a.ms": 1}), 1, start_us)
        assert bindings.rendered("${time:a.ms}", play) == "1767225603000"


def test_random_parts_of_names(bindings: Bindings) -> None:
    name = "tmp_3f2504e04f8941d39a0c0305e82c3301"
    asked, words = bindings.with_random({"resource": f"tables/{name}"})
    assert words == {name: ""} and "${random}" in asked["resource"]
    operation = _operation(key=F)
    bindings.take_random(bindings.begin(operation, 1, START_US), words)
    again = bindings.symbolised({"resource": f"tables/{name}"})
    assert again["resource"] == "tables/tmp_${random@" + F + ".1}"
