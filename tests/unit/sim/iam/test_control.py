from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bqsim.sim.clock import SimulationClock
from bqsim.sim.iam import Iam, Member, Policy
from bqsim.sim.iam.load import PolicyError

ADA, BOB = Member("ada@example.com"), Member("bob@example.com")
DATA = "bigquery.tables.getData"
VIEWER = "roles/bigquery.dataViewer"
D, T = "projects/p/datasets/d", "projects/p/datasets/d/tables/t"


@pytest.fixture
def clock() -> Iterator[SimulationClock]:
    made = SimulationClock("2025-01-01T00:00:00Z", rate=0)
    yield made
    made.close()


def may(iam: Iam, who: Member = ADA, path: str = T) -> bool:
    return iam.policy is None or iam.policy.decide(who, DATA, path).allowed


def test_without_a_policy_nothing_is_enforced(clock: SimulationClock) -> None:
    iam = Iam(clock)
    assert iam.policy is None and iam.enforcement is None and may(iam)


def test_the_first_grant_begins_a_policy(clock: SimulationClock) -> None:
    iam, told = Iam(clock), []
    iam.listeners.append(lambda action, what: told.append((action, what)))
    assert iam.grant("user:ada@example.com", VIEWER, D) is None
    assert may(iam) and not may(iam, BOB)
    iam.revoke("user:ada@example.com")
    assert not may(iam)
    iam.clear()
    assert may(iam, BOB)
    assert told == [
        ("iam.grant", f"user:ada@example.com {VIEWER} {D}"),
        ("iam.revoke", "user:ada@example.com"),
        ("iam.clear", ""),
    ]


def test_changes_at_a_time(clock: SimulationClock) -> None:
    iam = Iam(clock)
    iam.grant("user:ada@example.com", VIEWER)
    iam.revoke("user:ada@example.com", VIEWER, after="90m")
    clock.advance("89m")
    assert may(iam)
    clock.advance("1m")
    assert not may(iam)
    timer = iam.grant("user:ada@example.com", VIEWER, after=60)
    assert timer is not None and timer.cancel()
    clock.advance("2m")
    assert not may(iam)


def test_a_denial_that_passes(clock: SimulationClock) -> None:
    iam = Iam(clock)
    iam.grant("allUsers", VIEWER)
    iam.deny("user:ada@example.com", "bigquery.tables.get*", D, lasts="5m")
    assert not may(iam) and may(iam, BOB) and may(iam, ADA, "projects/p/datasets/e/tables/t")
    clock.advance("5m")
    assert may(iam)


def test_what_resources_carry_counts_in_each_policy(clock: SimulationClock, tmp_path: Path) -> None:
    carried = {D: [{"role": "READER", "userByEmail": "ada@example.com"}]}
    iam = Iam(clock, Policy(), carried=carried.get)
    assert may(iam)
    path = tmp_path / "policy.yaml"
    path.write_text(
        f"bindings:\n- {{role: {VIEWER}, members: ['user:bob@example.com'], resource: projects/p}}\n"
    )
    assert iam.load(path) is iam.policy
    assert may(iam) and may(iam, BOB)


@pytest.mark.parametrize(
    ("member", "role", "resource", "message"),
    [
        (
            "ada@example.com",
            VIEWER,
            "*",
            "member 'ada@example.com' needs a prefix, as in 'user:ada@example.com'",
        ),
        ("user:ada", VIEWER, "*", "'user:ada' needs an e-mail address after 'user:'"),
        (
            "allUsers",
            "roles/bigquery.dataViewr",
            "*",
            "unknown role 'roles/bigquery.dataViewr'; did you mean 'roles/bigquery.dataViewer'?",
        ),
        (
            "allUsers",
            VIEWER,
            "p.d",
            "resource 'p.d' is no path such as 'projects/p/datasets/d/tables/t', nor '*'",
        ),
    ],
)
def test_grants_that_cannot_be(
    clock: SimulationClock, member: str, role: str, resource: str, message: str
) -> None:
    iam = Iam(clock)
    with pytest.raises(PolicyError) as caught:
        iam.grant(member, role, resource)
    assert message in str(caught.value)
    assert iam.policy is None


def test_permissions_that_there_are_not(clock: SimulationClock) -> None:
    with pytest.raises(PolicyError, match=r"unknown permission .bigquery\.tables\.gte."):
        Iam(clock).deny("allUsers", "bigquery.tables.gte")
