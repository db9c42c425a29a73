from __future__ import annotations

import pytest

from bqsim.rehearse.money import tariffs
from bqsim.rehearse.plan.reading import LoadedPlan
from bqsim.rehearse.results import Charge
from bqsim.rehearse.streams.measure import measured
from bqsim.rehearse.streams.money import charges
from bqsim.sim.scenario.tree import ScenarioError

from .plans import loaded

GIB, TIB = 1 << 30, 1 << 40
DAY = 86_400
MONTH = 730 / 24


def bill(found: LoadedPlan, seconds: int, days: float) -> tuple[Charge, ...]:
    plan = found.plan
    return charges(plan, measured(plan, seconds), tariffs(plan.money), days)


def test_bytes_beyond_those_that_are_free_are_paid() -> None:
    rate = 4 * TIB / MONTH / DAY
    (line,) = bill(loaded(f"row_bytes: 1000, bytes: {{constant: {rate}}}"), DAY, 1.0)
    assert (line.what, line.place, line.unit, line.status) == (
        "Storage Write API", "stream", "GiB", "unverified",
    )  # fmt: skip
    # Half of four TiB a month is free.
    assert line.quantity == pytest.approx(2 * 1024 / MONTH)
    assert line.amount == pytest.approx(2 * 1024 / MONTH * 0.025)
    assert line.price == 0.025
    (few,) = bill(loaded(f"row_bytes: 1000, bytes: {{constant: {rate / 2}}}"), DAY, 1.0)
    assert [few.quantity, few.amount] == pytest.approx([0, 0], abs=1e-6)


def test_what_is_free_is_shared_by_bytes() -> None:
    rate = TIB / MONTH / DAY
    one, two = bill(
        loaded(
            f"name: a, row_bytes: 1000, bytes: {{constant: {rate}}}",
            f"name: b, row_bytes: 1000, bytes: {{constant: {3 * rate}}}, method: committed",
        ),
        DAY,
        1.0,
    )
    assert (one.place, two.place) == ("a", "b")
    assert two.amount == pytest.approx(3 * one.amount)
    assert one.amount + two.amount == pytest.approx(2 * 1024 / MONTH * 0.025)


def test_small_rows_by_rest_cost_as_much_as_those_of_a_kibibyte() -> None:
    small, large = bill(
        loaded(
            "name: small, method: insertAll, row_bytes: 100, rows: {constant: 1024}",
            "name: large, method: insertAll, row_bytes: 2048, rows: {constant: 1024}",
        ),
        200,
        200 / DAY,
    )
    assert small.amount == pytest.approx(0.01)
    assert large.amount == pytest.approx(0.02)
    assert small.quantity == pytest.approx(200 / 1024)
    assert small.what == "insertAll"


def test_a_place_without_a_price_is_told_when_the_plan_is_read() -> None:
    with pytest.raises(ScenarioError) as refused:
        loaded("row_bytes: 10, rows: {constant: 1}, location: europe-west1")
    assert str(refused.value) == (
        "plan.yaml:2:50: no table has a price of ingest.write_api in the region 'europe-west1': there is one "
        "in eu, us; add it to a file of your own and name that under money: files"
    )
