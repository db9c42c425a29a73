"""Limits together: all or nothing, moments, flags, tenants, usage, memory and threads."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.sim.limits import Exceeded, Facts, Held, Kind, Limit, Limits, Moment, Setup, Tier
from bqsim.sim.limits.days import pacific_day

NOW = 1_790_000_000_000_000
SECOND = 1_000_000
GET = Facts(Moment.CALL, "bigquery.jobs.get", "ann@example.com", "p", "us")
LOAD = Facts(
    Moment.QUEUE, project="p", region="us", table="p:d.t", job_type="LOAD", flags=frozenset({"writes"})
)


def dml(statement: str, moment: Moment, *flags: str) -> Facts:
    return Facts(
        moment,
        project="p",
        region="us",
        table="p:d.t",
        job_type="QUERY",
        statement_type=statement,
        flags=frozenset(flags),
    )


def held(limits: Limits, facts: Facts) -> Held:
    found = limits.enter(facts, NOW)
    assert isinstance(found, Held)
    return found


def test_a_method_and_a_user_have_a_bucket_each() -> None:
    limits = Limits(Setup(scale=0.01))
    assert limits.charge(GET, NOW) is None
    failure = limits.charge(GET, NOW)
    assert failure is not None
    assert (failure.limit, failure.retry_after_s) == ("api_requests_per_user_method", 1.0)
    assert limits.charge(replace(GET, caller="bob@example.com"), NOW) is None
    assert limits.charge(replace(GET, method="bigquery.jobs.list"), NOW) is None


def test_streaming_is_not_an_api_request() -> None:
    limits = Limits(Setup(scale=0.01))
    insert = replace(GET, method="bigquery.tabledata.insertAll")
    assert [limits.charge(insert, NOW) for _ in range(5)] == [None] * 5
    assert limits.usage(NOW) == []


def test_all_or_nothing() -> None:
    limits = Limits(Setup(amounts={"jobs_get_requests": 1}))
    assert limits.charge(GET, NOW) is None
    for _ in range(3):
        failure = limits.charge(GET, NOW)
        assert failure is not None
        assert failure.limit == "jobs_get_requests"
    used = {row["limit"]: row["used"] for row in limits.usage(NOW)}
    assert used == {"api_requests_per_user_method": 1, "jobs_get_requests": 1}


def test_a_load_counts_for_table_and_project_even_when_it_fails_later() -> None:
    limits = Limits(Setup(amounts={"load_jobs_per_table": 2}))
    assert limits.charge(LOAD, NOW) is None
    assert limits.charge(LOAD, NOW) is None
    failure = limits.charge(LOAD, NOW)
    assert failure is not None
    assert failure.location == "load_job_per_table.long"
    assert failure.retry_after_s == 43_200
    assert limits.charge(replace(LOAD, table="p:d.other"), NOW) is None


def test_dml_counts_as_a_table_update_but_is_not_refused() -> None:
    limits = Limits()
    for _ in range(8):
        assert limits.charge(dml("INSERT", Moment.COMMIT), NOW) is None
    failure = limits.charge(replace(LOAD, moment=Moment.COMMIT), NOW)
    assert failure is not None
    assert failure.limit == "table_metadata_updates"
    assert failure.retry_after_s == 2.0, "refused statements do not pile up a debt"


def test_partitioned_tables_have_more_updates() -> None:
    limits = Limits()
    load = replace(LOAD, moment=Moment.COMMIT, flags=frozenset({"partitioned"}))
    assert [limits.charge(load, NOW) for _ in range(50)] == [None] * 50
    failure = limits.charge(load, NOW)
    assert failure is not None
    assert failure.limit == "partitioned_table_metadata_updates"


def test_mutating_dml_waits_and_then_fails() -> None:
    limits = Limits()
    running = [held(limits, dml("UPDATE", Moment.RUN)) for _ in range(2)]
    third = limits.enter(dml("DELETE", Moment.RUN), NOW)
    assert isinstance(third, Exceeded)
    assert third.waits
    queued = [held(limits, dml("MERGE", Moment.QUEUE)) for _ in range(20)]
    refused = limits.enter(dml("MERGE", Moment.QUEUE), NOW)
    assert isinstance(refused, Exceeded)
    assert not refused.waits
    assert refused.reason == "resourcesExceeded"
    assert refused.message.endswith("against table p:d.t, limit is 20.")
    limits.leave(running[0])
    held(limits, dml("DELETE", Moment.RUN))
    limits.leave(queued[0])
    held(limits, dml("MERGE", Moment.QUEUE))
    assert limits.refusals() == {"dml_mutating_queued": 1}


def test_the_first_inserts_of_a_day_run_at_once() -> None:
    limits = Limits(Setup(amounts={"dml_inserts_at_once": 30, "dml_inserts_queued": 4}))
    for _ in range(30):
        free = held(limits, dml("INSERT", Moment.QUEUE))
        assert free.spared == {"dml_inserts_at_once"}
        held(limits, dml("INSERT", Moment.RUN, *free.spared))
    for _ in range(4):
        assert held(limits, dml("INSERT", Moment.QUEUE)).spared == frozenset()
    assert isinstance(limits.enter(dml("INSERT", Moment.QUEUE), NOW), Exceeded)
    for _ in range(10):
        held(limits, dml("INSERT", Moment.RUN))
    waiting = limits.enter(dml("INSERT", Moment.RUN), NOW)
    assert isinstance(waiting, Exceeded)
    assert waiting.waits
    later = limits.enter(dml("INSERT", Moment.QUEUE), NOW + 86_400 * SECOND // 30)
    assert isinstance(later, Held)
    assert later.spared


def test_a_full_limit_holds_nothing_of_the_others() -> None:
    facts = replace(
        dml("SELECT", Moment.RUN, "remote_functions", "python_udfs"), table="", statement_type="SELECT"
    )
    limits = Limits(Setup(amounts={"concurrent_python_udf_queries": 1}))
    first = held(limits, facts)
    assert isinstance(limits.enter(facts, NOW), Exceeded)
    assert {row["limit"]: row["used"] for row in limits.usage(NOW)} == {
        "concurrent_remote_function_queries": 1,
        "concurrent_python_udf_queries": 1,
    }
    limits.leave(first)
    assert limits.usage(NOW) == []


def test_pages_are_paid_when_their_size_is_known() -> None:
    limits = Limits(Setup(amounts={"tabledata_list_bytes": 1_000}))
    page = replace(GET, method="bigquery.tabledata.list")
    assert limits.charge(page, NOW) is None
    assert limits.charge(replace(page, moment=Moment.ANSWER, sizes={"bytes": 4_000}), NOW) is None
    failure = limits.charge(page, NOW)
    assert failure is not None
    assert failure.limit == "tabledata_list_bytes"
    assert failure.retry_after_us == 3_001 * 60 * SECOND // 1_000
    assert limits.charge(page, NOW + failure.retry_after_us) is None


def test_a_message_larger_than_the_rate_passes_alone_and_is_paid_off() -> None:
    append = Facts(
        Moment.MESSAGE,
        "google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows",
        project="p",
        region="us",
        sizes={"bytes": 3_000},
    )
    limits = Limits(Setup(amounts={"append_bytes": 1_000}))
    assert limits.charge(append, NOW) is None
    failure = limits.charge(append, NOW + SECOND)
    assert failure is not None
    assert failure.status == "RESOURCE_EXHAUSTED"
    assert failure.retry_after_s == 2.0
    assert limits.charge(append, NOW + 3 * SECOND) is None


def test_more_bytes_than_a_day_has_never_pass() -> None:
    facts = Facts(Moment.RUN, project="p", job_type="EXTRACT", sizes={"bytes": 60 << 40})
    failure = Limits().charge(facts, NOW)
    assert failure is not None
    assert failure.retry_after_us is None
    assert failure.retry_after_s is None
    reserved = replace(facts, flags=frozenset({"reservation"}))
    assert Limits().charge(reserved, NOW) is None


def test_tenants_share_nothing_but_what_they_have_in_common() -> None:
    limits = Limits(Setup(scale=0.01, tiers=(Tier("gold", projects=("gold",), scale=5),)))
    gold = replace(GET, caller="gil@example.com", project="gold")
    assert [limits.charge(gold, NOW) is None for _ in range(6)] == [True] * 5 + [False]
    assert [limits.charge(GET, NOW) is None for _ in range(2)] == [True, False]


def test_a_new_setup_keeps_what_is_used() -> None:
    limits = Limits(Setup(scale=0.01))
    assert limits.charge(GET, NOW) is None
    limits.configure(Setup(scale=0.02))
    assert limits.charge(GET, NOW) is None
    assert limits.charge(GET, NOW) is not None
    limits.configure(Setup(only=("dml_*",)))
    assert limits.charge(GET, NOW) is None
    limits.configure(Setup(scale=0.02))
    assert limits.charge(GET, NOW) is not None
    limits.reset()
    assert limits.charge(GET, NOW) is None
    assert limits.refusals() == {}


def test_usage_is_a_report() -> None:
    limits = Limits()
    assert limits.charge(GET, NOW) is None
    held(limits, GET)
    assert limits.usage(NOW) == [
        {
            "limit": "api_requests_per_user_method",
            "title": "API requests per second per user per method",
            "kind": "rate",
            "scope": {"caller": "ann@example.com", "method": "bigquery.jobs.get"},
            "used": 1,
            "amount": 100,
            "unit": "requests",
            "freeAtMicros": NOW + SECOND // 100,
        },
        {
            "limit": "concurrent_api_requests_per_user",
            "title": "Concurrent API requests per user",
            "kind": "concurrent",
            "scope": {"caller": "ann@example.com"},
            "used": 1,
            "amount": 300,
            "unit": "requests",
        },
        {
            "limit": "jobs_get_requests",
            "title": "jobs.get requests per second",
            "kind": "rate",
            "scope": {"project": "p"},
            "used": 1,
            "amount": 1_000,
            "unit": "requests",
            "freeAtMicros": NOW + SECOND // 1_000,
        },
    ]
    assert [row["limit"] for row in limits.usage(NOW, "concurrent_*")] == ["concurrent_api_requests_per_user"]


def test_describe_names_every_limit() -> None:
    limits = Limits(Setup(scale=0.5))
    rows = {row["limit"]: row for row in limits.describe(GET)}
    assert len(rows) == len(limits.limits)
    assert rows["table_metadata_updates"] == {
        "limit": "table_metadata_updates",
        "title": "Table metadata update operations per 10 seconds",
        "kind": "rate",
        "scope": ["table"],
        "amount": 2,
        "unit": "operations",
        "periodSeconds": 10,
        "reason": "rateLimitExceeded",
        "knownText": True,
    }


def test_idle_counters_are_dropped() -> None:
    limits = Limits()
    for n in range(20_000):
        assert limits.charge(replace(GET, caller=f"user{n}@example.com"), NOW + n * 1_000) is None
        # A bucket is full again after 10 ms: ten callers, and what one charge may not have looked at yet.
        assert len(limits._store) < 40
    assert limits.usage(NOW + 60 * SECOND) == []
    assert len(limits._store) == 0


def test_places_that_nobody_holds_are_dropped() -> None:
    limits = Limits()
    for n in range(1_000):
        limits.leave(held(limits, replace(GET, caller=f"user{n}@example.com")))
    assert limits._held == {}


def test_many_methods_do_not_grow_the_index() -> None:
    limits = Limits()
    for n in range(10_000):
        limits.charge(replace(GET, method=f"bigquery.made.up{n}"), NOW + n * SECOND)
    assert len(limits._index._kept) <= limits._index.MAX_KEPT


def test_threads_take_exactly_what_there_is() -> None:
    limits = Limits(Setup(amounts={"api_requests_per_user_method": 500, "jobs_get_requests": 5_000}))
    passed: list[int] = []

    def work() -> None:
        mine = 0
        for _ in range(200):
            mine += limits.charge(GET, NOW) is None
            found = limits.enter(GET, NOW)
            if isinstance(found, Held):
                limits.leave(found)
        passed.append(mine)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 500
    assert limits._held == {}


def test_the_same_calls_have_the_same_outcome() -> None:
    def run() -> list[str | None]:
        order = random.Random(7)
        limits, now = Limits(Setup(scale=0.05)), NOW
        outcome: list[str | None] = []
        for _ in range(2_000):
            now += order.randrange(200_000)
            method = order.choice(["bigquery.jobs.get", "bigquery.jobs.list", "bigquery.tables.insert"])
            failure = limits.charge(replace(GET, method=method, caller=order.choice("ab")), now)
            outcome.append(f"{failure.limit} {failure.retry_after_us}" if failure else None)
        return outcome

    first = run()
    assert first == run()
    assert None in first
    assert len(set(first)) > 3


PAIR = (
    Limit("short", "", Kind.RATE, ("caller",), 3, "calls", "rateLimitExceeded", "", methods=("*",)),
    Limit("long", "", Kind.RATE, ("project",), 8, "calls", "quotaExceeded", "", methods=("*",), period_s=60),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5 * SECOND), st.sampled_from("ab")), max_size=80))
def test_two_limits_against_a_model(calls: list[tuple[int, str]]) -> None:
    """A call passes when each of its buckets has a token, and takes one of each or none at all."""
    limits, now = Limits(limits=PAIR), 0
    left: dict[str, tuple[Fraction, int]] = {}
    for step, caller in calls:
        now += step
        tokens = {}
        for key, amount, period in ((caller, 3, 1), ("project", 8, 60)):
            had, at = left.get(key, (Fraction(amount), 0))
            tokens[key] = min(Fraction(amount), had + Fraction(amount * (now - at), period * SECOND))
        short, long = tokens[caller] >= 1, tokens["project"] >= 1
        failure = limits.charge(Facts(Moment.CALL, "m", caller, "p"), now)
        assert (failure.limit if failure else None) == (
            None if short and long else "long" if short else "short"
        )
        left |= {key: (count - (short and long), now) for key, count in tokens.items()}


@pytest.mark.parametrize("back", [1, SECOND, 86_400 * SECOND])
def test_a_reading_from_before_gives_nothing_back(back: int) -> None:
    limits = Limits(Setup(amounts={"query_bytes_per_day": 100}))
    query = Facts(
        Moment.RUN,
        project="p",
        job_type="QUERY",
        statement_type="SELECT",
        flags=frozenset({"on_demand"}),
        sizes={"bytes": 100},
    )
    assert limits.charge(query, NOW) is None
    assert limits.charge(query, NOW - back) is not None
    assert limits.charge(query, NOW) is not None


@pytest.mark.parametrize(
    ("name", "wait_us"),
    [
        ("table_metadata_updates", 2 * SECOND),
        ("concurrent_api_requests_per_user", None),
        ("insert_rows", None),
    ],
)
def test_a_limit_can_be_taken_as_used_up(name: str, wait_us: int | None) -> None:
    limits = Limits()
    failure = limits.used_up(name, replace(GET, table="p:d.t"), NOW)
    assert (failure.limit, failure.retry_after_us) == (name, wait_us)
    assert failure.message
    assert limits.refusals() == {name: 1}
    assert limits.usage(NOW) == [], "nothing is charged"


def test_a_day_that_is_used_up_ends_at_midnight() -> None:
    failure = Limits().used_up("query_bytes_per_day", replace(GET, job_type="QUERY"), NOW)
    assert failure.retry_after_us == pacific_day(NOW)[1] - NOW


def test_a_limit_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="There is no limit named insert_row; did you mean insert_rows"):
        Limits().used_up("insert_row", GET, NOW)
