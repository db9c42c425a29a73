from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.sim.clock import SimulationClock
from bqsim.sim.iam import Iam, Member, Policy
from bqsim.sim.iam.load import PolicyError
from bqsim.sim.iam.setup import policy_of
from bqsim.sim.scenario.access import IamBinding, IamDeny, IamSetup

ADA, BOB = Member("ada@example.com"), Member("bob@example.com")
DATA, T = "bigquery.tables.getData", "projects/p/datasets/d/tables/t"
SETUP = IamSetup(
    groups={"team@example.com": ("user:ada@example.com",)},
    roles={"reader": ("bigquery.tables.get*",)},
    bindings=(
        IamBinding(
            "reader", ("group:team@example.com", "user:bob@example.com"), ("projects/p", "projects/q")
        ),
    ),
    deny=(
        IamDeny(
            (DATA,), ("allUsers",), except_principals=("user:ada@example.com",), resource=("projects/p",)
        ),
    ),
)


def test_a_policy_that_is_written_in_a_scenario() -> None:
    policy = policy_of(SETUP)
    assert policy is not None
    assert policy.check(ADA, DATA, T) is None
    assert policy.check(BOB, DATA, T) is not None
    assert policy.check(BOB, DATA, "projects/q/datasets/d/tables/t") is None
    assert policy.check(ADA, "bigquery.tables.delete", T) is not None


def test_a_policy_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("bindings: [{role: roles/bigquery.dataViewer, members: [allUsers]}]")
    policy = policy_of(IamSetup(str(path)))
    assert policy is not None and policy.check(BOB, DATA, T) is None
    with pytest.raises(PolicyError, match="cannot be read"):
        policy_of(IamSetup(str(tmp_path / "none.yaml")))


def test_a_setup_without_a_policy() -> None:
    assert policy_of(IamSetup(auth="jwt")) is None


def test_scenarios_come_and_go(tmp_path: Path) -> None:
    clock, before = SimulationClock(), Policy()
    iam = Iam(clock, before)
    iam.follow(None)
    assert iam.policy is before
    iam.follow(SETUP)
    assert iam.policy is not before
    with pytest.raises(PolicyError):
        iam.follow(IamSetup(str(tmp_path / "none.yaml")))
    assert iam.policy is not before
    iam.follow(None)
    assert iam.policy is before
    clock.close()
