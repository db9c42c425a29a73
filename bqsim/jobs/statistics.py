"""What a job did, as the API's ``statistics`` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.catalog.refs import TableRef
from bqsim.sql.plan import BytesRead, DmlStats, ExportStats, LoadStats, Pruning, Route
from bqsim.types import Field, Type

if TYPE_CHECKING:
    from bqsim.sql.plan import StatementResult

MIB = 1024 * 1024
# Page "Estimate and control costs": what a query or a table in it costs at least.
MINIMUM_BYTES_BILLED = 10 * MIB


def bytes_billed(read: BytesRead) -> int:
    """Bytes billed on demand: at least 10 MiB of each table, together whole MiB; 0 when nothing was read."""
    if not read.total:
        return 0
    return -(-sum(max(MINIMUM_BYTES_BILLED, size) for size in read.tables) // MIB) * MIB


def _materialized_json(ref: TableRef, rejected: str | None) -> dict[str, Any]:
    """Whether the stored rows of a materialized view were read, and why not."""
    out: dict[str, Any] = {"tableReference": ref.to_json(), "chosen": rejected is None}
    return out if rejected is None else {**out, "rejectedReason": rejected}


class Statistics(Protocol):
    """The part of a job's statistics that depends on its type."""

    bytes_processed: int

    def to_json(self, job: JobTimes) -> dict[str, Any]:
        """Members of the ``statistics`` object: ``{"query": {...}}`` and the like."""
        ...


class JobTimes(Protocol):
    """What statistics need to know of their job."""

    @property
    def start_ms(self) -> int | None: ...

    @property
    def end_ms(self) -> int | None: ...

    @property
    def slot_ms(self) -> int: ...

    @property
    def units(self) -> int: ...


