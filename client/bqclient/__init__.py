"""A complete BigQuery client, async first.

    async with BigQueryClient(project="my-project") as client:
        result = await client.queries.execute("SELECT 1 AS one")

Errors are in :mod:`bqclient.errors`. Names are loaded when first used: importing the package loads no
HTTP, gRPC or Arrow library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors
    from .client import BigQueryClient, ClientBuilder
    from .config import ClientConfig, Endpoints
    from .errors import BigQueryError
    from .models.dataset import Dataset
    from .models.job import Job
    from .models.references import DatasetReference, JobReference, TableReference
    from .models.schema import Field, Schema
    from .models.table import RangePartitioning, Table, TimePartitioning
    from .observability.correlation import correlation
    from .observability.telemetry import Telemetry
    from .pricing import Pricing
    from .resilience.policies import Resilience, RetryPolicy
    from .runtime import Deadline, Runtime
    from .secret import Secret
    from .services.buffered import BufferedInserter
    from .services.costs import CostEstimate, JobCost
    from .services.exports import ExportResult
    from .services.query_handle import DryRun, QueryHandle
    from .services.results import QueryResult
    from .services.routines import Routine
    from .services.sessions import Session
    from .services.streaming import FailedRow, InsertResult
    from .storage_api.append_items import AppendResult
    from .storage_api.commits import CommitResult
    from .storage_api.read_all import ReadAll
    from .storage_api.read_session import ReadSession
    from .storage_api.table_writes import WriteResult
    from .storage_api.write_streams import WriteStream
    from .storage_api.writer import StreamWriter
    from .sync import SyncBigQueryClient
    from .values.parameters import Parameter
    from .values.rows import Row
    from .values.types import Geography, Interval, Json, Range

# Public names and the modules that hold them.
_PLACES = {
    "AppendResult": "storage_api.append_items",
    "BigQueryClient": "client",
    "BigQueryError": "errors",
    "BufferedInserter": "services.buffered",
    "ClientBuilder": "client",
    "ClientConfig": "config",
    "CommitResult": "storage_api.commits",
    "CostEstimate": "services.costs",
    "Dataset": "models.dataset",
    "DatasetReference": "models.references",
    "Deadline": "runtime",
    "DryRun": "services.query_handle",
    "Endpoints": "config",
    "ExportResult": "services.exports",
    "FailedRow": "services.streaming",
    "Field": "models.schema",
    "Geography": "values.types",
    "InsertResult": "services.streaming",
    "Interval": "values.types",
    "Job": "models.job",
    "JobCost": "services.costs",
    "JobReference": "models.references",
    "Json": "values.types",
    "Parameter": "values.parameters",
    "Pricing": "pricing",
    "QueryHandle": "services.query_handle",
    "QueryResult": "services.results",
    "Range": "values.types",
    "RangePartitioning": "models.table",
    "ReadAll": "storage_api.read_all",
    "ReadSession": "storage_api.read_session",
    "Resilience": "resilience.policies",
    "RetryPolicy": "resilience.policies",
    "Routine": "services.routines",
    "Row": "values.rows",
    "Runtime": "runtime",
    "Schema": "models.schema",
    "Secret": "secret",
    "Session": "services.sessions",
    "StreamWriter": "storage_api.writer",
    "SyncBigQueryClient": "sync",
    "Table": "models.table",
    "TableReference": "models.references",
    "Telemetry": "observability.telemetry",
    "TimePartitioning": "models.table",
    "WriteResult": "storage_api.table_writes",
    "WriteStream": "storage_api.write_streams",
    "correlation": "observability.correlation",
}
__all__ = [
    "AppendResult",
    "BigQueryClient",
    "BigQueryError",
    "BufferedInserter",
    "ClientBuilder",
    "ClientConfig",
    "CommitResult",
    "CostEstimate",
    "Dataset",
    "DatasetReference",
    "Deadline",
    "DryRun",
    "Endpoints",
    "ExportResult",
    "FailedRow",
    "Field",
    "Geography",
    "InsertResult",
    "Interval",
    "Job",
    "JobCost",
    "JobReference",
    "Json",
    "Parameter",
    "Pricing",
    "QueryHandle",
    "QueryResult",
    "Range",
    "RangePartitioning",
    "ReadAll",
    "ReadSession",
    "Resilience",
    "RetryPolicy",
    "Routine",
    "Row",
    "Runtime",
    "Schema",
    "Secret",
    "Session",
    "StreamWriter",
    "SyncBigQueryClient",
    "Table",
    "TableReference",
    "Telemetry",
    "TimePartitioning",
    "WriteResult",
    "WriteStream",
    "correlation",
    "errors",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module(".errors", __name__)
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{place}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
