"""The ``projects`` methods."""

from __future__ import annotations

from typing import Any

from bqsim.catalog import names

from .lists import page
from .reply import Reply, etag_of
from .request import Request


async def list_(request: Request) -> Reply:
    """``projects.list``: every project that has been used or configured."""
    projects = sorted(request.core.catalog.projects())
    known = request.visible("resourcemanager.projects.get", projects, lambda p: f"projects/{p}")
    found, token = page(request, lambda after, n: [p for p in known if p > after][:n], lambda p: p)
    body: dict[str, Any] = {
        "kind": "bigquery#projectList",
        "projects": [
            {
                "kind": "bigquery#project",
                "id": project,
                "numericId": project_number(project),
                "projectReference": {"projectId": project},
                "friendlyName": project,
            }
            for project in found
        ],
        "totalItems": len(found),
    }
    if token:
        body["nextPageToken"] = token
    body["etag"] = etag_of(body)
    return Reply(body, etag=body["etag"])


def project_number(project: str) -> str:
    """A stable project number."""
    return str(names.project_number(project))


async def get_service_account(request: Request) -> Reply:
    """``projects.getServiceAccount``: the account that would talk to a key management service."""
    number = project_number(request.path["projectId"])
    email = f"bq-{number}@bigquery-encryption.iam.gserviceaccount.com"
    return Reply({"kind": "bigquery#getServiceAccountResponse", "email": email})
