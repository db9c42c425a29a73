from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bqsim.errors import BigQueryError, StorageFailure
from bqsim.sim import recorder as module
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws, begin_turn, end_turn, turn
from bqsim.sim.effects.failures import NetworkFault
from bqsim.sim.gate import Call, Ending
from bqsim.sim.journal import Journal, LedgerEntry
from bqsim.sim.journal.events import CallEvent
from bqsim.sim.recorder import LARGEST_KEPT, Recorder, outcome_of
from bqsim.sim.scenario.model import Network

QUERY = "bigquery.jobs.query"
APPEND = "google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows"


@pytest.fixture(autouse=True)
def no_turn_is_left() -> Iterator[None]:
    token = begin_turn(None)
    yield
    end_turn(token)


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def recorder(journal: Journal) -> Recorder:
    return Recorder(journal, SimulationClock("2026-01-01T00:00:00Z", rate=0), Draws(1))


def query(sql: str = "SELECT 1", request_id: str = "r", caller: str = "u@example.com", **more: Any) -> Call:
    body = {"query": sql, "requestId": request_id}
    raw = b'{"query": "%s", "requestId": "%s"}' % (sql.encode(), request_id.encode())
    headers = {"user-agent": "gl-python", "authorization": "Bearer secret"}
    return Call("rest", QUERY, "projects/p/queries", caller, body, headers, size=len(raw), raw=raw, **more)


def told(journal: Journal) -> list[CallEvent]:
    return journal.calls()


def test_a_call_is_an_event_with_what_it_asked(recorder: Recorder, journal: Journal) -> None:
    call = query()
    recorder.closed(recorder.opened(call))
    [event] = told(journal)
    assert (event.method, event.caller, event.scope, event.client) == (
        QUERY,
        "u@example.com",
        "p",
        "gl-python",
    )
    assert event.facts == {"job_type": "QUERY", "sql": "SELECT 1"}
    assert (event.occurrence, event.attempt, event.request_id) == (1, 1, "r")
    assert event.outcome.ok
    assert event.id == call.explain
    assert "secret" not in str(event)


def test_quiet_calls_come_to_the_same_event(recorder: Recorder, journal: Journal) -> None:
    recorder.closed(recorder.opened(query()))
    quiet = query()
    quiet.notes["rows"] = 4
    recorder.end_quiet(recorder.quiet(quiet), None)
    loud, silent = told(journal)
    assert silent.fingerprint == loud.fingerprint
    assert silent.occurrence == loud.occurrence + 1
    assert silent.facts == {**loud.facts, "rows": 4}
    assert (silent.client, silent.scope, silent.request_id) == (loud.client, loud.scope, loud.request_id)


def test_large_quiet_requests_are_not_kept(recorder: Recorder, journal: Journal) -> None:
    call = query("SELECT '" + "x" * LARGEST_KEPT + "'")
    recorder.end_quiet(recorder.quiet(call), None)
    [event] = told(journal)
    assert event.fingerprint == ""


def test_the_same_request_is_numbered_for_each_caller(recorder: Recorder, journal: Journal) -> None:
    for call in (query(), query(request_id="s"), query(caller="v@example.com"), query("SELECT 2")):
        recorder.closed(recorder.opened(call))
    assert [e.occurrence for e in told(journal)] == [1, 2, 1, 1]
    assert len({e.id for e in told(journal)}) == 4


def test_numbers_do_not_come_again_when_requests_are_forgotten(
    recorder: Recorder, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_REQUESTS", 2)
    for n in (1, 1, 2, 3, 4, 5, 1):
        recorder.closed(recorder.opened(query(f"SELECT {n}", request_id="")))
    assert len({e.id for e in told(journal)}) == 7


def test_draws_of_a_numbered_call_are_its_own(recorder: Recorder) -> None:
    call = query()
    recorder.opened(call)
    found = turn()
    assert found is not None and found is call.turn
    assert found.key == call.explain


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (BigQueryError("backendError", "no"), "503 backendError"),
        (StorageFailure("ABORTED", "no"), "ABORTED"),
        (NetworkFault(Network("reset"), applied=False), "network fault reset"),
        (KeyError("a defect"), "500 internalError"),
        (KeyboardInterrupt(), "network fault closed"),
    ],
    ids=["error", "status", "network", "defect", "gone"],
)
def test_outcomes_are_what_the_client_saw(error: BaseException, text: str) -> None:
    assert outcome_of(query(), error).text == text


@pytest.mark.parametrize(
    ("applied", "error", "entry"),
    [
        (True, None, (True, True, False)),
        (True, BigQueryError("backendError", "lost"), (True, False, False)),
        (False, BigQueryError("backendError", "refused"), (False, False, False)),
        (False, BigQueryError("duplicate", "Already Exists: Job p:US.j"), (False, True, True)),
    ],
    ids=["done", "lost answer", "not done", "done before"],
)
def test_the_ledger_tells_what_truly_happened(
    recorder: Recorder, journal: Journal, applied: bool, error: Exception | None, entry: tuple[bool, ...]
) -> None:
    record = recorder.opened(query())
    record.applied = applied
    recorder.closed(record, error)
    [found] = journal.ledger()
    assert (found.applied, found.acknowledged, found.deduplicated) == entry


def test_what_a_service_found_done_before_is_not_done_again(recorder: Recorder, journal: Journal) -> None:
    call = query()
    record = recorder.opened(call)
    record.applied = True
    call.notes.update(deduplicated=True, rows=7, insert_errors=object())
    recorder.closed(record)
    [found] = journal.ledger()
    assert (found.applied, found.deduplicated, found.rows) == (False, True, 7)
    assert told(journal)[0].facts["rows"] == 7
    assert "insert_errors" not in told(journal)[0].facts


def test_reads_are_in_no_ledger(recorder: Recorder, journal: Journal) -> None:
    recorder.closed(
        recorder.opened(Call("rest", "bigquery.tables.get", "projects/p/datasets/d/tables/t", "u"))
    )
    assert not [e for e in journal.events() if isinstance(e, LedgerEntry)]


@pytest.mark.parametrize("quiet", [True, False])
def test_a_stream_is_written_down_when_it_ends(recorder: Recorder, journal: Journal, quiet: bool) -> None:
    ending = Ending()
    call = Call("grpc", "x.ReadRows", "projects/p", "u", ending=ending)
    if quiet:
        recorder.end_quiet(recorder.quiet(call), None)
    else:
        recorder.closed(recorder.opened(call))
    assert told(journal) == []
    ending.end(StorageFailure("UNAVAILABLE", "broken"))
    assert [e.outcome.text for e in told(journal)] == ["UNAVAILABLE"]


def test_counts_can_be_put_back(recorder: Recorder, journal: Journal) -> None:
    recorder.closed(recorder.opened(query()))
    counts = recorder.counts()
    recorder.closed(recorder.opened(query()))
    recorder.restore(counts)
    recorder.closed(recorder.opened(query()))
    assert [e.occurrence for e in told(journal)] == [1, 2, 2]
    recorder.reset()
    recorder.closed(recorder.opened(query()))
    assert told(journal)[-1].occurrence == 1
