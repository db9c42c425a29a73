import datetime as dt

import pytest

from bqsim.cost.baseline import Entry, entry_of
from bqsim.cost.gate import Checked
from bqsim.cost.model import Estimate, Measured, Query, Rate, Run
from bqsim.cost.money import Till
from bqsim.cost.plans import Plans, plans
from bqsim.cost.policy import Pricing
from bqsim.cost.pricing import load_prices
from bqsim.cost.reporting import FORMATS
from bqsim.cost.units import BYTES

TIB = BYTES["TiB"]
TILL = Till(Pricing(), load_prices(), dt.date(2026, 11, 1))


def entry(slot_hours: float, tib: float = 1, name: str = "q") -> Entry:
    slots = int(slot_hours * 3_600_000)
    runs = tuple(Run(n, slots, 1.0) for n in range(1, 6)) if slots else ()
    billed = int(tib * TIB)
    estimate = Estimate("SELECT", billed, billed, billed, uncacheable=("x",))
    return entry_of(Measured(Query(name, "SELECT 1", rate=Rate(10, 10, 10), runs=runs), estimate))


def test_few_slots_for_much_data_are_cheaper_by_slots() -> None:
    found = plans(TILL, [entry(10)])
    names = ["STANDARD slots", "ENTERPRISE slots", "ENTERPRISE_PLUS slots", "on demand"]
    assert [p.name for p in found.plans] == names
    assert [p.month for p in found.plans] == pytest.approx([4, 6, 10, 62.5])
    assert [p.meets for p in found.plans] == [
        pytest.approx(156.25),
        pytest.approx(104.1667, abs=1e-3),
        pytest.approx(62.5),
        None,
    ]
    assert found.slot_hours == pytest.approx(10)
    assert found.advice == (
        "STANDARD slots is the cheapest for these queries, by 94% before on demand (4.00 USD a month, not "
        "62.50 USD); idle slots and steps of scaling come on top"
    )


def test_where_they_meet_they_cost_the_same() -> None:
    found = plans(TILL, [entry(6.25 / 0.06)])
    months = {p.name: p.month for p in found.plans}
    assert months["ENTERPRISE slots"] == pytest.approx(months["on demand"], rel=1e-6)


def test_much_work_on_little_data_is_cheaper_on_demand() -> None:
    advice = plans(TILL, [entry(500)]).advice
    assert advice.startswith("on demand is the cheapest for these queries, by 69% before STANDARD slots")
    assert "idle" not in advice


def test_only_queries_with_slot_time_are_compared() -> None:
    found = plans(TILL, [entry(10), entry(0, name="other")])
    assert (found.compared, found.queries) == (1, 2)
    assert "1 of 2 queries have slot time" in found.advice
    nothing = plans(TILL, [entry(0)])
    assert (nothing.plans, nothing.advice) == ((), "")


def test_reports_tell_it() -> None:
    found: Plans = plans(TILL, [entry(10)])
    checked = Checked("w", (), (), 1.0, 1.0, "USD", "prices", plans=found)
    assert "how to pay: STANDARD slots is the cheapest" in FORMATS["text"](checked)
    assert "On demand or by slots" in FORMATS["html"](checked)
    assert '"slot_hours_per_tib": 10' in FORMATS["json"](checked)
