from __future__ import annotations

import pytest

from bqsim.server.rest.projects import project_number
from tests.conftest import Http

pytestmark = [
    pytest.mark.fidelity(
        "rest:bigquery.projects.list",
        "approximated",
        "It lists the projects that were used or configured; numbers are made from ids.",
        tests="test_projects_*",
    ),
    pytest.mark.fidelity(
        "rest:bigquery.projects.getServiceAccount",
        "approximated",
        "The account is made from the project's id.",
        tests="test_service_account",
    ),
]


def test_projects_are_known_once_used(rest: Http) -> None:
    before = [p["id"] for p in rest.raw("GET", "/bigquery/v2/projects").json["projects"]]
    assert rest.simulator.project in before
    assert rest.project not in before
    rest.dataset()
    after = rest.raw("GET", "/bigquery/v2/projects").json["projects"]
    mine = next(p for p in after if p["id"] == rest.project)
    assert mine["projectReference"] == {"projectId": rest.project}
    assert mine["numericId"] == project_number(rest.project)


def test_projects_page(rest: Http) -> None:
    rest.dataset()
    first = rest.raw("GET", "/projects?maxResults=1").json
    second = rest.raw("GET", f"/projects?maxResults=1&pageToken={first['nextPageToken']}").json
    assert first["projects"][0]["id"] < second["projects"][0]["id"]


def test_service_account(rest: Http) -> None:
    email = rest.call("GET", "/serviceAccount").json["email"]
    assert email == f"bq-{project_number(rest.project)}@bigquery-encryption.iam.gserviceaccount.com"
