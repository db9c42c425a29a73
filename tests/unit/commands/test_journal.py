from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import requests

from bqsim.commands import journal
from bqsim.simulator import Simulator

from .conftest import Run


def query(sim: Simulator) -> Any:
    body = {"query": "SELECT 1", "useLegacySql": False}
    return requests.post(f"{sim.url}/bigquery/v2/projects/p/queries", json=body, timeout=30)


def test_events_in_lines(run: Run, sim: Simulator) -> None:
    sim.faults.add("blocked", id="x", method="bigquery.datasets.list")
    query(sim)
    requests.get(f"{sim.url}/bigquery/v2/projects/p/datasets", timeout=30)
    lines = [line.split(" ", 1) for line in run("journal")[1].splitlines()]
    said = [rest if first.startswith("#") else f"{first} {rest}" for first, rest in lines]
    assert any("rules.add rule=x" in line for line in said)
    assert any("bigquery.jobs.query projects/p/queries → ok" in line for line in said)
    assert any(
        "bigquery.datasets.list projects/p → 403 blocked  [x]" in line or "403 blocked  [x]" in line
        for line in said
    )
    assert any("PENDING → RUNNING" in line for line in said) and any(
        "applied, acknowledged" in line for line in said
    )
    calls = run("journal", "--kind", "call", "--json")[1].splitlines()
    assert [json.loads(line)["kind"] for line in calls] == ["call", "call"]
    assert len(run("journal", "--method", "bigquery.jobs.*")[1].splitlines()) == 1
    assert len(run("journal", "--hash")[1].strip()) == 64
    run("journal", "--clear")
    assert run("journal") == (0, "", "")


def test_events_are_followed(run: Run, sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = threading.Event()

    def sleep(seconds: float) -> None:
        if slept.is_set():
            raise KeyboardInterrupt
        slept.set()
        query(sim)

    monkeypatch.setattr(journal.time, "sleep", sleep)
    code, out, _ = run("journal", "--follow", "--kind", "call")
    assert code == 0 and "bigquery.jobs.query" in out


def test_a_wrong_kind(run: Run) -> None:
    assert "Unknown kind 'cal' of an event" in run("journal", "--kind", "cal")[2]
