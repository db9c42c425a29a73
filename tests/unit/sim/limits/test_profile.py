"""Every row of the profile: reached with a scale, refused with its reason and text, and free again."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.errors import REASONS
from bqsim.sim.limits import BIGQUERY, PROFILES, Exceeded, Held, Kind, Limit, Limits, Moment, Over, Setup
from bqsim.sim.limits.days import pacific_day
from bqsim.sim.limits.texts import message

from .facts import facts_of

NOW = 1_790_000_000_000_000
DAY = 86_400_000_000
MESSAGES = Path(__file__).with_name("messages.txt")
GRPC = "google.cloud.bigquery.storage."


def rows(*kinds: Kind) -> list[object]:
    found = [limit for limit in BIGQUERY if limit.kind in kinds and limit.over is not Over.COUNT]
    return [pytest.param(limit, id=limit.name) for limit in found]


def scaled(limit: Limit, only: tuple[str, ...] = ()) -> tuple[Limits, int]:
    """Limits with this row alone at one hundredth, and its amount."""
    amounts = {limit.name: 20} if limit.amount is None else {}
    limits = Limits(Setup(scale=0.01, cap_scale=0.01, amounts=amounts, only=(limit.name, *only)))
    amount = {row["limit"]: row["amount"] for row in limits.describe(facts_of(limit))}[limit.name]
    return limits, amount


def spend(limits: Limits, limit: Limit, amount: int, now_us: int = NOW) -> None:
    """Use ``amount``, in one call when the row measures a size."""
    for _ in range(1 if limit.measure else amount):
        assert limits.charge(facts_of(limit, size=amount), now_us) is None


def refused(limits: Limits, limit: Limit, amount: int, now_us: int = NOW) -> Exceeded:
    facts = facts_of(limit, Moment.CALL if limit.postpaid else None, size=1)
    failure = limits.charge(facts, now_us)
    assert failure is not None
    assert failure.limit == limit.name
    assert failure.reason == limit.reason
    assert failure.message == message(limit, facts, amount, 1)
    assert failure.status == limit.grpc_status
    assert failure.moment is facts.moment
    return failure


@pytest.mark.parametrize("limit", rows(Kind.RATE))
def test_rate(limit: Limit) -> None:
    limits, amount = scaled(limit)
    assert amount == max(1, (limit.amount or 0) // 100)
    spend(limits, limit, amount)
    wait = refused(limits, limit, amount).retry_after_us
    assert wait is not None
    assert wait == -(-limit.period_s * 1_000_000 // amount)
    refused(limits, limit, amount, NOW + wait - 1)
    facts = facts_of(limit, Moment.CALL if limit.postpaid else None, size=1)
    assert limits.charge(facts, NOW + wait) is None
    assert limits.refusals() == {limit.name: 2}
    # Unused for its period the bucket is full again, and forgotten.
    assert limits.usage(NOW + wait + limit.period_s * 1_000_000) == []
    spend(limits, limit, amount, NOW + DAY * 3)


@pytest.mark.parametrize("limit", rows(Kind.DAY))
def test_day(limit: Limit) -> None:
    limits, amount = scaled(limit)
    spend(limits, limit, amount)
    _, midnight = pacific_day(NOW)
    assert refused(limits, limit, amount).retry_after_us == midnight - NOW
    refused(limits, limit, amount, midnight - 1)
    assert limits.charge(facts_of(limit, size=amount), midnight) is None
    assert refused(limits, limit, amount, midnight).retry_after_us is not None


@pytest.mark.parametrize("limit", rows(Kind.CONCURRENT))
def test_concurrent(limit: Limit) -> None:
    limits, amount = scaled(limit)
    if limit.spare:
        limits.configure(Setup(scale=0.01, only=(limit.name, limit.spare), amounts={limit.spare: 1}))
        first = limits.enter(facts_of(limit), NOW)
        assert isinstance(first, Held)
        assert first.spared == {limit.spare}
    held = [limits.enter(facts_of(limit), NOW) for _ in range(amount)]
    failure = limits.enter(facts_of(limit), NOW)
    assert isinstance(failure, Exceeded)
    assert failure.limit == limit.name
    assert failure.reason == limit.reason
    assert failure.message == message(limit, facts_of(limit), amount, amount + 1)
    assert failure.waits == (limit.over is Over.WAIT)
    assert limits.refusals() == ({} if failure.waits else {limit.name: 1})
    first_held = held[0]
    assert isinstance(first_held, Held)
    limits.leave(first_held)
    limits.leave(first_held)
    assert isinstance(limits.enter(facts_of(limit), NOW), Held)
    assert isinstance(limits.enter(facts_of(limit), NOW), Exceeded)


@pytest.mark.parametrize("limit", rows(Kind.CAP))
def test_cap(limit: Limit) -> None:
    limits, amount = scaled(limit)
    assert limits.charge(facts_of(limit, size=amount), NOW) is None
    facts = facts_of(limit, size=amount + 1)
    failure = limits.charge(facts, NOW)
    assert failure is not None
    assert failure.limit == limit.name
    assert failure.reason == limit.reason
    assert failure.message == message(limit, facts, amount, amount + 1)
    assert failure.retry_after_us is None
    assert limits.charge(facts_of(limit), NOW) is None, "a size that is not known is not checked"


@pytest.mark.parametrize("limit", [pytest.param(limit, id=limit.name) for limit in BIGQUERY])
def test_row_is_complete(limit: Limit) -> None:
    assert limit.reason in REASONS
    assert limit.at
    assert limit.kind is Kind.CAP or limit.scope
    assert limit.kind is not Kind.CAP or limit.measure
    job = any(moment in (Moment.QUEUE, Moment.RUN, Moment.COMMIT) for moment in limit.at)
    assert job == bool(limit.job_types)
    assert bool(set(limit.at) - {Moment.QUEUE, Moment.RUN, Moment.COMMIT}) == bool(limit.methods)
    if limit.methods and limit.methods[0].startswith(GRPC):
        assert limit.grpc_status in ("RESOURCE_EXHAUSTED", "INVALID_ARGUMENT")
    assert limit.base("europe-west1") == (limit.elsewhere or limit.amount)
    assert limit.base("eu") == limit.amount


def test_names_are_unique() -> None:
    assert len({limit.name for limit in BIGQUERY}) == len(BIGQUERY)
    assert PROFILES["off"] == ()


def described() -> list[str]:
    lines = []
    for limit in BIGQUERY:
        amount = limit.amount or 1_000
        text = message(limit, facts_of(limit), amount, amount + 1)
        lines.append(f"{limit.name}\t{limit.reason}\t{limit.grpc_status}\t{text}")
    return lines


def test_texts() -> None:
    """The wording of each row at its own amount: a change must be meant."""
    assert described() == MESSAGES.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("table_metadata_updates", "Exceeded rate limits: too many table update operations for this table"),
        (
            "partitioned_table_metadata_updates",
            "Exceeded rate limits: too many partitioned table update operations for this table",
        ),
        (
            "queued_interactive_queries",
            "Quota exceeded: Your project and region exceeded quota for max number of jobs that can be "
            "queued per project",
        ),
        (
            "concurrent_api_requests_per_user",
            "Quota exceeded: Your user_method exceeded quota for concurrent api requests per user per method",
        ),
        (
            "table_modifications_per_day",
            "Quota exceeded: Your table exceeded quota for imports or query appends per table",
        ),
        (
            "partition_modifications_column",
            "Quota exceeded: Your table exceeded quota for Number of partition modifications to a column "
            "partitioned table",
        ),
        (
            "dml_mutating_queued",
            "Resources exceeded during query execution: Too many DML statements outstanding against table "
            "p:d.t, limit is 20.",
        ),
        ("dml_queued_seconds", "DML statement has been queued for too long"),
        ("extract_bytes_per_day", "Quota exceeded: Your usage exceeded quota for ExtractBytesPerDay"),
        ("append_bytes", "Exceeds 'AppendRows throughput' quota"),
    ],
)
def test_text_of_the_service(name: str, text: str) -> None:
    found = {line.split("\t")[0]: line.split("\t")[3] for line in described()}
    assert found[name].startswith(text)


FIGURES = {
    "api_requests_per_user_method": (100, 1),
    "concurrent_api_requests_per_user": (300, 1),
    "jobs_get_requests": (1_000, 1),
    "projects_list_requests": (10, 1),
    "tables_insert_requests": (10, 1),
    "dataset_metadata_updates": (5, 10),
    "table_metadata_updates": (5, 10),
    "partitioned_table_metadata_updates": (50, 10),
    "table_modifications_per_day": (1_500, 86_400),
    "partition_modifications_ingestion_time": (11_000, 86_400),
    "partition_modifications_column": (30_000, 86_400),
    "dml_statements": (25, 10),
    "dml_inserts_at_once": (1_500, 86_400),
    "load_jobs_per_table": (1_500, 86_400),
    "load_jobs_per_project": (100_000, 86_400),
    "copy_jobs_per_project": (100_000, 86_400),
    "read_rows_requests": (25_000, 60),
    "read_control_requests": (5_000, 60),
    "append_bytes": (3_000_000_000, 1),
    "create_write_stream_requests": (10_000, 3_600),
    "reservation_requests": (100, 60),
}


def test_figures() -> None:
    found = {limit.name: (limit.amount, limit.period_s) for limit in BIGQUERY}
    assert {name: found[name] for name in FIGURES} == FIGURES
