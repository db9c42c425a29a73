from __future__ import annotations

import threading

import pytest

from bqsim.server.identity import Caller
from bqsim.sim.iam import PERMISSIONS, Binding, DenyRule, Policy
from bqsim.sim.iam import policy as policy_module
from bqsim.sim.iam.model import BadMember, covers, member_key

P, D, T = "projects/p", "projects/p/datasets/d", "projects/p/datasets/d/tables/t"
GET, DATA = "bigquery.tables.get", "bigquery.tables.getData"
VIEWER = "roles/bigquery.dataViewer"
ADA = Caller("Ada@example.com")
NOBODY = Caller("")


def policy(member: str, resource: str = "*", role: str = VIEWER, **more: object) -> Policy:
    return Policy([Binding(role, (member,), resource)], **more)  # type: ignore[arg-type]


def may(policy: Policy, caller: Caller, permission: str = GET, resource: str = T) -> bool:
    return policy.check(caller, permission, resource) is None


@pytest.mark.parametrize(
    ("member", "caller", "allowed"),
    [
        ("user:ada@example.com", ADA, True),
        ("user:ADA@EXAMPLE.COM", ADA, True),
        ("user:bob@example.com", ADA, False),
        ("serviceAccount:x@p.iam.gserviceaccount.com", Caller("x@p.iam.gserviceaccount.com"), True),
        ("group:team@example.com", Caller("bob@b.c", ("Team@example.com",)), True),
        ("group:team@example.com", ADA, False),
        ("domain:example.com", ADA, True),
        ("domain:ample.com", ADA, False),
        ("domain:example.com", Caller("a@sub.example.com"), False),
        ("allAuthenticatedUsers", ADA, True),
        ("allAuthenticatedUsers", NOBODY, False),
        ("allUsers", NOBODY, True),
    ],
)
def test_members(member: str, caller: Caller, allowed: bool) -> None:
    assert may(policy(member), caller) is allowed


@pytest.mark.parametrize(
    ("bound", "asked", "allowed"),
    [
        (P, T, True),
        (D, T, True),
        (T, T, True),
        (T, f"{T}$20240101", True),
        (T, D, False),
        (D, "projects/p/datasets/dd/tables/t", False),
        ("projects/q", T, False),
        ("*", T, True),
        ("projects/*", T, True),
        ("projects/p/datasets/d*", T, True),
        ("projects/p/datasets/*/tables/t", T, True),
        ("projects/p/datasets/*/tables/u", T, False),
        (D, f"{D}/routines/r", True),
        (P, f"{P}/jobs/j", True),
        (T, f"{T}/rowAccessPolicies/x", True),
        (T, f"{T}/streams/_default", True),
    ],
)
def test_bindings_hold_on_what_is_inside(bound: str, asked: str, allowed: bool) -> None:
    assert may(policy("allUsers", bound), ADA, "bigquery.tables.get", asked) is allowed


def test_nobody_may_do_anything_without_a_binding() -> None:
    denied = Policy().check(ADA, DATA, T)
    assert denied is not None
    assert (denied.reason, denied.permission, denied.resource) == ("accessDenied", DATA, T)


def test_groups_in_groups() -> None:
    groups = {
        "inner@x.y": ["user:ada@example.com"],
        "outer@x.y": ["group:inner@x.y"],
        "ring@x.y": ["group:outer@x.y", "group:ring@x.y"],
    }
    assert may(policy("group:RING@x.y", groups=groups), ADA)
    assert not may(policy("group:ring@x.y", groups=groups), Caller("bob@x.y"))


