from __future__ import annotations

from bqsim.sim.progression.growth import MAX_SAMPLES, UNITS, Growth

SECOND = 1_000_000


def test_a_plan_is_refreshed_every_30_seconds() -> None:
    growth = Growth(0)
    growth.see(29 * SECOND, 0.29)
    assert len(growth.samples) == 1
    growth.see(95 * SECOND, 0.95)
    assert [s.elapsed_ms for s in growth.samples] == [0, 30_000, 60_000, 90_000]
    shares = [s.share for s in growth.samples]
    assert shares == sorted(shares)
    growth.see(96 * SECOND, 0.96)
    assert len(growth.samples) == 4


def test_what_was_shown_stays() -> None:
    growth = Growth(0)
    growth.see(30 * SECOND, 0.5)
    before = growth.to_json()["timeline"]
    growth.see(60 * SECOND, 0.4)
    assert growth.to_json()["timeline"][: len(before)] == before
    assert growth.samples[-1].share == 0.5


def test_stages_follow_one_another() -> None:
    growth = Growth(0)
    stages = growth.to_json()["queryPlan"]
    assert [s["status"] for s in stages] == ["RUNNING", "PENDING", "PENDING"]
    growth.see(30 * SECOND, 0.7)
    stages = growth.to_json()["queryPlan"]
    assert [s["status"] for s in stages] == ["COMPLETE", "RUNNING", "PENDING"]
    assert int(stages[0]["endMs"]) <= 30_000
    assert "startMs" not in stages[2]
    assert sum(int(s["completedParallelInputs"]) for s in stages) == 70
    growth.see(40 * SECOND, 1.0, at_once=True)
    shown = growth.to_json()
    assert {s["status"] for s in shown["queryPlan"]} == {"COMPLETE"}
    assert shown["timeline"][-1] == {
        "elapsedMs": "40000",
        "totalSlotMs": "40000",
        "pendingUnits": "0",
        "completedUnits": str(UNITS),
        "activeUnits": "0",
    }


def test_months_have_not_more_samples_than_hours() -> None:
    growth = Growth(0)
    growth.see(90 * 86_400 * SECOND, 0.5)
    assert len(growth.samples) <= MAX_SAMPLES + 1
    for hour in range(1, 2000):
        growth.see((90 * 86_400 + hour * 3600) * SECOND, 0.5)
    assert len(growth.samples) <= MAX_SAMPLES + 1
