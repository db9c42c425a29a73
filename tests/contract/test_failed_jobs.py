"""What Google's client makes of jobs that fail: every reason of the table, at the level of jobs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

from bqsim.errors import REASONS
from bqsim.sim.control.control import Scope
from bqsim.sim.effects.texts import job_text
from bqsim.simulator import Simulator
from tests.conftest import Http
from tests.contract.test_failed_requests import CLASSES, HTTP, WORDLESS, Tokens
from tests.waiting import until

pytestmark = [
    pytest.mark.fidelity(
        "reason:{reason}/job", "exact", tests="test_every_reason_of_a_job test_results_of* test_which_jobs*"
    ),
    pytest.mark.fidelity(
        "job:failures, effect:error", "exact", tests="test_every_reason* test_a_failed_* test_what_*"
    ),
]

# What the client raises for an errorResult; a reason that it has no row for is a server's failure to it.
RAISED: dict[str, type[Exception]] = {
    "accessDenied": exceptions.Forbidden,
    "billingNotEnabled": exceptions.Forbidden,
    "billingTierLimitExceeded": exceptions.BadRequest,
    "blocked": exceptions.Forbidden,
    "duplicate": exceptions.Conflict,
    "invalid": exceptions.BadRequest,
    "invalidQuery": exceptions.BadRequest,
    "notFound": exceptions.NotFound,
    "notImplemented": exceptions.MethodNotImplemented,
    "quotaExceeded": exceptions.Forbidden,
    "rateLimitExceeded": exceptions.TooManyRequests,
    "resourceInUse": exceptions.BadRequest,
    "resourcesExceeded": exceptions.BadRequest,
    "responseTooLarge": exceptions.Forbidden,
    "stopped": exceptions.GoogleAPICallError,
    "tableUnavailable": exceptions.BadRequest,
}
UNKNOWN = exceptions.InternalServerError
# For these the client starts the query again as a new job.
STARTED_AGAIN = {
    "backendError",
    "badGateway",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "rateLimitExceeded",
}
AT_ONCE = DEFAULT_JOB_RETRY.with_delay(initial=0.001, maximum=0.001, multiplier=1.0)
LOCATION = "US"
every_reason = pytest.mark.parametrize("reason", sorted(REASONS))


class Case:
    """A project of failing jobs: its clients, its faults, and plain HTTP."""

    def __init__(self, simulator: Simulator, project: str, client: bigquery.Client) -> None:
        self.control = Scope(simulator.parts, project)
        self.project = project
        self.client = client
        self.http = Http(simulator, project)

    @contextmanager
    def failing(self, reason: str, *, applied: bool = False, times: int | None = 1) -> Iterator[None]:
        effect = {"error": {"reason": reason, "level": "job", "applied": applied}}
        with self.control.faults.add(effect, times=times) as fault:
            yield
            assert fault.fired == (times or fault.fired) > 0

    def text(self, reason: str, job: Any) -> str:
        return job_text(reason, resource=f"projects/{self.project}/jobs/{job.job_id}", location=LOCATION)

    def inserts(self, job: Any) -> set[int]:
        """The HTTP statuses of the calls that made a job; an upload takes several."""
        made = self.control.journal.calls("bigquery.jobs.insert")
        return {call.outcome.http or 200 for call in made if call.job_id == job.job_id}

    def rows(self, sql: str) -> list[Any]:
        return [row[0] for row in self.client.query_and_wait(sql)]


@pytest.fixture(scope="module")
def case(bqsim_server: Simulator) -> Iterator[Case]:
    project = "failed-jobs"
    # A 401 makes the library refresh its token and call again.
    client = bigquery.Client(
        project=project,
        credentials=Tokens(),
        client_options=ClientOptions(api_endpoint=bqsim_server.url),
    )
    client.create_dataset("d")
    client.query_and_wait("CREATE TABLE d.written (name STRING)")
    client.query_and_wait("CREATE TABLE d.source AS SELECT 'x' AS name")
    made = Case(bqsim_server, project, client)
    yield made
    made.http.connection.close()
    client.close()


def ended(job: Any) -> Any:
    """The job, once it is DONE."""
    until(lambda: job.done(retry=None))
    return job


def raised_by(call: Callable[[], Any]) -> exceptions.GoogleAPICallError:
    with pytest.raises(exceptions.GoogleAPICallError) as raised:
        call()
    return raised.value


# -- one kind of job each: starting it and counting what it wrote


def query(client: Any, name: str) -> Any:
    return client.query(f"INSERT d.written VALUES ('{name}')", retry=None, job_retry=None)


def load(client: Any, name: str) -> Any:
    config = bigquery.LoadJobConfig(schema=[bigquery.SchemaField("name", "STRING")])
    return client.load_table_from_file(io.BytesIO(b"x\n"), f"d.{name}", job_config=config, num_retries=0)


def copy(client: Any, name: str) -> Any:
    return client.copy_table("d.source", f"d.{name}", retry=None)


def inserted(case: Case, name: str) -> int:
    return int(case.rows(f"SELECT COUNT(*) FROM d.written WHERE name = '{name}'")[0])


def in_table(case: Case, name: str) -> int:
    try:
        return int(case.client.get_table(f"d.{name}").num_rows)
    except exceptions.NotFound:
        return 0


KINDS: dict[str, tuple[Callable[[Any, str], Any], Callable[[Case, str], int]]] = {
    "query": (query, inserted),
    "load": (load, in_table),
    "copy": (copy, in_table),
}


@every_reason
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("applied", [False, True], ids=["undone", "applied"])
def test_every_reason_of_a_job(case: Case, reason: str, kind: str, applied: bool) -> None:
    start, written = KINDS[kind]
    name = f"{kind}_{reason}_{applied}"
    with case.failing(reason, applied=applied):
        job = ended(start(case.client, name))
    text = case.text(reason, job)
    assert case.inserts(job) == {200}
    assert job.error_result == {"reason": reason, "message": text}
    assert job.errors == [job.error_result]
    error = raised_by(lambda: job.result(retry=None))
    assert type(error) is RAISED.get(reason, UNKNOWN)
    assert error.errors[0]["reason"] == reason
    assert text in error.message
    # What jobs.get and jobs.list say of it.
    again = case.client.get_job(job.job_id, retry=None)
    assert (again.state, again.error_result) == ("DONE", job.error_result)
    assert written(case, name) == int(applied)


@every_reason
def test_results_of_a_failed_query(case: Case, reason: str) -> None:
    with case.failing(reason):
        job = ended(query(case.client, "unread"))
    answer = case.http.call("GET", f"/queries/{job.job_id}?location={LOCATION}")
    if reason in WORDLESS:
        assert (answer.status, answer.data) == (REASONS[reason].http, b"")
        return
    assert (answer.status, answer.reason) == (HTTP[reason], reason)
    assert answer.message == case.text(reason, job)
    error = raised_by(lambda: case.client._get_query_results(job.job_id, None, location=LOCATION))
    assert type(error) is CLASSES[HTTP[reason]]


@every_reason
def test_which_jobs_the_client_starts_again(case: Case, reason: str) -> None:
    with case.failing(reason):
        job = ended(case.client.query("SELECT 1 AS n", retry=None, job_retry=AT_ONCE))
        failed = job.job_id
        if reason in STARTED_AGAIN:
            assert [row.n for row in job.result(retry=None)] == [1]
        else:
            assert type(raised_by(lambda: job.result(retry=None))) is RAISED.get(reason, UNKNOWN)
    assert (job.job_id != failed) is (reason in STARTED_AGAIN)
    assert case.client.get_job(failed).error_result["reason"] == reason


@pytest.mark.parametrize("reason", sorted(set(REASONS) - WORDLESS))
def test_which_queries_the_client_asks_again(case: Case, reason: str) -> None:
    """``jobs.query`` answers the status of a job that failed meanwhile."""
    case.control.journal.clear()
    with case.failing(reason):
        ask = partial(case.client.query_and_wait, "SELECT 1 AS n", retry=None, job_retry=AT_ONCE)
        if reason in STARTED_AGAIN:
            assert [row.n for row in ask()] == [1]
        else:
            assert type(raised_by(ask)) is CLASSES[HTTP[reason]]
    calls = case.control.journal.calls("bigquery.jobs.query")
    # The calls that follow a 401 have its request id, and with it its job.
    assert [*dict.fromkeys(call.outcome.reason for call in calls)] == (
        [reason, ""] if reason in STARTED_AGAIN else [reason]
    )
    assert len({call.request_id for call in calls}) == 1 + (reason in STARTED_AGAIN)


@pytest.mark.parametrize("kind", ["load", "copy"])
@pytest.mark.parametrize("reason", sorted(STARTED_AGAIN))
def test_other_jobs_are_not_started_again(case: Case, reason: str, kind: str) -> None:
    start, written = KINDS[kind]
    name = f"once_{kind}_{reason}"
    case.control.journal.clear()
    with case.failing(reason):
        job = start(case.client, name)
        assert type(raised_by(lambda: job.result())) is RAISED.get(reason, UNKNOWN)
    made = {call.job_id for call in case.control.journal.calls("bigquery.jobs.insert")}
    assert made == {job.job_id}
    assert written(case, name) == 0


def test_what_an_error_says_itself(case: Case) -> None:
    effect = {
        "error": {"reason": "quotaExceeded", "level": "job", "message": "enough", "location": "there"},
    }
    with case.control.faults.add(effect):
        job = ended(query(case.client, "own"))
    assert job.error_result == {"reason": "quotaExceeded", "message": "enough", "location": "there"}
    answer = case.http.call("GET", f"/queries/{job.job_id}?location={LOCATION}")
    assert (answer.status, answer.message) == (403, "enough")
    assert answer.json["error"]["errors"][0]["location"] == "there"


@every_reason
def test_a_failed_statement_fails_its_script(case: Case, reason: str) -> None:
    """The child fails with the reason; the parent ends with the same one."""
    effect = {"error": {"reason": reason, "level": "job"}}
    with case.control.faults.add(effect, statement_type="INSERT"):
        script = f"SELECT 1; INSERT d.written VALUES ('script_{reason}'); SELECT 2"
        job = ended(case.client.query(script, retry=None, job_retry=None))
    assert job.error_result["reason"] == reason
    assert type(raised_by(lambda: job.result(retry=None))) is RAISED.get(reason, UNKNOWN)
    children = list(case.client.list_jobs(parent_job=job.job_id))
    assert [child.error_result and child.error_result["reason"] for child in children] == [reason, None]
    assert inserted(case, f"script_{reason}") == 0
