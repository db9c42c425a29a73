from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.rehearse.plan.streams import METHODS, PENDING
from bqsim.rehearse.streams.quotas import Asked, amounts_of, calls_of, quotas_of
from bqsim.sim.limits import BIGQUERY, Facts, Kind, Moment
from bqsim.sim.limits.matching import Index
from bqsim.sim.methods import APPEND_ROWS

from .plans import plan

BY_NAME = {limit.name: limit for limit in BIGQUERY}


def names(text: str) -> dict[str, str]:
    return {one.limit.name: one.place for one in quotas_of(plan(text))}


def test_quotas_are_the_rows_of_the_table_of_limits() -> None:
    found = quotas_of(plan("row_bytes: 100, rows: {constant: 1}, location: EU"))
    for one in found:
        assert one.limit is BY_NAME[one.limit.name]
        assert one.amount == one.limit.base("eu")
    here = plan("row_bytes: 100, rows: {constant: 1}")
    elsewhere = quotas_of(replace(here, streams=(replace(here.streams[0], location="us-central1"),)))
    by_name = {one.limit.name: one.amount for one in elsewhere}
    for name in ("append_bytes", "write_connections"):
        assert by_name[name] == BY_NAME[name].elsewhere != BY_NAME[name].amount


def test_each_method_has_its_quotas() -> None:
    rows = "row_bytes: 100, rows: {constant: 1}"
    assert names(f"{rows}, method: default") == {
        "write_connections": "project in us",
        "append_bytes": "project in us",
        "append_request_bytes": "stream",
    }
    assert set(names(f"{rows}, method: committed")) == {
        "write_connections", "append_bytes", "append_request_bytes", "create_write_stream_requests",
    }  # fmt: skip
    assert set(names(f"{rows}, method: pending, commit_every: 1m")) == {
        "write_connections", "append_bytes", "append_request_bytes", "create_write_stream_requests",
        "commit_pending_bytes", "commit_streams",
    }  # fmt: skip
    plain = {"insert_bytes", "insert_rows", "insert_row_bytes", "request_bytes"}
    assert set(names(f"{rows}, method: insertAll")) == plain
    assert set(names(f"{rows}, method: insertAll, insert_ids: true")) == plain - {"insert_bytes"} | {
        "insert_id_rows_per_project", "insert_id_rows_per_table", "insert_id_bytes_per_table",
    }  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_no_limit_of_these_calls_is_left_out(method: str) -> None:
    """A row that is added to the table of limits counts here, or this tells of it."""
    every = ", commit_every: 1m" if method == PENDING else ""
    one = plan(f"row_bytes: 100, rows: {{constant: 1}}, method: {method}{every}")
    counted = {quota.limit.name for quota in quotas_of(one)}
    calls = [call.facts for call in calls_of(one.streams[0], "us")]
    applying = {limit.name: limit for facts in calls for limit in Index(BIGQUERY).of(facts)}
    # What depends on more than a plan tells: headers, insertIds, template tables.
    unknown = {"header_bytes", "insert_id_characters", "template_tables"}
    assert set(applying) - counted <= unknown
    assert {limit.kind for limit in applying.values()} <= {Kind.RATE, Kind.CONCURRENT, Kind.CAP}


def test_streams_of_a_project_and_region_share_a_counter() -> None:
    rows = "row_bytes: 100, rows: {constant: 1}"
    found = quotas_of(
        plan(
            f"name: a, {rows}",
            f"name: b, {rows}, method: committed",
            f"name: c, {rows}, project: other",
            f"name: d, {rows}, location: EU",
        )
    )
    shared = [one for one in found if one.limit.name == "append_bytes"]
    assert [one.place for one in shared] == ["project in us", "other in us", "project in eu"]
    assert [[each.stream for each in one.members] for one in shared] == [[0, 1], [2], [3]]
    caps = [one for one in found if one.asked is Asked.REQUEST]
    assert [one.place for one in caps] == ["a", "b", "c", "d"]


def test_a_quota_of_tables_counts_one_of_them() -> None:
    text = "name: web, method: insertAll, insert_ids: true, tables: 4, row_bytes: 50, rows: {constant: 1}"
    found = {one.limit.name: one for one in quotas_of(plan(text))}
    assert found["insert_id_rows_per_table"].place == "each table of web"
    assert found["insert_id_rows_per_table"].members[0].factor == 0.25
    assert found["insert_id_bytes_per_table"].members[0].factor == 12.5
    assert found["insert_id_rows_per_project"].members[0].factor == 1.0


def test_quotas_may_be_others() -> None:
    text = "row_bytes: 100, rows: {constant: 1}"
    scaled = quotas_of(plan(text, more="quotas: {scale: 0.5, values: {write_connections: 7}}"))
    by_name = {one.limit.name: one.amount for one in scaled}
    assert by_name["append_bytes"] == BY_NAME["append_bytes"].amount // 2  # type: ignore[operator]
    assert by_name["write_connections"] == 7
    # Sizes of single things are no quotas, and are not scaled.
    assert by_name["append_request_bytes"] == BY_NAME["append_request_bytes"].amount
    more = "quotas: {tenants: {'proj*': {append_bytes: 5}}}"
    assert {one.limit.name: one.amount for one in quotas_of(plan(text, more=more))}["append_bytes"] == 5


def test_clients_see_what_the_simulator_says() -> None:
    (one,) = (
        q for q in quotas_of(plan("row_bytes: 100, rows: {constant: 1}")) if q.limit.name == "append_bytes"
    )
    refusal = one.refusal(4e9)
    assert (refusal.reason, refusal.status) == ("quotaExceeded", "RESOURCE_EXHAUSTED")
    assert refusal.message.startswith("Exceeds 'AppendRows throughput' quota, user_id: ")
    assert refusal.message.endswith(
        "Entity: projects/project/datasets/dataset/tables/stream/streams/_default"
    )


def test_amounts_are_those_of_the_simulator() -> None:
    one = plan("row_bytes: 1, rows: {constant: 1}", more="quotas: {scale: 0.01}")
    facts = Facts(Moment.CALL, method=APPEND_ROWS, project="p", region="us")
    assert amounts_of(one.quotas).of(BY_NAME["write_connections"], facts) == 200
