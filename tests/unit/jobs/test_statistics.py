from __future__ import annotations

from dataclasses import dataclass

import pytest

from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.jobs.statistics import MIB, CopyStatistics, LoadStatistics, QueryStatistics, bytes_billed
from bqsim.sql.plan import BytesRead, DmlStats, Route, StatementResult
from bqsim.types import INT64, field_of

pytestmark = [
    pytest.mark.fidelity("bytes:minimum and rounding", "exact", tests="test_bytes_billed"),
    pytest.mark.fidelity("fields:Job: statistics.query", "exact", tests="test_of_*"),
    pytest.mark.fidelity("fields:Job: statistics.copy", "exact", tests="test_loads_and_copies"),
]


@dataclass
class Times:
    start_ms: int | None = 100
    end_ms: int | None = 350
    slot_ms: int = 250
    units: int = 1


@pytest.mark.parametrize(
    ("tables", "billed"),
    [
        ((), 0),
        ((0, 0, 0), 0),
        ((1,), 10 * MIB),
        ((10 * MIB,), 10 * MIB),
        ((10 * MIB + 1,), 11 * MIB),
        ((1, 0, 7), 30 * MIB),
        ((11 * MIB, 1), 21 * MIB),
        ((11 * MIB + 1, 12 * MIB + 1, 1), 34 * MIB),
    ],
)
def test_bytes_billed(tables: tuple[int, ...], billed: int) -> None:
    assert bytes_billed(BytesRead(tables)) == billed


def test_of_a_select() -> None:
    ref = TableRef("p", "d", "t")
    result = StatementResult("SELECT", Route.REFERENCE, "no ST_AREA", tables=(ref,), read=BytesRead((24,)))
    out = QueryStatistics.of(result).to_json(Times())
    query = out["query"]
    assert out["bqsim"] == {"route": "REFERENCE", "routeReason": "no ST_AREA"}
    assert query["referencedTables"] == [ref.to_json()]
    assert (query["totalBytesProcessed"], query["totalBytesBilled"]) == ("24", str(10 * MIB))
    assert query["totalSlotMs"] == "250"
    (stage,) = query["queryPlan"]
    assert (stage["startMs"], stage["endMs"], stage["status"]) == ("100", "350", "COMPLETE")
    assert stage["steps"][0] == {"kind": "READ", "substeps": ["FROM p.d.t"]}
    assert query["timeline"][0]["elapsedMs"] == "250"


def test_of_dml() -> None:
    result = StatementResult("MERGE", dml=DmlStats(inserted=2, updated=0, deleted=5))
    query = QueryStatistics.of(result).to_json(Times())["query"]
    assert query["numDmlAffectedRows"] == "7"
    assert query["dmlStats"] == {"insertedRowCount": "2", "deletedRowCount": "5"}


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ({"ddl_target_table": TableRef("p", "d", "t")}, "ddlTargetTable"),
        ({"ddl_target_dataset": DatasetRef("p", "d")}, "ddlTargetDataset"),
        ({"ddl_target_routine": RoutineRef("p", "d", "r")}, "ddlTargetRoutine"),
    ],
)
def test_of_ddl(target: dict[str, object], name: str) -> None:
    result = StatementResult("CREATE", ddl_operation="CREATE", **target)  # type: ignore[arg-type]
    query = QueryStatistics.of(result).to_json(Times())["query"]
    assert query["ddlOperationPerformed"] == "CREATE"
    assert query[name]["projectId"] == "p"


@pytest.mark.parametrize(
    "statistics",
    [
        QueryStatistics("SELECT", cache_hit=True),
        QueryStatistics("SCRIPT"),
        QueryStatistics("SELECT", row_level_security=True),
    ],
)
def test_what_has_no_plan(statistics: QueryStatistics) -> None:
    assert "queryPlan" not in statistics.to_json(Times())["query"]


def test_a_dry_run_shows_its_schema() -> None:
    statistics = QueryStatistics("SELECT", dry_run=True, schema=(field_of("a", INT64),))
    query = statistics.to_json(Times(None, None, 0))["query"]
    assert query["schema"]["fields"][0]["name"] == "a"
    assert "queryPlan" not in query
    assert "totalSlotMs" not in query


def test_loads_and_copies() -> None:
    shown = LoadStatistics(1, 20, 3, 40, 5, progress=1.0).to_json(Times())
    assert [sample["completedUnits"] for sample in shown["load"].pop("timeline")] == ["1"]
    assert "timeline" not in LoadStatistics().to_json(Times(None, None, 0))["load"]
    assert shown == {
        "completionRatio": 1.0,
        "load": {
            "inputFiles": "1",
            "inputFileBytes": "20",
            "outputRows": "3",
            "outputBytes": "40",
            "badRecords": "5",
        },
    }
    assert CopyStatistics(3, 40).to_json(Times()) == {"copy": {"copiedRows": "3", "copiedLogicalBytes": "40"}}


def test_bytes_of_tables_with_row_access_policies_are_hidden() -> None:
    result = StatementResult("SELECT", row_level_security=True, read=BytesRead((24,)))
    query = QueryStatistics.of(result).to_json(Times())["query"]
    assert (query["totalBytesProcessed"], query["totalBytesBilled"]) == ("0", "0")


def test_what_a_statement_was_estimated_to_cost() -> None:
    statistics = QueryStatistics.of(StatementResult("SELECT", read=BytesRead((24,), partitions=2)))
    query = statistics.to_json(Times())["query"]
    assert query["estimatedBytesProcessed"] == "24"
    assert (query["totalPartitionsProcessed"], query["billingTier"], query["transferredBytes"]) == (
        "2",
        1,
        "0",
    )
    statistics.cache_hit = True
    assert "billingTier" not in statistics.to_json(Times())["query"]
    free = QueryStatistics.of(StatementResult("SELECT")).to_json(Times())["query"]
    assert (free["billingTier"], free["totalPartitionsProcessed"]) == (0, "0")