@dataclass(slots=True)
class QueryStatistics:
    """``JobStatistics2``. ``schema`` is shown on dry runs only; ``records_written`` are the rows of the
    result. ``estimated`` are the bytes that were expected when blocks were left out, None otherwise.
    ``foreseen`` is what a dry run found."""

    statement_type: str = ""
    route: Route | None = None
    route_reason: str = ""
    cache_hit: bool = False
    bytes_processed: int = 0
    bytes_billed: int = 0
    estimated: int | None = None
    pruning: tuple[Pruning, ...] = ()
    partitions: int | None = None
    accuracy: str = "PRECISE"
    tables: tuple[TableRef, ...] = ()
    dml: DmlStats | None = None
    export: ExportStats | None = None
    load: LoadStats | None = None
    ddl_operation: str | None = None
    ddl_targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schema: tuple[Field, ...] | None = None
    undeclared_parameters: list[dict[str, Any]] | None = None
    records_written: int | None = None
    dry_run: bool = False
    row_level_security: bool = False
    affected_policies: int | None = None
    materialized: tuple[tuple[TableRef, str | None], ...] = ()
    foreseen: StatementResult | None = None

    @classmethod
    def of(cls, result: StatementResult) -> QueryStatistics:
        """The statistics of one executed statement."""
        targets = (
            ("ddlTargetTable", result.ddl_target_table),
            ("ddlTargetDataset", result.ddl_target_dataset),
            ("ddlTargetRoutine", result.ddl_target_routine),
            ("ddlTargetRowAccessPolicy", result.ddl_target_row_access_policy),
            *((name, result.dcl_target) for name in _dcl_members(result)),
        )
        return cls(
            statement_type=result.statement_type,
            route=result.route,
            route_reason=result.route_reason,
            bytes_processed=result.bytes_processed,
            bytes_billed=bytes_billed(result.read),
            estimated=None if result.read.upper is None else sum(result.read.upper),
            pruning=result.read.pruning,
            partitions=result.read.partitions,
            accuracy=result.read.accuracy,
            tables=tuple(result.tables),
            dml=result.dml,
            export=result.export,
            load=result.load,
            ddl_operation=result.ddl_operation,
            ddl_targets={key: ref.to_json() for key, ref in targets if ref is not None},
            records_written=result.rows.num_rows if result.rows is not None else None,
            row_level_security=result.protected,
            affected_policies=result.ddl_affected_row_access_policies,
            materialized=() if result.plan is None else result.plan.materialized,
        )

    def to_json(self, job: JobTimes) -> dict[str, Any]:
        query: dict[str, Any] = {**self.bytes_json(), "cacheHit": self.cache_hit}
        if self.statement_type:
            query["statementType"] = self.statement_type
        if self.dry_run:
            query["totalBytesProcessedAccuracy"] = self.accuracy
        else:
            query["totalSlotMs"] = str(job.slot_ms)
        query.update(self._charges())
        if self.tables and not self.cache_hit:
            query["referencedTables"] = [ref.to_json() for ref in self.tables]
        if self.materialized and not self.dry_run:
            query["materializedViewStatistics"] = {
                "materializedView": [_materialized_json(*view) for view in self.materialized]
            }
        if self.dml is not None:
            query["numDmlAffectedRows"] = str(self.dml.total)
            query["dmlStats"] = dml_json(self.dml)
        if self.export is not None:
            query["exportDataStatistics"] = {
                "fileCount": str(self.export.files),
                "rowCount": str(self.export.rows),
            }
        if self.load is not None:
            query["loadQueryStatistics"] = {
                "inputFiles": str(self.load.files),
                "inputFileBytes": str(self.load.file_bytes),
                "outputRows": str(self.load.rows),
                "badRecords": str(self.load.bad_records),
            }
        if self.ddl_operation:
            query["ddlOperationPerformed"] = self.ddl_operation
        if self.affected_policies is not None:
            query["ddlAffectedRowAccessPolicyCount"] = str(self.affected_policies)
        query.update(self.ddl_targets)
        if self.schema is not None:
            from bqsim.types.api_schema import fields_to_api

            query["schema"] = {"fields": fields_to_api(self.schema)}
        if self.undeclared_parameters:
            query["undeclaredQueryParameters"] = self.undeclared_parameters
        if self._has_plan and job.end_ms is not None and job.start_ms is not None:
            query["queryPlan"] = [self._stage(job)]
            query["timeline"] = [_timeline_sample(job)]
        out: dict[str, Any] = {"query": query}
        if self.row_level_security:
            out["rowLevelSecurityStatistics"] = {"rowLevelSecurityApplied": True}
        if self.route is not None:
            out["bqsim"] = {"route": self.route.value, "routeReason": self.route_reason}
        return out

    def _charges(self) -> dict[str, Any]:
        """What a statement that ran was estimated to cost, and the partitions that it reads."""
        if self.cache_hit or self.statement_type == "SCRIPT":
            return {}
        partitions = {"totalPartitionsProcessed": str(self.partitions or 0)}
        if self.dry_run:
            return partitions if self.partitions is not None else {}
        shown = self.bytes_json()
        hidden = self.estimated is None or self.row_level_security
        return {
            "estimatedBytesProcessed": shown["totalBytesProcessed"] if hidden else str(self.estimated),
            **partitions,
            "billingTier": 1 if shown["totalBytesBilled"] != "0" else 0,
            "transferredBytes": "0",
        }

    def bytes_json(self) -> dict[str, str]:
        """The bytes that were processed and billed; of tables with row access policies they are hidden: 0."""
        hidden = self.row_level_security
        return {
            "totalBytesProcessed": str(0 if hidden else self.bytes_processed),
            "totalBytesBilled": str(0 if hidden else self.bytes_billed),
        }

    @property
    def _has_plan(self) -> bool:
        """Scripts have none: their children have. That of tables with row access policies is hidden."""
        hidden = self.row_level_security or self.statement_type == "SCRIPT"
        return not (self.dry_run or self.cache_hit or hidden)

    def _stage(self, job: JobTimes) -> dict[str, Any]:
        """The one stage that ran: the engine's own plan is not BigQuery's, so no more is said of it."""
        reads = [{"kind": "READ", "substeps": [f"FROM {ref.sql_name}"]} for ref in self.tables]
        stage: dict[str, Any] = {
            "id": "0",
            "name": "S00: Output",
            "status": "COMPLETE",
            "startMs": str(job.start_ms),
            "endMs": str(job.end_ms),
            "slotMs": str(job.slot_ms),
            "parallelInputs": str(job.units),
            "completedParallelInputs": str(job.units),
            "steps": [*reads, {"kind": "WRITE", "substeps": ["TO __stage00_output"]}],
        }
        if self.records_written is not None:
            stage["recordsWritten"] = str(self.records_written)
        return stage


