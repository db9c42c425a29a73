"""A clock that is ahead of the client's: who lets the service tell the time does not notice."""

from __future__ import annotations

import datetime as dt
import email.utils
import http.client
from pathlib import Path
from tempfile import TemporaryDirectory

import jwt
import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth import exceptions as auth_exceptions
from google.cloud import bigquery
from google.oauth2.credentials import Credentials as GivenToken

import bqsim
from bqsim.simulator import Simulator
from tests.scenarios.harness import SCENARIOS, SCHEMA, Runbook, World

SKEW = dt.timedelta(hours=2)
HOUR = dt.timedelta(hours=1)
SECRET = "s" * 32


def prepare(world: World) -> None:
    world.table(rows=1)
    # Enough history for a look two hours back.
    world.wait("3h")


def own_time(world: World) -> dt.datetime:
    """What the client's machine takes for the time."""
    return world.now() - SKEW


def service_time(world: World) -> dt.datetime:
    (row,) = world.client.query_and_wait("SELECT CURRENT_TIMESTAMP()")
    found: dt.datetime = row[0]
    return found


def make(world: World, now: dt.datetime) -> None:
    table = bigquery.Table(f"{world.project}.d.hourly", SCHEMA)
    table.expires = now + HOUR
    world.client.create_table(table)


def rows_at(world: World, when: dt.datetime) -> int:
    parameter = bigquery.ScalarQueryParameter("when", "TIMESTAMP", when)
    config = bigquery.QueryJobConfig(query_parameters=[parameter])
    (row,) = world.client.query_and_wait(
        "SELECT COUNT(*) FROM d.t FOR SYSTEM_TIME AS OF @when", job_config=config
    )
    return int(row[0])


def date_of(simulator: Simulator) -> dt.datetime:
    """The time by the Date of any answer, also one that refuses the caller."""
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=20)
    connection.request("GET", "/bigquery/v2/projects")
    told = connection.getresponse().getheader("Date")
    connection.close()
    assert told is not None
    return email.utils.parsedate_to_datetime(told)


def datasets_seen(simulator: Simulator, now: dt.datetime) -> int:
    """How many datasets a caller sees whose token is good for an hour from ``now``."""
    claims = {"email": "ada@example.com", "iat": now, "exp": now + HOUR}
    token = GivenToken(jwt.encode(claims, SECRET, "HS256", headers={"kid": "k"}))
    client = bigquery.Client(
        simulator.project, token, client_options=ClientOptions(api_endpoint=simulator.url)
    )
    try:
        return len(list(client.list_datasets(retry=None)))
    finally:
        client.close()


def with_signed_tokens(folder: Path) -> Simulator:
    keys = folder / "keys.json"
    encoded = jwt.utils.base64url_encode(SECRET.encode()).decode()
    keys.write_text(f'{{"keys": [{{"kty": "oct", "alg": "HS256", "kid": "k", "k": "{encoded}"}}]}}')
    return bqsim.start(SCENARIOS / "clock-skew.yaml", auth="jwt", jwt_keys=keys)


def good(world: World) -> None:
    world.client.query_and_wait("INSERT d.t (n) VALUES (1)")
    now = service_time(world)
    assert abs(now - world.now()) < dt.timedelta(minutes=1)
    make(world, now)
    world.wait("50m")
    assert world.client.get_table("d.hourly").table_id == "hourly"
    assert rows_at(world, now) == 2
    with TemporaryDirectory() as folder, with_signed_tokens(Path(folder)) as other:
        assert datasets_seen(other, date_of(other)) == 0


def bad(world: World) -> None:
    world.client.query_and_wait("INSERT d.t (n) VALUES (1)")
    with pytest.raises(exceptions.BadRequest):
        make(world, own_time(world))
    assert rows_at(world, own_time(world)) == 1
    with TemporaryDirectory() as folder, with_signed_tokens(Path(folder)) as other:
        wrong = dt.datetime.now(dt.UTC)
        assert date_of(other) - wrong > dt.timedelta(hours=1.9)
        with pytest.raises(auth_exceptions.RefreshError):
            datasets_seen(other, wrong)
    world.sim.verify("bigquery.tables.insert", {"ok": True}, times=0)


RUNBOOK = Runbook("clock-skew", good, bad, prepare=prepare)
