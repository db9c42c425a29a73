"""A token that expires between pages: credentials that refresh do not notice."""

from __future__ import annotations

from typing import Any

import pytest
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import Credentials
from google.oauth2.credentials import Credentials as GivenToken

from tests.scenarios.harness import Runbook, World

ROWS = 1_000


class Refreshing(Credentials):  # type: ignore[misc]
    """Credentials that fetch a new token whenever they are asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "token-0"
        self.refreshed = 0

    @property
    def expired(self) -> bool:
        return False

    def refresh(self, request: Any) -> None:
        self.refreshed += 1
        self.token = f"token-{self.refreshed}"


def prepare(world: World) -> None:
    world.table(rows=ROWS)


def good(world: World) -> None:
    credentials = Refreshing()
    client = world.client_as(credentials)
    rows = [row.n for row in client.list_rows(f"{world.project}.d.t", page_size=100)]
    assert sorted(rows) == list(range(ROWS))
    assert credentials.refreshed == 2
    result = client.query("SELECT n FROM d.t ORDER BY n").result(page_size=100)
    assert [row.n for row in result] == list(range(ROWS))
    assert credentials.refreshed == 3
    refused = world.sim.verify("bigquery.*", {"reason": "authError"}, times=3)
    assert all("expired" in world.sim.explain(call.id) or call.outcome.http == 401 for call in refused)
    # The page that failed was asked for again, and no other was read twice.
    world.sim.verify("bigquery.tabledata.list", times=10 + 2)
    world.sim.verify_backoff()
    client.close()


def bad(world: World) -> None:
    """A token from the command line cannot be refreshed."""
    client = world.client_as(GivenToken("token-0"))
    rows = []
    with pytest.raises(auth_exceptions.RefreshError):
        for row in client.list_rows(f"{world.project}.d.t", page_size=100):
            rows.append(row.n)
    assert len(rows) == 300
    world.sim.verify("bigquery.tabledata.list", {"rule": ["table-pages"]}, times=1)
    client.close()


RUNBOOK = Runbook(
    "token-expiry",
    good,
    bad,
    asks=(
        (
            {"method": "bigquery.tabledata.list"},
            ("rule 'table-pages' .*does not fire: nth", "rule 'result-pages' .*does not fire: method"),
        ),
    ),
    prepare=prepare,
)
