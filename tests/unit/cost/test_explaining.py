import datetime as dt
import json

import pytest

from bqsim.cost.backtest import BackTest, Compared, backtest
from bqsim.cost.bench import Bench, bench
from bqsim.cost.errors import NoPrice
from bqsim.cost.explaining import backtest_json, backtest_text, explained, price_list
from bqsim.cost.model import Estimate, Measured, Query, Run, TableRead, Workload
from bqsim.cost.money import Till
from bqsim.cost.policy import Pricing
from bqsim.cost.pricing import load_prices

DAY = dt.date(2026, 11, 1)
TILL = Till(Pricing(), load_prices(), DAY)


def test_a_query_is_explained_table_by_table() -> None:
    read = TableRead(
        "p.d.t", 2048, ("a", "b"), (1, 3), (2, 9), ((("day", "PRUNES"), ("k", "NO_PREFIX")),) * 2
    )
    estimate = Estimate(
        "SELECT",
        2048,
        10 * 2**20,
        4096,
        tables=(read, TableRead("p.d.u")),
        wildcards=(("p.d.l1", "p.d.l2"),),
        notes=("guessed",),
    )
    told = explained(Measured(Query("q", "SELECT 1", "f1", "sql/q.sql", 3), estimate), TILL)
    for line in (
        "q (sql/q.sql:3)",
        "SELECT, fingerprint f1",
        "processes 2.00 KiB (2,048 bytes, PRECISE), billed 10.00 MiB",
        "at most 4.00 KiB before blocks are left out",
        "p.d.t: 2.00 KiB",
        "columns: a, b",
        "partitions: 1 of 3",
        "blocks: 2 of 9",
        "day: the filter leaves out what it does not need",
        "k: a filter that cannot prune: a clustering column before it has none",
        "wildcard: 2 tables match",
        "cache: repeated runs within a day may be free",
        "note: guessed",
    ):
        assert line in told
    assert told.count("the filter leaves out") == 1


def test_what_cannot_be_told_is_said() -> None:
    failed = explained(Measured(Query("q", "x"), Estimate(error="no such table")), TILL)
    assert failed == "q\n  cannot be measured: no such table\n"
    slots = Till(Pricing(model="editions"), load_prices(), DAY)
    assert "costs by slot time" in explained(Measured(Query("q", "x"), Estimate("SELECT")), slots)


COMPARED = (
    Compared("a", "PRECISE", 100, 100, 10, 10),
    Compared("b", "UPPER_BOUND", 100, 150, 10, 20),
    Compared("c", "LOWER_BOUND", 100, 120, 10, 10),
    Compared("d", "UNKNOWN", 0, 5, 10, 10),
)


def test_how_right_estimates_were() -> None:
    found = BackTest(COMPARED, {"failed": 2})
    assert (found.exact, found.exact_billed) == (0.25, 0.75)
    assert found.within(0.2) == 0.5
    assert found.bounds_held == pytest.approx(2 / 3)
    assert found.quantiles[0.5] == pytest.approx(0.2)
    text = backtest_text(found, 0.2)
    for line in ("4 recorded runs compared", "25.00% exact, 50.00% within 20.00%", "left out: 2 failed"):
        assert line in text
    assert text.index("  d: ") < text.index("  b: ") < text.index("  c: ")
    told = json.loads(backtest_json(found, 0.2))
    assert (told["compared"], told["within"], told["left_out"]) == (
        4,
        {"share": 0.2, "runs": 0.5},
        {"failed": 2},
    )
    assert BackTest((), {}).exact == 1.0


def test_recorded_runs_are_compared_and_others_left_out() -> None:
    runs = (
        Run(1, bytes_processed=0),
        Run(2, bytes_processed=7),
        Run(3, cache_hit=True),
        Run(4, error="notFound"),
    )
    queries = (
        Query("q", "SELECT 1", runs=runs),
        Query("w", "SELECT", runs=runs[:1]),
        Query("no runs", "SELECT 2"),
    )
    with bench() as one:
        assert isinstance(one, Bench)
        found = backtest(Workload("w", queries), one)
    assert [(c.processed, c.exact) for c in found.compared] == [(0, True), (7, False)]
    assert found.left_out == {"answered by the cache": 1, "failed": 1, "not measured": 1}


def test_prices_are_listed_with_their_sources() -> None:
    told = price_list(load_prices(), "region-US", DAY)
    assert "6.25 USD a TiB, 1.00 TiB a month free  [secondary: BigQuery pricing" in told
    assert "slots ENTERPRISE 1y" in told
    with pytest.raises(NoPrice, match="'moon'"):
        price_list(load_prices(), "moon", DAY)
