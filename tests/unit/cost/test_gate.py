"""Verdicts beyond changes of texts: growth, slot time, new and gone queries, budgets, money."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bqsim.cost.baseline import Baseline, baseline_of
from bqsim.cost.bench import Bench, bench, fingerprinted
from bqsim.cost.capacity import Allocation, Demand
from bqsim.cost.gate import Checked, check
from bqsim.cost.model import Measured, Query, Rate, Run, Workload
from bqsim.cost.money import Till
from bqsim.cost.policy import Budget, Policy, Pricing, QueryRule, Slots, Tolerance, Verdicts
from bqsim.cost.pricing import load_prices

AT = dt.datetime(2026, 1, 4, 12, tzinfo=dt.UTC)
DAY = AT.date()
CUSTOMERS = "SELECT id, name FROM sales.customers"


@pytest.fixture(scope="module")
def shop() -> Iterator[Bench]:
    with bench([Path(__file__).parent / "warehouse.yaml"], project="shop", at=AT) as one:
        yield one


def work(*queries: Query) -> Workload:
    return Workload("w", tuple(map(fingerprinted, queries)))


def base(shop: Bench, *queries: Query) -> Baseline:
    workload = work(*queries)
    return baseline_of(workload, shop.measure(workload))


def run(
    shop: Bench, baseline: Baseline, *queries: Query, policy: Policy | None = None, till: Till | None = None
) -> Checked:
    policy, workload = policy or Policy(), work(*queries)
    till = till or Till(policy.pricing, load_prices(), DAY)
    return check(baseline, workload, shop.measure(workload), shop, policy, till)


def runs(values: Sequence[float], **more: object) -> tuple[Run, ...]:
    return tuple(Run(n, int(v), v, **more) for n, v in enumerate(values, 1))  # type: ignore[arg-type]


STEADY = [900, 500, 100, 104, 97, 101, 99, 103]


def test_tables_that_grew_are_told_and_not_failed(shop: Bench) -> None:
    query = Query("q", CUSTOMERS)
    baseline = base(shop, query)
    entry = baseline.entries["q"]
    smaller = replace(entry.measured.estimate, bytes_processed=1000, bytes_billed=10 * 2**20)
    small = replace(entry, measured=Measured(entry.measured.query, smaller))
    before = replace(baseline, entries={"q": small})
    finding = run(shop, before, query).findings[0]
    assert (finding.verdict, finding.severity) == ("grown", "warn")
    assert [c.code for c in finding.causes] == ["table_grown"]
    assert finding.growth == 300_000_000 - 1000
    assert run(shop, before, query, policy=Policy(verdicts=Verdicts(grown="fail"))).failed
    # A change of the text is told apart from growth.
    worse = run(shop, before, Query("q", "SELECT * FROM sales.customers")).findings[0]
    assert [c.code for c in worse.causes] == ["select_star"]
    assert worse.change == 640_000_000
    assert worse.growth == 300_000_000 - 1000


def test_slot_time_alone_is_a_regression(shop: Bench) -> None:
    before = base(shop, Query("q", CUSTOMERS, runs=runs(STEADY)))
    slower = run(shop, before, Query("q", CUSTOMERS, runs=runs([v * 2 for v in STEADY])))
    finding = slower.findings[0]
    assert (finding.verdict, [c.code for c in finding.causes]) == ("regression", ["slots_risen"])
    assert finding.slots is not None and finding.slots.confidence > 0.99
    same = run(shop, before, Query("q", CUSTOMERS, runs=runs(STEADY[::-1])))
    assert not same.failed
    faster = run(shop, before, Query("q", CUSTOMERS, runs=runs([v / 2 for v in STEADY])))
    assert faster.findings[0].verdict == "improved"


def test_a_single_slow_run_is_no_verdict(shop: Bench) -> None:
    before = base(shop, Query("q", CUSTOMERS, runs=runs(STEADY)))
    finding = run(shop, before, Query("q", CUSTOMERS, runs=runs([9000]))).findings[0]
    assert finding.verdict == "same"
    assert finding.slots is not None and finding.slots.verdict == "undecided"


def test_cached_and_failed_runs_do_not_count(shop: Bench) -> None:
    before = base(shop, Query("q", CUSTOMERS, runs=runs(STEADY)))
    hits = runs([v * 9 for v in STEADY], cache_hit=True) + runs([v * 9 for v in STEADY], error="stopped")
    assert run(shop, before, Query("q", CUSTOMERS, runs=hits)).findings[0].verdict == "same"


def test_new_gone_and_renamed_queries(shop: Bench) -> None:
    before = base(shop, Query("old.sql", CUSTOMERS), Query("b.sql", "SELECT sku FROM sales.items"))
    found = run(
        shop, before, Query("new.sql", CUSTOMERS), Query("c.sql", "SELECT MAX(total) FROM sales.sorted")
    )
    assert {f.name: f.verdict for f in found.findings} == {"new.sql": "same", "b.sql": "gone", "c.sql": "new"}
    renamed = next(f for f in found.findings if f.name == "new.sql")
    assert renamed.notes == ("its entry was called old.sql",)
    assert run(shop, before, Query("d.sql", CUSTOMERS), policy=Policy(verdicts=Verdicts(gone="fail"))).failed


def test_a_query_of_a_history_that_changed_is_found_by_its_text(shop: Bench) -> None:
    one = fingerprinted(Query("", "SELECT id, name FROM sales.customers WHERE country = 'DE' ORDER BY name"))
    other = fingerprinted(Query("", "SELECT * FROM sales.customers WHERE country = 'DE' ORDER BY name"))
    before = base(shop, replace(one, name=one.fingerprint))
    found = run(shop, before, replace(other, name=other.fingerprint))
    assert [(f.verdict, f.causes[0].code) for f in found.findings] == [("regression", "select_star")]


def test_what_cannot_be_measured_fails(shop: Bench) -> None:
    before = base(shop, Query("q", CUSTOMERS))
    finding = run(shop, before, Query("q", "SELECT x FROM sales.nowhere")).findings[0]
    assert (finding.verdict, finding.severity) == ("error", "fail")
    assert "nowhere" in finding.causes[0].text


def test_tolerances_are_of_a_query(shop: Bench) -> None:
    before = base(shop, Query("q", "SELECT id, address FROM sales.customers"))
    after = Query("q", "SELECT id, address, country FROM sales.customers")
    assert run(shop, before, after).failed
    assert not run(shop, before, after, policy=Policy(tolerance=Tolerance("10 %"))).failed
    rule = QueryRule("q*", tolerance=Tolerance("0", 2**30))
    assert not run(shop, before, after, policy=Policy(queries=(rule,))).failed


def test_other_literals_that_read_as_many_partitions_are_no_regression(shop: Bench) -> None:
    before = base(shop, Query("q", "SELECT amount, note FROM sales.orders WHERE day = '2026-01-01'"))
    wider = "SELECT amount, note FROM sales.orders WHERE day >= '2026-01-01'"
    assert run(
        shop, before, Query("q", "SELECT amount, note FROM sales.orders WHERE day = '2026-01-04'")
    ).counts == {"same": 1}
    assert run(shop, before, Query("q", wider)).failed


def test_texts_that_differ_in_comments_miss_the_cache(shop: Bench) -> None:
    before = base(shop, Query("q", CUSTOMERS))
    finding = run(shop, before, Query("q", CUSTOMERS, varied=9)).findings[0]
    assert (finding.verdict, [c.code for c in finding.causes]) == ("risk", ["cache_missed_by_text"])


def test_money_on_demand_by_frequency_with_its_interval(shop: Bench) -> None:
    rate = Rate(100, 80, 125, "history")
    before = base(shop, Query("q", CUSTOMERS, rate=rate))
    found = run(shop, before, Query("q", "SELECT * FROM sales.customers", rate=rate))
    month = found.findings[0].month
    assert month is not None
    # 300,000,000 and 940,000,000 bytes, rounded up to MiB.
    mib = 897 - 287
    assert month.expected == pytest.approx(mib * 2**20 * 100 / 2**40 * 6.25)
    assert (month.low, month.high) == (
        pytest.approx(month.expected * 0.8),
        pytest.approx(month.expected * 1.25),
    )
    assert found.total_after is not None and found.total_before is not None
    assert found.total_after - found.total_before == pytest.approx(month.expected)


def test_runs_that_the_cache_answers_cost_nothing_until_it_is_lost(shop: Bench) -> None:
    some = (*runs([100] * 3), *runs([0] * 9, cache_hit=True))
    rate = Rate(100, 100, 100)
    before = base(shop, Query("q", CUSTOMERS, rate=rate, runs=some))
    lost = Query("q", "SELECT id, name, CURRENT_DATE() AS d FROM sales.customers", rate=rate)
    finding = run(shop, before, lost).findings[0]
    assert finding.month_before is not None and finding.month_after is not None
    assert finding.month_after.expected == pytest.approx(4 * finding.month_before.expected)


def test_money_by_slots_and_a_model_of_capacity(shop: Bench) -> None:
    policy = Policy(pricing=Pricing(model="editions", edition="ENTERPRISE"), slots=Slots(discard=0))
    rate = Rate(1000, 1000, 1000)
    before = base(shop, Query("q", CUSTOMERS, rate=rate, runs=runs([3600] * 6)))
    after = Query("q", CUSTOMERS, rate=rate, runs=runs([7200] * 6))
    found = run(shop, before, after, policy=policy)
    month = found.findings[0].month
    assert month is not None and month.expected == pytest.approx(0.06)
    unknown = run(shop, base(shop, Query("q", CUSTOMERS)), Query("q", CUSTOMERS), policy=policy)
    assert unknown.findings[0].month is None

    class Steps:
        def allocated(self, demands: Sequence[Demand]) -> Allocation:
            return Allocation(50.0 * len(demands), "steps of 50")

    till = Till(policy.pricing, load_prices(), DAY, Steps())
    assert run(shop, before, after, policy=policy, till=till).total_after == pytest.approx(3.0)


def test_budgets(shop: Bench) -> None:
    rate = Rate(1000, 1000, 1000)
    query = Query("q", "SELECT * FROM sales.customers", owner="me", rate=rate, labels={"team": "t"})
    before = base(shop, query)
    kept = (
        Budget(owner="me", money=100),
        Budget(labels={"team": "t"}, bytes=2**50),
        Budget(owner="other", money=0),
    )
    assert not run(shop, before, query, policy=Policy(budgets=kept)).failed
    for budget, told in (
        (Budget(owner="me", money=1), "USD a month of 1.00 USD"),
        (Budget(query="q", per_run=2**20), "a run of 1.00 MiB"),
        (Budget(labels={"team": "t"}, bytes=2**30), "a month of 1.00 GiB"),
    ):
        found = run(shop, before, query, policy=Policy(budgets=(budget,)))
        assert found.failed
        assert told in found.budgets[0].over[0]


def test_scripts_are_measured_by_their_statements(shop: Bench) -> None:
    script = "CREATE OR REPLACE TABLE sales.x AS SELECT id FROM sales.customers; SELECT sku FROM sales.items;"
    one = shop.measure(work(Query("q", script)))[0].estimate
    assert one.bytes_processed == 80_000_000 + 7_200_000_000
    temporary = "CREATE TEMP TABLE t AS SELECT id FROM sales.customers; SELECT id FROM t;"
    part = shop.measure(work(Query("q", temporary)))[0].estimate
    assert part.bytes_processed == 80_000_000
    assert part.accuracy == "LOWER_BOUND"
    assert part.notes == ("1 of 2 statements read tables of the script: these reads are not counted",)


def test_a_merge_that_reads_a_temporary_table_counts_its_target(shop: Bench) -> None:
    script = (
        "CREATE TEMP TABLE fresh AS "
        "SELECT day, customer, amount AS total FROM sales.orders WHERE day = '2026-01-02';"
        "MERGE sales.daily AS t USING fresh AS s ON t.day = s.day AND t.customer = s.customer{} "
        "WHEN MATCHED THEN UPDATE SET total = s.total;"
    )
    one = shop.measure(work(Query("q", script.format(" AND t.day = '2026-01-02'"))))[0].estimate
    alone = shop.measure(work(Query("q", script.split(";")[0].partition(" AS ")[2])))[0].estimate
    assert one.bytes_processed > alone.bytes_processed
    assert one.accuracy == "LOWER_BOUND"
    target = one.read_of("shop.sales.daily")
    assert target is not None and target.partitions == (1, 3)
    finding = run(
        shop,
        base(shop, Query("q", script.format(" AND t.day = '2026-01-02'"))),
        Query("q", script.format("")),
    ).findings[0]
    assert finding.verdict == "regression"
    assert finding.change == 640_000_000
    assert finding.causes[0].table == "shop.sales.daily"