def test_deny_rules_win_over_bindings() -> None:
    rule = DenyRule(
        ("bigquery.tables.*",),
        ("domain:example.com",),
        ("bigquery.tables.get",),
        ("user:root@example.com",),
        D,
        "policy.yaml:7",
    )
    wide = Policy([Binding(VIEWER, ("allUsers",))], [rule])
    assert not may(wide, ADA, DATA)
    assert may(wide, ADA, GET)
    assert may(wide, Caller("root@example.com"), DATA)
    assert may(wide, Caller("a@other.com"), DATA)
    assert may(wide, ADA, DATA, "projects/p/datasets/e/tables/t")
    assert "taken by a deny rule on projects/p/datasets/d (policy.yaml:7)" in wide.explain(ADA, DATA, T)


def test_custom_roles() -> None:
    custom = policy("allUsers", role="projects/p/roles/x", roles={"projects/p/roles/x": frozenset({GET})})
    assert may(custom, ADA)
    assert not may(custom, ADA, DATA)


@pytest.mark.parametrize(
    ("role", "reads", "writes", "owns"),
    [("roles/viewer", 1, 0, 0), ("roles/editor", 1, 1, 0), ("roles/owner", 1, 1, 1)],
)
def test_basic_roles_reach_tables_by_the_default_access_of_datasets(
    role: str, reads: int, writes: int, owns: int
) -> None:
    basic = policy("user:ada@example.com", P, role)
    found = [may(basic, ADA, p) for p in (DATA, "bigquery.tables.updateData", "bigquery.tables.setIamPolicy")]
    assert found == [reads, writes, owns]
    assert not may(basic, ADA, DATA, "projects/q/datasets/d/tables/t")
    assert not may(basic, Caller("bob@example.com"), DATA)


def test_the_access_list_of_a_dataset_replaces_the_default() -> None:
    basic = policy("user:ada@example.com", P, "roles/viewer")
    carried: dict[str, list[dict[str, str]]] = {}
    basic.carried = carried.get
    assert may(basic, ADA, DATA)
    carried[D] = [{"role": "READER", "userByEmail": "bob@example.com"}]
    assert not may(basic, ADA, DATA)
    assert may(basic, Caller("bob@example.com"), DATA)
    del carried[D]
    assert may(basic, ADA, DATA)


def test_what_resources_carry_counts_as_long_as_they_carry_it() -> None:
    everybody = {"bindings": [{"role": VIEWER, "members": ["allUsers"]}]}
    other = "projects/p/datasets/dd/tables/t"
    carried = {T: everybody, other: everybody}
    found = Policy(carried=carried.get)
    assert may(found, ADA) and may(found, ADA, GET, other)
    del carried[T]
    assert not may(found, ADA)
    assert may(found, ADA, GET, other)


def test_results_are_their_callers_alone() -> None:
    hidden = f"projects/p/datasets/_{'0f' * 20}"
    carried = {hidden: [{"role": "OWNER", "userByEmail": "ada@example.com"}]}
    found = Policy([Binding("roles/bigquery.admin", ("allUsers",)), Binding("roles/owner", ("allUsers",), P)])
    found.carried = carried.get
    assert may(found, ADA, DATA, f"{hidden}/tables/anon1")
    assert not may(found, Caller("bob@example.com"), DATA, f"{hidden}/tables/anon1")
    assert not may(Policy([Binding(VIEWER, ("allUsers",))]), ADA, DATA, f"{hidden}/tables/anon1")
    assert may(found, Caller("bob@example.com"), DATA, "projects/p/datasets/_mine/tables/t")


def test_grants_and_revocations_count_at_once() -> None:
    found = Policy()
    found.grant(Binding(VIEWER, ("user:ada@example.com", "user:bob@example.com"), D))
    found.grant(Binding("roles/bigquery.jobUser", ("user:ADA@example.com",), "*"))
    assert may(found, ADA, DATA)
    assert found.revoke("user:ada@example.com", VIEWER) == 1
    assert not may(found, ADA, DATA)
    assert may(found, Caller("bob@example.com"), DATA)
    assert found.revoke("user:ada@example.com", resource=D) == 0
    assert found.revoke("user:ada@example.com") == 1
    assert [b.members for b in found.bindings] == [("user:bob@example.com",)]
    with pytest.raises(KeyError):
        found.grant(Binding("roles/none", ("allUsers",)))
    with pytest.raises(BadMember):
        found.revoke("ada")


