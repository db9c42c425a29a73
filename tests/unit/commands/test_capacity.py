from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.request import Request, urlopen

from bqsim.simulator import Simulator

from .conftest import Run

SCENARIO = """
capacity:
  reservations: {etl: {slot_capacity: 1000, target_job_concurrency: 1}}
  assignments: [{reservation: etl}]
slot_work: [{slot_time: 1h, units: 400}]
"""


def test_capacity(run: Run, sim: Simulator, tmp_path: Path) -> None:
    none = "no capacity is in force: jobs run as fast as they can\n"
    assert run("capacity", "show") == (0, none, "")
    file = tmp_path / "slots.yaml"
    file.write_text(SCENARIO)
    sim.clock.freeze()
    head, idle = run("capacity", "use", str(file))[1].splitlines()
    assert head.split() == ["PLACE", "ASKED", "USED", "BORROWED", "SCALED", "RUNNING", "QUEUED"]
    assert idle.split() == ["etl", *"000000"]
    body = json.dumps({"configuration": {"query": {"query": "SELECT 1", "useLegacySql": False}}}).encode()
    for _ in range(2):
        request = Request(
            f"{sim.url}/bigquery/v2/projects/p/jobs", body, {"content-type": "application/json"}
        )
        urlopen(request).close()
    while run("capacity", "show")[1].splitlines()[1].split() != ["etl", "400", "400", "0", "0", "1", "1"]:
        time.sleep(0.01)
    shown = json.loads(run("capacity", "show", "--json")[1])
    assert shown["capacity"]["reservations"]["etl"]["slot_capacity"] == 1000
    assert shown["slotWork"] == [{"slot_time": {"fixed": "1h"}, "units": 400}]
    assert shown["places"][0]["jobs"] == {"running": 1, "queued": 1}
    assert run("capacity", "off") == (0, none, "")
    assert sim.capacity.described is None


def test_what_is_refused(run: Run, sim: Simulator, tmp_path: Path) -> None:
    code, _, said = run("capacity", "use", str(tmp_path / "none.yaml"))
    assert code == 1 and "cannot be read" in said
    file = tmp_path / "slots.yaml"
    file.write_text("capacity: {reservations: {etl: {slot_capacty: 5}}}")
    code, _, said = run("capacity", "use", str(file))
    assert code == 1 and "did you mean 'slot_capacity'" in said
    file.write_text("rules: []")
    code, _, said = run("capacity", "use", str(file))
    assert code == 1 and "the scenario has no 'capacity'" in said
