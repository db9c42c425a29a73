from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.plan.whole import groups_of, objectives_of
from bqsim.rehearse.workloads.building import build

TWO = """
workload:
- name: a
  origin:
    generated:
      arrivals: {poisson: 60}
      mix:
      - {slot_time: 1s, project: p, principal: ann@example.com, labels: {team: bi}}
      - {slot_time: 1s, name: other, project: q, priority: BATCH}
  changes: [{of: {project: q}, project: r}]
- name: b
  origin: {generated: {arrivals: {poisson: 60}, mix: [{slot_time: 1s, project: p, labels: {team: etl}}]}}
"""


@pytest.mark.parametrize(
    "grouping", ["none", "project", "label", "priority", "statement_type", "user", "fingerprint", "workload"]
)
def test_the_groups_of_a_plan_are_those_that_its_workload_has(grouping: str) -> None:
    label = "group_label: team\n" if grouping == "label" else ""
    plan = parse(f"{TWO}group_by: {grouping}\n{label}").plan
    found = groups_of(plan)
    assert found is not None
    # A project that a change replaces may be known, though no job is left in it.
    assert {*build(plan).groups, "all"} <= found <= {*build(plan).groups, "all", "q", "r"}


def test_objectives_of_a_group_are_those_about_it() -> None:
    plan = parse(
        TWO + "group_by: project\nobjectives:\n- {name: all, within: 1s}\n- {name: p, group: p, within: 1s}\n"
        "- {name: each, group: '*', within: 1s}\n"
    ).plan
    assert objectives_of(plan, None) == ("all", "p", "each")
    assert objectives_of(plan, "p") == ("p", "each")
    assert objectives_of(plan, "*") == ("p", "each")
    assert objectives_of(plan, "q") == ("each",)


def test_prices_of_settings_are_looked_up_too(tmp_path: Path) -> None:
    from bqsim.sim.scenario.tree import ScenarioError

    text = (
        TWO + "capacity: {reservations: {etl: {slot_capacity: 100}}, assignments: [{reservation: etl}]}\n"
        "grid: {reservations.etl.location: [US, mars]}\n"
    )
    with pytest.raises(ScenarioError, match=r"plan:\d+:1: no table has a price of slots .* 'mars'"):
        parse(text)
    prices = "prices: [{item: slots, price: 1, per: slot-h, regions: [mars], edition: ENTERPRISE}]\n"
    (tmp_path / "prices.yaml").write_text(prices)
    assert len(parse(text + "money: {files: [prices.yaml]}\n", folder=tmp_path).settings) == 2


def test_prices_that_cannot_be_read_are_told_with_their_line(tmp_path: Path) -> None:
    from bqsim.sim.scenario.tree import ScenarioError

    (tmp_path / "prices.yaml").write_text("prices:\n- {item: slots, cost: 1}\n")
    with pytest.raises(ScenarioError, match=r"plan:13:9: .*prices\.yaml:2:3: a price needs 'price'"):
        parse(TWO + "money: {files: [prices.yaml]}\n", folder=tmp_path)


def test_a_commitment_to_spend_where_no_reservation_is_covers_nothing() -> None:
    slots = "capacity: {reservations: {etl: {slot_capacity: 100}}, assignments: [{reservation: etl}]}\n"
    money = "money: {spend_commitments: [{per_hour: 1}, {per_hour: 1, location: EU}]}\n"
    assert parse(TWO + slots + money).notes == (
        "commitment 2 to spend covers nothing: no reservation is in 'EU'",
    )


def test_a_commitment_to_spend_before_all_prices_is_refused() -> None:
    from bqsim.sim.scenario.tree import ScenarioError

    text = TWO + "money: {on: 2010-01-01, spend_commitments: [{per_hour: 1}]}\n"
    told = r"plan:\d+:25: no table has what a commitment to spend for 1y takes off in 'us' on 2010-01-01"
    with pytest.raises(ScenarioError, match=told):
        parse(text)