def _dcl_members(result: StatementResult) -> tuple[str, ...]:
    """The member that names the target of a GRANT or REVOKE, by what it is about."""
    kind = result.statement_type.rpartition("_")[2]
    member = {"SCHEMA": "dclTargetDataset", "TABLE": "dclTargetTable", "VIEW": "dclTargetView"}.get(kind)
    return (member,) if member is not None and result.dcl_target is not None else ()


def dml_json(dml: DmlStats) -> dict[str, str]:
    """The API's ``DmlStats``."""
    counts = {
        "insertedRowCount": dml.inserted,
        "updatedRowCount": dml.updated,
        "deletedRowCount": dml.deleted,
    }
    return {name: str(n) for name, n in counts.items() if n}


def undeclared_json(name: str, type_: Type) -> dict[str, Any]:
    """A ``QueryParameter`` without a value; a positional one has no name."""
    shown = {} if name.isdecimal() else {"name": name}
    return {**shown, "parameterType": parameter_type_json(type_)}


def parameter_type_json(type_: Type) -> dict[str, Any]:
    """The API's ``QueryParameterType``."""
    out: dict[str, Any] = {"type": type_.kind.value}
    if type_.element is not None:
        member = "arrayType" if type_.is_array else "rangeElementType"
        out[member] = parameter_type_json(type_.element)
    if type_.is_struct:
        out["structTypes"] = [{"name": f.name, "type": parameter_type_json(f.type)} for f in type_.fields]
    return out


def _timeline_sample(job: JobTimes) -> dict[str, Any]:
    elapsed = (job.end_ms or 0) - (job.start_ms or 0)
    return {
        "elapsedMs": str(elapsed),
        "totalSlotMs": str(job.slot_ms),
        "pendingUnits": "0",
        "completedUnits": str(job.units),
        "activeUnits": "0",
    }


@dataclass(slots=True)
class LoadStatistics:
    """``JobStatistics3``. ``progress`` is the share of the files' bytes that has been read."""

    input_files: int = 0
    input_bytes: int = 0
    output_rows: int = 0
    output_bytes: int = 0
    bad_records: int = 0
    bytes_processed: int = 0
    progress: float = 0.0

    def to_json(self, job: JobTimes) -> dict[str, Any]:
        load: dict[str, Any] = {
            "inputFiles": str(self.input_files),
            "inputFileBytes": str(self.input_bytes),
            "outputRows": str(self.output_rows),
            "outputBytes": str(self.output_bytes),
            "badRecords": str(self.bad_records),
        }
        if job.end_ms is not None and job.start_ms is not None:
            load["timeline"] = [_timeline_sample(job)]
        return {"completionRatio": round(self.progress, 3), "load": load}


@dataclass(slots=True)
class CopyStatistics:
    """``JobStatistics5`` (copy jobs)."""

    copied_rows: int = 0
    copied_bytes: int = 0
    bytes_processed: int = 0

    def to_json(self, job: JobTimes) -> dict[str, Any]:
        return {
            "copy": {"copiedRows": str(self.copied_rows), "copiedLogicalBytes": str(self.copied_bytes)},
        }


@dataclass(slots=True)
class ExtractStatistics:
    """``JobStatistics4``. ``file_counts`` are the files of each destination URI."""

    input_bytes: int = 0
    file_counts: tuple[int, ...] = ()
    bytes_processed: int = 0

    def to_json(self, job: JobTimes) -> dict[str, Any]:
        extract: dict[str, Any] = {
            "destinationUriFileCounts": [str(count) for count in self.file_counts],
            "inputBytes": str(self.input_bytes),
        }
        if job.end_ms is not None and job.start_ms is not None:
            extract["timeline"] = [_timeline_sample(job)]
        return {"extract": extract}
