from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.server.identity import Caller
from bqsim.sim.iam.load import PolicyError, load, parse

ADA, BOB = Caller("ada@example.com"), Caller("bob@example.com")
DATA = "bigquery.tables.getData"
T = "projects/p/datasets/d/tables/t"

WHOLE = """\
version: 1
groups:
  team@example.com: [user:ada@example.com]
roles:
  projects/p/roles/loader:
    - bigquery.jobs.create
    - bigquery.tables.update*
bindings:
  - role: roles/bigquery.dataViewer
    members: [group:team@example.com]
    resource: projects/p/datasets/d
  - role: projects/p/roles/loader
    members: [user:bob@example.com]
    resource: [projects/p, projects/q]
  - {role: roles/bigquery.jobUser, members: [allAuthenticatedUsers]}
deny:
  - deniedPermissions: [bigquery.tables.getData]
    deniedPrincipals: [allUsers]
    exceptionPrincipals: ["user:root@example.com"]
    exceptionPermissions: []
    resource: projects/p/datasets/d/tables/secret
"""


def test_a_whole_policy() -> None:
    policy = parse(WHOLE, "policy.yaml")
    assert policy.check(ADA, DATA, T) is None
    assert policy.check(BOB, DATA, T) is not None
    assert policy.check(ADA, DATA, "projects/p/datasets/d/tables/secret") is not None
    assert policy.check(BOB, "bigquery.tables.updateData", T) is None
    assert policy.check(BOB, "bigquery.tables.update", "projects/q/datasets/d") is None
    assert policy.check(BOB, "bigquery.tables.update", "projects/r/datasets/d") is not None
    assert policy.check(Caller("any@x.y"), "bigquery.jobs.create", "projects/z") is None


def test_explanations_name_file_and_line() -> None:
    assert parse(WHOLE, "policy.yaml").explain(ADA, DATA, T).endswith("(policy.yaml:9)")
    assert "(policy.yaml:17)" in parse(WHOLE, "policy.yaml").explain(
        ADA, DATA, "projects/p/datasets/d/tables/secret"
    )


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json(indent: int | str | None, tmp_path: Path) -> None:
    document = {"bindings": [{"role": "roles/bigquery.dataViewer", "members": ["user:ada@example.com"]}]}
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(document, indent=indent))
    assert load(path).check(ADA, DATA, T) is None


BINDING = "bindings:\n  - role: roles/bigquery.jobUser\n    members: [allUsers]\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the policy is empty"),
        ("[]", 1, "a policy must be a mapping"),
        ("binding: []", 1, "unknown field 'binding'; did you mean 'bindings'? (in a policy)"),
        ("version: 9", 1, "version must be 1, 2 or 3"),
        ("bindings: {}", 1, "bindings must be a list"),
        ("bindings:\n- 5", 2, "a binding must be a mapping"),
        ("bindings:\n- members: [allUsers]", 2, "a binding needs 'role'"),
        ("bindings:\n- role: roles/viewer", 2, "a binding needs 'members'"),
        (
            "bindings:\n- role: roles/bigquery.dataViwer\n  members: [allUsers]",
            2,
            "unknown role 'roles/bigquery.dataViwer'; did you mean 'roles/bigquery.dataViewer'?",
        ),
        (BINDING + "    member: x", 4, "unknown field 'member'; did you mean 'members'? (in a binding)"),
        (BINDING + "    role: roles/viewer", 4, "field 'role' is given twice"),
        (BINDING + "    condition: {}", 4, "conditions of bindings are not supported by bqsim"),
        (
            BINDING + "    resource: p.d.t",
            4,
            "resource 'p.d.t' is no path such as 'projects/p/datasets/d/tables/t', nor '*'",
        ),
        (
            BINDING + "    resource: projects/p/datasets",
            4,
            "resource 'projects/p/datasets' ends without an id after 'datasets'",
        ),
        (
            BINDING + "    resource:\n    - projects/p\n    - projects/p/dataset/d",
            6,
            "unknown collection 'dataset'; did you mean 'datasets'?",
        ),
        (
            "bindings:\n- role: roles/viewer\n  members:\n  - usr:a@b.c",
            4,
            "unknown kind of member 'usr'; did you mean 'user'?",
        ),
        (
            "bindings:\n- role: roles/viewer\n  members:\n  - allUser",
            4,
            "unknown kind of member 'allUser'; did you mean 'allUsers'?",
        ),
        (
            "bindings:\n- role: roles/viewer\n  members: [a@b.c]",
            3,
            "member 'a@b.c' needs a prefix, as in 'user:a@b.c'",
        ),
        (
            "bindings:\n- role: roles/viewer\n  members: ['user:ada']",
            3,
            "'user:ada' needs an e-mail address after 'user:'",
        ),
        (
            "bindings:\n- role: roles/viewer\n  members: ['domain:@x']",
            3,
            "'domain:@x' needs a domain after 'domain:'",
        ),
        ("bindings:\n- role: roles/viewer\n  members: allUsers", 3, "members must be a list"),
        ("bindings:\n- role: [x]\n  members: []", 2, "role must be a text"),
        (
            "roles:\n  r: [bigquery.tables.gte]",
            2,
            "unknown permission 'bigquery.tables.gte'; did you mean 'bigquery.tables.get'?",
        ),
        ("roles:\n  r: x", 2, "role 'r' must be a list"),
        (
            "roles:\n  roles/viewer: []",
            2,
            "role 'roles/viewer' is predefined; give the custom role another name",
        ),
        ("groups:\n  team: []", 2, "'group:team' needs an e-mail address after 'group:'"),
        ("groups: []", 1, "groups must be a mapping"),
        ("deny:\n- deniedPermissions: ['*']", 2, "a deny rule needs 'deniedPrincipals'"),
        (
            "deny:\n- deniedPrincipal: []",
            2,
            "unknown field 'deniedPrincipal'; did you mean 'deniedPrincipals'? (in a deny rule)",
        ),
        (
            "deny:\n- deniedPrincipals: [allUsers]\n  deniedPermissions: [tables.get]",
            3,
            "unknown permission 'tables.get'",
        ),
        ("bindings:\n  - [", 3, "this is not valid YAML"),
        ("bindings: []\n--- \nbindings: []", 2, "a file holds one"),
        ("bindings: \x07", 1, "a control character cannot stand in YAML"),
        ("[" * 5000, 1, "nested deeper than 40 levels"),
    ],
)
def test_wrong_policies(text: str, line: int, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(text, "policy.yaml")
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.message[: len(message)]) == (line, message)
    assert str(caught.value) == f"policy.yaml:{line}:{problem.place.column}: {problem.message}"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="the file cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"version: 1\n# \xe9\n")
    with pytest.raises(PolicyError, match=r"latin.yaml:2:3: the text is not valid UTF-8"):
        load(latin)
