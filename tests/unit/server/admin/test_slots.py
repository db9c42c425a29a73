from __future__ import annotations

from .conftest import Control

BODY = """
capacity: {reservations: {etl: {slot_capacity: 100}}, assignments: [{reservation: etl}]}
slot_work: [{slot_time: 1h, units: 40}]
"""


def test_slots(control: Control) -> None:
    assert control.do("GET", "capacity") == {"enforced": False, "places": []}
    shown = control.do("PUT", "capacity", BODY)
    assert shown["enforced"] and shown["slotWork"] == [{"slot_time": {"fixed": "1h"}, "units": 40}]
    idle = {"demand": 0.0, "used": 0.0, "borrowed": 0.0, "scaled": 0.0}
    assert shown["places"] == [{"name": "etl", "slots": idle, "jobs": {"running": 0, "queued": 0}}]
    # A cached result needs no slots.
    answer = control.query("SELECT 1", timeoutMs=0, useQueryCache=False)
    job = answer.json["jobReference"]["jobId"]
    seen = [control.do("GET", "capacity")["places"][0]["slots"]["used"]]
    while seen[-1] != 40 and len(seen) < 10_000:
        seen.append(control.do("GET", "capacity")["places"][0]["slots"]["used"])
    assert seen[-1] == 40
    (waiting,) = control.do("GET", "jobs")["jobs"]
    assert waiting["why"] == "its work, with slots of the reservation etl" and waiting["state"] == "RUNNING"
    control.do("DELETE", "capacity")
    assert control.do("POST", f"jobs/{job}/step?project=p")["state"] == "DONE"


def test_a_capacity_ends_by_itself(control: Control) -> None:
    control.simulator.clock.freeze()
    control.do("PUT", "capacity?ttl=5m", BODY)
    control.simulator.clock.advance("4m")
    assert control.do("GET", "capacity")["enforced"]
    control.simulator.clock.advance("2m")
    assert not control.do("GET", "capacity")["enforced"]


def test_what_is_refused(control: Control) -> None:
    wrong = control.ask("PUT", "capacity", BODY.replace("etl:", "elt:"))
    assert wrong.status == 400 and wrong.json["problems"][0]["line"] == 2
    assert "no 'capacity'" in control.ask("PUT", "capacity", "rules: []").message
