"""Bad files and mixes of options: each gets the service's reason, and none an internal error.

``python -m tests.contract.test_bad_loads`` writes down what comes of the cases, to be read before it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bqsim.settings import Settings
from bqsim.simulator import Simulator

from .bad_loads import CASES, Case

pytestmark = [
    pytest.mark.fidelity("load:bad records", "exact"),
    pytest.mark.fidelity("load:options", "exact"),
]

OUTCOMES = Path(__file__).with_name("bad_loads.json")
_KNOWN: dict[str, Any] = json.loads(OUTCOMES.read_text()) if OUTCOMES.exists() else {}


class Loads:
    """Load jobs through the REST server."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._session = requests.Session()
        self._post("datasets", {"datasetReference": {"projectId": "p", "datasetId": "d"}})

    def run(self, case: Case) -> dict[str, Any]:
        """What comes of a case."""
        for statement in case.setup:
            sql = statement.replace("{t}", f"d.{case.name}")
            found = self._post("queries", {"query": sql, "useLegacySql": False}).json()
            assert "error" not in found and not found.get("errors"), (sql, found)
        for name, data in case.files.items():
            self._sim.objects.put(f"gs://bad/{case.name}/{name}", data)
        answer = self._insert(case)
        body = answer.json()
        if answer.status_code != 200:
            error = body["error"]["errors"][0]
            return {"status": answer.status_code, "reason": error["reason"], "message": error["message"]}
        return self._outcome(self._finished(body))

    def _insert(self, case: Case) -> requests.Response:
        target = {"projectId": "p", "datasetId": "d", "tableId": case.name + case.decorator}
        load: dict[str, Any] = {"destinationTable": target, **case.options}
        if case.uris:
            load["sourceUris"] = [u if ":" in u else f"gs://bad/{case.name}/{u}" for u in case.uris]
            return self._post("jobs", {"configuration": {"load": load}})
        head = json.dumps({"configuration": {"load": load}}).encode()
        parts = (
            (b"application/json", head),
            (b"application/octet-stream", case.data),
        )
        content = b"".join(b"--cut\r\nContent-Type: %s\r\n\r\n%s\r\n" % part for part in parts) + b"--cut--"
        return self._session.post(
            f"{self._sim.url}/upload/bigquery/v2/projects/p/jobs?uploadType=multipart",
            data=content,
            headers={"Content-Type": "multipart/related; boundary=cut"},
        )

    def _finished(self, job: dict[str, Any]) -> dict[str, Any]:
        ref = job["jobReference"]
        path = f"{self._sim.url}/bigquery/v2/projects/p/queries/{ref['jobId']}"
        while job["status"]["state"] != "DONE":
            self._session.get(path, params={"location": ref["location"], "timeoutMs": "1000"})
            job = self._session.get(
                f"{self._sim.url}/bigquery/v2/projects/p/jobs/{ref['jobId']}",
                params={"location": ref["location"]},
            ).json()
        return job

    @staticmethod
    def _outcome(job: dict[str, Any]) -> dict[str, Any]:
        status, load = job["status"], job["statistics"]["load"]
        told = [error["message"] for error in status.get("errors", ())]
        failure = status.get("errorResult")
        if failure is None:
            found = {"rows": int(load["outputRows"]), "bad": int(load["badRecords"])}
            return {**found, "errors": told} if told else found
        found = {"reason": failure["reason"], "message": failure["message"]}
        if "location" in failure:
            found["location"] = failure["location"]
        return {**found, "errors": told[1:]} if told[1:] else found

    def _post(self, path: str, body: dict[str, Any]) -> requests.Response:
        return self._session.post(f"{self._sim.url}/bigquery/v2/projects/p/{path}", json=body)


@pytest.fixture(scope="module")
def loads() -> Iterator[Loads]:
    with Simulator(Settings(project="p", seed=1)) as sim:
        yield Loads(sim)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_comes_of_it(loads: Loads, case: Case) -> None:
    assert loads.run(case) == _KNOWN[case.name]


def test_every_outcome_is_known_and_none_is_internal() -> None:
    assert sorted(_KNOWN) == sorted(case.name for case in CASES)
    assert len(CASES) >= 150
    assert not [name for name, found in _KNOWN.items() if found.get("status", 400) >= 500]
    assert not [name for name, found in _KNOWN.items() if "nternal" in found.get("reason", "")]


if __name__ == "__main__":
    with Simulator(Settings(project="p", seed=1)) as simulator:
        runs = Loads(simulator)
        found = {case.name: runs.run(case) for case in CASES}
    OUTCOMES.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
