from __future__ import annotations

import pytest

from bqsim.sim.iam import PERMISSIONS, ROLES
from bqsim.sim.iam.roles import DATASET_ROLES, roles_with


def held(role: str) -> frozenset[str]:
    return ROLES[f"roles/bigquery.{role}"]


def test_roles_hold_known_permissions() -> None:
    assert all(permissions and permissions <= PERMISSIONS for permissions in ROLES.values())
    assert set(DATASET_ROLES.values()) <= set(ROLES)


def test_a_viewer_an_editor_and_an_owner_of_data() -> None:
    assert held("metadataViewer") < held("dataViewer") < held("dataEditor") < held("dataOwner")
    assert held("dataOwner") < held("admin")


@pytest.mark.parametrize(
    ("role", "has", "lacks"),
    [
        ("jobUser", "jobs.create", "jobs.list"),
        ("user", "jobs.list", "jobs.get"),
        ("user", "tables.list", "tables.get"),
        ("user", "readsessions.create", "tables.getData"),
        ("metadataViewer", "tables.get", "tables.getData"),
        ("dataViewer", "tables.getData", "jobs.create"),
        ("dataEditor", "tables.updateData", "datasets.update"),
        ("dataOwner", "datasets.delete", "jobs.create"),
        ("readSessionUser", "readsessions.getData", "tables.getData"),
        ("connectionUser", "connections.use", "connections.update"),
        ("resourceViewer", "jobs.listAll", "reservations.create"),
        ("admin", "jobs.update", "rowAccessPolicies.getFilteredData"),
    ],
)
def test_what_roles_hold(role: str, has: str, lacks: str) -> None:
    assert f"bigquery.{has}" in held(role)
    assert f"bigquery.{lacks}" not in held(role)


@pytest.mark.parametrize("role", ["roles/viewer", "roles/editor", "roles/owner"])
def test_basic_roles_hold_no_rights_to_tables(role: str) -> None:
    assert not ROLES[role] & {"bigquery.tables.getData", "bigquery.tables.get", "bigquery.tables.updateData"}


def test_roles_with_a_permission_begin_with_the_smallest() -> None:
    assert roles_with("bigquery.jobs.create")[0] == "roles/bigquery.jobUser"
    assert roles_with("bigquery.no.such") == ()