def test_deny_rules_come_and_go() -> None:
    found, rule = policy("allUsers", T), DenyRule(("bigquery.tables.*",), ("allUsers",), resource=D)
    found.deny(rule)
    assert not may(found, ADA, DATA) and found.deny_rules == (rule,)
    found.undeny(rule)
    found.undeny(rule)
    assert may(found, ADA, DATA)
    with pytest.raises(BadMember):
        found.deny(DenyRule(("*",), ("ada",)))


def test_members_of_other_projects() -> None:
    found = Policy(
        [
            Binding("roles/owner", ("user:ada@example.com",), "projects/q"),
            Binding(VIEWER, ("projectOwner:q",), D),
        ]
    )
    assert may(found, ADA, DATA)
    assert not may(found, Caller("bob@example.com"), DATA)


def test_test_permissions_and_visible() -> None:
    found = policy("allUsers", T)
    asked = [DATA, "bigquery.tables.delete", "nonsense", GET]
    assert found.test_permissions(ADA, asked, T) == [DATA, GET]
    assert found.test_permissions(ADA, asked, D) == []
    lists = ["projects/p/datasets/a", D]
    assert policy("allUsers", D).visible(ADA, "bigquery.datasets.get", lists) == [D]


def test_explain_names_the_binding() -> None:
    found = Policy([Binding(VIEWER, ("group:team@x.y",), D, "policy.yaml:3")])
    text = found.explain(Caller("bob@x.y", ("team@x.y",)), DATA, T)
    assert text == (
        f"bob@x.y has bigquery.tables.getData on {T}:\n"
        f"  granted by roles/bigquery.dataViewer to group:team@x.y on {D} (policy.yaml:3)"
    )


def test_explain_names_what_is_missing() -> None:
    found = Policy([Binding("roles/bigquery.metadataViewer", ("allUsers",), D, "policy.yaml:3")])
    lines = found.explain(NOBODY, DATA, T).splitlines()
    assert lines == [
        f"An unauthenticated caller does not have bigquery.tables.getData on {T}:",
        f"  no role of the caller holds it; it has roles/bigquery.metadataViewer on {D} (policy.yaml:3)",
        "  it is in roles/bigquery.dataViewer, roles/bigquery.dataEditor, roles/bigquery.dataOwner, "
        "roles/bigquery.admin",
    ]
    assert "it has no role there" in Policy().explain(ADA, DATA, T)


def test_decisions_are_remembered_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = policy("allUsers")
    assert found.decide(ADA, GET, T) is found.decide(ADA, GET, T)
    monkeypatch.setattr(policy_module, "MAX_CACHED", 3)
    first = found.decide(ADA, GET, T)
    for i in range(5):
        found.decide(ADA, GET, f"{D}/tables/t{i}")
    assert found.decide(ADA, GET, T) is not first


def test_threads_never_see_old_decisions() -> None:
    found, everybody = Policy(), Binding(VIEWER, ("allUsers",), T)
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            found.decide(ADA, GET, T)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for i in range(100):
            if i % 2:
                found.grant(everybody)
            else:
                found.revoke("allUsers")
            assert may(found, ADA) is bool(i % 2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    "text",
    ["user:ada", "ada@example.com", "user:", "domain:x", "users:a@b.c", "", "user:a@b@c", "projectOwner:"],
)
def test_bad_members(text: str) -> None:
    with pytest.raises(BadMember):
        member_key(text)


def test_globs_stay_within_segments() -> None:
    assert covers("projects/*", "projects/p")
    assert not covers("projects/*", D)
    assert covers("*", D)


def test_all_permissions_are_distinct_words() -> None:
    assert all(len(p.split(".")) == 3 for p in PERMISSIONS)
