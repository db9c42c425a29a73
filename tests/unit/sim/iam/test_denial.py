from __future__ import annotations

import pytest

from bqsim.sim.iam import Wording
from bqsim.sim.iam.denial import denial

pytestmark = pytest.mark.fidelity("iam:denials", "exact")

T = "projects/p/datasets/d/tables/t"


@pytest.mark.parametrize(
    ("permission", "resource", "wording", "message"),
    [
        (
            "bigquery.datasets.create",
            "projects/p",
            Wording.API,
            "Access Denied: Project p: User does not have bigquery.datasets.create permission in project p.",
        ),
        (
            "bigquery.reservations.use",
            "projects/p/locations/us/reservations/r",
            Wording.API,
            "Access Denied: Reservation p:us.r: Permission bigquery.reservations.use denied on "
            "reservation p:us.r (or it may not exist)",
        ),
        (
            "bigquery.connections.use",
            "projects/p/locations/us/connections/c",
            Wording.API,
            "Access Denied: Connection p.us.c: User does not have bigquery.connections.use permission for "
            "connection p.us.c.",
        ),
        (
            "bigquery.models.getMetadata",
            "projects/p/datasets/d/models/m",
            Wording.API,
            "Access Denied: Model p:d.m: Permission bigquery.models.getMetadata denied on model p:d.m "
            "(or it may not exist).",
        ),
        (
            "bigquery.tables.getData",
            T,
            Wording.API,
            "Access Denied: Table p:d.t: Permission bigquery.tables.getData denied on table p:d.t "
            "(or it may not exist).",
        ),
        (
            "bigquery.tables.getData",
            T,
            Wording.QUERY,
            "Access Denied: Table p:d.t: User does not have permission to query table p:d.t, or perhaps it "
            "does not exist.",
        ),
        (
            "bigquery.jobs.get",
            "projects/p/locations/US/jobs/j",
            Wording.API,
            "Access Denied: Job p:US.j: User does not have bigquery.jobs.get permission for job p:US.j.",
        ),
        (
            "bigquery.tables.get",
            f"{T}/streams/s",
            Wording.WRITE,
            f"Permission 'TABLES_GET' denied on resource '{T}' (or it may not exist).",
        ),
        (
            "bigquery.readsessions.update",
            "projects/p/locations/us/sessions/s/streams/x",
            Wording.READ,
            "request failed: the user does not have 'bigquery.readsessions.update' permission for "
            "'projects/p'",
        ),
    ],
)
def test_texts(permission: str, resource: str, wording: Wording, message: str) -> None:
    denied = denial(permission, resource, wording)
    assert denied.message == message
    error = denied.error()
    assert error.error_proto() == {"reason": "accessDenied", "message": message}
