"""Google's client of jobs that wait and run, and where its jobs stand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from google.cloud import bigquery

from bqsim.simulator import Simulator
from tests.waiting import until


@contextlib.contextmanager
def uncached(simulator: Simulator) -> Iterator[Any]:
    """A client whose queries run each time."""
    client = simulator.client(default_query_job_config=bigquery.QueryJobConfig(use_query_cache=False))
    yield client
    client.close()


def state(client: Any, job: Any) -> str:
    """Where a job stands now."""
    return str(client.get_job(job.job_id).state)


def settled(client: Any, *jobs: Any, states: list[str]) -> None:
    """Wait until all stand where they should at once."""
    until(lambda: [state(client, job) for job in jobs] == states)
