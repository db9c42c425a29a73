"""Which failures of which calls are tried again, how often, and that the simulator finds the waits right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.errors import BigQueryError
from bqclient.resilience.policies import Resilience
from bqsim.sim.journal import BackoffPolicy
from bqsim.simulator import Simulator
from tests.client.journeys import SCHEMA, query, rows

from .world import World, prepared, travel

CALM = Resilience(breaker=False)
Ask = Callable[[BigQueryClient], Awaitable[Any]]


async def _listed(client: BigQueryClient) -> None:
    async for _ in client.jobs.list():
        pass


async def _rows(client: BigQueryClient) -> None:
    async for _ in client.tables.rows("d.big", limit=1):
        pass


# Calls by the service's name of them, and what makes each.
REST: Mapping[str, Ask] = {
    "datasets.get": lambda c: c.datasets.get("d"),
    "datasets.insert": lambda c: c.datasets.create("other"),
    "datasets.patch": lambda c: c.datasets.update("d", description="x"),
    "jobs.cancel": lambda c: c.jobs.cancel("none"),
    "jobs.get": lambda c: c.jobs.get("none"),
    "jobs.insert": lambda c: c.jobs.insert(query("SELECT 1")),
    "jobs.list": _listed,
    "routines.get": lambda c: c.routines.get("d.none"),
    "tabledata.insertAll": lambda c: c.streaming.insert_all("d.t", rows(1)),
    "tabledata.list": _rows,
    "tables.delete": lambda c: c.tables.delete("d.none"),
    "tables.get": lambda c: c.tables.get("d.none"),
    "tables.insert": lambda c: c.tables.create("d.new", SCHEMA),
    "tables.patch": lambda c: c.tables.update("d.t", description="x"),
}
# How often a call is made that fails so each time.
REASONS: Mapping[str, int] = {
    "accessDenied": 1,
    "backendError": 4,
    "internalError": 4,
    "invalidQuery": 1,
    "bytesBilledLimitExceeded": 1,
    "notFound": 1,
    "quotaExceeded": 2,
    "rateLimitExceeded": 6,
    "tableUnavailable": 4,
}
OTHERWISE: Mapping[tuple[str, str], int] = {
    # Tables that were made just now are not known everywhere yet.
    ("tabledata.insertAll", "notFound"): 6,
}


async def _fails(w: World, ask: Ask) -> None:
    with pytest.raises(BigQueryError):
        await ask(w.client)


@pytest.mark.parametrize("method", REST)
def test_reasons_of_calls(method: str, simulator: Simulator) -> None:
    found: dict[str, int] = {}
    name = f"bigquery.{method}"

    async def journey(w: World) -> None:
        for reason in REASONS:
            before = len(w.sim.journal.calls(name))
            with w.sim.faults.add({"error": {"reason": reason}}, method=name):
                await _fails(w, REST[method])
            found[reason] = len(w.sim.journal.calls(name)) - before
            # The next failure is that of another program.
            await w.client.core.runtime.sleep(3600)

    with prepared(simulator, f"rules-{method.replace('.', '-').lower()}") as world:
        travel(world, journey, resilience=CALM, timeout=7200.0)
        if method != "jobs.get":
            # An id that a program brings may be of no job: only those of new jobs are asked for again.
            world.sim.verify_backoff(policy=BackoffPolicy(must_retry=True))
        world.sim.verify_backoff()
    assert found == {reason: OTHERWISE.get((method, reason), count) for reason, count in REASONS.items()}


def test_rows_without_insert_ids_are_sent_again_only_when_they_were_refused(simulator: Simulator) -> None:
    found: dict[str, int] = {}
    name = "bigquery.tabledata.insertAll"

    async def journey(w: World) -> None:
        for reason in ("backendError", "internalError", "rateLimitExceeded"):
            before = len(w.sim.journal.calls(name))
            with w.sim.faults.add({"error": {"reason": reason}}, method=name):
                await _fails(w, lambda c: c.streaming.insert_all("d.t", rows(1), insert_ids=None))
            found[reason] = len(w.sim.journal.calls(name)) - before

    with prepared(simulator, "rules-no-ids") as world:
        travel(world, journey, resilience=CALM, timeout=7200.0)
    assert found == {"backendError": 1, "internalError": 1, "rateLimitExceeded": 6}


GRPC: Mapping[str, Ask] = {
    "CreateReadSession": lambda c: c.storage_read.create_session("d.big"),
    "SplitReadStream": lambda c: c.storage_read.split(
        f"projects/{c.project}/locations/us/sessions/s/streams/x", 0.5
    ),
    "CreateWriteStream": lambda c: c.storage_write.create_stream("d.t"),
    "GetWriteStream": lambda c: c.storage_write.default_stream("d.t"),
    "FinalizeWriteStream": lambda c: c.storage_write.finalize(_stream(c)),
    "FlushRows": lambda c: c.storage_write.flush(_stream(c), 0),
    "BatchCommitWriteStreams": lambda c: c.storage_write.commit("d.t", [_stream(c)]),
    "ReadRows": lambda c: c.storage_read.read_all("d.big", streams=1).to_arrow(),
}
STATUSES: Mapping[str, int] = {
    "DEADLINE_EXCEEDED": 4,
    "INVALID_ARGUMENT": 1,
    "PERMISSION_DENIED": 1,
    "UNAVAILABLE": 9,
    "INTERNAL": 1,
}
# Of calls that write, also when too much was asked for.
EXHAUSTED = (
    "CreateWriteStream",
    "GetWriteStream",
    "FinalizeWriteStream",
    "FlushRows",
    "BatchCommitWriteStreams",
)


def _stream(client: BigQueryClient) -> str:
    return f"projects/{client.project}/datasets/d/tables/t/streams/x"


@pytest.mark.parametrize("method", GRPC)
def test_statuses_of_calls(method: str, simulator: Simulator) -> None:
    found: dict[str, int] = {}
    waits: dict[str, list[float]] = {}
    name = f"*.{method}"
    wanted = {**STATUSES, "RESOURCE_EXHAUSTED": 6 if method in EXHAUSTED else 1}

    async def journey(w: World) -> None:
        time: Any = w.client.core.runtime
        for status in wanted:
            before, since = len(w.sim.journal.calls(name)), len(time.waits)
            with w.sim.faults.add({"grpc": {"status": status}}, method=name):
                await _fails(w, GRPC[method])
            found[status] = len(w.sim.journal.calls(name)) - before
            waits[status] = time.waits[since:]
            await time.sleep(3600)

    with prepared(simulator, f"rules-{method.lower()}") as world:
        travel(world, journey, resilience=CALM, timeout=7200.0)
        if method != "ReadRows":
            world.sim.verify_backoff()
    assert found == wanted
    # At once, then with growing waits; after a deadline longer ones from the first.
    first, *others = waits["UNAVAILABLE"]
    assert first == 0 and min(others) >= 1 and max(others) <= 32
    assert min(waits["DEADLINE_EXCEEDED"]) >= 4
