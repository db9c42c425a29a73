"""Limits on calls: what is charged, held, given back and answered."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError, StorageFailure
from bqsim.sim.clock import SimulationClock
from bqsim.sim.gate import Call, Life
from bqsim.sim.limits import Limits, Setup
from bqsim.sim.limits.gate import Enforcement
from bqsim.sim.methods import APPEND_ROWS, BATCH_COMMIT, READ_ROWS
from bqsim.sim.scenario.model import Quota

GET, LIST = "bigquery.tables.get", "bigquery.tabledata.list"
STREAM = "projects/p/datasets/d/tables/t/streams/s"


def enforcement(**amounts: int) -> Enforcement:
    return Enforcement(Limits(Setup(amounts=amounts)), SimulationClock(0, 0))


def rest(method: str = GET, **more: Any) -> Call:
    return Call("rest", method, "projects/p/datasets/d/tables/t", "ann@example.com", **more)


def grpc(method: str, life: Life | None = None, size: int = 10) -> Call:
    return Call("grpc", method, STREAM, "ann@example.com", size=size, life=life)


def used(gate: Enforcement, limit: str) -> list[int]:
    return [row["used"] for row in gate.limits.usage(gate.clock.now_us(), limit)]


def test_a_refusal_names_the_limit_and_gives_no_time() -> None:
    gate = enforcement(api_requests_per_user_method=1)
    gate.entered(rest())
    call = rest()
    with pytest.raises(BigQueryError, match="too many api requests") as refusal:
        gate.entered(call)
    assert (refusal.value.reason.name, refusal.value.http) == ("rateLimitExceeded", 403)
    assert refusal.value.retry_after_s is None
    assert call.notes == {"quota": "api_requests_per_user_method"}


def test_a_refused_call_holds_nothing() -> None:
    gate = enforcement(api_requests_per_user_method=1)
    gate.left(gate.entered(rest()), rest())
    with pytest.raises(BigQueryError):
        gate.entered(rest())
    assert used(gate, "concurrent_api_requests_per_user") == []


def test_places_are_held_until_the_call_is_over() -> None:
    gate = enforcement(concurrent_api_requests_per_user=1)
    freed: list[Any] = []
    gate.released.append(freed.append)
    ticket = gate.entered(rest())
    with pytest.raises(BigQueryError, match="concurrent api requests"):
        gate.entered(rest())
    gate.left(ticket, rest())
    gate.left(ticket, rest())
    assert freed == [(("concurrent_api_requests_per_user", "ann@example.com"),)]
    gate.entered(rest())


@pytest.mark.parametrize("given", [100, None])
def test_the_answer_is_paid_for_afterwards(given: int | None) -> None:
    gate = enforcement(tabledata_list_bytes=50)
    call = rest(LIST)
    call.notes["bytes"] = 100
    gate.left(gate.entered(call), call, given)
    with pytest.raises(BigQueryError, match=r"tabledata\.list bytes"):
        gate.entered(rest(LIST))


@pytest.mark.parametrize(
    ("method", "limit"), [(READ_ROWS, "concurrent_read_rows"), (APPEND_ROWS, "write_connections")]
)
def test_streams_hold_their_place_until_they_end(method: str, limit: str) -> None:
    gate = enforcement(**{limit: 1})
    life = Life()
    call = grpc(method, life)
    gate.left(gate.entered(call), call)
    with pytest.raises(StorageFailure):
        gate.entered(grpc(method, Life()))
    life.end()
    life.end()
    gate.entered(grpc(method, Life()))


def test_the_messages_of_a_connection_share_its_place() -> None:
    gate = enforcement(write_connections=1, append_bytes=50)
    life = Life()
    for _ in range(3):
        call = grpc(APPEND_ROWS, life)
        gate.left(gate.entered(call), call)
    assert used(gate, "write_connections") == [1]
    assert used(gate, "append_bytes") == [30]


def test_retry_info_where_the_row_has_it() -> None:
    gate = enforcement(read_rows_requests=1, concurrent_read_rows=1, append_bytes=1)
    gate.entered(grpc(READ_ROWS, Life()))
    with pytest.raises(StorageFailure, match="concurrent ReadRows") as place:
        gate.entered(grpc(READ_ROWS, Life()))
    assert place.value.retry_delay_s == 1.0
    gate = enforcement(read_rows_requests=1)
    gate.entered(grpc(READ_ROWS))
    with pytest.raises(StorageFailure) as rate:
        gate.entered(grpc(READ_ROWS))
    assert rate.value.retry_delay_s == pytest.approx(60, abs=0.001)
    gate = enforcement(append_bytes=1)
    gate.entered(grpc(APPEND_ROWS, Life()))
    with pytest.raises(StorageFailure) as bytes_:
        gate.entered(grpc(APPEND_ROWS, Life()))
    assert (bytes_.value.status, bytes_.value.retry_delay_s) == ("RESOURCE_EXHAUSTED", None)


def test_a_commit_counts_what_was_appended() -> None:
    class Body:
        write_streams = (STREAM,)

    gate = enforcement(commit_pending_bytes=15)
    commit = Call("grpc", BATCH_COMMIT, "projects/p/datasets/d/tables/t", "ann@example.com", Body())
    gate.entered(grpc(APPEND_ROWS, Life()))
    gate.entered(commit)
    gate.entered(grpc(APPEND_ROWS, Life()))
    with pytest.raises(StorageFailure, match="commits 20 pending bytes"):
        gate.entered(commit)


def test_a_limit_that_is_taken_as_used_up() -> None:
    gate = enforcement()
    error = gate.exhausted(Quota("jobs_get_requests"), rest())
    assert isinstance(error, BigQueryError)
    assert "too many jobs.get requests" in error.message
    assert isinstance(gate.exhausted(Quota("append_bytes"), grpc(APPEND_ROWS)), StorageFailure)
    with pytest.raises(ValueError, match="did you mean jobs_get_requests"):
        gate.exhausted(Quota("job_get_requests"), rest())


def test_sandboxes_are_projects_by_glob() -> None:
    gate = Enforcement(Limits(), SimulationClock(0, 0), sandboxes=("free-*",))
    assert gate.is_sandbox("free-1")
    assert not gate.is_sandbox("p")
