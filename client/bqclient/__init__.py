"""A complete BigQuery client, async first.

    async with BigQueryClient(project="my-project") as client:
        result = await client.queries.execute("SELECT 1 AS one")

Names are loaded when they are first used: importing the package loads no HTTP, gRPC or Arrow library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import BigQueryClient, ClientBuilder
    from .config import ClientConfig, Endpoints
    from .errors import BigQueryError
    from .models.references import DatasetReference, JobReference, TableReference
    from .models.schema import Field, Schema
    from .observability.correlation import correlation
    from .observability.telemetry import Telemetry
    from .resilience.policies import Resilience, RetryPolicy
    from .runtime import Deadline, Runtime
    from .secret import Secret
    from .sync import SyncBigQueryClient

# Public names and the modules that hold them.
_PLACES = {
    "BigQueryClient": "client",
    "BigQueryError": "errors",
    "ClientBuilder": "client",
    "ClientConfig": "config",
    "DatasetReference": "models.references",
    "Deadline": "runtime",
    "Endpoints": "config",
    "Field": "models.schema",
    "JobReference": "models.references",
    "Resilience": "resilience.policies",
    "RetryPolicy": "resilience.policies",
    "Runtime": "runtime",
    "Schema": "models.schema",
    "Secret": "secret",
    "SyncBigQueryClient": "sync",
    "TableReference": "models.references",
    "Telemetry": "observability.telemetry",
    "correlation": "observability.correlation",
}
__all__ = [
    "BigQueryClient",
    "BigQueryError",
    "ClientBuilder",
    "ClientConfig",
    "DatasetReference",
    "Deadline",
    "Endpoints",
    "Field",
    "JobReference",
    "Resilience",
    "RetryPolicy",
    "Runtime",
    "Schema",
    "Secret",
    "SyncBigQueryClient",
    "TableReference",
    "Telemetry",
    "correlation",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{place}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
