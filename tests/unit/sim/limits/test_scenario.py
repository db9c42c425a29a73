"""The limits of a scenario."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.sim.limits import Facts, Limits, Moment
from bqsim.sim.limits.scenario import limits_of
from bqsim.sim.scenario.model import LimitSetup

GET = Facts(Moment.CALL, "bigquery.tables.get", "ann@example.com", "p", "us")
NAME = "api_requests_per_user_method"


def passed(limits: Limits, facts: Facts = GET) -> int:
    """How many calls pass at one moment, up to 20."""
    return sum(limits.charge(facts, 10**15) is None for _ in range(20))


@pytest.mark.parametrize(
    ("setup", "calls"),
    [
        (LimitSetup(), 20),
        (LimitSetup(scale=0.01), 20),
        (LimitSetup("bigquery"), 20),
        (LimitSetup("bigquery", scale=0.01), 1),
        (LimitSetup("bigquery", scale=0.07), 7),
        (LimitSetup("bigquery", scale=0.01, values={NAME: 4}), 4),
        (LimitSetup("bigquery", scale=0.01, values={NAME: 0}), 1),
        (LimitSetup("bigquery", tenants={"x*": {NAME: 2}, "p*": {NAME: 3}}), 3),
    ],
)
def test_limits_of_a_scenario(setup: LimitSetup, calls: int) -> None:
    assert passed(limits_of(setup)) == calls


def test_other_tenants_keep_the_amount() -> None:
    limits = limits_of(LimitSetup("bigquery", scale=0.05, tenants={"p": {NAME: 2}}))
    assert passed(limits) == 2
    assert passed(limits, replace(GET, project="q", caller="bob@example.com")) == 5


@pytest.mark.parametrize(
    ("setup", "text"),
    [
        (LimitSetup("bigqeury"), "There is no limits profile named bigqeury"),
        (LimitSetup("bigquery", values={"api_requests": 1}), "no limit named api_requests; did you mean"),
        (LimitSetup("bigquery", tenants={"p": {"insert_row": 1}}), "did you mean insert_rows?"),
    ],
)
def test_a_wrong_setup_is_refused(setup: LimitSetup, text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        limits_of(setup)
    assert text in str(refusal.value)
