"""One run of many threads against a seeded simulator whose clock stands, and what came of it."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from bqsim.settings import Settings
from bqsim.sim.scenario.load import parse
from bqsim.simulator import Simulator

THREADS = 16
START = "2030-01-01T00:00:00Z"

SCENARIO = """
rules:
  - {match: {method: bigquery.jobs.query, probability: 0.3}, effect: {error: backendError}}
  - {match: {method: bigquery.tabledata.insertAll, probability: 0.2}, effect: {insert_errors: 0.4}}
  - match: {method: bigquery.tables.*, probability: 0.25}
    effect: {error: {reason: rateLimitExceeded, applied: true}}
  - {match: {job_type: QUERY, probability: 0.2}, effect: {error: {reason: jobBackendError, level: job}}}
"""

# When something was done, in milliseconds: readings of a standing clock are a microsecond apart each, so how
# threads interleave shows in them.
_TIMES = re.compile(rb'("[A-Za-z]*(?:Time|Ms)": ?)"\d+"')


@dataclass(frozen=True, slots=True)
class Run:
    """``answers`` has the status and body of every request, by thread; ``journal`` is the journal's hash."""

    answers: tuple[tuple[tuple[int, bytes], ...], ...]
    journal: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self.answers).encode()).hexdigest()


def run(seed: int = 7, threads: int = THREADS, scenario_seed: int = 20260101) -> Run:
    """Start a simulator, let threads send their requests at once, and stop it."""
    with Simulator(Settings(project="p", seed=seed)) as simulator:
        simulator.clock.freeze()
        simulator.clock.set_time(START)
        core = simulator.core
        assert core is not None
        core.simulation.load(replace(parse(SCENARIO), seed=scenario_seed))
        answers: list[tuple[tuple[int, bytes], ...]] = [()] * threads
        gate = threading.Barrier(threads)

        def work(number: int) -> None:
            gate.wait()
            answers[number] = tuple(_exchange(simulator.port, requests(number)))

        workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return Run(tuple(answers), core.simulation.journal.hash())


Request = tuple[str, str, dict[str, Any] | None]


def requests(number: int) -> Iterator[Request]:
    """What one thread sends, in a project of its own and in one that all share."""
    own = f"/bigquery/v2/projects/p{number}"
    shared = "/bigquery/v2/projects/p"
    yield "POST", f"{own}/datasets", {"datasetReference": {"datasetId": "d"}}
    schema = {"fields": [{"name": "n", "type": "INTEGER"}, {"name": "s", "type": "STRING"}]}
    for t in range(2):
        table = {"tableReference": {"datasetId": "d", "tableId": f"t{t}"}, "schema": schema}
        yield "POST", f"{own}/datasets/d/tables", table
        yield "GET", f"{own}/datasets/d/tables/t{t}", None
        rows = [{"json": {"n": n, "s": f"{number}"}} for n in range(8)]
        yield "POST", f"{own}/datasets/d/tables/t{t}/insertAll", {"rows": rows}
        query = f"SELECT COUNT(*), SUM(n), GENERATE_UUID() FROM d.t{t}"
        body = {"query": query, "useLegacySql": False, "defaultDataset": {"datasetId": "d"}}
        for _ in range(2):
            yield "POST", f"{own}/queries", body
    job = {"configuration": {"query": {"query": "SELECT RAND()", "useLegacySql": False}}}
    yield "POST", f"{own}/jobs", {**job, "jobReference": {"jobId": f"j{number}"}}
    # Once the job is done, so that no run ends before it.
    yield "GET", f"{own}/queries/j{number}", None
    yield "POST", f"{shared}/queries", {"query": f"SELECT {number}, RAND()", "useLegacySql": False}


def _exchange(port: int, sent: Iterator[Request]) -> Iterator[tuple[int, bytes]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    for verb, path, body in sent:
        connection.request(verb, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        yield answer.status, shown(answer.read(), port)
    connection.close()


def shown(body: bytes, port: int) -> bytes:
    """An answer without what tells the run apart: its port, and times."""
    return _TIMES.sub(rb'\1"0"', body.replace(f":{port}".encode(), b""))


def differences(one: Run, other: Run) -> list[str]:
    """The answers that differ, a line each."""
    pairs = [
        (thread, number, a, b)
        for thread, (left, right) in enumerate(zip(one.answers, other.answers, strict=True))
        for number, (a, b) in enumerate(zip(left, right, strict=True))
    ]
    say: Callable[[Any], str] = lambda answer: f"{answer[0]} {answer[1].decode()}"  # noqa: E731
    return [f"thread {t} request {n}: {say(a)} != {say(b)}" for t, n, a, b in pairs if a != b]
