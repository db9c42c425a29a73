from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.cost.errors import CostError
from bqsim.cost.model import Query, Workload
from bqsim.cost.policy import Budget, Policy, Tolerance, load_policy

TEXT = """\
tolerance: {relative: 5 %, absolute: 10 MiB}
slots: {runs: 8, confidence: 99 %}
pricing: {model: editions, edition: ENTERPRISE_PLUS, commitment: 3y, region: eu, currency: EUR}
verdicts: {new: fail}
causes: {lost_cache: warn, join_order: ignore}
queries:
  - {match: "finance/*", owner: finance, schedule: hourly, labels: {team: money}}
  - {match: "*/scratch/*", skip: true}
  - {match: "big/*", runs_per_month: 10, tolerance: {relative: 50 %}}
budgets:
  - {owner: finance, money: 100}
  - {name: whole, bytes: 1 TiB}
streamed: ["live.*"]
"""


def test_all_of_a_policy(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(TEXT)
    policy = load_policy(path)
    assert policy.severity("lost_cache") == "warn"
    assert policy.severity("lost_max_bytes_billed") == "fail"
    assert policy.slots.rules.confidence == 0.99
    assert policy.slots.rules.least == 8
    queries = tuple(Query(name, "SELECT 1") for name in ("finance/a", "x/scratch/b", "big/c"))
    applied = policy.applied(Workload("w", queries)).queries
    assert [(q.name, q.owner, round(q.rate.per_month)) for q in applied] == [
        ("finance/a", "finance", 730),
        ("big/c", "", 10),
    ]
    assert applied[0].labels == {"team": "money"}
    assert not policy.tolerance_of(applied[1]).exceeded(100, 140)
    assert policy.budgets[1].bytes == 2**40


def test_a_tolerance_is_exceeded_by_both() -> None:
    one = Tolerance("10 %", 100)
    assert not one.exceeded(10_000, 10_900)
    assert not one.exceeded(100, 190)
    assert one.exceeded(10_000, 11_001)
    assert Tolerance().exceeded(10, 11)


def test_budgets_cover_by_name_owner_and_label() -> None:
    query = Query("a/b", "SELECT 1", owner="x", labels={"team": "t"})
    assert Budget(query="a/*", owner="x", labels={"team": "*"}).covers(query)
    assert not Budget(owner="y").covers(query)
    assert not Budget(labels={"team": "u"}).covers(query)


def test_without_a_file_there_is_a_policy() -> None:
    assert load_policy(None) == Policy()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tolerance: {relative: much}\n", "p.yaml:1:.*share"),
        ("queries:\n  - {match: a, schedule: sometimes}\n", "p.yaml:2:.*schedule"),
        ("budgets:\n  - {owner: x}\n", "p.yaml:2:.*needs a limit"),
        ("causes: {lost_cach: warn}\n", "p.yaml:1:.*lost_cache"),
        ("toleranse: {}\n", "p.yaml:1:.*tolerance"),
        ("verdicts: {new: shout}\n", "p.yaml:1:.*severity"),
    ],
)
def test_what_is_wrong_is_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(CostError, match=told):
        load_policy(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CostError, match=r"none\.yaml"):
        load_policy(tmp_path / "none.yaml")
